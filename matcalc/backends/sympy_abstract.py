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
from functools import lru_cache
from typing import Any

import sympy

from matcalc.core.expr import Apply
from matcalc.core.operation import Operation
from matcalc.ops.abstract import antiderivative, has_columns

#: Degree of the polynomials. Only derivatives of a higher order vanish.
DEGREE = 5

#: What the arguments are called where the polynomials are shown.
ARGUMENTS = ("t", "u", "v", "w")


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
    entries: list[Any] = []
    for forms in _entries(function, len(parameters), sizes):
        values = [(form, form.value(parameters)) for form in forms]
        entries += [
            _added([form.derivative(numbers, value) for form, value in values])
            for numbers in itertools.product(*by)
        ]
    return [sympy.Rational(e.numerator, e.denominator) for e in entries] if exact else entries


def _added(terms: Sequence[Any]) -> Any:
    return sum(terms) if all(isinstance(t, int | Fraction) for t in terms) else sympy.Add(*terms)


@dataclass(frozen=True)
class _Form:
    """An affine form that is raised to a power."""

    constant: Fraction
    weights: tuple[Fraction, ...]
    exponent: int

    def value(self, parameters: Sequence[Any]) -> Any:
        """The form's value."""
        products = (w * parameter for w, parameter in zip(self.weights, parameters, strict=True))
        return _added([self.constant, *products])

    def derivative(self, numbers: Sequence[int], value: Any) -> Any:
        """The derivative of the power by the parameters of these numbers, where the form has a value."""
        inner = math.prod((self.weights[number] for number in numbers), start=Fraction(1))
        order = len(numbers)
        if order > self.exponent:
            return 0
        return math.perm(self.exponent, order) * inner * value ** (self.exponent - order)

    def text(self, names: Sequence[str]) -> str:
        """``(3/8 - 5/8 t[1])^5``."""
        terms = (
            f"{'-' if weight < 0 else '+'} {abs(weight)} {name}"
            for weight, name in zip(self.weights, names, strict=True)
        )
        return f"({' '.join([str(self.constant), *terms])})^{self.exponent}"


def _entries(
    function: Operation, parameters: int, sizes: Mapping[str, int]
) -> tuple[tuple[_Form, ...], ...]:
    """For every entry of a function the forms whose powers it is the sum of."""
    return _drawn(
        function.name, parameters, math.prod(dim.evaluate(sizes) for dim in function.codomain)
    )


@lru_cache(1 << 8)
def _drawn(name: str, parameters: int, entries: int) -> tuple[tuple[_Form, ...], ...]:
    rng = random.Random(name)
    return tuple(
        tuple(_form(parameters, number, rng) for number in range(parameters + 1))
        for _ in range(entries)
    )


def _form(parameters: int, number: int, rng: random.Random) -> _Form:
    weights = [Fraction(rng.choice((-1, 1)) * rng.randint(1, 7), 8) for _ in range(parameters)]
    return _Form(Fraction(rng.randint(1, 7), 8), tuple(weights), DEGREE - number % 2)


def polynomial_text(op: Operation, sizes: Mapping[str, int]) -> str:
    """The polynomial that stands for a function: ``L(t) = (3/8 - 5/8 t[1])^5 + (1/8 + 3/4 t[1])^4``."""
    function, _ = primitive(op)
    letters = ARGUMENTS[: len(function.domain_shapes)]
    names: list[str] = []
    for letter, shape in zip(letters, function.domain_shapes, strict=True):
        axes = [range(1, dim.evaluate(sizes) + 1) for dim in shape if not dim.is_unit]
        places = (",".join(map(str, place)) for place in itertools.product(*axes))
        names += [f"{letter}[{place}]" if place else letter for place in places]
    left = f"{function.name}({', '.join(letters)})"
    entries = [
        " + ".join(form.text(names) for form in forms)
        for forms in _entries(function, len(names), sizes)
    ]
    if len(entries) == 1:
        return f"{left} = {entries[0]}"
    axes = [range(1, dim.evaluate(sizes) + 1) for dim in function.codomain if not dim.is_unit]
    subscripts = (",".join(map(str, place)) for place in itertools.product(*axes))
    return ", ".join(f"{left}[{k}] = {e}" for k, e in zip(subscripts, entries, strict=True))
