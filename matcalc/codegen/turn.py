"""Traces and diagonals of products without transposes: ``tr(A B')`` as ``sum(A .* B)``.

What is written so is read row by row from both.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen.items import replanned
from matcalc.codegen.kernels import (
    DIAGONAL_OF_PRODUCT,
    INNER,
    INNER_OF_COLUMNS,
    INNER_OF_ROWS,
    TRACE_OF_PRODUCT,
)
from matcalc.core.expr import Apply, Expr, operations, postorder
from matcalc.ops.structural import TRANSPOSE
from matcalc.passes.build import is_op
from matcalc.passes.properties import is_symmetric

#: What becomes of each kernel when its right factor, or its left one, is turned.
TURNED = {
    TRACE_OF_PRODUCT: (INNER, INNER),
    DIAGONAL_OF_PRODUCT: (INNER_OF_ROWS, INNER_OF_COLUMNS),
    INNER: (TRACE_OF_PRODUCT, TRACE_OF_PRODUCT),
}


def turn(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, with the transposes in these products gone."""
    if operations(*roots).isdisjoint(TURNED):
        return list(roots)
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        new = replanned(node, done)
        done[node] = _turned(new) if isinstance(new, Apply) and new.op in TURNED else new
    return [done[root] for root in roots]


def _turned(node: Apply) -> Expr:
    left, right = node.args
    of_right, of_left = TURNED[node.op]
    if is_op(left, TRANSPOSE) and is_op(right, TRANSPOSE):
        # tr(A' B') = tr(B A), and so with the diagonal.
        pair = left.args[0], right.args[0]
        return node.op(*(pair if node.op is INNER else reversed(pair)))
    if is_op(right, TRANSPOSE):
        return of_right(left, right.args[0])
    if is_op(left, TRANSPOSE):
        return of_left(left.args[0], right)
    if node.op is INNER:
        return node
    if is_symmetric(right):
        return of_right(left, right)
    return of_left(left, right) if is_symmetric(left) else node
