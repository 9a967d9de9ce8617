"""Functions that keep digits: ``log(1 + x)``, ``exp(x) - 1``, and ``log(det(X))``, whose det would overflow."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.core.expr import Apply, Expr, operations, postorder
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import EXP, LOG
from matcalc.ops.linalg import DET, LOGDET
from matcalc.ops.structural import ADD
from matcalc.passes.build import is_one, scaled, split_coefficient
from matcalc.passes.collect import total

LOG1P = Operation("log1p", "(m, n) -> (m, n)", ("x",), elementwise=True, numpy="np.log1p({0})")
"""``log(1 + x)``."""

EXPM1 = Operation("expm1", "(m, n) -> (m, n)", ("x",), elementwise=True, numpy="np.expm1({0})")
"""``exp(x) - 1``."""


def keep_digits(roots: Sequence[Expr]) -> list[Expr]:
    """The expressions with ``log1p``, ``expm1`` and ``logdet`` where they are meant."""
    if operations(*roots).isdisjoint((LOG, EXP)):
        return list(roots)
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        done[node] = node
        if isinstance(node, Apply):
            args = tuple([done[arg] for arg in node.args])
            done[node] = _kept(node if args == node.args else node.op(*args))
    return [done[root] for root in roots]


def _kept(e: Apply) -> Expr:
    if e.op is LOG:
        return _log(e)
    return _exp(e) if e.op is ADD and len(e.args) == 2 else e


def _log(e: Apply) -> Expr:
    (x,) = e.args
    if isinstance(x, Apply) and x.op is DET:
        return LOGDET(*x.args)
    if isinstance(x, Apply) and x.op is ADD:
        rest = [term for term in x.args if not is_one(term)]
        if len(rest) == len(x.args) - 1:
            return LOG1P(total(*rest))
    return e


def _exp(e: Apply) -> Expr:
    """``exp(x) - 1`` and ``1 - exp(x)``."""
    pairs = [split_coefficient(term) for term in e.args]
    for (one, ones), (coefficient, power) in (pairs, pairs[::-1]):
        is_exponential = isinstance(power, Apply) and power.op is EXP
        if is_exponential and is_one(ones) and one == -coefficient and abs(one) == 1:
            return scaled(coefficient, EXPM1(*power.args))
    return e
