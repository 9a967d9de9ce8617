"""Abstract functions as generic polynomials, so that derivatives with them can be checked.

What holds for every function holds for a polynomial with random coefficients; and what holds for
random coefficients, at random points, holds for every function as far as its derivatives at a point
go: they are independent of each other up to the order of the degree.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from matcalc.core.expr import Apply
from matcalc.core.operation import Operation
from matcalc.ops.abstract import antiderivative, has_columns

#: Degree of the polynomials. Only derivatives of a higher order vanish.
DEGREE = 5


def primitive(op: Operation) -> tuple[Operation, tuple[int, ...]]:
    """The function that an abstract function is a repeated derivative of, and by which arguments.

    Of a function applied to every column it is the function of one column.
    """
    op = op.on_column or op
    positions: list[int] = []
    while found := antiderivative(op):
        op, position = found
        positions.insert(0, position)
    return op, tuple(positions)


def abstract_image(
    node: Apply, args: Sequence[sympy.Matrix], sizes: Mapping[str, int]
) -> sympy.Matrix:
    """An abstract function's value; more than two axes are one column, the last varying fastest.

    Every entry of the function is a sum of powers of affine forms in all its parameters, more than
    there are parameters, so that no derivative is singular.
    """
    op = node.op
    shape = [dim.evaluate(sizes) for dim in node.shape]
    if op.on_column is None:
        entries = _values(op, args, sizes)
    else:
        columns = [
            _values(op, [a[:, k] if has_columns(op, p) else a for p, a in enumerate(args)], sizes)
            for k in range(shape[-1])
        ]
        entries = [value for entry in zip(*columns, strict=True) for value in entry]
    return sympy.Matrix(*(shape if len(shape) == 2 else [len(entries), 1]), entries)


def _values(op: Operation, args: Sequence[sympy.Matrix], sizes: Mapping[str, int]) -> list[Any]:
    function, positions = primitive(op)
    parameters = [parameter for arg in args for parameter in arg]
    # Python's fractions are many times faster than SymPy's numbers.
    if exact := all(parameter.is_Rational for parameter in parameters):
        parameters = [Fraction(int(number.p), int(number.q)) for number in parameters]
    ends = list(itertools.accumulate(arg.rows * arg.cols for arg in args))
    by = [range(ends[position - 1] if position else 0, ends[position]) for position in positions]
    rng = random.Random(function.name)  # noqa: S311 - no secrets
    entries: list[Any] = []
    for _ in range(math.prod(dim.evaluate(sizes) for dim in function.codomain)):
        powers = [_power_of_form(parameters, k, rng) for k in range(len(parameters) + 1)]
        entries += [
            _added([power.derivative(numbers) for power in powers])
            for numbers in itertools.product(*by)
        ]
    return [sympy.Rational(e.numerator, e.denominator) for e in entries] if exact else entries


def _added(terms: Sequence[Any]) -> Any:
    return sum(terms) if all(isinstance(t, int | Fraction) for t in terms) else sympy.Add(*terms)


@dataclass(frozen=True)
class _Power:
    """A power of an affine form: the form's value, the weights of its parameters, the exponent."""

    form: Any
    weights: Sequence[Any]
    exponent: int

    def derivative(self, numbers: Sequence[int]) -> Any:
        """The derivative by the parameters of these numbers."""
        inner = math.prod((self.weights[number] for number in numbers), start=Fraction(1))
        order = len(numbers)
        if order > self.exponent:
            return 0
        return math.perm(self.exponent, order) * inner * self.form ** (self.exponent - order)


def _power_of_form(parameters: Sequence[Any], number: int, rng: random.Random) -> _Power:
    weights = [Fraction(rng.choice((-1, 1)) * rng.randint(1, 7), 8) for _ in parameters]
    products = (weight * parameter for weight, parameter in zip(weights, parameters, strict=True))
    form = _added([Fraction(rng.randint(1, 7), 8), *products])
    return _Power(form, weights, DEGREE - number % 2)
