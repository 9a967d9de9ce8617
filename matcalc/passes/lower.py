"""Matrix form written out in index notation: ``x' A x`` as ``x[i] A[i,j] x[j]``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr
from matcalc.core.index import Factor, Index, IndexExpr, Slot, Term
from matcalc.ops.constant import ONES, ZEROS
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE
from matcalc.ops.reduction import NORM2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes.build import is_op
from matcalc.passes.rulebook import deltas

Terms = list[Term]


def lower(e: Expr) -> IndexExpr:
    """The expression as a sum of products of entries of variables and functions."""
    free = tuple(Index(dim) for dim in e.axes)
    return IndexExpr(free, tuple(entries(e, free)))


def entries(e: Expr, slots: tuple[Slot, ...]) -> Terms:
    """One entry of an expression, written out down to functions, and sums inside products."""
    if isinstance(e, Constant):
        return [Term(e.value)] if e.value else []
    if not isinstance(e, Apply):
        return [Term(Fraction(1), (Factor(e, slots),))]
    opened = _OPENED.get(e.op)
    if opened is not None:
        return opened(e, slots)
    if e.op is POWER and is_op(e.args[0], NORM2) and e.args[1] == Constant(2):
        [u] = e.args[0].args
        own = tuple(Index(dim) for dim in u.axes)
        return _product([_factor(u, own), _factor(u, own)])
    return [Term(Fraction(1), (Factor(e, slots),))]


def _product(parts: list[Terms]) -> Terms:
    result = [Term(Fraction(1))]
    for part in parts:
        result = [
            Term(a.coefficient * b.coefficient, (*a.factors, *b.factors))
            for a in result
            for b in part
        ]
    return result


def _factor(e: Expr, slots: tuple[Slot, ...]) -> Terms:
    """A factor of a product; a sum is not multiplied out."""
    if is_op(e, TRANSPOSE) and is_op(e.args[0], ADD):
        e, slots = e.args[0], slots[::-1]
    if is_op(e, ADD):
        return [Term(Fraction(1), (Factor(e, slots),))]
    return entries(e, slots)


def _by_axis(e: Expr, row: Slot | None, column: Slot | None) -> tuple[Slot, ...]:
    """The slots of an expression, given what addresses its rows and its columns."""
    pair = zip((row, column), e.shape, strict=True)
    return tuple(slot for slot, dim in pair if not dim.is_unit and slot is not None)


def _pair(e: Expr, slots: tuple[Slot, ...]) -> tuple[Slot | None, Slot | None]:
    supply = iter(slots)
    row, column = (None if dim.is_unit else next(supply) for dim in e.shape)
    return row, column


def _chain(e: Apply, slots: tuple[Slot, ...]) -> Terms:
    row, column = _pair(e, slots)
    ends = [None if arg.shape[1].is_unit else Index(arg.shape[1]) for arg in e.args[:-1]]
    rows: list[Slot | None] = [row, *ends]
    columns: list[Slot | None] = [*ends, column]
    return _product(
        [
            _factor(arg, _by_axis(arg, first, last))
            for arg, first, last in zip(e.args, rows, columns, strict=True)
        ]
    )


def _sum(e: Apply, _: tuple[Slot, ...]) -> Terms:
    [x] = e.args
    return entries(x, tuple(Index(dim) for dim in x.axes))


def _column_sums(e: Apply, slots: tuple[Slot, ...]) -> Terms:
    [x] = e.args
    return entries(x, _by_axis(x, Index(x.shape[0]), _pair(e, slots)[1]))


def _row_sums(e: Apply, slots: tuple[Slot, ...]) -> Terms:
    [x] = e.args
    return entries(x, _by_axis(x, _pair(e, slots)[0], Index(x.shape[1])))


def _trace(e: Apply, _: tuple[Slot, ...]) -> Terms:
    [x] = e.args
    index = Index(x.shape[0])
    return entries(x, (index, index) if x.axes else ())


def _diagonal_matrix(e: Apply, slots: tuple[Slot, ...]) -> Terms:
    [x] = e.args
    first, second = slots
    assert isinstance(second, Index)
    return _product([entries(x, (first,)), [Term(Fraction(1), deltas((first,), (second,)))]])


_OPENED: dict[object, Callable[[Apply, tuple[Slot, ...]], Terms]] = {
    ADD: lambda e, slots: [term for arg in e.args for term in entries(arg, slots)],
    TIMES: lambda e, slots: _product(
        [_factor(arg, () if arg.is_scalar else slots) for arg in e.args]
    ),
    MATMUL: _chain,
    TRANSPOSE: lambda e, slots: entries(e.args[0], slots[::-1]),
    TRACE: _trace,
    SUM: _sum,
    SUM_1: _column_sums,
    SUM_2: _row_sums,
    DIAG: _diagonal_matrix,
    DIAGONAL: lambda e, slots: entries(e.args[0], slots * 2),
    ONES: lambda e, slots: [Term(Fraction(1), (Factor(e, slots),))],
    ZEROS: lambda _e, _slots: [],
}
