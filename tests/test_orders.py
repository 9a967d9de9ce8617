"""Derivatives of order three and more: against nested ``jacfwd``, in number of terms, and as printed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import matcalc as mc
from matcalc.passes.gather import gather
from matcalc.report import one_line
from tests.reference import assert_close, distinct_sizes, generator, sample

jax.config.update("jax_enable_x64", True)


def inv(X: Any) -> Any:
    return jnp.linalg.inv(X)


def det(X: Any) -> Any:
    return jnp.linalg.det(X)


def softmax(x: Any) -> Any:
    return jnp.exp(x) / jnp.sum(jnp.exp(x))


#: Text, variable, order; the function in JAX, of its variables by name.
CASES: list[tuple[str, str, int, Callable[..., Any]]] = [
    ("exp(a' x)", "x", 4, lambda a, x: jnp.exp(a @ x)),
    ("sum(x .^ 4)", "x", 3, lambda x: jnp.sum(x**4)),
    ("x: n positive; a: n positive; log(a' x)", "x", 5, lambda a, x: jnp.log(a @ x)),
    ("||x||", "x", 3, lambda x: jnp.sqrt(x @ x)),
    ("||x||", "x", 5, lambda x: jnp.sqrt(x @ x)),
    ("1/(x' x)", "x", 4, lambda x: 1 / (x @ x)),
    ("(x' A x)^3", "x", 5, lambda A, x: (x @ A @ x) ** 3),
    ("exp(x' A x)", "x", 4, lambda A, x: jnp.exp(x @ A @ x)),
    ("x .* x .* x", "x", 3, lambda x: x * x * x),
    ("tr(X^3)", "X", 3, lambda X: jnp.trace(X @ X @ X)),
    ("tr(A X^4)", "X", 3, lambda A, X: jnp.trace(A @ X @ X @ X @ X)),
    ("inv(X)", "X", 2, inv),
    ("inv(X)", "X", 3, inv),
    ("X: (m, n); A: (n, n); logdet(X' X + A' A)", "X", 3, lambda X, A: jnp.log(det(X.T @ X + A.T @ A))),
    ("logdet(X)", "X", 4, lambda X: jnp.log(jnp.abs(det(X)))),
    ("det(X)", "X", 3, det),
    ("a' inv(X) b", "X", 3, lambda a, X, b: a @ inv(X) @ b),
    ("softmax(x)", "x", 3, softmax),
    ("softmax(A x)", "x", 3, lambda A, x: softmax(A @ x)),
    ("logsumexp(A x)", "x", 4, lambda A, x: jnp.log(jnp.sum(jnp.exp(A @ x)))),
    ("sigmoid(a' x)", "x", 5, lambda a, x: jax.nn.sigmoid(a @ x)),
    ("sum(log(1 + exp(A x)))", "x", 5, lambda A, x: jnp.sum(jnp.log(1 + jnp.exp(A @ x)))),
    ("A tanh(B x)", "x", 3, lambda A, B, x: A @ jnp.tanh(B @ x)),
    ("(a' x) x x'", "x", 3, lambda a, x: (a @ x) * jnp.outer(x, x)),
    ("kron(x, A x)", "x", 2, lambda x, A: jnp.kron(x, A @ x)),
    ("sum(x)^5", "x", 4, lambda x: jnp.sum(x) ** 5),
    ("y: (1, n); sum(exp(y A))", "y", 3, lambda y, A: jnp.sum(jnp.exp(y @ A))),
    ("W: (m, n); sum(exp(W x))", "W", 3, lambda W, x: jnp.sum(jnp.exp(W @ x))),
    ("W: (m, n); tanh(W x)", "W", 2, lambda W, x: jnp.tanh(W @ x)),
    ("t: scalar; exp(t^2)", "t", 6, lambda t: jnp.exp(t**2)),
    ("t: scalar; exp(t^2) sin(t)", "t", 5, lambda t: jnp.exp(t**2) * jnp.sin(t)),
    ("t: scalar; 1/(1 + t^2)", "t", 5, lambda t: 1 / (1 + t**2)),
    ("t: scalar; A: (m, n); sin(t) A", "t", 5, lambda t, A: jnp.sin(t) * A),
    ("t: scalar; exp(t x)", "t", 4, lambda t, x: jnp.exp(t * x)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "order", "f"), CASES)
def test_against_nested_jacfwd(text: str, wrt: str, order: int, f: Callable[..., Any]) -> None:
    d = mc.diff(text, wrt, order=order, layout="tensor")
    sizes = distinct_sizes(d.size_names)
    arrays = {}
    for name, shape in d.variables.items():
        numbers = [s if isinstance(s, int) else sizes[s] for s in shape if s != 1]
        domain = "positive" if "positive" in d.symbols[name].properties else ""
        array = sample(generator(text, name), numbers, domain=domain)
        # Away from singular matrices, and from where exp is large.
        is_square = len(numbers) == 2 and numbers[0] == numbers[1]
        arrays[name] = np.asarray(array / 2 + 2 * np.eye(numbers[0]) if is_square else array / 2)

    def derivative(x: Any) -> Any:
        return f(**{**arrays, wrt: x})

    for _ in range(order):
        derivative = jax.jacfwd(derivative)
    wanted = jax.jit(derivative)(jnp.asarray(arrays[wrt]))
    assert_close(d.function()(**arrays), np.asarray(wanted), 1e-8)


#: The ways to share out the axes: as many terms as the theory says.
TERMS = [
    ("exp(a' x)", "x", 12, 1),
    ("log(a' x)", "x", 12, 1),
    ("sigmoid(a' x)", "x", 6, 1),
    ("sum(tanh(A x))", "x", 5, 1),
    # Partitions of the axes into pairs and single ones: 4, 10, 26, 76.
    *(("||x||", "x", k, n) for k, n in ((3, 4), (4, 10), (5, 26), (6, 76))),
    *(("1/(x' x)", "x", k, n) for k, n in ((3, 4), (4, 10), (5, 26), (6, 76))),
    *(("exp(x' A x)", "x", k, n) for k, n in ((3, 4), (4, 10), (5, 26))),
    # The pairs alone.
    ("(x' A x)^3", "x", 6, 15),
    # Cycles of length k, and chains.
    *(("logdet(X)", "X", k, n) for k, n in ((2, 1), (3, 2), (4, 6), (5, 24))),
    *(("inv(X)", "X", k, n) for k, n in ((1, 1), (2, 2), (3, 6), (4, 24))),
    # Partitions of the axes into any parts: 5, 15, 52.
    *(("logsumexp(x)", "x", k, n) for k, n in ((3, 5), (4, 15), (5, 52))),
    ("t: scalar; exp(t^2)", "t", 12, 1),
]


@pytest.mark.parametrize(("text", "wrt", "order", "count"), TERMS)
def test_no_term_twice(text: str, wrt: str, order: int, count: int) -> None:
    d = mc.diff(text, wrt, order=order)
    assert len(d.tensor.terms) == count
    assert len(gather(d.tensor).terms) == count


PRINTED = [
    ("||x||", "x", 3, "-δ[i,j] x[k] / ||x||^3 + 3 x[i] x[j] x[k] / ||x||^5 - δ[i,k] x[j] / ||x||^3 - δ[j,k] x[i] / ||x||^3"),
    ("exp(a' x)", "x", 3, "exp(a' x) a[i] a[j] a[k]"),
    ("sum(x .^ 4)", "x", 3, "24 δ[i,j] δ[i,k] x[i]"),
    ("sum(tanh(A x))", "x", 3, "A[l,i] A[l,j] A[l,k] (8 tanh(A x).^2 - 6 tanh(A x).^4 - 2)[l]"),
    ("log(a' x)", "x", 3, "2 a[i] a[j] a[k] / (a' x)^3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "order", "answer"), PRINTED)
def test_index_form(text: str, wrt: str, order: int, answer: str) -> None:
    index = mc.diff(text, wrt, order=order).to_dict()["index"]
    assert index == f"D[{','.join('ijkl'[:order])}] = {answer}"


SCALARS = [
    ("exp(t^2)", 6, "(120 + 720 t^2 + 480 t^4 + 64 t^6) exp(t^2)"),
    ("sigmoid(t)", 3, "(1 - 6 sigmoid(t) + 6 sigmoid(t)^2) sigmoid(t) (1 - sigmoid(t))"),
    ("tanh(t)", 4, "(16 - 24 tanh(t)^2) tanh(t) (1 - tanh(t)^2)"),
    ("t^3", 3, "6"),
    ("t^3", 4, "0"),
    ("sin(t)", 4, "sin(t)"),
]


@pytest.mark.parametrize(("text", "order", "answer"), SCALARS)
def test_scalar(text: str, order: int, answer: str) -> None:
    d = mc.diff(text, "t", shapes={"t": ()}, order=order)
    assert d.expr is not None
    assert one_line(d.expr) == answer


@pytest.mark.parametrize(
    ("text", "wrt", "order", "reason"),
    [
        ("x' A x", "x", 3, "zero everywhere: ∂²f/∂x² is constant in x"),
        ("(x' A x)^3", "x", 7, "zero everywhere: ∂⁶f/∂x⁶ is constant in x"),
        ("tr(X^3)", "X", 4, "zero everywhere: ∂³f/∂X³ is constant in X"),
        ("x .* x .* x", "x", 4, "zero everywhere: ∂³f/∂x³ is constant in x"),
        ("sum(relu(x))", "x", 2, "zero where it exists: ∂f/∂x is piecewise constant in x"),
        ("X: (n, n); a' b", "X", 2, "zero everywhere: f does not contain X"),
    ],
)
def test_zero_is_said_as_such(text: str, wrt: str, order: int, reason: str) -> None:
    d = mc.diff(text, wrt, order=order)
    assert d.is_zero
    assert reason in str(d).splitlines()


@pytest.mark.parametrize(
    ("text", "wrt", "order", "condition"),
    [
        ("||x||", "x", 4, "not differentiable where x = 0"),
        ("log(a' x)", "x", 4, "a' x > 0"),
        ("1/(x' x)", "x", 3, "x != 0"),
        ("inv(X)", "X", 3, "X invertible"),
    ],
)
def test_conditions_stay(text: str, wrt: str, order: int, condition: str) -> None:
    assert condition in mc.diff(text, wrt, order=order).conditions


@pytest.mark.parametrize(
    ("text", "wrt", "order"),
    [("||x||", "x", 3), ("inv(X)", "X", 2), ("softmax(x)", "x", 2), ("x' A x", "x", 3)],
)
def test_check_of_a_higher_order(text: str, wrt: str, order: int) -> None:
    assert mc.diff(text, wrt, order=order).check().ok
