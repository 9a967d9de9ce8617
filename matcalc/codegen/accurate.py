"""Functions that keep digits where what is written cancels: ``log(1 + x)``, ``exp(x) - 1``, ``1 - sigmoid(x)``.

And logarithms of determinants, which would overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from matcalc.codegen.determinants import log_of_determinants
from matcalc.codegen.entrywise import ERFC, EXPM1, LOG1MEXP, LOG1P
from matcalc.core.expr import Apply, Constant, Expr, operations, postorder, rebuilt
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import COS, COSH, ERF, EXP, LOG, SIGMOID, SIN, SINH, SQRT, TANH
from matcalc.ops.structural import ADD
from matcalc.passes import build
from matcalc.passes.build import HALF, is_one, scaled, split_coefficient
from matcalc.passes.collect import total

#: What ``1 + c f(z)`` is, by f and c, where the 1 cancels.
BESIDE_ONE: dict[tuple[Operation, Fraction | int], Callable[[Expr], Expr]] = {
    (EXP, -1): lambda z: scaled(-1, EXPM1(z)),
    (SIGMOID, -1): lambda z: SIGMOID(scaled(-1, z)),
    (SIGMOID, -2): lambda z: scaled(-1, TANH(scaled(HALF, z))),
    (ERF, -1): ERFC,
    (ERF, 1): lambda z: ERFC(scaled(-1, z)),
    (COS, -1): lambda z: scaled(2, _squared(SIN(scaled(HALF, z)))),
    (COSH, -1): lambda z: scaled(-2, _squared(SINH(scaled(HALF, z)))),
}


def keep_digits(roots: Sequence[Expr]) -> list[Expr]:
    """The expressions with ``log1p``, ``expm1`` and ``logdet`` where they are meant."""
    if operations(*roots).isdisjoint((LOG, SQRT, *(op for op, _ in BESIDE_ONE))):
        return list(roots)
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        done[node] = _kept(rebuilt(node, done))
    return [done[root] for root in roots]


def _kept(e: Expr) -> Expr:
    if not isinstance(e, Apply):
        return e
    if e.op is LOG:
        return _log(e)
    return _difference(e) if e.op is ADD and len(e.args) == 2 else e


def _log(e: Apply) -> Expr:
    (x,) = e.args
    if (of_determinants := log_of_determinants(x)) is not None:
        return of_determinants
    coefficient, part = split_coefficient(x)
    if coefficient == -1 and part.op is EXPM1:
        return LOG1MEXP(*part.args)
    if isinstance(x, Apply) and x.op is ADD:
        rest = [term for term in x.args if not is_one(term)]
        if len(rest) == len(x.args) - 1:
            return LOG1P(total(*rest))
    return e


def _difference(e: Apply) -> Expr:
    """A number beside a function that can be near to it."""
    pairs = [split_coefficient(term) for term in e.args]
    for (number, ones), (coefficient, part) in (pairs, pairs[::-1]):
        if not is_one(ones) or not isinstance(part, Apply):
            continue
        if (form := BESIDE_ONE.get((part.op, coefficient / number))) is not None:
            return scaled(number, form(*part.args))
        if part.op is SQRT:
            return _root(part, coefficient, -number / coefficient) or e
    (c, first), (d, second) = pairs
    if c == -d and first.op is EXP and second.op is EXP:
        (z,) = first.args
        return scaled(2 * c, SINH(z)) if second.args[0] is scaled(-1, z) else e
    return e


def _root(root: Apply, coefficient: Fraction, less: Fraction) -> Expr | None:
    """``c (sqrt(r^2 + u) - r) = c u / (sqrt(r^2 + u) + r)``."""
    (inside,) = root.args
    if less <= 0 or inside.op is not ADD:
        return None
    number = scaled(less**2, build.ones(root.shape))
    if number not in inside.args:
        return None
    u = total(*(term for term in inside.args if term is not number))
    divisor = total(root, scaled(less, build.ones(root.shape)))
    return build.times(Constant(coefficient), u, build.power(divisor, build.MINUS))


def _squared(e: Expr) -> Expr:
    return build.power(e, Constant(2))
