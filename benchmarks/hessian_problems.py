"""Functions whose Hessians are timed, with the best code for these Hessians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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

DEPTH = 10

NETWORK = "; ".join([
    ", ".join(f"W{k}" for k in range(1, DEPTH + 1)) + ": (n, n)",
    "X, Y: (n, m)",
    "H1 = relu(W1 X)",
    *(f"H{k} = relu(W{k} H{k - 1})" for k in range(2, DEPTH)),
    f"Z = W{DEPTH} H{DEPTH - 1}",
    "sum(logsumexp(Z, 1)) - sum(Y .* Z)",
])  # fmt: skip


# ------------------------------------------------------------------ arrays and functions


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
    weights = {f"W{k}": rng.normal(size=(n, n)) * np.sqrt(2 / n) for k in range(1, DEPTH + 1)}
    return {**weights, "X": rng.normal(size=(n, m)), "Y": one_hot(rng, n, m)}


def network(lib: Any, X: Array, Y: Array, **weights: Array) -> Array:
    """The cross-entropy of a network of ReLU layers."""
    H = X
    for k in range(1, DEPTH):
        H = lib.relu(weights[f"W{k}"] @ H)
    Z = weights[f"W{DEPTH}"] @ H
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


# ------------------------------------------------------------------ by hand


def logistic_numpy(X: Array, y: Array, w: Array) -> Array:
    """A matrix by its own transpose, of which BLAS computes one half."""
    from scipy.special import expit

    s = expit(y * (X @ w))
    Z = (np.abs(y) * np.sqrt(s * (1 - s)))[:, None] * X
    return Z.T @ Z


def logistic_jax(X: Array, y: Array, w: Array) -> Array:
    """The barrier keeps XLA from fusing the scaling into a slow product."""
    import jax

    s = jax.nn.sigmoid(y * (X @ w))
    return jax.lax.optimization_barrier(X.T * (y**2 * s * (1 - s))) @ X


def factorisation_core(V: Array, **_: Array) -> Array:
    """What every diagonal block is; for NumPy and JAX."""
    return 2 * (V.T @ V)


def factorisation_numpy(U: Array, V: Array, **_: Array) -> Array:
    """The diagonal blocks are written into zeros."""
    H = np.zeros(U.shape * 2)
    np.einsum("iaib->iab", H)[...] = factorisation_core(V)
    return H


def factorisation_jax(U: Array, V: Array, **_: Array) -> Array:
    """One fused write."""
    import jax.numpy as jnp

    return jnp.eye(len(U))[:, None, :, None] * factorisation_core(V)[:, None]


def forward(xp: Any, X: Array, weights: Arrays) -> tuple[Array, list[Array]]:
    """What the last layer of the network gives, and where the others are not flat."""
    Z, steps = weights["W1"] @ X, []
    for k in range(2, DEPTH + 1):
        steps.append(Z > 0)
        Z = weights[f"W{k}"] @ xp.maximum(Z, 0)
    return Z, steps


def softmax(xp: Any, Z: Array) -> Array:
    """Of every column."""
    P = xp.exp(Z - Z.max(axis=0))
    return P / P.sum(axis=0)


def network_core(xp: Any, X: Array, Y: Array, **weights: Array) -> tuple[Array, ...]:
    """What products with the Hessian take besides the weights, nothing larger than they are.

    That is the probabilities, where layers are not flat, and M' p of ``network_blocks`` as columns.
    """
    del Y  # labels only shift the gradient
    Z, steps = forward(xp, X, weights)
    P = V = softmax(xp, Z)
    for k in range(DEPTH, 1, -1):
        V = (transposed(xp, weights[f"W{k}"]) @ V) * steps[k - 2]
    return (P, V, *steps)


def network_blocks(xp: Any, X: Array, Y: Array, **weights: Array) -> tuple[Array, Array]:
    """The Hessian by W1 is the sum over samples of A[b] ⊗ X[:,b] X[:,b]'.

    A[b] is M' (diag(p) - p p') M, with the product M of all that stands between W1 X and the outputs.
    """
    del Y  # labels only shift the gradient
    n, m = X.shape
    Z, steps = forward(xp, X, weights)
    P = softmax(xp, Z).T
    M = steps[-1].T[:, None, :] * weights[f"W{DEPTH}"]
    for k in range(DEPTH - 1, 1, -1):
        M = (M.reshape(m * n, n) @ weights[f"W{k}"]).reshape(m, n, n) * steps[k - 2].T[:, None, :]
    mean = (P[:, None, :] @ M)[:, 0, :]
    A = (M * P[:, :, None]).transpose(0, 2, 1) @ M - mean[:, :, None] * mean[:, None, :]
    return A, X


def two_layers_core(xp: Any, W1: Array, W2: Array, X: Array, Y: Array) -> tuple[Array, ...]:
    """As in ``network_core``."""
    H = xp.tanh(W1 @ X)
    D = 1 - H * H
    before = transposed(xp, W2)
    return before @ W2, D, -2 * H * D * (before @ (W2 @ H - Y))


def two_layers_blocks(xp: Any, W1: Array, W2: Array, X: Array, Y: Array) -> tuple[Array, Array]:
    """Blocks A[b] as in ``network_blocks``."""
    H = xp.tanh(W1 @ X)
    D = (1 - H**2).T
    G = -2 * H * D.T * (W2.T @ (W2 @ H - Y))
    A = D[:, :, None] * D[:, None, :] * (W2.T @ W2)
    return A + G.T[:, :, None] * xp.eye(len(W1)), X


def two_layers_jax(W1: Array, W2: Array, X: Array, Y: Array) -> Array:
    """The part without delta as K K' of the columns D[:,b] ⊗ X[:,b], scaled where it is written."""
    import jax.numpy as jnp

    H = jnp.tanh(W1 @ X)
    D = 1 - H**2
    G = -2 * H * D * (W2.T @ (W2 @ H - Y))
    K = (D[:, None] * X).reshape(W1.size, -1)
    scaled = (K @ K.T).reshape(W1.shape * 2) * (W2.T @ W2)[:, None, :, None]
    diagonal = (G[:, None] * X) @ X.T
    return scaled + jnp.eye(len(W1))[:, None, :, None] * diagonal[:, :, None]


def blocks_numpy(A: Array, X: Array) -> Array:
    """The sum over b of A[b,i,j] X[a,b] X[c,b], axes i, a, j, c, as one matrix product."""
    m, n = A.shape[0], len(X)
    outer = (X[:, None] * X).reshape(n * n, m)
    product = A.reshape(m, -1).T @ outer.T
    k = A.shape[1]
    return product.reshape(k, k, n, n).transpose(0, 2, 1, 3)


def blocks_jax(A: Array, X: Array) -> Array:
    """The same as a product of which the result needs no transpose."""
    m, n, k = A.shape[0], len(X), A.shape[1]
    left = A.transpose(1, 2, 0)[:, None] * X[:, None, :]
    return (left.reshape(-1, m) @ X.T).reshape(k, n, k, n)


def log_det_core(xp: Any, X: Array) -> Array:
    """The inverse is all there is to it."""
    return xp.linalg.inv(X)


def log_det_numpy(X: Array) -> Array:
    """One write."""
    Y = log_det_core(np, X)
    return np.multiply(-Y.T[:, None, None, :], Y[:, :, None])


def log_det_jax(X: Array) -> Array:
    """Likewise."""
    import jax.numpy as jnp

    Y = log_det_core(jnp, X)
    return -Y.T[:, None, None, :] * Y[:, :, None]


def inverse_form_core(xp: Any, a: Array, X: Array, b: Array) -> tuple[Array, Array, Array]:
    """The inverse and two vectors."""
    Y = xp.linalg.inv(X)
    return Y, a @ Y, Y @ b


def inverse_form_numpy(a: Array, X: Array, b: Array) -> Array:
    """Two outer products added up in one matrix product with inner size 2."""
    Y, u, v = inverse_form_core(np, a, X, b)
    left = np.stack([Y.ravel(), np.outer(v, u).ravel()], axis=-1)
    right = np.stack([np.outer(u, v), Y.T], axis=1)
    return (left @ right).reshape(X.shape * 2)


def inverse_form_jax(a: Array, X: Array, b: Array) -> Array:
    """One fused write."""
    import jax
    import jax.numpy as jnp

    Y, u, v = inverse_form_core(jnp, a, X, b)
    first, second = jax.lax.optimization_barrier((Y[:, :, None] * v, v[:, None] * u))
    return u[:, None, None, None] * first + second[..., None] * Y.T[:, None, None, :]


def _dense(blocks: Any) -> dict[str, Any]:
    """Dense code from the code for blocks A[b]."""
    both = in_both(blocks)
    return {
        "numpy": lambda **arrays: blocks_numpy(*both["numpy"](**arrays)),
        "jax": lambda **arrays: blocks_jax(*both["jax"](**arrays)),
    }


# ------------------------------------------------------------------ problems

PROBLEMS: Sequence[Problem] = (
    Problem(
        "a",
        "logistic regression, by w",
        "sum(log(1 + exp(-y .* (X w))))",
        "w",
        2,
        {"m": 2000, "n": 1000},
        {"m": 7, "n": 5},
        draw_logistic,
        logistic,
        {"numpy": logistic_numpy, "jax": logistic_jax},
        targets=(Target(0.9, "by hand"),),
    ),
    Problem(
        "b",
        "‖T - U V'‖², by U",
        "U, V: (n, k); ||T - U V'||^2",
        "U",
        2,
        {"n": 200, "k": 5},
        {"n": 7, "k": 3},
        draw_factorisation,
        factorisation,
        {"numpy": factorisation_numpy, "jax": factorisation_jax},
        {"numpy": factorisation_core, "jax": factorisation_core},
        targets=(Target(400, "jax.hessian"),),
    ),
    Problem(
        "c",
        f"{DEPTH} ReLU layers, by the first W",
        NETWORK,
        "W1",
        2,
        {"n": 30, "m": 32},
        {"n": 5, "m": 4},
        draw_network,
        network,
        _dense(network_blocks),
        in_both(network_core),
        targets=(Target(15, "jax.hessian"),),
        is_singular=True,
    ),
    Problem(
        "c2",
        "2 tanh layers, by the first W",
        "X, Y: (n, m); W1, W2: (n, n); 1/2 ||W2 tanh(W1 X) - Y||^2",
        "W1",
        2,
        {"n": 32, "m": 64},
        {"n": 5, "m": 7},
        draw_two_layers,
        two_layers,
        {**_dense(two_layers_blocks), "jax": two_layers_jax},
        in_both(two_layers_core),
        targets=(Target(15, "jax.hessian"),),
    ),
    Problem(
        "d1",
        "logdet(X)",
        "logdet(X)",
        "X",
        2,
        {"n": 40},
        {"n": 5},
        draw_matrix,
        log_det,
        {"numpy": log_det_numpy, "jax": log_det_jax},
        in_both(log_det_core),
        targets=(Target(12, "jax.hessian"),),
    ),
    Problem(
        "d2",
        "a' inv(X) b, by X",
        "a' inv(X) b",
        "X",
        2,
        {"n": 64},
        {"n": 5},
        draw_square,
        inverse_form,
        {"numpy": inverse_form_numpy, "jax": inverse_form_jax},
        in_both(inverse_form_core),
        targets=(Target(15, "jax.hessian"),),
        is_singular=True,
    ),
)
