"""Normalising constructors that multiply matrices: products, powers, inverses, traces, sums.

They call each other: a scalar product with ones is a sum, a sum of a product of vectors is a scalar
product. See ``build`` for what normalising means.
"""

from __future__ import annotations

from math import prod
from typing import Any

from matcalc.core.dim import ONE
from matcalc.core.expr import Apply, Constant, Expr, Symbol
from matcalc.core.order import structural
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.linalg import DIAG, DIAGONAL, INV, PINV, TRACE, TRIL, TRIU
from matcalc.ops.reduction import SOFTMAX, SOFTMAX_1, SOFTMAX_2, SUM
from matcalc.ops.structural import KRON, MATMUL, MATPOW, TIMES, TRANSPOSE
from matcalc.passes import exponents
from matcalc.passes.build import (
    MINUS,
    UNIT,
    as_power,
    diag,
    exponent_sum,
    eye,
    is_op,
    is_zero,
    join_times,
    ones,
    power,
    scaled,
    size,
    split_coefficient,
    times,
    transposed,
    without_scalars,
    zeros,
)
from matcalc.passes.equal import canonical, same
from matcalc.passes.properties import is_skew, properties
from matcalc.passes.runs import LONGEST_RUN, is_open, pieces

#: Longest run of factors that is compared with an inverted product.
INVERSE_WIDTH = 16


def between_diagonals(left: Expr | None, core: Expr, right: Expr | None) -> Expr:
    """``diag(left) core diag(right)``; None is no weight."""
    before, after = ([] if weight is None else [diag(weight)] for weight in (left, right))
    return product(*before, core, *after)


def product(*factors: Expr) -> Expr:
    """Matrix product in which scalars may stand anywhere."""
    scalars: list[Expr] = []
    chain: list[Expr] = []
    for factor in factors:
        if is_open(MATMUL, factor):
            _extend(chain, factor.args, scalars)
        elif factor.is_scalar:
            scalars.append(factor)
        elif is_op(factor, TIMES):
            numbers, array = without_scalars(factor)
            scalars.extend(numbers)
            _extend(chain, pieces(MATMUL, array), scalars)
        else:
            _append(chain, factor, scalars)
    return times(*scalars, _chain(chain)) if chain else times(*scalars)


def _extend(chain: list[Expr], pieces: tuple[Expr, ...], scalars: list[Expr]) -> None:
    """Put a product that is in normal form at the right end: only where they meet can factors cancel."""
    for place, piece in enumerate(pieces):
        _append(chain, piece, scalars)
        if place > INVERSE_WIDTH and chain and chain[-1] is piece:
            chain.extend(pieces[place + 1 :])
            if chain[-1].shape[1].is_unit:
                _close_scalar(chain, scalars)
            return


def _append(chain: list[Expr], piece: Expr, scalars: list[Expr]) -> None:
    """Put one more factor at the right end, cancelling against what stands there."""
    if is_op(piece, EYE):
        if not chain:
            chain.append(piece)
        return
    if chain and is_op(chain[-1], EYE) and len(chain) == 1:
        chain.pop()
    if chain:
        last = chain[-1]
        joined = _join(last, piece)
        if joined is not None:
            chain.pop()
            if joined.is_scalar:
                scalars.append(joined)
                return
            inner = joined.args if is_op(joined, TIMES) else (joined,)
            scalars.extend(arg for arg in inner if arg.is_scalar)
            _append(chain, join_times(tuple(a for a in inner if not a.is_scalar)), scalars)
            return
    if chain and is_diagonal(piece) and is_diagonal(chain[-1]):
        _insert_diagonal(chain, piece)
        return
    chain.append(piece)
    _cancel_inverse(chain)
    _cancel_pseudo_inverse(chain)
    if len(chain) > 1 and chain[-1].shape[1].is_unit:
        _close_scalar(chain, scalars)


def is_diagonal(e: Expr) -> bool:
    """Whether it is known to be a diagonal matrix."""
    return e.is_square and "diagonal" in properties(e)


def _insert_diagonal(chain: list[Expr], piece: Expr) -> None:
    """Diagonal matrices commute: put one more into the run at the right end, in a fixed order."""
    start = len(chain)
    while start and len(chain) - start < INVERSE_WIDTH and is_diagonal(chain[start - 1]):
        start -= 1
    for place in range(start, len(chain)):
        joined = _join(chain[place], piece)
        if joined is not None:
            chain[place : place + 1] = [] if is_op(joined, EYE) and len(chain) > 1 else [joined]
            return
    run = [*chain[start:], piece]
    chain[start:] = sorted(
        run, key=lambda factor: (leading_name(factor), structural(canonical(factor)))
    )


def _cancel_inverse(chain: list[Expr]) -> None:
    """``(P Q)^-1 P Q`` and ``P Q (P Q)^-1`` at the right end are the identity."""
    for place in _inverses_near_the_end(chain):
        factors = chain[place].args[0].args
        width = len(factors)
        start = place - width if place == len(chain) - 1 else place + 1
        if start < 0 or start + width > len(chain):
            continue
        if all(map(same, factors, chain[start : start + width])):
            dim = chain[place].shape[0]
            del chain[min(start, place) :]
            if not chain:
                chain.append(eye(dim))
            return


def _cancel_pseudo_inverse(chain: list[Expr]) -> None:
    """With P = pinv(X), X P and P X are projectors: ``X P X = X``, ``X' X P = X'``, ``P P' X' = P``."""
    if len(chain) < 3 or not any(map(_is_pseudo_inverse, chain[-3:])):
        return
    a, b, c = chain[-3:]
    if _is_pair(a, b) and (same(c, a) or same(c, transposed(b))):
        del chain[-3:-1]
    elif _is_pair(b, c) and (same(a, c) or same(a, transposed(b))):
        del chain[-2:]


def _is_pseudo_inverse(e: Expr) -> bool:
    return is_op(e.args[0] if is_op(e, TRANSPOSE) else e, PINV)


def _is_pair(left: Expr, right: Expr) -> bool:
    """Whether one is the pseudo-inverse of the other."""
    if is_op(left, TRANSPOSE) and is_op(right, TRANSPOSE):
        left, right = left.args[0], right.args[0]
    return any(is_op(p, PINV) and same(p.args[0], x) for p, x in ((left, right), (right, left)))


def _inverses_near_the_end(chain: list[Expr]) -> list[int]:
    """Places of inverted products that the last factor is or may complete."""
    last = len(chain) - 1
    found = [last] if _is_inverted_product(chain[last]) else []
    found.extend(
        place
        for place in range(max(0, last - INVERSE_WIDTH), last)
        if _is_inverted_product(chain[place]) and len(chain[place].args[0].args) == last - place
    )
    return found


def _is_inverted_product(e: Expr) -> bool:
    return is_op(e, INV) and is_op(e.args[0], MATMUL)


def _close_scalar(chain: list[Expr], scalars: list[Expr]) -> None:
    """Move a row ... column run at the end of the chain to the scalars, if one precedes more."""
    for start in range(len(chain) - 2, -1, -1):
        if chain[start].shape[0].is_unit:
            scalars.append(_scalar_chain(chain[start:]))
            del chain[start:]
            return
        if chain[start].shape[1].is_unit:
            return


def _join(left: Expr, right: Expr) -> Expr | None:
    """The product of two neighbours where it is simpler than the two, else None."""
    if is_op(left, DIAG):
        if is_op(right, DIAG):
            return DIAG(times(left.args[0], right.args[0]))
        if right.shape[1].is_unit:
            return times(left.args[0], right)
    if is_op(right, DIAG) and left.shape[0].is_unit:
        return transposed(times(transposed(left), right.args[0]))
    if is_zero(left) or is_zero(right):
        return zeros((left.shape[0], right.shape[1]))
    if is_op(left, ONES) and is_op(right, ONES):
        return times(size(left.shape[1]), ones((left.shape[0], right.shape[1])))
    if (is_op(left, SOFTMAX_2) and is_op(right, ONES)) or (
        is_op(left, ONES) and is_op(right, SOFTMAX_1)
    ):
        return ones((left.shape[0], right.shape[1]))
    if left.is_square and right.is_square:
        return eye(left.shape[0]) if _orthogonal_pair(left, right) else _join_powers(left, right)
    return None


def _orthogonal_pair(left: Expr, right: Expr) -> bool:
    """``Q' Q`` or ``Q Q'``."""
    return "orthogonal" in properties(left) and same(transposed(left), right)


def _join_powers(left: Expr, right: Expr) -> Expr | None:
    """``X X^2 = X^3``, ``X X^-1 = I``, under transposes too."""
    base, k = _as_matrix_power(left)
    other, j = _as_matrix_power(right)
    return _matrix_power_of(base, exponent_sum(k, j)) if same(base, other) else None


def _as_matrix_power(e: Expr) -> tuple[Expr, Expr]:
    if is_op(e, MATPOW):
        base, inner = _as_matrix_power(e.args[0])
        return base, exponents.product(inner, e.args[1])
    if is_op(e, TRANSPOSE) and not isinstance(e.args[0], Symbol):
        base, k = _as_matrix_power(e.args[0])
        return transposed(base), k
    return (e.args[0], MINUS) if is_op(e, INV) else (e, UNIT)


def _matrix_power_of(base: Expr, k: Expr) -> Expr:
    if k == Constant(0):
        return eye(base.shape[0])
    if is_op(base, TRANSPOSE):
        return transposed(_matrix_power_of(base.args[0], k))
    if exponents.is_negative(k):
        base, k = INV(base), exponents.product(MINUS, k)
    return base if k is UNIT else MATPOW(base, k)


def matrix_power(base: Expr, exponent: Expr) -> Expr:
    """``base ^ exponent`` for a square matrix."""
    if base.is_scalar:
        return power(base, exponent)
    if not exponents.is_whole(exponent):
        return MATPOW(base, exponent)
    inner, k = _as_matrix_power(base)
    return _matrix_power_of(inner, exponents.product(k, exponent))


def _chain(chain: list[Expr]) -> Expr:
    if len(chain) == 1:
        return chain[0]
    if chain[0].shape[0].is_unit and chain[-1].shape[1].is_unit:
        return _scalar_chain(chain)
    return MATMUL(*chain)


def _scalar_chain(chain: list[Expr]) -> Expr:
    """A scalar ``a' A b``: sums for ones, and of the two ways to write it the plainer one."""
    if len(chain) == 1:
        return chain[0]
    if is_op(chain[0], ONES):
        return sum_of(_chain(chain[1:]))
    if is_op(chain[-1], ONES):
        return sum_of(_chain(chain[:-1]))
    straight = MATMUL(*chain)
    sign, flipped = split_coefficient(transposed_scalar(straight))
    if sign == -1 and same(flipped, straight):
        return Constant(0)
    if _orientation(flipped.args) < _orientation(straight.args):
        return scaled(sign, flipped)
    return straight


def transposed_scalar(e: Expr) -> Expr:
    """A scalar product ``a' A b`` written from the other end, ``b' A' a``."""
    signs, factors = zip(*(split_coefficient(transposed(arg)) for arg in e.args), strict=True)
    return scaled(prod(signs), MATMUL(*reversed(factors)))


def _orientation(chain: tuple[Expr, ...]) -> tuple[int, tuple[str, ...], tuple[Any, ...]]:
    """Fewer transposes first; between equals any fixed order, so that equals coincide."""
    return (
        sum(is_op(factor, TRANSPOSE) for factor in chain),
        tuple(leading_name(factor) for factor in chain),
        tuple(structural(canonical(factor)) for factor in chain),
    )


def leading_name(e: Expr) -> str:
    """Name of the leftmost variable, for orders that do not depend on what was built before."""
    while isinstance(e, Apply) and e.args:
        e = next((arg for arg in e.args if not isinstance(arg, Constant)), e.args[0])
    return e.name if isinstance(e, Symbol) else ""


def sum_of(e: Expr) -> Expr:
    """Sum of all entries."""
    if e.is_scalar:
        return e
    if is_zero(e):
        return Constant(0)
    if is_op(e, SOFTMAX):
        return Constant(1)
    if is_op(e, ONES):
        return size(e.shape[0] * e.shape[1])
    scalars, array = without_scalars(e)
    if scalars:
        return times(*scalars, sum_of(array))
    if e.shape[0].is_unit and not is_op(transposed(e), TRANSPOSE):
        return sum_of(transposed(e))
    if e.shape[1].is_unit and is_op(e, TIMES):
        return product(transposed(join_times(e.args[:-1])), e.args[-1])
    if e.shape[1].is_unit and as_power(e)[1] == 2:
        return product(transposed(as_power(e)[0]), as_power(e)[0])
    if is_op(e, MATMUL) and is_op(e.args[-1], ONES):
        return times(size(e.shape[1]), sum_of(_chain(list(e.args[:-1]))))
    if is_op(e, MATMUL) and is_op(e.args[0], ONES):
        return times(size(e.shape[0]), sum_of(_chain(list(e.args[1:]))))
    if is_op(e, DIAG, TRANSPOSE):
        return sum_of(e.args[0])
    if is_op(e, DIAGONAL):
        return trace(e.args[0])
    if is_op(e, EYE):
        return size(e.shape[0])
    return SUM(e)


# ------------------------------------------------------------------ inverse, trace, diagonal


def inverse(e: Expr) -> Expr:
    """Inverse; ``(A B)^-1 = B^-1 A^-1`` for square factors, which are then invertible too."""
    if e.is_scalar:
        return power(e, MINUS)
    op, args = (e.op, e.args) if isinstance(e, Apply) else (None, ())
    if op is INV:
        return args[0]
    if op is EYE:
        return e
    if op is MATPOW:
        base, k = _as_matrix_power(e)
        return INV(e) if base is e else _matrix_power_of(base, exponents.product(MINUS, k))
    if op is TRANSPOSE:
        return transposed(inverse(args[0]))
    if op is DIAG:
        return DIAG(power(args[0], MINUS))
    if op is TIMES and all(arg.is_scalar for arg in args[:-1]):
        return times(*(power(arg, MINUS) for arg in args[:-1]), inverse(args[-1]))
    if op is MATMUL and all(arg.is_square and arg.op is not MATMUL for arg in args):
        return product(*(inverse(arg) for arg in reversed(args)))
    if op is KRON and all(arg.is_square for arg in args):
        return KRON(*(inverse(arg) for arg in args))
    return transposed(e) if "orthogonal" in properties(e) else INV(e)


def trace(e: Expr) -> Expr:
    """Trace; products start with the factor that makes them plainest."""
    if e.is_scalar:
        return e
    coefficient, rest = split_coefficient(e)
    if coefficient != 1:
        return scaled(coefficient, trace(rest))
    if is_skew(e):
        return Constant(0)
    if not isinstance(e, Apply):
        return TRACE(e)
    op, args = e.op, e.args
    if op in (TRANSPOSE, TRIL, TRIU):
        return trace(args[0])
    if op is EYE:
        return size(e.shape[0])
    if op is DIAG:
        return sum_of(args[0])
    if op is KRON and all(arg.is_square for arg in args):
        return times(*(trace(arg) for arg in args))
    scalars, array = without_scalars(e)
    if scalars:
        return times(*scalars, trace(array))
    if op is MATMUL:
        return _trace_of_product(args)
    return TRACE(e)


def _trace_of_product(args: tuple[Expr, ...]) -> Expr:
    for start, factor in enumerate(args):
        if factor.shape[0].is_unit:
            return product(*args[start:], *args[:start])
    if len(args) > LONGEST_RUN:
        return TRACE(product(*args))
    rotations = [args[k:] + args[:k] for k in range(len(args))]
    flipped = tuple(transposed(arg) for arg in reversed(args))
    signs, plain = zip(*map(split_coefficient, flipped), strict=True)
    if prod(signs) == -1 and plain in rotations:
        # The trace of a symmetric times a skew matrix.
        return Constant(0)
    rotations += [flipped[k:] + flipped[:k] for k in range(len(args))]
    best = min(rotations, key=_orientation)
    folded = product(*best)
    return TRACE(folded) if is_op(folded, MATMUL) else trace(folded)


def diagonal(e: Expr) -> Expr:
    """Diagonal of a square matrix as a vector."""
    if is_op(e, DIAG):
        return e.args[0]
    if is_op(e, EYE):
        return ones((e.shape[0], ONE))
    if is_op(e, TRANSPOSE, TRIL, TRIU):
        return diagonal(e.args[0])
    if is_op(e, TIMES):
        return times(*(arg if arg.is_scalar else diagonal(arg) for arg in e.args))
    return _diagonal_of_product(e) if is_op(e, MATMUL) else DIAGONAL(e)


def _diagonal_of_product(e: Expr) -> Expr:
    """``diag(u v') = u .* v``; of a product and its transpose the plainer one."""
    for cut, factor in enumerate(e.args):
        if cut and factor.shape[0].is_unit:
            return times(product(*e.args[:cut]), transposed(product(*e.args[cut:])))
    flipped = transposed(e)
    if is_op(flipped, MATMUL) and _orientation(flipped.args) < _orientation(e.args):
        return DIAGONAL(flipped)
    return DIAGONAL(e)
