"""Hessians, and other square derivatives, at given arrays, as operators that hold their core only.

``H = d.operator("numpy")(**arrays)`` computes the core; ``H @ v``, ``H.solve(g)``, ``H.diagonal()`` and
``H.todense()`` are functions of it, which ``operator_code.py`` generates.
JAX and SciPy are imported by the methods that need them, since either may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from matcalc.codegen.kernels import CHOLESKY
from matcalc.codegen.libraries import not_installed
from matcalc.codegen.library import Array
from matcalc.codegen.minres import Found, minres
from matcalc.errors import ArgumentProblem, UnsupportedProblem

if TYPE_CHECKING:
    from matcalc.codegen.operator_code import OperatorCode

Map = Callable[[Array], Array]

#: The most rows of a matrix that is formed to solve a system; beyond, the method of minimal residuals
#: takes its place. A matrix of this size takes 200 MB.
LARGEST_DENSE = 5000

#: A correction of a solution that is larger than this, relatively, corrects nothing: the matrix is
#: singular. A residual tells less of that: with a condition number κ it is κ times the precision.
LARGEST_CORRECTION = 1e-3

#: How often a solution is corrected at most.
CORRECTIONS = 3


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

    def solve(self, g: Any, *, tolerance: float | None = None, steps: int | None = None) -> Array:
        """The solution ``x`` of ``H @ x = g``, in the shape of ``g``; ``-H.solve(g)`` is Newton's step.

        Small systems where the core tells how; else the matrix is formed. With more than
        ``LARGEST_DENSE`` rows the method of minimal residuals takes its place, which needs products only.

        Args:
            g: the right side, or several.
            tolerance: the residual, relative to ``g``, at which that method stops: 1e-10, in single
                precision 1e-5.
            steps: how many it makes at most: 20 for each row.

        Raises:
            ArgumentProblem: the matrix is singular, or the method does not converge. While JAX traces a
                function nothing can be raised: the result is then not finite, or wrong.
        """
        side, is_block = self._code.argument(g, self.core, self.variable_shape)
        is_large = self.shape[0] > LARGEST_DENSE
        solve = partial(self._call, "solve_block" if is_block else "solve")
        of_the_whole = partial(self._iterated, is_block=is_block, tolerance=tolerance, steps=steps)
        if not is_large:
            of_the_whole = partial(self._dense, is_block=is_block)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if is_large and self._code.forms_matrix:
                x = of_the_whole(side)
            elif self._code.library.is_traced([side, *self.core]):
                x = self._traced(solve, of_the_whole, side, is_block)
            else:
                x, is_solved = self._refined(solve, side, is_block)
                if not self._code.solves_all and (x is None or not (is_solved or is_large)):
                    x = self._better(x, of_the_whole(side), side, is_block)
                if x is None:
                    raise self._singular()
        return x.reshape(g.shape) if hasattr(g, "shape") else x

    def _refined(self, solve: Map, side: Array, is_block: bool) -> tuple[Array | None, bool]:
        """The solution, corrected until its residual is small, and whether that is.

        A residual is small that is less than the square root of the precision: what remains to be gained
        is half of the digits at most. With a condition number beyond the inverse of that it never is, so
        that it takes another measure to tell what is singular: there, None is returned, a correction is
        as large as what it corrects.
        """
        x = None
        try:
            x = solve(side)
            for _ in range(CORRECTIONS):
                residual = self._residual(x, side, is_block)
                if self._is_solved(x, residual, side, is_block):
                    return x, True
                correction = solve(residual)
                if not self._is_small(correction, x, LARGEST_CORRECTION, is_block):
                    return None, False
                x = x + correction
        except self._code.library.errors as error:
            if not self._code.library.is_undefined(error):
                raise
            return None, False
        return x, bool(self._is_solved(x, self._residual(x, side, is_block), side, is_block))

    def _traced(self, solve: Map, of_the_whole: Map, side: Array, is_block: bool) -> Array:
        """The same in a function that JAX traces, where values decide nothing before it runs."""
        if self._code.solves_all:
            return solve(side)
        from jax.lax import cond, custom_linear_solve

        def checked(_: Map, side: Array) -> Array:
            x = solve(side)
            x = x + solve(self._residual(x, side, is_block))
            return cond(
                self._is_solved(x, self._residual(x, side, is_block), side, is_block),
                lambda: x,
                lambda: self._better(x, of_the_whole(side), side, is_block),
            )

        if not self._code.is_symmetric:
            return checked(self.matvec, side)
        # Derivatives are those of the system: what divides by zero has none, nor has an iteration.
        product = partial(self._call, "matmat" if is_block else "matvec")
        return custom_linear_solve(product, side, checked, symmetric=True)

    def _better(
        self, one: Array | None, other: Array | None, side: Array, is_block: bool
    ) -> Array | None:
        """Of two solutions the one with the smaller residual."""
        if one is None or other is None:
            return other if one is None else one
        module = self._code.library.module
        # What is not a number is not smaller.
        left, right = (module.amax(abs(self._residual(x, side, is_block))) for x in (one, other))
        return module.where(left < right, one, other)

    def _dense(self, side: Array, is_block: bool) -> Array | None:
        """The solution by the whole matrix; None where it is singular."""
        matrix, linalg = self.todense(), self._code.library.module.linalg
        self._code.library.refuse_precision([matrix])

        def solve(right: Array) -> Array:
            flat = right.reshape(self.shape[0], -1) if is_block else right.reshape(-1)
            return linalg.solve(matrix, flat).reshape(right.shape)

        if self._code.library.is_traced([side, matrix]):
            return solve(side)
        return self._refined(solve, side, is_block)[0]

    def _iterated(
        self, side: Array, is_block: bool, tolerance: float | None, steps: int | None
    ) -> Array:
        """The solution by products only; with a matrix that is not symmetric, of the normal equations."""
        columns = side.reshape(self.shape[0], -1).T if is_block else [side.reshape(-1)]
        is_symmetric, library = self._code.is_symmetric, self._code.library
        found = [
            minres(
                self.matvec,
                column,
                library,
                adjoint=None if is_symmetric else self.rmatvec,
                diagonal=self.diagonal().reshape(-1) if is_symmetric else None,
                tolerance=tolerance,
                steps=steps,
            )
            for column in columns
        ]
        if library.is_traced([side, *self.core]):
            # What no error can tell.
            solved = [library.module.where(f.is_solution, f.x, np.nan) for f in found]
        else:
            solved = [f.x for f in found]
            for f in found:
                if not bool(f.is_solution):
                    raise self._not_converged(f)
        return (library.module.stack(solved, -1) if is_block else solved[0]).reshape(side.shape)

    def _residual(self, x: Array, side: Array, is_block: bool) -> Array:
        return side - self._call("matmat" if is_block else "matvec", x)

    def _is_solved(self, x: Array, residual: Array, side: Array, is_block: bool) -> Array:
        precision = self._code.library.module.finfo(side.dtype).eps
        # A product with zeros may leave out what is not finite.
        is_finite = (x - x == 0).all()
        return is_finite & self._is_small(residual, side, precision**0.5, is_block)

    def _is_small(self, part: Array, whole: Array, ratio: float, is_block: bool) -> Array:
        """Whether one is small beside the other, in every system; what is not a number is not."""
        if not self.shape[0]:
            return True
        largest = self._code.library.module.amax
        count = whole.shape[-1] if is_block else 1
        p, w = (largest(abs(a).reshape(self.shape[0], count), 0) for a in (part, whole))
        return (p <= ratio * w).all()

    def _singular(self) -> ArgumentProblem:
        # A factorisation for positive definite matrices fails for others too.
        is_definite = CHOLESKY in self._code.generated("solve").operations
        definite = " or not positive definite" if is_definite else ""
        return ArgumentProblem(
            f"the matrix is singular{definite} at these arrays, or nearly so",
            help="H.todense() is the matrix; a multiple of the identity added to it makes it regular",
        )

    def _not_converged(self, found: Found) -> ArgumentProblem:
        return ArgumentProblem(
            f"the method of minimal residuals did not converge in {int(found.steps)} steps (relative "
            f"residual {float(found.residual):.1e}): the matrix is singular, or nearly so",
            help="solve(g, tolerance=..., steps=...) asks for less, or for more steps; H.todense() is "
            "the matrix, H.aslinearoperator() an operator for SciPy's solvers",
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
