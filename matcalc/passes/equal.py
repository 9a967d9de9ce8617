"""Equality up to the order of sums and element-wise products."""

from __future__ import annotations

from matcalc.core.expr import Apply, Expr, postorder
from matcalc.core.order import structural
from matcalc.ops.structural import ADD, TIMES


def canonical(e: Expr) -> Expr:
    """The representative of all expressions that differ from ``e`` only in the order of commuting
    arguments. Use it as a key; it is not meant to be printed.
    """
    found: Expr | None = e.memo.get(canonical)
    if found is not None:
        return found
    for node in postorder(e, without=canonical):
        node.memo[canonical] = _ordered(node)
    result: Expr = e.memo[canonical]
    return result


def _ordered(node: Expr) -> Expr:
    if not isinstance(node, Apply):
        return node
    args = [arg.memo[canonical] for arg in node.args]
    if node.op in (ADD, TIMES):
        args.sort(key=structural)
    key = tuple(args)
    return node if key == node.args else node.op(*key)


def same(a: Expr, b: Expr) -> bool:
    """Whether two expressions are equal up to the order of sums and element-wise products."""
    return a is b or (a.shape == b.shape and canonical(a) is canonical(b))
