"""Arguments of the interface, checked: names, choices, orders."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

from matcalc.core.expr import Symbol
from matcalc.errors import ArgumentProblem, KeyProblem, LimitProblem, NameProblem
from matcalc.ops import by_call
from matcalc.passes.elaborate import Reading
from matcalc.syntax.names import closest, is_name, normal_name, similar

MAX_ORDER = 12

#: Ways to write a derivation: product rule and Kronecker deltas, or differentials.
STYLES = ("index", "differential")

#: Largest order that a message shows: Python refuses to write numbers of thousands of digits.
MAX_SHOWN = 10**9


def names_in(argument: str, value: object) -> list[str]:
    """The names in an argument, as they were given."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ArgumentProblem(f"{argument} must be a name or a list of names, not {kind(value)}")
    if not names:
        raise ArgumentProblem(f"{argument} is an empty list", help="name a variable")
    for name in names:
        if not isinstance(name, str):
            raise ArgumentProblem(f"{argument} must hold names, not {kind(name)}")
    return list(names)


def variable(reading: Reading, name: str) -> Symbol:
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
    near = similar(normal, reading.variables)
    raise NameProblem(
        f"there is no variable {name}",
        details=(f"the variables are {', '.join(reading.variables) or 'none'}",),
        help=f"did you mean {near} ?"
        if near
        else f"declare it for a derivative of zero, such as {name}: n",
    )


def key(name: object, keys: Iterable[str]) -> str:
    """The key of a result that is this name, in whichever spelling.

    Raises:
        KeyProblem: there is none.
    """
    spellings = {normal_name(known): known for known in keys}
    if not isinstance(name, str):
        problem, near = f"results are looked up by name, not by {kind(name)}", None
    elif (normal := normal_name(name.strip())) in spellings:
        return spellings[normal]
    else:
        problem, near = f"there is no derivative by {name} here", similar(normal, spellings)
    raise KeyProblem(
        problem,
        details=(f"those found are by {', '.join(spellings.values())}",),
        help=f"did you mean {spellings[near]} ?" if near else None,
    )


def choice(argument: str, value: object, choices: Sequence[str]) -> str:
    """The value, or the first choice for None."""
    if value is None:
        return choices[0]
    if not isinstance(value, str):
        raise ArgumentProblem(f"{argument} must be a string, not {kind(value)}")
    if value not in choices:
        near = closest(value, choices)
        raise ArgumentProblem(
            f"{value!r} is not a choice for {argument}",
            details=(f"there are {', '.join(choices)}",),
            help=f"did you mean {near} ?" if near else None,
        )
    return value


def order_of(value: Any) -> int:
    """The order; 1 for None."""
    if value is None:
        return 1
    wrong = ArgumentProblem(
        f"order must be a whole number from 1 to {MAX_ORDER}, not {kind(value)}"
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


def kind(value: object) -> str:
    """A value of the wrong type, as messages name it."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
