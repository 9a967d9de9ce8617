"""Which indices of an index-notation text are free and which are summed, and where.

With a left side, its indices are free and all others are summed, however often they occur. Without
one, indices that occur once are free, twice are summed, and three times are refused. A function sums
what occurs twice in its argument and nowhere beside it: ``tanh(W[i,j] x[j])``. ``sum(k, ...)`` says
so itself: its letter may occur any number of times, or not at all in one term of a sum.
"""

from __future__ import annotations

from collections import Counter

from matcalc.errors import AmbiguityProblem, ShapeProblem, SyntaxProblem, UnsupportedProblem
from matcalc.passes.translate import operands
from matcalc.passes.walk import has_slice, names_of, numerals, open_letters, postorder
from matcalc.syntax import tree

Letters = frozenset[str]
NONE: Letters = frozenset()


class Scan:
    """Letters of a tree in index notation, by the id of the node.

    Attributes:
        left: the letters on the left side; None without a left side.
        below: letters with which anything below is subscripted; nodes without subscripts are missing.
        visible: letters that are free in a node because they are on the left or occur beside it.
        beside: letters that occur in the other factors of the product that a sum is a factor of.
        summed: letters that the sums over an index around a node bind.
        counts: how often a letter occurs; in a sum, in the term where it occurs most often.
        spread: letters that a term of a sum lacks, by the id of the term: it is added for all of them.
        arrays: whether parts may be arrays: slices, and what is summed as a whole.
    """

    def __init__(
        self, root: tree.Node, left: Letters | None = None, letter: str | None = None
    ) -> None:
        self.root = root
        self.left = left
        self.letter = letter
        self.below: dict[int, Letters] = {}
        self.visible: dict[int, Letters] = {}
        self.beside: dict[int, Letters] = {}
        self.summed: dict[int, Letters] = {}
        self.counts: dict[int, Counter[str]] = {}
        self.spread: dict[int, Letters] = {}
        self.numerals: set[int] = set()
        self.arrays = False

    def run(self) -> Scan:
        """Fill everything in.

        Raises:
            MatcalcError: an index is missing in a term, or occurs too often.
        """
        self.numerals = numerals(self.root)
        self.below = open_letters(self.root)
        self.arrays = self.letter is not None or any(
            isinstance(node, tree.IndexSum) or (isinstance(node, tree.Indexed) and has_slice(node))
            for node in postorder(self.root)
        )
        self._spread_down()
        for node in postorder(self.root, self.parts):
            has_letters = id(node) in self.below
            self.counts[id(node)] = self._count(node) if has_letters else Counter()
        return self

    def parts(self, node: tree.Node) -> tuple[tree.Node, ...]:
        """The operands of a node, but none where there are no subscripts to look for."""
        if id(node) not in self.below or isinstance(node, tree.Indexed):
            return ()
        return operands(node)

    def opened(self, node: tree.Node) -> Letters:
        """The letters that are free in a node."""
        visible, counts = self.visible[id(node)], self.counts[id(node)]
        return frozenset(x for x, count in counts.items() if count == 1 or x in visible)

    def free(self) -> list[str]:
        """The letters that occur once, in order of first appearance."""
        return [letter for letter, count in self.counts[id(self.root)].items() if count == 1]

    def _spread_down(self) -> None:
        self.summed[id(self.root)] = frozenset((self.letter,)) if self.letter else NONE
        self.visible[id(self.root)] = (self.left or NONE) | self.summed[id(self.root)]
        self.beside[id(self.root)] = NONE
        stack = [self.root]
        while stack:
            node = stack.pop()
            parts = self.parts(node)
            is_product = isinstance(node, tree.Juxtapose | tree.Binary)
            times = Counter(
                letter for part in parts if is_product for letter in self.below.get(id(part), ())
            )
            keeps_beside = is_product or isinstance(node, tree.Sum | tree.Negate | tree.IndexSum)
            bound = frozenset((node.letter.name,)) if isinstance(node, tree.IndexSum) else NONE
            for part in parts:
                own = self.below.get(id(part), NONE)
                others = frozenset(letter for letter, n in times.items() if n > (letter in own))
                self.visible[id(part)] = self.visible[id(node)] | (others & own) | bound
                self.summed[id(part)] = self.summed[id(node)] | bound
                self.beside[id(part)] = others | (self.beside[id(node)] if keeps_beside else NONE)
                stack.append(part)

    # ---------------------------------------------------------------- counting

    def _count(self, node: tree.Node) -> Counter[str]:
        parts = self.parts(node)
        counts: Counter[str] = Counter()
        if isinstance(node, tree.Indexed):
            counts = Counter(name.name for name in names_of(node))
        elif isinstance(node, tree.Sum):
            counts = self._count_sum(node)
        elif isinstance(node, tree.Juxtapose | tree.Binary):
            divides = isinstance(node, tree.Binary) and node.operator in ("/", "./")
            for place, part in enumerate(parts):
                inner = self.counts[id(part)]
                counts.update(self._close(part, inner) if divides and place else inner)
        elif isinstance(node, tree.Negate):
            counts = self.counts[id(parts[0])]
        elif isinstance(node, tree.IndexSum):
            counts = self.counts[id(parts[0])].copy()
            del counts[node.letter.name]
        else:
            for part in parts:
                for letter, count in self._close(part, self.counts[id(part)]).items():
                    counts[letter] = max(count, counts[letter])
        if self.left is None:
            self._check_thrice(node, counts)
        return counts

    def _close(self, node: tree.Node, counts: Counter[str]) -> Counter[str]:
        """What a function leaves of the letters in its argument."""
        visible, fixed = self.visible[id(node)], (self.left or NONE) | self.summed[id(node)]
        kept: Counter[str] = Counter()
        for letter, count in counts.items():
            if count == 1 or letter in fixed:
                kept[letter] = count
            elif letter in visible:
                raise AmbiguityProblem(
                    f"index {letter} occurs both inside and outside of a function",
                    span=node.span,
                    details=(f"the sum over {letter} can be inside or outside",),
                    help=f"use another letter inside, or define the argument before:"
                    f" z[{letter}] = ...",
                )
        return kept

    def _check_thrice(self, node: tree.Node, counts: Counter[str]) -> None:
        for letter, count in counts.items():
            if count > 2 and letter not in self.summed[id(node)]:
                raise AmbiguityProblem(
                    f"index {letter} occurs {count} times in one term",
                    span=node.span,
                    details=("without a left side, an index that occurs twice is summed",),
                    help="write a left side that names the free indices, as in y[i] = ...",
                )

    def _count_sum(self, node: tree.Sum) -> Counter[str]:
        visible, summed = self.visible[id(node)], self.summed[id(node)]
        opened: list[Letters] = []
        merged: Counter[str] = Counter()
        for _, term in node.terms:
            opened.append(self.opened(term))
            for letter, count in self.counts[id(term)].items():
                merged[letter] = max(merged[letter], count)
        wanted = NONE.union(*opened) - self.beside[id(node)]
        for (_, term), found in zip(node.terms, opened, strict=True):
            self.spread[id(term)] = wanted - found
            if id(term) not in self.numerals and not wanted <= found | summed:
                raise _missing(min(wanted - found - summed), term, found)
        # Summed within their terms: to the outside they do not occur.
        all_opened = NONE.union(*opened)
        return Counter({x: n if x in visible else 1 for x, n in merged.items() if x in all_opened})


def _missing(letter: str, term: tree.Node, found: Letters) -> ShapeProblem:
    return ShapeProblem(
        f"index {letter} is missing in one term of a sum",
        span=term.span,
        details=("every term of a sum must have the same free indices",),
        help=f"to add the same number for every {letter}, multiply it by ones(n)[{letter}]"
        if not found
        else "use the same letters in every term",
    )


def free_letters(
    value: tree.Node, left: tuple[tree.Subscript, ...] | None
) -> tuple[Scan, list[tuple[str, ...]]]:
    """The scan of an equation in index notation and its free letters, axis by axis.

    An axis has one letter, or several if it is composite: ``y[(i,j)]``.

    Raises:
        MatcalcError: the left side is none, or an index is missing or occurs too often.
    """
    if left is None:
        scan = Scan(value).run()
        return scan, [(letter,) for letter in scan.free()]
    letters: list[str] = []
    axes: list[tuple[str, ...]] = []
    for subscript in left:
        names = [name.name for name in subscript.names if isinstance(name, tree.Name)]
        if not names or len(names) < len(subscript.names):
            raise UnsupportedProblem(
                "the subscripts of a left side must be letters",
                span=subscript.span,
                help="write z[i] = ..., Z[i,j] = ... or z[(i,j)] = ...",
            )
        for name in names:
            if name in letters:
                raise SyntaxProblem(
                    f"index {name} is repeated on the left side",
                    span=subscript.span,
                    help="use a different letter for every axis",
                )
            letters.append(name)
        axes.append(tuple(names))
    scan = Scan(value, frozenset(letters)).run()
    for letter, subscript in ((x, s) for s, axis in zip(left, axes, strict=True) for x in axis):
        if letter not in scan.below.get(id(value), NONE):
            raise ShapeProblem(
                f"index {letter} of the left side is missing on the right",
                span=subscript.span,
                details=("every index on the left must occur on the right",),
                help=f"use {letter} on the right, or remove it",
            )
    return scan, axes
