"""Definitions folded back: what rules have taken apart gets its name again.

``1/n sum(x)`` is ``mean(x)``, ``exp(z) / sum(exp(z))`` is ``softmax(z)``, ``sinh(x) ./ cosh(x)`` is
``tanh(x)``. Each is shorter than what it replaces.
"""

from __future__ import annotations

from collections.abc import Iterator

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.constant import ONES
from matcalc.ops.elementwise import ABS, COS, COSH, EXP, LOG, SIN, SINH, TAN, TANH
from matcalc.ops.linalg import ADJ, DET, DIAG, INV, TRACE
from matcalc.ops.reduction import (
    LOGSUMEXP,
    MEAN,
    MEAN_1,
    MEAN_2,
    NORM1,
    SOFTMAX,
    SUM,
    SUM_1,
    SUM_2,
)
from matcalc.ops.structural import MATMUL, TIMES
from matcalc.passes.build import as_power, is_op, ones, power, size, times, transposed
from matcalc.passes.measure import measure
from matcalc.passes.products import product
from matcalc.passes.simplify import renewed

#: Quotients of element-wise functions that have a name.
QUOTIENTS = {(SINH, COSH): TANH, (SIN, COS): TAN}


def fold_back(e: Expr) -> Expr:
    """The expression, which is in normal form, with names for whatever has one."""
    for node in postorder(e, without=fold_back):
        node.memo[fold_back] = _fold(node)
    found: Expr = e.memo[fold_back]
    return found


def _fold(node: Expr) -> Expr:
    return _named(renewed(node, fold_back)) if isinstance(node, Apply) else node


def _named(e: Expr) -> Expr:
    if is_op(e, MATMUL):
        return _named_sum(e.args)
    if is_op(e, SUM) and is_op(e.args[0], ABS) and e.args[0].shape[1].is_unit:
        return NORM1(e.args[0].args[0])
    if is_op(e, LOG):
        exponent = _exponents(e.args[0])
        return e if exponent is None else LOGSUMEXP(exponent)
    for fold in (_quotient, _softmax, _mean, _adjugate):
        if is_op(e, TIMES):
            e = fold(e.args)
    return e


def _named_sum(chain: tuple[Expr, ...]) -> Expr:
    """``ones(1, m) X`` as ``sum(X, 1)``."""
    if len(chain) == 2:
        left, right = chain
        if is_op(left, ONES) and left.shape[0].is_unit:
            return SUM_1(right)
        if is_op(right, ONES) and right.shape[1].is_unit:
            return SUM_2(left)
    return MATMUL(*chain)


def _quotient(factors: tuple[Expr, ...]) -> Expr:
    """``sinh(x) ./ cosh(x)`` as ``tanh(x)``, squares and cubes of it too."""
    powers = {as_power(factor): factor for factor in factors}
    for (base, exponent), factor in powers.items():
        for (above, below), name in QUOTIENTS.items():
            if is_op(base, above) and (below(*base.args), -exponent) in powers:
                divisor = powers[below(*base.args), -exponent]
                rest = [f for f in factors if f not in (factor, divisor)]
                return times(*rest, power(name(*base.args), Constant(exponent)))
    return times(*factors)


def _adjugate(factors: tuple[Expr, ...]) -> Expr:
    """``det(X) tr(X^-1 B)`` as ``tr(adj(X) B)`` (Jacobi's formula)."""
    for place, factor in enumerate(factors):
        for other_place, other in enumerate(factors):
            if not (is_op(factor, DET) and is_op(other, TRACE) and is_op(other.args[0], MATMUL)):
                continue
            inverse = INV(factor.args[0])
            chain = other.args[0].args
            if chain.count(inverse) == 1:
                named = [ADJ(*f.args) if f is inverse else f for f in chain]
                rest = [f for k, f in enumerate(factors) if k not in (place, other_place)]
                return times(*rest, TRACE(MATMUL(*named)))
    return times(*factors)


# ------------------------------------------------------------------ softmax


def _exponents(e: Expr) -> Expr | None:
    """The vector z where ``e`` is ``sum(exp(z))``."""
    if is_op(e, SUM) and is_op(e.args[0], EXP) and e.args[0].shape[1].is_unit:
        return e.args[0].args[0]
    return None


def _softmax(factors: tuple[Expr, ...]) -> Expr:
    """``A' exp(z) / sum(exp(z))`` as ``A' softmax(z)``."""
    for place, divisor in enumerate(factors):
        base, exponent = as_power(divisor)
        z = _exponents(base)
        if z is None or exponent >= 0 or exponent.denominator != 1:
            continue
        others = factors[:place] + factors[place + 1 :]
        named = [_in_chain(factor, EXP(z), SOFTMAX(z)) for factor in others]
        if sum(count for _, count in named) == -exponent:
            return times(*(factor for factor, _ in named))
    return times(*factors)


def _in_chain(e: Expr, old: Expr, new: Expr) -> tuple[Expr, int]:
    """A factor with the new vector for the old one, itself or inside a matrix product, and how often."""
    chain = e.args if is_op(e, MATMUL) else (e,)
    named = [_replaced(factor, old, new) for factor in chain]
    count = sum(a is not b for a, b in zip(named, chain, strict=True))
    return (product(*named), count) if count else (e, 0)


def _replaced(e: Expr, old: Expr, new: Expr) -> Expr:
    """The new vector for the old one, as it stands, as a row, or on a diagonal."""
    if e is old:
        return new
    if e is transposed(old):
        return transposed(new)
    return DIAG(new) if is_op(e, DIAG) and e.args[0] is old else e


# ------------------------------------------------------------------ means


def _mean(factors: tuple[Expr, ...]) -> Expr:
    """``1/m sum(X, 1)`` as ``mean(X, 1)``, also where the sum is a product with ones."""
    scalars = [factor for factor in factors if factor.is_scalar]
    arrays = [factor for factor in factors if not factor.is_scalar]
    if len(arrays) > 1:
        return times(*factors)
    chain = arrays[0].args if arrays and is_op(arrays[0], MATMUL) else tuple(arrays)
    for length, rest, named in _reductions(scalars, chain):
        whole = times(*rest)
        divided = times(*rest, size(length))
        if measure(divided) < measure(whole):
            return times(divided, named)
    return times(*factors)


def _reductions(
    scalars: list[Expr], chain: tuple[Expr, ...]
) -> Iterator[tuple[Dim, list[Expr], Expr]]:
    """Every sum in a product: the length it runs over, the other scalars, and the product with its mean."""
    for place, scalar in enumerate(scalars):
        if is_op(scalar, SUM):
            [x] = scalar.args
            rest = scalars[:place] + scalars[place + 1 :]
            yield x.shape[0] * x.shape[1], rest, times(MEAN(x), product(*chain))
    for place, factor in enumerate(chain):
        before, after = chain[:place], chain[place + 1 :]
        if is_op(factor, SUM_1):
            yield factor.args[0].shape[0], scalars, product(*before, MEAN_1(*factor.args), *after)
        elif is_op(factor, SUM_2):
            yield factor.args[0].shape[1], scalars, product(*before, MEAN_2(*factor.args), *after)
        elif is_op(factor, ONES):
            rows, columns = factor.shape
            if after and not columns.is_unit:
                means = product(ones((rows, ONE)), MEAN_1(after[0]), *after[1:])
                yield columns, scalars, product(*before, means)
            if before and not rows.is_unit:
                means = product(*before[:-1], MEAN_2(before[-1]), ones((ONE, columns)))
                yield rows, scalars, product(means, *after)
