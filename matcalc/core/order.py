"""A total order of expressions by what they say: the same in every process, whatever was built before.

The age of a node (``uid``) orders nodes too, but nodes live as long as somebody uses them: an order by
age would let an answer depend on the questions asked before and on when the garbage was collected.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from hashlib import blake2b
from typing import Any, cast

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder

#: Levels that are walked down to the first difference, so that what people write is in the order of the
#: alphabet. Below them digests decide: chains of a thousand equal links are compared as fast as two names.
NEAR = 4


def _compare(a: Expr, b: Expr) -> int:
    for _ in range(NEAR):
        if a is b:
            # Two operations of one name, which code has in two spellings, with the same arguments.
            return 0
        first, second = _head(a), _head(b)
        if first != second:
            return -1 if first < second else 1
        a, b = next(((x, y) for x, y in zip(a.args, b.args, strict=True) if x is not y), (a, a))
    first_digest, second_digest = _digest(a), _digest(b)
    return (first_digest > second_digest) - (first_digest < second_digest)


def _head(node: Expr) -> tuple[int, Any]:
    """What a node says besides its arguments; equal for no two leaves."""
    if isinstance(node, Symbol):
        shape = [(dim.symbols, dim.coefficient) for dim in node.shape]
        return 0, (node.name, shape, sorted(node.properties))
    if isinstance(node, Constant):
        return 1, node.value
    if isinstance(node, Size):
        return 2, (node.dim.symbols, node.dim.coefficient)
    op = cast("Apply", node).op
    # Of one name there may be several abstract functions: other shapes, or applied to every column.
    return 3, (op.name, len(node.args), op.signature, op.on_column is None)


def _digest(e: Expr) -> bytes:
    for node in postorder(e, without=_digest):
        parts = [repr(_head(node)).encode(), *(arg.memo[_digest] for arg in node.args)]
        node.memo[_digest] = blake2b(b"".join(parts), digest_size=16).digest()
    return cast("bytes", e.memo[_digest])


#: Sort key: ``sorted(nodes, key=structural)``.
structural: Callable[[Expr], Any] = cmp_to_key(_compare)
