"""Sizes: products of a positive integer and size symbols, such as ``1``, ``n``, ``2 m n``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dim:
    """A size. Equal sizes compare equal; two different symbols are never assumed equal.

    Attributes:
        coefficient: positive integer factor.
        symbols: the size symbols, sorted, repeated where a power is meant.
    """

    coefficient: int = 1
    symbols: tuple[str, ...] = ()

    @staticmethod
    def of(value: Dim | int | str) -> Dim:
        """A size from a symbol's name or a positive integer."""
        if isinstance(value, Dim):
            return value
        return Dim(value, ()) if isinstance(value, int) else Dim(1, (value,))

    @property
    def is_unit(self) -> bool:
        """Whether the size is 1, so that the axis carries no index."""
        return self.coefficient == 1 and not self.symbols

    def __mul__(self, other: Dim) -> Dim:
        return Dim(
            self.coefficient * other.coefficient,
            tuple(sorted(self.symbols + other.symbols)),
        )

    def substitute(self, sizes: Mapping[str, Dim]) -> Dim:
        """Replace size symbols by sizes."""
        result = Dim(self.coefficient, ())
        for symbol in self.symbols:
            result = result * sizes.get(symbol, Dim(1, (symbol,)))
        return result

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number that the size is, given a number for every symbol."""
        result = self.coefficient
        for symbol in self.symbols:
            result *= sizes[symbol]
        return result

    def __str__(self) -> str:
        parts = list(self.symbols)
        if self.coefficient != 1 or not parts:
            parts.insert(0, str(self.coefficient))
        return " ".join(parts)


ONE = Dim()

#: Axes of an expression. Matrix expressions have two, rows and columns: a vector is (n, 1), a row
#: (1, n), a scalar (1, 1). Derivatives of abstract functions may have more.
Shape = tuple[Dim, ...]

SCALAR: Shape = (ONE, ONE)


def describe_shape(shape: Shape) -> str:
    """A shape as messages print it: ``a scalar``, ``length n``, ``a row of length n``, ``(m, n)``."""
    if len(shape) == 2:
        rows, columns = shape
        if rows.is_unit and columns.is_unit:
            return "a scalar"
        if columns.is_unit:
            return f"a vector of length {rows}"
        if rows.is_unit:
            return f"a row of length {columns}"
    return "(" + ", ".join(map(str, shape)) + ")"
