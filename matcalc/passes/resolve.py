"""Linear maps written as products where their direction commutes: ``L(t A, A) = expm(t A) A``."""

from __future__ import annotations

from matcalc.core.expr import Apply, Expr, postorder
from matcalc.passes.commuting import commute
from matcalc.passes.instantiate import at_arguments
from matcalc.passes.rulebook import commuting_form
from matcalc.passes.simplify import simplify


def resolve(e: Expr) -> Expr:
    """The expression, in normal form, with products in place of such maps."""
    e = simplify(e)
    if resolve not in e.memo:
        for node in postorder(e, without=resolve):
            node.memo[resolve] = _resolve(node)
    found: Expr = e.memo[resolve]
    return found if found is e else simplify(found)


def _resolve(node: Expr) -> Expr:
    if not isinstance(node, Apply):
        return node
    args = tuple([arg.memo[resolve] for arg in node.args])
    if not node.op.commuting or not commute(args[0], args[-1]):
        return node if args == node.args else node.op(*args)
    return at_arguments(commuting_form(node.op), node.op, args)
