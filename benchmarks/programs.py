"""The functions whose derivatives are timed, in Python, with arrays for them.

What is long in matcalc's language stands here as both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.problem import Array, Arrays, Sizes, one_hot

#: How many matrices there are in the chain, and how many layers in the network.
LENGTH, DEPTH = 8, 10

FACTORS = [f"A{k}" for k in range(1, LENGTH + 1)]
WEIGHTS = [f"W{k}" for k in range(1, DEPTH + 1)]

CHAIN = f"{', '.join(FACTORS)}: (n, n); ||{' '.join(FACTORS)} x - b||^2"

NETWORK = "; ".join(
    [
        f"{', '.join(WEIGHTS)}: (n, n)",
        "X, Y: (n, m)",
        "H1 = relu(W1 X)",
        *(f"H{k} = relu(W{k} H{k - 1})" for k in range(2, DEPTH)),
        f"Z = W{DEPTH} H{DEPTH - 1}",
        "sum(logsumexp(Z, 1)) - sum(Y .* Z)",
    ]
)


def draw_logistic(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """Labels are 1 and -1."""
    m, n = sizes["m"], sizes["n"]
    return {
        "X": rng.normal(size=(m, n)),
        "y": rng.choice([-1.0, 1.0], size=m),
        "w": rng.normal(size=n) / np.sqrt(n),
    }


def logistic(lib: Any, X: Array, y: Array, w: Array) -> Array:
    """The loss of logistic regression."""
    return lib.sum(lib.softplus(-y * (X @ w)))


def draw_factorisation(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A square matrix and its two factors."""
    n, k = sizes["n"], sizes["k"]
    return {
        "T": rng.normal(size=(n, n)),
        "U": rng.normal(size=(n, k)),
        "V": rng.normal(size=(n, k)),
    }


def factorisation(lib: Any, T: Array, U: Array, V: Array) -> Array:
    """The squared distance of a matrix from a product of low rank."""
    return lib.sum((T - U @ V.T) ** 2)


def draw_network(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """Weights that keep the variance from layer to layer."""
    n, m = sizes["n"], sizes["m"]
    weights = {W: rng.normal(size=(n, n)) * np.sqrt(2 / n) for W in WEIGHTS}
    return {**weights, "X": rng.normal(size=(n, m)), "Y": one_hot(rng, n, m)}


def network(lib: Any, X: Array, Y: Array, **weights: Array) -> Array:
    """The cross-entropy of a network of ReLU layers."""
    H = X
    for W in WEIGHTS[:-1]:
        H = lib.relu(weights[W] @ H)
    Z = weights[WEIGHTS[-1]] @ H
    return lib.sum(lib.logsumexp(Z)) - lib.sum(Y * Z)


def draw_two_layers(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """As many inputs as hidden units and outputs."""
    n, m = sizes["n"], sizes["m"]
    return {
        "W1": rng.normal(size=(n, n)) / np.sqrt(n),
        "W2": rng.normal(size=(n, n)) / np.sqrt(n),
        "X": rng.normal(size=(n, m)),
        "Y": rng.normal(size=(n, m)),
    }


def two_layers(lib: Any, W1: Array, W2: Array, X: Array, Y: Array) -> Array:
    """The squared error of a network with one hidden layer."""
    return 0.5 * lib.sum((W2 @ lib.tanh(W1 @ X) - Y) ** 2)


def draw_square(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A well-conditioned matrix of positive determinant, and two vectors."""
    n = sizes["n"]
    X = rng.normal(size=(n, n)) + 3 * np.sqrt(n) * np.eye(n)
    return {"a": rng.normal(size=n), "X": X, "b": rng.normal(size=n)}


def draw_matrix(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """The matrix alone."""
    return {"X": draw_square(rng, sizes)["X"]}


def log_det(lib: Any, X: Array) -> Array:
    """The logarithm of the determinant."""
    return lib.logdet(X)


def inverse_form(lib: Any, a: Array, X: Array, b: Array) -> Array:
    """An entry of the inverse, so to speak."""
    return a @ lib.inv(X) @ b


def draw_regression(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A design matrix, observations and a guess."""
    m, n = sizes["m"], sizes["n"]
    return {"X": rng.normal(size=(m, n)), "y": rng.normal(size=m), "w": rng.normal(size=n)}


def least_squares(lib: Any, X: Array, y: Array, w: Array) -> Array:
    """The sum of squared residuals."""
    return lib.sum((X @ w - y) ** 2)


def draw_quadratic(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A matrix without symmetry."""
    n = sizes["n"]
    return {"A": rng.normal(size=(n, n)), "x": rng.normal(size=n)}


def quadratic(lib: Any, A: Array, x: Array) -> Array:
    """A quadratic form."""
    del lib
    return x @ A @ x


def draw_chain(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """Square matrices that keep the length of a vector, roughly."""
    n = sizes["n"]
    chain = {A: rng.normal(size=(n, n)) / np.sqrt(n) for A in FACTORS}
    return {**chain, "x": rng.normal(size=n), "b": rng.normal(size=n)}


def chain(lib: Any, x: Array, b: Array, **matrices: Array) -> Array:
    """The product is written as in the formula, and computed from the left."""
    product = matrices[FACTORS[0]]
    for A in FACTORS[1:]:
        product = product @ matrices[A]
    return lib.sum((product @ x - b) ** 2)


def draw_classes(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """Samples as columns."""
    p, n, m = sizes["p"], sizes["n"], sizes["m"]
    return {
        "W": rng.normal(size=(p, n)) / np.sqrt(n),
        "X": rng.normal(size=(n, m)),
        "Y": one_hot(rng, p, m),
    }


def cross_entropy(lib: Any, W: Array, X: Array, Y: Array) -> Array:
    """The loss of multinomial regression."""
    Z = W @ X
    return lib.sum(lib.logsumexp(Z)) - lib.sum(Y * Z)


def draw_gaussian(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A covariance and an observation."""
    n = sizes["n"]
    root = rng.normal(size=(n, n))
    S = root @ root.T / n + np.eye(n)
    return {"S": S, "x": rng.normal(size=n), "z": rng.normal(size=n)}


def gaussian(lib: Any, S: Array, x: Array, z: Array) -> Array:
    """The negative log-likelihood without its constant."""
    r = x - z
    return 0.5 * lib.logdet(S) + 0.5 * r @ lib.inv(S) @ r


def gaussian_by_factor(lib: Any, S: Array, x: Array, z: Array) -> Array:
    """The same as who knows what is slow writes it."""
    r = x - z
    L = lib.cholesky(S)
    return lib.sum(lib.log(lib.diagonal(L))) + 0.5 * r @ lib.cho_solve(L, r)


def inverse_form_by_solve(lib: Any, a: Array, X: Array, b: Array) -> Array:
    """Likewise."""
    return a @ lib.solve(X, b)


def gram_log_det(lib: Any, X: Array) -> Array:
    """The squared volume, in logarithms."""
    return lib.logdet(X.T @ X)


def draw_tall(rng: np.random.Generator, sizes: Sizes) -> Arrays:
    """A matrix of full column rank."""
    return {"X": rng.normal(size=(sizes["m"], sizes["n"]))}
