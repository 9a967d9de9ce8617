"""The pipeline on one screen: text, reading, derivative, layout, result."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, overload

from matcalc.backends import text as printer
from matcalc.core.expr import Apply, Expr, Symbol, postorder, symbols
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative, by_name, written_out
from matcalc.errors import ArgumentProblem, LimitProblem, NameProblem, UnsupportedProblem
from matcalc.ops import by_call
from matcalc.passes.chain_rule import Definitions, total_derivative
from matcalc.passes.conditions import conditions
from matcalc.passes.differentiate import derivatives
from matcalc.passes.elaborate import Reading
from matcalc.passes.elaborate import parse as elaborate
from matcalc.passes.layout import LAYOUTS, Arranged, arrange
from matcalc.passes.measure import measure
from matcalc.passes.shorten import shorten
from matcalc.passes.structure import CONVENTIONS, STRUCTURAL, structured_derivative
from matcalc.report import declaration, factors, one_line, unused_name
from matcalc.syntax.names import is_name, normal_name

__all__ = ["CONVENTIONS", "LAYOUTS", "MAX_ORDER", "diff", "differentiate", "parse", "read"]

MAX_ORDER = 12

#: Size beyond which conditions are stated in terms of the definitions of the text.
READABLE = 15

#: Size beyond which they do not show what they are about.
LONGEST = 200

#: Largest order that a message shows: Python refuses to write numbers of thousands of digits.
MAX_SHOWN = 10**9

Expr.printer = printer.format_program


@overload
def diff(
    expr: Any, wrt: str, *, shapes: Any = ..., assume: Any = ..., layout: str | None = ...,
    order: int | None = ..., structured: str | None = ..., keep: str | Sequence[str] | None = ...,
) -> Derivative: ...  # fmt: skip


@overload
def diff(
    expr: Any, wrt: Sequence[str], *, shapes: Any = ..., assume: Any = ..., layout: str | None = ...,
    order: int | None = ..., structured: str | None = ..., keep: str | Sequence[str] | None = ...,
) -> dict[str, Derivative]: ...  # fmt: skip


def diff(
    expr: Any,
    wrt: str | Sequence[str],
    *,
    shapes: Any = None,
    assume: Any = None,
    layout: str | None = "mixed",
    order: int | None = 1,
    structured: str | None = "ambient",
    keep: str | Sequence[str] | None = None,
) -> Derivative | dict[str, Derivative]:
    """The derivative of an expression by a variable.

    Args:
        expr: text such as ``"W x + b"``, an expression from ``parse``, or one of SymPy.
        wrt: name of the variable, or several; then a dict of derivatives comes back.
        shapes: shapes by name: ``()``, ``"n"``, ``("m", "n")``, numbers from 1 too.
        assume: a property or several by name, ``{"A": "symmetric"}``.
        layout: ``mixed``, ``numerator``, ``denominator``, ``tensor`` or ``vec``.
        order: how often to differentiate, 1 to 12.
        structured: what the derivative by a variable with structure means: ``ambient``,
            ``tangent`` or ``independent``.
        keep: name of a definition in the text, or several, by which the answer is written:
            ``∇L(z) x'`` for ``"z = W x + b; L(z)"``. ``expr`` stays in terms of variables.

    Raises:
        MatcalcError: what is wrong with the input, where, and what to do about it.
    """
    reading = read(expr, shapes, assume, keep)
    names = _names("wrt", wrt)
    found = differentiate(reading, names, layout=layout, order=order, structured=structured)
    return found[names[0]] if isinstance(wrt, str) else found


def parse(text: str, *, shapes: Any = None, assume: Any = None) -> Expr:
    """The expression that a text means. ``parse(str(e)) is e``."""
    if not isinstance(text, str):
        raise ArgumentProblem(f"text must be a string, not {_kind(text)}")
    expr = read(text, shapes, assume).expr
    if expr is None:
        raise UnsupportedProblem(
            "this has no matrix form, and an expression is one",
            help="diff takes the text itself",
        )
    return expr


def read(expr: Any, shapes: Any = None, assume: Any = None, keep: Any = None) -> Reading:
    """An expression with the kind and shape of everything in it."""
    names = [normal_name(name.strip()) for name in _names("keep", keep)] if keep else []
    reading = _read(expr, shapes, assume, names)
    for name in names:
        if name not in reading.definitions:
            known = ", ".join(reading.definitions) or "none"
            raise NameProblem(
                f"{name} is not defined in the text",
                details=(f"its definitions are {known}",),
                help="keep names of definitions, as z in z = W x + b; L(z)",
            )
    return reading


def _read(expr: Any, shapes: Any, assume: Any, keep: Sequence[str]) -> Reading:
    if isinstance(expr, str):
        return elaborate(expr, shapes, assume, keep=keep)
    if isinstance(expr, Expr):
        return elaborate(_program(expr), shapes, assume)
    # Whoever passes an expression of SymPy has imported it.
    sympy = sys.modules.get("sympy")
    if sympy is not None and isinstance(expr, sympy.Basic | sympy.MatrixBase):
        from matcalc.backends.sympy_import import from_sympy

        return elaborate(_program(from_sympy(expr)[0]), shapes, assume)
    raise ArgumentProblem(
        f"expr must be text or an expression, not {_kind(expr)}",
        help='write the expression as text, such as "x\' A x"',
    )


def _program(expr: Expr) -> str:
    """A text that reads as the expression, with everything declared: contradictions will show."""
    for symbol in symbols(expr):
        if not is_name(symbol.name) or (by_call(symbol.name) and symbol.name != "σ"):
            raise NameProblem(
                f"a symbol with the name {symbol.name!r} cannot be written in a text",
                details=("names are Latin or Greek letters with digits and subscripts",),
                help="give the symbol another name, such as W1",
            )
    return "; ".join([*map(declaration, symbols(expr)), str(expr)])


def differentiate(
    reading: Reading,
    names: Sequence[str],
    *,
    layout: str | None = None,
    order: int | None = None,
    structured: str | None = None,
) -> dict[str, Derivative]:
    """Derivatives of what was read, by the name of the variable. Arguments as for ``diff``."""
    layout = _choice("layout", layout, LAYOUTS)
    structured = _choice("structured", structured, CONVENTIONS)
    times = _order(order)
    variables = {name: _variable(reading, name) for name in names}
    if reading.expr is not None:
        # One sweep for all; what needs its own treatment finds the others' work memoised.
        plain = [v for v in variables.values() if not v.properties & STRUCTURAL]
        derivatives(reading.expr, plain)
    return {
        name: _derivative(reading, variable, layout, times, structured)
        for name, variable in variables.items()
    }


def _derivative(
    reading: Reading, wrt: Symbol, layout: str, order: int, structured: str
) -> Derivative:
    plain = _answer(reading, wrt, layout, order, structured)
    if reading.named is None or plain.is_zero:
        return plain
    definitions = _definitions(reading.named)
    if not definitions:
        return plain
    named = by_name(_answer(reading.named, wrt, layout, order, structured, definitions))
    parts = _shown_parts(written_out(named).arranged)
    words = _in_the_words_of(reading)
    found = conditions(factors(plain.f), parts, wrt, order, words)
    return replace(plain, named=replace(named, conditions=found))


def _answer(
    reading: Reading,
    wrt: Symbol,
    layout: str,
    order: int,
    structured: str,
    definitions: Definitions | None = None,
) -> Derivative:
    """The derivative in terms of the variables, and of the names that are kept."""
    f = _function(reading)
    names = definitions or {}
    notes = list(reading.notes)
    if isinstance(f, Expr):
        tensor = structured_derivative(f, wrt, order, structured, names)
        arranged = _shortened(arrange(tensor, f.shape, wrt.shape, order, layout))
        if layout == "vec" and arranged.expr is None:
            arranged = _shortened(arrange(tensor, f.shape, wrt.shape, order, "tensor"))
            notes.append("no vec form was found; this is the tensor")
    else:
        tensor = _differentiate_index(f, wrt, order, names)
        # vec is defined for matrices.
        arranged = replace(arrange(tensor, f.dims, wrt.shape, order, "tensor"), vec=None)
    return Derivative(
        f=f,
        wrt=wrt,
        order=order,
        arranged=arranged,
        tensor=tensor,
        structured=structured,
        symbols={**reading.variables, **{name.name: name for name in names}},
        function_name=_function_name(reading, f),
        conditions=conditions(
            factors(f), _shown_parts(arranged), wrt, order, _in_the_words_of(reading)
        ),
        notes=notes,
        definitions=names,
    )


def _definitions(reading: Reading) -> Definitions:
    """The definitions that are kept and that the function depends on, in their order."""
    found: dict[Symbol, Expr] = {}
    needed = set(symbols(*factors(_function(reading))))
    for name, value in reversed(reading.definitions.items()):
        symbol = reading.kept.get(name)
        if symbol in needed:
            assert symbol is not None
            found[symbol] = value
            needed.update(symbols(value))
    return dict(reversed(found.items()))


def _shortened(arranged: Arranged) -> Arranged:
    """Matrix and vec form in the shortest form found."""
    expr, vec = (e if e is None else shorten(e) for e in (arranged.expr, arranged.vec))
    return replace(arranged, expr=expr, vec=vec)


def _shown_parts(arranged: Arranged) -> list[Expr]:
    """The expressions that the answer as it is shown is made of."""
    matrix = factors(arranged.index) if arranged.expr is None else [arranged.expr]
    return matrix if arranged.vec is None else [*matrix, arranged.vec]


def _in_the_words_of(reading: Reading) -> Callable[[Expr], str | None]:
    """How parts of a function are printed: what is long by the names that the text defines."""
    names = {value: name for name, value in reading.definitions.items() if value.args}
    return lambda e: printer.format_part(e, names if measure(e) > READABLE else {}, LONGEST)


def _function_name(reading: Reading, f: Expr | IndexExpr) -> str:
    """The name that the text defines the function by, else ``f`` or one like it."""
    for name, value in reading.definitions.items():
        if value is f:
            return name
    functions = {node.op.name for node in postorder(*factors(f)) if isinstance(node, Apply)}
    kept = () if reading.named is None else reading.named.kept
    return unused_name("f", [*reading.variables, *reading.sizes, *functions, *kept, *reading.kept])


def _differentiate_index(
    f: IndexExpr, wrt: Symbol, order: int, definitions: Definitions
) -> IndexExpr:
    if wrt.properties & STRUCTURAL:
        raise UnsupportedProblem(
            f"{wrt.name} has structure, and the function has no matrix form",
            help="declare it without structure, or write the function in matrix form",
        )
    return total_derivative(f, wrt, order, definitions)


def _function(reading: Reading) -> Expr | IndexExpr:
    f = reading.index if reading.expr is None else reading.expr
    assert f is not None
    return f


def occurring(reading: Reading) -> list[str]:
    """The names of the variables in the expression, in order of first appearance."""
    found = [symbol.name for symbol in symbols(*factors(_function(reading)))]
    if not found:
        raise ArgumentProblem("the expression has no variables", help="name one to get a zero")
    return found


def describe(reading: Reading) -> list[str]:
    """The reading, a line for every variable and definition, and for the expression."""
    lines = [declaration(symbol) for symbol in reading.variables.values()]
    lines += [f"{name} = {_with_shape(value)}" for name, value in reading.definitions.items()]
    f = _function(reading)
    if not any(f is value for value in reading.definitions.values()):
        lines.append(_with_shape(f))
    return [*lines, *(f"note: {note}" for note in reading.notes)]


def _with_shape(f: Expr | IndexExpr) -> str:
    if isinstance(f, IndexExpr):
        return f"{printer.format_index_left('f', f)}: {printer.format_shape(f.dims)}"
    return f"{one_line(f)}: {printer.format_shape(f.shape)}"


# ---------------------------------------------------------------------- arguments


def _names(argument: str, value: object) -> list[str]:
    """The names in an argument, as they were given."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ArgumentProblem(f"{argument} must be a name or a list of names, not {_kind(value)}")
    if not names:
        raise ArgumentProblem(f"{argument} is an empty list", help="name a variable")
    for name in names:
        if not isinstance(name, str):
            raise ArgumentProblem(f"{argument} must hold names, not {_kind(name)}")
    return list(names)


def _variable(reading: Reading, name: str) -> Symbol:
    """The variable of this name, in whichever spelling."""
    normal = normal_name(name.strip())
    if normal in reading.variables:
        return reading.variables[normal]
    if normal in reading.sizes:
        raise NameProblem(f"{name} is a size, and derivatives are by variables")
    if normal in reading.definitions:
        raise NameProblem(
            f"{name} is defined in the text, and derivatives are by variables",
            help=f"differentiate by what {name} is made of, or remove its definition",
        )
    if not is_name(name.strip()):
        raise NameProblem(
            f"{name!r} is not the name of a variable",
            details=(f"the variables are {', '.join(reading.variables) or 'none'}",),
            help="name one variable, or several as a list",
        )
    if normal in ("π", "I", "eye"):
        what = "a number" if normal == "π" else "the identity matrix"
        raise NameProblem(f"{name} is {what}, and derivatives are by variables")
    if normal in reading.letters:
        raise NameProblem(
            f"{name} is an index, and derivatives are by variables",
            details=(f"the variables are {', '.join(reading.variables) or 'none'}",),
            help=f"[{name}] behind a name is a subscript, E[{name}] entry {name} of E; for a function"
            f" of {name} use round brackets and declare it: E: n -> scalar; E({name})",
        )
    if by_call(normal) or normal in reading.functions:
        raise NameProblem(f"{name} is a function, and derivatives are by variables")
    near = [v for v in reading.variables if v.lower() == normal.lower()]
    near += get_close_matches(normal, reading.variables, n=1, cutoff=0.5)
    raise NameProblem(
        f"there is no variable {name}",
        details=(f"the variables are {', '.join(reading.variables) or 'none'}",),
        help=f"did you mean {near[0]} ?"
        if near
        else f"declare it for a derivative of zero, such as {name}: n",
    )


def _choice(argument: str, value: object, choices: Sequence[str]) -> str:
    """The value, or the first choice for None."""
    if value is None:
        return choices[0]
    if not isinstance(value, str):
        raise ArgumentProblem(f"{argument} must be a string, not {_kind(value)}")
    if value not in choices:
        near = get_close_matches(value, choices, n=1)
        raise ArgumentProblem(
            f"{value!r} is not a choice for {argument}",
            details=(f"there are {', '.join(choices)}",),
            help=f"did you mean {near[0]} ?" if near else None,
        )
    return value


def _order(value: Any) -> int:
    if value is None:
        return 1
    wrong = ArgumentProblem(
        f"order must be a whole number from 1 to {MAX_ORDER}, not {_kind(value)}"
    )
    if isinstance(value, bool):
        raise wrong
    try:
        order = operator.index(value)
    except TypeError:
        raise wrong from None
    if order < 1:
        shown = order if order > -MAX_SHOWN else "a large negative number"
        raise ArgumentProblem(f"order must be from 1 to {MAX_ORDER}, not {shown}")
    if order > MAX_ORDER:
        shown = f"order {order}" if order < MAX_SHOWN else "the order"
        raise LimitProblem(f"{shown} is more than the limit of {MAX_ORDER}")
    return order


def _kind(value: object) -> str:
    """A value of the wrong type, as messages name it."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
