"""The shorter of two forms: products multiplied out and collected again, definitions folded back.

Factors often cancel only after a product with a sum has been multiplied out: ``1' (X - 1/m 1 1' X) = 0``
for the ones vector 1, ``P (P y - 2 y) = -P y`` for a projector. Every node is tried, inner ones first,
and the smaller form kept (``measure``). Applied to answers, not on the way: it is no normal form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product as choices
from math import prod

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, postorder, rebuilt
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import DIAGONAL, TRACE
from matcalc.ops.reduction import MEAN, MEAN_1, MEAN_2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, MATMUL, MATPOW, TIMES, TRANSPOSE
from matcalc.passes.build import MINUS, as_power, diag, is_op, ones, power, size, times, transposed
from matcalc.passes.collect import total
from matcalc.passes.fold_back import fold_back
from matcalc.passes.measure import measure, shared_measure
from matcalc.passes.products import product, sum_of, trace
from matcalc.passes.simplify import renewed, simplify

#: Expressions that are longer are left alone: they would take long, and be read by nobody.
LONGEST = 250

#: So many transposes in one product are written as one.
MANY_TRANSPOSES = 4

#: Most terms that an expression is multiplied out into.
MOST_TERMS = 24


def shorten(e: Expr) -> Expr:
    """An equal expression, at most as long."""
    if measure(e) > LONGEST:
        return e
    for node in postorder(e, without=shorten):
        node.memo[shorten] = _shortest(node)
    return _turned(e.memo[shorten])


def _shortest(node: Expr) -> Expr:
    if not isinstance(node, Apply):
        return node
    form = renewed(node, shorten)
    return min((form, *_candidates(form)), key=_length)


def _length(e: Expr) -> tuple[int, int]:
    return shared_measure(e), measure(e)


def _candidates(e: Expr) -> Iterator[Expr]:
    """Other forms of an expression whose parts are short already."""
    if not isinstance(e, Apply):
        return
    yield fold_back(e)
    terms = _multiplied_out(e)
    if terms is not None and (len(terms) > 1 or terms[0] is not e):
        collected = total(*terms)
        yield collected
        yield fold_back(collected)
        yield total(*map(fold_back, terms))
    if e.op is ADD:
        yield from _common_factors(e)
    if e.op is MATMUL:
        yield from _powers(e)
    if e.op is TIMES:
        yield from _fractions(e)
        yield from _diagonals(e)
    if e.op is DIAGONAL and is_op(e.args[0], MATMUL):
        yield _row_sums(e.args[0])


# ------------------------------------------------------------------ multiplying out


def _multiplied_out(e: Expr) -> list[Expr] | None:
    """Terms without sums inside, in normal form, that add up to the expression; None if there are too many."""
    if not isinstance(e, Apply):
        return [e]
    op, args = e.op, e.args
    if op is ADD:
        parts = _all_multiplied_out(args)
        if parts is None or sum(map(len, parts)) > MOST_TERMS:
            return None
        return [term for part in parts for term in part]
    if op in (MATMUL, TIMES):
        parts = _all_multiplied_out(args)
        if parts is None or prod(map(len, parts)) > MOST_TERMS:
            return None
        build = product if op is MATMUL else times
        return [build(*chosen) for chosen in choices(*parts)]
    reduction = _REDUCTIONS.get(op)
    if reduction is not None:
        terms = _multiplied_out(args[0])
        return None if terms is None else [reduction(term) for term in terms]
    base, exponent = as_power(e)
    if is_op(base, ADD) and exponent == 2 and base.is_scalar:
        return _multiplied_out(TIMES(base, base))
    return [e]


def _all_multiplied_out(args: tuple[Expr, ...]) -> list[list[Expr]] | None:
    """The terms of every part; None if one has too many."""
    found: list[list[Expr]] = []
    for arg in args:
        terms = _multiplied_out(arg)
        if terms is None:
            return None
        found.append(terms)
    return found


def divided(e: Expr, length: Dim) -> Expr:
    """A sum made a mean."""
    return times(power(size(length), MINUS), e)


#: Operations that act term by term.
_REDUCTIONS: dict[Operation, Callable[[Expr], Expr]] = {
    TRANSPOSE: transposed,
    TRACE: trace,
    SUM: sum_of,
    SUM_1: lambda x: product(ones((ONE, x.shape[0])), x),
    SUM_2: lambda x: product(x, ones((x.shape[1], ONE))),
    MEAN: lambda x: divided(sum_of(x), x.shape[0] * x.shape[1]),
    MEAN_1: lambda x: divided(product(ones((ONE, x.shape[0])), x), x.shape[0]),
    MEAN_2: lambda x: divided(product(x, ones((x.shape[1], ONE))), x.shape[1]),
}


# ------------------------------------------------------------------ quotients and diagonals


def _common_factors(e: Apply) -> Iterator[Expr]:
    """``x.^x + log(x) .* x.^x`` as ``x.^x .* (1 + log(x))``."""
    products = [term.args if is_op(term, TIMES) else (term,) for term in e.args]
    shared = [f for f in products[0] if not f.is_scalar and all(f in p for p in products[1:])]
    if shared:
        rest = (times(*(f for f in p if f not in shared), ones(e.shape)) for p in products)
        yield times(*shared, total(*rest))


def _fractions(e: Apply) -> Iterator[Expr]:
    """``1 / (a (1 + b / a))`` as ``1 / (a + b)``."""
    for place, factor in enumerate(e.args):
        base, exponent = as_power(factor)
        if not is_op(base, ADD) or exponent != -1 or not base.is_scalar:
            continue
        for other_place, other in enumerate(e.args):
            if other_place != place and other.is_scalar and as_power(other)[1] < 0:
                numerator = power(other, MINUS)
                denominator = total(*(times(numerator, term) for term in base.args))
                rest = [f for n, f in enumerate(e.args) if n not in (place, other_place)]
                yield times(*rest, power(denominator, MINUS))


def _diagonals(e: Apply) -> Iterator[Expr]:
    """``(M N) .* I`` as ``diag(sum(M .* N', 2))``."""
    products = [arg for arg in e.args if is_op(arg, MATMUL)]
    if len(products) == 1 and any(is_op(arg, EYE) for arg in e.args):
        rest = [arg for arg in e.args if not is_op(arg, EYE, MATMUL)]
        if all(arg.is_scalar for arg in rest):
            yield times(*rest, diag(_row_sums(products[0])))


def _row_sums(e: Expr) -> Expr:
    """The diagonal of a product of matrices."""
    left, *right = e.args
    return simplify(SUM_2(times(left, transposed(product(*right)))))


# ------------------------------------------------------------------ runs in products


def _powers(e: Apply) -> Iterator[Expr]:
    """``X X' X X' X`` as ``X (X' X)^2``."""
    chain = e.args
    for width in range(2, len(chain) // 2 + 1):
        for start in reversed(range(len(chain) - 2 * width + 1)):
            run = chain[start : start + width]
            if run[0].shape[0] != run[-1].shape[1] or run[0].shape[0].is_unit:
                continue
            count = 1
            while chain[start + count * width : start + (count + 1) * width] == run:
                count += 1
            if count > 1:
                rest = chain[start + count * width :]
                repeated = MATPOW(MATMUL(*run), Constant(count))
                factors = (*chain[:start], repeated, *rest)
                yield MATMUL(*factors) if len(factors) > 1 else repeated


def _turned(e: Expr) -> Expr:
    """``A' X' A' X' A'`` as ``(A X A X A)'``; shorter products show their transposes.

    Products are turned last and not simplified again, since normal form turns them back.
    """
    done: dict[Expr, Expr] = {}
    for node in postorder(e):
        many = sum(is_op(factor, TRANSPOSE) for factor in node.args) >= MANY_TRANSPOSES
        if many and is_op(node, MATMUL) and not node.is_scalar:
            done[node] = TRANSPOSE(transposed(node))
        else:
            done[node] = rebuilt(node, done)
    return done[e]
