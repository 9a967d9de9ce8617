"""Arithmetic of the exponents of matrix powers: whole numbers, which may contain sizes, as ``k - 1``."""

from __future__ import annotations

from matcalc.core.expr import Constant, Expr, Size, postorder
from matcalc.ops.structural import ADD, TIMES
from matcalc.passes.build import is_op, scaled, split_coefficient, times


def is_whole(exponent: Expr) -> bool:
    """Whether it is a sum of products of whole numbers and sizes."""
    return all(
        isinstance(node, Size)
        or (isinstance(node, Constant) and node.value.denominator == 1)
        or is_op(node, ADD)
        or is_op(node, TIMES)
        for node in postorder(exponent)
    )


def product(left: Expr, right: Expr) -> Expr:
    """The product of two exponents; a number is multiplied into a sum."""
    for number, other in ((left, right), (right, left)):
        if isinstance(number, Constant) and is_op(other, ADD):
            return ADD(*(scaled(number.value, term) for term in other.args))
    return times(left, right)


def is_negative(exponent: Expr) -> bool:
    """Whether it is written with a minus sign in front: ``-2``, ``-k``, ``1 - k``."""
    first = exponent.args[0] if is_op(exponent, ADD) else exponent
    return split_coefficient(first)[0] < 0
