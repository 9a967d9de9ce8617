"""The best code for the gradients that are timed, as one writes it by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.hessians_by_hand import forward, softmax
from benchmarks.problem import Array, transposed
from benchmarks.programs import DEPTH, FACTORS


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


def least_squares(X: Array, y: Array, w: Array) -> Array:
    """For both libraries."""
    return (2 * (X @ w - y)) @ X


def quadratic(A: Array, x: Array) -> Array:
    """Two products with a vector instead of a sum of matrices."""
    return A @ x + x @ A


def chain(x: Array, b: Array, **matrices: Array) -> Array:
    """Vectors all the way."""
    order = [matrices[A] for A in FACTORS]
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


def factorisation(T: Array, U: Array, V: Array) -> Array:
    """Multiplied out, so that the residual of the size of T is never formed."""
    return 2 * (U @ (V.T @ V) - T @ V)


def network(xp: Any, X: Array, Y: Array, **weights: Array) -> Array:
    """Backpropagation."""
    Z, steps = forward(xp, X, weights)
    G = softmax(xp, Z) - Y
    for k in range(DEPTH, 1, -1):
        G = (transposed(xp, weights[f"W{k}"]) @ G) * steps[k - 2]
    return G @ X.T


def two_layers(xp: Any, W1: Array, W2: Array, X: Array, Y: Array) -> Array:
    """Likewise."""
    H = xp.tanh(W1 @ X)
    return ((transposed(xp, W2) @ (W2 @ H - Y)) * (1 - H * H)) @ X.T


def log_det(xp: Any, X: Array) -> Array:
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
