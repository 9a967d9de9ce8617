"""Factors that are identities or consist of ones are not multiplied with; nor is what few entries are taken of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import matcalc as mc
from tests.codegen.test_order import SQUARE, code

jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("A (B .* eye(n))", "return A * np.diagonal(B)"),
        ("((A B) .* eye(n)) A", 'return np.einsum("ij,ji->i", A, B)[:, None] * A'),
        ("((A B') .* eye(n)) A", 'return np.einsum("ij,ij->i", A, B)[:, None] * A'),
        ("diag(A .* (B B'))", 'return np.diagonal(A) * np.einsum("ij,ij->i", B, B)'),
        ("diag(A + 2 x y')", "return np.diagonal(A) + 2 * x * y"),
        ("diag(A' B)", 'return np.einsum("ij,ij->j", A, B)'),
        ("diag(A B .* eye(n))", 'return np.einsum("ij,ji->i", A, B)'),
        ("inv(B .* eye(n)) A", "return (1 / np.diagonal(B))[:, None] * A"),
        ("tr(A B')", 'return np.einsum("ij,ij->", A, B)'),
        ("ones(n, n) A .* B", "return np.sum(A, axis=0) * B"),
        ("(x ones(1, n)) .^ 2 .* (y ones(1, n)) .* A", "return A * (x ** 2 * y)[:, None]"),
        ("x' (A + y x') ones(n)", "return np.sum(x @ A + y @ x * x)"),
    ],
)
def test_what_needs_no_matrix(text: str, statement: str) -> None:
    assert code(SQUARE + text) == [statement]


def test_what_is_a_matrix_is_one() -> None:
    assert code("A: (n, n); A .* eye(n)") == ["return np.diag(np.diagonal(A))"]
    assert "np.eye" in " ".join(code("A: (n, n); inv(A + 2 eye(n))"))


ATTENTION = "1/2 ||softmax(X Q (X K)' / sqrt(d), 2) X V - T||^2"
MIXTURE = "sum(k, logsumexp(z - s/2 (diag(M' M) - 2 M' X[:,k])))"


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ATTENTION, ("Q", "K", "V")),
        (MIXTURE, ("M", "z")),
        ("tr(M .* (A B .* eye(m)))", ("A", "B")),
        ("sum((A .* A) B)", ("A",)),
        ("sum(relu(X W) V)", ("W",)),
    ],
)
def test_gradients_without_matrices_of_ones(
    text: str, names: tuple[str, ...], backend: str
) -> None:
    """Regression: a product was formed, multiplied by an identity, and its diagonal taken."""
    found = mc.grad(text, names, shapes={"s": ()} if "s/2" in text else None).source(backend)
    assert not [call for call in ("eye(", "ones(", "outer(") if call in found]


@pytest.mark.parametrize("rows", [2, 7])
def test_the_gradients_of_attention(rows: int) -> None:
    """Both ways to multiply."""
    rng = np.random.default_rng(0)
    shapes = {"X": (rows, 3), "Q": (3, 4), "K": (3, 4), "V": (3, 5), "T": (rows, 5)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"d": 2.0}

    def f(Q, K, V):
        X, T = arrays["X"], arrays["T"]
        weights = jax.nn.softmax(X @ Q @ (X @ K).T / np.sqrt(2.0), axis=1)
        return jnp.sum((weights @ X @ V - T) ** 2) / 2

    names = ["Q", "K", "V"]
    wanted = jax.grad(f, (0, 1, 2))(*(arrays[name] for name in names))
    found = mc.grad(ATTENTION, names).function()(**arrays)
    for name, value in zip(names, wanted, strict=True):
        np.testing.assert_allclose(found[name], value)


def test_a_gaussian_process_twice_by_its_noise() -> None:
    """Regression: the square of the inverse was formed for its trace and for one vector."""
    text = "1/2 y' inv(K + s^2 eye(n)) y + 1/2 logdet(K + s^2 eye(n))"
    d = mc.diff(text, "s", order=2, assume={"K": "spd"}, shapes={"s": ()})
    found = d.source()
    assert "matrix_power" not in found
    assert 'np.einsum("ij,ij->", t3, t3)' in found
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(4, 4)), rng.normal(size=4)

    def f(s):
        M = A @ A.T + s**2 * jnp.eye(4)
        return y @ jnp.linalg.inv(M) @ y / 2 + jnp.linalg.slogdet(M)[1] / 2

    value = d.function()(y=y, K=A @ A.T, s=0.7)
    np.testing.assert_allclose(value, jax.grad(jax.grad(f))(0.7))
