"""Sizes: products of a positive integer and size symbols, such as ``1``, ``n``, ``2 m n``."""

from __future__ import annotations

from collections.abc import Mapping


class Dim:
    """A size. Equal sizes compare equal; two different symbols are never assumed equal.

    Immutable. A dataclass would do, were it not asked millions of times whether it is 1.

    Attributes:
        coefficient: positive integer factor.
        symbols: the size symbols, sorted, repeated where a power is meant.
        is_unit: whether the size is 1, so that the axis carries no index.
    """

    __slots__ = ("_hash", "coefficient", "is_unit", "symbols")

    def __init__(self, coefficient: int = 1, symbols: tuple[str, ...] = ()) -> None:
        self.coefficient = coefficient
        self.symbols = symbols
        self.is_unit = coefficient == 1 and not symbols
        self._hash = hash((coefficient, symbols))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Dim):
            return NotImplemented
        return self.coefficient == other.coefficient and self.symbols == other.symbols

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Dim({self.coefficient}, {self.symbols})"

    @staticmethod
    def of(value: Dim | int | str) -> Dim:
        """A size from a symbol's name or a positive integer."""
        if isinstance(value, Dim):
            return value
        return Dim(value, ()) if isinstance(value, int) else Dim(1, (value,))

    def __mul__(self, other: Dim) -> Dim:
        if self.is_unit:
            return other
        if other.is_unit:
            return self
        return Dim(
            self.coefficient * other.coefficient,
            tuple(sorted(self.symbols + other.symbols)),
        )

    def substitute(self, sizes: Mapping[str, Dim]) -> Dim:
        """Replace size symbols by sizes."""
        if sizes.keys().isdisjoint(self.symbols):
            return self
        result = Dim(self.coefficient, ())
        for symbol in self.symbols:
            result *= sizes.get(symbol) or Dim(1, (symbol,))
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
