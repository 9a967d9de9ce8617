"""Index notation as written to index expressions: ``W[i,j] x[j]`` to a sum of products of entries.

Entries are numbers; slices, ``X[:,k]``, are arrays (``entries``) that products and sums take like
any other. Letters name indices; a letter means the same index throughout a term. Functions of indexed
expressions act entry by entry: their argument is folded into a matrix expression first,
``tanh(W[i,j] x[j])`` is ``tanh(W x)[i]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from matcalc.core.dim import ONE, Dim, Shape, describe_shape
from matcalc.core.expr import Expr, Size
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Slot, Term, renew_bound
from matcalc.core.operation import Operation
from matcalc.errors import MatcalcError, ShapeProblem, SyntaxProblem, UnsupportedProblem
from matcalc.ops.constant import EYE, UNIT
from matcalc.ops.elementwise import ABS, SQRT
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.entries import (
    Entries,
    Terms,
    added,
    aligned,
    hadamard,
    multiplied,
    product,
    renamed,
    scalar_of,
    scaled,
    terms_at,
    transposed,
    whole,
)
from matcalc.passes.functions import Arguments, choose_operation, operations, split_arguments
from matcalc.passes.index_scan import Scan
from matcalc.passes.mistakes import Reporter
from matcalc.passes.recognise import recognise
from matcalc.passes.shapes import Shapes
from matcalc.passes.translate import (
    Scope,
    applied,
    apply_operation,
    divisor_factors,
    operands,
    translate,
)
from matcalc.passes.unify import Sizes
from matcalc.passes.walk import is_delta, names_of, postorder
from matcalc.syntax import tree


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
    return lower(Scan(node, frozenset(indices)).run(), scope, {**letters, **indices}).terms


def build_matrix(node: tree.Node, bases: Mapping[str, Expr], sizes: Mapping[str, Dim]) -> Expr:
    """A right side without subscripts as an expression; ``I`` takes the size that fits."""
    return translate(node, _rule_scope(node, bases, sizes)[0])


def lower(scan: Scan, scope: Scope, letters: dict[str, Index | None]) -> Entries:
    """A tree in index notation as a sum of products of entries.

    Args:
        scan: the tree, with its letters.
        scope: what the names mean.
        letters: the indices by letter. None stands for a letter that runs over an axis of size 1
            and so carries nothing.
    """
    return _Lowering(scan, scope, letters).run()


class _Lowering:
    def __init__(self, scan: Scan, scope: Scope, letters: dict[str, Index | None]) -> None:
        self.scan = scan
        self.scope = scope
        self.letters = letters
        self.values: dict[int, Entries] = {}

    def run(self) -> Entries:
        root = self.scan.root
        for node in postorder(root, self.scan.parts):
            try:
                self.values[id(node)] = self._lower(node)
            except MatcalcError as error:
                raise error.at(node.span, None) from None
        return self.values[id(root)]

    # ---------------------------------------------------------------- one node

    def _lower(self, node: tree.Node) -> Entries:
        if id(node) not in self.scan.below:
            e = translate(node, self.scope)
            return whole(e) if self.scan.arrays else scalar(e)
        parts = [self.values[id(part)] for part in self.scan.parts(node)]
        match node:
            case tree.Indexed():
                return self._entry(node)
            case tree.Sum():
                return self._sum(node, parts)
            case tree.Negate():
                return scaled(-1, parts[0])
            case tree.Juxtapose():
                return multiplied(self._undivided(node, parts))
            case tree.Binary():
                return self._binary(node, parts)
            case tree.Power():
                return self._power(node, parts)
            case tree.Bars():
                return self._elementwise(node, parts, lambda args: ABS(*args))
            case tree.Call():
                return self._call(node, parts)
            case tree.Transpose() if self.scan.arrays:
                return transposed(parts[0])
            case tree.Norm() if self.scan.arrays:
                return self._norm(node.operand, parts[0], node.kind)
            case tree.Inner() if self.scan.arrays:
                return Entries(hadamard(parts).terms)
            case tree.IndexSum():
                return self._index_sum(node, parts[0])
            case _:
                raise _whole_wanted()

    def _binary(self, node: tree.Binary, parts: list[Entries]) -> Entries:
        match node.operator:
            case "*":
                return multiplied(self._undivided(node, parts))
            case ".*":
                return hadamard(self._undivided(node, parts))
            case "/" | "./":
                return self._quotient(node, parts)
            case "\\" if id(node.left) not in self.scan.below:
                inverse = construct.inverse(translate(node.left, self.scope))
                return multiplied([whole(inverse), parts[1]])
            case _:
                raise _whole_wanted()

    def _sum(self, node: tree.Sum, parts: list[Entries]) -> Entries:
        """Numerals are added to every entry, and so is what lacks the letter that is summed over."""
        lacking = [
            [index for letter in sorted(letters) if (index := self.letters[letter])]
            for _, term in node.terms
            for letters in [self.scan.spread[id(term)]]
        ]
        signed = (scaled(sign, part) for (sign, _), part in zip(node.terms, parts, strict=True))
        return added(list(signed), lacking)

    def _undivided(self, node: tree.Node, parts: list[Entries]) -> list[Entries]:
        """Factors, of which sums are taken as one matrix where they are one.

        A product of differences that is multiplied out loses the digits that they have in common. Where
        a delta is among the terms it is contracted with what the sum is multiplied with.
        """
        return [
            self._one_matrix(factor, part)
            for factor, part in zip(self.scan.parts(node), parts, strict=True)
        ]

    def _one_matrix(self, node: tree.Node, value: Entries) -> Entries:
        free = self._free([node], [value])
        if len(value.terms) < 2 or len(free) > 2 or any(map(_has_delta, value.terms)):
            return value
        expr = _matrix_form(value.terms, free)
        return value if expr is None else value.replace(terms=terms_at(expr, free))

    def _index_sum(self, node: tree.IndexSum, value: Entries) -> Entries:
        """The letter means something else outside of the sum."""
        index = self.letters[node.letter.name]
        return renamed(value, index, Index(index.dim, index.hint) if index else None)

    def _entry(self, node: tree.Indexed) -> Entries:
        if is_delta(node, self.scope.names):
            return self._delta(node)
        base = translate(node.base, self.scope)
        axes = base.shape if len(node.subscripts) > 1 else base.axes or (ONE,)
        slots: list[Slot] = []
        units: list[Factor] = []
        kept: list[Index | None] = []
        for subscript, axis in zip(node.subscripts, axes, strict=True):
            kept.append(None if subscript.names or axis.is_unit else Index(axis))
            if not subscript.names:
                slots.extend(index for index in kept[-1:] if index)
            elif isinstance(subscript.names[0], tree.Number):
                if not axis.is_unit:
                    # A fixed entry is the sum over all entries times those of a unit vector.
                    slots.append(Index(axis))
                    place = int(subscript.names[0].value)
                    unit = UNIT(Size(axis), Size(Dim.of(place)))
                    units.append(Factor(unit, (slots[-1],)))
            elif (slot := self._slot(subscript)) is not None:
                slots.append(slot)
        row, column = (*kept, None)[:2]
        return Entries((Term(Fraction(1), (Factor(base, tuple(slots)), *units)),), row, column)

    def _delta(self, node: tree.Indexed) -> Entries:
        [first, second] = [self.letters[name.name] for name in names_of(node)]
        if first is None or second is None:
            return Entries((Term(Fraction(1)),))
        return Entries((Term(Fraction(1), (Factor(EYE(Size(first.dim)), (first, second)),)),))

    def _slot(self, subscript: tree.Subscript) -> Slot | None:
        names = [name.name for name in subscript.names if isinstance(name, tree.Name)]
        if len(names) == 1:
            return self.letters[names[0]]
        parts = [self.letters[name] for name in names]
        return Composite(tuple(part for part in parts if part is not None))

    # ---------------------------------------------------------------- functions of entries

    def _quotient(self, node: tree.Binary, parts: list[Entries]) -> Entries:
        left, *right = self._undivided(node, parts)
        factors = divisor_factors(node)
        is_whole = id(node) in self.scope.whole_divisors
        divisor, rest = (right, []) if is_whole else (right[:1], right[1:])
        inverted = []
        for factor, value in zip(factors, divisor, strict=False):
            if len(value.terms) == 1 and all(not f.slots for f in value.terms[0].factors):
                inverted.append(scalar(construct.reciprocal(scalar_of(value.terms[0]))))
            else:
                inverted.append(
                    self._map([factor], [value], lambda args: construct.reciprocal(*args))
                )
        if node.operator == "./":
            return hadamard([left, *inverted])
        return multiplied([left, *inverted, *rest])

    def _power(self, node: tree.Power, parts: list[Entries]) -> Entries:
        if isinstance(node.base, tree.Norm) and _is_two(node.exponent) and node.base.kind != "1":
            operand = node.base.operand
            return self._squares(operand, self.values[id(operand)])
        if not node.elementwise and not parts[0].is_scalar:
            raise _whole_wanted()
        return self._elementwise(node, parts, lambda args: construct.power(*args))

    def _norm(self, operand: tree.Node, value: Entries, kind: str) -> Entries:
        if kind == "1":
            return Entries(self._map([operand], [value], lambda args: ABS(*args)).terms)
        squares = self._squares(operand, value)
        return self._map([operand], [squares], lambda args: SQRT(*args))

    def _squares(self, operand: tree.Node, value: Entries) -> Entries:
        """The sum of the squares of an array, multiplied out where no matrix holds its entries."""
        free = self._free([operand], [value])
        if len(free) > 2:
            kept = {index: index for index in free}
            again = tuple(renew_bound(term, kept) for term in value.terms)
            return Entries(product([value.terms, again]))
        root = self._map([operand], [value], lambda args: args[0])
        return Entries(product([root.terms, root.terms]))

    def _call(self, node: tree.Call, parts: list[Entries]) -> Entries:
        arguments = split_arguments(node)
        arrays = not all(part.is_scalar for part in parts)
        if arrays and (reduced := self._reduction(node, arguments, parts[0])):
            return reduced
        if node.function in self.scope.functions:
            return self._abstract(node, parts)
        shapes: tuple[Shape, ...] = tuple((ONE, ONE) for _ in arguments.operands)
        operation = choose_operation(node, arguments, shapes)
        if not operation.elementwise:
            raise self._not_mapped(node)
        return self._elementwise(node, parts, lambda args: apply_operation(operation, tuple(args)))

    def _reduction(self, node: tree.Call, arguments: Arguments, value: Entries) -> Entries | None:
        """What is taken of a whole slice, if it can be taken of many slices at once."""
        operand, entries = arguments.operands[0], Entries(value.terms)
        match node.function, arguments.tail:
            case "transpose", _:
                return transposed(value)
            case (("norm" | "norm2" | "normF" | "norm1"), _):
                one_norm = node.function == "norm1" or arguments.tail == ("1",)
                return self._norm(operand, value, "1" if one_norm else "2")
            case "sum", ():
                return entries
            case "mean", ():
                sizes = [construct.reciprocal(construct.size(axis.dim)) for axis in value.axes]
                return multiplied([*map(scalar, sizes), entries])
            case (("tr" | "trace" | "Tr"), _):
                return Entries(renamed(value, value.column, value.row).terms)
            case name, () if len(arguments.operands) == 1:
                along = [op for op in operations(name) if op.tail == ("1",)]
                return self._along(along[0], operand, value) if along else None
            case _:
                return None

    def _along(self, operation: Operation, operand: tree.Node, value: Entries) -> Entries | None:
        """``logsumexp(X[:,k])`` for all k: the operation down the columns that all slices make up."""
        letters = tuple(
            index for index in self._free([operand], [value]) if index not in value.axes
        )
        if len(value.axes) != 1 or len(letters) != 1:
            return None
        free = (*value.axes, *letters)
        result = operation(_folded(value.terms, free))
        if result.shape[0].is_unit:
            return Entries(terms_at(result, letters))
        return value.replace(terms=terms_at(result, free))

    def _abstract(self, node: tree.Call, parts: list[Entries]) -> Entries:
        """``l(Z[:,k])`` for all k: the function of every column of the matrix that all slices make up."""
        function = self.scope.functions[node.function]
        axes = {axis for part in parts for axis in part.axes}
        letters = tuple(index for index in self._free(node.args, parts) if index not in axes)
        if (
            len(letters) > 1
            or not all(part.column is None for part in parts)
            or len(function.codomain) > 2
            or not function.codomain[1].is_unit
        ):
            raise self._not_mapped(node)
        args = []
        for part in parts:
            known = {index for term in part.terms for index in term.indices()}
            free = (*part.axes, *(letter for letter in letters if letter in known))
            folded = _folded(part.terms, free)
            # Numbers, one for each slice, are a row.
            args.append(construct.transpose(folded) if free and not part.axes else folded)
        value = applied(function, tuple(args))
        row = None if function.codomain[0].is_unit else Index(function.codomain[0])
        return Entries(terms_at(value, (*(() if row is None else (row,)), *letters)), row)

    def _not_mapped(self, node: tree.Call) -> SyntaxProblem | UnsupportedProblem:
        if self.scan.arrays:
            return UnsupportedProblem(
                f"{node.function} cannot be mapped over slices",
                span=node.span,
                details=("sums, means, extrema, norms and what acts entry by entry can be mapped",),
                help=f"write {node.function} out, or declare a function of the whole matrix",
            )
        return SyntaxProblem(
            f"{node.function} takes a whole array, not entries",
            span=node.span,
            help=f"write {node.function}(...) without subscripts inside",
        )

    def _elementwise(
        self, node: tree.Node, parts: list[Entries], apply: Callable[[list[Expr]], Expr]
    ) -> Entries:
        return self._map(operands(node), parts, apply)

    def _map(
        self,
        nodes: Sequence[tree.Node],
        parts: Sequence[Entries],
        apply: Callable[[list[Expr]], Expr],
    ) -> Entries:
        """A function of arrays over their common free indices, entry by entry; numbers stay numbers."""
        values = aligned(parts)
        array = next((value for value in values if not value.is_scalar), values[0])
        free = self._free(nodes, values)
        if len(free) > 2:
            raise UnsupportedProblem(
                f"a function of an expression with {len(free)} free indices",
                details=("functions act on numbers, vectors and matrices",),
                help="leave at most two letters unsummed in the argument",
            )
        folded = [_folded(value.terms, free) for value in values]
        return array.replace(terms=terms_at(apply(folded), free))

    def _free(self, nodes: Sequence[tree.Node], values: Sequence[Entries]) -> tuple[Index, ...]:
        """The indices that are free in these operands, rows and columns among them, by first appearance."""
        letters = frozenset[str]().union(*(self.scan.opened(node) for node in nodes))
        known = {self.letters[letter] for letter in letters}.union(*(v.axes for v in values))
        occurring = (index for v in values for term in v.terms for index in term.indices())
        return tuple(index for index in dict.fromkeys(occurring) if index in known)


def _matrix_form(terms: Terms, free: tuple[Index, ...]) -> Expr | None:
    if not any(True for term in terms for _ in term.indices()):
        return construct.add(scalar_of(term) for term in terms)
    row, column = (*free, None, None)[:2]
    return _single_entry(terms, free) or recognise(IndexExpr(free, terms), row, column)


def _folded(terms: Terms, free: tuple[Index, ...]) -> Expr:
    expr = _matrix_form(terms, free)
    if expr is None:
        raise UnsupportedProblem(
            "the argument of this function has no matrix form",
            help="define it before, in matrix form",
        )
    return expr


def _single_entry(terms: Terms, free: tuple[Index, ...]) -> Expr | None:
    """``W`` for ``W[i,j]`` over (i, j): no need to fold."""
    if len(terms) == 1 and terms[0].coefficient == 1 and len(terms[0].factors) == 1:
        [factor] = terms[0].factors
        shape = factor.expr.shape
        if factor.slots == free and (len(free) == 2 or shape[1].is_unit):
            return factor.expr
    return None


def _has_delta(term: Term) -> bool:
    return any(is_op(factor.expr, EYE) for factor in term.factors)


def _is_two(node: tree.Node) -> bool:
    return isinstance(node, tree.Number) and node.value == 2


def _whole_wanted() -> SyntaxProblem:
    return SyntaxProblem(
        "this takes whole arrays, not entries",
        help="leave the subscripts out, or write the sum over the indices out",
    )


def scalar(e: Expr) -> Entries:
    """A scalar expression. Raises ShapeProblem for an array."""
    if not e.is_scalar:
        raise ShapeProblem(
            f"{describe_shape(e.shape)} without subscripts among entries",
            help="give it subscripts",
        )
    return whole(e)


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
