"""Which expressions cannot be negative, entry by entry."""

from __future__ import annotations

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.ops.constant import COMMUTATION, EYE, ONES, PI, ZEROS
from matcalc.ops.elementwise import (
    ABS,
    COSH,
    EXP,
    RELU,
    SIGMOID,
    SOFTPLUS,
    SQRT,
    SQUARE,
    STEP,
)
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import NORM1, NORM2, SOFTMAX, SOFTMAX_1, SOFTMAX_2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes.equal import same

#: Never negative, whatever the arguments.
NONNEGATIVE = frozenset(
    {ABS, COSH, EXP, RELU, SIGMOID, SOFTPLUS, SQRT, SQUARE, STEP, NORM1, NORM2, SOFTMAX, SOFTMAX_1,
     SOFTMAX_2, EYE, ONES, ZEROS, PI, COMMUTATION}
)  # fmt: skip

#: Not negative if no argument is.
MONOTONE = frozenset(
    {ADD, TIMES, MATMUL, TRANSPOSE, KRON, SUM, SUM_1, SUM_2, DIAG, DIAGONAL, TRACE, VEC}
)

#: Middle factors of a quadratic form that make it nonnegative.
DEFINITE = frozenset({"spd", "psd"})


def is_nonnegative(e: Expr) -> bool:
    """Whether every entry is provably at least 0 wherever the expression is defined."""
    for node in postorder(e, without=is_nonnegative):
        node.memo[is_nonnegative] = _decide(node)
    return bool(e.memo[is_nonnegative])


def _decide(node: Expr) -> bool:
    if isinstance(node, Constant):
        return node.value >= 0
    if isinstance(node, Size):
        return True
    if isinstance(node, Symbol):
        return "positive" in node.properties
    if not isinstance(node, Apply):
        return False
    if node.op in NONNEGATIVE:
        return True
    if node.op is POWER:
        return _power(node)
    if node.op in MONOTONE and all(arg.memo[is_nonnegative] for arg in node.args):
        return True
    return node.op is MATMUL and node.is_scalar and _is_quadratic_form(node.args)


def _power(node: Apply) -> bool:
    base, exponent = node.args
    if isinstance(exponent, Constant) and exponent.value.denominator == 1:
        return bool(base.memo[is_nonnegative]) or exponent.value % 2 == 0
    # Other powers are defined for positive bases only.
    return True


def _is_quadratic_form(factors: tuple[Expr, ...]) -> bool:
    """``v' v`` and ``v' S v`` with S positive (semi-)definite, v itself a product."""
    middle = len(factors) // 2
    if len(factors) % 2:
        centre = factors[middle]
        if not isinstance(centre, Symbol) or not centre.properties & DEFINITE:
            return False
    return all(
        _is_transpose_of(left, right)
        for left, right in zip(factors[:middle], factors[::-1], strict=False)
    )


def _is_transpose_of(left: Expr, right: Expr) -> bool:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Apply) and one.op is TRANSPOSE and same(one.args[0], other):
            return True
    return False
