"""The code of Hessians, and of other square derivatives, as operators that hold their core only.

What the core is, and how a system is solved, follows from the index form of the derivative
(``core_form.py``, ``solve_core.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from matcalc.codegen.arrays import shape_of
from matcalc.codegen.core_form import Core, Side, core_form
from matcalc.codegen.function import load
from matcalc.codegen.generate import Formula, Generated, compile_function, generate
from matcalc.codegen.libraries import library
from matcalc.codegen.library import Array, Library
from matcalc.codegen.operator import Operator
from matcalc.codegen.solve_core import Solution, solution
from matcalc.codegen.without_scipy import has_scipy
from matcalc.core.dim import SCALAR, Dim
from matcalc.core.expr import Constant, Expr, Symbol, symbols
from matcalc.core.index import Index, IndexExpr
from matcalc.errors import ArgumentProblem, ShapeProblem, UnsupportedProblem

#: Stands for the core where this has no arrays.
LIKE = Symbol("like", SCALAR)


@dataclass(frozen=True)
class Function:
    """A function of the core.

    Attributes:
        doc: the first line of its docstring.
        formula: what it computes, given the core and the arguments.
        arguments: the names of what it takes besides the core, one letter each; a capital is several of
            them side by side, along its last axis.
    """

    doc: str
    formula: Callable[..., Formula]
    arguments: str = ""


def _solved(core: Core, side: Side) -> Formula:
    return solution(core, side).value


#: What stands behind the methods of ``Operator``.
FUNCTIONS = {
    "matvec": Function("The product of {H} and v.", Core.applied_to, "v"),
    "matmat": Function(
        "The products of {H} and what stands along the last axis of V.", Core.applied_to, "V"
    ),
    "rmatvec": Function("The product of the transpose of {H} and v.", Core.adjoint_to, "v"),
    "rmatmat": Function(
        "The products of the transpose of {H} and what stands along the last axis of V.",
        Core.adjoint_to,
        "V",
    ),
    "solve": Function("The solution x of H x = g, where H is {H}.", _solved, "g"),
    "solve_block": Function(
        "The solutions of H x = g, where H is {H}, for all g along the last axis of G.",
        _solved,
        "G",
    ),
    "diagonal": Function("The diagonal of {H}.", lambda core: core.diagonal),
    "todense": Function("{H} as an array.", lambda core: core.dense),
}


class OperatorFunction:
    """Takes the variables by name as arrays and returns the operator there.

    Attributes:
        source: source text of its functions of one array: ``core`` computes what the others take.
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
        core = core_form(tensor, taken)
        self.code = OperatorCode(core, backend, doc, is_symmetric, frozenset(taken))
        arrays = [core.values.get(s, s) for s in self.code.arrays if s is not LIKE]
        formulas = arrays if len(arrays) > 1 else [*arrays, Constant(1)][0]
        self._core = compile_function(
            formulas, backend, name="core", doc=f"The core of {doc}.", variables=variables
        )

    @property
    def source(self) -> str:
        """The text of a module."""
        core = [] if LIKE in self.code.arrays else [self._core.source]
        return _joined([*core, *(self.code.generated(name).source for name in self.code.single)])

    def __call__(self, /, **arrays: Any) -> Operator:
        """The operator at these arrays, which are given by name.

        Raises:
            ArgumentProblem: an argument is missing, unknown or not numeric, or a matrix is singular.
            ShapeProblem: an array has the wrong number of axes, or arrays disagree on a size.
        """
        core, sizes = self._core.with_sizes(arrays)
        missing = sorted(self.code.sizes - sizes.keys())
        if missing:
            raise ArgumentProblem(
                f"missing argument: the size {missing[0]}",
                help="give it as a number, or an array that has it",
            )
        self.code.library.register(Operator)
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
    _generated: dict[str, Generated] = field(default_factory=dict, init=False)
    _functions: dict[str, Callable[..., Any]] = field(default_factory=dict, init=False)

    @cached_property
    def library(self) -> Library:
        """The array library at run time."""
        return library(self.backend)

    @cached_property
    def arrays(self) -> list[Symbol]:
        """The variables of the core, and what else the solution of a system is found from.

        Where there are none, as in the Hessian of ``norm2(X)^2``, a number that has the type of the
        given arrays.
        """
        found = self._solution.value
        roots = (
            [found] if isinstance(found, Expr) else [f.expr for t in found.terms for f in t.factors]
        )
        unknown = self._side("g").symbol
        needed = [symbol for symbol in symbols(*roots) if symbol is not unknown]
        return list(dict.fromkeys([*self.core.arrays, *needed])) or [LIKE]

    @cached_property
    def dims(self) -> tuple[Dim, ...]:
        """The axes of the argument."""
        return tuple(index.dim for index in self.core.columns)

    @cached_property
    def sizes(self) -> set[str]:
        """The sizes of those axes."""
        return {name for dim in self.dims for name in dim.symbols}

    @property
    def single(self) -> list[str]:
        """The names of the functions of at most one array besides the core."""
        names = ["matvec", "diagonal", "todense", "solve"]
        return names if self.is_symmetric else [*names, "rmatvec"]

    @property
    def forms_matrix(self) -> bool:
        """Whether ``solve`` forms the whole matrix."""
        return self._solution.is_dense

    @property
    def solves_all(self) -> bool:
        """Whether ``solve`` is defined wherever the matrix is regular."""
        return self._solution.is_general

    @cached_property
    def _solution(self) -> Solution:
        return solution(self.core, self._side("g"))

    def _side(self, name: str) -> Side:
        """The argument of this name; ``V`` and ``G`` are several side by side."""
        symbol = self._free_name(name)
        block = (Index(Dim.of(self._free_name("k"))),) if name.isupper() else ()
        dims = (*self.dims, *(index.dim for index in block))
        return Side(Symbol(symbol, shape_of(dims)), block)

    def _free_name(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        return name

    def generated(self, name: str) -> Generated:
        """The code of a function, which is generated when it is first wanted."""
        if name not in self._generated:
            self._generated[name] = self._generate(name)
        return self._generated[name]

    def _generate(self, name: str) -> Generated:
        function = FUNCTIONS[name]
        sides = [self._side(argument) for argument in function.arguments]
        return generate(
            function.formula(self.core, *sides),
            self.backend,
            name=name,
            doc=function.doc.format(H=self.doc),
            variables=[*self.arrays, *(side.symbol for side in sides)],
            alone=not has_scipy(),
        )

    def _function(self, name: str) -> Callable[..., Any]:
        if name not in self._functions:
            self._functions[name] = load(self.generated(name), self.library)
        return self._functions[name]

    def argument(
        self, value: Any, core: Sequence[Array], shape: tuple[int, ...]
    ) -> tuple[Array, bool]:
        """An argument with the variable's axes, and whether another axis follows, for several of them.

        Raises:
            ShapeProblem: it has another shape, and is not flat either.
        """
        array = self.library.beside("v", value, core)
        given, flat = tuple(array.shape), (prod(shape),)
        if given in (shape, flat):
            return array.reshape(shape), False
        if given[:-1] in (shape, flat):
            return array.reshape((*shape, given[-1])), True
        raise ShapeProblem(
            f"an argument of shape {given} for an operator on arrays of {shape}",
            help=f"it takes these, vectors of {flat[0]} entries, and several of either along one more axis",
        )

    def call(
        self, name: str, core: Sequence[Array], sizes: Mapping[str, int], *argument: Array
    ) -> Array:
        """The value of a function at a core and, where it takes one, an argument."""
        generated = self.generated(name)
        values = dict(zip(self.arrays, core, strict=True))
        arrays = [values[s] if s in values else argument[0] for s in generated.arrays.values()]
        if generated.has_linear_algebra:
            self.library.refuse_precision(arrays)
        numbers = [sizes[size] for size in generated.sizes.values()]
        found = self._function(name)(*arrays, *numbers)
        return self.library.results((found,), (*core, *argument))[0]


def _joined(modules: Sequence[str]) -> str:
    """Modules as one: every import and every helper function once."""
    pieces = [piece for module in modules for piece in module.strip().split("\n\n\n")]
    imports = [line for p in pieces if p.startswith("import ") for line in p.splitlines()]
    functions = [piece for piece in pieces if not piece.startswith("import ")]
    head = ["\n".join(dict.fromkeys(imports))] if imports else []
    return "\n\n\n".join([*head, *dict.fromkeys(functions)]) + "\n"
