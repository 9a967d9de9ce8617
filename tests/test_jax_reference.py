"""The reference knows every operation, and says what it should on cases done by hand."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.core.expr import Symbol, symbols
from matcalc.ops import REGISTRY
from tests.jax_reference import MARGINS, MEANING, evaluate, slope
from tests.uncompiled import uncompiled

X = np.array([[2.0, 1.0], [0.5, 3.0]])
E = np.array([[1.0, -1.0], [2.0, 0.5]])
SIZES = {"n": 2}


def test_every_operation_has_a_meaning() -> None:
    assert set(MEANING) == set(REGISTRY)
    assert set(MARGINS) <= set(REGISTRY)


SLOPES = [
    ("tr(X X)", 2 * np.trace(X @ E)),
    ("det(X)", np.linalg.det(X) * np.trace(np.linalg.solve(X, E))),
    ("logdet(X)", np.trace(np.linalg.solve(X, E))),
    ("inv(X)", -np.linalg.inv(X) @ E @ np.linalg.inv(X)),
    ("adj(X)", np.array([[0.5, 1.0], [-2.0, 1.0]])),
    ("vec(X)", E.ravel(order="F")),
    ("X[1,2] X[2,1]", 1.0 * 2.0 + 0.5 * -1.0),
]


@pytest.mark.parametrize(("text", "expected"), SLOPES)
def test_slopes(text: str, expected: np.ndarray) -> None:
    e = mc.parse(text, shapes={"X": ("n", "n")})
    wrt = next(s for s in symbols(e) if s.name == "X")
    np.testing.assert_allclose(slope(e, wrt, {"X": X}, SIZES, [E]), expected, rtol=1e-12)


def test_second_slopes() -> None:
    e = mc.parse("tr(X X X)", shapes={"X": ("n", "n")})
    found = slope(e, symbols(e)[0], {"X": X}, SIZES, [E, X])
    np.testing.assert_allclose(found, 6 * np.trace(X @ E @ X), rtol=1e-12)


def test_values_of_all_nodes() -> None:
    e = mc.parse("exp(-x)' x", shapes={"x": "n"})
    found = evaluate(e, {"x": np.array([1.0, 2.0])}, SIZES)
    np.testing.assert_allclose(found[e], [[np.exp(-1) + 2 * np.exp(-2)]])
    [x] = [node for node in found if isinstance(node, Symbol)]
    assert found[x].shape == (2, 1)


def test_padding_cuts_and_spreads() -> None:
    jnp = pytest.importorskip("jax.numpy")
    [found] = uncompiled(lambda x: jnp.gradient(x) + jnp.pad(x, 1)[:-2], np.arange(5.0))
    np.testing.assert_allclose(found, [1, 1, 2, 3, 4])
