"""Kinks that products and powers take away: ``|x|^3`` and ``x |x|`` are differentiable at 0.

Near its kink ``|x|``, ``relu(x)`` or ``||x||`` is of degree 1 in the distance from it, ``|x|^1.5`` of degree
1.5, ``sign(x)`` of degree 0. What is of a degree above k has k derivatives there, all of them 0; even
whole powers of ``|x|`` and ``||x||`` are polynomials.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from matcalc.core.expr import Apply, Expr, postorder
from matcalc.ops.elementwise import ABS, MAXIMUM, MINIMUM, RELU, SIGN, SQRT, SQUARE, STEP
from matcalc.ops.reduction import NORM2
from matcalc.ops.structural import TIMES
from matcalc.passes import construct
from matcalc.passes.build import as_power, is_op, is_zero
from matcalc.passes.properties import is_nonnegative
from matcalc.passes.simplify import simplify
from matcalc.record import Record


class Vanishing(Record):
    """How an expression behaves near its kink.

    Attributes:
        kink: the node that has the kink.
        distance: what is zero there.
        degree: the power of the distance that the expression is bounded by.
        even: whether it is a power of ``|u|`` or ``||u||``, a polynomial if the degree is even.
    """

    kink: Expr
    distance: Expr
    degree: Fraction
    even: bool

    @property
    def of_whole(self) -> bool:
        """Whether all entries of an array are zero at the kink, and not just some."""
        return self.kink.is_scalar and not self.distance.is_scalar

    def is_smooth(self, order: int) -> bool:
        """Whether it has derivatives up to this order at the kink."""
        return self.degree > order or (self.even and self.degree > 0 and self.degree % 2 == 0)


def difference(node: Apply) -> Expr:
    """The one of two minus the other: it is zero where the larger one changes."""
    one, other = (construct.filled(s, node.shape) if s.is_scalar else s for s in node.args)
    return construct.add((one, construct.negate(other)))


def smooth_kinks(roots: Iterable[Expr], order: int) -> set[Expr]:
    """The nodes whose kinks are none of the whole: it has derivatives up to ``order`` there."""
    ends = tuple(roots)
    near: dict[Expr, Vanishing] = {}
    rough: list[Vanishing] = []
    for node in postorder(*ends):
        if not isinstance(node, Apply):
            continue
        vanishing = _vanishing(node, near)
        if vanishing is not None:
            near[node] = vanishing
        if node.op is TIMES:
            rough += _rough_in_product(node, near, order)
        elif vanishing is None or vanishing.kink is node:
            rough += _rough(node.args, near, order)
    rough += _rough(ends, near, order)
    kept = {v.kink for v in rough}
    return {node for node, v in near.items() if v.kink not in kept}


def _vanishing(node: Apply, near: dict[Expr, Vanishing]) -> Vanishing | None:
    op, args = node.op, node.args
    if op in (ABS, RELU, NORM2):
        return Vanishing(node, args[0], Fraction(1), op is not RELU)
    if op in (SIGN, STEP):
        return Vanishing(node, args[0], Fraction(0), even=False)
    if op in (MAXIMUM, MINIMUM):
        others = [arg for arg in args if not is_zero(arg)]
        return Vanishing(node, others[0], Fraction(1), even=False) if len(others) == 1 else None
    base, exponent = (args[0], Fraction(2)) if op is SQUARE else as_power(node)
    if base is node or exponent <= 0:
        return None
    if base in near:
        return near[base].replace(degree=near[base].degree * exponent)
    if exponent.denominator == 1 or not is_nonnegative(base):
        return None
    root = simplify(SQRT(base))
    if is_op(root, ABS, NORM2):
        return Vanishing(node, root.args[0], 2 * exponent, even=True)
    return Vanishing(node, base, exponent, even=False)


def _rough(args: Iterable[Expr], near: dict[Expr, Vanishing], order: int) -> list[Vanishing]:
    return [near[arg] for arg in args if arg in near and not near[arg].is_smooth(order)]


def _rough_in_product(node: Apply, near: dict[Expr, Vanishing], order: int) -> list[Vanishing]:
    """Degrees of factors that vanish together add up: ``x |x|``, ``x ||x||``."""
    return [
        kink
        for kink in _rough(node.args, near, order)
        if sum(_degree_at(kink, factor, near) for factor in node.args) <= order
    ]


def _degree_at(kink: Vanishing, factor: Expr, near: dict[Expr, Vanishing]) -> Fraction:
    """The degree of a factor in the distance from a kink."""
    if factor in near:
        other = near[factor]
        # Where one entry is zero, the norm is not.
        together = other.distance is kink.distance and (kink.of_whole or not other.of_whole)
        return other.degree if together else Fraction(0)
    base, exponent = as_power(factor)
    whole = exponent > 0 and exponent.denominator == 1
    return exponent if whole and base is kink.distance else Fraction(0)
