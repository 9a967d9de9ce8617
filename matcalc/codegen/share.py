"""One node for one value: sums and products that differ in order or in sign only are the same.

A function written with ``T - U V'`` has a gradient with ``U V' - T``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from matcalc.codegen.items import transposed
from matcalc.codegen.kernels import INNER
from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.ops.reduction import NORM2, SUM
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import is_op, split_coefficient


def share(roots: Sequence[Expr]) -> list[Expr]:
    """The same values with as few different nodes as there are different values."""
    done: dict[Expr, Expr] = {}
    found: dict[Hashable, Expr] = {}
    for node in postorder(*roots):
        args = tuple(done[arg] for arg in node.args)
        done[node] = _representative(_normal(node, args), found)
    return [done[root] for root in roots]


def _normal(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The node with other arguments; signs that these have come to the front."""
    if not isinstance(node, Apply):
        return node
    if node.op is POWER and args[1] is Constant(2) and is_op(args[0], NORM2):
        return _sum_of_squares(args[0].args[0])
    if node.op is TRANSPOSE:
        sign, rest = split_coefficient(args[0])
        return construct.negate(transposed(rest)) if sign == -1 else transposed(args[0])
    if args == node.args:
        return _inner(node)
    if node.op is MATMUL:
        return construct.multiply(args)
    if node.op is TIMES:
        return construct.hadamard(args)
    return _inner(node.op(*args))


def _inner(node: Apply) -> Expr:
    """A sum of the entries of a product of two matrices, without the product."""
    if node.op is not SUM or not is_op(node.args[0], TIMES):
        return node
    factors = node.args[0].args
    is_product_of_two = len(factors) == 2 and all(len(factor.axes) == 2 for factor in factors)
    return INNER(*factors) if is_product_of_two else node


def _sum_of_squares(e: Expr) -> Expr:
    if e.shape[1].is_unit:
        return MATMUL(TRANSPOSE(e), e)
    return INNER(e, e) if len(e.axes) == 2 else MATMUL(e, TRANSPOSE(e))


def _representative(node: Expr, found: dict[Hashable, Expr]) -> Expr:
    """The first node with this value; its negative where only that has been met."""
    if not isinstance(node, Apply) or node.op not in (ADD, TIMES):
        return node
    if node.op is TIMES:
        return found.setdefault((TIMES, _unordered(node.args)), node)
    terms = [split_coefficient(term) for term in node.args]
    opposite = ADD, _unordered((-coefficient, rest) for coefficient, rest in terms)
    if opposite in found:
        return construct.negate(found[opposite])
    return found.setdefault((ADD, _unordered(terms)), node)


def _unordered(parts: Iterable[Hashable]) -> Hashable:
    """Equal for the same parts in any order."""
    return frozenset(Counter(parts).items())
