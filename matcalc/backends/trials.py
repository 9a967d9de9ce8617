"""Formulas at random points: whether they are equal there, and if not, how they are related."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy.matrices.exceptions import NonInvertibleMatrixError

from matcalc.backends.sympy_entries import Entries
from matcalc.backends.sympy_numbers import UnsuitablePointError, settle_entries, settled
from matcalc.backends.sympy_symbols import Manner, sampled_matrix
from matcalc.codegen.function import GeneratedFunction
from matcalc.codegen.generate import generate
from matcalc.core.expr import Expr, Symbol
from matcalc.core.index import IndexExpr
from matcalc.core.properties import closed
from matcalc.errors import ArgumentProblem, LimitProblem, ShapeProblem, UnsupportedProblem
from matcalc.passes.declarations import contradiction

Formula = Expr | IndexExpr
Array = NDArray[Any]

#: How points are drawn, in turn until one suits.
MANNERS = (
    Manner(),
    Manner(dominant=True),
    Manner(positive=True, dominant=True),
    Manner(positive=True, denominator=128),
    Manner(denominator=128),
    Manner(positive=True),
    Manner(positive=True, denominator=4),
)

#: Points for each assignment of sizes, unless more are wanted; few entries need more points, until
#: so many numbers have been drawn that their signs are not all alike: |x| must not pass for x.
POINTS, NUMBERS = 2, 24

#: Two arrays are equal if they differ by less than this, relative to their largest entry.
TOLERANCE = 1e-8

#: How far a point is moved, relative to its entries, to see whether values depend on rounding.
NUDGE = 1e-12

#: Values that are larger are too inexact to be compared.
LARGE = 1e9

#: Largest denominator of a factor that is recognised.
DENOMINATOR = 64

#: That two matrices commute; that the entries of a vector, such as probabilities, have the sum 1.
COMMUTE = "commuting"
SUM_ONE = "of sum 1"

#: What may hold for a variable on top of what is known, or for two; what is rarely meant, apart.
COMMON = ("symmetric", SUM_ONE)
RARE = ("orthogonal", "skew", COMMUTE, "diagonal", "positive")

#: What is no property of the variables one by one, or is lost when one of them is multiplied.
RELATIONS = (COMMUTE, SUM_ONE)

#: Where one of these does as well, a matrix need not be symmetric.
ASYMMETRIC = ("orthogonal", "skew")


@dataclass(frozen=True)
class Point:
    """Sizes, and a value for every variable: exactly, and as an array without axes of size 1."""

    sizes: Mapping[str, int]
    exact: Mapping[Symbol, sympy.Matrix]
    arrays: Mapping[str, Array]

    @staticmethod
    def of(sizes: Mapping[str, int], exact: Mapping[Symbol, sympy.Matrix]) -> Point:
        """The point with these values."""
        return Point(sizes, exact, {s.name: as_array(s, matrix) for s, matrix in exact.items()})

    def nudged(self) -> Point:
        """A point nearby; entries that are equal or opposite stay so."""
        arrays = {
            name: array * (1 + NUDGE * np.sin(1000 * np.abs(array)))
            for name, array in self.arrays.items()
        }
        return Point(self.sizes, self.exact, arrays)


def as_array(symbol: Symbol, matrix: sympy.Matrix) -> Array:
    """A value with the axes of its variable that are not of size 1."""
    shape = tuple(n for n, dim in zip(matrix.shape, symbol.shape, strict=True) if not dim.is_unit)
    return np.array([float(entry) for entry in matrix]).reshape(shape)


class Values:
    """Values of formulas by generated code; of what there is no code for, by SymPy."""

    def __init__(self) -> None:
        self._functions: dict[Formula, tuple[GeneratedFunction, list[str], list[str]] | None] = {}
        #: By the identity of the exact values, kept beside, of a point: what SymPy has computed there.
        self._entries: dict[int, tuple[Mapping[Symbol, sympy.Matrix], Entries]] = {}

    def at(self, f: Formula, point: Point) -> Array | None:
        """The value, if it is finite, with the axes that are not of size 1."""
        if f not in self._functions:
            self._functions[f] = _compiled(f)
        compiled = self._functions[f]
        value = self._by_sympy(f, point) if compiled is None else _called(*compiled, point)
        if value is None or not np.isfinite(value).all() or (np.abs(value) > LARGE).any():
            return None
        return value

    def quick(self, f: Formula, point: Point) -> Array | None:
        """The same, but only where there is code for it."""
        if f not in self._functions:
            self._functions[f] = _compiled(f)
        return None if self._functions[f] is None else self.at(f, point)

    def _by_sympy(self, f: Formula, point: Point) -> Array | None:
        if id(point.exact) not in self._entries:
            there = Entries(point.sizes, point.exact, settle_entries)
            self._entries[id(point.exact)] = point.exact, there
        return _settled(f, point, self._entries[id(point.exact)][1])


def _compiled(f: Formula) -> tuple[GeneratedFunction, list[str], list[str]] | None:
    try:
        # SciPy's factorisations pay for large matrices; these have a few entries.
        generated = generate(f, alone=True)
        names = [symbol.name for symbol in generated.arrays.values()]
        return GeneratedFunction(generated), names, list(generated.sizes.values())
    except (UnsupportedProblem, LimitProblem):
        return None


def _called(
    function: GeneratedFunction, names: list[str], sizes: list[str], point: Point
) -> Array | None:
    known = {**point.sizes, **point.arrays}
    given: dict[str, Any] = {name: known[name] for name in (*names, *sizes) if name in known}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            value: Array = function(**given)
            return value
    except (ArgumentProblem, ShapeProblem):  # a matrix is singular, there is no such size or entry
        return None


def _settled(f: Formula, point: Point, entries: Entries) -> Array | None:
    try:
        if isinstance(f, Expr):
            matrix = entries.of(f)
            shape = [n for n, dim in zip(matrix.shape, f.shape, strict=False) if not dim.is_unit]
            found = [settled(entry) for entry in matrix]
        else:
            shape = [dim.evaluate(point.sizes) for dim in f.dims]
            found = [settled(entry) for entry in entries.of_index(f).values()]
    except (UnsuitablePointError, NonInvertibleMatrixError, UnsupportedProblem):
        return None
    return np.array([float(entry) for entry in found]).reshape(shape)


class Trials:
    """Random points at which some formulas have values, at several assignments of sizes.

    Attributes:
        points: the points, those of one assignment together.
    """

    def __init__(
        self,
        variables: Sequence[Symbol],
        assignments: Iterable[Mapping[str, int]],
        defined: Sequence[Formula],
        values: Values | None = None,
        count: int = POINTS,
    ) -> None:
        self.values = Values() if values is None else values
        self.variables = variables
        self.points: list[Point] = []
        self._of: dict[Formula, list[Array] | None] = {}
        rng = random.Random(0)
        for sizes in assignments:
            self.points += self._suitable(sizes, defined, max(count, self._needed(sizes)), rng)

    def _needed(self, sizes: Mapping[str, int]) -> int:
        """Points at which ``NUMBERS`` entries have been drawn."""
        entries = sum(math.prod(dim.evaluate(sizes) for dim in s.shape) for s in self.variables)
        return -(-NUMBERS // entries) if entries else 1

    def _suitable(
        self,
        sizes: Mapping[str, int],
        defined: Sequence[Formula],
        count: int,
        rng: random.Random,
    ) -> list[Point]:
        found: list[Point] = []
        for manner in (m for m in MANNERS for _ in range(count)):
            try:
                exact = {s: sampled_matrix(s, sizes, rng, manner) for s in self.variables}
            except (UnsupportedProblem, NonInvertibleMatrixError):
                continue
            point = Point.of(sizes, exact)
            if all(self._is_stable(f, point) for f in defined):
                found.append(point)
            if len(found) == count:
                break
        return found

    def _is_stable(self, f: Formula, point: Point) -> bool:
        """Whether there is a value that is not all rounding errors, as near a singular matrix."""
        value, near = self.values.at(f, point), self.values.at(f, point.nudged())
        return value is not None and near is not None and all_close([value], [near])

    def of(self, f: Formula) -> list[Array] | None:
        """Its values at all points, if it has them."""
        if f not in self._of:
            found = (self.values.at(f, point) for point in self.points)
            values = list(itertools.takewhile(lambda value: value is not None, found))
            complete = len(values) == len(self.points)
            self._of[f] = [v for v in values if v is not None] if complete else None
        return self._of[f]

    def equal(self, a: Formula, b: Formula, tolerance: float = TOLERANCE) -> bool:
        """Whether two formulas have the same values."""
        left, right = self.of(a), self.of(b)
        return left is not None and right is not None and all_close(left, right, tolerance)

    def factor(self, a: Formula, b: Formula) -> Fraction | None:
        """The rational number c for which a = c b, if there is one."""
        for point in self.points[:1]:  # where most of what is tried differs already
            x, y = self.values.at(a, point), self.values.at(b, point)
            if x is None or y is None or x.shape != y.shape:
                return None
            if (x.any() or y.any()) and common_factor([x], [y]) is None:
                return None
        left, right = self.of(a), self.of(b)
        return None if left is None or right is None else common_factor(left, right)

    def factor_of_values(self, values: Sequence[Array], b: Formula) -> Fraction | None:
        """The rational number c for which these values at the points are c b, if there is one."""
        right = self.of(b)
        return None if right is None else common_factor(values, right)

    def factor_of_sizes(self, a: Formula, b: Formula) -> tuple[Fraction, dict[str, int]] | None:
        """The number c and exponents of sizes for which a = c m^i n^j b, if there are such."""
        left, right = self.of(a), self.of(b)
        if left is None or right is None:
            return None
        ratios = [common_factor([x], [y]) for x, y in zip(left, right, strict=True)]
        names = list(self.points[0].sizes) if self.points else []
        for exponents in _exponents(names):
            constants = {
                None if ratio is None else ratio / _monomial(point.sizes, exponents)
                for ratio, point in zip(ratios, self.points, strict=True)
            }
            if len(constants) == 1 and (constant := constants.pop()) is not None:
                return constant, exponents
        return None

    def where(self, symbol: Symbol, special: Symbol) -> Trials:
        """The same points with another value for a variable, which has the properties of ``special``."""
        variables = [special if s is symbol else s for s in self.variables]
        trials = Trials(variables, (), (), self.values)
        for point in self.points:
            with suppress(UnsupportedProblem, NonInvertibleMatrixError):
                rng = random.Random(1)
                value = sampled_matrix(special, point.sizes, rng, Manner())
                others = {s: v for s, v in point.exact.items() if s is not symbol}
                trials.points.append(Point.of(point.sizes, {**others, special: value}))
        return trials

    def conditions(
        self, a: Formula, b: Formula, kinds: Sequence[str]
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names of a variable, or of two, and a property under which a = b."""
        for chosen, kind in self._possible(kinds):
            if all(self._agree_restricted(a, b, point, chosen, kind) for point in self.points):
                yield tuple(symbol.name for symbol in chosen), kind

    def _agree_restricted(
        self, a: Formula, b: Formula, point: Point, chosen: Sequence[Symbol], kind: str
    ) -> bool:
        """Whether a = b, not both 0, where these variables have a property and both exist."""
        for manner in MANNERS:
            near = restricted(point, chosen, kind, manner)
            values = [] if near is None else [self.values.at(f, near) for f in (a, b)]
            left, right = values or (None, None)
            if left is not None and right is not None:
                return all_close([left], [right]) and bool(left.any())
        return False

    def able(self, kind: str) -> list[Symbol]:
        """The variables of which a property is not known but possible."""
        return [s for s in self.variables if _may_be(s, kind)]

    def _possible(self, kinds: Sequence[str]) -> Iterator[tuple[tuple[Symbol, ...], str]]:
        """What could be assumed, of single variables first."""
        for count in (1, 2):
            for kind in kinds:
                able = self.able(kind)
                if kind != COMMUTE or count == 2:
                    yield from ((chosen, kind) for chosen in itertools.combinations(able, count))


def restricted(point: Point, chosen: Sequence[Symbol], kind: str, manner: Manner) -> Point | None:
    """The point with other values for these variables, that have a property."""
    rng = random.Random(1)
    exact = dict(point.exact)
    if kind == COMMUTE:
        a, b = chosen
        if a.shape != b.shape:
            return None
        exact[b] = exact[a] ** 2 - 3 * exact[a]
        return Point.of(point.sizes, exact)
    if kind == SUM_ONE:
        exact.update({s: _of_sum_one(exact[s]) for s in chosen})
        return Point.of(point.sizes, exact)
    for symbol in chosen:
        known = Symbol(symbol.name, symbol.shape, symbol.properties | {kind})
        try:
            exact[symbol] = sampled_matrix(known, point.sizes, rng, manner)
        except (UnsupportedProblem, NonInvertibleMatrixError):
            return None
    return Point.of(point.sizes, exact)


def _of_sum_one(vector: sympy.Matrix) -> sympy.Matrix:
    """The vector with as much added to all entries as they lack; no entries become alike."""
    return vector + sympy.ones(*vector.shape) * (1 - sum(vector)) / len(vector)


def _may_be(symbol: Symbol, kind: str) -> bool:
    """Whether a property says something new of a variable."""
    known = closed(symbol.properties, symbol.shape)
    if kind in known:
        return False
    if kind == "positive":
        return not symbol.properties
    if not symbol.axes:
        return False
    if kind == SUM_ONE:
        return len(symbol.axes) == 1 and not known
    if kind == COMMUTE:
        return symbol.is_square and not known
    return symbol.is_square and contradiction({*known, kind}) is None


def all_close(left: Sequence[Array], right: Sequence[Array], tolerance: float = TOLERANCE) -> bool:
    """Whether arrays are equal, each up to rounding."""
    for a, b in zip(left, right, strict=True):
        if a.shape != b.shape:
            return False
        scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
        if (np.abs(a - b) > tolerance * scale).any():
            return False
    return True


def common_factor(left: Sequence[Array], right: Sequence[Array]) -> Fraction | None:
    """The rational number c for which left = c right at every point."""
    if any(a.shape != b.shape for a, b in zip(left, right, strict=True)):
        return None
    a, b = (np.concatenate([np.ravel(x) for x in side]) for side in (left, right))
    if not a.any() or not b.any():
        return None
    place = np.abs(b).argmax()
    ratio = a[place] / b[place]
    if not np.isfinite(ratio):
        return None
    factor = Fraction(float(ratio)).limit_denominator(DENOMINATOR)
    if not factor or not all_close([float(factor) * x for x in right], left):
        return None
    return factor


def _exponents(names: Sequence[str]) -> Iterator[dict[str, int]]:
    for name in names:
        for k in (-1, 1, -2, 2):
            yield {name: k}
    for one, other in itertools.combinations(names, 2):
        for k, l in itertools.product((-1, 1), repeat=2):
            yield {one: k, other: l}


def _monomial(sizes: Mapping[str, int], exponents: Mapping[str, int]) -> Fraction:
    value = Fraction(1)
    for name, exponent in exponents.items():
        value *= Fraction(sizes[name]) ** exponent
    return value
