"""The derivative as a map ``dX -> ...``: forms, directions, and values against finite differences."""

from collections.abc import Callable

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function
from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Symbol
from matcalc.passes.linear_map import direction
from matcalc.report import one_line
from tests.reference import assert_close, distinct_sizes, finite_difference, generator, sample

#: Text, variable, order; how often the direction is put in, and what the map gives.
MAPS = [
    ("inv(X)", "X", 1, 1, "-X^-1 dX X^-1"),
    ("X: (m, n); X", "X", 1, 1, "dX"),
    ("X'", "X", 1, 1, "dX'"),
    ("X' A X", "X", 1, 1, "dX' A X + X' A dX"),
    ("log(det(X))", "X", 2, 1, "-X^-T dX' X^-T"),
    ("X^3", "X", 1, 1, "dX X^2 + X dX X + X^2 dX"),
    ("X .^ 3", "X", 1, 1, "3 dX .* X.^2"),
    ("kron(A, X)", "X", 1, 1, "A ⊗ dX"),
    ("vec(X)", "X", 1, 1, "vec(dX)"),
    ("diag(x)", "x", 1, 1, "diag(dx)"),
    ("x x'", "x", 1, 1, "dx x' + x dx'"),
    ("tanh(W x + b)", "W", 1, 1, "(dW x) .* (1 - tanh(W x + b).^2)"),
    ("X / tr(X)", "X", 1, 1, "(dX - tr(dX) X / tr(X)) / tr(X)"),
    # More directions where one leaves more than two axes.
    ("inv(X)", "X", 2, 2, "t1 = X^-1; 2 t1 dX t1 dX t1"),
    ("log(det(X))", "X", 3, 2, "t1 = X^-T; 2 t1 dX' t1 dX' t1"),
    ("tr(X^3)", "X", 3, 2, "6 (dX^2)'"),
    ("exp(a' x)", "x", 4, 2, "(a' dx)^2 exp(a' x) a a'"),
    # With at most two axes it is there, though not shown.
    ("A x", "x", 1, 1, "A dx"),
    ("x' A x", "x", 1, 1, "dx' (A + A') x"),
    ("x' A x", "x", 2, 1, "(A + A') dx"),
    ("x' A", "x", 1, 1, "dx' A"),
    ("t: scalar; t^3", "t", 2, 1, "6 dt t"),
    ("t: scalar; X: (m, n); exp(t) X", "t", 1, 1, "dt exp(t) X"),
    ("y: (1, n); exp(y)", "y", 1, 1, "dy .* exp(y)"),
    ("tr(A X)", "X", 1, 1, "tr(A dX)"),
    # Zero is a map too.
    ("X: (n, n); A x", "X", 1, 1, "zeros(m)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "order", "degree", "value"), MAPS)
def test_map(text: str, wrt: str, order: int, degree: int, value: str) -> None:
    d = mc.diff(text, wrt, order=order)
    assert d.as_map is not None
    assert d.linear_map is d.as_map.value
    assert one_line(d.as_map.value) == value
    assert d.as_map.degree == degree
    assert d.as_map.direction.shape == d.wrt.shape


STRUCTURES = [
    ("symmetric", "ambient", "dX' A X + X A dX"),
    ("symmetric", "tangent", "dX A X + X A dX"),
    ("spd", "tangent", "dX A X + X A dX"),
    ("skew", "tangent", "-(dX A X + X A dX)"),
]


@pytest.mark.parametrize(("structure", "convention", "value"), STRUCTURES)
def test_direction_has_the_structure_in_the_tangent_convention(
    structure: str, convention: str, value: str
) -> None:
    d = mc.diff("X' A X", "X", assume={"X": structure}, structured=convention)
    assert d.linear_map is not None
    assert one_line(d.linear_map) == value
    assert d.as_map is not None
    wanted = {"spd": {"symmetric"}}.get(structure, {structure})
    assert d.as_map.direction.properties == (wanted if convention == "tangent" else set())


def test_independent_parameters_make_no_linear_map() -> None:
    d = mc.diff("tr(A X)", "X", assume={"X": "symmetric"}, structured="independent")
    assert d.linear_map is None


def test_an_array_that_keeps_three_axes_has_no_map() -> None:
    d = mc.diff("f[i,j,k] = x[i] x[j] A[j,k] exp(x[k])", "x")
    assert d.linear_map is None
    assert "map" not in str(d)


@pytest.mark.parametrize(
    ("text", "shapes", "name"),
    [
        ("dX X' A X", {"dX": ()}, "dX_1"),
        ("dX_1 dX X' A X", {"dX": (), "dX_1": ()}, "dX_2"),
        ("X' A X", {"X": ("dX", "n")}, "dX_1"),
        ("dX = X' A X", {}, "dX_1"),
    ],
)
def test_direction_has_a_name_of_its_own(text: str, shapes: dict[str, object], name: str) -> None:
    d = mc.diff(text, "X", shapes=shapes)
    assert d.as_map is not None
    assert d.as_map.direction.name == name


#: Text, variable, order.
VALUES = [
    ("X' A X", "X", 1),
    ("X^-1", "X", 1),
    ("X^-1", "X", 2),
    ("log(det(X' X))", "X", 2),
    ("log(det(X' X))", "X", 3),
    ("kron(X, A)", "X", 1),
    ("softmax(A x)", "x", 2),
    ("exp(x' A x)", "x", 3),
    ("y: (1, n); sum(exp(y A))", "y", 3),
    ("tanh(W x + b) c'", "W", 1),
    ("det(X' X) X", "X", 2),
]


@pytest.mark.parametrize(("text", "wrt", "order"), VALUES)
def test_value_is_the_derivative_along_the_direction(text: str, wrt: str, order: int) -> None:
    """One order less, varied along the direction; for two directions, that once more."""
    d = mc.diff(text, wrt, order=order)
    assert d.as_map is not None
    sizes = distinct_sizes(d.size_names)
    rng = generator(text)
    along = d.as_map.direction

    def drawn(shape: tuple[str | int, ...]) -> np.ndarray:
        return np.asarray(
            0.5 * sample(rng, [s if isinstance(s, int) else sizes[s] for s in shape if s != 1])
        )

    arrays = {name: drawn(shape) for name, shape in d.variables.items()}
    direction = drawn(d.variables[wrt])
    variables = [*d.symbols.values(), along]
    code = compile_function(d.as_map.value, "numpy", doc="The map.", variables=variables)
    value = code(**arrays, **{along.name: direction})

    degree = d.as_map.degree
    assert isinstance(d.f, Expr)
    before: Callable[..., np.ndarray] = (
        mc.diff(text, wrt, order=order - degree, layout="tensor").function()
        if order > degree
        else compile_function(d.f, "numpy", doc="f.", variables=list(d.symbols.values()))
    )
    for _ in range(degree):
        before = _along(before, wrt, direction)
    assert_close(np.squeeze(value), np.squeeze(before(**arrays)), 1e-5)


def _along(
    f: Callable[..., np.ndarray], wrt: str, direction: np.ndarray
) -> Callable[..., np.ndarray]:
    """The derivative of f along the direction, by finite differences."""

    def slope(**arrays: np.ndarray) -> np.ndarray:
        def moved(t: np.ndarray) -> np.ndarray:
            return f(**{**arrays, wrt: arrays[wrt] + t * direction})

        return finite_difference(moved, np.array(0.0))

    return slope


SHOWN = [
    ("inv(X)", 1, ["linear map, shape (n, n)", "  df: dX -> -X^-1 dX X^-1"]),
    ("g = X' A X", 1, ["linear map, shape (n, n)", "  dg: dX -> dX' A X + X' A dX"]),
    ("log(det(X))", 2, ["linear map, shape (n, n)", "  d(∂f/∂X): dX -> -X^-T dX' X^-T"]),
    (
        "inv(X)",
        2,
        ["map of degree 2, shape (n, n)", "  d²f: dX -> 2 t1 dX t1 dX t1"],
    ),
    ("X v", 1, ["linear map, length m", "  df: dX -> dX v"]),
    ("v' X", 1, ["linear map, shape (1, n)", "  df: dX -> v' dX"]),
]


@pytest.mark.parametrize(("text", "order", "lines"), SHOWN)
def test_report_shows_it(text: str, order: int, lines: list[str]) -> None:
    assert "\n".join(lines) in str(mc.diff(text, "X", order=order))


@pytest.mark.parametrize(("text", "order"), [("tr(A X)", 1), ("tr(A X)", 2), ("A x", 1)])
def test_report_leaves_it_out_where_there_is_a_matrix_or_zero(text: str, order: int) -> None:
    d = mc.diff(text, "X" if "X" in text else "x", order=order)
    assert d.linear_map is not None
    assert "->" not in str(d)
    assert "mapsto" not in d.latex()
    assert d.to_dict()["linear_map"] is None


def test_latex_and_dict() -> None:
    d = mc.diff("log(det(X))", "X", order=2)
    assert d.to_dict()["linear_map"] == "dX -> -X^-T dX' X^-T"
    assert d.latex().endswith(
        r"\\ \mathrm{d} \left(\frac{\partial f}{\partial X}\right) : \mathrm{d}X &\mapsto "
        r"-X^{-\top} \mathrm{d}X^\top X^{-\top} \end{aligned}"
    )
    twice = mc.diff("inv(X)", "X", order=2)
    assert twice.to_dict()["linear_map"] == "t1 = X^-1; dX -> 2 t1 dX t1 dX t1"
    squared = twice.latex()
    assert r"\\ \mathrm{d}^{2} f : \mathrm{d}X &\mapsto 2 t_{1} \mathrm{d}X" in squared


def test_check_covers_the_map() -> None:
    """Right as it is made; wrong by a sign, it is refuted, with the direction in the counterexample."""
    d = mc.diff("X' A X", "X")
    assert d.check().ok
    wrong = d.replace()
    assert d.as_map is not None
    bad = mc.parse("dX' A X - X' A dX", shapes={"dX": ("m", "n"), "X": ("m", "n")})
    vars(wrong)["as_map"] = d.as_map.replace(value=bad)
    report = wrong.check()
    assert report.ok is False
    assert report.counterexample is not None
    assert "dX" in report.counterexample.point


@pytest.mark.parametrize(
    ("properties", "common"),
    [
        (["orthogonal", "symmetric", "invertible"], {"symmetric"}),
        (["spd", "toeplitz"], {"symmetric", "toeplitz"}),
    ],
)
def test_directions_have_the_linear_structure_of_the_variable(properties, common):
    X = Symbol("X", (Dim.of("n"), Dim.of("n")), properties)
    assert direction(X, "dX", "tangent").properties == common
    assert direction(X, "dX", "ambient").properties == set()
