"""Hessians, and other square derivatives, as operators that hold their core only.

``H = d.operator("numpy")(**arrays)`` computes the core; ``H @ v``, ``H.solve(g)``, ``H.diagonal()`` and
``H.todense()`` are functions of it. What the core is, and how a system is solved, follows from the index
form of the derivative (``core_form.py``, ``solve_core.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from matcalc.codegen.core_form import Core, core_form
from matcalc.codegen.function import GeneratedFunction, load
from matcalc.codegen.generate import Formula, Generated, generate
from matcalc.codegen.libraries import Array, Library, library
from matcalc.codegen.solve_core import solution
from matcalc.core.dim import Dim
from matcalc.core.expr import Constant, Symbol
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem, ShapeProblem, UnsupportedProblem

#: The most rows of a matrix that is formed to solve a system; beyond, the system is solved by conjugate
#: gradients. A matrix of this size takes 200 MB.
LARGEST_DENSE = 5000

#: The residual, relative to the right side, that a solution must not exceed. It is of this order only
#: where the matrix is singular to working precision.
RESIDUAL = 1e-3

#: Relative residual at which conjugate gradients stop, in double and in single precision.
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


class OperatorFunction:
    """Takes the variables by name as arrays and returns the operator there.

    Attributes:
        source: source text of its functions: ``core`` computes the arrays that the others take.
    """

    def __init__(
        self,
        tensor: IndexExpr,
        backend: str,
        doc: str,
        variables: Sequence[Symbol],
        is_symmetric: bool,
    ) -> None:
        half = len(tensor.free) // 2
        if tensor.dims[:half] != tensor.dims[half:]:
            raise UnsupportedProblem(
                "an operator of a derivative whose result has another shape than its argument",
                help="operators are of square derivatives: Hessians of scalar functions, and "
                "Jacobians of functions that keep the shape",
            )
        taken = {name for s in variables for name in (s.name, *(d for n in s.shape for d in n.symbols))}
        self.methods = Methods(core_form(tensor, taken), backend, doc, is_symmetric, frozenset(taken))
        arrays = [self.methods.values.get(s, s) for s in self.methods.core.arrays]
        self._core = GeneratedFunction(
            generate(arrays or [Constant(0)], backend, "core", f"The core of {doc}.", variables)
        )

    @property
    def source(self) -> str:
        """The text of a module."""
        core = [self._core.source] if self.methods.core.arrays else []
        return _joined([*core, *(g.source for g in self.methods.generated.values())])

    def __call__(self, **arrays: Any) -> Operator:
        """The operator at these arrays, which are given by name.

        Raises:
            ArgumentProblem: an argument is missing, unknown or not numeric, or a matrix is singular.
            ShapeProblem: an array has the wrong number of axes, or arrays disagree on a size.
        """
        found, sizes = self._core.evaluate(arrays)
        missing = sorted(self.methods.sizes - sizes.keys())
        if missing:
            raise ArgumentProblem(
                f"missing argument: the size {missing[0]}",
                help="give it as a number, or an array that has it",
            )
        core = found if self.methods.core.arrays else ()
        return self.methods.library.operator(Operator)(self.methods, core, tuple(sizes.items()))


@dataclass(frozen=True, eq=False)
class Methods:
    """The functions of an operator's core.

    Attributes:
        core: the operator in index notation.
        backend: the array library.
        doc: what the operator is.
        is_symmetric: whether it is its own transpose.
        taken: names that no parameter may have.
    """

    core: Core
    backend: str
    doc: str
    is_symmetric: bool
    taken: frozenset[str]

    @cached_property
    def library(self) -> Library:
        """The array library at run time."""
        return library(self.backend)

    @property
    def values(self) -> Mapping[Symbol, Any]:
        """What is computed for each array of the core that is no variable of the problem."""
        return self.core.values

    @cached_property
    def dims(self) -> tuple[Dim, ...]:
        """The axes of the argument."""
        return tuple(index.dim for index in self.core.columns)

    @cached_property
    def sizes(self) -> set[str]:
        """The sizes of those axes."""
        return {name for dim in self.dims for name in dim.symbols}

    @cached_property
    def formulas(self) -> dict[str, Formula]:
        """What each function computes."""
        core = self.core
        formulas: dict[str, Formula] = {
            "matvec": core.applied_to(self._argument("v")),
            "diagonal": core.diagonal,
            "todense": core.dense,
            "solve": self._solution.value,
        }
        if not self.is_symmetric:
            formulas["rmatvec"] = core.adjoint_to(self._argument("v"))
        return formulas

    @property
    def needs_matrix(self) -> bool:
        """Whether ``solve`` forms the whole matrix."""
        return self._solution.is_dense

    @cached_property
    def _solution(self) -> Any:
        return solution(self.core, self._argument("g"))

    def _argument(self, name: str) -> Symbol:
        while name in self.taken:
            name += "_"
        dims = self.dims
        shape = dims if len(dims) == 2 else (*dims, Dim(), Dim())[:2]
        return Symbol(name, shape)

    @cached_property
    def generated(self) -> dict[str, Generated]:
        """The code of each function."""
        docs = {
            "matvec": f"The product of {self.doc} and v.",
            "rmatvec": f"The product of the transpose of {self.doc} and v.",
            "diagonal": f"The diagonal of {self.doc}.",
            "todense": f"{self.doc} as an array.",
            "solve": f"The solution x of H x = g, where H is {self.doc}.",
        }
        return {name: self._generate(name, docs[name]) for name in self.formulas}

    def _generate(self, name: str, doc: str) -> Generated:
        arguments = {"matvec": "v", "rmatvec": "v", "solve": "g"}
        variables = list(self.core.arrays)
        if name in arguments:
            variables.append(self._argument(arguments[name]))
        return generate(self.formulas[name], self.backend, name, doc, variables)

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {name: load(generated) for name, generated in self.generated.items()}

    def call(
        self, name: str, core: Sequence[Array], sizes: Mapping[str, int], *argument: Array
    ) -> Array:
        """The value of a function at a core and, where it takes one, an argument."""
        generated = self.generated[name]
        values = dict(zip(self.core.arrays, core, strict=True))
        arrays = [values[s] if s in values else argument[0] for s in generated.arrays.values()]
        numbers = [sizes[size] for size in generated.sizes.values()]
        found = self._functions[name](*arrays, *numbers)
        given = {str(k): array for k, array in enumerate((*core, *argument))}
        return self.library.results((found,), given)[0]


class Operator:
    """A square derivative at given arrays: a matrix whose rows and columns are the entries of a variable.

    Entries are in the order of ``numpy.ravel``: the last axis of the variable varies fastest. It is a
    JAX pytree, so that functions under ``jax.jit`` can take and return it.

    Attributes:
        core: the arrays that it consists of.
        variable_shape: the shape of the variable.
        shape: that of the matrix.
    """

    # NumPy leaves ``array @ H`` to this class, which has no such product, instead of trying itself.
    __array_ufunc__ = None

    def __init__(
        self, methods: Methods, core: Sequence[Array], sizes: tuple[tuple[str, int], ...]
    ) -> None:
        self.core = tuple(core)
        self._methods = methods
        self._sizes = sizes
        self.variable_shape = tuple(dim.evaluate(dict(sizes)) for dim in methods.dims)
        self.shape = (prod(self.variable_shape),) * 2

    def __repr__(self) -> str:
        arrays = ", ".join(str(tuple(array.shape)) for array in self.core)
        return f"<operator of shape {self.shape}, core {arrays or 'empty'}>"

    def __matmul__(self, v: Any) -> Array:
        """The product with ``v``, which has the variable's shape or is flat; so has the result."""
        return self._applied("matvec", v)

    @property
    def T(self) -> Transposed:
        """The transpose."""
        return Transposed(self)

    def rmatvec(self, v: Any) -> Array:
        """The product of the transpose with ``v``."""
        return self._applied("matvec" if self._methods.is_symmetric else "rmatvec", v)

    def solve(self, g: Any) -> Array:
        """The solution ``x`` of ``H @ x = g``, with the shape of ``g``: Newton's step is ``-H.solve(g)``.

        Where the core tells how, by small systems; else the matrix is formed, and beyond
        5000 rows the method of conjugate gradients is used, which wants it to be positive definite.

        Raises:
            ArgumentProblem: the matrix is singular, or too large and not positive definite. Within
                ``jax.jit`` that cannot be found out, and the result has entries that are not finite.
        """
        if self._methods.needs_matrix and self.shape[0] > LARGEST_DENSE:
            x = self._methods.library.conjugate_gradients(self.__matmul__, self._argument(g))
        else:
            x = self._applied("solve", g)
        residual = abs(self @ x - self._argument(g)).max() if self.shape[0] else 0
        small = residual <= RESIDUAL * abs(self._argument(g)).max() if self.shape[0] else True
        if self._methods.library.holds(small) is False:
            raise _singular()
        return x

    def diagonal(self) -> Array:
        """The diagonal, in the shape of the variable."""
        value = self._call("diagonal")
        return value + self._methods.library.zeros(self.variable_shape, value)

    def todense(self) -> Array:
        """The matrix, rows and columns in the order of ``numpy.ravel``."""
        return self._call("todense").reshape(self.shape)

    def aslinearoperator(self) -> Any:
        """A ``scipy.sparse.linalg.LinearOperator``.

        Raises:
            UnsupportedProblem: SciPy is not installed, or the arrays are not NumPy's.
        """
        return self._methods.library.linear_operator(self)
