"""Size of an expression as it is read: names, numbers and operators.

Parentheses, commas and the product sign of juxtaposition do not count. Where two forms compete, the
smaller one is shown.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES


def measure(e: Expr) -> int:
    """The size of the expression written out as a tree."""
    for node in postorder(e, without=measure):
        node.memo[measure] = _count(node)
    found: int = e.memo[measure]
    return found


def shared_measure(e: Expr) -> int:
    """The size where what occurs repeatedly is given a name: ``t1 = A x; t1' t1``."""
    nodes = list(postorder(e))
    measure(e)
    uses = Counter(arg for node in nodes for arg in node.args)
    size = 0
    for node in nodes:
        whole: int = node.memo[measure]
        size += whole - sum(arg.memo[measure] for arg in node.args)
        repeated = uses[node] - 1
        if repeated > 0:
            # Its name stands at every place, and once before its definition.
            size += min(repeated * whole, repeated + 2)
    return size


def _count(node: Expr) -> int:
    if isinstance(node, Constant):
        return _number(node.value)
    if not isinstance(node, Apply) or node.op is EYE:
        return 1
    if node.op is ONES:
        # Of a square matrix of ones the sizes are shown; others are often written as the number 1.
        return 3 if node.is_square else 1
    sizes: list[int] = [arg.memo[measure] for arg in node.args]
    inner = sum(sizes)
    if node.op is ADD:
        return inner + len(node.args) - 1 - sum(_is_negative(arg) for arg in node.args[1:])
    if node.op is TIMES:
        return inner + max(0, sum(not arg.is_scalar for arg in node.args) - 1) - _unit_sign(node)
    if node.op is POWER:
        return sizes[0] + _exponent(node.args[1])
    return inner if node.op is MATMUL else inner + 1


def _number(value: Fraction) -> int:
    """``2`` counts 1, ``-2`` 2, ``1/2`` 3."""
    return 1 + (value < 0) + 2 * (value.denominator != 1)


def _unit_sign(node: Apply) -> bool:
    """``-x`` shows a sign, not the number 1."""
    first = node.args[0]
    return isinstance(first, Constant) and first.value == -1


def _is_negative(term: Expr) -> bool:
    """Whether the term's sign takes the place of the plus."""
    head = term.args[0] if isinstance(term, Apply) and term.op is TIMES else term
    return isinstance(head, Constant) and head.value < 0


def _exponent(k: Expr) -> int:
    """``1/x`` adds a bar, ``x^2`` an operator and a number."""
    return 1 if isinstance(k, Constant) and k.value == -1 else 1 + int(k.memo[measure])
