"""Definitions put in: operations that are written in terms of others, and whole powers of matrices."""

from __future__ import annotations

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.structural import MATMUL, MATPOW, TIMES
from matcalc.passes.build import eye
from matcalc.passes.instantiate import at_arguments
from matcalc.passes.products import inverse
from matcalc.passes.resolve import resolve
from matcalc.passes.rulebook import definition
from matcalc.passes.runs import LONGEST_RUN, in_blocks

#: Powers up to this are written out as one product; larger ones as the product of two halves.
CHAIN_LIMIT = 8


def expand(e: Expr) -> Expr:
    """The expression in normal form without operations that have a definition."""
    found: Expr | None = e.memo.get(expand)
    if found is not None:
        return found
    normal = resolve(e)
    for node in postorder(normal, without=expand):
        node.memo[expand] = _expand(node)
    result: Expr = normal.memo[expand]
    e.memo[expand] = result
    return result


def _expand(node: Expr) -> Expr:
    if not isinstance(node, Apply):
        return node
    args = tuple(arg.memo[expand] for arg in node.args)
    if node.op in (MATMUL, TIMES) and len(args) > LONGEST_RUN:
        return in_blocks(node.op, args)
    whole = node if args == node.args else node.op(*args)
    return put_in(whole) or whole


def put_in(node: Apply) -> Expr | None:
    """An operation in terms of others, with nothing changed inside its arguments; None if it has no definition."""
    args = node.args
    if node.op is MATPOW and isinstance(args[1], Constant):
        return _written_out(args[0], args[1])
    if not node.op.definition:
        return None
    return at_arguments(definition(node.op), node.op, args)


def _written_out(base: Expr, exponent: Constant) -> Expr:
    """A whole power of a matrix as a product."""
    k = int(exponent.value)
    if k < 0:
        base, k = inverse(base), -k
    if k == 0:
        return eye(base.shape[0])
    return _power(base, k)


def _power(base: Expr, k: int) -> Expr:
    if k <= CHAIN_LIMIT:
        return base if k == 1 else MATMUL(*[base] * k)
    half = _power(base, k // 2)
    rest = half if k % 2 == 0 else _power(base, k - k // 2)
    return MATMUL(half, rest)
