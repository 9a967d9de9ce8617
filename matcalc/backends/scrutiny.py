"""Equations that hold at ordinary points, at those where they might not.

Random points are of ordinary size, and the sizes at them in one order. What is equal there is looked at once
more: at sizes in the opposite order and at 1, at which other products are singular; and along lines from
very small to very large values, on both sides of every kink on the way, and where no function is saturated.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy
from sympy.matrices.exceptions import NonInvertibleMatrixError

from matcalc.backends.refute import (
    Counterexample,
    Dispute,
    assignments,
    confirmed,
    differ,
)
from matcalc.backends.sympy_entries import Entries
from matcalc.backends.sympy_numbers import UnsuitablePointError, settle_entries, settled
from matcalc.backends.sympy_reference import TooLargeError
from matcalc.backends.sympy_symbols import RIGID, SIGNED, Manner, sampled_matrix
from matcalc.backends.trials import (
    MANNERS,
    RELATIONS,
    SUM_ONE,
    Formula,
    Point,
    Trials,
    Values,
    all_close,
    restricted,
)
from matcalc.backends.verify import as_index
from matcalc.core.expr import Constant, Expr, Symbol, postorder, substitute
from matcalc.core.index import IndexExpr
from matcalc.errors import UnsupportedProblem
from matcalc.ops.structural import ADD, POWER
from matcalc.passes.build import is_op
from matcalc.passes.regimes import LARGE, Regime, regimes
from matcalc.passes.structure import at_point

#: What a variable is multiplied by along a line.
SCALES = tuple(Fraction(10) ** k for k in range(-9, 10))

#: Halvings that bring the place of a kink closer, and kinks on one line that are looked for.
HALVINGS, CROSSINGS = 14, 12

#: The part of an interval at its ends, within which places of kinks are not exact.
MARGIN = 50

#: What part of a sum a term must be more than, to be compared to many digits.
LOST = sympy.Float("1e-25", 30)

#: Lines at one point, and sizes that are set to 1 alone.
LINES, ALONE = 6, 3

#: By what a variable is scaled down where functions are saturated.
CALMING = (Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000))

#: How the numbers of a counterexample are drawn.
READABLE = Manner(denominator=1, largest=1)

#: Whole numbers and halves, at which powers with a symbolic exponent have values for negative bases
#: too; and how many points are made of them.
HALVES = Manner(denominator=2, largest=4)
OF_HALVES = 64

#: Points from which lines are followed: products of functions with kinks may be 0 unless two
#: variables are large.
STARTS = 5


@dataclass(frozen=True)
class Finding:
    """What came of it.

    Attributes:
        point: where the two sides differ.
        unseen: regimes in which there was no point.
        lost: terms that were lost among the digits of others at all points.
    """

    point: Point | None
    unseen: tuple[Regime, ...] = ()
    lost: tuple[Expr, ...] = ()


def scrutinise(dispute: Dispute, trials: Trials, *, proved: bool) -> Finding:
    """Compare the two sides of an equation at points that are not ordinary.

    Args:
        dispute: the equation.
        trials: ordinary points, at which it holds.
        proved: whether it is known to hold at all points of some sizes.
    """
    search = _Search(dispute, trials.values)
    for point in _at_other_sizes(dispute, trials):
        if search.differ_exactly(point):
            return Finding(point)
    if proved:
        return Finding(None)
    for point in trials.points:
        if (search.is_new(point) or search.lost) and search.differ_exactly(point):
            return Finding(point)
    for start in trials.points[:1]:
        for point in itertools.chain(search.near(start), search.away_from(start)):
            # Floats may differ by rounding alone where values are large.
            suspicious = search.is_new(point) or search.differ_in_floats(point)
            if suspicious and search.differ_exactly(point):
                return Finding(point)
    return Finding(None, tuple(search.unseen), tuple(dict.fromkeys(search.lost.values())))


def holds_where(
    a: Formula, b: Formula, trials: Trials, names: Sequence[str] = (), kind: str = ""
) -> bool:
    """Whether two formulas are equal wherever these variables have a property, if any are named.

    What is said about a wrong claim is a claim too, and is looked at as closely as one.
    """
    chosen = [s for s in trials.variables if s.name in names]
    special = dict(zip(trials.variables, trials.variables, strict=True))
    if kind not in RELATIONS:
        special |= {s: Symbol(s.name, s.shape, s.properties | {kind}) for s in chosen}
    search = _Search(_equation(a, b, special), trials.values)
    plain = _equation(a, b, {s: s for s in trials.variables})
    starts: list[Point] = []
    ordinary = itertools.chain(trials.points, _at_other_sizes(plain, trials))
    for point, manner in zip(ordinary, itertools.cycle(MANNERS), strict=False):
        near = restricted(point, chosen, kind, manner)
        if near is not None:
            exact = {special[s]: value for s, value in near.exact.items()}
            starts.append(Point(near.sizes, exact, near.arrays))
    fixed = chosen if kind == SUM_ONE else ()
    lines = (point for start in starts[:1] for point in search.along_lines(start, fixed))
    for point in itertools.chain(starts, lines):
        suspicious = search.is_new(point) or search.differ_in_floats(point)
        if suspicious and search.differ_exactly(point):
            return False
    return not search.unseen


def _equation(a: Formula, b: Formula, special: Mapping[Symbol, Symbol]) -> Dispute:
    """That two formulas are equal, with symbols in the places of their variables."""
    points: dict[Expr, Expr] = dict(special.items())
    left, right = (
        at_point(f, points) if isinstance(f, IndexExpr) else _entries(substitute(f, points))
        for f in (a, b)
    )
    return Dispute(left, right, (), None, tuple(special.values()), ())


def _entries(e: Expr) -> IndexExpr:
    return as_index(e, e.axes, None)


def smallest_counterexample(
    dispute: Dispute, names: Sequence[str], point: Point, values: Values
) -> Counterexample | None:
    """One on a line, at the smallest sizes; a point where the two sides differ if there is none."""
    search = _Search(dispute, values)
    for sizes in assignments(names):
        if sum(sizes.values()) > sum(point.sizes.get(name, 1) for name in names):
            break
        rng = random.Random(0)
        for start in _points(dispute.variables, sizes, READABLE, rng):
            for near in search.away_from(start):
                if search.differ_in_floats(near):
                    found = confirmed(dispute, near)
                    if found is not None:
                        return found
    return confirmed(dispute, point)


def unsaturated(found: Counterexample, dispute: Dispute, values: Values) -> Counterexample:
    """A counterexample, or one with a variable scaled down if functions are saturated there."""
    search = _Search(dispute, values)
    bounded = [regime.argument for regime in search.regimes if not regime.is_side]
    exact = {s: _matrix(s, found) for s in dispute.shown}
    start = Point.of(found.sizes, exact)

    def is_calm(point: Point) -> bool:
        arguments = (values.at(u, point) for u in bounded)
        return all(u is not None and bool((np.abs(u) < LARGE).all()) for u in arguments)

    if not bounded or is_calm(start):
        return found
    for t in CALMING:
        for symbol in dispute.shown:
            point = _Line(start, symbol).at(t)
            if is_calm(point) and search.differ_in_floats(point):
                calmer = None if symbol.properties & RIGID else confirmed(dispute, point)
                if calmer is not None:
                    return calmer
    return found


def _matrix(symbol: Symbol, found: Counterexample) -> sympy.Matrix:
    rows, columns = (dim.evaluate(found.sizes) for dim in symbol.shape)
    entries = np.array(found.point[symbol.name], dtype=object).ravel()
    return sympy.Matrix(rows, columns, [sympy.Rational(entry) for entry in entries])


# ------------------------------------------------------------------ sizes


def _at_other_sizes(dispute: Dispute, trials: Trials) -> Iterator[Point]:
    """Points at sizes in other orders than at those of the trials, and at 1."""
    if not trials.points:
        return
    tried = trials.points[0].sizes
    names, numbers = list(tried), list(tried.values())
    others = [dict(zip(names, sorted(numbers, reverse=True), strict=True))]
    others.append(dict(zip(names, sorted(numbers), strict=True)))
    others.append(dict.fromkeys(names, 1))
    others += [{**tried, name: 1} for name in names[:ALONE]] if len(names) > 1 else []
    seen: list[Mapping[str, int]] = [point.sizes for point in trials.points]
    for sizes in others:
        if sizes not in seen:
            seen.append(sizes)
            yield from Trials(
                dispute.variables, [sizes], dispute.formulas, trials.values, 1
            ).points[:1]


def _points(
    variables: Iterable[Symbol], sizes: Mapping[str, int], manner: Manner, rng: random.Random
) -> Iterator[Point]:
    """One point, if the variables can be drawn."""
    try:
        yield Point.of(sizes, {s: sampled_matrix(s, sizes, rng, manner) for s in variables})
    except (UnsupportedProblem, NonInvertibleMatrixError):
        return


# ------------------------------------------------------------------ lines


@dataclass(frozen=True)
class _Line:
    """The points where one variable is multiplied by a number."""

    start: Point
    symbol: Symbol

    def at(self, t: Fraction) -> Point:
        exact, arrays = self.start.exact[self.symbol], self.start.arrays[self.symbol.name]
        return Point(
            self.start.sizes,
            {**self.start.exact, self.symbol: sympy.Rational(t.numerator, t.denominator) * exact},
            {**self.start.arrays, self.symbol.name: float(t) * arrays},
        )


def _is_lost(term: sympy.Matrix, total: sympy.Matrix) -> bool:
    """Whether a term is too small for the digits of a sum, where that is not rational."""
    return any(term) and not any(
        whole.is_Rational or abs(part) > LOST * abs(whole)
        for part, whole in zip(term, total, strict=True)
        if part != 0
    )


def _extent(t: Fraction) -> float:
    """How far a multiple is from an ordinary one."""
    return abs(math.log10(abs(t)))


def _between(places: Sequence[Fraction]) -> Iterator[Fraction]:
    """Round numbers between places, before the first and after the last."""
    if not places:
        return
    first, last = places[0], places[-1]
    before = first - max(Fraction(1), abs(first))
    after = last + max(Fraction(1), abs(last))
    for low, high in itertools.pairwise((before, *places, after)):
        if low < high:
            margin = (high - low) / MARGIN
            yield _round_number(low + margin, high - margin)


def _round_number(low: Fraction, high: Fraction) -> Fraction:
    """A number of few digits between two."""
    step = Fraction(10) ** math.ceil(math.log10(high - low))
    while (math.floor(low / step) + 1) * step >= high:
        step /= 10
    return (math.floor(low / step) + 1) * step


class _Search:
    """Points on the lines through others and zero, and the regimes that have not been seen."""

    def __init__(self, dispute: Dispute, values: Values) -> None:
        self.dispute, self.values = dispute, values
        self.regimes = regimes(dispute.roots)
        self.unseen = list(self.regimes)
        sums = [node for node in postorder(*dispute.roots) if is_op(node, ADD)]
        self.lost = {(node, k): arg for node in sums for k, arg in enumerate(node.args)}
        self.sides = list(dict.fromkeys(r.argument for r in self.regimes if r.is_side))

    def is_new(self, point: Point) -> bool:
        """Whether it is in a regime that has not been seen."""
        return any(self._is_in(regime, point) for regime in self.unseen)

    def differ_in_floats(self, point: Point) -> bool:
        """Whether the two sides seem to differ there, and everything has a value."""
        found = [self.values.quick(f, point) for f in self.dispute.formulas]
        if any(value is None for value in found):
            return False
        left, right = [value for value in found if value is not None][:2]
        return not all_close([left], [right])

    def differ_exactly(self, point: Point) -> bool:
        """Whether the two sides differ, where both can be computed; what that shows has been seen."""
        entries = Entries(point.sizes, point.exact, settle_entries)
        try:
            left, right = (
                {place: settled(v) for place, v in entries.of_index(f).items()}
                for f in (self.dispute.claim, self.dispute.answer)
            )
        except (UnsuitablePointError, NonInvertibleMatrixError, TooLargeError):
            return False
        except UnsupportedProblem:  # floats are all there is
            if self.differ_in_floats(point):
                return True
        else:
            if any(differ(left[place], right[place]) for place in left):
                # On a kink the function has no derivative, whatever the two sides are there.
                return confirmed(self.dispute, point) is not None
        self.unseen = [regime for regime in self.unseen if not self._is_in(regime, point)]
        self.lost = {
            (node, k): arg
            for (node, k), arg in self.lost.items()
            if node in entries.known and _is_lost(entries.known[arg], entries.known[node])
        }
        return False

    def _is_in(self, regime: Regime, point: Point) -> bool:
        value = self.values.at(regime.argument, point)
        return value is not None and bool(((value > regime.low) & (value < regime.high)).any())

    def near(self, start: Point) -> Iterator[Point]:
        """Points of small numbers at the sizes of a start, where an exponent is a variable."""
        nodes = postorder(*self.dispute.roots)
        if all(isinstance(e.args[1], Constant) for e in nodes if is_op(e, POWER)):
            return
        rng = random.Random(0)
        for _ in range(OF_HALVES):
            for point in _points(self.dispute.variables, start.sizes, HALVES, rng):
                if not self._is_on_kink(point, start):
                    yield point

    def away_from(self, start: Point) -> Iterator[Point]:
        """Points on lines from a start, and from points on these beyond a kink in another way."""
        starts, seen = [start], {self._sides_of(start)}
        for here in starts:
            for point in self.along_lines(here):
                yield point
                if len(starts) < STARTS and len(self.sides) > 1:
                    sides = self._sides_of(point)
                    if sides not in seen:
                        seen.add(sides)
                        starts.append(point)

    def _sides_of(self, point: Point) -> tuple[bool, ...]:
        """Which of the arguments that have a kink are positive in some entry."""
        values = (self.values.quick(u, point) for u in self.sides)
        return tuple(value is not None and bool((value > 0).any()) for value in values)

    def along_lines(self, start: Point, fixed: Sequence[Symbol] = ()) -> Iterator[Point]:
        """Points with one variable multiplied: by powers of ten, and by numbers between kinks."""
        variables = [
            s for s in self.dispute.variables if not s.properties & RIGID and s not in fixed
        ]
        for symbol in variables[:LINES]:
            both = () if symbol.properties & SIGNED else tuple(-t for t in reversed(SCALES))
            scales = [*both, *SCALES]
            line = _Line(start, symbol)
            arguments = dict.fromkeys(regime.argument for regime in self.regimes)
            kinks = sorted({t for u in arguments for t in self._places(u, line, scales)})
            for t in (*_between(kinks), *sorted(scales, key=_extent), *kinks):
                point = line.at(t)
                if not self._is_on_kink(point, start):
                    yield point

    def _places(self, u: Expr, line: _Line, scales: Sequence[Fraction]) -> list[Fraction]:
        """Where some entry of an argument changes its sign on a line."""
        values = [(t, self.values.quick(u, line.at(t))) for t in scales]
        found: list[Fraction] = []
        for (s, a), (t, b) in itertools.pairwise(values):
            if a is not None and b is not None:
                changed = np.flatnonzero(np.sign(np.ravel(a)) != np.sign(np.ravel(b)))[:CROSSINGS]
                found += [self._crossing(u, line, int(place), s, t) for place in changed]
        return found[:CROSSINGS]

    def _crossing(
        self, u: Expr, line: _Line, place: int, low: Fraction, high: Fraction
    ) -> Fraction:
        """Where one entry changes its sign, by halving."""

        def positive(t: Fraction) -> bool | None:
            value = self.values.quick(u, line.at(t))
            return None if value is None else bool(np.ravel(value)[place] > 0)

        at_low = positive(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if positive(middle) == at_low else (low, middle)
        return (low + high) / 2

    def _is_on_kink(self, point: Point, start: Point) -> bool:
        """Whether an argument is 0 where it is not 0 on the whole line."""
        for u in self.sides:
            here, there = self.values.quick(u, point), self.values.quick(u, start)
            if here is not None and ((here == 0) & (there is None or there != 0)).any():
                return True
        return False
