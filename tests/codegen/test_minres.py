"""Systems that are too large for their matrix: the method of minimal residuals."""

import re
from functools import partial

import jax
import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import operator
from tests.codegen.operators import CONVERT, FIRST_ORDER, REGULAR, problem

rng = np.random.default_rng(1)


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize(
    ("text", "wrt", "shapes"),
    [
        REGULAR["logistic regression"][:3],
        ("(x' A x)^2 - exp(b' x)", "x", {"A": (4, 4), "x": (4,), "b": (4,)}),
        (FIRST_ORDER[2], "x", {"A": (4, 4), "x": (4,)}),
    ],
    ids=["definite", "indefinite", "not symmetric"],
)
def test_large_systems_are_solved_without_the_matrix(text, wrt, shapes, backend, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 2)
    d, arrays, dense = problem(text, wrt, shapes)
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in arrays.items()})
    monkeypatch.setattr(H, "todense", None)
    G = rng.normal(size=(len(dense), 2))
    solved = np.linalg.solve(dense, G)
    near = partial(np.testing.assert_allclose, rtol=1e-6)
    near(H.solve(CONVERT[backend](G[:, 0])), solved[:, 0])
    near(H.solve(CONVERT[backend](G)), solved)
    near(H.solve(CONVERT[backend](0 * G)), 0 * G)


def spectrum(values):
    """A symmetric matrix with these eigenvalues."""
    Q = np.linalg.qr(np.random.default_rng(5).normal(size=(len(values),) * 2))[0]
    A = (Q * values) @ Q.T
    return A + A.T


@pytest.mark.parametrize(
    ("backend", "indefinite"),
    [("numpy", False), ("numpy", True), ("jax", False), ("torch", True)],
)
def test_iterations_go_on_to_their_tolerance(backend, indefinite, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    signs = (-1.0) ** np.arange(60) if indefinite else 1.0
    A = spectrum(np.logspace(0, -4 if indefinite else -6, 60) * signs)
    H = mc.diff("1/2 x' A x", "x", order=2).operator(backend)(A=CONVERT[backend](A))
    g = A @ np.random.default_rng(6).normal(size=60)
    x = np.asarray(H.solve(CONVERT[backend](g)))
    assert np.linalg.norm(A @ x - g) <= 2e-10 * np.linalg.norm(g)
    near = np.asarray(H.solve(CONVERT[backend](g), tolerance=1e-3))
    assert 1e-9 < np.linalg.norm(A @ near - g) / np.linalg.norm(g) <= 1e-3
    with pytest.raises(mc.ArgumentProblem, match="did not converge in 20 steps"):
        H.solve(CONVERT[backend](g), steps=20)
    if backend == "jax":
        assert np.isnan(jax.jit(lambda g: H.solve(g, steps=20))(g)).all()
        np.testing.assert_allclose(A @ jax.jit(H.solve)(g), g, atol=1e-9)


def test_iterations_that_do_not_converge_give_no_answer(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    A = spectrum(np.logspace(0, -8, 60) * (-1.0) ** np.arange(60))
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    with pytest.raises(mc.ArgumentProblem, match="did not converge in 1200 steps"):
        H.solve(np.ones(60))


def test_what_differs_in_scale_is_scaled_before_iterations(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    scale = np.logspace(0, -5, 60)
    A = scale[:, None] * spectrum(np.linspace(1, 2, 60)) * scale
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    x = H.solve(A @ np.ones(60), steps=60)
    np.testing.assert_allclose(x, np.ones(60), rtol=1e-6)


def test_large_systems_that_are_singular(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 2)
    H = mc.diff("(a' x)^2 + sum(x)", "x", order=2).operator()(a=np.array([1.0, 2.0, 3.0]))
    assert H.solve(np.array([2.0, 4.0, 6.0])) @ H == pytest.approx([2.0, 4.0, 6.0])
    with pytest.raises(mc.ArgumentProblem) as caught:
        H.solve(np.array([1.0, 0.0, 0.0]), steps=5)
    assert re.sub(r"residual .*?\)", "residual R)", str(caught.value)) == (
        "error: the method of minimal residuals did not converge in 5 steps (relative residual R): the "
        "matrix is singular, or nearly so\n"
        "  help: solve(g, tolerance=..., steps=...) asks for less, or for more steps; H.todense() is "
        "the matrix, H.aslinearoperator() an operator for SciPy's solvers"
    )
