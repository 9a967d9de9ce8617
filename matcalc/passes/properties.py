"""Structure of expressions: symmetric and skew-symmetric matrices, found by comparing with the transpose."""

from __future__ import annotations

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.linalg import ADJ, COSM, DIAG, EXPM, INV, PINV, SINM, TOEPLITZ
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, TIMES, TRANSPOSE

#: Properties of a variable that make it equal to its transpose.
SYMMETRIC_PROPERTIES = frozenset({"symmetric", "diagonal", "spd", "psd"})

#: f(X') = f(X)' for these matrix functions.
COMMUTE_WITH_TRANSPOSE = (INV, PINV, ADJ, MATPOW, EXPM, SINM, COSM, TOEPLITZ)

_MINUS = Constant(-1)


def is_symmetric(e: Expr) -> bool:
    """Whether the matrix provably equals its transpose."""
    return e.is_square and _flips(e)[1] is _flips(e)[0]


def is_skew(e: Expr) -> bool:
    """Whether the matrix provably equals minus its transpose."""
    return e.is_square and _flips(e)[1] is _product((_MINUS, _flips(e)[0]))


def _flips(e: Expr) -> tuple[Expr, Expr]:
    """The expression and its transpose, both with transposes pushed down to the variables.

    Computed bottom-up for every node and kept on it, so that deep networks cost one visit a node.
    """
    for node in postorder(e, without=_flips):
        node.memo[_flips] = _push(node)
    found: tuple[Expr, Expr] = e.memo[_flips]
    return found


def _push(node: Expr) -> tuple[Expr, Expr]:
    if isinstance(node, Symbol):
        if node.properties & SYMMETRIC_PROPERTIES:
            return node, node
        if "skew" in node.properties:
            return node, TIMES(_MINUS, node)
        return node, node if node.is_scalar else TRANSPOSE(node)
    if not isinstance(node, Apply):
        return node, node
    op = node.op
    plain = tuple(arg.memo[_flips][0] for arg in node.args)
    turned = tuple(arg.memo[_flips][1] for arg in node.args)
    if op is TRANSPOSE:
        return turned[0], plain[0]
    if op is MATMUL:
        return MATMUL(*plain), MATMUL(*reversed(turned))
    if op is TIMES:
        return _product(plain), _product(turned)
    if op is ADD:
        return ADD(*_sorted(plain)), ADD(*_sorted(turned))
    if op is KRON or op.elementwise or op in COMMUTE_WITH_TRANSPOSE:
        return op(*plain), op(*turned)
    straight = op(*plain)
    if op in (EYE, DIAG) or straight.is_scalar:
        return straight, straight
    if op in (ONES, ZEROS):
        return straight, op(*reversed(plain))
    return straight, TRANSPOSE(straight)


def _product(factors: tuple[Expr, ...]) -> Expr:
    """Element-wise product, flat and sorted, with the signs gathered in front."""
    sign = 1
    flat: list[Expr] = []
    stack = list(factors)
    while stack:
        factor = stack.pop()
        if factor is _MINUS:
            sign = -sign
        elif isinstance(factor, Apply) and factor.op is TIMES:
            stack.extend(factor.args)
        else:
            flat.append(factor)
    args = _sorted(tuple(flat))
    if sign < 0:
        args = (_MINUS, *args)
    return args[0] if len(args) == 1 else TIMES(*args)


def _sorted(args: tuple[Expr, ...]) -> tuple[Expr, ...]:
    return tuple(sorted(args, key=lambda arg: arg.uid))
