"""Laws that hold for any expression, over random ones from the whole registry."""

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matcalc.backends.codegen import compile_function, generate
from matcalc.core.dim import SCALAR, Shape
from matcalc.core.expr import Expr, Symbol, symbols
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from matcalc.ops import REGISTRY
from matcalc.passes.expand import expand
from matcalc.passes.layout import arrange
from matcalc.passes.simplify import simplify
from matcalc.passes.structure import structured_derivative
from tests.reference import generator
from tests.strategies import expressions

SIZES = {"m": 2, "n": 3, "p": 4, "q": 5}

#: Left out: steps, where finite differences meet kinks; functions whose domain a random argument
#: misses; and what has no derivative yet.
JUMPS = {"sign", "step", "argmax", "argmax_1", "argmax_2", "argmin", "argmin_1", "argmin_2",
         "max", "max_1", "max_2", "min", "min_1", "min_2", "maximum", "minimum", "abs", "relu"}  # fmt: skip
NARROW = {"asin", "acos", "eigval", "eigvec", "pinv", "zeros"}
UNKNOWN = {"expm", "sinm", "cosm", "toeplitz", "commutation"}
SMOOTH = frozenset(REGISTRY) - JUMPS - NARROW - UNKNOWN

SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def array(symbol: Symbol, *, signed: bool) -> np.ndarray:
    """A well-conditioned array, the same for the same variable; with entries of both signs or positive."""
    shape = [dim.evaluate(SIZES) for dim in symbol.axes]
    values = generator(symbol.name).uniform(-1.2 if signed else 0.4, 1.2, shape)
    if symbol.is_square:
        values = (values + values.T) / 2 if "symmetric" in symbol.properties else values
        values = values + 2 * np.eye(len(values))
    return values


def value(
    e: Expr | IndexExpr, variables: list[Symbol], arrays: dict[str, np.ndarray]
) -> np.ndarray:
    """Its value; a size that no array has is given beside them. Discards what is not finite."""
    sizes = {name: SIZES[size] for name, size in generate(e, variables=variables).sizes.items()}
    try:
        found = np.asarray(compile_function(e, variables=variables)(**arrays, **sizes))
    except ArgumentProblem as problem:
        # A singular matrix, most likely.
        assume("not defined" not in problem.problem)
        raise
    assume(np.all(np.isfinite(found)) and np.max(np.abs(found), initial=0) < 1e4)
    return found


def close(left: np.ndarray, right: np.ndarray, rtol: float) -> None:
    scale = 1 + max(np.max(np.abs(left), initial=0), np.max(np.abs(right), initial=0))
    np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * scale)


@SETTINGS
@given(expressions(max_leaves=10, ops=frozenset(REGISTRY) - NARROW - UNKNOWN), st.booleans())
def test_simplification_keeps_the_value(e: Expr, signed: bool) -> None:
    variables = symbols(e)
    arrays = {s.name: array(s, signed=signed) for s in variables}
    with np.errstate(all="ignore"):
        close(value(simplify(e), variables, arrays), value(e, variables, arrays), 1e-8)


@SETTINGS
@given(expressions(max_leaves=10, ops=frozenset(REGISTRY) - NARROW - UNKNOWN), st.booleans())
def test_definitions_put_in_keep_the_value(e: Expr, signed: bool) -> None:
    variables = symbols(e)
    arrays = {s.name: array(s, signed=signed) for s in variables}
    try:
        expanded = expand(e)
    except UnsupportedProblem:
        return
    with np.errstate(all="ignore"):
        close(value(expanded, variables, arrays), value(e, variables, arrays), 1e-8)


@dataclass
class Problem:
    """An expression, one of its variables, a point, and a direction in which the variable moves."""

    e: Expr
    wrt: Symbol
    arrays: dict[str, np.ndarray]
    direction: np.ndarray

    def value(self, e: Expr | IndexExpr) -> np.ndarray:
        return value(e, symbols(self.e), self.arrays)

    def check_slope(self, e: Expr | IndexExpr, derivative: np.ndarray) -> None:
        """Compare a derivative with finite differences of ``e`` in the direction."""
        slope = np.tensordot(derivative, self.direction, axes=self.direction.ndim)
        found = difference(e, self.wrt, symbols(self.e), self.arrays, self.direction)
        close(slope, found, 1e-5)


@st.composite
def problems(draw: st.DrawFn, shape: Shape | None = None) -> Problem:
    """A problem whose variable has no structure; its entries have both signs or are positive."""
    e = draw(expressions(max_leaves=8, ops=SMOOTH, shape=shape))
    variables = [s for s in symbols(e) if not s.properties]
    assume(variables)
    wrt, signed = draw(st.sampled_from(variables)), draw(st.booleans())
    arrays = {s.name: array(s, signed=signed) for s in symbols(e)}
    direction = generator("direction", wrt.name).standard_normal(arrays[wrt.name].shape)
    return Problem(e, wrt, arrays, direction)


@SETTINGS
@given(problems())
def test_derivative_agrees_with_finite_differences(p: Problem) -> None:
    try:
        found = structured_derivative(p.e, p.wrt)
    except UnsupportedProblem:
        return
    with np.errstate(all="ignore"):
        jacobian = p.value(found)
        p.check_slope(p.e, jacobian)
        mixed = arrange(found, p.e.shape, p.wrt.shape, 1, "mixed").expr
        if mixed is not None:
            close(p.value(mixed), jacobian, 1e-8)
        vec = arrange(found, p.e.shape, p.wrt.shape, 1, "vec").expr
        if vec is not None:
            rows, columns = (dim.evaluate(SIZES) for dim in vec.shape)
            flat = np.reshape(jacobian, (rows, columns), order="F")
            close(np.reshape(p.value(vec), (rows, columns)), flat, 1e-8)


@SETTINGS
@given(problems(shape=SCALAR))
def test_second_derivative_agrees_with_the_slope_of_the_first(p: Problem) -> None:
    try:
        first, second = (structured_derivative(p.e, p.wrt, order) for order in (1, 2))
    except UnsupportedProblem:
        return
    with np.errstate(all="ignore"):
        hessian = p.value(second)
        p.check_slope(first, hessian)
        count = p.arrays[p.wrt.name].size
        flat = hessian.reshape(count, count)
        close(flat, flat.T, 1e-8)


def difference(
    e: Expr | IndexExpr,
    wrt: Symbol,
    variables: list[Symbol],
    arrays: dict[str, np.ndarray],
    direction: np.ndarray,
) -> np.ndarray:
    """Directional derivative by central differences of fourth order."""

    def at(t: float) -> np.ndarray:
        moved = arrays | {wrt.name: arrays[wrt.name] + t * direction}
        return value(e, variables, moved)

    def fourth_order(h: float) -> np.ndarray:
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)

    coarse, fine = fourth_order(1e-3), fourth_order(5e-4)
    # A function too steep for its slope to be found in this way.
    assume(np.allclose(coarse, fine, rtol=1e-6, atol=1e-6))
    return fine
