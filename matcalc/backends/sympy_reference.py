"""Derivatives of single entries by SymPy's scalar ``diff``: the witness that answers are held against.

Nothing here knows a rule of matrix calculus. ``MatrixExpr.diff`` is not used either: SymPy 1.14
returns 0 for ``log det X`` with it.

There are two ways. Where the entries of the function stay small they are written out in the
variable's entries and differentiated as they stand. Where they would swell, as in deep networks, they
are followed along lines X + t E, and after every operation all but the powers of t that matter are
dropped (``sympy_taylor.py``).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sympy

from matcalc.backends.sympy_coordinates import Coordinates
from matcalc.backends.sympy_entries import Entries, Hook, Table
from matcalc.backends.sympy_numbers import Numbers, scalar_postorder, settle_entries
from matcalc.backends.sympy_taylor import Taylor
from matcalc.core.expr import Expr, Symbol, postorder
from matcalc.errors import NumbersOnlyProblem

#: Largest product of the size of the entries and the number of parameters that is written out.
WRITTEN_OUT = 15_000

#: Largest square whose determinant is written out.
SQUARE = 4

#: Deepest nesting of scalar expressions that is written out, at order 1: SymPy's functions are
#: recursive, and the k-th derivative of a chain of d functions has about d^k terms.
DEPTH = 80

#: Largest product of operations, lines and 2^order that is followed; of more lines, some are drawn.
#: An operation on n x n matrices that are larger than SQUARE counts (n / SQUARE)^4 times.
FOLLOWED = 600

#: Matrices for the variables of an expression.
Point = Mapping[Symbol, sympy.Matrix]

#: What the derivatives by some parameters, given by their sorted numbers, are in all places of f.
Partials = dict[tuple[int, ...], Table]


class TooLargeError(Exception):
    """Written out, the entries are too large to be worked with."""


@dataclass(frozen=True)
class Question:
    """What is to be differentiated: f by the parameters of x, ``order`` times, at numbers for sizes."""

    f: Expr
    x: Coordinates
    order: int
    sizes: Mapping[str, int]

    @property
    def combinations(self) -> list[tuple[int, ...]]:
        """The derivatives by their parameters' sorted numbers; their sequence does not matter."""
        numbers = range(len(self.x.parameters))
        return list(itertools.combinations_with_replacement(numbers, self.order))

    def table(self, matrix: sympy.Matrix) -> Table:
        """Entries of a matrix of f's shape by the indices of the axes that carry one."""
        axes = [k for k, dim in enumerate(self.f.shape) if not dim.is_unit]
        places = itertools.product(range(matrix.rows), range(matrix.cols))
        return {tuple(place[axis] for axis in axes): matrix[place] for place in places}


def partial_derivatives(question: Question, point: Point, rng: random.Random) -> Partials:
    """Partial derivatives of f's entries at a point of numbers; some of them where f is large.

    Raises:
        UnsuitablePointError: take another point.
        TooLargeError: f is too large even for one of them.
    """
    x = question.x
    constants = _constant_nodes(question, point)
    numbers = Numbers(x.values(point[x.symbol]))
    try:
        return _written_out(question, constants, numbers.evaluate, WRITTEN_OUT)
    except (TooLargeError, NumbersOnlyProblem):
        return _followed(question, constants, numbers, rng)


def symbolic_derivatives(question: Question, point: Point, limit: int) -> Partials:
    """The same at a point of symbols.

    Raises:
        TooLargeError: f is large, or not a polynomial.
    """
    at = question.x.values(point[question.x.symbol])

    def evaluate(derivative: Any) -> Any:
        value = derivative.xreplace(at)
        if not value.is_polynomial():
            raise TooLargeError
        return sympy.expand(value)

    return _written_out(question, point, evaluate, limit)


# --------------------------------------------------------------------------- entries written out


def _written_out(
    question: Question,
    constants: Mapping[Any, sympy.Matrix],
    evaluate: Callable[[Any], Any],
    limit: int,
) -> Partials:
    x = question.x
    if max(_square_sizes(question, constants), default=0) > SQUARE:
        raise TooLargeError
    largest = limit // max(1, len(x.parameters))
    guard = refuse_larger(largest, DEPTH // max(1, question.order) ** 2)
    values = {**constants, x.symbol: x.matrix()}
    written = Entries(question.sizes, values, guard).of(question.f)
    written.applyfunc(evaluate)  # the function itself must have a value, too
    derivatives: dict[tuple[int, ...], sympy.Matrix] = {(): written}
    ruler = _Ruler()
    for order in range(1, question.order + 1):
        if sum(ruler.measure(matrix)[0] for matrix in derivatives.values()) > largest * order:
            raise TooLargeError
        derivatives = {
            key: derivatives[key[:-1]].applyfunc(partial(_diff, by=(x.parameters[key[-1]],)))
            for key in replace(question, order=order).combinations
        }
    return {key: question.table(matrix.applyfunc(evaluate)) for key, matrix in derivatives.items()}


def _square_sizes(question: Question, constants: Container[Any]) -> list[int]:
    """For every operation that is to be carried out, the largest square that its operands contain."""
    return [
        max(min(dim.evaluate(question.sizes) for dim in e.shape) for e in (node, *node.args))
        for node in postorder(question.f)
        if node not in constants
    ]


def _diff(entry: Any, by: Sequence[Any]) -> Any:
    for symbol in by:
        entry = entry.diff(symbol)
    return entry


def refuse_larger(limit: int, deepest: int = DEPTH) -> Hook:
    """A hook that raises TooLargeError at a matrix whose entries together exceed a size, or a depth."""
    ruler = _Ruler()

    def hook(matrix: sympy.Matrix) -> sympy.Matrix:
        size, depth = ruler.measure(matrix)
        if size > limit or depth > deepest:
            raise TooLargeError
        return matrix

    return hook


class _Ruler:
    """Sizes and depths of scalar expressions; what is shared is measured once, but counts each time."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[int, int]] = {}

    def measure(self, matrix: sympy.Matrix) -> tuple[int, int]:
        """Total size of the entries, and depth of the deepest."""
        for node in scalar_postorder(matrix, self._known):
            below = [self._known[arg] for arg in node.args]
            self._known[node] = (
                1 + sum(size for size, _ in below),
                1 + max((depth for _, depth in below), default=0),
            )
        measured = [self._known[entry] for entry in matrix]
        return sum(size for size, _ in measured), max(depth for _, depth in measured)


# ------------------------------------------------------------------------------- lines followed


def _followed(
    question: Question,
    constants: Mapping[Any, sympy.Matrix],
    numbers: Numbers,
    rng: random.Random,
) -> Partials:
    x, order, combinations = question.x, question.order, question.combinations
    work = sum(max(1, n / SQUARE) ** 4 for n in _square_sizes(question, constants))
    affordable = int(FOLLOWED / (work * 2**order))
    if not affordable:
        raise TooLargeError
    if len(combinations) > affordable:
        combinations = sorted(rng.sample(combinations, affordable))
    steps = [sympy.Dummy(f"t{k}", real=True) for k in range(order)]
    partials: Partials = {}
    for key in combinations:
        moved = dict(numbers.values)
        for number, step in zip(key, steps, strict=True):
            moved[x.parameters[number]] += step
        values = {**constants, x.symbol: x.matrix().xreplace(moved)}
        line = Taylor(steps)
        end = Entries(question.sizes, values, line.truncate, steps).of(question.f)
        partials[key] = question.table(end.applyfunc(line.last_coefficient))
    return partials


def _constant_nodes(question: Question, point: Point) -> dict[Any, sympy.Matrix]:
    """Values of what does not depend on the variable."""
    dependent: set[Expr] = {question.x.symbol}
    numeric = Entries(question.sizes, point, settle_entries)
    for node in postorder(question.f):
        if any(arg in dependent for arg in node.args):
            dependent.add(node)
        elif node is not question.x.symbol:
            numeric.of(node)
    return {node: value for node, value in numeric.known.items() if node not in dependent}
