"""Kinds by default: what a name is where nothing else decides.

Capitals are matrices; h to z vectors; a to g and lower-case Greek letters scalars. A lower-case name
that is transposed, that a function of vectors is applied to, or that follows a matrix or a row in a
product is a vector. One at the head of a product that has one row is a number, and so is one that
is raised to a power there, ``s^2 I``. Larger kinds are given first, so that a name that meets one in
a sum takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from matcalc.passes.kinds import Axes, Axis, KnownKind
from matcalc.syntax import tree

SCALAR: KnownKind = (False, False)
VECTOR: KnownKind = (True, False)
ROW: KnownKind = (False, True)
MATRIX: KnownKind = (True, True)


class Defaults:
    """The places in a text that count for the defaults, and the defaults.

    Attributes:
        used: names whose kind nothing decided but a default.
        by_context: those of them where it was not the letter.
    """

    def __init__(self, axis: Axis, names: Mapping[str, Axes], nodes: Mapping[int, Axes]) -> None:
        self._axis = axis
        self._names = names
        self._nodes = nodes
        self._vectors: dict[str, None] = {}
        self._followers: list[tuple[str, tree.Node]] = []
        self._products: list[tuple[Sequence[tree.Node], Axes]] = []
        self.used: set[str] = set()
        self.by_context: set[str] = set()

    def transposed(self, node: tree.Node) -> None:
        """What is transposed is no scalar."""
        if isinstance(node, tree.Name) and is_lower(node.name):
            self._vectors[node.name] = None

    def vector_wanted(self, node: tree.Node) -> None:
        """The argument of a function of vectors."""
        self.transposed(node)

    def follows(self, left: tree.Node, right: tree.Node) -> None:
        """Two neighbours in a product."""
        name = right.factors[0] if isinstance(right, tree.Juxtapose) else right
        if isinstance(name, tree.Name) and is_lower(name.name):
            self._followers.append((name.name, _last_factor(left)))

    def product(self, factors: Sequence[tree.Node], result: Axes) -> None:
        """A product, or the dividend of a quotient, with what comes out of it."""
        self._products.append((factors, result))

    def apply(self, variables: list[str]) -> None:
        """Decide what is undecided."""
        self._give((n for n in variables if letter_kind(n) == MATRIX), MATRIX)
        self.by_context |= self._give((n for n in self._vectors if n in self._names), VECTOR)
        self._give_heads()
        scaling = {
            name
            for factors, _ in self._products
            if any(self._axis.is_scalar(self._nodes[id(factor)]) is False for factor in factors)
            for name, is_raised in self._head(factors)
            if is_raised
        }
        letters = (n for n in variables if letter_kind(n) == VECTOR and n not in scaling)
        self._give(letters, VECTOR)
        for name, before in self._followers:
            # A matrix or a row: something that has more than one column.
            if name in self._names and self._axis.long(self._nodes[id(before)][1]):
                self.by_context |= self._give((name,), VECTOR)
        self._give(variables, SCALAR)

    def _give_heads(self) -> None:
        """``n`` in ``n/2 log(a) + ||x||^2``: the first array of a product has the rows of the product."""
        for factors, result in self._products:
            if self._axis.long(result[0]) is False:
                self._give((name for name, _ in self._head(factors)), SCALAR)

    def _head(self, factors: Sequence[tree.Node]) -> Iterator[tuple[str, bool]]:
        """The names before the first factor that may be an array, and whether they are raised to a power."""
        for factor in factors:
            base, is_raised = factor, False
            if isinstance(base, tree.Negate):
                base = base.operand
            if isinstance(base, tree.Power) and not base.elementwise:
                base, is_raised = base.base, True
            if isinstance(base, tree.Name) and base.name in self._names and is_lower(base.name):
                yield base.name, is_raised
            elif not self._axis.is_scalar(self._nodes[id(factor)]):
                return

    def _give(self, names: Iterable[str], kind: KnownKind) -> set[str]:
        """Give names a kind as far as theirs is undecided; returns those that were wholly so."""
        axis, given = self._axis, set()
        for name in names:
            axes = self._names[name]
            rows, columns = axis.long(axes[0]), axis.long(axes[1])
            if rows is None and columns is None:
                given.add(name)
                axis.set_kind(axes, kind)
            elif columns is None:
                axis.force(axes[1], bool(rows) and kind[1])
            elif rows is None:
                axis.force(axes[0], kind == MATRIX if columns else kind[0])
            axis.propagate()
        self.used |= given
        return given


def letter_kind(name: str) -> KnownKind:
    """The kind that the first letter of a name stands for."""
    if not is_lower(name):
        return MATRIX
    return VECTOR if "h" <= name[0] <= "z" else SCALAR


def is_lower(name: str) -> bool:
    """Whether a name is one that may be a scalar or a vector."""
    return not name[0].isupper()


def _last_factor(node: tree.Node) -> tree.Node:
    while True:
        match node:
            case tree.Juxtapose():
                node = node.factors[-1]
            case tree.Binary() if node.operator == "*":
                node = node.right
            case _:
                return node
