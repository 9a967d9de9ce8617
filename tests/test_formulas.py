"""Code for several results: the value with its derivatives, and all gradients at once."""

import jax
import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.dialects import DIALECTS
from matcalc.core.expr import postorder
from tests.reference import assert_close

jax.config.update("jax_enable_x64", True)

NET = "z = W1 x + b1; h = tanh(z); ||W2 h + b2 - y||^2"
RNG = np.random.default_rng(0)
NET_ARRAYS = {
    "W1": RNG.standard_normal((4, 3)),
    "x": RNG.standard_normal(3),
    "b1": RNG.standard_normal(4),
    "W2": RNG.standard_normal((2, 4)),
    "b2": RNG.standard_normal(2),
    "y": RNG.standard_normal(2),
}


def net(arrays):
    hidden = jax.numpy.tanh(arrays["W1"] @ arrays["x"] + arrays["b1"])
    return jax.numpy.sum((arrays["W2"] @ hidden + arrays["b2"] - arrays["y"]) ** 2)


@pytest.mark.parametrize("backend", DIALECTS)
def test_value_gradient_and_hessian(backend):
    d = mc.diff("sum(log(1 + exp(-y .* (X w))))", "w", order=2)
    arrays = {
        "X": RNG.standard_normal((5, 3)),
        "y": np.sign(RNG.standard_normal(5)),
        "w": np.ones(3),
    }

    def f(w):
        return jax.numpy.sum(jax.numpy.logaddexp(-arrays["y"] * (arrays["X"] @ w), 0))

    value, gradient, hessian = d.function(backend, value=True)(**tensors(arrays, backend))
    assert_close(np.asarray(value), np.asarray(f(arrays["w"])), 1e-10)
    assert_close(np.asarray(gradient), np.asarray(jax.grad(f)(arrays["w"])), 1e-10)
    assert_close(np.asarray(hessian), np.asarray(jax.hessian(f)(arrays["w"])), 1e-10)


def tensors(arrays, backend):
    if backend != "torch":
        return arrays
    import torch

    return {name: torch.tensor(array) for name, array in arrays.items()}


def test_value_and_derivative_share_their_work():
    source = mc.diff("a' inv(X) b", "X").source(value=True)
    assert source.count("lu_factor") == 1
    assert source.count("lu_solve") == 2
    source = mc.diff("sum(tanh(A x))", "x").source(value=True)
    assert source.count("np.tanh") == 1
    assert source.count("A @ x") == 1


def test_the_docstring_says_what_is_returned():
    source = mc.diff("x' A x", "x", order=2).source(value=True)
    assert '"""Compute f, ∂f/∂x, ∂²f/∂x², mixed layout.' in source
    assert "Returns: a tuple: a scalar, array of shape (n,), array of shape (n, n)" in source


def test_the_value_of_a_function_in_index_form():
    d = mc.diff("f[i,j,k] = A[i,j] x[k]", "x")
    value, derivative = d.function(value=True)(A=np.ones((2, 3)), x=np.arange(4.0))
    assert value.shape == (2, 3, 4)
    assert derivative.shape == (2, 3, 4, 4)


@pytest.mark.parametrize("backend", DIALECTS)
def test_all_gradients_come_in_a_dict(backend):
    gradients = mc.grad(NET, ["W1", "b1", "W2", "b2"])
    found = gradients.function(backend)(**tensors(NET_ARRAYS, backend))
    wanted = jax.grad(net)(NET_ARRAYS)
    assert list(found) == ["W1", "b1", "W2", "b2"]
    for name, array in found.items():
        assert_close(np.asarray(array), np.asarray(wanted[name]), 1e-10)
    value, again = gradients.function(backend, value=True)(**tensors(NET_ARRAYS, backend))
    assert_close(np.asarray(value), np.asarray(net(NET_ARRAYS)), 1e-10)
    assert list(again) == list(found)


def test_the_source_of_all_gradients():
    source = mc.grad("a' x + b", ["x", "b"]).source(value=True)
    assert source.rpartition('"""\n')[2] == (
        '    return a @ x + b, {\n        "x": a,\n        "b": 1,\n    }\n'
    )
    assert (
        "Returns: a scalar, a dict\n        x: array of shape (n,)\n        b: a scalar" in source
    )


@pytest.mark.parametrize("backend", DIALECTS)
def test_gradients_of_what_may_overflow(backend):
    arrays = {"X": np.diag([1000.0, -1000.0]), "w": np.ones(2)}
    function = mc.grad("sum(log(1 + exp(X w)))").function(backend, value=True)
    value, found = function(**tensors(arrays, backend))
    assert float(value) == 1000
    assert np.asarray(found["w"]).tolist() == [1000.0, 0.0]
    assert np.asarray(found["X"]).tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_an_unknown_library_is_refused():
    with pytest.raises(mc.UnsupportedProblem, match="there is no code for fortran"):
        mc.grad("a' x").source("fortran")


def deep(layers):
    """A network, its gradients by all weights, and the number of nodes of the function."""
    lines = [f"h{k} = tanh(W{k} h{k - 1} + b{k})" for k in range(1, layers + 1)]
    shapes = {f"W{k}": ("n", "n") for k in range(1, layers + 1)}
    shapes |= {f"b{k}": "n" for k in range(1, layers + 1)} | {"h0": "n"}
    names = [f"{letter}{k}" for k in range(1, layers + 1) for letter in "Wb"]
    return mc.grad("; ".join([*lines, f"sum(h{layers})"]), names, shapes=shapes)


def test_a_deep_network_has_few_statements_a_layer():
    source = deep(300).source(value=True)
    statements = source.rpartition('"""\n')[2].splitlines()
    assert len(statements) < 300 * 6
    assert source.count("np.tanh") == 300
    assert max(map(len, statements)) < 100


def test_value_and_gradients_of_a_network_cost_at_most_four_times_the_function():
    from matcalc.codegen.dialects import NUMPY
    from matcalc.codegen.plan import plan

    gradients = deep(100)
    [together] = plan([gradients.f, *gradients.forms.values()], NUMPY, [])
    [alone] = plan([gradients.f], NUMPY, [])
    everything = sum(1 for _ in postorder(*together.roots))
    assert everything <= 4 * sum(1 for _ in postorder(*alone.roots))


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("sum(log(cosh(x)))", 1),
        ("sum(log(cosh(x)))", 2),
        ("x: n; (exp(x) / sum(exp(x)))' a", 2),
    ],
)
def test_value_and_derivatives_together_are_as_stable_as_alone(text, order, backend):
    """Regression: the unshortened answer overflowed where the shown one did not."""
    d = mc.diff(text, "x", order=order)
    given = {"x": np.array([1000.0, -1000.0, 3.0]), "a": np.array([1.0, -2.0, 3.0])}
    arrays = {name: given[name] for name in d.variables}
    *others, last = d.function(backend, value=True)(**arrays)
    assert all(np.isfinite(np.asarray(other)).all() for other in others)
    alone = np.asarray(d.function(backend)(**arrays))
    np.testing.assert_allclose(np.asarray(last), alone, rtol=1e-5, atol=1e-12)
    assert np.isfinite(alone).all()


@pytest.mark.parametrize("backend", DIALECTS)
def test_projections_cancel_in_gradients_too(backend):
    text, order = "||X - X W inv(W' W) W'||_F^2", ["X", "W"]
    arrays = {"X": RNG.standard_normal((6, 5)), "W": RNG.standard_normal((5, 3))}

    def f(X, W):
        return jax.numpy.sum((X - X @ W @ jax.numpy.linalg.inv(W.T @ W) @ W.T) ** 2)

    wanted = jax.grad(f, (0, 1))(arrays["X"], arrays["W"])
    g = mc.grad(text, order)
    found = g.function(backend)(**tensors(arrays, backend))
    for name, gradient in zip(order, wanted, strict=True):
        assert_close(np.asarray(found[name]), np.asarray(gradient), 1e-10)
    alone = mc.grad(text, ["W"]).source(backend)
    assert alone.count("@") == mc.diff(text, "W").source(backend).count("@")
