"""The names that a text defines, in the lines of a derivation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from matcalc.core.expr import Apply, Expr, Symbol, postorder, rebuilt, substitute_all, symbols
from matcalc.core.index import IndexExpr
from matcalc.passes import construct
from matcalc.passes.build import is_op, transposed
from matcalc.passes.pending import DIFFERENTIAL, PARTIAL
from matcalc.passes.reasons import Rule
from matcalc.passes.simplify import simplify
from matcalc.report import factors

if TYPE_CHECKING:
    from matcalc.derivative import Derivative


class TextNames:
    """Names in the places of what they stand for, in whichever form that is.

    Attributes:
        values: what the function is made of and has a name, each with that.
    """

    def __init__(self, d: Derivative, f: Expr | IndexExpr, wrt: Symbol) -> None:
        self.values = _names_in(d, f, wrt)
        # What is with names instead of their values, for every part of a line so far.
        self._renamed: dict[Expr, Expr] = dict(_rewritten(self.values))

    def shown(self, e: Expr) -> Expr:
        """The expression with the names of the text, the outermost ones, for what they stand for."""
        done = self._renamed
        for node in postorder(e):
            if node not in done:
                done[node] = self.values[node] if node in self.values else rebuilt(node, done)
        return done[e]

    def shown_array(self, array: IndexExpr) -> IndexExpr:
        """The same for an array in index notation."""
        return array.mapped(self.shown)

    def opened(self, before: Expr | IndexExpr, after: Expr | IndexExpr) -> list[Rule]:
        """The definitions of the names whose derivative was still to be taken and now is."""
        left = set(map(_inside, _pending(after)))
        found = [u for u in map(_inside, _pending(before)) if u in self.values and u not in left]
        return [Rule("", (self.values[u], self.definition(u))) for u in dict.fromkeys(found)]

    def put_in(self, answer: Expr) -> Iterator[Rule]:
        """The definitions of the names that stand in the lines, and not in the answer."""
        kept, there = symbols(answer), symbols(self.shown(answer))
        for value, name in self.values.items():
            if name in there and name not in kept:
                yield Rule("", (name, self.definition(value)))

    def definition(self, value: Expr) -> Expr:
        """What a name stands for, in terms of the names before it."""
        assert isinstance(value, Apply)
        return value.op(*map(self.shown, value.args))


def _names_in(d: Derivative, f: Expr | IndexExpr, wrt: Symbol) -> dict[Expr, Symbol]:
    """The names of the text for what occurs in the function, each with its value."""
    nodes = set(postorder(*factors(f)))
    found: dict[Expr, Symbol] = {}
    definitions = d.reading.definitions
    values = substitute_all(list(definitions.values()), {d.wrt: wrt})
    for name, free in zip(definitions, values, strict=True):
        if free in nodes and free is not f and isinstance(free, Apply):
            found[free] = Symbol(name, free.shape)
    return found


def _rewritten(names: Mapping[Expr, Symbol]) -> Iterator[tuple[Expr, Expr]]:
    """The values of names in the forms that the engine gives them, and what these are called."""
    for value, name in names.items():
        form = simplify(value)
        for turned, called in ((form, name), (transposed(form), construct.transpose(name))):
            if isinstance(turned, Apply) and turned not in names:
                yield turned, called


def _pending(f: Expr | IndexExpr) -> list[Expr]:
    """The derivatives that are still to be taken."""
    return [node for node in postorder(*factors(f)) if is_op(node, DIFFERENTIAL, PARTIAL)]


def _inside(node: Expr) -> Expr:
    return node.args[0]
