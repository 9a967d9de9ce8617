"""Index notation as written to index expressions: ``W[i,j] x[j]`` to a sum of products of entries.

Everything is a number here: entries, and scalars without subscripts. Letters name indices; a letter
means the same index throughout a term. Functions of indexed expressions act entry by entry: their
argument is folded into a matrix expression first, ``tanh(W[i,j] x[j])`` is ``tanh(W x)[i]``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from matcalc.core.dim import ONE, Dim, Shape, describe_shape
from matcalc.core.expr import Apply, Constant, Expr, Size
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Slot, Term
from matcalc.errors import (
    LimitProblem,
    MatcalcError,
    ShapeProblem,
    SyntaxProblem,
    UnsupportedProblem,
)
from matcalc.ops.constant import EYE, ONES, UNIT
from matcalc.ops.elementwise import ABS
from matcalc.ops.structural import TIMES
from matcalc.passes import construct
from matcalc.passes.functions import choose_operation, split_arguments
from matcalc.passes.index_scan import Scan
from matcalc.passes.mistakes import Reporter
from matcalc.passes.recognise import recognise
from matcalc.passes.shapes import Shapes
from matcalc.passes.translate import Scope, apply_operation, divisor_factors, operands, translate
from matcalc.passes.unify import Sizes
from matcalc.passes.walk import is_delta, names_of, postorder
from matcalc.syntax import tree

Terms = tuple[Term, ...]

#: Most terms of a product of sums.
MAX_TERMS = 10_000


def lower_value(
    node: tree.Node,
    bases: Mapping[str, Expr],
    indices: Mapping[str, Index],
    sizes: Mapping[str, Dim],
) -> Terms:
    """The right side of a rule as a sum of products of entries.

    Args:
        node: the right side.
        bases: placeholders of the parameters, with their shapes.
        indices: the letters that the left side names; others are bound, and take their range from
            the axis that they address.
        sizes: what size names mean.
    """
    scope, ranges = _rule_scope(node, bases, sizes)
    letters: dict[str, Index | None] = {x: Index(dim, x) for x, dim in ranges.items()}
    return lower(Scan(node, frozenset(indices)).run(), scope, {**letters, **indices})


def build_matrix(node: tree.Node, bases: Mapping[str, Expr], sizes: Mapping[str, Dim]) -> Expr:
    """A right side without subscripts as an expression; ``I`` takes the size that fits."""
    return translate(node, _rule_scope(node, bases, sizes)[0])


def lower(scan: Scan, scope: Scope, letters: dict[str, Index | None]) -> Terms:
    """A tree in index notation as a sum of products of entries.

    Args:
        scan: the tree, with its letters.
        scope: what the names mean.
        letters: the indices by letter. None stands for a letter that runs over an axis of size 1
            and so carries nothing.
    """
    return _Lowering(scan, scope, letters).run()


@dataclass
class _Lowering:
    scan: Scan
    scope: Scope
    letters: dict[str, Index | None]
    values: dict[int, Terms] = field(default_factory=dict)

    def run(self) -> Terms:
        root = self.scan.root
        for node in postorder(root, self.scan.parts):
            try:
                self.values[id(node)] = self._lower(node)
            except MatcalcError as error:
                raise error.at(node.span, None) from None
        return self.values[id(root)]

    # ---------------------------------------------------------------- one node

    def _lower(self, node: tree.Node) -> Terms:
        if id(node) not in self.scan.below:
            return scalar_terms(translate(node, self.scope))
        parts = [self.values[id(part)] for part in self.scan.parts(node)]
        match node:
            case tree.Indexed():
                return self._entry(node)
            case tree.Sum():
                return self._sum(node, parts)
            case tree.Negate():
                return scaled(-1, parts[0])
            case tree.Juxtapose():
                return product(parts)
            case tree.Binary() if node.operator in ("*", ".*"):
                return product(parts)
            case tree.Binary() if node.operator in ("/", "./"):
                return self._quotient(node, parts)
            case tree.Power():
                return self._elementwise(node, lambda args: construct.power(*args))
            case tree.Bars():
                return self._elementwise(node, lambda args: ABS(*args))
            case tree.Call():
                return self._call(node)
            case _:
                raise SyntaxProblem(
                    "this takes whole arrays, not entries",
                    help="leave the subscripts out, or write the sum over the indices out",
                )

    def _sum(self, node: tree.Sum, parts: list[Terms]) -> Terms:
        """Numerals are added to every entry: they are spread over the letters of the other terms."""
        indices = [self.letters[letter] for letter in sorted(self.scan.spread[id(node)])]
        ones = tuple(Factor(ONES(Size(i.dim), Size(ONE)), (i,)) for i in indices if i)
        terms: list[Term] = []
        for (sign, term), lowered in zip(node.terms, parts, strict=True):
            everywhere = ones if id(term) in self.scan.numerals else ()
            terms += (Term(sign * t.coefficient, t.factors + everywhere) for t in lowered)
        return tuple(terms)

    def _entry(self, node: tree.Indexed) -> Terms:
        if is_delta(node, self.scope.names):
            return self._delta(node)
        base = translate(node.base, self.scope)
        axes = base.shape if len(node.subscripts) > 1 else base.axes or (ONE,)
        slots: list[Slot] = []
        units: list[Factor] = []
        for subscript, axis in zip(node.subscripts, axes, strict=True):
            [first, *_] = subscript.names
            if isinstance(first, tree.Number):
                if not axis.is_unit:
                    # A fixed entry is the sum over all entries times those of a unit vector.
                    slots.append(Index(axis))
                    unit = UNIT(Size(axis), Size(Dim.of(int(first.value))))
                    units.append(Factor(unit, (slots[-1],)))
            elif (slot := self._slot(subscript)) is not None:
                slots.append(slot)
        return (Term(Fraction(1), (Factor(base, tuple(slots)), *units)),)

    def _delta(self, node: tree.Indexed) -> Terms:
        [first, second] = [self.letters[name.name] for name in names_of(node)]
        if first is None or second is None:
            return (Term(Fraction(1)),)
        return (Term(Fraction(1), (Factor(EYE(Size(first.dim)), (first, second)),)),)

    def _slot(self, subscript: tree.Subscript) -> Slot | None:
        names = [name.name for name in subscript.names if isinstance(name, tree.Name)]
        if len(names) == 1:
            return self.letters[names[0]]
        parts = [self.letters[name] for name in names]
        return Composite(tuple(part for part in parts if part is not None))

    # ---------------------------------------------------------------- functions of entries

    def _quotient(self, node: tree.Binary, parts: list[Terms]) -> Terms:
        left, *right = parts
        factors = divisor_factors(node)
        whole = id(node) in self.scope.whole_divisors
        divisor, rest = (right, []) if whole else (right[:1], right[1:])
        inverted = []
        for factor, terms in zip(factors, divisor, strict=False):
            if len(terms) == 1 and all(not f.slots for f in terms[0].factors):
                scalar = scalar_of(terms[0])
                inverted.append(scalar_terms(construct.reciprocal(scalar)))
            else:
                folded, slots = self._fold([factor])
                inverted.append(scalar_terms_at(construct.reciprocal(folded[0]), slots))
        return product([left, *inverted, *rest])

    def _call(self, node: tree.Call) -> Terms:
        arguments = split_arguments(node)
        shapes: tuple[Shape, ...] = tuple((ONE, ONE) for _ in arguments.operands)
        operation = self.scope.functions.get(node.function) or choose_operation(
            node, arguments, shapes
        )
        if not operation.elementwise:
            raise SyntaxProblem(
                f"{node.function} takes a whole array, not entries",
                span=node.span,
                help=f"write {node.function}(...) without subscripts inside",
            )
        return self._elementwise(node, lambda args: apply_operation(operation, tuple(args)))

    def _elementwise(self, node: tree.Node, apply: Callable[[list[Expr]], Expr]) -> Terms:
        folded, slots = self._fold(list(operands(node)))
        return scalar_terms_at(apply(folded), slots)

    def _fold(self, nodes: Sequence[tree.Node]) -> tuple[list[Expr], tuple[Index, ...]]:
        """The nodes as arrays over their common free indices, scalars as scalars."""
        values = [self.values[id(node)] for node in nodes]
        outside = frozenset().union(*(self.scan.visible[id(node)] for node in nodes))
        known = {self.letters[letter] for letter in outside if letter in self.letters}
        free = free_indices(values, known)
        if len(free) > 2:
            raise UnsupportedProblem(
                f"a function of an expression with {len(free)} free indices",
                details=("functions act on numbers, vectors and matrices",),
                help="leave at most two letters unsummed in the argument",
            )
        row, column = (*free, None, None)[:2]
        folded = []
        for terms in values:
            if not any(True for term in terms for _ in term.indices()):
                folded.append(construct.add(scalar_of(term) for term in terms))
                continue
            direct = _single_entry(terms, free)
            expr = direct or recognise(IndexExpr(free, terms), row, column)
            if expr is None:
                raise UnsupportedProblem(
                    "the argument of this function has no matrix form",
                    help="define it before, in matrix form",
                )
            folded.append(expr)
        return folded, free


def free_indices(values: Iterable[Terms], known: Iterable[Index | None]) -> tuple[Index, ...]:
    """Indices that are free in these sums, by first appearance: known ones, and any that a term has once."""
    free: dict[Index, bool] = {}
    outside = set(known)
    for terms in values:
        for term in terms:
            for index, count in Counter(term.indices()).items():
                free[index] = free.get(index, False) or count == 1 or index in outside
    return tuple(index for index, kept in free.items() if kept)


def _single_entry(terms: Terms, free: tuple[Index, ...]) -> Expr | None:
    """``W`` for ``W[i,j]`` over (i, j): no need to fold."""
    if len(terms) == 1 and terms[0].coefficient == 1 and len(terms[0].factors) == 1:
        [factor] = terms[0].factors
        shape = factor.expr.shape
        if factor.slots == free and (len(free) == 2 or shape[1].is_unit):
            return factor.expr
    return None


def scaled(coefficient: int | Fraction, terms: Terms) -> Terms:
    """Every term times a number."""
    return tuple(Term(coefficient * term.coefficient, term.factors) for term in terms)


def product(parts: Sequence[Terms]) -> Terms:
    """The product of sums, expanded."""
    result: Terms = (Term(Fraction(1)),)
    if math.prod(map(len, parts)) > MAX_TERMS:
        raise LimitProblem(
            f"a product of sums with more than {MAX_TERMS} terms when multiplied out",
            help="define the sums before, as in s[i] = a[i] + b[i]",
        )
    for terms in parts:
        result = tuple(
            Term(a.coefficient * b.coefficient, a.factors + b.factors)
            for a in result
            for b in terms
        )
    return result


def scalar_of(term: Term) -> Expr:
    """A term without indices as an expression."""
    return construct.multiply((Constant(term.coefficient), *(f.expr for f in term.factors)))


def scalar_terms(e: Expr) -> Terms:
    """A scalar expression as one term. Raises ShapeProblem for an array."""
    if not e.is_scalar:
        raise ShapeProblem(
            f"{describe_shape(e.shape)} without subscripts among entries",
            help="give it subscripts",
        )
    return scalar_terms_at(e, ())


def scalar_terms_at(e: Expr, slots: tuple[Slot, ...]) -> Terms:
    """The entry of ``e`` at these indices as one term, scalar factors apart."""
    args = e.args if isinstance(e, Apply) and e.op is TIMES else (e,)
    coefficient = Fraction(1)
    factors = []
    for arg in args:
        if isinstance(arg, Constant):
            coefficient *= arg.value
        else:
            factors.append(Factor(arg, () if arg.is_scalar else slots))
    return (Term(coefficient, tuple(factors)),)


def _rule_scope(
    node: tree.Node, bases: Mapping[str, Expr], sizes: Mapping[str, Dim]
) -> tuple[Scope, dict[str, Dim]]:
    """What the names and the open places of a rule mean, and how far its letters run."""
    known = Sizes()
    names = {name: expr.shape for name, expr in bases.items()}
    shapes = Shapes(names, known, Reporter("", known, dict), sizes, {})
    shapes.visit(node)
    fitted = {node_id: known.shape(shape) for node_id, shape in shapes.fitted.items()}
    ranges = {letter: known.resolve(dim) for letter, dim in shapes.letters.items()}
    return Scope(bases, sizes, {}, fitted, shapes.whole_divisors), ranges
