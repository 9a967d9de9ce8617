"""The code of Hessians, and of other square derivatives, as operators that hold their core only.

What the core is, and how a system is solved, follows from the index form of the derivative
(``core_form.py``, ``solve_core.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from matcalc.codegen.core_form import Core, core_form
from matcalc.codegen.function import GeneratedFunction, load
from matcalc.codegen.generate import Formula, Generated, generate
from matcalc.codegen.libraries import Array, Library, library
from matcalc.codegen.operator import Operator, register_with_jax
from matcalc.codegen.solve_core import Solution, solution
from matcalc.core.dim import Dim
from matcalc.core.expr import Constant, Expr, Symbol, symbols
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem, ShapeProblem, UnsupportedProblem


class OperatorFunction:
    """Takes the variables by name as arrays and returns the operator there.

    Attributes:
        source: source text of its functions: ``core`` computes the arrays that the others take.
    """

    def __init__(
        self,
        tensor: IndexExpr,
        wrt: Symbol,
        backend: str,
        doc: str,
        variables: Sequence[Symbol],
        is_symmetric: bool,
    ) -> None:
        if tensor.dims != wrt.axes * 2:
            raise UnsupportedProblem(
                "an operator of a derivative whose result has another shape than its argument",
                help="operators are of square derivatives: Hessians of scalar functions, and "
                "Jacobians of functions that keep the shape",
            )
        taken = {
            name for s in variables for name in (s.name, *(d for n in s.shape for d in n.symbols))
        }
        self.code = OperatorCode(
            core_form(tensor, taken), backend, doc, is_symmetric, frozenset(taken)
        )
        arrays = [self.code.core.values.get(s, s) for s in self.code.arrays]
        formulas = arrays if len(arrays) > 1 else [*arrays, Constant(0)][0]
        self._core = GeneratedFunction(
            generate(formulas, backend, "core", f"The core of {doc}.", variables)
        )

    @property
    def source(self) -> str:
        """The text of a module."""
        core = [self._core.source] if self.code.arrays else []
        return _joined([*core, *(g.source for g in self.code.generated.values())])

    def __call__(self, /, **arrays: Any) -> Operator:
        """The operator at these arrays, which are given by name.

        Raises:
            ArgumentProblem: an argument is missing, unknown or not numeric, or a matrix is singular.
            ShapeProblem: an array has the wrong number of axes, or arrays disagree on a size.
        """
        found, _, sizes = self._core.evaluate(arrays)
        missing = sorted(self.code.sizes - sizes.keys())
        if missing:
            raise ArgumentProblem(
                f"missing argument: the size {missing[0]}",
                help="give it as a number, or an array that has it",
            )
        if self.code.backend == "jax":
            register_with_jax()
        core = found if self.code.arrays else ()
        return Operator(self.code, core, tuple(sizes.items()))


@dataclass(frozen=True, eq=False)
class OperatorCode:
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

    @cached_property
    def arrays(self) -> list[Symbol]:
        """The variables of the core, and what else the solution of a system is found from."""
        found = self._solution.value
        roots = (
            [found] if isinstance(found, Expr) else [f.expr for t in found.terms for f in t.factors]
        )
        unknown = self._argument("g")
        needed = [symbol for symbol in symbols(*roots) if symbol is not unknown]
        return list(dict.fromkeys([*self.core.arrays, *needed]))

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
    def forms_matrix(self) -> bool:
        """Whether ``solve`` forms the whole matrix."""
        return self._solution.is_dense

    @cached_property
    def _solution(self) -> Solution:
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
        variables = list(self.arrays)
        if name in arguments:
            variables.append(self._argument(arguments[name]))
        return generate(self.formulas[name], self.backend, name, doc, variables)

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {name: load(generated) for name, generated in self.generated.items()}

    def argument(self, value: Any, shape: tuple[int, ...]) -> Array:
        """An argument as an array of the variable's shape.

        Raises:
            ShapeProblem: it has another shape, and is not flat either.
        """
        array = self.library.arguments({"v": value})["v"]
        if tuple(array.shape) not in (shape, (prod(shape),)):
            raise ShapeProblem(
                f"an argument of shape {tuple(array.shape)} for an operator on arrays of {shape}"
            )
        return array.reshape(shape)

    def call(
        self, name: str, core: Sequence[Array], sizes: Mapping[str, int], *argument: Array
    ) -> Array:
        """The value of a function at a core and, where it takes one, an argument."""
        generated = self.generated[name]
        values = dict(zip(self.arrays, core, strict=True))
        arrays = [values[s] if s in values else argument[0] for s in generated.arrays.values()]
        numbers = [sizes[size] for size in generated.sizes.values()]
        found = self._functions[name](*arrays, *numbers)
        return self.library.results((found,), (*core, *argument))[0]


def _joined(modules: Sequence[str]) -> str:
    """Modules as one: every import and every helper function once."""
    pieces = [piece for module in modules for piece in module.strip().split("\n\n\n")]
    imports = [line for p in pieces if p.startswith("import ") for line in p.splitlines()]
    functions = [piece for piece in pieces if not piece.startswith("import ")]
    head = ["\n".join(dict.fromkeys(imports))] if imports else []
    return "\n\n\n".join([*head, *dict.fromkeys(functions)]) + "\n"
