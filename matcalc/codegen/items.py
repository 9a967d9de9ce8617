"""Factors of products: a node, and whether its transpose is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matcalc.core.expr import Constant, Expr, rebuilt
from matcalc.ops.constant import ONES
from matcalc.ops.linalg import DIAG, INV
from matcalc.ops.structural import TIMES, TRANSPOSE
from matcalc.passes.build import is_op
from matcalc.passes.properties import is_symmetric

#: A node, and whether its transpose is meant.
Item = tuple[Expr, bool]


def item(node: Expr) -> Item:
    """The node without transposes around it; a symmetric matrix is its own."""
    flipped = False
    while is_op(node, TRANSPOSE):
        node, flipped = node.args[0], not flipped
    return node, flipped and not is_symmetric(node)


def flip(one: Item) -> Item:
    """The transpose."""
    node, flipped = one
    return node, not (flipped or is_symmetric(node))


def flipped(items: Sequence[Item]) -> tuple[Item, ...]:
    """The factors of the transpose of a product."""
    return tuple(flip(one) for one in reversed(items))


def plain(one: Item) -> Expr:
    """The factor as a node."""
    node, is_flipped = one
    return TRANSPOSE(node) if is_flipped else node


def transposed(e: Expr) -> Expr:
    """``e'``, where ``(2 A')'`` is ``2 A``."""
    if is_op(e, TIMES) and is_op(e.args[-1], TRANSPOSE) and is_multiple(e):
        return TIMES(*e.args[:-1], e.args[-1].args[0])
    if is_op(e, TRANSPOSE):
        return e.args[0]
    if is_op(e, ONES):
        return ONES(*reversed(e.args))
    return e if is_symmetric(e) else TRANSPOSE(e)


def is_multiple(e: Expr) -> bool:
    """Whether it is the product of numbers with an array."""
    return is_op(e, TIMES) and all(arg.is_scalar for arg in e.args[:-1])


def replanned(node: Expr, done: Mapping[Expr, Expr]) -> Expr:
    """The node with the new forms of its arguments, without a transpose of a transpose."""
    if is_op(node, TRANSPOSE) and done[node.args[0]] is not node.args[0]:
        return transposed(done[node.args[0]])
    return rebuilt(node, done)


def whole_power(power: Expr, least: int) -> int | None:
    """The exponent of a power of a matrix, where it is a whole number that is not less."""
    exponent = power.args[1]
    if not isinstance(exponent, Constant) or exponent.value.denominator != 1:
        return None
    return exponent.value.numerator if exponent.value >= least else None


def stretches(factors: Iterable[Expr]) -> list[list[Expr]]:
    """The factors between outer products: where the inner size is 1 a new stretch begins."""
    found: list[list[Expr]] = []
    for factor in factors:
        if found and not factor.shape[0].is_unit:
            found[-1].append(factor)
        else:
            found.append([factor])
    return found


def times(factors: Sequence[Expr]) -> Expr:
    """The entry by entry product of one or more."""
    return factors[0] if len(factors) == 1 else TIMES(*factors)


def is_inverse(e: Expr) -> bool:
    """Whether it is an inverse or the transpose of one, so that its products are solutions."""
    return is_op(e.args[0] if is_op(e, TRANSPOSE) else e, INV)


def is_diagonal(one: Item) -> bool:
    """Whether it is written as a diagonal matrix."""
    return is_op(one[0], DIAG)
