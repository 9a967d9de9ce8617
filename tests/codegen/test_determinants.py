"""Logarithms of products with determinants, at matrices whose determinants overflow and underflow."""

import jax
import numpy as np
import pytest
import torch

import matcalc as mc

jax.config.update("jax_enable_x64", True)

BACKENDS = ["numpy", "jax", "torch"]
SIZE = 300
rng = np.random.default_rng(0)


def definite(scale):
    matrix = rng.normal(size=(SIZE, SIZE))
    return scale * (matrix @ matrix.T / SIZE + np.eye(SIZE))


GIVEN = {"X": definite(1e3), "Y": definite(1e-3), "y": np.ones(SIZE) / 9, "s": 3.0}
SHAPES = {"X": ("n", "n"), "Y": ("n", "n"), "y": "n", "s": ()}
LOG_X, LOG_Y = (np.linalg.slogdet(GIVEN[name])[1] for name in "XY")


@pytest.mark.parametrize("kind", ["spd", "invertible"])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("log(det(X) / det(Y))", LOG_X - LOG_Y),
        ("log(det(X)^2)", 2 * LOG_X),
        ("-log(1 / det(Y))", LOG_Y),
        ("log(s det(X))", LOG_X + np.log(3)),
        ("log(sqrt(det(X)))", LOG_X / 2),
        ("log(sqrt(s det(X) det(Y)^3))", (LOG_X + 3 * LOG_Y + np.log(3)) / 2),
        ("log(s abs(det(X)))", LOG_X + np.log(3)),
        ("log((2 pi)^n det(X))", LOG_X + SIZE * np.log(2 * np.pi)),
        (
            "log(exp(-1/2 y' y) / sqrt(det(2 pi X)))",
            -(GIVEN["y"] @ GIVEN["y"] + SIZE * np.log(2 * np.pi) + LOG_X) / 2,
        ),
    ],
)
def test_value(text, wanted, kind):
    names = [name for name in SHAPES if name in text.replace("sqrt", "").replace("abs", "")]
    for backend in BACKENDS:
        given = {name: GIVEN[name] for name in names}
        if backend == "torch":
            given = {name: torch.tensor(array) for name, array in given.items()}
        d = mc.diff(
            text,
            names[0],
            shapes={name: SHAPES[name] for name in names},
            assume={name: kind for name in names if name in "XY"},
        )
        value, gradient = d.function(backend, value=True)(**given)
        np.testing.assert_allclose(np.asarray(value), wanted, rtol=1e-10)
        assert np.isfinite(np.asarray(gradient)).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("text", "x", "y", "wanted"),
    [
        ("log(det(X) / det(Y))", -6.0, -2.0, np.log(3)),
        ("log(det(X) / det(Y))", -6.0, 2.0, np.nan),
        ("log(det(X) det(Y)^2)", -6.0, -2.0, np.nan),
        ("log(det(X)^2 det(Y))", -6.0, 2.0, np.log(72)),
        ("log(-det(X))", -6.0, 2.0, np.log(6)),
        ("log(-det(X))", 6.0, 2.0, np.nan),
        ("log(-det(X) / det(Y))", -6.0, 2.0, np.log(3)),
        ("log(det(X)^3)", -6.0, 2.0, np.nan),
        ("log(sqrt(det(X) det(Y)))", -6.0, -2.0, np.log(12) / 2),
    ],
)
def test_signs(text, x, y, wanted, backend):
    matrices = {name: np.diag([value, 1.0]) for name, value in (("X", x), ("Y", y)) if name in text}
    if backend == "torch":
        matrices = {name: torch.tensor(matrix) for name, matrix in matrices.items()}
    shapes = dict.fromkeys(matrices, ("n", "n"))
    function = mc.diff(text, "X", shapes=shapes).function(backend, value=True)
    with np.errstate(invalid="ignore"):
        value, _ = function(**matrices)
    np.testing.assert_allclose(np.asarray(value), wanted, rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ["det(X)", "tr(adj(X))"])
@pytest.mark.parametrize("seed", range(4))
def test_nearly_singular_matrices_have_adjugates(seed, text, backend):
    rng = np.random.default_rng(seed)
    left, right = (np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(2))
    values = np.array([3.0, 2.0, 1.5, 1.0, 1e-14])
    matrix = left @ np.diag(values) @ right
    others = np.array([np.prod(np.delete(values, k)) for k in range(5)])
    signs = np.linalg.det(left) * np.linalg.det(right)
    adjugate = signs * (right.T @ np.diag(others) @ left.T)
    given = torch.tensor(matrix) if backend == "torch" else matrix
    if text == "det(X)":
        for array in (given, given.T):
            found = np.asarray(mc.diff(text, "X").function(backend)(X=array))
            wanted = adjugate.T if array is given else adjugate
            np.testing.assert_allclose(found, wanted, atol=1e-11)
    else:
        value, _ = mc.diff(text, "X").function(backend, value=True)(X=given)
        np.testing.assert_allclose(np.asarray(value), np.trace(adjugate), atol=1e-11)
