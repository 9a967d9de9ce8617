"""What exponentials are multiplied and added to with coefficients of any sign, as ``exp(t) .* s``.

``a' exp(x)`` has no logarithm that could be written as ``logsumexp(x)``, since ``a`` is anything; but it is
``exp(t) (a' exp(x - t))``, whatever t is, and with the largest entry of x for t nothing overflows. The
product does not depend on t, and so derivatives are taken as if t were a constant: the derivatives of
what stands here are as stable as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from matcalc.codegen.entrywise import COUNTED, EXPM1, FINITE, WEIGHTED_EXP
from matcalc.codegen.logarithms import LONGEST_SUM, logarithm, spread, terms
from matcalc.core.dim import Shape
from matcalc.core.expr import Apply, Constant, Expr, found_bottom_up
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import COSH, EXP, MAXIMUM, SQRT
from matcalc.ops.linalg import DIAG, DIAGONAL, VEC
from matcalc.ops.reduction import EXTREMES, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import build
from matcalc.passes.collect import total
from matcalc.passes.products import product
from matcalc.passes.properties import properties
from matcalc.passes.simplify import rebuild

_BY_NAME = {op.name: op for op in EXTREMES}
_LARGEST = {SUM: _BY_NAME["max"], SUM_1: _BY_NAME["max_1"], SUM_2: _BY_NAME["max_2"]}

#: Operations through which a scalar factor moves.
LINEAR = (MATMUL, TRANSPOSE, DIAG, DIAGONAL, VEC, SUM, SUM_1, SUM_2)

#: ``exp(t) .* s`` as t and s, both of the shape of the whole.
Scaled = tuple[Expr, Expr]


def is_shifted(e: Expr) -> bool:
    """Whether it is an exponential whose exponent has been shifted: that is subtracted."""
    if e.op is not EXP:
        return False
    for coefficient, term in terms(e.args[0]):
        factors = term.args if term.op in (TIMES, MATMUL) else (term,)
        is_shift = any((f.args[0] if f.op is TRANSPOSE else f).op is FINITE for f in factors)
        if coefficient < 0 and is_shift:
            return True
    return False


def grows(e: Expr) -> bool:
    """Whether an exponential in it can overflow that is only added to and multiplied."""
    if grows not in e.memo:
        e.memo[grows] = False
        if isinstance(e, Apply):
            base, exponent = build.as_power(e)
            if base is not e:
                e.memo[grows] = exponent > 0 and grows(base)
            elif e.op in (EXP, COSH):
                e.memo[grows] = not is_shifted(e)
            else:
                e.memo[grows] = e.op in (ADD, TIMES, *LINEAR) and any(map(grows, e.args))
    found: bool = e.memo[grows]
    return found


def scaled(e: Expr) -> Scaled | None:
    """The expression as ``exp(t) .* s`` where no exponential in t or s overflows; None where it has none."""
    return found_bottom_up(e, scaled, _parts, _scaled)


def _parts(e: Expr) -> tuple[Expr, ...]:
    if logarithm(e) is not None or e.op not in _RULES:
        return ()
    return e.args[:1] if e.op in (POWER, SQRT) else e.args


def _scaled(e: Expr) -> Scaled | None:
    l = logarithm(e)
    if l is not None:
        return l, build.ones(e.shape)
    rule = _RULES.get(e.op)
    parts = [arg.memo.get(scaled) for arg in e.args]
    if rule is None or not any(parts):
        return None
    assert isinstance(e, Apply)
    return rule(e, parts)


def _factor(part: Scaled | None, e: Expr) -> Scaled:
    """What has no exponentials is itself, with t = 0."""
    return part or (build.zeros(e.shape), e)


def _of_sum(e: Apply, parts: Sequence[Scaled | None]) -> Scaled | None:
    if len(e.args) > LONGEST_SUM:
        return None
    added = [_factor(part, arg) for part, arg in zip(parts, e.args, strict=True)]
    top = FINITE(reduce(MAXIMUM, (_counted(t, s) for t, s in added)))
    numbers = [build.split_coefficient(s) for _, s in added]
    # ``exp(x) - exp(y)`` keeps its digits where x is near to y.
    cancels = all(build.is_one(rest) for _, rest in numbers) and not sum(c for c, _ in numbers)
    power = EXPM1 if cancels else EXP
    return top, total(*(_shifted(t, top, s, power) for t, s in added))


def _of_product(e: Apply, parts: Sequence[Scaled | None]) -> Scaled:
    factors = [_factor(part, arg) for part, arg in zip(parts, e.args, strict=True)]
    exponent = total(*(spread(t, e.shape) for t, _ in factors))
    return exponent, spread(build.times(*(s for _, s in factors)), e.shape)


def _of_power(e: Apply, parts: Sequence[Scaled | None]) -> Scaled | None:
    part, (base, exponent) = parts[0], build.as_power(e)
    if part is None or base is e:
        return None
    t, s = part
    return build.scaled(exponent, t), build.power(s, Constant(exponent))


def _of_rearranged(e: Apply, parts: Sequence[Scaled | None]) -> Scaled | None:
    (part,) = parts
    if part is None:
        return None
    t, s = (rebuild(e.op, (arg,)) for arg in part)
    # Beside the diagonal s is 0, and t may be anything.
    return (spread(part[0], e.shape) if e.op is DIAG else t), s


def _of_total(e: Apply, parts: Sequence[Scaled | None]) -> Scaled | None:
    (part,) = parts
    return None if part is None else _added_up(e.op, *part)


def _added_up(operation: Operation, t: Expr, s: Expr) -> Scaled:
    """The sum over ``exp(t) .* s``, over the axes that the operation sums."""
    top = _top(operation, t, s)
    return top, rebuild(operation, (_shifted(t, spread(top, t.shape), s),))


def _top(operation: Operation, t: Expr, s: Expr) -> Expr:
    """The largest of the exponents that are summed."""
    t = _counted(t, s)
    if operation is SUM and t.shape[0].is_unit:
        t = build.transposed(t)
    return FINITE(_LARGEST[operation](t))


def _counted(t: Expr, s: Expr) -> Expr:
    """The exponents of what is not 0."""
    _, weights = build.split_coefficient(s)
    return COUNTED(t, weights) if _is_counted(t, weights) else t


def _is_counted(t: Expr, weights: Expr) -> bool:
    """Whether weights can be 0 where exponents are large; those that are a shift left zeros out."""
    return t.op is not FINITE and "nonzero" not in properties(weights)


def _shifted(t: Expr, top: Expr, s: Expr, power: Operation = EXP) -> Expr:
    """``exp(t - top) .* s``."""
    exponent = total(t, build.scaled(-1, top))
    coefficient, weights = build.split_coefficient(s)
    if power is EXP and _is_counted(t, weights):
        return build.scaled(coefficient, WEIGHTED_EXP(exponent, weights))
    return build.times(power(exponent), s)


def _of_chain(e: Apply, parts: Sequence[Scaled | None]) -> Scaled:
    """A product of matrices, from its vectors: every entry of such a product has a shift of its own."""
    factors = [part or arg for part, arg in zip(parts, e.args, strict=True)]
    if e.shape[1].is_unit:
        return _to_column(factors)
    if e.shape[0].is_unit:
        t, s = _to_column([_turned(factor) for factor in reversed(factors)])
        return build.transposed(t), build.transposed(s)
    return _between_matrices(e, parts)


def _to_column(factors: list[Expr | Scaled]) -> Scaled:
    """A product that is a column, from the right; between two vectors over all entries at once."""
    while len(factors) > 1:
        *before, left, right = factors
        first, second, *others = factors
        if isinstance(left, Expr) and isinstance(right, Expr):
            factors = [*before, product(left, right)]
        elif isinstance(first, Expr) and isinstance(second, Expr) and first.shape[0].is_unit:
            factors = [product(first, second), *others]
        elif len(others) == 1 and _shape(first)[0].is_unit and not _shape(right)[0].is_unit:
            factors = [_between_vectors(first, second, right)]
        else:
            factors = [*before, _times_column(left, right)]
    (found,) = factors
    assert not isinstance(found, Expr)
    return found


def _times_column(left: Expr | Scaled, right: Expr | Scaled) -> Scaled:
    """A matrix times a column: every row is shifted by the largest exponent that it adds up.

    With one shift for all, a row that has only small exponents would come out as 0.
    """
    (t, s), (u, v) = (_pair(factor) for factor in (left, right))
    rows, columns = t.shape
    if columns.is_unit:
        return total(t, spread(u, t.shape)), build.times(s, spread(v, t.shape))
    if rows.is_unit:
        return _added_up(SUM, total(build.transposed(t), u), _weights(build.transposed(s), v))
    exponents, weights = (spread(build.transposed(part), t.shape) for part in (u, v))
    return _added_up(SUM_2, total(t, exponents), _weights(s, weights))


def _between_vectors(row: Expr | Scaled, matrix: Expr | Scaled, column: Expr | Scaled) -> Scaled:
    """``exp(y)' W exp(x)``, shifted by the largest ``y[i] + x[j]`` that has a weight."""
    (p, q), (t, s), (u, v) = map(_pair, (_turned(row), matrix, _turned(column)))
    exponents = total(spread(p, t.shape), t, spread(u, t.shape))
    return _added_up(SUM, exponents, _weights(spread(q, t.shape), s, spread(v, t.shape)))


def _weights(*factors: Expr) -> Expr:
    """Their product, entry by entry."""
    others = [factor for factor in factors if not build.is_one(factor)]
    return build.times(*others) if others else factors[0]


def _pair(factor: Expr | Scaled) -> Scaled:
    return _factor(None, factor) if isinstance(factor, Expr) else factor


def _shape(factor: Expr | Scaled) -> Shape:
    return _pair(factor)[0].shape


def _turned(factor: Expr | Scaled) -> Expr | Scaled:
    if isinstance(factor, Expr):
        return build.transposed(factor)
    t, s = factor
    return build.transposed(t), build.transposed(s)


def _between_matrices(e: Apply, parts: Sequence[Scaled | None]) -> Scaled:
    """Shifts of rows in front, of columns at the end, of all that stands between.

    A shift for every entry would take an exponential for every product of two numbers.
    """
    exponents, factors = [], []
    for place, (part, arg) in enumerate(zip(parts, e.args, strict=True)):
        if part is None:
            factors.append(arg)
            continue
        t, s = part
        operation = SUM
        if place == 0 and not arg.shape[0].is_unit:
            operation = SUM_2
        elif place == len(parts) - 1 and not arg.shape[1].is_unit:
            operation = SUM_1
        top = _top(operation, t, s)
        factors.append(_shifted(t, spread(top, arg.shape), s))
        exponents.append(spread(top, e.shape))
    return total(*exponents), product(*factors)


_RULES: dict[Operation | None, Callable[[Apply, Sequence[Scaled | None]], Scaled | None]] = {
    ADD: _of_sum,
    TIMES: _of_product,
    POWER: _of_power,
    SQRT: _of_power,
    MATMUL: _of_chain,
    **dict.fromkeys((SUM, SUM_1, SUM_2), _of_total),
    **dict.fromkeys((TRANSPOSE, VEC, DIAG, DIAGONAL), _of_rearranged),
}
