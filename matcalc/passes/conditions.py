"""Conditions of validity, collected from the operations that an expression uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder
from matcalc.ops.constant import ONES, PI
from matcalc.ops.elementwise import ABS, EXP, MAXIMUM, MINIMUM, SIGMOID, SOFTPLUS, STEP
from matcalc.ops.reduction import NORM2, SOFTMAX, SOFTMAX_1, SOFTMAX_2
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.simplify import simplify

#: Operations with positive values only, and those whose values are positive if all arguments are.
POSITIVE = (EXP, SIGMOID, SOFTPLUS, SOFTMAX, SOFTMAX_1, SOFTMAX_2, ONES, PI)
POSITIVE_OF_POSITIVE = (ADD, TIMES, MATMUL, TRANSPOSE)

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
    positive: set[Expr] = set()
    found: dict[str, None] = {}
    for node in postorder(*roots):
        sizes[node] = 1 + sum(sizes[arg] for arg in node.args)
        if _is_positive(node, positive):
            positive.add(node)
        if isinstance(node, Apply):
            for quantifier, template in _of(node, smooth, positive):
                shown = [show(arg) if sizes[arg] <= SHOWN else "..." for arg in node.args]
                entries = f" in {quantifier} entry" if _is_entrywise(node) else ""
                found[template.format(*shown) + entries] = None
    return [
        text for text in found if "!= 0" not in text or text.replace("!= 0", "> 0") not in found
    ]


def _of(node: Apply, smooth: set[Expr], positive: set[Expr]) -> Iterator[tuple[str, str]]:
    """Conditions as templates, each with the quantifier that it has for the entries of an array."""
    op, argument = node.op, node.args[:1]
    is_positive = bool(argument) and argument[0] in positive
    if op.condition and not (op.condition == "{0} > 0" and is_positive):
        yield "every", op.condition
    if op.kink and node not in smooth:
        yield "some", f"not differentiable where {op.kink}"
    if op is POWER and not is_positive:
        base, exponent = node.args
        if not isinstance(exponent, Constant) or exponent.value.denominator != 1:
            yield "every", "{0} > 0"
        # Where a norm is 0 it has a kink, which has been said.
        elif exponent.value < 0 and not (isinstance(base, Apply) and base.op is NORM2):
            yield "every", "{0} != 0"


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


def _is_positive(node: Expr, positive: set[Expr]) -> bool:
    """Whether every entry is provably positive, given which arguments are."""
    if isinstance(node, Symbol):
        return "positive" in node.properties
    if isinstance(node, Constant):
        return node.value > 0
    if not isinstance(node, Apply):
        return True
    if node.op is POWER:
        return node.args[0] in positive
    return node.op in POSITIVE or (
        node.op in POSITIVE_OF_POSITIVE and positive.issuperset(node.args)
    )
