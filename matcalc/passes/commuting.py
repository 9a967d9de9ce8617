"""Whether two matrices commute, because both are functions of a third one."""

from __future__ import annotations

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import INV
from matcalc.ops.matrix_functions import FUNCTIONS
from matcalc.ops.structural import ADD, MATMUL, MATPOW, TIMES, TRANSPOSE
from matcalc.passes.build import is_op, transposed

#: Functions of a square matrix whose value commutes with it.
OF_ONE_MATRIX = (*FUNCTIONS, INV, MATPOW)

#: Stands for any matrix: the identity is a function of each.
_ANY = Constant(1)


def commute(left: Expr, right: Expr) -> bool:
    """Whether the square matrices provably commute: ``2 X`` and ``X^2 + I``."""
    one, other = _generator(left), _generator(right)
    return one is other or _ANY in (one, other)


def _generator(e: Expr) -> Expr:
    """The matrix of which this one is a sum of products of functions, scalars aside."""
    for node in postorder(e, without=_generator):
        node.memo[_generator] = _of(node)
    found: Expr = e.memo[_generator]
    return found


def _of(node: Expr) -> Expr:
    if node.is_scalar or is_op(node, EYE):
        return _ANY
    if not isinstance(node, Apply):
        return node
    if node.op is TRANSPOSE:
        return transposed(node.args[0].memo[_generator])
    if node.op in OF_ONE_MATRIX:
        parts = node.args[:1]  # what follows are whole numbers
    elif node.op is TIMES:
        parts = tuple(arg for arg in node.args if not arg.is_scalar)
        if len(parts) > 1:
            return node
    elif node.op in (ADD, MATMUL):
        parts = node.args
    else:
        return node
    found = {part.memo[_generator] for part in parts} - {_ANY}
    if len(found) > 1:
        return node
    return found.pop() if found else _ANY
