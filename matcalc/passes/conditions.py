"""Conditions of validity, collected from the operations that an expression uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.elementwise import ABS, MAXIMUM, MINIMUM, STEP
from matcalc.ops.reduction import NORM2
from matcalc.ops.structural import POWER
from matcalc.passes import construct
from matcalc.passes.properties import properties
from matcalc.passes.simplify import simplify

#: What is said of an argument only if it is not known to have one of these properties.
GUARANTEED_BY = {
    "{0} > 0": {"positive"},
    "{0} != 0": {"nonzero"},
    "{0} invertible": {"invertible"},
    "{0} of constant rank": {"invertible"},
    "det({0}) > 0": {"spd"},
    "{0} = 0": {"nonzero"},
}

#: A condition that another one includes.
IMPLIED_BY = {"{0} != 0": "{0} > 0", "{0} invertible": "det({0}) > 0"}

#: Operations that are zero at their kink, so that powers above 1 have none there.
ZERO_AT_KINK = (ABS, NORM2)

#: Number of nodes, written out, beyond which an argument is not shown: nobody could read it.
SHOWN = 30


def conditions(exprs: Iterable[Expr], show: Callable[[Expr], str]) -> list[str]:
    """Where the expressions and their derivatives exist, such as ``X invertible``, each once.

    Args:
        exprs: the function and its derivative.
        show: prints an argument.
    """
    roots = tuple(exprs)
    smooth = _smoothed(roots) | _steps_of_extrema(roots)
    sizes: dict[Expr, int] = {}
    found: dict[str, None] = {}
    implied: set[str] = set()
    for node in postorder(*roots):
        sizes[node] = 1 + sum(sizes[arg] for arg in node.args)
        if not isinstance(node, Apply):
            continue
        for quantifier, template in _of(node, smooth):
            shown = [show(arg) if sizes[arg] <= SHOWN else "..." for arg in node.args]
            entries = f" in {quantifier} entry" if _is_entrywise(node) else ""
            found[template.format(*shown) + entries] = None
            weaker = (w for w, stronger in IMPLIED_BY.items() if stronger == template)
            implied.update(w.format(*shown) + entries for w in weaker)
    return [text for text in found if text not in implied]


def _of(node: Apply, smooth: set[Expr]) -> Iterator[tuple[str, str]]:
    """Conditions as templates, each with the quantifier that it has for the entries of an array."""
    op = node.op
    if op.condition and not _is_guaranteed(op.condition, node):
        yield "every", op.condition
    never_zero = op in ZERO_AT_KINK and "positive" in properties(node)
    if op.kink and not (never_zero or node in smooth or _is_guaranteed(op.kink, node)):
        yield "some", f"not differentiable where {op.kink}"
    if op is POWER and not _is_guaranteed("{0} > 0", node):
        base, exponent = node.args
        if not isinstance(exponent, Constant) or exponent.value.denominator != 1:
            yield "every", "{0} > 0"
        # Where a norm is 0 it has a kink, which has been said.
        elif exponent.value < 0 and not (
            _is_guaranteed("{0} != 0", node) or (isinstance(base, Apply) and base.op is NORM2)
        ):
            yield "every", "{0} != 0"


def _is_guaranteed(statement: str, node: Apply) -> bool:
    """Whether what is known of the first argument includes a condition, or excludes a kink."""
    enough = GUARANTEED_BY.get(statement)
    return enough is not None and not enough.isdisjoint(properties(node.args[0]))


def _is_entrywise(node: Apply) -> bool:
    return node.op.elementwise and not node.is_scalar


def _smoothed(roots: tuple[Expr, ...]) -> set[Expr]:
    """The nodes whose kink disappears: ``||x||`` where it only occurs as ``||x||^2``."""
    raised: set[Expr] = set()
    bare: set[Expr] = set(roots)
    for node in postorder(*roots):
        if isinstance(node, Apply) and node.args:
            base, *rest = node.args
            above_one = node.op is POWER and isinstance(rest[0], Constant) and rest[0].value > 1
            (raised if above_one else bare).add(base)
            bare.update(rest)
    return {node for node in raised - bare if isinstance(node, Apply) and node.op in ZERO_AT_KINK}


def _steps_of_extrema(roots: tuple[Expr, ...]) -> set[Expr]:
    """The nodes ``step(x - y)`` that differentiate ``max(x, y)``, which names their kink."""
    nodes = [node for node in postorder(*roots) if isinstance(node, Apply)]
    differences = {
        simplify(construct.add((one, construct.negate(other))))
        for node in nodes
        if node.op in (MAXIMUM, MINIMUM) and node.args[0].shape == node.args[1].shape
        for one, other in (node.args, node.args[::-1])
    }
    return {node for node in nodes if node.op is STEP and node.args[0] in differences}
