"""The element-wise check of a derivative (DESIGN section 7).

Sizes are instantiated by small numbers, pairwise different unless there are many, and every entry of
the answer is compared with SymPy's derivative of the entry of the function by the entry of the
variable: as polynomials where both are, else at random points, exactly where all numbers are rational,
else to 50 digits. An abstract function is a random polynomial.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy
from sympy.matrices.exceptions import NonInvertibleMatrixError

from matcalc.backends.check_points import FURTHER, Sample
from matcalc.backends.sympy_abstract import primitive
from matcalc.backends.sympy_coordinates import Coordinates, Structured
from matcalc.backends.sympy_entries import Entries, Table
from matcalc.backends.sympy_numbers import UnsuitablePointError, settle_entries, settled
from matcalc.backends.sympy_reference import (
    Point,
    Question,
    TooLargeError,
    partial_derivatives,
    refuse_larger,
    symbolic_derivatives,
)
from matcalc.backends.sympy_symbols import Manner, sampled_matrix, symbolic_matrix
from matcalc.core.dim import Dim, describe_shape
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder, symbols
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Slot, Term
from matcalc.errors import CheckProblem, ShapeProblem, UnsupportedProblem
from matcalc.ops.linalg import ADJ, DET, INV, LOGDET, PINV

#: Points that the comparison is made at.
POINTS = 2

#: Assignments of numbers to sizes that are tried.
ASSIGNMENTS = 6

#: Numbers for sizes, repeated where there are more sizes: arrays must stay small.
NUMBERS = (3, 2, 4, 5, 6)
EVEN = (4, 2, 6)
SMALL = (2, 3)

#: The number for what is no length, such as an exponent; at smaller ones too many identities hold.
COUNT = 4

#: How many sizes a report lists.
LISTED = 8

#: Most entries that a derivative may have at the chosen sizes, and any array on the way to it.
ENTRIES = 2_000

#: Operations whose cost grows with the cube of the size, or faster, where entries are symbols.
CUBIC = (INV, DET, LOGDET, PINV, ADJ)

#: A derivative with more axes than this has many entries; where matrices are inverted, they are small.
FEW_AXES = 2

#: Size of entries, times the number of derivatives, up to which the comparison is symbolic.
SYMBOLIC_SIZE = 3_000

#: How points are drawn, in turn until enough of them suit: where logarithms and roots have no real
#: value, positive entries, small or large ones and dominant diagonals may help. Of what may be the
#: only manner that suits there are as many as points.
MANNERS = (
    Manner(),
    Manner(dominant=True),
    Manner(positive=True, dominant=True),
    Manner(denominator=128),
    Manner(positive=True, denominator=128),
    Manner(positive=True),
    Manner(positive=True, denominator=128),
    Manner(positive=True, denominator=4),
    Manner(positive=True, denominator=4),
)

#: How the numbers of a counterexample are drawn.
READABLE = Manner(denominator=1, largest=3)

#: Two numbers agree if they differ by less than this, relative to the largest entry.
TOLERANCE = sympy.Float("1e-45", 60)

SYMBOLIC = "symbolically"
RATIONAL = "in exact rational arithmetic"
DIGITS = "to 50 digits"


@dataclass(frozen=True)
class Counterexample:
    """An entry in which the answer differs from the derivative.

    Attributes:
        index: place of the entry, counted from 1: axes of f, then of the variable for each order.
        expected: SymPy's derivative there.
        found: the answer's entry.
        point: the values of the variables, as nested lists.
    """

    index: tuple[int, ...]
    expected: sympy.Expr
    found: sympy.Expr
    point: Mapping[str, list[list[sympy.Expr]]]


@dataclass(frozen=True)
class CheckReport:
    """The outcome of an element-wise check.

    Attributes:
        ok: whether the answer is right; None if that could not be decided.
        method: how the entries were compared.
        sizes: the numbers taken for the sizes.
        points: number of random points.
        counterexample: where the answer is wrong, if it is.
        seconds: time taken.
        reason: why nothing could be decided, or what of the answer was left out.
    """

    ok: bool | None
    method: str
    sizes: Mapping[str, int]
    points: int = 0
    counterexample: Counterexample | None = None
    seconds: float = field(default=0.0, compare=False)
    reason: str = ""

    @property
    def is_proof(self) -> bool:
        """Whether it holds at all points, of these sizes."""
        return self.ok is True and self.method == SYMBOLIC

    def __str__(self) -> str:
        where = f" for {_listed(self.sizes)}" if self.sizes else ""
        if self.ok is None:
            return f"not decided: {self.reason}{where}"
        at = f" at {self.points} random point{'s' * (self.points > 1)}" if self.points else ""
        if self.ok:
            rest = f"; {self.reason}" if self.reason else ""
            return f"entries agree with SymPy's{where}, compared {self.method}{at}{rest}"
        wrong = self.counterexample
        assert wrong is not None
        place = f"entry ({', '.join(map(str, wrong.index))})" if wrong.index else "the value"
        return (
            f"{place} is {_brief(wrong.found)}, not {_brief(wrong.expected)}{where}, {self.method}"
        )


def check_derivative(
    f: Expr,
    wrt: Symbol,
    order: int,
    answer: IndexExpr | Expr,
    *,
    axes: Sequence[Sequence[int]] | None = None,
    structured: Structured = "ambient",
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> CheckReport:
    """Compare ``answer`` with the derivative of ``f`` by ``wrt``, entry by entry.

    Args:
        f: the function.
        wrt: the variable.
        order: how often it is differentiated.
        answer: in index notation with the axes of f, then those of wrt ``order`` times as free
            indices; or in matrix form.
        axes: for a matrix form, which of those axes each of its own axes is; several for a composite
            axis, the slowest first. By default the same ones in the same order. The gradient of a
            scalar by a matrix is ``((0,), (1,))``, in numerator layout ``((1,), (0,))``; the vec form
            of a matrix by a matrix is ``((1, 0), (3, 2))``.
        structured: what the derivative by a structured variable means.
        sizes: numbers for the sizes, where they are not to be chosen.
        seed: of the random points.

    Raises:
        ShapeProblem: the answer has other axes than the derivative.
        CheckProblem: in the answer, an index stands at an axis of another length.
    """
    start = time.perf_counter()
    dims = f.axes + wrt.axes * order
    claim = as_index(answer, dims, axes)
    roots = [f, wrt, *_expressions(claim)]
    reports: list[CheckReport] = []
    for chosen in [dict(sizes)] if sizes is not None else choose_sizes(roots, dims):
        # Before anything of that length is made.
        largest = largest_array(roots, dims, chosen)
        if largest > ENTRIES:
            reports.append(_undecided(f"an array of {largest} entries is too large", chosen))
            continue
        try:
            question = Question(f, Coordinates(wrt, chosen, structured), order, chosen)
            reports.append(_compare(question, claim, random.Random(seed)))
        except UnsupportedProblem as problem:  # whatever the sizes
            reports.append(_undecided(problem.problem, chosen))
            break
        except TooLargeError:  # likewise
            reports.append(_undecided("the function is too large to be followed by SymPy", chosen))
            break
        if reports[-1].ok is not None:
            break
    report = reports[0] if reports[-1].ok is None else reports[-1]
    return replace(report, seconds=time.perf_counter() - start)


def largest_array(roots: Sequence[Expr], dims: Sequence[Dim], sizes: Mapping[str, int]) -> int:
    """How many entries the largest array has at these sizes: of an expression, or with these axes."""
    return max(_count(shape, sizes) for shape in (dims, *(n.shape for n in postorder(*roots))))


def check_value(
    report: CheckReport, array: IndexExpr, value: Expr, *, seed: int = 0
) -> CheckReport:
    """Compare a matrix form with the array that it is said to be, at the sizes of a report.

    Args:
        report: what is known of the array's ingredients already; returned where the two agree.
        array: in index notation; nothing is contracted or folded on the way.
        value: the matrix form.
        seed: of the random points.
    """
    claim = as_index(value, array.dims, None)
    rng = random.Random(seed)
    variables = symbols(*_expressions(array), *_expressions(claim))
    points = 0
    for manner in MANNERS:
        point = {v: sampled_matrix(v, report.sizes, rng, manner) for v in variables}
        numbers = Entries(report.sizes, point, settle_entries)
        try:
            expected, found = (
                {place: settled(v) for place, v in numbers.of_index(ix).items()}
                for ix in (array, claim)
            )
        except (UnsuitablePointError, NonInvertibleMatrixError):
            continue
        points += 1
        place = _first_difference(expected, found)
        if place is not None:
            wrong = _counterexample(place, expected, found, point)
            return CheckReport(False, DIGITS, report.sizes, points, wrong, report.seconds)
        if points == POINTS:
            return report
    left_out = "no suitable point was found for the linear map"
    return replace(report, reason="; ".join(filter(None, (report.reason, left_out))))


def choose_sizes(roots: Sequence[Expr], dims: Sequence[Dim]) -> Iterator[dict[str, int]]:
    """Small numbers for the sizes, different while there are few, and others should these not do.

    The smallest are for the sizes that the derivative has most of. The most frequent one is 3 rather
    than 2, at which too many identities hold, unless the derivative would have too many entries. Other
    assignments are needed where a product such as X X' is singular for wide X only; one is even
    throughout, as a skew matrix of odd size is singular; the last one is for Kronecker products of four sizes.
    """
    weights: dict[str, int] = {}
    for name in (name for dim in dims for name in dim.symbols):
        weights[name] = weights.get(name, 0) + 1
    nodes = list(postorder(*roots))
    inner = {name for node in nodes for dim in _dims(node) for name in dim.symbols}
    inverted = {
        name
        for node in nodes
        if isinstance(node, Apply) and node.op in CUBIC
        for name in node.args[0].shape[0].symbols
    }
    # Inverses of matrices of symbols swell fastest with the size.
    names = sorted(
        inner | set(weights), key=lambda name: (name not in inverted, -weights.get(name, 0), name)
    )
    lengths = {name for node in nodes for dim in node.shape for name in dim.symbols}
    lengths.update(weights)
    counts = {name: COUNT for name in names if name not in lengths}
    names = [name for name in names if name not in counts]
    numbers = list(itertools.islice(itertools.cycle(NUMBERS), len(names)))
    most = ENTRIES // 40 if inverted and len(dims) > FEW_AXES else ENTRIES // 10
    if _count(dims, dict(zip(names, numbers, strict=True))) > most:
        numbers = [2, 3, *numbers[2:]][: len(names)]
    assignments = itertools.chain(
        itertools.islice(itertools.permutations(numbers), ASSIGNMENTS),
        (itertools.cycle(EVEN), itertools.cycle(SMALL)),
    )
    for assignment in assignments:
        yield dict(zip(names, assignment, strict=False)) | counts


def _dims(node: Expr) -> tuple[Dim, ...]:
    return (node.dim,) if isinstance(node, Size) else node.shape


def _count(dims: Sequence[Dim], sizes: Mapping[str, int]) -> int:
    count = 1
    for dim in dims:
        count *= dim.evaluate(sizes)
    return count


def as_index(
    answer: IndexExpr | Expr, dims: Sequence[Dim], axes: Sequence[Sequence[int]] | None
) -> IndexExpr:
    """The answer in index notation, with one free index for every axis of the derivative."""
    if isinstance(answer, IndexExpr):
        if answer.dims != tuple(dims):
            raise ShapeProblem(
                f"the derivative has the shape {describe_shape(tuple(dims))}, "
                f"the answer {describe_shape(answer.dims)}"
            )
        _refuse_misplaced(answer)
        return answer
    free = tuple(Index(dim) for dim in dims)
    groups = [(k,) for k in range(len(dims))] if axes is None else axes
    slots: list[Slot] = []
    for group in groups:
        parts = tuple(free[k] for k in group)
        slots.append(parts[0] if len(parts) == 1 else Composite(parts))
    if answer.axes != tuple(slot.dim for slot in slots):
        raise ShapeProblem(
            f"the derivative has the shape {describe_shape(tuple(slot.dim for slot in slots))}, "
            f"the answer is {describe_shape(answer.shape)}"
        )
    return IndexExpr(free, (Term(Fraction(1), (Factor(answer, tuple(slots)),)),))


def _refuse_misplaced(answer: IndexExpr) -> None:
    """Every index must run over the axis that it stands at: other entries would not exist."""
    for factor in (factor for term in answer.terms for factor in term.factors):
        dims = tuple(slot.dim for slot in factor.slots)
        if dims != factor.expr.axes:
            raise CheckProblem(
                f"the answer addresses {describe_shape(factor.expr.shape)} "
                f"by indices over {describe_shape(dims) if dims else 'nothing'}",
                details=(f"in the factor {factor.expr}",),
                help="this is a defect of matcalc: please report it",
            )


def _compare(question: Question, claim: IndexExpr, rng: random.Random) -> CheckReport:
    sizes = question.sizes
    if _agree_symbolically(question, claim):
        return CheckReport(True, SYMBOLIC, sizes)
    report = _compare_at_points(question, claim, MANNERS, rng)
    if report.ok is False:
        smaller = _compare_at_points(_smallest(question), claim, [READABLE] * POINTS, rng)
        return report if smaller.ok is not False else smaller
    return report


def _smallest(question: Question) -> Question:
    """The same question with 2 for every size: the counterexample of fewest numbers."""
    sizes = dict.fromkeys(question.sizes, 2)
    return replace(question, sizes=sizes, x=question.x.at(sizes))


def _agree_symbolically(question: Question, claim: IndexExpr) -> bool:
    """Whether the entries are equal polynomials; False also where that cannot be said quickly."""
    variables = symbols(question.f, question.x.symbol, *_expressions(claim))
    if any("orthogonal" in variable.properties for variable in variables):
        return False
    if _abstract_functions(question, claim):
        return False  # powers of sums would have to be expanded
    point = {variable: symbolic_matrix(variable, question.sizes) for variable in variables}
    try:
        partials = symbolic_derivatives(question, point, SYMBOLIC_SIZE)
        found = Entries(question.sizes, point, refuse_larger(SYMBOLIC_SIZE)).of_index(claim)
    except (TooLargeError, UnsupportedProblem):
        return False  # there are images of numbers only
    except NonInvertibleMatrixError:
        return False  # nor is there a value at any other point
    expected = question.x.lay_out(partials, question.order)
    return all(sympy.expand(value - found[place]) == 0 for place, value in expected)


def _compare_at_points(
    question: Question, claim: IndexExpr, manners: Iterable[Manner], rng: random.Random
) -> CheckReport:
    sizes, total = question.sizes, _count(claim.dims, question.sizes)
    variables = symbols(question.f, question.x.symbol, *_expressions(claim))
    functions = _abstract_functions(question, claim)
    reasons = [f"{name} taken as a random polynomial" for name in functions]
    sample, exact, trouble, drawn = Sample([question.f], variables, sizes), True, "", total
    for manner in itertools.chain(manners, FURTHER):
        if sample.taken >= POINTS and not sample.unseen:
            break
        point = sample.draw(manner, rng)
        try:
            # First what is cheap: most points that are unsuitable show here.
            numbers = Entries(sizes, point, settle_entries)
            numbers.of(question.f)
            if sample.taken >= POINTS and not sample.shows_more(numbers):
                continue
            entries = {place: settled(v) for place, v in numbers.of_index(claim).items()}
            partials = partial_derivatives(question, point, rng)
            sample.take(point, numbers)
        except (UnsuitablePointError, NonInvertibleMatrixError) as error:
            trouble = str(error)
            continue
        expected = dict(question.x.lay_out(partials, question.order))
        found = {place: entries[place] for place in expected}
        drawn = len(expected)
        exact = exact and all(v.is_Rational for v in (*expected.values(), *found.values()))
        place = _first_difference(expected, found)
        if place is not None:
            wrong = _counterexample(place, expected, found, point)
            return CheckReport(False, RATIONAL if exact else DIGITS, sizes, sample.taken, wrong)
    if sample.taken < POINTS:
        return _undecided(f"no suitable point was found: {trouble}", sizes)
    if drawn < total:
        reasons.append(f"only {drawn} of the {total} entries, drawn at random")
    reason = "; ".join(filter(None, (*reasons, sample.omitted())))
    return CheckReport(True, RATIONAL if exact else DIGITS, sizes, sample.taken, reason=reason)


def _abstract_functions(question: Question, claim: IndexExpr) -> list[str]:
    """The functions of which only the shapes are known; derivatives count as what they are from."""
    nodes = postorder(question.f, *_expressions(claim))
    ops = {node.op for node in nodes if isinstance(node, Apply) and node.op.is_abstract}
    return sorted({primitive(op)[0].name for op in ops})


def _first_difference(expected: Table, found: Table) -> tuple[int, ...] | None:
    """The first place at which the two differ."""
    scale = max((abs(value) for value in expected.values()), default=0) + 1
    for place, value in expected.items():
        difference = value - found[place]
        if difference.is_Rational:
            if difference != 0:
                return place
        elif abs(difference) > TOLERANCE * scale:
            return place
    return None


def _counterexample(
    place: tuple[int, ...], expected: Table, found: Table, point: Point
) -> Counterexample:
    values = {variable.name: matrix.tolist() for variable, matrix in point.items()}
    return Counterexample(tuple(k + 1 for k in place), expected[place], found[place], values)


def _expressions(claim: IndexExpr) -> Iterator[Expr]:
    return (factor.expr for term in claim.terms for factor in term.factors)


def _undecided(reason: str, sizes: Mapping[str, int]) -> CheckReport:
    return CheckReport(None, "", sizes, reason=reason)


def _listed(sizes: Mapping[str, int]) -> str:
    listed = [f"{name} = {number}" for name, number in itertools.islice(sizes.items(), LISTED)]
    return ", ".join([*listed, *(["..."] if len(sizes) > LISTED else [])])


def _brief(value: Any) -> str:
    return str(value) if value.is_Rational and len(str(value)) < 20 else str(sympy.N(value, 8))
