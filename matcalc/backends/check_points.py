"""The points at which an answer is held against SymPy: entries of either sign, both sides of every kink.

A rule that is wrong for negative numbers only, or beyond a kink, shows at no point that has none of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import sympy

from matcalc.backends import text
from matcalc.backends.sympy_entries import Entries
from matcalc.backends.sympy_reference import Point
from matcalc.backends.sympy_symbols import RIGID, SIGNED, Manner, sampled_matrix
from matcalc.core.expr import Expr, Symbol
from matcalc.passes.regimes import Regime, regimes

#: How further points are drawn, should those that were taken not be on both sides of every kink.
FURTHER = (
    Manner(denominator=1),
    Manner(denominator=1),
    Manner(denominator=1, positive=True),
    Manner(denominator=1, largest=5000),
    Manner(denominator=1, largest=5000, positive=True),
)

#: Longest argument of a kink that is shown.
SHOWN = 60


class Sample:
    """Random points, and the sides of kinks on which there was none so far.

    Attributes:
        taken: how many points were.
    """

    def __init__(
        self, roots: Iterable[Expr], variables: Sequence[Symbol], sizes: Mapping[str, int]
    ) -> None:
        self.roots, self.variables, self.sizes = tuple(roots), variables, sizes
        self.taken = 0
        self._before: Point = {}
        self._unseen: list[Regime] | None = None

    def draw(self, manner: Manner, rng: random.Random) -> Point:
        """A point; after the first that was taken, with entries of opposite signs."""
        before, self._before = self._before, {}
        found: dict[Symbol, sympy.Matrix] = {}
        for variable in self.variables:
            value = sampled_matrix(variable, self.sizes, rng, manner)
            definite = manner.positive or (manner.dominant and variable.is_square)
            if variable in before and not (definite or variable.properties & (SIGNED | RIGID)):
                value = _with_signs(value, -before[variable])
            found[variable] = value
        return found

    def take(self, point: Point, numbers: Entries) -> None:
        """Note what is seen at a point, given the values of the expressions there."""
        self.taken += 1
        if self.taken == 1:
            self._before = point
        self._unseen = [regime for regime in self.unseen if not _is_in(regime, numbers)]

    @property
    def unseen(self) -> list[Regime]:
        """The sides of kinks on which there was no point."""
        if self._unseen is None:
            self._unseen = [regime for regime in regimes(self.roots) if regime.is_side]
        return self._unseen

    def omitted(self) -> str:
        """The first side of a kink on which there was no point, if there is one."""
        if not self.unseen:
            return ""
        first = self.unseen[0]
        argument = text.format_part(first.argument, {}, SHOWN) or "the argument of some kink"
        return f"no point was found where {first.said_of(argument)}"

    def shows_more(self, numbers: Entries) -> bool:
        """Whether there is another side at a point with these values."""
        return any(_is_in(regime, numbers) for regime in self.unseen)


def _with_signs(value: sympy.Matrix, signs: sympy.Matrix) -> sympy.Matrix:
    """The value with other signs; both have the same entries equal, opposite or zero."""
    return sympy.Matrix(
        *value.shape, lambda i, j: abs(value[i, j]) * (1 if signs[i, j] > 0 else -1)
    )


def _is_in(regime: Regime, numbers: Entries) -> bool:
    return any(regime.low < entry < regime.high for entry in numbers.of(regime.argument))
