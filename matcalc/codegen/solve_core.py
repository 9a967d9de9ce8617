"""The system ``H x = g`` for an operator, by what its core tells.

* One product of matrices, each of which joins an axis of the result to an axis of the argument, as in
  ``2 δ[i,k] (V' V)[j,l]``: one matrix after the other.
* Diagonal in some axes: a small system for each of their indices.
* Diagonal plus products ``u v'``: Sherman, Morrison and Woodbury, where no entry of the diagonal is 0.
* Else the whole matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from matcalc.codegen.arrays import SOLVE_BLOCKS, einsum, reshape, stack
from matcalc.codegen.contractions import contraction
from matcalc.codegen.core_form import Core, Side
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import INV
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes.build import is_op
from matcalc.passes.products import inverse
from matcalc.passes.recognise import recognise
from matcalc.passes.settle import settle

#: More products than this beside a diagonal are no low rank: the whole matrix is formed, or, where it is
#: large, the system solved by products only. It bounds the code, which has a vector for each side
#: of each product: an answer is a sum of that many terms only where the text has about as many.
HIGHEST_RANK = 16

MINUS = Constant(-1)


@dataclass(frozen=True)
class Solution:
    """What solves the system.

    Attributes:
        value: the solution in terms of the core and the right side.
        is_dense: whether the whole matrix is formed for it.
        is_general: whether it is defined wherever the matrix is regular.
    """

    value: Expr | IndexExpr
    is_dense: bool = False
    is_general: bool = True


def solution(core: Core, side: Side) -> Solution:
    """The solution of ``H x = side``."""
    structured = _one_by_one(core, side) or _in_blocks(core, side)
    if structured is not None:
        return Solution(structured)
    updated = _low_rank(core, side)
    if updated is not None:
        return Solution(updated, is_general=False)
    return _of_the_whole(core, side)


# ------------------------------------------------------------------ one matrix after the other


def _one_by_one(core: Core, side: Side) -> IndexExpr | None:
    """The inverse of each matrix of a single product."""
    core = _joined(core)
    if len(core.terms) != 1:
        return None
    (term,) = core.terms
    partner: dict[Index, Index] = {}
    factors: list[Factor] = []
    for factor in term.factors:
        sides = {index in core.rows for index in factor.indices}
        if not {*factor.indices} <= {*core.rows, *core.columns}:
            return None
        if len(sides) < 2:
            factors.append(Factor(POWER(factor.expr, MINUS), factor.slots))
            continue
        if len(factor.slots) != 2 or len(factor.indices) != 2:
            return None
        first, second = factor.indices
        if first.dim != second.dim or partner.keys() & {first, second}:
            return None
        partner |= {first: second, second: first}
        # M[r,c] x[c] = g[r]: the inverse has the two indices the other way round.
        factors.append(Factor(_inverse(factor.expr, core), (second, first)))
    if len(partner) != len(core.rows) + len(core.columns):
        return None
    product = Term(1 / term.coefficient, (*factors, side.entry(core.rows)))
    return settle([IndexExpr((*core.columns, *side.block), (product,))])


def _inverse(e: Expr, core: Core) -> Expr:
    value = core.values.get(e, e) if isinstance(e, Symbol) else e
    if is_op(value, INV) and isinstance(value.args[0], Symbol):
        return value.args[0]
    return e if is_op(e, EYE) else inverse(e)


def _joined(core: Core) -> Core:
    """With the sum of all that stands beside common deltas as one matrix, where it is one."""
    deltas, rest = _common_deltas(core)
    tied = {index for factor in deltas for index in factor.indices}
    rows = [index for index in core.rows if index not in tied]
    columns = [index for index in core.columns if index not in tied]
    inside = {index for term in rest for index in term.indices()}
    if not deltas or len(rest) < 2 or not len(rows) == len(columns) == 1 or inside & tied:
        return core
    (row,), (column,) = rows, columns
    matrix = recognise(IndexExpr((row, column), rest), row, column)
    if matrix is None:
        return core
    return replace(core, terms=(Term(Fraction(1), (*deltas, Factor(matrix, (row, column)))),))


def _common_deltas(core: Core) -> tuple[list[Factor], tuple[Term, ...]]:
    """The deltas that join the same axes in all terms, and the terms without them."""
    found = []
    for row, column in ((r, c) for r in core.rows for c in core.columns):
        if core.terms and all(_delta(term, row, column) for term in core.terms):
            found.append(Factor(EYE(Size(row.dim)), (row, column)))
    pairs = [set(factor.indices) for factor in found]
    rest = tuple(
        Term(
            term.coefficient,
            tuple(f for f in term.factors if not (is_op(f.expr, EYE) and set(f.indices) in pairs)),
        )
        for term in core.terms
    )
    return found, rest


def _delta(term: Term, row: Index, column: Index) -> bool:
    return any(is_op(f.expr, EYE) and set(f.indices) == {row, column} for f in term.factors)


# ------------------------------------------------------------------ blocks


def _in_blocks(core: Core, side: Side) -> Expr | None:
    """A system for each index of the axes in which the map is diagonal."""
    deltas, rest = _common_deltas(core)
    # An index that two deltas tie is that of a diagonal, beside which there is nothing.
    if not deltas or len({i for f in deltas for i in f.indices}) < 2 * len(deltas):
        return None
    names = {}
    for factor in deltas:
        row, column = factor.indices
        names[column] = row
    outer = [index for index in core.rows if index in names.values()]
    rows = [index for index in core.rows if index not in outer]
    columns = [index for index in core.columns if index not in names]
    terms = tuple(term.rename(names) for term in rest)
    blocks = contraction(IndexExpr((*outer, *rows, *columns), terms))
    # The columns stand in the order of the rows that they are tied to.
    place = {row: column for column, row in names.items()}
    axes = (*(place[row] for row in outer), *columns, *side.block)
    if not rows:
        weights = Factor(POWER(blocks, MINUS), tuple(place[row] for row in outer))
        term = Term(Fraction(1), (weights, side.entry([place[row] for row in core.rows])))
    else:
        sides = Term(Fraction(1), (side.entry(core.rows),))
        ordered = contraction(IndexExpr((*outer, *rows, *side.block), (sides,)))
        term = Term(
            Fraction(1), (Factor(_solved_blocks(blocks, ordered, outer, rows, side), axes),)
        )
    return contraction(IndexExpr((*core.columns, *side.block), (term,)))


def _solved_blocks(
    blocks: Expr, sides: Expr, outer: Sequence[Index], rows: Sequence[Index], side: Side
) -> Expr:
    """The solutions of the systems, in which several axes are one."""
    if len(rows) == 1:
        return SOLVE_BLOCKS(blocks, sides)
    size = _product(rows)
    first = tuple(index.dim for index in outer)
    last = tuple(index.dim for index in side.block)
    solved = SOLVE_BLOCKS(
        reshape((*first, size, size))(blocks), reshape((*first, size, *last))(sides)
    )
    return reshape((*first, *(index.dim for index in rows), *last))(solved)


def _product(indices: Sequence[Index]) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result


# ------------------------------------------------------------------ diagonal plus low rank


def _low_rank(core: Core, side: Side) -> Expr | None:
    """``D + U V'``: ``inv(D) g - inv(D) U inv(I + V' inv(D) U) V' inv(D) g``."""
    pairs = list(zip(core.rows, core.columns, strict=True))
    diagonal = [term for term in core.terms if all(_delta(term, r, c) for r, c in pairs)]
    products = [term for term in core.terms if term not in diagonal]
    if not diagonal or not 0 < len(products) <= HIGHEST_RANK:
        return None
    halves = [_halves(term, core) for term in products]
    if any(half is None for half in halves):
        return None
    weights = Core(core.rows, core.columns, tuple(diagonal), core.values)
    scale = POWER(_flat(contraction(weights.diagonal)), MINUS)
    left = [_flat(contraction(half[0])) for half in halves if half is not None]
    right = [_flat(contraction(half[1])) for half in halves if half is not None]
    start = _scaled(scale, _flat_side(side, core))
    if len(left) == 1:
        moved = TIMES(scale, left[0])
        row = TRANSPOSE(right[0])
        slope = POWER(ADD(Constant(1), MATMUL(row, moved)), MINUS)
        product = MATMUL(row, start)
        correction = (
            TIMES(slope, MATMUL(moved, product)) if side.block else TIMES(slope, product, moved)
        )
    else:
        moved = _scaled(scale, stack(-1)(*left))
        rows = TRANSPOSE(stack(-1)(*right))
        inner = ADD(EYE(Size(Dim(len(left)))), MATMUL(rows, moved))
        correction = MATMUL(moved, SOLVE_BLOCKS(inner, MATMUL(rows, start)))
    solved = ADD(start, TIMES(MINUS, correction))
    return _in_shape(solved, core, side)


def _scaled(weights: Expr, e: Expr) -> Apply:
    """A weight for each entry, or for each row."""
    return TIMES(weights, e) if len(e.axes) == 1 else einsum("i,ij->ij")(weights, e)


def _halves(term: Term, core: Core) -> tuple[IndexExpr, IndexExpr] | None:
    """The factors with indices of the result and those with indices of the argument."""
    left = tuple(f for f in term.factors if f.slots and {*f.indices} <= {*core.rows})
    right = tuple(f for f in term.factors if f.slots and {*f.indices} <= {*core.columns})
    scalars = tuple(f for f in term.factors if not f.slots)
    if len(left) + len(right) + len(scalars) < len(term.factors):
        return None
    return (
        IndexExpr(core.rows, (Term(term.coefficient, (*scalars, *left)),)),
        IndexExpr(core.columns, (Term(Fraction(1), right),)),
    )


def _flat(e: Expr) -> Expr:
    """All entries along one axis, the last axis varying fastest."""
    if len(e.axes) < 2:
        return TRANSPOSE(e) if e.shape[0].is_unit else e
    size = ONE
    for dim in e.axes:
        size = size * dim
    return reshape((size,))(e)


def _flat_side(side: Side, core: Core) -> Expr:
    """The right side with all axes of the argument as one."""
    if len(core.rows) == 1:
        return side.symbol
    return reshape((_product(core.rows), *(index.dim for index in side.block)))(side.symbol)


def _in_shape(solved: Expr, core: Core, side: Side) -> Expr:
    """The solution of a flat system with the axes of the argument."""
    if len(core.columns) == 1:
        return solved
    return reshape(tuple(index.dim for index in (*core.columns, *side.block)))(solved)


# ------------------------------------------------------------------ the whole matrix


def _of_the_whole(core: Core, side: Side) -> Solution:
    """The whole matrix; as one in matrix notation where it is one, which what is known of it helps."""
    if len(core.rows) == 1:
        (row,), (column,) = core.rows, core.columns
        matrix = recognise(core.dense, row, column)
        if matrix is not None:
            inverted = Factor(inverse(matrix), (column, row))
            product = Term(Fraction(1), (inverted, side.entry(core.rows)))
            found = settle([IndexExpr((*core.columns, *side.block), (product,))])
            return Solution(found, is_dense=True)
    size = _product(core.rows)
    matrix = reshape((size, size))(contraction(core.dense))
    solved = SOLVE_BLOCKS(matrix, _flat_side(side, core))
    return Solution(_in_shape(solved, core, side), is_dense=True)
