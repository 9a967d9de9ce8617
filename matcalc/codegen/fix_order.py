"""Products of many whose order need not be left to the call, since it is the same at all sizes that come."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen import cost
from matcalc.codegen.kernels import multi_dot
from matcalc.codegen.pairs import in_pairs
from matcalc.codegen.work import chain_sizes
from matcalc.core.expr import Apply, Expr, postorder

#: How much slower than the best order one may be that is fixed.
TOLERANCE = 1.1


def fix_order(roots: Sequence[Expr], points: Sequence[cost.Sizes]) -> tuple[Expr, ...]:
    """The same values, with products in pairs where one order is best at all of these sizes."""
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        if not isinstance(node, Apply):
            done[node] = node
            continue
        args = tuple(done[arg] for arg in node.args)
        splits = _splits(node, points) if node.op is multi_dot(len(args)) else None
        if splits is not None:
            done[node] = in_pairs(args, splits)
        else:
            done[node] = node if args == node.args else node.op(*args)
    return tuple(done[root] for root in roots)


def _splits(node: Apply, points: Sequence[cost.Sizes]) -> cost.Splits | None:
    """The best order at the first of the points, if it is good at all of them."""
    dims = chain_sizes(node.args)
    numbers = [[dim.evaluate(sizes) for dim in dims] for sizes in points]
    orders = [cost.best_order(each) for each in numbers]
    for _, splits in orders:
        if all(
            cost.in_order(each, splits) <= TOLERANCE * lowest
            for each, (lowest, _) in zip(numbers, orders, strict=True)
        ):
            return splits
    return None
