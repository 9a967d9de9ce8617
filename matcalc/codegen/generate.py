"""Readable source code of a function that computes an expression, and the function itself.

The source is free-standing: written to a file it runs with nothing but the array library. Its
parameters are the variables; axes of size 1 are dropped, so that vectors and rows are 1-d and
scalars 0-d. A size that occurs as a number is read off the arrays, or is a parameter where no array
has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict, Unpack

from matcalc.codegen.accurate import keep_digits
from matcalc.codegen.body import write_body
from matcalc.codegen.choose import Case
from matcalc.codegen.contractions import contraction
from matcalc.codegen.dialects import DIALECTS, NUMPY, Dialect
from matcalc.codegen.exponentials import share_exponentials
from matcalc.codegen.module_text import module_text
from matcalc.codegen.plan import plan
from matcalc.codegen.stabilise import stabilise_all
from matcalc.codegen.without_scipy import has_scipy, without_scipy
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, Size, Symbol, operations, postorder, symbols
from matcalc.core.index import IndexExpr
from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from matcalc.ops.constant import UNIT

if TYPE_CHECKING:
    from matcalc.codegen.function import GeneratedFunction

#: What is computed: an expression in matrix form or in index form.
Formula = Expr | IndexExpr


@dataclass(frozen=True)
class Generated:
    """Source text of a function, and what a caller must know to call it.

    Attributes:
        source: the text of a module with the one function.
        name: the function's name.
        backend: the array library.
        arrays: the function's parameters that are variables, by their Python names.
        shapes_only: those among them of which only the shape and the type matter.
        sizes: the function's parameters that are sizes no array has, by their Python names.
        variables: every variable that may be given, by its Python name.
        is_one: whether the function returns one array, and not a tuple.
        keys: if given, the last results are returned as a dict with these keys.
        entries: fixed entries ``x[3]``: the size of their axis, and which, in the order in which they
            are met. JAX would take another one where the axis is shorter.
        operations: what its code computes.
    """

    source: str
    name: str
    backend: str
    arrays: dict[str, Symbol]
    shapes_only: frozenset[str]
    sizes: dict[str, str]
    variables: dict[str, Symbol]
    is_one: bool = True
    keys: tuple[str, ...] = ()
    entries: tuple[tuple[Dim, int], ...] = ()
    operations: frozenset[Operation] = frozenset()

    @cached_property
    def has_linear_algebra(self) -> bool:
        """Whether it is more than products and functions of the entries."""
        return any(map(DIALECTS[self.backend].has_linear_algebra, self.operations))


class Wording(TypedDict, total=False):
    """How a function presents itself.

    Attributes:
        name: its name, by default ``derivative``.
        doc: first line of its docstring.
        variables: variables of the problem, in order, that need not occur in the formulas. One of
            them becomes a parameter where only it tells a size that these depend on.
        keys: returned is a dict with these keys, behind the formulas that are more than the keys.
    """

    name: str
    doc: str | None
    variables: Sequence[Symbol]
    keys: Sequence[str]


def source(
    formulas: Formula | Sequence[Formula], backend: str = "numpy", **wording: Unpack[Wording]
) -> str:
    """Source text of a function that computes a formula, or a tuple of several.

    Raises:
        UnsupportedProblem: there is no code for a function in it.
    """
    return generate(formulas, backend, **wording).source


def compile_function(
    formulas: Formula | Sequence[Formula], backend: str = "numpy", **wording: Unpack[Wording]
) -> GeneratedFunction:
    """The function itself: it takes arrays by name and checks them. Raises as ``source`` does."""
    # Only here, so that source text can be had without an array library.
    from matcalc.codegen.function import GeneratedFunction

    return GeneratedFunction(generate(formulas, backend, alone=not has_scipy(), **wording))


def generate(
    formulas: Formula | Sequence[Formula],
    backend: str = "numpy",
    *,
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
    keys: Sequence[str] = (),
    alone: bool = False,
) -> Generated:
    """Source text and parameters.

    Args:
        formulas: what is computed: one result, or a tuple of several.
        backend: the array library.
        name: see ``Wording``.
        doc: see ``Wording``.
        variables: see ``Wording``.
        keys: see ``Wording``.
        alone: whether NumPy's code makes do without SciPy, for which every system is solved on its own.

    Raises:
        UnsupportedProblem: there is no code for a function in it.
    """
    dialect = _dialect(backend)
    is_one = isinstance(formulas, Formula)
    results = _stable([formulas] if isinstance(formulas, Formula) else formulas, dialect)
    occurring = symbols(*results)
    cases = plan(results, dialect, occurring)
    if dialect is NUMPY:
        cases = [Case(case.condition, tuple(share_exponentials(case.roots))) for case in cases]
    if alone and dialect is NUMPY:
        cases = [Case(case.condition, tuple(without_scipy(case.roots))) for case in cases]
    is_needed = dict.fromkeys(variables, False) | dict.fromkeys(occurring, True)
    body = write_body(cases, dialect, name, is_needed, keys)
    return Generated(
        source=module_text(body, dialect, doc, [result.axes for result in results], keys),
        name=body.name,
        backend=dialect.name,
        arrays=body.arrays,
        shapes_only=frozenset(
            name for name, symbol in body.arrays.items() if not is_needed[symbol]
        ),
        sizes=body.sizes,
        variables=body.variables,
        is_one=is_one,
        keys=tuple(keys),
        entries=_fixed_entries(results),
        operations=frozenset(body.used.operations),
    )


def _dialect(backend: str) -> Dialect:
    if backend not in DIALECTS:
        raise ArgumentProblem(
            f"no code generation for {backend!r}", help="one of: " + ", ".join(DIALECTS)
        )
    return DIALECTS[backend]


def _stable(formulas: Sequence[Formula], dialect: Dialect) -> list[Expr]:
    """The formulas as expressions, in forms that neither overflow nor cancel."""
    contracted = [
        contraction(formula, dialect.fuses) if isinstance(formula, IndexExpr) else formula
        for formula in formulas
    ]
    _refuse_abstract(contracted)
    return keep_digits(stabilise_all(contracted))


def _refuse_abstract(formulas: Sequence[Expr]) -> None:
    abstract = [op.name for op in operations(*formulas) if op is not None and op.is_abstract]
    if abstract:
        raise UnsupportedProblem(
            f"there is no code for {min(abstract)}: only its shapes are known",
            help="write out the function that it stands for",
        )


def _fixed_entries(formulas: Sequence[Expr]) -> tuple[tuple[Dim, int], ...]:
    """The sizes of axes of which fixed entries are taken, and the numbers of these."""
    units = (node for node in postorder(*formulas) if isinstance(node, Apply) and node.op is UNIT)
    sizes = ([arg.dim for arg in node.args if isinstance(arg, Size)] for node in units)
    found = ((dim, entry.coefficient) for dim, entry in sizes if not entry.symbols)
    return tuple(dict.fromkeys(found))
