"""Numbers as the checks know them: rationals, or real numbers to many digits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy

#: Digits that are carried where numbers are not rational; 50 of them are claimed.
DIGITS = 60

_STEPS = (sympy.Heaviside, sympy.DiracDelta, sympy.sign)


class UnsuitablePointError(ArithmeticError):
    """The function or its derivative has no real value at the point, or the point is on a kink."""


def settled(value: Any) -> Any:
    """A number as a rational, where it is written as one, or with many digits.

    Raises:
        UnsuitablePointError: it is infinite, undefined or not real.
    """
    if value.is_Rational:
        return value
    number = value if value.is_Float else value.evalf(DIGITS)
    if number.is_Rational or (number.is_Float and number.is_finite):
        return number
    raise UnsuitablePointError(f"a value is {number}, not a real number")


def settle_entries(matrix: sympy.Matrix) -> sympy.Matrix:
    """A hook for expressions of numbers: without it, exact irrational numbers would swell."""
    return matrix.applyfunc(settled)


def scalar_postorder(roots: Iterable[Any], known: Mapping[Any, Any]) -> Iterable[Any]:
    """Subexpressions that are not known yet, arguments first. The caller enters each as it comes."""
    stack = list(roots)
    while stack:
        node = stack[-1]
        missing = [] if node in known else [arg for arg in node.args if arg not in known]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if node not in known:
            yield node


class Numbers:
    """Values of scalar expressions for given values of their symbols; shared parts count once."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self.values = dict(values)
        self._known: dict[Any, Any] = dict(values)

    def evaluate(self, expression: Any) -> Any:
        """The expression's value, settled.

        Raises:
            UnsuitablePointError: there is none, or a step function in it jumps there.
        """
        known = self._known
        for node in scalar_postorder([expression], known):
            args = [known[arg] for arg in node.args]
            if isinstance(node, _STEPS) and args[0] == 0:
                raise UnsuitablePointError("the point is on a kink")
            value = node.func(*args) if args else node
            known[node] = settled(value) if value.is_number and not value.is_Rational else value
        return settled(known[expression])
