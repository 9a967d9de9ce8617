"""Expressions and their transposes, both with transposes pushed down to the variables.

A matrix is symmetric if the two coincide. That finds what no rule for single operations can:
``A + A'``, ``A' S A``.
"""

from __future__ import annotations

from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.core.order import structural
from matcalc.core.properties import closed
from matcalc.ops.constant import ONES, ZEROS
from matcalc.ops.linalg import ADJ, INV, PINV, TOEPLITZ, TRIL, TRIU
from matcalc.ops.matrix_functions import COSM, EXPM, SINM
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, TIMES, TRANSPOSE
from matcalc.passes.runs import is_open, pieces

#: f(X') = f(X)' for these matrix functions.
COMMUTE_WITH_TRANSPOSE = (INV, PINV, ADJ, MATPOW, EXPM, SINM, COSM, TOEPLITZ)

#: An argument of which nothing is known.
UNKNOWN = (frozenset[str](),)

#: f(c X) = c^k f(X) with k = -1, and with k the exponent of a whole power.
ODD = (INV, PINV, MATPOW)

_MINUS = Constant(-1)


def negated(e: Expr) -> Expr:
    """Minus a mirrored expression."""
    return _product((_MINUS, e))


def mirrored(e: Expr) -> tuple[Expr, Expr]:
    """The expression and its transpose.

    Computed bottom-up for every node and kept on it, so that deep networks cost one visit a node.
    """
    for node in postorder(e, without=mirrored):
        node.memo[mirrored] = _push(node)
    found: tuple[Expr, Expr] = e.memo[mirrored]
    return found


def _push(node: Expr) -> tuple[Expr, Expr]:
    if isinstance(node, Symbol):
        known = closed(node.properties, node.shape)
        if "symmetric" in known:
            return node, node
        if "skew" in known:
            return node, negated(node)
        return node, node if node.is_scalar else TRANSPOSE(node)
    if not isinstance(node, Apply):
        return node, node
    op = node.op
    if op.meaning is not None:
        return mirrored(op.meaning(*node.args))
    plain = tuple(arg.memo[mirrored][0] for arg in node.args)
    turned = tuple(arg.memo[mirrored][1] for arg in node.args)
    if op is TRANSPOSE:
        return turned[0], plain[0]
    if op is MATMUL:
        return _chain(plain), _chain(turned[::-1])
    if op is TIMES:
        return _product(plain), _product(turned)
    if op is ADD:
        return _total(plain), _total(turned)
    if op in ODD:
        # Skew matrices: (-K)^-1 = -K^-1.
        return _odd(op, plain), _odd(op, turned)
    if op is KRON or op.elementwise or op in COMMUTE_WITH_TRANSPOSE:
        return op(*plain), op(*turned)
    straight = op(*plain)
    if op in (ONES, ZEROS):
        return straight, op(*reversed(plain))
    if op in (TRIL, TRIU):
        return straight, (TRIU if op is TRIL else TRIL)(*turned)
    if straight.is_scalar or len(straight.shape) > 2:
        return straight, straight
    if "symmetric" in closed(op.properties(UNKNOWN * len(plain)), node.shape):
        return straight, straight
    return straight, TRANSPOSE(straight)


def _odd(op: Operation, args: tuple[Expr, ...]) -> Expr:
    coefficient, rest = _split(args[0])
    exponent = args[1] if op is MATPOW else _MINUS
    if coefficient != -1 or not isinstance(exponent, Constant):
        return op(*args)
    inner = rest[0] if len(rest) == 1 else TIMES(*rest)
    sign = Constant(-1 if exponent.value % 2 else 1)
    return _product((sign, op(inner, *args[1:])))


def _split(e: Expr) -> tuple[Fraction, tuple[Expr, ...]]:
    """Rational coefficient and the other factors of an element-wise product."""
    coefficient = Fraction(1)
    factors: list[Expr] = []
    stack = [e]
    while stack:
        factor = stack.pop()
        if isinstance(factor, Constant):
            coefficient *= factor.value
        elif is_open(TIMES, factor):
            stack.extend(factor.args)
        else:
            factors.append(factor)
    return coefficient, tuple(factors)


def _product(factors: tuple[Expr, ...]) -> Expr:
    """Element-wise product, flat and sorted, with one coefficient in front, distributed over a sum."""
    coefficient = Fraction(1)
    flat: list[Expr] = []
    for factor in factors:
        number, rest = _split(factor)
        coefficient *= number
        flat.extend(rest)
    others = list(_sorted(tuple(flat)))
    if coefficient != 1 and len(others) == 1:
        [only] = others
        if isinstance(only, Apply) and only.op is ADD:
            return _total(tuple(_product((Constant(coefficient), arg)) for arg in only.args))
    if coefficient != 1 or not others:
        others.insert(0, Constant(coefficient))
    return others[0] if len(others) == 1 else TIMES(*others)


def _chain(factors: tuple[Expr, ...]) -> Expr:
    """Matrix product with the coefficients of its factors in front."""
    coefficient = Fraction(1)
    chain: list[Expr] = []
    for factor in factors:
        number, rest = _split(factor)
        coefficient *= number
        inner = rest[0] if len(rest) == 1 else TIMES(*_sorted(rest))
        chain.extend(pieces(MATMUL, inner))
    return _product((Constant(coefficient), MATMUL(*chain)))


def _total(terms: tuple[Expr, ...]) -> Expr:
    flat: list[Expr] = []
    for term in terms:
        flat.extend(pieces(ADD, term))
    return ADD(*_sorted(tuple(flat)))


def _sorted(args: tuple[Expr, ...]) -> tuple[Expr, ...]:
    return tuple(sorted(args, key=structural))
