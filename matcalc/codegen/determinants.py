"""Logarithms of products with determinants, which would overflow: ``log(det(X) / det(Y))``, ``log(sqrt(det(2 pi X)))``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from matcalc.core.expr import Constant, Expr
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import ABS, LOG
from matcalc.ops.linalg import DET, LOGDET
from matcalc.ops.structural import POWER, TIMES
from matcalc.passes import build
from matcalc.passes.collect import total
from matcalc.passes.properties import properties

LOGABSDET = Operation("logabsdet", "(n, n) -> scalar", ("X",), numpy="np.linalg.slogdet({0})[1]")
"""``log(abs(det(X)))``."""

SIGNDET = Operation("signdet", "(n, n) -> scalar", ("X",), numpy="np.linalg.slogdet({0})[0]")
"""``sign(det(X))``."""


def log_of_determinants(e: Expr) -> Expr | None:
    """``log(e)`` of a number that is a product with determinants; None for anything else.

    It is what the logarithm is in floating point where nothing overflows, NaN for negative numbers.
    """
    if not e.is_scalar or not any(build.is_op(base, DET) for base in _bases(e)):
        return None
    return _log(e)


def _bases(e: Expr) -> Iterator[Expr]:
    """What a product consists of, without powers and absolute values."""
    pending = [e]
    while pending:
        base, _ = build.as_power(pending.pop())
        if base.op in (TIMES, ABS):
            pending.extend(base.args)
        elif base.op is POWER:
            pending.append(base.args[0])
        else:
            yield base


def _log(e: Expr) -> Expr:
    """The sum of the logarithms of what is positive, and of what only has to be that together."""
    terms: list[Expr] = []
    signed: list[Expr] = []
    determinants: list[tuple[Fraction, Expr]] = []
    for factor in _factors(e):
        base, exponent = build.as_power(factor)
        if exponent.denominator > 1:
            terms.append(build.scaled(exponent, _log(base)))
        elif exponent % 2 == 0:
            terms.append(build.scaled(exponent, _log_abs(base)))
        elif build.is_op(base, ABS):
            terms.append(build.scaled(exponent, _log_abs(base.args[0])))
        elif build.is_op(base, DET):
            determinants.append((exponent, base.args[0]))
        elif base.op is POWER and _is_positive(base.args[0]):
            power = build.times(base.args[1], _log(base.args[0]))
            terms.append(build.scaled(exponent, power))
        elif _is_positive(base):
            terms.append(build.scaled(exponent, LOG(base)))
        else:
            signed.append(factor)
    return total(*terms, *_of_signed(determinants, signed))


def _factors(e: Expr) -> Iterator[Expr]:
    """The factors of a product, also of one whose whole power it is."""
    base, exponent = build.as_power(e)
    if base.op is TIMES and exponent.denominator == 1:
        for arg in base.args:
            yield from _factors(build.power(arg, Constant(exponent)))
    else:
        yield e


def _log_abs(e: Expr) -> Expr:
    """``log(abs(e))``."""
    powers = map(build.as_power, _factors(e))
    return total(*(build.scaled(exponent, _log_abs_of_one(base)) for base, exponent in powers))


def _log_abs_of_one(e: Expr) -> Expr:
    if build.is_op(e, DET):
        return LOGDET(*e.args) if _is_positive(e) else LOGABSDET(*e.args)
    return LOG(e if _is_positive(e) else ABS(e))


def _is_positive(e: Expr) -> bool:
    known = properties(e.args[0] if build.is_op(e, DET) else e)
    return ("spd" if build.is_op(e, DET) else "positive") in known


def _of_signed(
    determinants: Sequence[tuple[Fraction, Expr]], others: Sequence[Expr]
) -> Iterator[Expr]:
    """The logarithms of factors with any signs, odd powers of determinants among them."""
    is_one = len(determinants) == 1 and not others
    if is_one or all(_is_positive(DET(X)) for _, X in determinants):
        yield from (build.scaled(exponent, LOGDET(X)) for exponent, X in determinants)
        signs: list[Expr] = []
    else:
        yield from (build.scaled(exponent, LOGABSDET(X)) for exponent, X in determinants)
        signs = [SIGNDET(X) for _, X in determinants]
    if signs or others:
        yield LOG(build.times(*others, *signs))
