"""Matrices that vectors say, as these: ``A .* I`` as ``diag(diagonal(A))``, ``ones(m, n)`` as ``1 1'``.

What is multiplied with them is then scaled or summed, and functions of copies are copies of functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matcalc.codegen.items import is_multiple, replanned, times
from matcalc.core.dim import ONE
from matcalc.core.expr import Apply, Constant, Expr, Size, memoised, operations, postorder
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.linalg import DIAG, DIAGONAL, INV, TRACE
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.products import diagonal, trace


def thin(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, without factors that are identities or consist of ones."""
    if operations(*roots).isdisjoint((EYE, ONES)):
        return list(roots)
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        new = replanned(node, done)
        done[node] = _thin(new) if isinstance(new, Apply) else new
    return [done[root] for root in roots]


def _thin(node: Apply) -> Expr:
    if node.op in (TIMES, ADD, POWER) or node.op.elementwise:
        return _copied(_masked(node) if node.op is TIMES else node)
    if node.op is MATMUL:
        factors = [part for factor in node.args for part in _parts(factor)]
        return MATMUL(*factors) if len(factors) > len(node.args) else node
    if node.op is INV and is_op(node.args[0], DIAG):
        return DIAG(POWER(node.args[0].args[0], Constant(-1)))
    if node.op is TRACE:
        return trace(node.args[0])
    return diagonal(node.args[0]) if node.op is DIAGONAL else node


def _masked(node: Apply) -> Expr:
    """Of an entry by entry product with the identity its diagonal."""
    scalars = [arg for arg in node.args if arg.is_scalar]
    arrays = [arg for arg in node.args if not (arg.is_scalar or is_op(arg, EYE))]
    if not arrays or len(scalars) + len(arrays) == len(node.args):
        return node
    entries = DIAG(construct.hadamard([diagonal(array) for array in arrays]))
    return construct.hadamard([*scalars, entries])


def _copied(node: Expr) -> Expr:
    """Of copies of vectors, all rows or all columns, what is made of them entry by entry as copies."""
    arrays = [arg for arg in node.args if not arg.is_scalar]
    for is_row in (True, False):
        vectors = {array: vector for array in arrays if (vector := _vector(array, is_row))}
        copied = [vectors[array] for array in arrays if array in vectors]
        if is_op(node, TIMES) and len(copied) > 1:
            others = [arg for arg in node.args if arg not in vectors]
            return times([*others, _copies(TIMES(*copied), node, is_row)])
        if not is_op(node, TIMES) and 0 < len(copied) == len(arrays):
            assert isinstance(node, Apply)
            return _copies(node.op(*(vectors.get(arg, arg) for arg in node.args)), node, is_row)
    return node


@memoised
def _vector(e: Expr, is_row: bool) -> Expr | None:
    """The vector of which all rows or columns are copies.

    Multiples nest as deep as one likes. Each product asks this of its factors, so that what stands
    in a multiple is known before the multiple is.
    """
    if is_multiple(e):
        vector = _vector(e.args[-1], is_row)
        return None if vector is None else times([*e.args[:-1], vector])
    if not is_op(e, MATMUL) or len(e.axes) < 2:
        return None
    copier, vectors = (e.args[0], e.args[1:]) if is_row else (e.args[-1], e.args[:-1])
    if not is_op(copier, ONES):
        return None
    return vectors[0] if len(vectors) == 1 else MATMUL(*vectors)


def _copies(vector: Expr, like: Expr, is_row: bool) -> Expr:
    rows, columns = map(Size, like.shape)
    one = Size(ONE)
    return MATMUL(ONES(rows, one), vector) if is_row else MATMUL(vector, ONES(one, columns))


def _parts(factor: Expr) -> Iterator[Expr]:
    """A column and a row of ones for a matrix of ones."""
    if is_op(factor, ONES) and not any(dim.is_unit for dim in factor.shape):
        rows, columns = factor.args
        yield from (ONES(rows, Size(ONE)), ONES(Size(ONE), columns))
    else:
        yield factor
