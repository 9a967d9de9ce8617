"""The method of minimal residuals: systems with a symmetric matrix that is known by its products only.

Definite or not, the residual falls in every step. What rounding keeps of it, which with a condition
number κ is of the order of κ² times the precision, is the right side of the next run, as in iterative
refinement. A matrix that is not symmetric is multiplied by its transpose. The arrays may be of any library.

Sources: Paige, Saunders, Solution of sparse indefinite systems of linear equations, SIAM J. Numer. Anal.
12 (1975); Sleijpen, van der Vorst, Modersitzki, Differences in the effects of rounding errors in Krylov
solvers for symmetric indefinite linear systems, SIAM J. Matrix Anal. Appl. 22 (2000).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matcalc.codegen.library import Array, Library

#: Relative residual at which it stops, in double and in single precision.
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}

#: Steps at most, for each equation: rounding makes it more than the one that suffices in theory.
STEPS = 20

#: A run that leaves more than this of the residual is the last.
PROGRESS = 0.5

Map = Callable[[Array], Array]


@dataclass(frozen=True)
class Found:
    """What the method arrives at.

    Attributes:
        x: the vector with the smallest residual that was found.
        residual: the norm of that, relative to the right side's.
        steps: how many it took.
        is_solution: whether the residual is as small as wanted; where nothing is said of that, as small
            as rounding lets it become will do, if that is less than the square root of the precision.
    """

    x: Array
    residual: Array
    steps: Any
    is_solution: Array


def minres(
    matvec: Map,
    g: Array,
    library: Library,
    *,
    adjoint: Map | None = None,
    diagonal: Array | None = None,
    tolerance: float | None = None,
    steps: int | None = None,
) -> Found:
    """The vector ``x`` with ``matvec(x) = g``, or the nearest that was found.

    Args:
        matvec: the product with the matrix.
        g: the right side.
        library: that of the arrays.
        adjoint: the product with the transposed matrix, where this is another.
        diagonal: that of a symmetric matrix, by which it is scaled where all entries have one sign,
            as those of a definite matrix have (Jacobi's preconditioner).
        tolerance: the relative residual at which to stop.
        steps: how many at most.
    """
    limit = STEPS * g.shape[0] if steps is None else steps
    whole = _norm(g)
    enough = 0.0 if tolerance is not None else library.module.finfo(g.dtype).eps ** 0.5
    if tolerance is None:
        tolerance = TOLERANCE.get(str(g.dtype).rpartition(".")[2], TOLERANCE["float32"])
    scale = 0 * g + 1 if diagonal is None else _scale(diagonal, library)
    system = _System(matvec, adjoint, scale)

    def run(state: tuple[Any, ...]) -> tuple[Any, ...]:
        k, x, residual, norm, _ = state
        # In the scaled norm it goes somewhat further than asked.
        aim = tolerance * whole / norm / 10
        k, correction = _run(system.product, system.side(residual), library, aim, k, limit)
        further = x + scale * correction
        left = g - matvec(further)
        norm_left = _norm(left)
        # Of a run that broke down, which is not a number, nothing is taken.
        is_better = norm_left < norm
        choose = library.module.where
        return (
            k,
            choose(is_better, further, x),
            choose(is_better, left, residual),
            choose(is_better, norm_left, norm),
            norm_left <= PROGRESS * norm,
        )

    def goes_on(state: tuple[Any, ...]) -> Array:
        k, _, _, norm, progresses = state
        return progresses & (norm > tolerance * whole) & (k < limit)

    # Where the right side has no norm, which is not a number, nothing is begun.
    k, x, _, norm, _ = library.repeat(run, goes_on, (0, 0 * g, g, whole, whole >= 0))
    relative = norm / (whole + (whole == 0))
    is_solution = (relative <= tolerance) | ((k < limit) & (relative <= enough))
    return Found(x, relative, k, is_solution)


@dataclass(frozen=True)
class _System:
    """The symmetric system that is iterated on.

    Attributes:
        matvec: the product with the matrix that is given.
        adjoint: the product with its transpose, by which it is multiplied where it is not symmetric.
        scale: by what rows and columns are multiplied.
    """

    matvec: Map
    adjoint: Map | None
    scale: Array

    def product(self, v: Array) -> Array:
        """The product with its matrix."""
        return self.side(self.matvec(self.scale * v))

    def side(self, g: Array) -> Array:
        """Its right side, for one of the system that is given."""
        return self.scale * (g if self.adjoint is None else self.adjoint(g))


def _scale(diagonal: Array, library: Library) -> Array:
    """By what rows and columns are multiplied so that the diagonal consists of ones, or minus ones."""
    is_definite = (diagonal > 0).all() | (diagonal < 0).all()
    return library.module.where(is_definite, abs(diagonal), 0 * diagonal + 1) ** -0.5


def _norm(v: Array) -> Array:
    return (v * v).sum() ** 0.5


def _run(
    matvec: Map, g: Array, library: Library, tolerance: Array, start: Any, limit: int
) -> tuple[Any, Array]:
    """The number of the last step, and the solution of a system as the recurrence finds it."""
    norm = _norm(g)

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        k, x, residual, beta, (v0, v1), (w0, w1), (c0, c1), (s0, s1) = state
        # Lanczos: the matrix is tridiagonal in the basis v.
        product = matvec(v1)
        alpha = (v1 * product).sum()
        product = product - alpha * v1 - beta * v0
        beta_next = _norm(product)
        # Givens rotations make it triangular.
        first = c1 * alpha - c0 * s1 * beta
        diagonal = (first * first + beta_next * beta_next) ** 0.5
        w = (v1 - s0 * beta * w0 - (s1 * alpha + c0 * c1 * beta) * w1) / diagonal
        c, s = first / diagonal, beta_next / diagonal
        return (
            k + 1,
            x + c * residual * w,
            -s * residual,
            beta_next,
            (v1, product / beta_next),
            (w1, w),
            (c1, c),
            (s1, s),
        )

    def goes_on(state: tuple[Any, ...]) -> Array:
        k, _, residual, *_ = state
        return (k < limit) & (abs(residual) > tolerance * norm)

    zero, one = 0 * norm, 0 * norm + 1
    nothing = 0 * g
    # With a right side of zeros no step is made, and any start will do.
    first = g / (norm + (norm == 0))
    pairs = (nothing, first), (nothing, nothing), (one, one), (zero, zero)
    k, x, *_ = library.repeat(step, goes_on, (start, nothing, norm, zero, *pairs))
    return k, x
