"""Kronecker products: taken apart at composite indices, multiplied, and put together."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr
from matcalc.core.index import Composite, Factor, Index, Slot
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.linalg import VEC
from matcalc.ops.structural import ADD, KRON, MATMUL, TIMES
from matcalc.passes.build import eye, is_op, ones
from matcalc.passes.products import product

Dims = tuple[Dim, ...]


def split_kronecker(expr: Apply, slots: tuple[Slot, ...]) -> list[Factor]:
    """``kron(A, B)[(i,k),(j,l)] = A[i,j] B[k,l]`` where the parts of the slots fit the factors."""
    given = iter(slots)
    per_axis: list[list[Index | None]] = []
    for axis in (0, 1):
        dims = [arg.shape[axis] for arg in expr.args]
        wanted = [dim for dim in dims if not dim.is_unit]
        parts = list(next(given).parts) if wanted else []
        if [part.dim for part in parts] != wanted:
            return []
        supply = iter(parts)
        per_axis.append([None if dim.is_unit else next(supply) for dim in dims])
    return [
        Factor(arg, tuple(index for index in pair if index is not None))
        for arg, pair in zip(expr.args, zip(*per_axis, strict=True), strict=True)
    ]


def split_chain(expr: Apply, slots: tuple[Slot, ...]) -> list[Factor]:
    """``((A ⊗ B) vec(X))[(j,i)]`` as ``(A ⊗ B)[(j,i),(l,k)] vec(X)[(l,k)]``, where all of it opens.

    A chain that ends in something else stays whole: an unknown vector has no entry at two indices.
    """
    if not isinstance(slots[0], Composite) or expr.shape[0].is_unit:
        return []
    rows = tuple(part.dim for part in slots[0].parts)
    columns = _column_dims(expr.args[0], rows)
    if columns is None or not _opens(expr, rows):
        return []
    inner = Composite(tuple(map(Index, columns)))
    return [
        Factor(expr.args[0], (slots[0], inner)),
        Factor(product(*expr.args[1:]), (inner, *slots[1:])),
    ]


def _column_dims(e: Expr, rows: Dims) -> Dims | None:
    """Sizes of the parts of the columns of what opens at rows with parts of these sizes."""
    found = {_columns_of(term, rows) for term in (e.args if is_op(e, ADD) else (e,))}
    return found.pop() if len(found) == 1 else None


def _columns_of(term: Expr, rows: Dims) -> Dims | None:
    matrix = term.args[-1] if is_op(term, TIMES) and _is_multiple(term.args) else term
    if is_op(matrix, EYE):
        return rows
    if not is_op(matrix, KRON) or _axis_dims(matrix, 0) != rows:
        return None
    columns = _axis_dims(matrix, 1)
    return columns if len(columns) > 1 else None


def _axis_dims(kronecker: Expr, axis: int) -> Dims:
    return tuple(arg.shape[axis] for arg in kronecker.args if not arg.shape[axis].is_unit)


def _is_multiple(factors: Sequence[Expr]) -> bool:
    return all(factor.is_scalar for factor in factors[:-1])


def _opens(e: Expr, rows: Dims) -> bool:
    """Whether entries at rows with parts of these sizes are those of matrices with two indices."""
    pending = [(e, rows)]
    while pending:
        node, dims = pending.pop()
        if is_op(node, ADD):
            pending += [(term, dims) for term in node.args]
        elif is_op(node, TIMES) and _is_multiple(node.args):
            pending.append((node.args[-1], dims))
        elif is_op(node, MATMUL):
            for arg in node.args[:-1]:
                columns = _column_dims(arg, dims)
                if columns is None:
                    return False
                dims = columns
            pending.append((node.args[-1], dims))
        elif not (is_op(node, VEC) and node.args[0].axes == dims[::-1]) and not (
            is_op(node, KRON) and _axis_dims(node, 0) == dims
        ):
            return False
    return True


def mixed_product(*factors: Expr) -> Expr:
    """The product, in which ``(A ⊗ B) (C ⊗ D)`` is ``(A C) ⊗ (B D)``."""
    chain: list[Expr] = []
    for factor in (f for e in factors for f in (e.args if is_op(e, MATMUL) else (e,))):
        last = chain[-1] if chain else factor
        if chain and is_op(last, KRON) and is_op(factor, KRON) and _meet(last, factor):
            parts = zip(last.args, factor.args, strict=True)
            chain[-1] = kronecker_product([product(a, b) for a, b in parts])
        else:
            chain.append(factor)
    return product(*chain)


def _meet(left: Expr, right: Expr) -> bool:
    return [a.shape[1] for a in left.args] == [b.shape[0] for b in right.args]


def kronecker_product(blocks: Sequence[Expr]) -> Expr:
    """Kronecker product; a column beside a row is their outer product, identities and ones join."""
    joined: list[Expr] = []
    for block in (part for b in blocks for part in (b.args if is_op(b, KRON) else (b,))):
        last = joined[-1] if joined else None
        if last is None:
            joined.append(block)
        elif is_op(last, EYE) and is_op(block, EYE):
            joined[-1] = eye(last.shape[0] * block.shape[0])
        elif is_op(last, ONES) and is_op(block, ONES):
            joined[-1] = ones((last.shape[0] * block.shape[0], last.shape[1] * block.shape[1]))
        elif last.shape[1].is_unit and block.shape[0].is_unit:
            joined[-1] = product(last, block)
        elif last.shape[0].is_unit and block.shape[1].is_unit:
            joined[-1] = product(block, last)
        else:
            joined.append(block)
    return joined[0] if len(joined) == 1 else KRON(*joined)
