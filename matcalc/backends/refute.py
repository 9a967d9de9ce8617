"""The smallest counterexample: small sizes, small whole numbers, an entry where two formulas differ.

Sizes grow from 1; at each assignment of sizes at which the formulas differ at all, points are tried in
the order of how much they differ from zero, or from identity matrices where zero is no point; fractions
come last, for what is defined between 0 and 1. The function itself must have a value there. Every
value that is reported is computed by SymPy at that point, exactly where all numbers are rational.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy.matrices.exceptions import NonInvertibleMatrixError

from matcalc.backends.sympy_abstract import polynomial_text, primitive
from matcalc.backends.sympy_coordinates import Coordinates
from matcalc.backends.sympy_entries import Entries, Table
from matcalc.backends.sympy_numbers import UnsuitablePointError, settle_entries, settled
from matcalc.backends.sympy_reference import Question, TooLargeError, partial_derivatives
from matcalc.backends.sympy_symbols import parameter
from matcalc.backends.trials import Array, Formula, Point, Trials, Values, all_close
from matcalc.core.expr import Apply, Expr, Symbol, postorder
from matcalc.core.index import IndexExpr
from matcalc.errors import UnsupportedProblem

#: Largest number for a size, and most assignments that are tried.
LARGEST, ASSIGNMENTS = 4, 80

#: Points that are tried at one assignment: in order from the simplest, and at random from each of
#: the sets of numbers below.
ORDERED, RANDOM = 400, 50

#: Random points that say whether there is a difference at some sizes at all.
SCREENED = 6

#: Points of one kind at which SymPy is asked, and points in all after which no further sizes are tried.
CONFIRMED, ASKED = 5, 30

#: The numbers that random points are made of.
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
DIGITS: tuple[Sequence[int | Fraction], ...] = (
    (0, 1),
    (1, 2, 3),
    (-1, 0, 1, 2),
    (-3, -2, -1, 1, 2, 3),
    (0, HALF, 1),
    (HALF, THIRD, 2 * THIRD),
    (-THIRD, THIRD, HALF, -HALF, 0, 1),
    (3, 4, 5, 6, 7),
)

#: Two numbers differ if by more than this, relative to the larger.
TOLERANCE = sympy.Float("1e-30", 40)

#: A number that is reported: exactly, or to the precision of a float, which it may be too large for.
Number = int | Fraction | float | Decimal


@dataclass(frozen=True)
class Counterexample:
    """Where two formulas differ.

    Attributes:
        sizes: numbers for the sizes.
        point: values of the variables as nested lists; vectors and rows are flat, scalars numbers.
        index: the place of the entry, counted from 1, by the axes of the claim that are not of size 1.
        claimed: the claim's entry there.
        expected: what it should be.
        exact: whether both are rational numbers.
        functions: the polynomials that stand for the abstract functions.
    """

    sizes: Mapping[str, int]
    point: Mapping[str, Any]
    index: tuple[int, ...]
    claimed: Number
    expected: Number
    exact: bool
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dispute:
    """Two formulas, the first of which is said to be the derivative of a function.

    Attributes:
        claim: the claim in the tensor convention.
        answer: what matcalc says.
        axes: for each axis of the claim as it was made, the axes of the tensor, the slowest first.
        question: the function, the variable, how often and in which convention it is differentiated;
            None where SymPy cannot differentiate the function.
        variables: all variables.
        shown: those whose values are reported.
    """

    claim: IndexExpr
    answer: IndexExpr
    axes: Sequence[Sequence[int]]
    question: tuple[Expr, Symbol, int, Any] | None
    variables: Sequence[Symbol]
    shown: Sequence[Symbol]

    @property
    def formulas(self) -> list[Formula]:
        """What must have a value at a counterexample: the claim, the answer, the function."""
        function = [] if self.question is None else [self.question[0]]
        return [self.claim, self.answer, *function]

    @property
    def roots(self) -> list[Expr]:
        """The expressions that these are made of."""
        function = [] if self.question is None else [self.question[0]]
        terms = (*self.claim.terms, *self.answer.terms)
        return [*function, *(factor.expr for term in terms for factor in term.factors)]


def find_counterexample(
    dispute: Dispute, names: Sequence[str], values: Values
) -> Counterexample | None:
    """The smallest one that is found.

    Args:
        dispute: what is compared.
        names: the sizes.
        values: of formulas that have been computed before.
    """
    asked = 0
    for sizes in assignments(names):
        formulas = dispute.formulas
        trials = Trials(dispute.variables, [sizes], formulas, values, SCREENED)
        if not trials.points or trials.equal(dispute.claim, dispute.answer):
            continue
        for points in _points(dispute.variables, sizes):
            different = (point for point in points if _differ_at(dispute, point, values))
            # Zeros are often on a kink: then other points are tried, and not all of these.
            for point in itertools.islice(different, CONFIRMED):
                found = confirmed(dispute, point)
                if found is not None:
                    return found
                asked += 1
        if asked > ASKED:
            break
    return None


def point_at(
    dispute: Dispute, sizes: Mapping[str, int], values: Mapping[str, Sequence[Sequence[Any]]]
) -> Point:
    """The point where the variables have these values, as nested lists."""
    return Point.of(sizes, {s: sympy.Matrix(values[s.name]) for s in dispute.variables})


def _differ_at(dispute: Dispute, point: Point, values: Values) -> bool:
    found = [value for f in dispute.formulas if (value := values.at(f, point)) is not None]
    return len(found) == len(dispute.formulas) and not all_close(found[:1], found[1:2])


def assignments(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Numbers for the sizes, the smallest in total first."""
    count = len(names)
    found = 0
    for total in range(count, count * LARGEST + 1):
        for numbers in _partitions(total, count):
            yield dict(zip(names, numbers, strict=True))
            found += 1
            if found == ASSIGNMENTS:
                return


def _partitions(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """Numbers from 1 with a given sum, equal ones first."""
    if count == 0:
        yield ()
        return
    if count > 6:  # one more in each place
        base = (total // count,) * count
        yield base
        return
    found = [c for c in itertools.product(range(1, LARGEST + 1), repeat=count) if sum(c) == total]
    yield from sorted(found, key=lambda c: (max(c) - min(c), c))


# ------------------------------------------------------------------ points


def _points(variables: Sequence[Symbol], sizes: Mapping[str, int]) -> Iterator[Iterator[Point]]:
    """Points near zero, near the identity, at random; the simplest first, whole numbers first."""
    parameters = [_Parameters(symbol, sizes) for symbol in variables]
    counts = [p.count for p in parameters]

    def near(start: list[list[int]]) -> Iterator[Point]:
        for steps in itertools.islice(_steps(sum(counts)), ORDERED):
            yield from _point(parameters, start, steps, sizes)

    def anywhere(digits: Sequence[int | Fraction]) -> Iterator[Point]:
        rng = random.Random(0)
        for _ in range(RANDOM):
            steps = [rng.choice(digits) for _ in range(sum(counts))]
            yield from _point(parameters, [[0] * n for n in counts], steps, sizes)

    for centre in ("zero", "one"):
        yield near([p.start(centre) for p in parameters])
    yield from map(anywhere, DIGITS)


def _point(
    parameters: Sequence[_Parameters],
    start: Sequence[Sequence[int]],
    steps: Sequence[int | Fraction],
    sizes: Mapping[str, int],
) -> Iterator[Point]:
    """The point some steps away from a start, if there is one."""
    exact: dict[Symbol, sympy.Matrix] = {}
    rest = iter(steps)
    for p, values in zip(parameters, start, strict=True):
        matrix = p.matrix([value + next(rest) for value in values])
        if matrix is None:
            return
        exact[p.symbol] = matrix
    yield Point.of(sizes, exact)


def _steps(count: int) -> Iterator[list[int]]:
    """Numbers from 0 with a small sum, those with few large ones first."""
    yield [0] * count
    for weight in itertools.count(1):
        if count == 0:
            return
        for used in range(min(weight, count), 0, -1):
            for places in itertools.combinations(range(count), used):
                for parts in _compositions(weight, used):
                    steps = [0] * count
                    for place, part in zip(places, parts, strict=True):
                        steps[place] = part
                    yield steps


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Positive whole numbers with a given sum."""
    for cuts in itertools.combinations(range(1, total), parts - 1):
        edges = (0, *cuts, total)
        yield tuple(b - a for a, b in itertools.pairwise(edges))


class _Parameters:
    """The entries of a variable that can be chosen."""

    def __init__(self, symbol: Symbol, sizes: Mapping[str, int]) -> None:
        self.symbol = symbol
        self.rows, self.columns = (dim.evaluate(sizes) for dim in symbol.shape)
        places = itertools.product(range(self.rows), range(self.columns))
        owners = (parameter(symbol.properties, i, j) for i, j in places)
        self.owners = list(dict.fromkeys(owner for sign, owner in owners if sign))
        self.count = len(self.owners)

    def start(self, centre: str) -> list[int]:
        """Zero or the identity; ones where zero is excluded."""
        known = self.symbol.properties
        if known & {"positive", "nonzero"}:
            return [1] * self.count
        definite = known & {"spd", "psd", "orthogonal", "invertible"}
        if centre == "zero" and not definite:
            return [0] * self.count
        square = self.symbol.is_square or not self.symbol.axes
        return [int(i == j or not square) for i, j in self.owners]

    def matrix(self, values: Sequence[int | Fraction]) -> sympy.Matrix | None:
        """The value with these entries, if it has the properties of the variable."""
        known, numbers = self.symbol.properties, dict(zip(self.owners, values, strict=True))

        def entry(i: int, j: int) -> Any:
            sign, owner = parameter(known, i, j)
            number = Fraction(sign * numbers.get(owner, 0))
            return sympy.Rational(number.numerator, number.denominator)

        matrix = sympy.Matrix(self.rows, self.columns, entry)
        if known & {"positive", "nonzero", "spd", "psd", "orthogonal", "invertible"}:
            array = np.array(matrix.tolist(), dtype=float).reshape(self.rows, self.columns)
            if not _has(array, known):
                return None
        return matrix


def _has(array: Array, known: frozenset[str]) -> bool:
    """Whether a matrix of small numbers has the properties that are more than a pattern."""
    return (
        ("positive" not in known or bool((array > 0).all()))
        and ("nonzero" not in known or bool(array.all()))
        and ("spd" not in known or float(np.linalg.eigvalsh(array)[0]) > 0.5 / len(array))
        and ("psd" not in known or float(np.linalg.eigvalsh(array)[0]) > -1e-9)
        and ("invertible" not in known or abs(float(np.linalg.det(array))) > 0.5)
        and ("orthogonal" not in known or np.array_equal(array @ array.T, np.eye(len(array))))
    )


# ------------------------------------------------------------------ confirmation


def confirmed(dispute: Dispute, point: Point) -> Counterexample | None:
    """The first entry that differs, both values computed by SymPy; None where it computes none."""
    entries = Entries(point.sizes, point.exact, settle_entries)
    try:
        claimed = {place: settled(v) for place, v in entries.of_index(dispute.claim).items()}
        expected = _expected(dispute, point)
    except (UnsuitablePointError, NonInvertibleMatrixError, UnsupportedProblem, TooLargeError):
        return None
    for place in sorted(expected, key=lambda place: _claimed_place(place, dispute, point)):
        a, b = claimed[place], expected[place]
        if differ(a, b):
            index = tuple(k + 1 for k in _claimed_place(place, dispute, point))
            shown = {s.name: _nested(point.exact[s], s) for s in dispute.shown}
            exact = bool(a.is_Rational and b.is_Rational)
            functions = _abstract_functions(dispute, point)
            return Counterexample(
                point.sizes, shown, index, _number(a), _number(b), exact, functions
            )
    return None


def _abstract_functions(dispute: Dispute, point: Point) -> tuple[str, ...]:
    """What the abstract functions were taken to be, where there are any."""
    nodes = [
        node
        for node in postorder(*dispute.roots)
        if isinstance(node, Apply) and node.op.is_abstract
    ]
    functions = {primitive(node.op)[0].name: node.op for node in nodes}
    return tuple(polynomial_text(op, point.sizes) for _, op in sorted(functions.items()))


def _expected(dispute: Dispute, point: Point) -> Table:
    """The derivative by SymPy's scalar ``diff``; where there is no function for it, the answer."""
    answer = Entries(point.sizes, point.exact, settle_entries)
    if dispute.question is None:
        return {place: settled(v) for place, v in answer.of_index(dispute.answer).items()}
    f, x, order, structured = dispute.question
    question = Question(f, Coordinates(x, point.sizes, structured), order, point.sizes)
    rng = random.Random(0)
    try:
        return dict(question.x.lay_out(partial_derivatives(question, point.exact, rng), order))
    except (UnsupportedProblem, TooLargeError):
        return {place: settled(v) for place, v in answer.of_index(dispute.answer).items()}


def _claimed_place(place: tuple[int, ...], dispute: Dispute, point: Point) -> tuple[int, ...]:
    """A place of the tensor, by the axes of the claim."""
    sizes = [dim.evaluate(point.sizes) for dim in dispute.claim.dims]
    found = []
    for group in dispute.axes:
        position = 0
        for axis in group:
            position = position * sizes[axis] + place[axis]
        found.append(position)
    return tuple(found)


def differ(a: Any, b: Any) -> bool:
    """Whether two numbers are different, those that are not rational by more than rounding."""
    difference = a - b
    if difference.is_Rational:
        return bool(difference != 0)
    return bool(abs(difference) > TOLERANCE * (abs(a) + abs(b) + 1))


def _number(value: Any) -> Number:
    if value.is_Integer:
        return int(value)
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    return float(value) if math.isfinite(float(value)) else Decimal(str(value))


def _nested(matrix: sympy.Matrix, symbol: Symbol) -> Any:
    """A value as lists with the axes of its variable that are not of size 1."""
    rows = [[_number(entry) for entry in row] for row in matrix.tolist()]
    if not symbol.axes:
        return rows[0][0]
    if len(symbol.axes) == 1:
        return [entry for row in rows for entry in row]
    return rows
