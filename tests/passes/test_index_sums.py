"""Sums over an index against loops over the samples."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from matcalc.codegen.generate import compile_function
from tests.passes.readings import read

SHAPES = {
    "A": (3, 3), "V": (2, 5), "W": (5, 3), "X": (3, 4), "Y": (2, 4), "b": (5,), "w": (3,), "y": (4,)
}  # fmt: skip
_rng = np.random.default_rng(7)
VALUES = {name: _rng.normal(size=shape) for name, shape in SHAPES.items()}
A, V, W, X, Y, b, w, y = VALUES.values()

P, Q = _rng.normal(size=(3, 5)), _rng.normal(size=(5, 4))

norm = np.linalg.norm


def sigmoid(t: float) -> float:
    return 1 / (1 + np.exp(-t))


@pytest.mark.parametrize(
    ("text", "of_sample"),
    [
        ("(w' X[:,k] - y[k])^2", lambda x, k: (w @ x - y[k]) ** 2),
        (
            "||V tanh(W X[:,k] + b) - Y[:,k]||^2",
            lambda x, k: norm(V @ np.tanh(W @ x + b) - Y[:, k]) ** 2,
        ),
        ("||V (W X[:,k] + b)||", lambda x, _: norm(V @ (W @ x + b))),
        ("log(1 + exp(-y[k] w' X[:,k]))", lambda x, k: np.log(1 + np.exp(-y[k] * (w @ x)))),
        (
            "-y[k] log(sigmoid(w' X[:,k])) - (1 - y[k]) log(1 - sigmoid(w' X[:,k]))",
            lambda x, k: (
                -y[k] * np.log(sigmoid(w @ x)) - (1 - y[k]) * np.log(1 - sigmoid(w @ x))
            ),
        ),
        ("(X[:,k]' A X[:,k]) / (X[:,k]' X[:,k])", lambda x, _: x @ A @ x / (x @ x)),
        ("tr(A X[:,k] X[:,k]')", lambda x, _: x @ A @ x),
        (
            "y[k] sum(exp(X[:,k]) ./ (1 + X[:,k].^2))",
            lambda x, k: y[k] * np.sum(np.exp(x) / (1 + x**2)),
        ),
        (
            "mean(X[:,k] - mean(X[:,k]) w)^2 + 3",
            lambda x, _: np.mean(x - np.mean(x) * w) ** 2 + 3,
        ),
        (
            "y[k] logsumexp(A X[:,k]) - max(X[:,k]) + min(w .* X[:,k])",
            lambda x, k: y[k] * np.log(np.sum(np.exp(A @ x))) - np.max(x) + np.min(w * x),
        ),
        ("w' softmax(X[:,k] - w)", lambda x, _: w @ np.exp(x - w) / np.sum(np.exp(x - w))),
        ("norm(X[:,k] - w, 1) / norm(X[:,k])", lambda x, _: np.sum(np.abs(x - w)) / norm(x)),
        ("(2 X[:,k] / y[k])' A w", lambda x, k: 2 * x @ A @ w / y[k]),
        ("X[1,k] X[:,k]' w", lambda x, _: x[0] * (x @ w)),
        ("sum(i, (X[i,k] - w[i] y[k])^2)", lambda x, k: np.sum((x - w * y[k]) ** 2)),
        ("sum(max(X[:,k], 0)) + w' (A \\ X[:,k])", lambda x, _: (
            np.sum(np.maximum(x, 0)) + w @ np.linalg.solve(A, x)
        )),
    ],
)  # fmt: skip
def test_a_sum_over_samples(text: str, of_sample: Callable[..., float]) -> None:
    shapes = {name: tuple(map(str, shape)) for name, shape in SHAPES.items()}
    expr = read(f"sum(k, {text})", shapes=shapes).expr
    function = compile_function(expr)
    used = {name: VALUES[name] for name in inspect.signature(function).parameters}
    expected = sum(of_sample(X[:, k], k) for k in range(4))
    np.testing.assert_allclose(function(**used), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "of_pair"),
    [
        ("||X[:,k] - Y[:,j]||^2", lambda x, y, *_: norm(x - y) ** 2),
        ("||A X[:,k] - Y[:,j]||^2", lambda x, y, *_: norm(A @ x - y) ** 2),
        ("exp(-||A X[:,k] - Y[:,j]||^2)", lambda x, y, *_: np.exp(-(norm(A @ x - y) ** 2))),
        ("||A X[:,k] - A Y[:,j]||", lambda x, y, *_: norm(A @ x - A @ y)),
        ("X[1,k] norm(X[:,k] - Y[:,j])", lambda x, y, *_: x[0] * norm(x - y)),
        ("||X[:,k] Y[:,j]' - A||^2", lambda x, y, *_: norm(np.outer(x, y) - A) ** 2),
        (
            "||X[:,k] - sum(l, Y[:,l] Q[l,k]) - Y[:,j]||^2",
            lambda x, y, k, _: norm(x - P @ Q[:, k] - y) ** 2,
        ),
    ],
)
def test_norms_over_pairs_of_samples(text: str, of_pair: Callable[..., float]) -> None:
    values = {"X": X, "A": A, "Y": P, "Q": Q}
    shapes = {name: tuple(map(str, value.shape)) for name, value in values.items()}
    expr = read(f"sum(k, sum(j, {text}))", shapes=shapes).expr
    function = compile_function(expr)
    used = {name: values[name] for name in inspect.signature(function).parameters}
    expected = sum(of_pair(X[:, k], P[:, j], k, j) for k in range(4) for j in range(5))
    np.testing.assert_allclose(function(**used), expected, rtol=1e-12)
