"""Hessians, and other square derivatives, at given arrays, as operators that hold their core only.

``H = d.operator("numpy")(**arrays)`` computes the core; ``H @ v``, ``H.solve(g)``, ``H.diagonal()`` and
``H.todense()`` are functions of it, which ``operator_code.py`` generates.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from matcalc.codegen.libraries import Array, not_installed
from matcalc.errors import ArgumentProblem, UnsupportedProblem

if TYPE_CHECKING:
    from matcalc.codegen.operator_code import OperatorCode

#: The most rows of a matrix that is formed to solve a system; beyond, the system is solved by conjugate
#: gradients. A matrix of this size takes 200 MB.
LARGEST_DENSE = 5000

#: The residual, relative to the right side, that a solution must not exceed. It is of this order only
#: where the matrix is singular to working precision.
RESIDUAL = 1e-3

#: Relative residual at which conjugate gradients stop, in double and in single precision.
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


class Operator:
    """A square derivative at given arrays: a matrix whose rows and columns are the entries of a variable.

    Entries are in the order of ``numpy.ravel``: the last axis of the variable varies fastest. Variables
    that belong to the core are not copied. With JAX an operator is a pytree, so that functions under
    ``jax.jit`` can take and return it.

    Attributes:
        core: the arrays that it consists of.
        variable_shape: the shape of the variable.
        shape: that of the matrix.
    """

    # NumPy must not try ``array @ H`` entry by entry.
    __array_ufunc__ = None

    def __init__(
        self, code: OperatorCode, core: Sequence[Array], sizes: tuple[tuple[str, int], ...]
    ) -> None:
        self.core = tuple(core)
        self._code = code
        self._sizes = sizes
        self.variable_shape = tuple(dim.evaluate(dict(sizes)) for dim in code.dims)
        self.shape = (prod(self.variable_shape),) * 2

    def tree_flatten(self) -> tuple[tuple[Array, ...], Any]:
        """The arrays, and what else makes the operator: JAX's protocol."""
        return self.core, (self._code, self._sizes)

    @classmethod
    def tree_unflatten(cls, rest: Any, core: Sequence[Array]) -> Operator:
        """The operator again."""
        code, sizes = rest
        return cls(code, core, sizes)

    def __repr__(self) -> str:
        arrays = ", ".join(str(tuple(array.shape)) for array in self.core)
        return f"<operator of shape {self.shape}, core {arrays or 'empty'}>"

    def __matmul__(self, v: Any) -> Array:
        """The product with ``v``, which has the variable's shape or is flat; the result has that too."""
        return self._applied("matvec", v)

    def rmatvec(self, v: Any) -> Array:
        """The product of the transposed matrix with ``v``."""
        return self._applied("matvec" if self._code.is_symmetric else "rmatvec", v)

    def solve(self, g: Any) -> Array:
        """The solution ``x`` of ``H @ x = g``, in the shape of ``g``; ``-H.solve(g)`` is Newton's step.

        Small systems where the core tells how; else the matrix is formed. With more than
        ``LARGEST_DENSE`` rows the method of conjugate gradients takes its place, for which the matrix
        must be positive definite.

        Raises:
            ArgumentProblem: the matrix is singular, or large and not positive definite. While JAX
                traces a function nothing can be raised: the result is then not finite, or wrong.
        """
        side = self._code.argument(g, self.variable_shape)
        try:
            if self._code.forms_matrix and self.shape[0] > LARGEST_DENSE:
                x = _conjugate_gradients(self, side, self._code.backend)
            else:
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    x = self._call("solve", side)
        except self._code.library.errors as error:
            raise _singular() from error
        self._check(x, side)
        return x.reshape(g.shape) if hasattr(g, "shape") else x

    def _check(self, x: Array, side: Array) -> None:
        if self._code.backend == "jax" and _is_traced(x):
            return
        with np.errstate(invalid="ignore", over="ignore"):
            residual = abs(self._call("matvec", x) - side)
        # Negated, so that a residual that is not a number is refused too.
        if self.shape[0] and not residual.max() <= RESIDUAL * abs(side).max():
            raise _singular()

    def diagonal(self) -> Array:
        """The diagonal, in the shape of the variable."""
        return self._call("diagonal")

    def todense(self) -> Array:
        """The matrix."""
        return self._call("todense").reshape(self.shape)

    def aslinearoperator(self) -> Any:
        """A ``scipy.sparse.linalg.LinearOperator``, which takes flat arrays; for NumPy.

        Raises:
            UnsupportedProblem: SciPy is not installed, or the arrays are not NumPy's.
        """
        if self._code.backend != "numpy":
            raise UnsupportedProblem("a SciPy operator of arrays that are not NumPy's")
        try:
            from scipy.sparse.linalg import LinearOperator
        except ModuleNotFoundError as error:
            raise not_installed(error) from error
        dtype = np.result_type(1.0 if not self.core else self.core[0], *self.core)
        return LinearOperator(
            self.shape,
            matvec=lambda v: self @ v.ravel(),
            rmatvec=lambda v: self.rmatvec(v.ravel()),
            dtype=dtype,
        )

    def _applied(self, name: str, v: Any) -> Array:
        value = self._call(name, self._code.argument(v, self.variable_shape))
        return value.reshape(v.shape) if hasattr(v, "shape") else value

    def _call(self, name: str, *argument: Array) -> Array:
        return self._code.call(name, self.core, dict(self._sizes), *argument)


def _conjugate_gradients(H: Operator, g: Array, backend: str) -> Array:
    """The solution for a positive definite matrix; with JAX by its own function, which can be traced."""
    if backend == "jax":
        from jax.scipy.sparse import linalg

        solve: Any = linalg.cg
        return solve(H.__matmul__, g, tol=_tolerance(g))[0]
    x, r, p = 0 * g, g, g
    square = (r * r).sum()
    stop = _tolerance(g) ** 2 * square
    for _ in range(H.shape[0]):
        if square <= stop:
            break
        Hp = H @ p
        curvature = (p * Hp).sum()
        if curvature <= 0:
            raise ArgumentProblem(
                f"a system of {H.shape[0]} equations that is not positive definite",
                help="H.todense() is the matrix, H.aslinearoperator() an operator for SciPy's solvers",
            )
        step = square / curvature
        x, r = x + step * p, r - step * Hp
        square, before = (r * r).sum(), square
        p = r + square / before * p
    return x


def _tolerance(array: Array) -> float:
    return TOLERANCE["float32" if "float32" in str(array.dtype) else "float64"]


def _singular() -> ArgumentProblem:
    return ArgumentProblem(
        "the matrix is singular at these arrays, or nearly so",
        help="H.todense() is the matrix; a multiple of the identity added to it makes it regular",
    )


def _is_traced(array: Array) -> bool:
    from jax.core import Tracer

    return isinstance(array, Tracer)


@cache
def register_with_jax() -> None:
    """Make operators pytrees."""
    from jax.tree_util import register_pytree_node_class

    register_pytree_node_class(Operator)
