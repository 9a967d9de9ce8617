"""The pipeline on one screen: text, reading, derivative, layout, result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, overload

from matcalc.arguments import choice, kind, names_in, order_of, variable
from matcalc.backends import text as printer
from matcalc.core.dim import ONE, describe_shape
from matcalc.core.expr import Expr, Symbol, symbols
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative
from matcalc.errors import ArgumentProblem, NameProblem, ShapeProblem, UnsupportedProblem
from matcalc.gradients import Derivatives, Gradients
from matcalc.ops import by_call
from matcalc.passes.chain_rule import Definitions, total_derivative
from matcalc.passes.conditions import may_be_nowhere
from matcalc.passes.differentiate import derivatives
from matcalc.passes.elaborate import Reading
from matcalc.passes.elaborate import parse as elaborate
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.layout import LAYOUTS
from matcalc.passes.structure import (
    CONVENTIONS,
    check_requirements,
    structured_derivative,
)
from matcalc.report import declaration, factors, one_line
from matcalc.syntax.names import is_name, normal_name
from matcalc.wording import function

__all__ = ["CONVENTIONS", "LAYOUTS", "diff", "differentiate", "grad", "parse", "read"]

Expr.printer = printer.format_program


@overload
def diff(
    expr: Any, wrt: str, *, shapes: Any = ..., assume: Any = ..., layout: str | None = ...,
    order: int | None = ..., structured: str | None = ..., keep: str | Sequence[str] | None = ...,
) -> Derivative: ...  # fmt: skip


@overload
def diff(
    expr: Any, wrt: Sequence[str] | None = ..., *, shapes: Any = ..., assume: Any = ..., layout: str | None = ...,
    order: int | None = ..., structured: str | None = ..., keep: str | Sequence[str] | None = ...,
) -> dict[str, Derivative]: ...  # fmt: skip


def diff(
    expr: Any,
    wrt: str | Sequence[str] | None = None,
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
        wrt: name of the variable, or several; then a dict of derivatives comes back. All that
            occur if none is given.
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
    names = occurring(reading) if wrt is None else names_in("wrt", wrt)
    found = differentiate(reading, names, layout=layout, order=order, structured=structured)
    return found[names[0]] if isinstance(wrt, str) else found


def grad(
    expr: Any,
    names: str | Sequence[str] | None = None,
    *,
    shapes: Any = None,
    assume: Any = None,
    structured: str | None = "ambient",
    keep: str | Sequence[str] | None = None,
) -> Gradients:
    """The gradients of a scalar function by several variables, from one sweep.

    Args:
        expr: as for ``diff``.
        names: of the variables; all that occur if none is given.
        shapes: as for ``diff``.
        assume: as for ``diff``.
        structured: as for ``diff``.
        keep: as for ``diff``.

    Raises:
        MatcalcError: what is wrong with the input, where, and what to do about it.
    """
    reading = read(expr, shapes, assume, keep)
    return gradients(reading, None if names is None else names_in("names", names), structured)


def parse(text: str, *, shapes: Any = None, assume: Any = None) -> Expr:
    """The expression that a text means. ``parse(str(e)) is e``."""
    if not isinstance(text, str):
        raise ArgumentProblem(f"text must be a string, not {kind(text)}")
    expr = read(text, shapes, assume).expr
    if expr is None:
        raise UnsupportedProblem(
            "this has no matrix form, and an expression is one",
            help="diff takes the text itself",
        )
    return expr


def read(
    expr: Any, shapes: Any = None, assume: Any = None, keep: Any = None, *, argument: str = "expr"
) -> Reading:
    """An expression with the kind and shape of everything in it.

    Args:
        expr: as for ``diff``.
        shapes: as for ``diff``.
        assume: as for ``diff``.
        keep: as for ``diff``.
        argument: what a message calls the expression if it is none.
    """
    none = keep is None or (isinstance(keep, list | tuple) and not keep)
    names = [] if none else [normal_name(name.strip()) for name in names_in("keep", keep)]
    reading = _read(argument, expr, shapes, assume, names)
    for name in names:
        if name not in reading.definitions:
            known = ", ".join(reading.definitions) or "none"
            raise NameProblem(
                f"{name or repr(name)} is not defined in the text",
                details=(f"its definitions are {known}",),
                help="keep names of definitions, as z in z = W x + b; L(z)",
            )
    return reading


def _read(argument: str, expr: Any, shapes: Any, assume: Any, keep: Sequence[str]) -> Reading:
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
        f"{argument} must be text or an expression, not {kind(expr)}",
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
    layout = choice("layout", layout, LAYOUTS)
    structured = choice("structured", structured, CONVENTIONS)
    times = order_of(order)
    variables = {name: variable(reading, name) for name in names}
    _sweep(reading, variables.values())
    return Derivatives(
        (name, _derivative(reading, wrt, layout, times, structured))
        for name, wrt in variables.items()
    )


def gradients(
    reading: Reading, names: Sequence[str] | None = None, structured: str | None = None
) -> Gradients:
    """Gradients of what was read, by all variables that occur if none is named. As for ``grad``."""
    f = function(reading)
    axes = f.axes if isinstance(f, Expr) else f.dims
    if axes:
        raise ShapeProblem(
            f"a gradient is of a scalar, and the function is {describe_shape((*axes, ONE, ONE)[:2])}",
            help="diff gives its derivative by one variable",
        )
    convention = choice("structured", structured, CONVENTIONS)
    spellings: dict[Symbol, str] = {}
    for name in names or occurring(reading):
        spellings.setdefault(variable(reading, name), name)
    plain = _sweep(reading, spellings)
    return Gradients(
        reading,
        {name: v for v, name in spellings.items()},
        {v: plain.get(v) or _tensor(reading, v, 1, convention, {}) for v in spellings},
        lambda wrt: _derivative(reading, wrt, LAYOUTS[0], 1, convention),
        convention,
    )


def _sweep(reading: Reading, variables: Iterable[Symbol]) -> dict[Symbol, IndexExpr]:
    """First derivatives at once by what needs no treatment of its own; they are memoised."""
    if reading.expr is None:
        return {}
    check_requirements(reading.expr)
    return derivatives(reading.expr, [v for v in variables if not v.properties & STRUCTURAL])


def _derivative(
    reading: Reading, wrt: Symbol, layout: str, order: int, structured: str
) -> Derivative:
    plain = _answer(reading, wrt, layout, order, structured)
    if reading.named is None or plain.is_zero:
        return plain
    definitions = _definitions(reading.named)
    if not definitions:
        return plain
    return plain.replace(kept=_answer(reading.named, wrt, layout, order, structured, definitions))


def _answer(
    reading: Reading,
    wrt: Symbol,
    layout: str,
    order: int,
    structured: str,
    definitions: Definitions | None = None,
) -> Derivative:
    """The derivative in terms of the variables, and of the names that are kept."""
    names = definitions or {}
    tensor = _tensor(reading, wrt, order, structured, names)
    f = function(reading)
    found = Derivative(f, wrt, order, tensor, layout, structured, reading, names)
    if not names and may_be_nowhere(factors(f)):
        # Refused here, and not when it is shown.
        assert found.conditions is not None
    return found


def _tensor(
    reading: Reading, wrt: Symbol, order: int, structured: str, definitions: Definitions
) -> IndexExpr:
    """The derivative in tensor convention."""
    f = function(reading)
    if isinstance(f, Expr):
        return structured_derivative(f, wrt, order, structured, definitions)
    if wrt.properties & STRUCTURAL:
        raise UnsupportedProblem(
            f"{wrt.name} has structure, and the function has no matrix form",
            help="declare it without structure, or write the function in matrix form",
        )
    return total_derivative(f, wrt, order, definitions)


def _definitions(reading: Reading) -> Definitions:
    """The definitions that are kept and that the function depends on, in their order."""
    found: dict[Symbol, Expr] = {}
    needed = set(symbols(*factors(function(reading))))
    for name, value in reversed(reading.definitions.items()):
        symbol = reading.kept.get(name)
        if symbol in needed:
            assert symbol is not None
            found[symbol] = value
            needed.update(symbols(value))
    return dict(reversed(found.items()))


def occurring(reading: Reading) -> list[str]:
    """The names of the variables in the expression, in order of first appearance."""
    found = [symbol.name for symbol in symbols(*factors(function(reading)))]
    if not found:
        raise ArgumentProblem("the expression has no variables", help="name one to get a zero")
    return found


def describe(reading: Reading) -> list[str]:
    """The reading, a line for every variable and definition, and for the expression."""
    lines = [declaration(symbol) for symbol in reading.variables.values()]
    lines += [f"{name} = {_with_shape(value)}" for name, value in reading.definitions.items()]
    f = function(reading)
    if not any(f is value for value in reading.definitions.values()):
        lines.append(_with_shape(f))
    return [*lines, *(f"note: {note}" for note in reading.notes)]


def _with_shape(f: Expr | IndexExpr) -> str:
    if isinstance(f, IndexExpr):
        return f"{printer.format_index_left('f', f)}: {printer.format_shape(f.dims)}"
    return f"{one_line(f)}: {printer.format_shape(f.shape)}"
