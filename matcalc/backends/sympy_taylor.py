"""Entries along a line as polynomials of degree at most 1 in every step: truncated Taylor arithmetic.

What is computed along X + t E grows with every operation unless the powers of t that do not matter are
dropped. Sums, products and integer powers are carried out on the coefficients (A. Griewank and
A. Walther, Evaluating Derivatives, SIAM 2008, chapter 13); every other function of the entries is
differentiated by SymPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import sympy

from matcalc.backends.sympy_numbers import Numbers, UnsuitablePointError, scalar_postorder, settled

#: Coefficients by the product of steps that they belong to, one bit for each step; those missing are 0.
Polynomial = Mapping[int, Any]


class Taylor:
    """Scalar expressions in some steps, truncated.

    Args:
        steps: the symbols whose squares are dropped.
    """

    def __init__(self, steps: Sequence[Any]) -> None:
        self._steps = steps
        self._origin = Numbers(dict.fromkeys(steps, sympy.S.Zero))
        self._known: dict[Any, Polynomial] = {
            step: {1 << k: sympy.S.One} for k, step in enumerate(steps)
        }

    def truncate(self, matrix: sympy.Matrix) -> sympy.Matrix:
        """A hook that drops the powers of steps that do not matter from every entry."""
        return matrix.applyfunc(lambda entry: self._expression(self._polynomial(entry)))

    def last_coefficient(self, entry: Any) -> Any:
        """The coefficient of the product of all steps, which is the derivative by each of them."""
        return self._polynomial(entry).get((1 << len(self._steps)) - 1, sympy.S.Zero)

    def _polynomial(self, entry: Any) -> Polynomial:
        known = self._known
        for node in scalar_postorder([entry], known):
            known[node] = self._node(node, [known[arg] for arg in node.args])
        return known[entry]

    def _node(self, node: Any, args: Sequence[Polynomial]) -> Polynomial:
        if not args or node.is_Rational:
            return {0: settled(node)}
        if node.is_Add:
            return _sum(args)
        if node.is_Mul:
            return reduce(_product, args)
        if node.is_Pow and node.exp.is_Integer:
            return _power(args[0], int(node.exp))
        return self._differentiated(node.func(*map(self._expression, args)))

    def _differentiated(self, value: Any) -> Polynomial:
        """Any other function of truncated arguments: SymPy's derivatives where all steps are 0."""
        return {
            bits: self._origin.evaluate(reduce(sympy.diff, self._product_of(bits), value))
            for bits in range(1 << len(self._steps))
        }

    def _expression(self, polynomial: Polynomial) -> Any:
        return sympy.Add(*(sympy.Mul(c, *self._product_of(bits)) for bits, c in polynomial.items()))

    def _product_of(self, bits: int) -> list[Any]:
        return [step for k, step in enumerate(self._steps) if bits >> k & 1]


def _sum(polynomials: Iterable[Polynomial]) -> Polynomial:
    found: dict[int, Any] = {}
    for polynomial in polynomials:
        for bits, c in polynomial.items():
            found[bits] = found.get(bits, 0) + c
    return found


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    found: dict[int, Any] = {}
    for left, c in a.items():
        for right, d in b.items():
            if not left & right:
                found[left | right] = found.get(left | right, 0) + c * d
    return found


def _power(base: Polynomial, exponent: int) -> Polynomial:
    """Repeated products; ``1 / (c + N) = sum_k (-N)^k / c^(k + 1)``, as N is nilpotent.

    Raises:
        UnsuitablePointError: a division by zero.
    """
    if exponent < 0:
        base, exponent = _reciprocal(base), -exponent
    result: Polynomial = {0: sympy.S.One}
    while exponent:
        if exponent % 2:
            result = _product(result, base)
        base, exponent = _product(base, base), exponent // 2
    return result


def _reciprocal(base: Polynomial) -> Polynomial:
    if not base.get(0):
        raise UnsuitablePointError("a division by zero")
    inverse = 1 / base[0]
    rest = {bits: -c * inverse for bits, c in base.items() if bits}
    term: Polynomial = {0: inverse}
    terms: list[Polynomial] = []
    while term:
        terms.append(term)
        term = _product(term, rest)
    return _sum(terms)
