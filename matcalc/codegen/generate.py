"""Readable source code of a function that computes an expression, and the function itself.

The source is free-standing: written to a file it runs with nothing but the array library. Its
parameters are the variables; axes of size 1 are dropped, so that vectors and rows are 1-d and
scalars 0-d. A size that occurs as a number is read off the arrays, or is a parameter where no array
has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matcalc.codegen.arguments import Names, Reading, read_sizes, unread_products
from matcalc.codegen.contractions import write_index_expr
from matcalc.codegen.writer import ATOM, Dialect, Writer
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, Symbol, postorder
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem, UnsupportedProblem

if TYPE_CHECKING:
    from matcalc.codegen.function import NumpyFunction

NUMPY = Dialect(
    name="numpy",
    module="np",
    imports={
        "np": "import numpy as np",
        "math": "import math",
        "scipy.linalg": "import scipy.linalg",
    },
    template=lambda op: op.numpy,
)

#: The array libraries by name. A further one is one more entry.
DIALECTS: dict[str, Dialect] = {NUMPY.name: NUMPY}


@dataclass(frozen=True)
class Generated:
    """Source text of a function, and what a caller must know to call it.

    Attributes:
        source: the text of a module with the one function.
        name: the function's name.
        arrays: the function's parameters that are variables, by their Python names.
        sizes: the function's parameters that are sizes no array has, by their Python names.
        variables: every variable that may be given, by its Python name.
    """

    source: str
    name: str
    arrays: dict[str, Symbol]
    sizes: dict[str, str]
    variables: dict[str, Symbol]


def source(
    expr: Expr | IndexExpr,
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
) -> str:
    """Source text of a function that computes ``expr``.

    Args:
        expr: an expression in matrix form or in index form.
        backend: the array library.
        name: name of the function.
        doc: first line of its docstring.
        variables: variables of the problem, in order, that need not occur in ``expr``. One of them
            becomes a parameter where only it tells a size that ``expr`` depends on.

    Raises:
        UnsupportedProblem: there is no code for a function in it.
    """
    return generate(expr, backend, name, doc, variables).source


def compile_function(
    expr: Expr | IndexExpr,
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
) -> NumpyFunction:
    """The function itself: it takes arrays by name and checks them. Arguments as for ``source``."""
    # Only here, so that source text can be had without NumPy.
    from matcalc.codegen.function import NumpyFunction

    return NumpyFunction(generate(expr, backend, name, doc, variables))


def generate(
    expr: Expr | IndexExpr,
    backend: str = "numpy",
    name: str = "derivative",
    doc: str | None = None,
    variables: Sequence[Symbol] = (),
) -> Generated:
    """Source text and parameters. Arguments as for ``source``."""
    dialect = DIALECTS.get(backend)
    if dialect is None:
        raise ArgumentProblem(
            f"no code generation for {backend!r}", help="one of: " + ", ".join(DIALECTS)
        )
    _refuse_abstract(expr)
    names = Names()
    function = names.claim(name)
    occurring = _variables(expr)
    everything = list(dict.fromkeys([*variables, *occurring]))
    python_names = {symbol: names.claim(symbol.name) for symbol in everything}
    writer = Writer(dialect, names, python_names, unread_products(everything))
    if isinstance(expr, IndexExpr):
        result, dims = write_index_expr(writer, expr), expr.dims
    else:
        (result,), dims = writer.write([expr]), expr.axes

    known = [
        *(s for s in everything if s in occurring),
        *(s for s in everything if s not in occurring),
    ]
    readings, missing = read_sizes(writer.sizes, known)
    needed = {*occurring, *(reading.axis.symbol for reading in readings)}
    arrays = {python_names[s]: s for s in everything if s in needed}
    sizes = {writer.sizes[size]: size for size in missing}
    prologue = [_read(writer, python_names, reading) for reading in readings]
    body = [
        _docstring(doc, arrays, sizes, dims),
        *prologue,
        *writer.statements,
        f"return {result.text}",
    ]
    head = f"def {function}({', '.join([*arrays, *sizes])}):"
    text = "\n".join([head, *(f"    {line}" for line in body)])
    helpers = [code for _, code in writer.helpers.values()]
    pieces = [*helpers, text]
    imports = [
        line for prefix, line in dialect.imports.items() if any(f"{prefix}." in p for p in pieces)
    ]
    module = "\n\n\n".join(["\n".join(imports), *pieces] if imports else pieces) + "\n"
    return Generated(module, function, arrays, sizes, {python_names[s]: s for s in everything})


def _nodes(expr: Expr | IndexExpr) -> Iterator[Expr]:
    roots = [expr] if isinstance(expr, Expr) else [f.expr for t in expr.terms for f in t.factors]
    return postorder(*roots)


def _refuse_abstract(expr: Expr | IndexExpr) -> None:
    for node in _nodes(expr):
        if isinstance(node, Apply) and node.op.is_abstract:
            raise UnsupportedProblem(
                f"there is no code for {node.op.name}: only its shapes are known",
                help="write out the function that it stands for",
            )


def _variables(expr: Expr | IndexExpr) -> list[Symbol]:
    return [node for node in _nodes(expr) if isinstance(node, Symbol)]


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
    doc: str | None, arrays: dict[str, Symbol], sizes: dict[str, str], dims: tuple[Dim, ...]
) -> str:
    first = doc or "Compute the expression that this function was generated from."
    lines = [first, ""] if arrays or sizes else [first]
    lines += [f"{name}: {_describe(symbol.axes)}" for name, symbol in arrays.items()]
    lines += [f"{name}: the size {size}" for name, size in sizes.items()]
    lines += ["", f"Returns: {_describe(dims)}"]
    text = "\n".join(f"    {line}" if line else "" for line in lines).strip()
    return '"""' + text.replace("\\", "\\\\").replace('"""', "'''") + '\n    """'


def _describe(dims: tuple[Dim, ...]) -> str:
    """A shape as NumPy prints it."""
    if not dims:
        return "a scalar"
    inside = ", ".join(" * ".join(str(dim).split()) for dim in dims)
    return f"array of shape ({inside},)" if len(dims) == 1 else f"array of shape ({inside})"
