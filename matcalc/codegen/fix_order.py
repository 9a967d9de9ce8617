"""Products of many whose order need not be left to the call, since it is the same at all sizes that come."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen import cost
from matcalc.codegen.items import replanned
from matcalc.codegen.kernels import STORED, multi_dot
from matcalc.codegen.pairs import in_pairs
from matcalc.codegen.work import chain_sizes
from matcalc.core.expr import Apply, Expr, postorder
from matcalc.passes.build import is_op

#: How much slower than the best order one may be that is fixed. Less than ``choose.TOLERANCE``: to
#: leave the order to the call costs no ``if``.
ORDER_TOLERANCE = 1.1


def fix_order(roots: Sequence[Expr], points: Sequence[cost.Sizes]) -> tuple[Expr, ...]:
    """The same values, with products in pairs where one order is best at all of these sizes."""
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        splits = _splits(node, points)
        if splits is None:
            done[node] = replanned(node, done)
        else:
            done[node] = in_pairs([_plain(done[arg]) for arg in node.args], splits)
    return tuple(done[root] for root in roots)


def _plain(factor: Expr) -> Expr:
    """The factor; in pairs every product is written with a stored transpose where it needs one."""
    return factor.args[0] if is_op(factor, STORED) else factor


def _splits(node: Expr, points: Sequence[cost.Sizes]) -> cost.Splits | None:
    """For a product of many, the order that is the best one at one of the points and good at all."""
    if not isinstance(node, Apply) or node.op is not multi_dot(len(node.args)):
        return None
    dims = chain_sizes(node.args)
    numbers = [[dim.evaluate(sizes) for dim in dims] for sizes in points]
    orders = [cost.best_order(each) for each in numbers]
    for _, splits in orders:
        if all(
            cost.in_order(each, splits) <= ORDER_TOLERANCE * lowest
            for each, (lowest, _) in zip(numbers, orders, strict=True)
        ):
            return splits
    return None
