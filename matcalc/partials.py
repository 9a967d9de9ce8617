"""Derivatives that a claim mentions by name: ``∂L/∂z`` in ``x (∂L/∂z)``.

What is differentiated, and by what, are names of the problem: an abstract function at its only argument
in the text, a definition, the function itself; a definition or a variable. How such a derivative is
arranged is for the layout of the claim to say, so all layouts are tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count

from matcalc.core.expr import Apply, Expr, Symbol, postorder, substitute
from matcalc.errors import Span, UnsupportedProblem
from matcalc.passes.differentiate import derivative
from matcalc.passes.elaborate import Reading
from matcalc.passes.layout import arrange
from matcalc.passes.simplify import simplify
from matcalc.report import factors
from matcalc.syntax.names import WORD, normal_name
from matcalc.wording import function, function_name

#: The layouts that differ for derivatives without a third axis, the usual one first.
LAYOUTS = ("mixed", "numerator", "denominator")

_QUOTIENT = re.compile(rf"(?P<d>[∂d])(?P<f>{WORD})[ \t]*/[ \t]*(?P=d)(?P<x>{WORD})")


@dataclass(frozen=True)
class Partials:
    """A text with names in the places of such derivatives, as long as these, and what they stand for.

    Attributes:
        text: the text with the names.
        values: by layout, what each name stands for.
    """

    text: str
    values: dict[str, dict[Symbol, Expr]]


def name_partials(text: str, reading: Reading, taken: frozenset[str]) -> Partials:
    """Put names in the places of all derivatives of and by names of a problem.

    Raises:
        UnsupportedProblem: one has more than two axes.
    """
    if _QUOTIENT.search(text) is None:
        return Partials(text, {})
    named = reading.by_names
    found = Partials(text, {layout: {} for layout in LAYOUTS})
    for match in _QUOTIENT.finditer(text):
        above, below = (normal_name(match[group]) for group in "fx")
        whole, by = _named(above, named), {**named.variables, **named.kept}.get(below)
        if whole is None or by is None:
            continue
        value = _opened(whole, named, by)
        if by not in postorder(value):
            continue
        name = _placeholder(len(match.group()), {*taken, *(s.name for s in found.values["mixed"])})
        for layout, values in found.values.items():
            e = arrange(derivative(value, by), value.shape, by.shape, 1, layout).expr
            if e is None:
                raise UnsupportedProblem(
                    f"{match.group()} has no matrix form",
                    span=Span(*match.span()),
                    source=text,
                    help="write its entries in index notation",
                )
            values[Symbol(name, e.shape)] = simplify(_opened(e, named))
        masked = found.text[: match.start()] + name + found.text[match.end() :]
        found = Partials(masked, found.values)
    return found


def _placeholder(length: int, taken: set[str]) -> str:
    """A name of this length, so that carets stay in place: ``g_001`` for ``∂L/∂z``."""
    names = (f"g_{k:0{length - 2}}" for k in count(1))
    return next(name for name in names if name not in taken)


def _named(name: str, reading: Reading) -> Expr | None:
    """What is called so: a definition, the function, or the only value of an abstract function."""
    if name in reading.definitions:
        return reading.definitions[name]
    f = function(reading)
    if name in reading.functions:
        nodes = postorder(*factors(f), *reading.definitions.values())
        calls = {e for e in nodes if isinstance(e, Apply) and e.op.name == name}
        return calls.pop() if len(calls) == 1 else None
    return f if isinstance(f, Expr) and name == function_name(reading) else None


def _opened(e: Expr, reading: Reading, but: Symbol | None = None) -> Expr:
    """The expression with the values of all definitions put in, but for one."""
    for name, symbol in reversed(reading.kept.items()):
        if symbol is not but:
            e = substitute(e, {symbol: reading.definitions[name]})
    return e
