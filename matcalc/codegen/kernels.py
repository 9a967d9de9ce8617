"""Operations that only generated code has: what array libraries offer beyond the language.

They are records like all others, but in no registry, so that nobody can write them.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from string import ascii_lowercase

from matcalc.core.operation import Operation
from matcalc.ops.structural import MATMUL

TRACE_OF_PRODUCT = Operation(
    "trace_of_product",
    "(m, n), (n, m) -> scalar",
    ("A", "B"),
    numpy='np.einsum("ij,ji->", {0}, {1})',
)
"""``tr(A B)`` without the product."""

DIAGONAL_OF_PRODUCT = Operation(
    "diagonal_of_product",
    "(m, n), (n, m) -> m",
    ("A", "B"),
    numpy='np.einsum("ij,ji->i", {0}, {1})',
)
"""``diag(A B)`` without the product."""


@cache
def multi_dot(count: int) -> Operation:
    """A product of so many matrices, the order of which is chosen by their sizes at the call."""
    letters = ascii_lowercase[: count + 1]
    shapes = [f"({rows}, {columns})" for rows, columns in pairwise(letters)]
    places = ", ".join(f"{{{k}}}" for k in range(count))
    return Operation(
        "multi_dot",
        f"{', '.join(shapes)} -> ({letters[0]}, {letters[-1]})",
        tuple(letters[:count].upper()),
        shape_rule=MATMUL.shape_rule,
        numpy=f"np.linalg.multi_dot([{places}])",
    )


# ------------------------------------------------------------------ systems of equations


def _solver(name: str, numpy: str, first: str = "A") -> tuple[Operation, Operation]:
    """Records of a function that solves a system: for one right side, and for a matrix of them."""
    return (
        Operation(name, "(n, n), n -> n", (first, "b"), numpy=numpy),
        Operation(name, "(n, n), (n, k) -> (n, k)", (first, "B"), numpy=numpy),
    )


SOLVE = _solver("solve", "np.linalg.solve({0}, {1})")

LU_FACTOR = Operation(
    "lu_factor",
    "(n, n) -> (n, n)",
    ("A",),
    numpy="scipy.linalg.lu_factor({0}, check_finite=False)",
)
"""The LU decomposition, a value of its own kind that only the operations below take."""

LU_SOLVE = _solver("lu_solve", "scipy.linalg.lu_solve({0}, {1}, check_finite=False)", "F")
LU_SOLVE_TRANSPOSED = _solver(
    "lu_solve_transposed", "scipy.linalg.lu_solve({0}, {1}, trans=1, check_finite=False)", "F"
)
LU_LOGDET = Operation(
    "lu_logdet",
    "(n, n) -> scalar",
    ("F",),
    numpy="np.sum(np.log(np.abs(np.diagonal({0}[0]))))",
)

CHOLESKY = Operation(
    "cholesky",
    "(n, n) -> (n, n)",
    ("A",),
    numpy="scipy.linalg.cho_factor({0}, check_finite=False)",
)
"""The Cholesky decomposition, a value of its own kind like that of ``LU_FACTOR``."""

CHOLESKY_SOLVE = _solver(
    "cholesky_solve", "scipy.linalg.cho_solve({0}, {1}, check_finite=False)", "F"
)
CHOLESKY_LOGDET = Operation(
    "cholesky_logdet",
    "(n, n) -> scalar",
    ("F",),
    numpy="2 * np.sum(np.log(np.diagonal({0}[0])))",
)

LOWER_SOLVE = _solver(
    "solve_lower", "scipy.linalg.solve_triangular({0}, {1}, lower=True, check_finite=False)"
)
UPPER_SOLVE = _solver("solve_upper", "scipy.linalg.solve_triangular({0}, {1}, check_finite=False)")
