"""Logarithms of what exponentials are multiplied and added to, without computing the exponentials.

``exp(1000)`` is infinite in floating point, its logarithm is not. What is positive because it is made of
exponentials is therefore known by its logarithm here, and comes back from there as ``sigmoid`` or
``softmax`` where it is one: ``exp(z) / (1 + exp(z))`` has the logarithm ``z - softplus(z)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import reduce

from matcalc.codegen.entrywise import LOG_NDTR, LOGADDEXP, LOGCOSH, MILLS
from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, found_bottom_up, operations
from matcalc.core.operation import Operation
from matcalc.ops.constant import ONES, PI
from matcalc.ops.elementwise import (
    COSH,
    ERF,
    EXP,
    LOG,
    RECIPROCAL,
    SIGMOID,
    SOFTPLUS,
    SQRT,
    SQUARE,
    TANH,
)
from matcalc.ops.linalg import VEC
from matcalc.ops.reduction import (
    LOGSUMEXP,
    LOGSUMEXP_1,
    LOGSUMEXP_2,
    MEAN,
    MEAN_1,
    MEAN_2,
    SOFTMAX,
    SOFTMAX_1,
    SOFTMAX_2,
    SUM,
    SUM_1,
    SUM_2,
)
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import build
from matcalc.passes.collect import total
from matcalc.passes.products import product
from matcalc.passes.properties import properties
from matcalc.passes.simplify import simplify

#: Longest sum of exponentials that is added up term by term.
LONGEST_SUM = 8

_SUMS = {SUM: LOGSUMEXP, SUM_1: LOGSUMEXP_1, SUM_2: LOGSUMEXP_2}
_MEANS: dict[Operation, tuple[Operation, Callable[[Expr], Dim]]] = {
    MEAN: (LOGSUMEXP, lambda X: X.shape[0] * X.shape[1]),
    MEAN_1: (LOGSUMEXP_1, lambda X: X.shape[0]),
    MEAN_2: (LOGSUMEXP_2, lambda X: X.shape[1]),
}
_SOFTMAX = {SOFTMAX: LOGSUMEXP, SOFTMAX_1: LOGSUMEXP_1, SOFTMAX_2: LOGSUMEXP_2}
_EXPONENTS = {SQRT: Fraction(1, 2), SQUARE: Fraction(2), RECIPROCAL: Fraction(-1)}

#: What has the logarithm that follows from that of the first argument.
_OF_ONE = frozenset({TRANSPOSE, POWER, *_SUMS, *_MEANS, *_EXPONENTS})

#: Without one of these nothing has a logarithm here, nor can overflow where it is added and multiplied.
_EXPONENTIALS = frozenset({EXP, COSH, SIGMOID, ERF, *_SOFTMAX})


def has_exponentials(roots: Sequence[Expr]) -> bool:
    """Whether something may have a logarithm here, and be the better for it.

    ``1 - tanh(z)`` only where its logarithm is asked for: networks are full of ``tanh``.
    """
    found = operations(*roots)
    return not _EXPONENTIALS.isdisjoint(found) or {LOG, TANH} <= found


def logarithm(e: Expr) -> Expr | None:
    """The logarithm of what is made of exponentials, entry by entry; None for anything else."""
    return found_bottom_up(e, logarithm, _parts, _logarithm)


def _parts(e: Expr) -> tuple[Expr, ...]:
    """The arguments whose logarithms are asked for that of the expression."""
    if e.op is TIMES or (e.op is ADD and len(e.args) <= LONGEST_SUM):
        return e.args
    if e.op is MATMUL:
        return e.args if len(e.args) == 2 else ()
    return e.args[:1] if e.op in _OF_ONE else ()


def exponential(l: Expr) -> Expr:
    """``exp(l)``: in terms of ``sigmoid`` or ``softmax`` where it can be."""
    number, l = _number(l)
    found = _exponential(l)
    return found if number == 1 else build.scaled(number, found)


def _number(l: Expr) -> tuple[Fraction, Expr]:
    """The numbers whose logarithms are added, as one factor, and the other terms."""
    number, others = Fraction(1), []
    for coefficient, term in terms(l):
        factors = [f for f in (term.args if term.op is TIMES else (term,)) if not build.is_one(f)]
        logarithm_of = factors[0].args[0] if len(factors) == 1 and factors[0].op is LOG else None
        if isinstance(logarithm_of, Constant) and coefficient.denominator == 1:
            number *= logarithm_of.value ** int(coefficient)
        else:
            others.append(build.scaled(coefficient, term))
    return number, l if number == 1 else total(build.zeros(l.shape), *others)


def _exponential(l: Expr) -> Expr:
    parts = list(terms(l))
    for position, (coefficient, term) in enumerate(parts):
        if coefficient < 0 and coefficient.denominator == 1:
            others = parts[:position] + parts[position + 1 :]
            above = total(build.zeros(l.shape), *(build.scaled(*other) for other in others))
            found = _quotient(above, term, int(-coefficient))
            if found is not None:
                return found
    return EXP(l)


def _quotient(above: Expr, term: Expr, power: int) -> Expr | None:
    """``exp(above - power term)``, the term being the logarithm of what divides."""
    if build.is_op(term, LOG_NDTR):
        (z,) = term.args
        squares = build.scaled(Fraction(power, 2), build.power(z, Constant(2)))
        density = SQRT(build.times(Constant(2), PI()))
        rest = total(above, squares)
        ratios = _power(build.times(density, MILLS(z)), power)
        if build.is_zero(rest):
            return ratios
        if len(list(terms(rest))) < len(list(terms(above))):
            return build.times(ratios, EXP(rest))
    if build.is_op(term, SOFTPLUS):
        z = term.args[0]
        for k in range(power + 1):
            if above is build.scaled(k, z):
                minus_z = build.scaled(-1, z)
                return build.times(_power(SIGMOID(z), k), _power(SIGMOID(minus_z), power - k))
    if build.is_op(term, LOGADDEXP):
        a, b = term.args
        for k in range(power + 1):
            if above is total(build.scaled(k, a), build.scaled(power - k, b)):
                difference = total(a, build.scaled(-1, b))
                shares = SIGMOID(difference), SIGMOID(build.scaled(-1, difference))
                return build.times(_power(shares[0], k), _power(shares[1], power - k))
    for softmax in _SOFTMAX:
        x = _summed(softmax, term)
        if x is not None and above is build.scaled(power, x):
            return _power(softmax(x), power)
        if x is not None and above is build.scaled(power, build.transposed(x)):
            return _power(build.transposed(softmax(x)), power)
    return None


def _power(base: Expr, exponent: int) -> Expr:
    return build.power(base, Constant(exponent))


def terms(l: Expr) -> Iterator[tuple[Fraction, Expr]]:
    """The terms of a sum with their coefficients, also of a multiple of a sum."""
    coefficient, rest = build.split_coefficient(l)
    for term in rest.args if build.is_op(rest, ADD) else (rest,):
        scale, core = build.split_coefficient(term)
        yield coefficient * scale, core


def spread(e: Expr, shape: Shape) -> Expr:
    """A scalar, a row or a column as the array of this shape of which it is every entry, row or column."""
    if e.shape == shape:
        return e
    if e.is_scalar:
        return build.times(e, build.ones(shape))
    rows, columns = shape
    if e.shape[0].is_unit:
        return product(build.ones((rows, ONE)), e)
    return product(e, build.ones((ONE, columns)))


def _logarithm(e: Expr) -> Expr | None:
    if not isinstance(e, Apply):
        return None
    if e.op is ADD:
        return _of_sum(e)
    if e.op is TIMES:
        return _of_product(e)
    if e.op is MATMUL:
        return _of_chain(e)
    if not e.args:
        return None
    first = e.args[0]
    if e.op is EXP:
        return first
    if e.op is SIGMOID:
        return build.scaled(-1, SOFTPLUS(build.scaled(-1, first)))
    if e.op is COSH:
        return LOGCOSH(first)
    if e.op in _SOFTMAX:
        return total(first, build.scaled(-1, spread(_SOFTMAX[e.op](first), e.shape)))
    inner = logarithm(first) if e.op in _OF_ONE else None
    if inner is None:
        return None
    if e.op is TRANSPOSE:
        return build.transposed(inner)
    if e.op in _SUMS:
        return _log_sum(_SUMS[e.op], inner)
    if e.op in _MEANS:
        operation, counted = _MEANS[e.op]
        count = build.size(counted(first))
        return total(_log_sum(operation, inner), spread(build.scaled(-1, LOG(count)), e.shape))
    if e.op in _EXPONENTS or (e.op is POWER and isinstance(e.args[1], Constant)):
        return build.scaled(_EXPONENTS.get(e.op, build.as_power(e)[1]), inner)
    return None


def _of_sum(e: Apply) -> Expr | None:
    """Term by term, numbers first: ``log(1 + exp(a)) = softplus(a)``."""
    if len(e.args) > LONGEST_SUM:
        return None
    if (found := _of_erf(e) or _of_tanh(e)) is not None:
        return found
    sigmoid = _one_minus_sigmoid(e)
    if sigmoid is not None:
        return build.scaled(-1, SOFTPLUS(sigmoid))
    numbers: list[Expr] = []
    logarithms: list[Expr | None] = []
    for term in e.args:
        coefficient, rest = build.split_coefficient(term)
        if build.is_one(rest):
            if coefficient < 0:
                return None
            value = build.UNIT if coefficient == 1 else Constant(coefficient)
            numbers.append(
                build.zeros(e.shape) if value is build.UNIT else spread(LOG(value), e.shape)
            )
        else:
            logarithms.append(logarithm(term))
    if not logarithms or None in logarithms:
        return None
    added = reduce(LOGADDEXP, (l for l in logarithms if l is not None))
    for number in numbers:
        added = total(number, SOFTPLUS(total(added, build.scaled(-1, number))))
    return added


def _of_erf(e: Expr) -> Expr | None:
    """The logarithm of ``c (1 + erf(u))``, c being a number: ``log(2 c) + log_ndtr(sqrt(2) u)``."""
    for scale, number, factor, part in _beside_ones(e):
        c = scale * number
        if c > 0 and build.is_op(part, ERF) and abs(factor) == number:
            u = build.scaled(factor / number, simplify(part.args[0]))
            return _with_log(2 * c, LOG_NDTR(build.times(SQRT(Constant(2)), u)))
    return None


def _beside_ones(e: Expr) -> Iterator[tuple[Fraction, Fraction, Fraction, Expr]]:
    """What ``e`` is as ``scale (number + factor part)``, if it is that."""
    scale, added = build.split_coefficient(e)
    if added.op is ADD and len(added.args) == 2:
        pairs = [build.split_coefficient(term) for term in added.args]
        for (number, ones), (factor, part) in (pairs, pairs[::-1]):
            if build.is_one(ones):
                yield scale, number, factor, part


def _with_log(number: Fraction, l: Expr) -> Expr:
    """``log(number) + l``."""
    return l if number == 1 else total(spread(LOG(Constant(number)), l.shape), l)


def _of_tanh(e: Expr) -> Expr | None:
    """The logarithm of what is near 0 where ``tanh`` is near 1, c being a number.

    ``c (1 + tanh(z)) = 2 c sigmoid(2 z)`` and ``c (1 - tanh(z)^2) = c / cosh(z)^2``.
    """
    for scale, number, factor, part in _beside_ones(e):
        base, exponent = build.as_power(part)
        c = scale * number
        if c <= 0 or not build.is_op(base, TANH) or abs(factor) != number:
            continue
        (z,) = base.args
        if exponent == 2 and factor < 0:
            return _with_log(c, build.scaled(-2, LOGCOSH(z)))
        if exponent == 1:
            minus_2z = build.scaled(-2 * factor / number, z)
            return _with_log(2 * c, build.scaled(-1, SOFTPLUS(minus_2z)))
    return None


def _one_minus_sigmoid(e: Apply) -> Expr | None:
    """Z where ``e`` is ``1 - sigmoid(z)``."""
    one, *rest = sorted(e.args, key=lambda term: build.split_coefficient(term)[0], reverse=True)
    if len(rest) == 1 and build.is_one(one):
        coefficient, other = build.split_coefficient(rest[0])
        if coefficient == -1 and build.is_op(other, SIGMOID):
            return other.args[0]
    return None


def _of_product(e: Apply) -> Expr | None:
    """The sum of the logarithms, if all factors are positive and some are made of exponentials."""
    if (found := _of_erf(e) or _of_tanh(e)) is not None:
        return found
    logarithms = []
    has_any = False
    for factor in e.args:
        l = logarithm(factor)
        has_any = has_any or l is not None
        if l is None and not build.is_op(factor, ONES):
            if "positive" not in properties(factor):
                return None
            l = LOG(factor)
        if l is not None:
            logarithms.append(spread(l, e.shape))
    return total(*logarithms) if has_any else None


def _of_chain(e: Apply) -> Expr | None:
    """Of sums and copies of rows or columns, which are products with ones, and of products with a vector."""
    if len(e.args) != 2:
        return None
    left, right = e.args
    if _is_ones(right) and (left.shape[1].is_unit or right.shape[1].is_unit):
        l = logarithm(left)
        if l is None or right.shape[1].is_unit:
            return None if l is None else _log_sum(LOGSUMEXP_2, l)
        return spread(l, e.shape)
    if _is_ones(left) and (right.shape[0].is_unit or left.shape[0].is_unit):
        l = logarithm(right)
        if l is None or left.shape[0].is_unit:
            return None if l is None else _log_sum(LOGSUMEXP_1, l)
        return spread(l, e.shape)
    above, below = logarithm(left), logarithm(right)
    if above is None or below is None:
        return None
    if right.shape[1].is_unit:
        return _log_sum(LOGSUMEXP_2, total(above, spread(build.transposed(below), left.shape)))
    if left.shape[0].is_unit:
        return _log_sum(LOGSUMEXP_1, total(spread(build.transposed(above), right.shape), below))
    return None


def _is_ones(e: Expr) -> bool:
    return build.is_op(e.args[0] if build.is_op(e, TRANSPOSE) else e, ONES)


def _log_sum(operation: Operation, l: Expr) -> Expr:
    """Log of the sum of exponentials, over the axes that the operation sums."""
    rows, columns = l.shape
    summed = {LOGSUMEXP_1: rows, LOGSUMEXP_2: columns}.get(operation, rows * columns)
    if summed.is_unit:
        return l
    if len(l.axes) == 1:
        return LOGSUMEXP(l if columns.is_unit else build.transposed(l))
    return operation(VEC(l) if operation is LOGSUMEXP else l)


def _summed(softmax: Operation, term: Expr) -> Expr | None:
    """The x of which it is the logarithm of the denominators in a softmax, one for each entry."""
    for factor in term.args:
        if build.is_op(factor, _SOFTMAX[softmax]):
            (x,) = factor.args
            if term is spread(factor, term.shape):
                return x
    return None
