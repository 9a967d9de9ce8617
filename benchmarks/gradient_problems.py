"""Functions whose gradients are timed, with the best code for these gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import hessian_problems as hessians
from benchmarks.hessian_problems import DEPTH, NETWORK
from benchmarks.problem import (
    Array,
    Arrays,
    Problem,
    Sizes,
    Target,
    in_both,
    one_hot,
    transposed,
)

LAYERS = 8

#: Never slower than this many times the time of the best alternative.
PARITY = (
    Target(1 / 1.15, "by hand", ("numpy",)),
    Target(1 / 1.15, "jax.grad", ("jax",)),
)

#: Exploits what automatic differentiation of the same text cannot.
AHEAD = (Target(1 / 1.15, "by hand", ("numpy",)), Target(5, "jax.grad", ("jax",)))


# ------------------------------------------------------------------ arrays and functions


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
    chain = {f"A{k}": rng.normal(size=(n, n)) / np.sqrt(n) for k in range(1, LAYERS + 1)}
    return {**chain, "x": rng.normal(size=n), "b": rng.normal(size=n)}


def chain(lib: Any, x: Array, b: Array, **matrices: Array) -> Array:
    """The product is written as in the formula, and computed from the left."""
    product = matrices["A1"]
    for k in range(2, LAYERS + 1):
        product = product @ matrices[f"A{k}"]
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


# ------------------------------------------------------------------ by hand


def logistic_numpy(X: Array, y: Array, w: Array) -> Array:
    """The vector comes first, so that no product transposes X."""
    from scipy.special import expit

    return (-y * expit(-y * (X @ w))) @ X


def logistic_jax(X: Array, y: Array, w: Array) -> Array:
    """Likewise."""
    import jax

    return (-y * jax.nn.sigmoid(-y * (X @ w))) @ X


def logistic_value_numpy(X: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """The margins serve the value and the gradient."""
    from scipy.special import expit

    z = -y * (X @ w)
    return np.logaddexp(0, z).sum(), (-y * expit(z)) @ X


def logistic_value_jax(X: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """Likewise."""
    import jax

    z = -y * (X @ w)
    return jax.nn.softplus(z).sum(), (-y * jax.nn.sigmoid(z)) @ X


def least_squares_by_hand(X: Array, y: Array, w: Array) -> Array:
    """For both libraries."""
    return (2 * (X @ w - y)) @ X


def quadratic_by_hand(A: Array, x: Array) -> Array:
    """Two products with a vector instead of a sum of matrices."""
    return A @ x + x @ A


def chain_by_hand(x: Array, b: Array, **matrices: Array) -> Array:
    """Vectors all the way."""
    order = [matrices[f"A{k}"] for k in range(1, LAYERS + 1)]
    for A in reversed(order):
        x = A @ x
    x = 2 * (x - b)
    for A in order:
        x = x @ A
    return x


def cross_entropy_numpy(W: Array, X: Array, Y: Array) -> Array:
    """Softmax in place."""
    P = W @ X
    P -= P.max(axis=0)
    np.exp(P, out=P)
    P /= P.sum(axis=0)
    P -= Y
    return P @ X.T


def cross_entropy_jax(W: Array, X: Array, Y: Array) -> Array:
    """Likewise."""
    import jax

    return (jax.nn.softmax(W @ X, axis=0) - Y) @ X.T


def factorisation_by_hand(T: Array, U: Array, V: Array) -> Array:
    """Multiplied out, so that the residual of the size of T is never formed."""
    return 2 * (U @ (V.T @ V) - T @ V)


def network_by_hand(xp: Any, X: Array, Y: Array, **weights: Array) -> Array:
    """Backpropagation."""
    Z, steps = hessians.forward(xp, X, weights)
    G = hessians.softmax(xp, Z) - Y
    for k in range(DEPTH, 1, -1):
        G = (transposed(xp, weights[f"W{k}"]) @ G) * steps[k - 2]
    return G @ X.T


def two_layers_by_hand(xp: Any, W1: Array, W2: Array, X: Array, Y: Array) -> Array:
    """Likewise."""
    H = xp.tanh(W1 @ X)
    return ((transposed(xp, W2) @ (W2 @ H - Y)) * (1 - H * H)) @ X.T


def log_det_by_hand(xp: Any, X: Array) -> Array:
    """The inverse itself is what is asked for."""
    return xp.linalg.inv(X).T


def inverse_form_numpy(a: Array, X: Array, b: Array) -> Array:
    """One factorisation for both systems."""
    from scipy.linalg import lu_factor, lu_solve

    factors = lu_factor(X, check_finite=False)
    u = lu_solve(factors, a, trans=1, check_finite=False)
    return np.outer(-u, lu_solve(factors, b, check_finite=False))


def inverse_form_jax(a: Array, X: Array, b: Array) -> Array:
    """Likewise."""
    import jax.numpy as jnp
    from jax.scipy.linalg import lu_factor, lu_solve

    factors = lu_factor(X)
    return jnp.outer(-lu_solve(factors, a, trans=1), lu_solve(factors, b))


def gaussian_value_numpy(S: Array, x: Array, z: Array) -> tuple[Array, Array]:
    """The determinant and the inverse from one Cholesky factor; LAPACK gives a lower triangle."""
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, _ = dpotrf(S, lower=True)
    lower, _ = dpotri(factor, lower=True)
    inverse = np.tril(lower) + np.tril(lower, -1).T
    v = inverse @ (x - z)
    value = np.log(np.diag(factor)).sum() + 0.5 * (x - z) @ v
    return value, 0.5 * (inverse - np.outer(v, v))


def gaussian_value_jax(S: Array, x: Array, z: Array) -> tuple[Array, Array]:
    """Likewise."""
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_solve

    factor = jnp.linalg.cholesky(S)
    inverse = cho_solve((factor, True), jnp.eye(len(S)))
    v = inverse @ (x - z)
    value = jnp.log(jnp.diag(factor)).sum() + 0.5 * (x - z) @ v
    return value, 0.5 * (inverse - jnp.outer(v, v))


def gaussian_numpy(**arrays: Array) -> Array:
    """Without the value."""
    return gaussian_value_numpy(**arrays)[1]


def gaussian_jax(**arrays: Array) -> Array:
    """Without the value."""
    return gaussian_value_jax(**arrays)[1]


def gram_log_det_numpy(X: Array) -> Array:
    """A Cholesky factor of the Gram matrix."""
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(X.T @ X, check_finite=False)
    return 2 * cho_solve(factor, X.T, check_finite=False).T


def gram_log_det_jax(X: Array) -> Array:
    """With JAX a solution by LU is faster than one by a Cholesky factor."""
    import jax.numpy as jnp

    T = transposed(jnp, X)
    return 2 * jnp.linalg.solve(T @ X, T).T


# ------------------------------------------------------------------ problems

AS_WRITTEN: Sequence[Problem] = (
    Problem(
        "logistic",
        "logistic regression, by w",
        "sum(log(1 + exp(-y .* (X w))))",
        "w",
        1,
        {"m": 2000, "n": 1000},
        {"m": 7, "n": 5},
        hessians.draw_logistic,
        hessians.logistic,
        {"numpy": logistic_numpy, "jax": logistic_jax},
        targets=PARITY,
    ),
    Problem(
        "logistic-value",
        "logistic regression, by w, with its value",
        "sum(log(1 + exp(-y .* (X w))))",
        "w",
        1,
        {"m": 2000, "n": 1000},
        {"m": 7, "n": 5},
        hessians.draw_logistic,
        hessians.logistic,
        {"numpy": logistic_value_numpy, "jax": logistic_value_jax},
        targets=PARITY,
        with_value=True,
    ),
    Problem(
        "least-squares",
        "norm2(X w - y)^2, by w",
        "norm2(X w - y)^2",
        "w",
        1,
        {"m": 2000, "n": 1000},
        {"m": 7, "n": 5},
        draw_regression,
        least_squares,
        {"numpy": least_squares_by_hand, "jax": least_squares_by_hand},
        targets=PARITY,
    ),
    Problem(
        "quadratic",
        "x' A x, by x",
        "x' A x",
        "x",
        1,
        {"n": 1500},
        {"n": 5},
        draw_quadratic,
        quadratic,
        {"numpy": quadratic_by_hand, "jax": quadratic_by_hand},
        targets=PARITY,
    ),
    Problem(
        "chain",
        f"‖A1 ⋯ A{LAYERS} x - b‖², by x",
        ", ".join(f"A{k}" for k in range(1, LAYERS + 1))
        + ": (n, n); ||"
        + " ".join(f"A{k}" for k in range(1, LAYERS + 1))
        + " x - b||^2",
        "x",
        1,
        {"n": 300},
        {"n": 5},
        draw_chain,
        chain,
        {"numpy": chain_by_hand, "jax": chain_by_hand},
        targets=PARITY,
    ),
    Problem(
        "cross-entropy",
        "softmax regression, by W",
        "sum(logsumexp(W X, 1)) - sum(Y .* (W X))",
        "W",
        1,
        {"p": 10, "n": 200, "m": 2000},
        {"p": 3, "n": 5, "m": 7},
        draw_classes,
        cross_entropy,
        {"numpy": cross_entropy_numpy, "jax": cross_entropy_jax},
        targets=PARITY,
    ),
    Problem(
        "b",
        "‖T - U V'‖², by U",
        "U, V: (n, k); ||T - U V'||^2",
        "U",
        1,
        {"n": 1000, "k": 5},
        {"n": 7, "k": 3},
        hessians.draw_factorisation,
        hessians.factorisation,
        {"numpy": factorisation_by_hand, "jax": factorisation_by_hand},
        targets=PARITY,
    ),
    Problem(
        "c",
        f"{DEPTH} ReLU layers, by the first W",
        NETWORK,
        "W1",
        1,
        {"n": 100, "m": 100},
        {"n": 5, "m": 4},
        hessians.draw_network,
        hessians.network,
        in_both(network_by_hand),
        targets=PARITY,
    ),
    Problem(
        "c2",
        "2 tanh layers, by the first W",
        "X, Y: (n, m); W1, W2: (n, n); 1/2 ||W2 tanh(W1 X) - Y||^2",
        "W1",
        1,
        {"n": 200, "m": 200},
        {"n": 5, "m": 4},
        hessians.draw_two_layers,
        hessians.two_layers,
        in_both(two_layers_by_hand),
        targets=PARITY,
    ),
    Problem(
        "d1",
        "logdet(X)",
        "logdet(X)",
        "X",
        1,
        {"n": 300},
        {"n": 5},
        hessians.draw_matrix,
        hessians.log_det,
        in_both(log_det_by_hand),
        targets=PARITY,
    ),
    Problem(
        "d2",
        "a' inv(X) b, by X",
        "a' inv(X) b",
        "X",
        1,
        {"n": 500},
        {"n": 5},
        hessians.draw_square,
        hessians.inverse_form,
        {"numpy": inverse_form_numpy, "jax": inverse_form_jax},
        targets=AHEAD,
    ),
    Problem(
        "gaussian",
        "Gaussian likelihood, by S",
        "S: (n, n) spd; 1/2 logdet(S) + 1/2 (x - z)' inv(S) (x - z)",
        "S",
        1,
        {"n": 300},
        {"n": 5},
        draw_gaussian,
        gaussian,
        {"numpy": gaussian_numpy, "jax": gaussian_jax},
        targets=PARITY,
    ),
    Problem(
        "gaussian-value",
        "Gaussian likelihood, by S, with its value",
        "S: (n, n) spd; 1/2 logdet(S) + 1/2 (x - z)' inv(S) (x - z)",
        "S",
        1,
        {"n": 300},
        {"n": 5},
        draw_gaussian,
        gaussian,
        {"numpy": gaussian_value_numpy, "jax": gaussian_value_jax},
        targets=PARITY,
        with_value=True,
    ),
    Problem(
        "gram",
        "logdet(X' X), by X",
        "logdet(X' X)",
        "X",
        1,
        {"m": 1000, "n": 200},
        {"m": 7, "n": 5},
        draw_tall,
        gram_log_det,
        {"numpy": gram_log_det_numpy, "jax": gram_log_det_jax},
        targets=PARITY,
    ),
)

#: What of the lead over ``jax.grad`` is only that of a better spelling of the program.
WELL_SPELLED = {"gaussian": gaussian_by_factor, "d2": inverse_form_by_solve}

PROBLEMS: Sequence[Problem] = (
    *AS_WRITTEN,
    *(
        replace(
            problem,
            name=f"{problem.name}-spelled",
            title=f"{problem.title}, against a program without inv",
            function=WELL_SPELLED[problem.name],
            targets=PARITY,
        )
        for problem in AS_WRITTEN
        if problem.name in WELL_SPELLED
    ),
)
