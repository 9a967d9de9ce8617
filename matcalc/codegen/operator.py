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

from matcalc.codegen.kernels import CHOLESKY
from matcalc.codegen.libraries import Array, not_installed
from matcalc.codegen.minres import minres
from matcalc.errors import ArgumentProblem, UnsupportedProblem

if TYPE_CHECKING:
    from matcalc.codegen.operator_code import OperatorCode

#: The most rows of a matrix that is formed to solve a system; beyond, the method of minimal residuals
#: takes its place. A matrix of this size takes 200 MB.
LARGEST_DENSE = 5000

#: What is smaller than this, relatively, is small: a residual, or the correction of a solution.
SMALL = 1e-3


class Operator:
    """A square derivative at given arrays: a matrix whose rows and columns are the entries of a variable.

    Entries are in the order of ``numpy.ravel``: the last axis of the variable varies fastest. What it is
    applied to has the shape of the variable or is flat, ``(N,)``, and so is the result; several of either
    stand side by side along one more axis, the last, as the columns of a matrix do.

    Its arrays are its own: what becomes of those that it was made from does not change it. With JAX
    an operator is a pytree, so that functions under ``jax.jit`` and ``jax.vmap`` can take and return
    it. With NumPy it has what SciPy's functions ask of an operator, ``scipy.sparse.linalg.cg(H, g)``;
    their arguments are flat.

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
        arrays = ", ".join(str(tuple(array.shape)) for array in self.core if array.shape)
        return f"<operator of shape {self.shape}, core {arrays or 'of numbers'}>"

    @property
    def dtype(self) -> Any:
        """The type of its entries."""
        return self._code.library.result_type(self.core)

    def matvec(self, v: Any) -> Array:
        """The product with ``v``, or with each of several."""
        return self._applied("matvec", "matmat", v)

    __matmul__ = matvec

    def rmatvec(self, v: Any) -> Array:
        """The product of the transposed matrix with ``v``, or with each of several."""
        if self._code.is_symmetric:
            return self.matvec(v)
        return self._applied("rmatvec", "rmatmat", v)

    def __rmatmul__(self, v: Any) -> Array:
        """The product ``v @ H``; of several ``v`` the first axis numbers them, as it does rows."""
        array = self._code.library.arguments({"v": v})["v"]
        shape = tuple(array.shape)
        if shape in (self.variable_shape, self.shape[:1]) or not shape:
            return self.rmatvec(array)
        return self.rmatvec(array.reshape(shape[0], prod(shape[1:])).T).T.reshape(shape)

    def solve(self, g: Any) -> Array:
        """The solution ``x`` of ``H @ x = g``, in the shape of ``g``; ``-H.solve(g)`` is Newton's step.

        Small systems where the core tells how; else the matrix is formed. With more than
        ``LARGEST_DENSE`` rows the method of minimal residuals takes its place, which needs products only.

        Raises:
            ArgumentProblem: the matrix is singular. While JAX traces a function nothing can be raised:
                the result is then not finite, or wrong.
        """
        side, is_block = self._code.argument(g, self.core, self.variable_shape)
        iterates = self._code.forms_matrix and self.shape[0] > LARGEST_DENSE
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            x = self._iterated(side, is_block) if iterates else self._refined(side, is_block)
        return x.reshape(g.shape) if hasattr(g, "shape") else x

    def _refined(self, side: Array, is_block: bool) -> Array:
        """The solution as the core tells it, with one step of iterative refinement where it needs it.

        Where the matrix is singular the correction is as large as what it corrects. A large residual
        alone proves nothing: a diagonal far smaller than what is added to it leaves one.
        """
        name = "solve_block" if is_block else "solve"
        try:
            x = self._call(name, side)
            if self._is_traced(x):
                return x
            residual = self._residual(x, side, is_block)
            # A product with zeros may leave out what is not finite.
            if self._is_small(residual, side, is_block) and bool((x - x == 0).all()):
                return x
            correction = self._call(name, residual)
        except self._code.library.errors as error:
            if not self._code.library.is_undefined(error):
                raise
            raise self._singular() from error
        if not self._is_small(correction, x, is_block):
            raise self._singular()
        return x + correction

    def _iterated(self, side: Array, is_block: bool) -> Array:
        """The solution by products only; with a matrix that is not symmetric, of the normal equations."""
        columns = side.reshape(self.shape[0], -1).T if is_block else [side.reshape(-1)]
        matvec, library = self.matvec, self._code.library
        if not self._code.is_symmetric:
            columns = [self.rmatvec(column) for column in columns]

            def matvec(v: Array) -> Array:
                return self.rmatvec(self @ v)

        found = [minres(matvec, column, library) for column in columns]
        x = (library.module.stack(found, -1) if is_block else found[0]).reshape(side.shape)
        if not self._is_traced(x) and not self._is_small(
            self._residual(x, side, is_block), side, is_block
        ):
            raise ArgumentProblem(
                f"the method of minimal residuals does not solve these {self.shape[0]} equations: "
                "the matrix is singular, or nearly so",
                help="H.todense() is the matrix, H.aslinearoperator() an operator for SciPy's solvers",
            )
        return x

    def _residual(self, x: Array, side: Array, is_block: bool) -> Array:
        return side - self._call("matmat" if is_block else "matvec", x)

    def _is_small(self, part: Array, whole: Array, is_block: bool) -> bool:
        """Whether one is small beside the other, in every system; what is not a number is not."""
        count = whole.shape[-1] if is_block else 1
        columns = (abs(array).reshape(self.shape[0], count).T for array in (part, whole))
        pairs = zip(*columns, strict=True)
        return not self.shape[0] or all(bool(p.max() <= SMALL * w.max()) for p, w in pairs)

    def _is_traced(self, array: Array) -> bool:
        if self._code.backend != "jax":
            return False
        from jax.core import Tracer

        return isinstance(array, Tracer)

    def _singular(self) -> ArgumentProblem:
        # A factorisation for positive definite matrices fails for others too.
        is_definite = CHOLESKY in self._code.generated("solve").operations
        definite = " or not positive definite" if is_definite else ""
        return ArgumentProblem(
            f"the matrix is singular{definite} at these arrays, or nearly so",
            help="H.todense() is the matrix; a multiple of the identity added to it makes it regular",
        )

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
        return LinearOperator(
            self.shape,
            matvec=self.matvec,
            rmatvec=self.rmatvec,
            matmat=self.matvec,
            rmatmat=self.rmatvec,
            dtype=self.dtype,
        )

    def _applied(self, one: str, several: str, v: Any) -> Array:
        array, is_block = self._code.argument(v, self.core, self.variable_shape)
        value = self._call(several if is_block else one, array)
        return value.reshape(v.shape) if hasattr(v, "shape") else value

    def _call(self, name: str, *argument: Array) -> Array:
        return self._code.call(name, self.core, dict(self._sizes), *argument)


@cache
def register_with_jax() -> None:
    """Make operators pytrees."""
    from jax.tree_util import register_pytree_node_class

    register_pytree_node_class(Operator)
