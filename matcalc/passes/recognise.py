"""Recognition: index notation folded back into matrix form."""

from __future__ import annotations

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Expr
from matcalc.core.index import Composite, Index, IndexExpr, Term
from matcalc.ops.constant import EYE
from matcalc.passes.build import is_op, scaled, zeros
from matcalc.passes.collect import total
from matcalc.passes.contract import contract
from matcalc.passes.kronecker import kronecker_term

Indices = tuple[Index, ...]


def recognise(expr: IndexExpr, row: Index | None, column: Index | None) -> Expr | None:
    """The matrix expression with these rows and columns, or None if there is none.

    ``row`` and ``column`` are the free indices of ``expr``; None stands for an axis of size 1.
    """
    if expr.matrix is not None and expr.free and (column is None or expr.free == (row, column)):
        return scaled(*expr.matrix)
    return vectorise(expr, (row,) if row else (), (column,) if column else ())


def vectorise(expr: IndexExpr, rows: Indices, columns: Indices) -> Expr | None:
    """The matrix whose rows are ``vec`` over the row axes and columns ``vec`` over the column axes.

    vec is column-major: the first axis varies fastest. None if a term has no such form.
    """
    terms: list[Expr] = []
    for term in expr.terms:
        matrix = _matrix_of(term, rows[::-1], columns[::-1])
        if matrix is None:
            return None
        terms.append(matrix)
    return total(*terms) if terms else zeros((_size(rows), _size(columns)))


def _matrix_of(term: Term, rows: Indices, columns: Indices) -> Expr | None:
    """One term; rows and columns are given slowest first."""
    pair = _pair_to_split(term, frozenset((*rows, *columns)))
    if pair is None:
        return kronecker_term(term, rows, columns)
    index, parts = pair
    split = term.rename({index: Composite(parts)})
    rows, columns = (_replaced(side, index, parts) for side in (rows, columns))
    opened = contract(IndexExpr((*rows, *columns), (split,)))
    # The axes are in the order of kron already, slowest first.
    return vectorise(opened, rows[::-1], columns[::-1])


def _pair_to_split(term: Term, free: frozenset[Index]) -> tuple[Index, Indices] | None:
    """A free index that a delta equates with a composite one, and fresh parts for it."""
    for factor in term.factors:
        if is_op(factor.expr, EYE):
            for one, other in (factor.slots, factor.slots[::-1]):
                if isinstance(one, Index) and one in free and isinstance(other, Composite):
                    return one, tuple(Index(part.dim) for part in other.parts)
    return None


def _replaced(side: Indices, index: Index, parts: Indices) -> Indices:
    return tuple(new for old in side for new in (parts if old is index else (old,)))


def _size(indices: Indices) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result
