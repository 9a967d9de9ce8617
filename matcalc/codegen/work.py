"""What a function costs whose products are all in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from matcalc.codegen import cost
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.items import flip, item
from matcalc.codegen.kernels import STORED, multi_dot
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, postorder
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.linalg import DIAG, INV, LOGDET
from matcalc.ops.structural import MATMUL, TRANSPOSE
from matcalc.passes.build import is_op

#: What costs nothing, or belongs to what is made of it.
FREE = frozenset({STORED, TRANSPOSE, DIAG, EYE, ONES, ZEROS})


class Work:
    """The cost of all nodes below some roots, each counted once."""

    def __init__(self, roots: Iterable[Expr], dialect: Dialect) -> None:
        """Takes what is computed, and the array library."""
        self._squares = dialect.squares
        #: Twice the cost of what costs the same in every order.
        self._twice: cost.Cost = cost.total(())
        self._chains: list[list[Dim]] = []
        for node in postorder(*roots):
            if isinstance(node, Apply) and node.op not in FREE:
                self._count(node)

    def at(self, sizes: cost.Sizes) -> float:
        """The cost at these sizes."""
        chains = ([dim.evaluate(sizes) for dim in dims] for dims in self._chains)
        in_any_order = sum(cost.best_order(chain)[0] for chain in chains)
        return cost.evaluate(self._twice, sizes) / 2 + in_any_order

    def _count(self, node: Apply) -> None:
        if node.op is MATMUL:
            arrays = [arg for arg in node.args if not is_op(arg, DIAG)]
            for left, right in pairwise(arrays):
                is_square = self._squares and item(left) == flip(item(right))
                volume = cost.of_product(left.shape[0], right.shape[0], right.shape[1])
                self._twice.update(volume if is_square else cost.total((volume, volume)))
        elif node.op is multi_dot(len(node.args)):
            self._chains.append(chain_sizes(node.args))
        elif node.op in (INV, LOGDET):
            rows, _ = node.args[0].shape
            self._twice.update(cost.of_product(rows, rows, rows))
        for part in (node, *node.args):
            entries = cost.of_entries(part.shape)
            self._twice.update(cost.total((entries, entries)))


def chain_sizes(factors: Sequence[Expr]) -> list[Dim]:
    """The sizes in turn that a product of these has."""
    return [factors[0].shape[0], *(factor.shape[1] for factor in factors)]
