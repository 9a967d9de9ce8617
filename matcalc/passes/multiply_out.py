"""Products of sums multiplied out, where that is shorter.

Derivatives of high order are sums of products of sums: ``(80 + 32 u) u + u (60 + 56 u)``. As
polynomials in what is no sum, like terms meet: ``140 u + 88 u^2``, which is ``u (140 + 88 u)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from matcalc.core.dim import Shape
from matcalc.core.expr import Constant, Expr, postorder
from matcalc.ops.constant import ONES
from matcalc.ops.structural import ADD, TIMES
from matcalc.passes.build import as_power, is_op, ones, power, times, zeros
from matcalc.passes.collect import total
from matcalc.passes.equal import canonical
from matcalc.passes.measure import measure
from matcalc.passes.simplify import renewed

#: Polynomials with more terms than this are left as they are.
MOST_TERMS = 64

#: Powers of sums up to this one are multiplied out.
HIGHEST_POWER = 8

#: Bases with their exponents, in the order in which they were met.
Monomial = tuple[tuple[Expr, Fraction], ...]

#: Terms by their monomials, those in canonical form and without order.
Polynomial = dict[frozenset[tuple[Expr, Fraction]], tuple[Monomial, Fraction]]


def multiply_out(e: Expr) -> Expr:
    """The expression with every sum and product in the shorter of its two forms."""
    if multiply_out not in e.memo:
        for node in postorder(e, without=multiply_out):
            node.memo[multiply_out] = _shorter(node)
    found: Expr = e.memo[multiply_out]
    return found


def _shorter(node: Expr) -> Expr:
    form = renewed(node, multiply_out)
    if not is_op(form, ADD, TIMES) or not _has_product_of_sums(form):
        return form
    polynomial = _polynomial(form)
    if polynomial is None:
        return form
    return min(form, _written(polynomial, form.shape), key=measure)


def _has_product_of_sums(e: Expr) -> bool:
    """Whether multiplying out changes anything: one of the terms is a product that has a sum in it."""
    terms = e.args if is_op(e, ADD) else (e,)
    return any(is_op(part, ADD) or bool(_parts(part)) for term in terms for part in _parts(term))


def _written(polynomial: Polynomial, shape: Shape) -> Expr:
    """The polynomial as a sum in normal form, lowest powers first."""
    terms = [
        times(
            Constant(coefficient),
            *(power(base, Constant(exponent)) for base, exponent in monomial),
            ones(shape),
        )
        for monomial, coefficient in sorted(polynomial.values(), key=_degree)
        if coefficient
    ]
    return total(*terms) if terms else zeros(shape)


def _degree(term: tuple[Monomial, Fraction]) -> Fraction:
    return sum((abs(exponent) for _, exponent in term[0]), Fraction(0))


def _polynomial(e: Expr) -> Polynomial | None:
    """Sums, products and whole powers of sums, read as a polynomial in everything else.

    None if it has too many terms.
    """
    found: dict[Expr, Polynomial] = {}
    stack = [(e, False)]
    while stack:
        node, ready = stack.pop()
        if node in found:
            continue
        parts = _parts(node)
        if not ready:
            stack.append((node, True))
            stack.extend((part, False) for part in parts)
            continue
        if not parts:
            polynomial = _single(node)
        elif is_op(node, ADD):
            polynomial = _sum(found[part] for part in parts)
        else:
            polynomial = _product([found[part] for part in parts])
        if len(polynomial) > MOST_TERMS:
            return None
        found[node] = polynomial
    return found[e]


def _parts(node: Expr) -> tuple[Expr, ...]:
    """What a sum or product is made of; nothing for what is neither."""
    if is_op(node, ADD, TIMES):
        return node.args
    base, exponent = as_power(node)
    if is_op(base, ADD) and exponent.denominator == 1 and 1 < exponent <= HIGHEST_POWER:
        return (base,) * int(exponent)
    return ()


def _single(node: Expr) -> Polynomial:
    if isinstance(node, Constant):
        return {frozenset(): ((), node.value)}
    if is_op(node, ONES):
        return {frozenset(): ((), Fraction(1))}
    return {_key(part := (as_power(node),)): (part, Fraction(1))}


def _key(monomial: Monomial) -> frozenset[tuple[Expr, Fraction]]:
    return frozenset((canonical(base), exponent) for base, exponent in monomial)


def _sum(summands: Iterable[Polynomial]) -> Polynomial:
    result: Polynomial = {}
    for summand in summands:
        for key, (monomial, coefficient) in summand.items():
            first, so_far = result.get(key, (monomial, Fraction(0)))
            result[key] = (first, so_far + coefficient)
    return result


def _product(factors: list[Polynomial]) -> Polynomial:
    """The product, or as much of it as has too many terms."""
    result = factors[0]
    for factor in factors[1:]:
        if len(result) > MOST_TERMS:
            return result
        result = _sum(
            {_key(joined := _joined(a, b)): (joined, c * d)}
            for a, c in result.values()
            for b, d in factor.values()
        )
    return result


def _joined(a: Monomial, b: Monomial) -> Monomial:
    exponents: dict[Expr, tuple[Expr, Fraction]] = {}
    for base, exponent in (*a, *b):
        first, so_far = exponents.get(canonical(base), (base, Fraction(0)))
        exponents[canonical(base)] = (first, so_far + exponent)
    return tuple((base, exponent) for base, exponent in exponents.values() if exponent)
