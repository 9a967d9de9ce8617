"""Layouts: shapes by the table of the design, and transposes of each other."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.backends.text import format_expr
from matcalc.errors import ArgumentProblem

A = {"A": ("m", "n")}

#: Function, variable, shapes, then the shape of the answer in numerator, denominator, mixed layout.
TABLE = [
    ("a^2", "a", {}, (), (), ()),
    ("a x", "a", {"x": "m"}, ("m", 1), (1, "m"), ("m",)),
    ("a X", "a", {"X": ("m", "n")}, ("m", "n"), ("n", "m"), ("m", "n")),
    ("x' x", "x", {}, (1, "n"), ("n", 1), ("n",)),
    ("tr(A X)", "X", {"X": ("p", "q")}, ("q", "p"), ("p", "q"), ("p", "q")),
    ("A x", "x", A, ("m", "n"), ("n", "m"), ("m", "n")),
    ("x' A", "x", A, ("n", "m"), ("m", "n"), ("n", "m")),
    ("r r'", "r", {"r": (1, "n")}, ("n", 1), (1, "n"), (1, "n")),
]


@pytest.mark.parametrize(("f", "wrt", "shapes", "numerator", "denominator", "mixed"), TABLE)
def test_shapes(
    f: str,
    wrt: str,
    shapes: dict[str, object],
    numerator: tuple[object, ...],
    denominator: tuple[object, ...],
    mixed: tuple[object, ...],
) -> None:
    found = {
        layout: mc.diff(f, wrt, shapes=shapes, layout=layout).shape
        for layout in ("numerator", "denominator", "mixed")
    }
    assert found == {"numerator": numerator, "denominator": denominator, "mixed": mixed}


@pytest.mark.parametrize(("f", "wrt", "shapes"), [row[:3] for row in TABLE])
def test_numerator_and_denominator_are_transposes(
    f: str, wrt: str, shapes: dict[str, object]
) -> None:
    numerator, denominator = (
        mc.diff(f, wrt, shapes=shapes, layout=layout) for layout in ("numerator", "denominator")
    )
    sizes = {"m": 2, "n": 3, "p": 4, "q": 5}
    rng = np.random.default_rng(1)
    arrays = {
        name: rng.standard_normal([sizes[dim] for dim in dims if dim != 1])
        for name, dims in numerator.variables.items()
    }
    left, right = numerator.function("numpy")(**arrays), denominator.function("numpy")(**arrays)
    np.testing.assert_allclose(left, np.transpose(right))


def test_more_than_two_axes_fall_back_to_the_tensor_with_the_vec_form_beside() -> None:
    d = mc.diff("W x + b", "W")
    assert (d.layout, d.shape) == ("tensor", ("m", "m", "n"))
    vec = mc.diff("W x + b", "W", layout="vec")
    assert (vec.layout, vec.shape) == ("vec", ("m", "m n"))
    assert vec.expr is not None
    assert format_expr(vec.expr) == "x' ⊗ I"


def test_vec_form_of_a_transpose_is_the_commutation_matrix() -> None:
    d = mc.diff("X'", "X", layout="vec")
    X = np.arange(6.0).reshape(2, 3)
    K = d.function("numpy")(X=X)
    np.testing.assert_array_equal(K @ X.reshape(-1, order="F"), X.T.reshape(-1, order="F"))


def test_hessian_by_a_matrix_in_vec_layout() -> None:
    d = mc.diff("tr(X' A X)", "X", order=2, layout="vec")
    A = np.random.default_rng(2).standard_normal((3, 3))
    X = np.random.default_rng(3).standard_normal((3, 2))
    np.testing.assert_allclose(d.function("numpy")(A=A, X=X), np.kron(np.eye(2), A + A.T))


def test_unknown_layout() -> None:
    with pytest.raises(ArgumentProblem, match="'row' is not a choice for layout"):
        mc.diff("x' x", "x", layout="row")


def test_kronecker_products_in_a_vec_form_are_flat() -> None:
    d = mc.diff("kron(C x, y)", "C", shapes={"C": ("m", "q"), "y": "n"}, layout="vec")
    assert d.expr is mc.parse(str(d.expr))
