"""The vec form: an array of any order as the matrix ∂vec f/∂vec(X)', written with Kronecker products."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Expr
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import DIAG, VEC
from matcalc.ops.structural import KRON
from matcalc.passes.build import diag, eye, is_op, is_zero, ones, product, times, transposed, zeros
from matcalc.passes.collect import total
from matcalc.passes.contract import components
from matcalc.passes.recognise import recognise_term


def vectorise(expr: IndexExpr, rows: Sequence[Index], columns: Sequence[Index]) -> Expr | None:
    """The matrix whose rows are ``vec`` over the row axes and columns ``vec`` over the column axes.

    vec is column-major: the first axis varies fastest. None if a term is no Kronecker product
    in this order of the indices.
    """
    # Slowest first, as in kron(A, B)[(i,k),(j,l)].
    slow_rows, slow_columns = tuple(reversed(rows)), tuple(reversed(columns))
    shape = (_size(rows), _size(columns))
    terms: list[Expr] = []
    for term in expr.terms:
        matrix = _vectorise_term(term, slow_rows, slow_columns)
        if matrix is None:
            return None
        terms.append(matrix)
    return total(*terms) if terms else zeros(shape)


def _size(indices: Sequence[Index]) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result


def _vectorise_term(
    term: Term, rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> Expr | None:
    free = frozenset((*rows, *columns))
    factors = list(term.factors)
    scalars = [f.expr for f in factors if not f.slots]
    arrays = [f for f in factors if f.slots]
    left, arrays = _side_weights(arrays, rows, columns)
    right, arrays = _side_weights(arrays, columns, rows)
    blocks = _blocks(arrays, rows, columns, free)
    if blocks is None:
        return None
    core = _kron(blocks)
    matrix = product(
        *(() if left is None else (diag(left),)), core, *(() if right is None else (diag(right),))
    )
    return times(Constant(term.coefficient), *scalars, matrix)


def _side_weights(
    factors: list[Factor], side: tuple[Index, ...], other: tuple[Index, ...]
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


_Block = tuple[int, int, Expr]


def _blocks(
    factors: list[Factor],
    rows: tuple[Index, ...],
    columns: tuple[Index, ...],
    free: frozenset[Index],
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


def _block(
    group: list[Factor], rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> Expr | None:
    term = Term(Constant(1).value, tuple(group))
    if len(rows) <= 1 and len(columns) <= 1:
        return recognise_term(term, *(rows or (None,)), *(columns or (None,)))
    if len(rows) == 2 and not columns:
        matrix = recognise_term(term, rows[1], rows[0])
        return None if matrix is None else _vec(matrix)
    if len(columns) == 2 and not rows:
        matrix = recognise_term(term, columns[1], columns[0])
        return None if matrix is None else transposed(_vec(matrix))
    if len(rows) == len(columns):
        return _diagonal_block(group, rows, columns)
    return None


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
    matrix = recognise_term(Term(Constant(1).value, tuple(rest)), rows[1], rows[0])
    return None if matrix is None else DIAG(_vec(matrix))


def _kron(blocks: list[Expr]) -> Expr:
    """Kronecker product; a column beside a row is their outer product, and identities join."""
    joined: list[Expr] = []
    for block in blocks:
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
