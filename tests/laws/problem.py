"""An expression, a variable and a point: what every law is tried on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import matcalc as mc
from matcalc.codegen.generate import compile_function
from matcalc.core.dim import SCALAR, Dim
from matcalc.core.expr import Apply, Expr, Symbol, postorder, symbols
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative
from tests import jax_reference
from tests.random_expressions import SHAPES, Choose, Grower
from tests.reference import generator

#: Pairwise distinct, so that a transpose too many shows.
SIZES = {"m": 2, "n": 3, "p": 4, "q": 5}

#: What the entries of the arrays are drawn from.
RANGES = {"both signs": (-1.2, 1.2), "positive": (0.4, 1.2), "unit": (0.1, 0.9)}

#: Nearer to a kink or to the edge of a domain than this, rounding may decide on which side it is.
MARGIN = 1e-3

#: Larger numbers lose too many digits.
LARGEST = 1e5

#: Derivatives with more entries are left out: they would take the time of a hundred others.
MOST_ENTRIES = 20_000

#: Relative to the largest entry.
TOLERANCE = 1e-7

NUDGE = 1e-9

Array = np.ndarray


class Discarded(Exception):
    """The point or the expression says nothing about a law, for this reason."""


class Violation(AssertionError):
    """A law does not hold."""


@dataclass(frozen=True)
class Problem:
    """An expression, one of its variables, and a point.

    Attributes:
        expr: the expression.
        wrt: the variable to differentiate by.
        range: what the entries of the arrays are drawn from; a key of ``RANGES``.
        sizes: a number for every size symbol.
        nudged: whether the point is moved a little, to see how much that matters.
    """

    expr: Expr
    wrt: Symbol
    range: str
    sizes: dict[str, int] = field(default_factory=lambda: SIZES)
    nudged: bool = False

    # ------------------------------------------------------------------ the point

    @cached_property
    def variables(self) -> list[Symbol]:
        return symbols(self.expr)

    @cached_property
    def arrays(self) -> dict[str, Array]:
        return {symbol.name: self._array(symbol) for symbol in self.variables}

    def _array(self, symbol: Symbol) -> Array:
        shape = [dim.evaluate(self.sizes) for dim in symbol.axes]
        rng = generator(symbol.name)
        low, high = RANGES["positive" if "positive" in symbol.properties else self.range]
        array = rng.uniform(low, high, shape)
        if symbol.is_square:
            array = structured(symbol, array)
        if not self.nudged:
            return array
        noise = generator("nudge", symbol.name).standard_normal(shape)
        return array * (1 + NUDGE * (noise + noise.T if symbol.is_square else noise))

    @cached_property
    def directions(self) -> tuple[Array, Array]:
        """Two directions in which the variable moves, without regard to its structure.

        Rules of operations that need a symmetric matrix hold along symmetric directions only.
        """
        shape = self.arrays[self.wrt.name].shape
        first, second = (generator(k, self.wrt.name).standard_normal(shape) for k in "uv")
        if any(isinstance(e, Apply) and e.op.requires for e in postorder(self.expr)):
            return (first + first.T, second + second.T) if self.wrt.is_square else (first, second)
        return first, second

    # ------------------------------------------------------------------ reference

    @cached_property
    def value(self) -> Array:
        """The value, by JAX.

        Raises:
            Discarded: some part of the expression is not defined here, or nearly so, or has a kink.
        """
        found = jax_reference.evaluate(self.expr, self.arrays, self.sizes)
        known = {node: np.asarray(array) for node, array in found.items()}
        for node, array in known.items():
            if not isinstance(node, Apply):
                continue
            args = [known[arg] for arg in node.args]
            if jax_reference.distance_from_edge(node, args) < MARGIN:
                raise Discarded(f"edge of {node.op.name}")
            if not np.all(np.isfinite(array)):
                raise Discarded(f"outside {node.op.name}")
            if np.max(np.abs(array)) > LARGEST:
                raise Discarded("large numbers")
        return known[self.expr].reshape(self._axes(self.expr))

    @cached_property
    def slope(self) -> Array:
        """The derivative along the first direction, by JAX."""
        return self._slope(self.directions[:1])

    @cached_property
    def curvature(self) -> Array:
        """The second derivative along both directions, by JAX."""
        return self._slope(self.directions)

    def _slope(self, directions: Sequence[Array]) -> Array:
        found = jax_reference.slope(self.expr, self.wrt, self.arrays, self.sizes, directions)
        if not np.all(np.isfinite(found)):
            raise Discarded("JAX has no derivative")
        if np.max(np.abs(found), initial=0) > LARGEST:
            raise Discarded("large derivative")
        return found

    def agree(self, found: Array, wanted: Array, what: Callable[[Problem], Array]) -> None:
        """Compare with what JAX says, unless that depends on rounding here.

        Args:
            found: what matcalc's answer is here.
            wanted: what it should be.
            what: the number of JAX's on which ``wanted`` depends.

        Raises:
            Violation: they differ.
            Discarded: they differ, but by less than the reference itself does near by.
        """
        if found.shape != wanted.shape:
            raise Violation(f"shape {found.shape} instead of {wanted.shape}")
        scale = 1 + np.max(np.abs(wanted), initial=0)
        gap = np.abs(found - wanted)
        if np.all(gap <= TOLERANCE * scale):
            return
        near = Problem(self.expr, self.wrt, self.range, self.sizes, nudged=True)
        spread = np.max(np.abs(what(near) - what(self)), initial=0)
        if np.all(gap <= spread):
            raise Discarded("depends on rounding")
        raise Violation(f"{_brief(found)} instead of {_brief(wanted)}")

    # ------------------------------------------------------------------ matcalc

    def number(self, e: Expr | IndexExpr) -> Array:
        """The value of an expression or array at the point, by the generated NumPy code."""
        function = compile_function(e, variables=self.variables)
        sizes = {name: self.sizes[name] for name in function._generated.sizes.values()}
        with np.errstate(all="ignore"):
            return function(**self.arrays, **sizes)

    def answer(self, order: int = 1, layout: str = "tensor", structured: str = "ambient"):
        """What ``mc.diff`` says."""
        key = order, layout, structured
        if key not in self._answers:
            entries = int(np.prod(self._axes(self.expr) + order * self._axes(self.wrt)))
            if entries > MOST_ENTRIES:
                raise Discarded("a large tensor")
            self._answers[key] = mc.diff(
                self.expr, self.wrt.name, order=order, layout=layout, structured=structured
            )
        return self._answers[key]

    @cached_property
    def _answers(self) -> dict[tuple[int, str, str], Derivative]:
        return {}

    def number_of(self, answer: Derivative) -> Array:
        """The value of an answer, of which the shape must be the one it states.

        Raises:
            Violation: it has another shape.
        """
        found = self.number(answer.index if answer.expr is None else answer.expr)
        stated = tuple(dim.evaluate(self.sizes) for dim in answer.arranged.shape if not dim.is_unit)
        if found.shape != stated:
            raise Violation(f"{answer.layout} layout states {stated}, and is {found.shape}")
        return found

    def along(self, derivative: Array, times: int = 1) -> Array:
        """A derivative in tensor convention along the first direction, or along both."""
        for direction in self.directions[:times][::-1]:
            derivative = np.tensordot(derivative, direction, axes=direction.ndim)
        return derivative

    def _axes(self, e: Expr) -> list[int]:
        return [dim.evaluate(self.sizes) for dim in e.axes]

    def __str__(self) -> str:
        """Text that can be pasted."""
        shapes = {s.name: s.shape for s in self.variables}
        assumed = {s.name: sorted(s.properties) for s in self.variables if s.properties}
        spelt = {name: tuple(_spelt(dim) for dim in shape) for name, shape in shapes.items()}
        assume = f", assume={assumed}" if assumed else ""
        return f'mc.diff("{self.expr}", "{self.wrt.name}", shapes={spelt}{assume})  # {self.range}'


def structured(symbol: Symbol, array: Array) -> Array:
    """A well-conditioned square array with the symbol's properties."""
    n, words = len(array), symbol.properties
    if "orthogonal" in words:
        return np.linalg.qr(array + np.eye(n))[0]
    if "spd" in words:
        return array @ array.T / n + np.eye(n)
    if "skew" in words:
        return np.triu(array, 1) - np.triu(array, 1).T
    if "toeplitz" in words:
        places = np.arange(n)[None, :] - np.arange(n)[:, None]
        array = np.concatenate([array[0], array[1:, 0]])[places]
    if "symmetric" in words:
        array = (array + array.T) / 2
    if "diagonal" in words:
        array = np.diag(np.diag(array))
    if "lower_triangular" in words:
        array = np.tril(array)
    if "upper_triangular" in words:
        array = np.triu(array)
    return array if "positive" in words else array + 2 * np.eye(n)


def random_problem(choose: Choose, leaves: int) -> Problem:
    """A problem, made by choices.

    Raises:
        Discarded: the expression has no variable.
    """
    # Half of the functions are scalar, as those of the users are.
    shape = choose([SCALAR, choose(SHAPES)])
    expr = Grower(choose).grow(shape, choose(range(2, leaves + 1)))
    variables = symbols(expr)
    if not variables:
        raise Discarded("no variable")
    return Problem(expr, choose(variables), choose(list(RANGES)))


def _spelt(dim: Dim) -> str | int:
    return str(dim) if dim.symbols else dim.coefficient


def _brief(array: Array) -> str:
    return np.array2string(array, precision=6, threshold=12).replace("\n", "")
