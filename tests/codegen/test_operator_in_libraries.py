"""Operators in JAX's transformations, in SciPy's functions, and in numbers of every precision."""

import sys

import jax
import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, eigsh, gmres

import matcalc as mc
from matcalc.codegen import generate, operator_code
from tests.codegen.operators import CONVERT, REGULAR, problem

rng = np.random.default_rng(1)


def test_newton_steps_are_compiled():
    d, arrays, dense = problem(*REGULAR["logistic regression"][:3])
    function = d.operator("jax")
    step = jax.jit(lambda w, g: function(X=arrays["X"], w=w).solve(g))
    g = rng.normal(size=3)
    np.testing.assert_allclose(step(arrays["w"], g), np.linalg.solve(dense, g), rtol=1e-9)


def test_an_operator_passes_through_compiled_functions():
    d, arrays, dense = problem(*REGULAR["log det"][:3])
    H = d.operator("jax")(**arrays)
    v = rng.normal(size=(4, 4))
    product = jax.jit(lambda H, v: H @ v)(H, v)
    np.testing.assert_allclose(product.ravel(), dense @ v.ravel(), rtol=1e-9)
    assert jax.jit(lambda H: H)(H).shape == (16, 16)


def test_operators_are_mapped():
    d, arrays, _ = problem(*REGULAR["logistic regression"][:3])
    function = d.operator("jax")
    W, V = rng.normal(size=(2, 4, 3))
    wanted = [d.function()(X=arrays["X"], w=w) @ v for w, v in zip(W, V, strict=True)]
    found = jax.vmap(lambda w, v: function(X=arrays["X"], w=w) @ v)(W, V)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    operators = jax.vmap(lambda w: function(X=arrays["X"], w=w))(W)
    np.testing.assert_allclose(jax.vmap(lambda H, v: H @ v)(operators, V), wanted, rtol=1e-9)
    solved = jax.jit(jax.vmap(lambda H, v: H.solve(v)))(operators, found)
    np.testing.assert_allclose(solved, V, rtol=1e-9)


@pytest.mark.parametrize("name", ["logistic regression", "matrix factorisation"])
def test_scipy_takes_it(name):
    d, arrays, dense = problem(*REGULAR[name][:3])
    H = d.operator()(**arrays)
    g = rng.normal(size=len(dense))
    solved = np.linalg.solve(dense, g)
    np.testing.assert_allclose(cg(H, g, rtol=1e-12)[0], solved, rtol=1e-8)
    np.testing.assert_allclose(gmres(H, g, rtol=1e-12)[0], solved, rtol=1e-8)
    start = np.ones(len(dense))
    found = eigsh(H, k=1, v0=start, return_eigenvectors=False)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(dense)[-1:])
    for operator_ in (H.aslinearoperator(), aslinearoperator(H)):
        assert isinstance(operator_, LinearOperator)
        assert (operator_.shape, operator_.dtype) == (dense.shape, np.float64)
        np.testing.assert_allclose(operator_ @ g, dense @ g)
        np.testing.assert_allclose(operator_.T @ g, dense @ g)
        np.testing.assert_allclose(operator_ @ np.eye(len(g)), dense)
        np.testing.assert_allclose(operator_.T @ np.eye(len(g)), dense)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    H = mc.diff("x' A x", "x", order=2).operator()(A=np.eye(2))
    with pytest.raises(mc.UnsupportedProblem, match="scipy, which is not installed"):
        H.aslinearoperator()


@pytest.mark.parametrize("name", REGULAR)
def test_everything_else_without_scipy(name, monkeypatch):
    for module in (generate, operator_code):
        monkeypatch.setattr(module, "has_scipy", lambda: False)
    monkeypatch.setitem(sys.modules, "scipy", None)
    d, arrays, dense = problem(*REGULAR[name][:3])
    H = d.operator()(**arrays)
    g = rng.normal(size=len(dense))
    np.testing.assert_allclose(H.todense() @ H.solve(g), g, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("backend", CONVERT)
def test_systems_in_half_precision(backend):
    H = mc.diff("x' A x", "x", order=2).operator(backend)(
        A=CONVERT[backend](np.eye(2, dtype="float16"))
    )
    assert (H @ CONVERT[backend](np.ones(2, dtype="float16"))).tolist() == [2, 2]
    with pytest.raises(mc.ArgumentProblem, match="there is no linear algebra with numbers of type"):
        H.solve(CONVERT[backend](np.ones(2, dtype="float16")))


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", REGULAR)
def test_single_precision_stays(name, backend):
    text, wrt, shapes, _ = REGULAR[name]
    d, arrays, _ = problem(text, wrt, shapes)
    convert = CONVERT[backend]
    H = d.operator(backend)(**{n: convert((a / 2).astype(np.float32)) for n, a in arrays.items()})
    v = convert(rng.normal(size=(*shapes[wrt], 2)).astype(np.float32))
    results = H, H @ v[..., 0], H @ v, H.solve(v[..., 0]), H.solve(v), H.diagonal(), H.todense()
    assert {str(value.dtype).rpartition(".")[2] for value in results} == {"float32"}


@pytest.mark.parametrize("text", ["sum(X)", "norm2(X)^2"])
def test_a_hessian_without_variables_has_the_type_of_the_arrays(text):
    d = mc.diff(text, "X", order=2)
    H = d.operator()(X=np.ones((2, 3), dtype=np.float32))
    assert (H.todense().dtype, H.diagonal().dtype) == (np.float32, np.float32)
    assert repr(H) == "<operator of shape (6, 6), core of numbers>"
    assert d.operator()(m=2, n=3).dtype == np.float64


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("single", [False, True])
def test_arguments_of_other_types_than_the_core(backend, single):
    """PyTorch multiplies tensors of one type only."""
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    H = mc.diff("x' A x", "x", order=2).operator(backend)(A=A.astype(np.float32) if single else A)
    for v in ([1, 2], np.array([1, 2]), np.array([1.0, 2.0]), np.array([1, 2], np.float32)):
        np.testing.assert_allclose(np.asarray(H @ v), [8, 14], rtol=1e-6)
        np.testing.assert_allclose(np.asarray(H @ H.solve(v)), [1, 2], rtol=1e-5)
    assert single or np.asarray(H @ [0.1, 0]).tolist() == [0.4, 0.2]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_matrix_that_is_not_as_declared(backend):
    H = mc.diff("x' A x", "x", order=2, assume={"A": "spd"}).operator(backend)(
        A=CONVERT[backend](np.diag([1.0, -1.0]))
    )
    with pytest.raises(mc.ArgumentProblem, match="singular or not positive definite"):
        H.solve(np.ones(2))


def test_arrays_that_change_do_not_change_the_operator():
    for backend in ("numpy", "torch"):
        for text, wrt, shapes, _ in REGULAR.values():
            d, arrays, dense = problem(text, wrt, shapes)
            given = {name: CONVERT[backend](array) for name, array in arrays.items()}
            H = d.operator(backend)(**given)
            for array in given.values():
                array[...] = 7.0
            np.testing.assert_allclose(H.todense(), dense, rtol=1e-9, atol=1e-9)


def test_tensors_that_are_not_contiguous():
    for text, wrt, shapes, _ in REGULAR.values():
        d, arrays, dense = problem(text, wrt, shapes)
        given = {
            name: torch.tensor(array.T.copy()).T if array.ndim == 2 else torch.tensor(array)
            for name, array in arrays.items()
        }
        H = d.operator("torch")(**given)
        V = torch.tensor(rng.normal(size=(2, len(dense)))).T
        np.testing.assert_allclose(H @ V, dense @ V.numpy(), rtol=1e-9, atol=1e-9)
        solved = np.linalg.solve(dense, V.numpy())
        np.testing.assert_allclose(H.solve(V), solved, rtol=1e-9, atol=1e-9)
