"""Terms with composite axes as matrices: Kronecker products, diag(vec(M)), commutation matrices."""

from __future__ import annotations

from matcalc.core.dim import ONE
from matcalc.core.expr import Constant, Expr, Size
from matcalc.core.index import Composite, Factor, Index, Term
from matcalc.ops.constant import COMMUTATION, EYE
from matcalc.ops.linalg import DIAG, VEC
from matcalc.ops.structural import KRON
from matcalc.passes.build import diag, eye, is_op, is_zero, ones, times, transposed, zeros
from matcalc.passes.contract import components
from matcalc.passes.network import fold_term
from matcalc.passes.products import product


def kronecker_term(term: Term, rows: tuple[Index, ...], columns: tuple[Index, ...]) -> Expr | None:
    """The term as a matrix whose axes are composite, slowest index first as in kron; None if it has no
    such form.
    """
    straight = _term(term, rows, columns)
    if straight is not None or len(columns) != 2:
        return straight
    crossed = _term(term, rows, columns[::-1])
    if crossed is None:
        return None
    # vec(X') = K vec(X): the columns are in the order of vec(X').
    slow, fast = columns
    return product(crossed, COMMUTATION(Size(fast.dim), Size(slow.dim)))


def _term(term: Term, rows: tuple[Index, ...], columns: tuple[Index, ...]) -> Expr | None:
    scalars = [factor.expr for factor in term.factors if not factor.slots]
    arrays = [factor for factor in term.factors if factor.slots]
    left, arrays = _side_weights(arrays, rows)
    right, arrays = _side_weights(arrays, columns)
    blocks = _blocks(arrays, rows, columns)
    if blocks is None:
        return None
    matrix = product(
        *(() if left is None else (diag(left),)),
        _kron(blocks),
        *(() if right is None else (diag(right),)),
    )
    return times(Constant(term.coefficient), *scalars, matrix)


def _side_weights(
    factors: list[Factor], side: tuple[Index, ...]
) -> tuple[Expr | None, list[Factor]]:
    """Matrices that weight the entries of one side, ``M[i,j]`` with both indices tied to other factors.

    They become ``diag(vec(M))`` beside the Kronecker product of the rest.
    """
    if len(side) != 2:
        return None, factors
    kept: list[Factor] = []
    weights: list[Expr] = []
    slow, fast = side
    for factor in factors:
        rest = [f for f in factors if f is not factor]
        tied = all(any(i in f.indices for f in rest) for i in factor.indices)
        if set(factor.indices) == {slow, fast} and tied:
            matrix = factor.expr if factor.slots == (fast, slow) else transposed(factor.expr)
            weights.append(VEC(matrix))
        else:
            kept.append(factor)
    return (times(*weights) if weights else None), kept


def _blocks(
    factors: list[Factor],
    rows: tuple[Index, ...],
    columns: tuple[Index, ...],
) -> list[Expr] | None:
    """Matrices whose Kronecker product is the term: each takes the next rows and the next columns."""
    groups = components(factors, frozenset())
    touched = {index for factor in factors for index in factor.indices}
    groups += [[Factor(ones((i.dim, ONE)), (i,))] for i in (*rows, *columns) if i not in touched]
    found: list[Expr] = []
    row_at = column_at = 0
    while groups:
        chosen = _next_group(groups, rows[row_at:], columns[column_at:])
        if chosen is None:
            return None
        group, taken_rows, taken_columns = chosen
        groups = [g for g in groups if g is not group]
        block = _block(group, taken_rows, taken_columns)
        if block is None:
            return None
        found.append(block)
        row_at += len(taken_rows)
        column_at += len(taken_columns)
    return found


def _next_group(
    groups: list[list[Factor]], rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> tuple[list[Factor], tuple[Index, ...], tuple[Index, ...]] | None:
    """A group whose free indices are exactly the first of the remaining rows and columns."""
    for group in groups:
        used = {index for factor in group for index in factor.indices}
        taken_rows = tuple(i for i in rows if i in used)
        taken_columns = tuple(i for i in columns if i in used)
        if (
            rows[: len(taken_rows)] == taken_rows
            and columns[: len(taken_columns)] == taken_columns
            and (taken_rows or taken_columns)
        ):
            return group, taken_rows, taken_columns
    return None


def _block(group: list[Factor], rows: tuple[Index, ...], columns: tuple[Index, ...]) -> Expr | None:
    if len(group) == 1 and any(isinstance(slot, Composite) for slot in group[0].slots):
        return _whole(group[0], rows, columns)
    term = Term(Constant(1).value, tuple(group))
    if len(rows) <= 1 and len(columns) <= 1:
        return fold_term(term, *(rows or (None,)), *(columns or (None,)))
    if len(rows) == 2 and not columns:
        matrix = fold_term(term, rows[1], rows[0])
        return None if matrix is None else _vec(matrix)
    if len(columns) == 2 and not rows:
        matrix = fold_term(term, columns[1], columns[0])
        return None if matrix is None else transposed(_vec(matrix))
    if len(rows) == len(columns):
        return _diagonal_block(group, rows, columns)
    return None


def _whole(factor: Factor, rows: tuple[Index, ...], columns: tuple[Index, ...]) -> Expr | None:
    """An expression whose own axes are addressed by just these composite indices."""
    slots = tuple(slot.parts for slot in factor.slots)
    sides = tuple(side for side in (rows, columns) if side)
    if slots == sides and len(factor.expr.axes) == len(sides):
        is_column = len(sides) < 2 and bool(rows) == factor.expr.shape[1].is_unit
        return factor.expr if len(sides) == 2 or is_column else transposed(factor.expr)
    return transposed(factor.expr) if slots == sides[::-1] else None


def _vec(matrix: Expr) -> Expr:
    return zeros((matrix.shape[0] * matrix.shape[1], ONE)) if is_zero(matrix) else VEC(matrix)


def _diagonal_block(
    group: list[Factor], rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> Expr | None:
    """``δ[i,k] δ[j,l] M[i,j]`` is ``diag(vec(M))``."""
    names = dict(zip(columns, rows, strict=True))
    for row, column in zip(rows, columns, strict=True):
        if not any(is_op(f.expr, EYE) and set(f.slots) == {row, column} for f in group):
            return None
    rest = [f.rename(names) for f in group if not is_op(f.expr, EYE)]
    if len(rows) != 2:
        return None
    matrix = fold_term(Term(Constant(1).value, tuple(rest)), rows[1], rows[0])
    return None if matrix is None else DIAG(_vec(matrix))


def _kron(blocks: list[Expr]) -> Expr:
    """Kronecker product; a column beside a row is their outer product, and identities join."""
    joined: list[Expr] = []
    for block in (part for b in blocks for part in (b.args if is_op(b, KRON) else (b,))):
        last = joined[-1] if joined else None
        if last is None:
            joined.append(block)
        elif is_op(last, EYE) and is_op(block, EYE):
            joined[-1] = eye(last.shape[0] * block.shape[0])
        elif last.shape[1].is_unit and block.shape[0].is_unit:
            joined[-1] = product(last, block)
        elif last.shape[0].is_unit and block.shape[1].is_unit:
            joined[-1] = product(block, last)
        else:
            joined.append(block)
    return joined[0] if len(joined) == 1 else KRON(*joined)
