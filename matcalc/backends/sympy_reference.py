"""Derivatives of single entries by SymPy's scalar ``diff``: the witness that answers are held against.

Nothing here knows a rule of matrix calculus. ``MatrixExpr.diff`` is not used either: SymPy 1.14
returns 0 for ``log det X`` with it.

There are two ways. Where the entries of the function stay small they are written out in the
variable's entries and differentiated as they stand. Where they would swell, as in deep networks, they
are followed along lines X + t E, and after every operation all but the powers of t that matter are
dropped; ``diff`` finds those again.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan

from matcalc.backends.sympy_coordinates import Coordinates
from matcalc.backends.sympy_entries import Entries, Hook, Table
from matcalc.core.expr import Expr, Symbol, postorder

#: Digits that are carried where numbers are not rational; 50 of them are claimed.
DIGITS = 60

#: Largest product of the size of the entries and the number of derivatives that is written out.
WRITTEN_OUT = 60_000

#: Deepest nesting of scalar expressions that is written out: SymPy's functions are recursive.
DEPTH = 80

#: Largest product of operations and lines that is followed; of more lines, some are drawn.
FOLLOWED = 3_000

#: Matrices for the variables of an expression.
Point = Mapping[Symbol, sympy.Matrix]

#: What the derivatives by some parameters, given by their sorted numbers, are in all places of f.
Partials = dict[tuple[int, ...], Table]


class UnsuitablePointError(ArithmeticError):
    """The function or its derivative has no real value at the point, or the point is on a kink."""


class TooLargeError(Exception):
    """Written out, the entries are too large to be worked with."""


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


def settle_entries(node: Expr, matrix: sympy.Matrix) -> sympy.Matrix:
    """A hook for expressions of numbers: without it, exact irrational numbers would swell."""
    return matrix.applyfunc(settled)


def partial_derivatives(
    f: Expr, order: int, sizes: Mapping[str, int], point: Point, x: Coordinates, rng: random.Random
) -> Partials:
    """Partial derivatives of f's entries at a point of numbers; some of them where f is large.

    Raises:
        UnsuitablePointError: take another point.
    """
    constants = _constant_nodes(f, sizes, point, x.symbol)
    numbers = _Numbers(x.values(point[x.symbol]))
    try:
        return _written_out(f, order, sizes, constants, x, numbers.evaluate)
    except TooLargeError:
        return _followed(f, order, sizes, constants, x, numbers, rng)


def symbolic_derivatives(
    f: Expr, order: int, sizes: Mapping[str, int], point: Point, x: Coordinates
) -> Partials:
    """The same at a point of symbols.

    Raises:
        TooLargeError: f is large, or not a polynomial.
    """
    at = x.values(point[x.symbol])

    def evaluate(derivative: Any) -> Any:
        value = derivative.xreplace(at)
        if not value.is_polynomial():
            raise TooLargeError
        return sympy.expand(value)

    return _written_out(f, order, sizes, point, x, evaluate, limit=WRITTEN_OUT // 20)


# --------------------------------------------------------------------------- entries written out


def _written_out(
    f: Expr,
    order: int,
    sizes: Mapping[str, int],
    constants: Mapping[Any, sympy.Matrix],
    x: Coordinates,
    evaluate: Callable[[Any], Any],
    limit: int = WRITTEN_OUT,
) -> Partials:
    combinations = list(itertools.combinations_with_replacement(range(len(x.parameters)), order))
    guard = refuse_larger(limit // max(1, len(combinations)))
    written = Entries(sizes, {**constants, x.symbol: x.matrix()}, guard).of(f)
    derivatives: dict[tuple[int, ...], sympy.Matrix] = {(): written}
    for size in range(1, order + 1):
        for key in itertools.combinations_with_replacement(range(len(x.parameters)), size):
            parameter = x.parameters[key[-1]]
            derivatives[key] = derivatives[key[:-1]].applyfunc(lambda e, p=parameter: e.diff(p))
    return {key: _table(f, derivatives[key].applyfunc(evaluate)) for key in combinations}


def refuse_larger(limit: int) -> Hook:
    """A hook that raises TooLargeError at a matrix whose entries together exceed a size."""
    ruler = _Ruler()

    def hook(node: Expr, matrix: sympy.Matrix) -> sympy.Matrix:
        size, depth = ruler.measure(matrix)
        if size > limit or depth > DEPTH:
            raise TooLargeError
        return matrix

    return hook


class _Ruler:
    """Sizes and depths of scalar expressions; what is shared is measured once, but counts each time."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[int, int]] = {}

    def measure(self, matrix: sympy.Matrix) -> tuple[int, int]:
        """Total size of the entries, and depth of the deepest."""
        for node in _scalar_postorder(matrix, self._known):
            below = [self._known[arg] for arg in node.args]
            self._known[node] = (
                1 + sum(size for size, _ in below),
                1 + max((depth for _, depth in below), default=0),
            )
        sizes, depths = zip(*(self._known[entry] for entry in matrix), strict=True)
        return sum(sizes), max(depths)


def _scalar_postorder(roots: Iterable[Any], known: Mapping[Any, Any]) -> Iterable[Any]:
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


# ------------------------------------------------------------------------------- lines followed


def _followed(
    f: Expr,
    order: int,
    sizes: Mapping[str, int],
    constants: Mapping[Any, sympy.Matrix],
    x: Coordinates,
    numbers: _Numbers,
    rng: random.Random,
) -> Partials:
    combinations = list(itertools.combinations_with_replacement(range(len(x.parameters)), order))
    operations = sum(1 for node in postorder(f) if node not in constants)
    affordable = max(2, FOLLOWED // (operations * 2**order))
    if len(combinations) > affordable:
        combinations = sorted(rng.sample(combinations, affordable))
    steps = [sympy.Dummy(f"t{k}", real=True) for k in range(order)]
    origin = _Numbers(dict.fromkeys(steps, sympy.S.Zero))
    subsets = [s for k in range(order + 1) for s in itertools.combinations(steps, k)]

    def truncate(entry: Any) -> Any:
        """The multilinear part of the Taylor polynomial in the steps."""
        if not entry.has(*steps):
            return settled(entry)
        return sympy.Add(
            *(sympy.Mul(origin.evaluate(_repeated_diff(entry, s)), *s) for s in subsets)
        )

    def hook(node: Expr, matrix: sympy.Matrix) -> sympy.Matrix:
        return matrix.applyfunc(truncate)

    partials: Partials = {}
    for key in combinations:
        moved = dict(numbers.values)
        for number, step in zip(key, steps, strict=True):
            moved[x.parameters[number]] += step
        line = x.matrix().xreplace(moved)
        end = Entries(sizes, {**constants, x.symbol: line}, hook).of(f)
        partials[key] = _table(
            f, end.applyfunc(lambda e: origin.evaluate(_repeated_diff(e, tuple(steps))))
        )
    return partials


def _repeated_diff(entry: Any, steps: tuple[Any, ...]) -> Any:
    for step in steps:
        entry = entry.diff(step)
    return entry


# --------------------------------------------------------------------------------------- values


class _Numbers:
    """Values of scalar expressions for given values of their symbols; shared parts count once."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self.values = dict(values)
        self._known: dict[Any, Any] = dict(values)

    def evaluate(self, expression: Any) -> Any:
        """The expression's value, settled.

        Raises:
            UnsuitablePointError: there is none, or two sides of an inequality in it are equal.
        """
        known = self._known
        for node in _scalar_postorder([expression], known):
            args = [known[arg] for arg in node.args]
            if isinstance(node, _INEQUALITIES) and args[0] == args[1]:
                raise UnsuitablePointError("the point is on a kink")
            value = node.func(*args) if args else node
            known[node] = settled(value) if value.is_number and not value.is_Rational else value
        return settled(known[expression])


_INEQUALITIES = (GreaterThan, LessThan, StrictGreaterThan, StrictLessThan)


def _constant_nodes(
    f: Expr, sizes: Mapping[str, int], point: Point, wrt: Symbol
) -> dict[Any, sympy.Matrix]:
    """Values of what does not depend on the variable."""
    dependent: set[Expr] = {wrt}
    numeric = Entries(sizes, point, settle_entries)
    for node in postorder(f):
        if any(arg in dependent for arg in node.args):
            dependent.add(node)
        elif node is not wrt:
            numeric.of(node)
    return {node: value for node, value in numeric.known.items() if node not in dependent}


def _table(f: Expr, matrix: sympy.Matrix) -> Table:
    """Entries by the indices of the axes that carry one."""
    axes = [k for k, dim in enumerate(f.shape) if not dim.is_unit]
    return {
        tuple((i, j)[axis] for axis in axes): matrix[i, j]
        for i in range(matrix.rows)
        for j in range(matrix.cols)
    }
