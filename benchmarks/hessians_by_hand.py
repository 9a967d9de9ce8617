"""The best code for the Hessians that are timed, as one writes it by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.problem import Array, Arrays, in_both, transposed
from benchmarks.programs import DEPTH


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


def dense(blocks: Any) -> dict[str, Any]:
    """Dense code from the code for blocks A[b]."""
    both = in_both(blocks)
    return {
        "numpy": lambda **arrays: blocks_numpy(*both["numpy"](**arrays)),
        "jax": lambda **arrays: blocks_jax(*both["jax"](**arrays)),
    }
