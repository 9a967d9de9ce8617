"""What several functions of one argument have in common, computed once: exponentials and their sums.

A loss is ``softplus(x)`` and its gradient ``sigmoid(x)``, or ``logsumexp(X)`` and ``softmax(X)``; the slope of a
sigmoid is ``sigmoid(x) sigmoid(-x)``. NumPy's functions would each begin with the same exponentials,
which cost more than all that follows. JAX and PyTorch have their own, fused, and are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matcalc.codegen.entrywise import FINITE, LOG1P, entrywise
from matcalc.codegen.logarithms import spread
from matcalc.core.expr import Apply, Constant, Expr, postorder, rebuilt
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import ABS, EXP, LOG, RELU, SIGMOID, SOFTPLUS
from matcalc.ops.reduction import (
    EXTREMES,
    LOGSUMEXP,
    LOGSUMEXP_1,
    LOGSUMEXP_2,
    SOFTMAX,
    SOFTMAX_1,
    SOFTMAX_2,
    SUM,
    SUM_1,
    SUM_2,
)
from matcalc.ops.structural import ADD, POWER, TIMES
from matcalc.passes import build
from matcalc.passes.build import is_op

#: 1 where the second argument is not negative resp. not positive, else the first one, which is at most 1.
ONE_ABOVE, ONE_BELOW = (
    entrywise(name, f"np.maximum({{0}}, {{1}} {sign} 0)", parameters=("e", "x"))
    for name, sign in (("one_above", ">="), ("one_below", "<="))
)

_BY_NAME = {op.name: op for op in EXTREMES}

#: The functions along each axis: logsumexp, softmax, the largest entry, the sum.
ALONG = (
    (LOGSUMEXP, SOFTMAX, _BY_NAME["max"], SUM),
    (LOGSUMEXP_1, SOFTMAX_1, _BY_NAME["max_1"], SUM_1),
    (LOGSUMEXP_2, SOFTMAX_2, _BY_NAME["max_2"], SUM_2),
)
_FAMILIES = {op: family for family in ALONG for op in family[:2]}


def share_exponentials(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, with the exponentials that functions share as nodes of their own."""
    groups: dict[object, set[Expr]] = {}
    for node in postorder(*roots):
        if (key := _key(node)) is not None:
            groups.setdefault(key, set()).add(node)
    shared = set().union(*(group for group in groups.values() if len(group) > 1))
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        if isinstance(node, Apply) and node in shared:
            done[node] = _opened(node.op, done[node.args[0]])
        else:
            has_slopes = is_op(node, TIMES) and not shared.isdisjoint(node.args)
            done[node] = _with_slopes(node, done) if has_slopes else rebuilt(node, done)
    return [done[root] for root in roots]


def _key(node: Expr) -> object:
    """The same for all nodes that begin with the same exponentials; None for all others."""
    if not isinstance(node, Apply):
        return None
    if node.op in (SIGMOID, SOFTPLUS):
        coefficient, rest = build.split_coefficient(node.args[0])
        return abs(coefficient), rest
    return (_FAMILIES[node.op], node.args) if node.op in _FAMILIES else None


def _with_slopes(product: Expr, done: Mapping[Expr, Expr]) -> Expr:
    """The product with its new factors; ``sigmoid(x) sigmoid(-x)`` is ``e / (1 + e)^2``, of any sign of x."""
    factors: list[Expr] = []
    waiting = list(product.args)
    while waiting:
        factor = waiting.pop(0)
        opposite = next((other for other in waiting if _are_opposite(factor, other)), None)
        if opposite is None:
            factors.append(done[factor])
        else:
            waiting.remove(opposite)
            exponential = _exponential(done[factor.args[0]])
            factors += [exponential, POWER(_share(exponential), Constant(2))]
    return TIMES(*factors)


def _are_opposite(left: Expr, right: Expr) -> bool:
    """Whether they are ``sigmoid(x)`` and ``sigmoid(-x)``."""
    are_sigmoids = is_op(left, SIGMOID) and is_op(right, SIGMOID) and left is not right
    return are_sigmoids and _key(left) == _key(right)


def _opened(op: Operation, x: Expr) -> Expr:
    """A function that begins with exponentials, written with them."""
    if op in _FAMILIES:
        return _by_sums(op, x)
    exponential, base = _exponential(x), _without_sign(x)
    if op is SOFTPLUS:
        return ADD(RELU(x if x is base else TIMES(Constant(-1), base)), LOG1P(exponential))
    above = (ONE_ABOVE if x is base else ONE_BELOW)(exponential, base)
    return TIMES(above, _share(exponential))


def _without_sign(x: Expr) -> Expr:
    return build.scaled(-1, x) if build.split_coefficient(x)[0] < 0 else x


def _exponential(x: Expr) -> Expr:
    return EXP(TIMES(Constant(-1), ABS(_without_sign(x))))


def _share(exponential: Expr) -> Expr:
    """The larger one of ``sigmoid(x)`` and ``sigmoid(-x)``."""
    return POWER(ADD(build.ones(exponential.shape), exponential), Constant(-1))


def _by_sums(op: Operation, x: Expr) -> Expr:
    """One of the two functions, shifted by the largest entry, with which nothing overflows."""
    logsumexp, _, largest, total = _FAMILIES[op]
    top = FINITE(largest(x))
    exponential = EXP(ADD(x, TIMES(Constant(-1), spread(top, x.shape))))
    denominator = total(exponential)
    if op is logsumexp:
        return ADD(top, LOG(denominator))
    return TIMES(exponential, spread(POWER(denominator, Constant(-1)), x.shape))
