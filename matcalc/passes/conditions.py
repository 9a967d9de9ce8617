"""Conditions of validity, collected from the operations that an expression uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.structural import POWER


def conditions(exprs: Iterable[Expr], show: Callable[[Expr], str]) -> list[str]:
    """Where the expressions and their derivatives exist, such as ``X invertible``, each once.

    Args:
        exprs: the function and its derivative.
        show: prints an argument.
    """
    found: dict[str, None] = {}
    for node in postorder(*exprs):
        if isinstance(node, Apply):
            for text in _of(node):
                found[text.format(*(show(arg) for arg in node.args))] = None
    return list(found)


def _of(node: Apply) -> Iterator[str]:
    if node.op.condition:
        yield node.op.condition
    if node.op.kink:
        yield f"not differentiable where {node.op.kink}"
    if node.op is POWER:
        exponent = node.args[1]
        if not isinstance(exponent, Constant) or exponent.value.denominator != 1:
            yield "{0} > 0"
        elif exponent.value < 0:
            yield "{0} != 0"
