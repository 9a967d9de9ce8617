"""Systems that the core tells how to solve: a diagonal, which may hold zeros, and products."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import operator
from tests.codegen.operators import CONVERT

rng = np.random.default_rng(1)


@pytest.mark.parametrize("backend", CONVERT)
def test_what_is_added_to_a_diagonal_may_be_far_larger(backend):
    a, x, g = (
        np.array(entries, dtype=np.float32)
        for entries in ([1e3, 5e2, -1e3], [-1.0, 0.5, 0.0], [1.0, 0.3, -2.0])
    )
    function = mc.diff("sum(exp(x)) + (a' x)^2", "x", order=2).operator(backend)
    H = function(a=CONVERT[backend](a), x=CONVERT[backend](x))
    dense = np.diag(np.exp(x.astype(float))) + 2 * np.outer(a.astype(float), a)
    np.testing.assert_allclose(H.solve(CONVERT[backend](g)), np.linalg.solve(dense, g), rtol=1e-5)


#: Sherman, Morrison and Woodbury divide by a diagonal: functions with a diagonal that may hold zeros.
WITH_A_DIAGONAL = {
    "an inactive ReLU": (
        "sum(relu(x).^2) + (y' x)^2",
        {"x": [-1.0, 1.0, 2.0], "y": [1.0, 1.0, 1.0]},
    ),
    "a power": ("sum(x.^4) + (y' x)^2", {"x": [0.0, 1.0, 2.0], "y": [1.0, -2.0, 3.0]}),
    "weights": (
        "1/2 x' diag(a) x + 1/2 (y' x)^2",
        {"a": [0.0, 1.0, 2.0], "x": [1.0, 1.0, 1.0], "y": [1.0, -2.0, 3.0]},
    ),
    "two products": (
        "sum(relu(x).^2) + (y' x)^2 + exp(z' x)",
        {"x": [-1.0, -2.0, 0.5], "y": [1.0, 2.0, 3.0], "z": [1.0, -1.0, 1.0]},
    ),
}


def with_a_diagonal(name, backend):
    text, given = WITH_A_DIAGONAL[name]
    arrays = {name: np.array(array) for name, array in given.items()}
    d = mc.diff(text, "x", order=2)
    function = d.operator(backend)
    assert not function.code.forms_matrix
    return function, {n: CONVERT[backend](a) for n, a in arrays.items()}, d.function()(**arrays)


@pytest.mark.parametrize("largest", [operator.LARGEST_DENSE, 2])
@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", WITH_A_DIAGONAL)
def test_a_diagonal_with_zeros_makes_no_matrix_singular(name, backend, largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, dense = with_a_diagonal(name, backend)
    H = function(**arrays)
    G = rng.normal(size=(3, 2))
    near = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-10)
    near(H.solve(CONVERT[backend](G)), np.linalg.solve(dense, G))
    near(H.solve(CONVERT[backend](G[:, 0])), np.linalg.solve(dense, G[:, 0]))


@pytest.mark.parametrize(
    ("name", "largest"),
    [*((name, operator.LARGEST_DENSE) for name in WITH_A_DIAGONAL), ("two products", 2)],
)
def test_nor_in_compiled_functions(name, largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, dense = with_a_diagonal(name, "jax")
    solve = jax.jit(lambda g, arrays: function(**arrays).solve(g))
    G = rng.normal(size=(3, 2))
    near = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-10)
    near(solve(G, arrays), np.linalg.solve(dense, G))
    each = jax.vmap(solve, in_axes=(1, None), out_axes=1)
    near(each(G, arrays), np.linalg.solve(dense, G))


@pytest.mark.parametrize("largest", [operator.LARGEST_DENSE, 2])
def test_solutions_with_such_a_diagonal_have_derivatives(largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, _ = with_a_diagonal("weights", "jax")
    given = arrays["a"], arrays["y"], jnp.array([1.0, 2.0, -1.0])

    def expected(a, y, g):
        return (jnp.linalg.solve(jnp.diag(a) + jnp.outer(y, y), g) ** 2).sum()

    def found(a, y, g):
        return (function(a=a, y=y).solve(g) ** 2).sum()

    wanted = jax.grad(expected, (0, 1, 2))(*given)
    np.testing.assert_allclose(jax.jit(jax.grad(found, (0, 1, 2)))(*given), wanted, rtol=1e-7)


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("smallest", [1e-4, 1e-8, 1e-12, 1e-15])
def test_small_entries_of_a_diagonal_cost_no_digits(smallest, backend):
    draw = np.random.default_rng(3)
    n = 50
    arrays = {name: draw.normal(size=n) for name in "yzg"}
    a = draw.uniform(1, 2, size=n)
    a[:2] = smallest
    d = mc.diff("1/2 x' diag(a) x + 1/2 (y' x)^2 + exp(z' x)", "x", order=2)
    given = {"a": a, "x": np.zeros(n), "y": arrays["y"], "z": arrays["z"]}
    dense, g = d.function()(**given), arrays["g"]
    assert np.linalg.cond(dense) < 1e6
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in given.items()})
    x = np.asarray(H.solve(CONVERT[backend](g)))
    assert abs(dense @ x - g).max() <= 1.5e-8 * abs(g).max()


def test_matrices_that_are_nearly_singular_are_solved_as_well_as_numpy_does():
    draw = np.random.default_rng(4)
    Q = np.linalg.qr(draw.normal(size=(20, 20)))[0]
    A = (Q * np.logspace(0, -11, 20)) @ Q.T
    A, g = A + A.T, draw.normal(size=20)
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    expected = np.linalg.solve(A, g)
    np.testing.assert_allclose(H.solve(g), expected, atol=1e-4 * abs(expected).max())
