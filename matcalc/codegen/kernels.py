"""Operations that only generated code has: what array libraries offer beyond the language.

They are records like all others, but in no registry, so that nobody can write them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from string import ascii_lowercase

from matcalc.core.expr import Expr
from matcalc.core.operation import Operation
from matcalc.ops.structural import MATMUL

INNER = Operation(
    "inner",
    "(m, n), (m, n) -> scalar",
    ("A", "B"),
    numpy='np.einsum("ij,ij->", {0}, {1})',
    jax="jnp.sum({0} * {1})",
    torch="torch.sum({0} * {1})",
)
"""``sum(A .* B)``; NumPy would keep the product."""

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

INNER_OF_ROWS = Operation(
    "inner_of_rows",
    "(m, n), (m, n) -> m",
    ("A", "B"),
    numpy='np.einsum("ij,ij->i", {0}, {1})',
    jax="jnp.sum({0} * {1}, axis=1)",
    torch="torch.sum({0} * {1}, dim=1)",
)
"""``sum(A .* B, 2)``, which is ``diag(A B')``."""

INNER_OF_COLUMNS = Operation(
    "inner_of_columns",
    "(m, n), (m, n) -> n",
    ("A", "B"),
    numpy='np.einsum("ij,ij->j", {0}, {1})',
    jax="jnp.sum({0} * {1}, axis=0)",
    torch="torch.sum({0} * {1}, dim=0)",
)
"""``sum(A .* B, 1)'``, which is ``diag(A' B)``."""


#: For three and for more matrices, by ``@``: XLA takes twice as long for ``jnp.linalg.multi_dot``, an
#: einsum, where all sizes are 150. Shapes are known when the code is traced.
TRIPLE_PRODUCT = """\
(a, b), (c, d) = {0}.shape, {2}.shape
if a * c * (b + d) < b * d * (a + c):
    return ({0} @ {1}) @ {2}
{0} @ ({1} @ {2})"""
PRODUCT_OF_MANY = """\
arrays = {arrays}
sizes = [*map(len, arrays), arrays[-1].shape[1]]

def best(i, j):
    cuts = range(i + 1, j)
    costs = ((best(i, k)[0] + best(k, j)[0] + sizes[i] * sizes[k] * sizes[j], k) for k in cuts)
    return min(costs, default=(0, j))

def product(i, j):
    _, k = best(i, j)
    return arrays[i] if k == j else product(i, k) @ product(k, j)

product(0, len(arrays))"""


@cache
def multi_dot(count: int) -> Operation:
    """A product of so many matrices, the order of which is chosen by their sizes at the call."""
    letters = ascii_lowercase[: count + 1]
    shapes = [f"({rows}, {columns})" for rows, columns in pairwise(letters)]
    places = ", ".join(f"{{{k}}}" for k in range(count))
    return Operation(
        f"product_of_{count}",
        f"{', '.join(shapes)} -> ({letters[0]}, {letters[-1]})",
        tuple(letters[:count].upper()),
        shape_rule=MATMUL.shape_rule,
        meaning=MATMUL,
        numpy=f"np.linalg.multi_dot([{places}])",
        jax=TRIPLE_PRODUCT if count == 3 else PRODUCT_OF_MANY.replace("{arrays}", places),
    )


STORED = Operation(
    "stored",
    "(m, n) -> (m, n)",
    ("A",),
    meaning=lambda A: A,
)
"""A transposed matrix that the library is to compute before it multiplies by it (``Dialect.stored``)."""

PRODUCT_OF_TRANSPOSE = Operation(
    "product_of_transpose",
    "(m, k), (k, n) -> (m, n)",
    ("A", "B"),
    numpy="{0} @ {1}",
    jax="""\
# With a barrier XLA stores a transpose, by which it multiplies twice as fast: the smaller ones.
(m, k), n = {0}.shape, {1}.shape[1]
if m * k <= (m + k) * n:
    return jax.lax.optimization_barrier({0}) @ {1}
product = jax.lax.optimization_barrier({1}.T) @ {0}.T
jax.lax.optimization_barrier(product).T""",
)
"""A transposed matrix times another one, where sizes decide what is to be stored (``Dialect.stored``)."""


# ------------------------------------------------------------------ systems of equations


@dataclass(frozen=True)
class Solver:
    """A function that solves systems, for one right side and for a matrix of them."""

    one: Operation
    many: Operation

    def __call__(self, first: Expr, side: Expr) -> Expr:
        """The solution, where ``first`` is the matrix or its factorisation."""
        return (self.one if side.shape[1].is_unit else self.many)(first, side)


def _solver(name: str, numpy: str, torch: str, first: str = "A") -> Solver:
    """The records; PyTorch's functions take matrices of right sides only."""
    jax = numpy.replace(", check_finite=False", "").replace("scipy.", "jax.scipy.")
    jax = jax.replace("np.", "jnp.")
    parameters = ((first, "b"), (first, "B"))
    torch_one = torch.replace("{1}", "{1}[:, None]") + "[:, 0]"
    return Solver(
        Operation(name, "(n, n), n -> n", parameters[0], numpy=numpy, jax=jax, torch=torch_one),
        Operation(
            name, "(n, n), (n, k) -> (n, k)", parameters[1], numpy=numpy, jax=jax, torch=torch
        ),
    )


SOLVE = _solver("solve", "np.linalg.solve({0}, {1})", "torch.linalg.solve({0}, {1})")

LU_FACTOR = Operation(
    "lu_factor",
    "(n, n) -> (n, n)",
    ("A",),
    numpy="scipy.linalg.lu_factor({0}, check_finite=False)",
    jax="jax.scipy.linalg.lu_factor({0})",
    torch="torch.linalg.lu_factor({0})",
)
"""The LU decomposition, a value of its own kind that only the operations below take."""

LU_SOLVE = _solver(
    "lu_solve",
    "scipy.linalg.lu_solve({0}, {1}, check_finite=False)",
    "torch.linalg.lu_solve(*{0}, {1})",
    "F",
)
LU_SOLVE_TRANSPOSED = _solver(
    "lu_solve_transposed",
    "scipy.linalg.lu_solve({0}, {1}, trans=1, check_finite=False)",
    "torch.linalg.lu_solve(*{0}, {1}, adjoint=True)",
    "F",
)
_LU_LOGDET = (
    "factors = np.diagonal({{0}}[0])\n"
    "swaps = np.sum({pivots} != {unmoved})\n"
    "sign = np.prod(np.sign(factors)) * (1 - 2 * (swaps % 2))\n"
    "np.where(sign < 0, np.nan, np.sum(np.log(np.abs(factors))))"
)
LU_LOGDET = Operation(
    "lu_logdet",
    "(n, n) -> scalar",
    ("F",),
    numpy=_LU_LOGDET.format(pivots="{0}[1]", unmoved="np.arange(len(factors))"),
    torch=_LU_LOGDET.format(
        pivots="{0}[1]", unmoved="torch.arange(1, 1 + len(factors), device=factors.device)"
    ),
)
"""Not a number where the determinant is negative: LAPACK's pivots are the rows that are swapped."""

CHOLESKY = Operation(
    "cholesky",
    "(n, n) -> (n, n)",
    ("A",),
    numpy="scipy.linalg.cho_factor({0}, lower=True, check_finite=False)",
    jax="jax.scipy.linalg.cho_factor({0}, lower=True)",
    torch="torch.linalg.cholesky({0})",
)
"""The Cholesky decomposition, a value of its own kind like that of ``LU_FACTOR``.

Only the lower triangle is looked at, in every library.
"""

CHOLESKY_SOLVE = _solver(
    "cholesky_solve",
    "scipy.linalg.cho_solve({0}, {1}, check_finite=False)",
    "torch.cholesky_solve({1}, {0})",
    "F",
)
CHOLESKY_LOGDET = Operation(
    "cholesky_logdet",
    "(n, n) -> scalar",
    ("F",),
    numpy="2 * np.sum(np.log(np.diagonal({0}[0])))",
    torch="2 * torch.sum(torch.log(torch.diagonal({0})))",
)
CHOLESKY_INVERSE = Operation(
    "cholesky_inverse",
    "(n, n) -> (n, n)",
    ("F",),
    numpy=(
        'lower = scipy.linalg.get_lapack_funcs("potri", ({0}[0],))({0}[0], lower=True)[0]\n'
        "np.where(np.tri(len(lower), dtype=bool), lower, lower.T)"
    ),
    jax="jax.scipy.linalg.cho_solve({0}, jnp.eye(len({0}[0]), dtype={0}[0].dtype))",
    torch="torch.cholesky_inverse({0})",
    infers=("-> spd",),
)
"""LAPACK's ``potri`` takes two thirds of the time of ``np.linalg.inv``; it fills one triangle."""

LOWER_SOLVE = _solver(
    "solve_lower",
    "scipy.linalg.solve_triangular({0}, {1}, lower=True, check_finite=False)",
    "torch.linalg.solve_triangular({0}, {1}, upper=False)",
)
UPPER_SOLVE = _solver(
    "solve_upper",
    "scipy.linalg.solve_triangular({0}, {1}, check_finite=False)",
    "torch.linalg.solve_triangular({0}, {1}, upper=True)",
)
