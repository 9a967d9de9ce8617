"""The method of minimal residuals: systems with a symmetric matrix that is known by its products only.

Definite or not, the residual falls in every step. The arrays may be of any library.

Source: Paige, Saunders, Solution of sparse indefinite systems of linear equations, SIAM J. Numer. Anal.
12 (1975).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matcalc.codegen.libraries import Array, Library

#: Relative residual at which it stops, in double and in single precision.
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}

#: Steps at most, for each equation: rounding makes it more than the one that suffices in theory.
STEPS = 5


def minres(matvec: Callable[[Array], Array], g: Array, library: Library) -> Array:
    """The vector ``x`` with ``matvec(x) = g``, or the nearest that was found."""
    limit = STEPS * g.shape[0]
    norm = (g * g).sum() ** 0.5
    stop = TOLERANCE.get(str(g.dtype).rpartition(".")[2], TOLERANCE["float32"]) * norm

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        k, x, residual, beta, (v0, v1), (w0, w1), (c0, c1), (s0, s1) = state
        # Lanczos: the matrix is tridiagonal in the basis v.
        product = matvec(v1)
        alpha = (v1 * product).sum()
        product = product - alpha * v1 - beta * v0
        beta_next = (product * product).sum() ** 0.5
        # Givens rotations make it triangular.
        first = c1 * alpha - c0 * s1 * beta
        diagonal = (first * first + beta_next * beta_next) ** 0.5
        w = (v1 - s0 * beta * w0 - (s1 * alpha + c0 * c1 * beta) * w1) / diagonal
        c, s = first / diagonal, beta_next / diagonal
        return (
            k + 1, x + c * residual * w, -s * residual, beta_next,
            (v1, product / beta_next), (w1, w), (c1, c), (s1, s),
        )  # fmt: skip

    def goes_on(state: tuple[Any, ...]) -> Array:
        k, _, residual, *_ = state
        return (k < limit) & (abs(residual) > stop)

    zero, one = 0 * norm, 0 * norm + 1
    nothing = 0 * g
    # With a right side of zeros no step is made, and any start will do.
    start = g / (norm + (norm == 0))
    state = (
        0, nothing, norm, zero, (nothing, start), (nothing, nothing), (one, one), (zero, zero),
    )  # fmt: skip
    return library.repeat(step, goes_on, state)[1]
