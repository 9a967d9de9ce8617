"""A smaller problem of which the same can be said, for those that Hypothesis has not made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from matcalc.core.expr import Apply, Expr, postorder, symbols
from matcalc.errors import MatcalcError
from tests.laws.problem import Problem
from tests.random_expressions import replaced, variable

#: Seconds to spend on one problem.
PATIENCE = 15


def shrink(problem: Problem, fails: Callable[[Problem], bool]) -> Problem:
    """Replace parts by variables and by their own parts as long as it still fails, and time allows."""
    deadline = time.monotonic() + PATIENCE
    found = True
    while found:
        found = False
        for smaller in _smaller(problem.expr):
            if time.monotonic() > deadline:
                return problem
            if problem.wrt not in symbols(smaller):
                continue
            candidate = replace(problem, expr=smaller)
            if fails(candidate):
                problem, found = candidate, True
                break
    return problem


def _smaller(e: Expr) -> Iterator[Expr]:
    """Expressions with fewer nodes, the smallest first; parts of it have any shape."""
    nodes = [node for node in postorder(e) if isinstance(node, Apply)]
    yield from (node for node in nodes if node is not e)
    for node, part in _replacements(e, nodes):
        try:
            yield replaced(e, node, part())
        except MatcalcError:
            # Not every operation takes every argument of the shape: eigval takes numerals.
            continue


def _replacements(e: Expr, nodes: list[Apply]) -> Iterator[tuple[Expr, Callable[[], Expr]]]:
    """Nodes with what may stand in their place."""
    for node in reversed(nodes):
        below = [part for part in postorder(*node.args) if part.shape == node.shape]
        for part in [variable(node.shape, 0), *below]:
            yield node, lambda part=part: part
    for node in nodes:
        if node.op.variadic and len(node.args) > 2:
            for k in range(len(node.args)):
                rest = node.args[:k] + node.args[k + 1 :]
                yield node, lambda op=node.op, rest=rest: op(*rest)
    for symbol in symbols(e):
        if symbol.properties:
            yield symbol, lambda symbol=symbol: variable(symbol.shape, 1)
