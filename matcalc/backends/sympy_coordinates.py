"""The free parameters of a variable, and how derivatives by them are laid out in its entries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import sympy

from matcalc.backends.sympy_entries import Table
from matcalc.backends.sympy_symbols import parameter
from matcalc.core.expr import Symbol
from matcalc.errors import UnsupportedProblem

#: What a derivative by a structured variable means, see DESIGN section 5.
Structured = Literal["ambient", "tangent", "independent"]


class Coordinates:
    """A variable's entries in terms of free parameters.

    ``ambient``: every entry is a parameter of its own. ``independent``: entries that the structure
    ties to each other are one parameter, and the derivative by it stands in each of their places.
    ``tangent``: there it is divided among them, which makes the whole the orthogonal projection of
    the ambient derivative on the structure.

    Attributes:
        symbol: the variable.
        parameters: a SymPy symbol for every parameter.
    """

    def __init__(self, symbol: Symbol, sizes: Mapping[str, int], structured: Structured) -> None:
        if structured != "ambient" and "orthogonal" in symbol.properties:
            raise UnsupportedProblem(
                f"no {structured} check for {symbol.name}: orthogonal matrices are not a linear space"
            )
        properties = frozenset[str]() if structured == "ambient" else symbol.properties
        self.symbol = symbol
        self._structured = structured
        self.parameters: list[sympy.Symbol] = []
        self._shape = tuple(dim.evaluate(sizes) for dim in symbol.shape)
        self._axes = [k for k, dim in enumerate(symbol.shape) if not dim.is_unit]
        self._entries: dict[tuple[int, ...], tuple[int, int]] = {}
        self._shares: list[int] = []
        numbers: dict[tuple[int, int], int] = {}
        for i, j in itertools.product(*map(range, self._shape)):
            sign, owner = parameter(properties, i, j)
            if not sign:
                continue
            if owner not in numbers:
                numbers[owner] = len(self.parameters)
                self.parameters.append(sympy.Dummy(f"x{i}_{j}", real=True))
                self._shares.append(0)
            self._entries[i, j] = sign, numbers[owner]
            self._shares[numbers[owner]] += 1
        if structured != "tangent":
            self._shares = [1] * len(self.parameters)

    def at(self, sizes: Mapping[str, int]) -> Coordinates:
        """The same at other sizes."""
        return Coordinates(self.symbol, sizes, self._structured)

    def matrix(self) -> sympy.Matrix:
        """The variable, written in its parameters."""

        def entry(i: int, j: int) -> Any:
            sign, number = self._entries.get((i, j), (0, 0))
            return sign * self.parameters[number] if sign else sympy.S.Zero

        return sympy.Matrix(*self._shape, entry)

    def values(self, at: sympy.Matrix) -> dict[sympy.Symbol, Any]:
        """Values of the parameters where the variable has a given value."""
        return {
            self.parameters[number]: sign * at[place]
            for place, (sign, number) in self._entries.items()
        }

    def lay_out(
        self, partials: Mapping[tuple[int, ...], Table], order: int
    ) -> Iterator[tuple[tuple[int, ...], Any]]:
        """The derivative's entries, by the axes of f and those of the variable ``order`` times.

        Entries whose partial derivative is not given are left out.
        """
        outputs = list(next(iter(partials.values()))) if partials else []
        for places in itertools.product(itertools.product(*map(range, self._shape)), repeat=order):
            suffix = tuple(place[axis] for place in places for axis in self._axes)
            found = [self._entries.get(place, (0, 0)) for place in places]
            weight = sympy.prod(
                sympy.Rational(sign, self._shares[number]) if sign else 0 for sign, number in found
            )
            key = tuple(sorted(number for _, number in found))
            if weight == 0:
                yield from ((output + suffix, sympy.S.Zero) for output in outputs)
            elif key in partials:
                yield from ((output + suffix, weight * v) for output, v in partials[key].items())
