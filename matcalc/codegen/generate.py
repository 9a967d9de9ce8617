"""Readable source code of a function that computes an expression, and the function itself.

The source is free-standing: written to a file it runs with nothing but the array library. Its
parameters are the variables; axes of size 1 are dropped, so that vectors and rows are 1-d and
scalars 0-d. A size that occurs as a number is read off the arrays, or is a parameter where no array
has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from matcalc.codegen.accurate import keep_digits
from matcalc.codegen.arguments import Names, Reading, read_sizes, unread_products
from matcalc.codegen.cases import write_cases
from matcalc.codegen.choose import Case
from matcalc.codegen.code import ATOM, Code
from matcalc.codegen.contractions import contraction
from matcalc.codegen.dialects import DIALECTS, NUMPY, Dialect
from matcalc.codegen.plan import plan
from matcalc.codegen.stabilise import stabilise_all
from matcalc.codegen.without_scipy import has_scipy, without_scipy
from matcalc.codegen.writer import OPERAND_WIDTH, Writer
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, Size, Symbol, operations, postorder, symbols
from matcalc.core.index import IndexExpr
from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from matcalc.ops.constant import UNIT

if TYPE_CHECKING:
    from matcalc.codegen.function import GeneratedFunction

#: Longest line of the text.
LINE_WIDTH = 100

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
        entries: fixed entries ``x[3]``: the size of their axis, and which. JAX would take another one
            where the axis is shorter.
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
    entries: frozenset[tuple[Dim, int]] = frozenset()
    operations: frozenset[Operation] = frozenset()

    @cached_property
    def has_linear_algebra(self) -> bool:
        """Whether it is more than products and functions of the entries."""
        return any(map(DIALECTS[self.backend].has_linear_algebra, self.operations))


def source(
    formulas: Formula | Sequence[Formula],
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
    keys: Sequence[str] = (),
) -> str:
    """Source text of a function that computes a formula, or a tuple of several.

    Args:
        formulas: an expression in matrix form or in index form, or a sequence of such.
        backend: the array library.
        name: name of the function.
        doc: first line of its docstring.
        variables: variables of the problem, in order, that need not occur in the formulas. One of
            them becomes a parameter where only it tells a size that these depend on.
        keys: returned is a dict with these keys, behind the formulas that are more than the keys.

    Raises:
        UnsupportedProblem: there is no code for a function in it.
    """
    return generate(formulas, backend, name, doc, variables, keys).source


def compile_function(
    formulas: Formula | Sequence[Formula],
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
    keys: Sequence[str] = (),
) -> GeneratedFunction:
    """The function itself: it takes arrays by name and checks them. Arguments as for ``source``."""
    # Only here, so that source text can be had without an array library.
    from matcalc.codegen.function import GeneratedFunction

    return GeneratedFunction(
        generate(formulas, backend, name, doc, variables, keys, alone=not has_scipy())
    )


def generate(
    formulas: Formula | Sequence[Formula],
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
    keys: Sequence[str] = (),
    *,
    alone: bool = False,
) -> Generated:
    """Source text and parameters. Arguments as for ``source``.

    With ``alone`` NumPy's code makes do without SciPy, for which every system is solved on its own.
    """
    dialect = DIALECTS.get(backend)
    if dialect is None:
        raise ArgumentProblem(
            f"no code generation for {backend!r}", help="one of: " + ", ".join(DIALECTS)
        )
    is_one = isinstance(formulas, Formula)
    results = [
        contraction(formula, dialect.fuses) if isinstance(formula, IndexExpr) else formula
        for formula in ([formulas] if isinstance(formulas, Formula) else formulas)
    ]
    _refuse_abstract(results)
    results = keep_digits(stabilise_all(results))
    entries = _fixed_entries(results)
    shapes = [_describe(result.axes) for result in results]
    occurring = symbols(*results)
    cases = plan(results, dialect.name, occurring)
    if alone and dialect is NUMPY:
        cases = [Case(case.condition, tuple(without_scipy(case.roots))) for case in cases]
    names = Names()
    function = names.claim(name)
    everything = list(dict.fromkeys([*variables, *occurring]))
    python_names = {symbol: names.claim(symbol.name) for symbol in everything}
    writer = Writer(dialect, names, python_names, unread_products(everything))
    widths = _widths(len(results), keys)
    statements = write_cases(writer, cases, widths, lambda values: _return(values, keys))
    statements = _explained(statements, dialect)

    needed = set(occurring)
    known = [*(s for s in everything if s in needed), *(s for s in everything if s not in needed)]
    readings, missing = read_sizes(writer.used.sizes, known)
    needed.update(reading.axis.symbol for reading in readings)
    prologue = [_read(writer, python_names, reading) for reading in readings]
    if writer.used.like:
        # Of the arrays that are there anyway the one with most axes is the least likely to be given
        # as a number.
        model = max([s for s in known if s in needed] or known, key=lambda s: len(s.axes))
        needed.add(model)
        prologue.append(dialect.prologue.format(python_names[model]))
    arrays = {python_names[s]: s for s in everything if s in needed}
    sizes = {writer.used.sizes[size]: size for size in missing}
    head = f"def {function}({', '.join([*arrays, *sizes])}):"
    body = [_docstring(doc, arrays, sizes, _returned(shapes, keys)), *prologue, *statements]
    text = "\n".join([head, *(f"    {line}" for line in body)])
    pieces = [*(code for _, code in writer.used.helpers.values()), text]
    module = "\n\n\n".join([*_imports(dialect, pieces), *pieces]) + "\n"
    variables_by_name = {python_names[s]: s for s in everything}
    return Generated(
        module,
        function,
        dialect.name,
        arrays,
        frozenset(python_names[s] for s in needed.difference(occurring)),
        sizes,
        variables_by_name,
        is_one,
        tuple(keys),
        entries,
        frozenset(writer.used.operations),
    )


def _explained(statements: Sequence[str], dialect: Dialect) -> list[str]:
    """The statements, with a comment before the first one that a reader would wonder at."""
    for number, line in enumerate(statements):
        if dialect.stored and f"{dialect.stored}(" in line:
            indent = line[: len(line) - len(line.lstrip())]
            return [*statements[:number], indent + dialect.why_stored, *statements[number:]]
    return list(statements)


def _widths(count: int, keys: Sequence[str]) -> list[int]:
    """How long each result may be to stand in the return statement itself."""
    if count == 1 and not keys:
        return [LINE_WIDTH - len("    return ")]
    entries = [LINE_WIDTH - len(f'        "{key}": ,') for key in keys]
    return [OPERAND_WIDTH] * (count - len(keys)) + entries


def _return(results: Sequence[Code], keys: Sequence[str]) -> list[str]:
    """The lines that return the results."""
    values = [result.text for result in results]
    cut = len(values) - len(keys)
    if not keys:
        return [f"return {', '.join(values)}"]
    pairs = [f"    {key!r}: {value}," for key, value in zip(keys, values[cut:], strict=True)]
    opening = "".join(f"{value}, " for value in values[:cut])
    return [f"return {opening}{{", *(pair.replace("'", '"', 2) for pair in pairs), "}"]


def _returned(shapes: Sequence[str], keys: Sequence[str]) -> list[str]:
    """What the docstring says of the results."""
    cut = len(shapes) - len(keys)
    if keys:
        pairs = [f"{key}: {shape}" for key, shape in zip(keys, shapes[cut:], strict=True)]
        return [f"{', '.join([*shapes[:cut], 'a dict'])}", *pairs]
    return [shapes[0] if len(shapes) == 1 else f"a tuple: {', '.join(shapes)}"]


def _imports(dialect: Dialect, pieces: Sequence[str]) -> list[str]:
    """The import lines that the text needs, as one piece of it."""
    lines = [
        line
        for prefix, line in dialect.imports.items()
        if any(_calls(prefix, piece) for piece in pieces)
    ]
    return ["\n".join(lines)] if lines else []


def _fixed_entries(formulas: Sequence[Expr]) -> frozenset[tuple[Dim, int]]:
    """The sizes of axes of which fixed entries are taken, and the numbers of these."""
    units = (node for node in postorder(*formulas) if isinstance(node, Apply) and node.op is UNIT)
    sizes = ([arg.dim for arg in node.args if isinstance(arg, Size)] for node in units)
    return frozenset((dim, entry.coefficient) for dim, entry in sizes if not entry.symbols)


def _calls(prefix: str, piece: str) -> bool:
    # The expression alone would look at every character of a long text.
    return f"{prefix}." in piece and bool(re.search(rf"(?<![\w.]){prefix}\.", piece))


def _refuse_abstract(formulas: Sequence[Expr]) -> None:
    abstract = [op.name for op in operations(*formulas) if op is not None and op.is_abstract]
    if abstract:
        raise UnsupportedProblem(
            f"there is no code for {min(abstract)}: only its shapes are known",
            help="write out the function that it stands for",
        )


def _read(writer: Writer, names: dict[Symbol, str], reading: Reading) -> str:
    """The statement that reads a size off an array."""
    length = f"{names[reading.axis.symbol]}.shape[{reading.axis.position}]"
    divisor = writer.size(reading.divisor)
    if divisor.text != "1":
        length = f"{length} // {divisor.at(ATOM)}"
    if reading.power == 2:
        length = f"math.isqrt({length})"
    return f"{writer.size(Dim.of(reading.size)).text} = {length}"


def _docstring(
    doc: str | None, arrays: dict[str, Symbol], sizes: dict[str, str], returned: Sequence[str]
) -> str:
    first = doc or "Compute the expression that this function was generated from."
    lines = [first, ""] if arrays or sizes else [first]
    lines += [f"{name}: {_describe(symbol.axes)}" for name, symbol in arrays.items()]
    lines += [f"{name}: the size {size}" for name, size in sizes.items()]
    first, *others = returned
    lines += ["", f"Returns: {first}", *(f"    {line}" for line in others)]
    text = "\n".join(f"    {line}" if line else "" for line in lines).strip()
    return '"""' + text.replace("\\", "\\\\").replace('"""', "'''") + '\n    """'


def _describe(dims: tuple[Dim, ...]) -> str:
    """A shape as NumPy prints it."""
    if not dims:
        return "a scalar"
    inside = ", ".join(" * ".join(str(dim).split()) for dim in dims)
    return f"array of shape ({inside},)" if len(dims) == 1 else f"array of shape ({inside})"
