"""Arrays with many axes in normal form: like terms of derivatives of high order gathered.

A derivative of order k is a sum over the ways to share out k axes. Terms that are equal in such a sum
do not look so while one hides in a sum, ``(I - x x')[i,j] x[k]``, and another is taken apart. Here
sums that have terms with separate indices are opened, and terms that differ in a single factor are
joined: ``A[i,j] x[k] + A[j,i] x[k] = (A + A')[i,j] x[k]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product as cartesian
from math import prod

from matcalc.core.expr import Constant, Expr, Symbol
from matcalc.core.index import MATRIX_AXES, Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TIMES
from matcalc.passes.build import UNIT, is_op, is_zero, scaled, split_coefficient, times, transposed
from matcalc.passes.collect import total
from matcalc.passes.contract import contract, term_key
from matcalc.passes.equal import canonical
from matcalc.passes.measure import measure
from matcalc.passes.multiply_out import multiply_out
from matcalc.passes.products import product
from matcalc.record import Record

#: Terms of longer arrays are not compared factor by factor.
JOIN_LIMIT = 500

#: Sums of vectors are distributed where that makes no more terms than this.
DISTRIBUTE_LIMIT = 64

UNIT_COEFFICIENT = Fraction(1)


def gather(expr: IndexExpr) -> IndexExpr:
    """The same array with fewer terms, where terms are alike but for one factor.

    A matrix is one term, in which products are multiplied out where that is shorter.
    """
    if len(expr.free) <= MATRIX_AXES:
        return expr.mapped(multiply_out)
    whole = _open(expr, free_only=True)
    opened = _open(whole)
    gathered = _gathered(opened)
    if opened is not whole:
        # A sum with a bound index, (1 - t.^2)[i,m], is opened only where like terms then meet.
        gathered = min(gathered, _gathered(whole), key=_size)
    terms = tuple(part for term in opened.terms for part in _distributed(term))
    if not len(opened.terms) < len(terms) <= DISTRIBUTE_LIMIT:
        return gathered
    # A residual W x - y stays one, unless like terms meet without it.
    distributed = contract(IndexExpr(expr.free, terms))
    return min(gathered, _gathered(distributed), key=_size)


def gather_array(expr: IndexExpr) -> IndexExpr:
    """The same with fewer terms if it has too many axes for a matrix; a matrix as it is."""
    return gather(expr) if len(expr.free) > MATRIX_AXES else expr


def _gathered(expr: IndexExpr) -> IndexExpr:
    pieces = [_Piece.of(term) for term in expr.terms]
    if len(pieces) <= JOIN_LIMIT:
        pieces = _join(pieces, expr.free)
    return IndexExpr(expr.free, tuple(term for piece in pieces for term in piece.terms()))


def _size(expr: IndexExpr) -> int:
    """The number of names, numbers and operators, about."""
    sizes = (measure(f.expr) + len(f.indices) for term in expr.terms for f in term.factors)
    return len(expr.terms) + sum(sizes)


# ------------------------------------------------------------------ opening


def _open(expr: IndexExpr, free_only: bool = False) -> IndexExpr:
    """Sums with a term whose indices can stand apart distributed, diagonal matrices taken out of
    products, and all that contracted anew; on request only where all indices are free.
    """
    allowed = frozenset(expr.free) if free_only else None
    while True:
        pieces = [_opened(term, allowed) for term in expr.terms]
        if not any(pieces):
            return expr
        terms = [t for old, new in zip(expr.terms, pieces, strict=True) for t in new or (old,)]
        expr = contract(IndexExpr(expr.free, tuple(terms)))


def _opened(term: Term, allowed: frozenset[Index] | None) -> list[Term]:
    """The terms that the first factor to open makes of this one; none if there is no such factor."""
    for place, factor in enumerate(term.factors):
        if allowed is not None and not allowed.issuperset(factor.indices):
            continue
        if len(factor.slots) == 2 and (products := _products(factor)):
            rest = (*term.factors[:place], *term.factors[place + 1 :])
            return [Term(term.coefficient, (*opened, *rest)) for opened in products]
    return []


def _products(factor: Factor) -> list[tuple[Factor, ...]]:
    """A matrix entry as a sum of products, where that sets its two indices apart; else nothing."""
    expr, slots = factor.expr, factor.slots
    if is_op(expr, ADD) and any(map(_separates, expr.args)):
        return [(Factor(arg, slots),) for arg in expr.args]
    if is_op(expr, MATMUL) and is_op(expr.args[0], DIAG):
        weight = Factor(expr.args[0].args[0], slots[:1])
        return [(weight, Factor(product(*expr.args[1:]), slots))]
    if is_op(expr, MATMUL) and is_op(expr.args[-1], DIAG):
        weight = Factor(expr.args[-1].args[0], slots[1:])
        return [(Factor(product(*expr.args[:-1]), slots), weight)]
    return []


def _separates(e: Expr) -> bool:
    """Whether an entry of the matrix is a product of a delta or of entries of vectors."""
    if is_op(e, TIMES):
        return any(_separates(arg) for arg in e.args)
    if is_op(e, MATMUL):
        return any(arg.shape[0].is_unit for arg in e.args[1:])
    return is_op(e, EYE, DIAG, ONES)


def _distributed(term: Term) -> list[Term]:
    """The term with the sums of vectors in it distributed."""
    choices = [
        [Factor(arg, f.slots) for arg in f.expr.args] if _is_vector_sum(f) else [f]
        for f in term.factors
    ]
    if prod(map(len, choices)) > DISTRIBUTE_LIMIT:
        return [term]
    return [Term(term.coefficient, chosen) for chosen in cartesian(*choices)]


def _is_vector_sum(factor: Factor) -> bool:
    return len(factor.slots) == 1 and is_op(factor.expr, ADD)


# ------------------------------------------------------------------ joining terms


class _Piece(Record, eq=False):
    """A term as one scalar times arrays."""

    scalar: Expr
    arrays: tuple[Factor, ...]

    @staticmethod
    def of(term: Term) -> _Piece:
        scalars = (factor.expr for factor in term.factors if not factor.slots)
        arrays = tuple(factor for factor in term.factors if factor.slots)
        return _Piece(times(Constant(term.coefficient), *scalars), arrays)

    def with_array(self, position: int, factor: Factor, scalar: Expr) -> _Piece:
        """The piece with another array at one position, and another scalar."""
        arrays = (*self.arrays[:position], factor, *self.arrays[position + 1 :])
        return _Piece(scalar, arrays)

    def terms(self) -> list[Term]:
        """The term, or none if it vanishes."""
        coefficient, rest = split_coefficient(self.scalar)
        factors = rest.args if is_op(rest, TIMES) else () if rest is UNIT else (rest,)
        if coefficient == 0 or any(is_zero(factor.expr) for factor in self.arrays):
            return []
        return [Term(coefficient, (*map(Factor, factors), *self.arrays))]


def _aligned(pieces: list[_Piece], place: Mapping[Index, int]) -> list[_Piece]:
    """Of two sums that are each other's negative only the first is kept: ``-(A - B)[i,j]`` for ``(B - A)[i,j]``."""
    met: set[Expr] = set()
    result: list[_Piece] = []
    for piece in pieces:
        aligned = piece
        for position, factor in enumerate(piece.arrays):
            oriented = _oriented(factor, place)
            if is_op(oriented.expr, ADD):
                negative = total(*(scaled(-1, term) for term in oriented.expr.args))
                if canonical(oriented.expr) not in met and canonical(negative) in met:
                    oriented = Factor(negative, oriented.slots)
                    aligned = aligned.with_array(position, oriented, scaled(-1, aligned.scalar))
                met.add(canonical(oriented.expr))
        result.append(aligned)
    return result


#: Where a piece may differ from another one: at its scalar, or at one of its arrays.
SCALAR = -1


def _join(pieces: list[_Piece], free: tuple[Index, ...]) -> list[_Piece]:
    """Pieces that differ at one place only added up, the largest groups first."""
    keys: dict[_Piece, list[tuple[object, int]]] = {}
    place = {index: k for k, index in enumerate(free)}
    while True:
        pieces = _aligned(pieces, place)
        groups: dict[object, dict[_Piece, int]] = {}
        for piece in pieces:
            if piece not in keys:
                keys[piece] = list(_keys(piece, place))
            for key, position in keys[piece]:
                groups.setdefault(key, {}).setdefault(piece, position)
        alike = sorted((g for g in groups.values() if len(g) > 1), key=len, reverse=True)
        if not alike:
            return pieces
        replaced: dict[_Piece, _Piece | None] = {}
        for group in alike:
            if not any(piece in replaced for piece in group):
                first, *others = group
                replaced[first] = _sum(group, place)
                replaced.update(dict.fromkeys(others))
        pieces = [new for old in pieces if (new := replaced.get(old, old)) is not None]


def _keys(piece: _Piece, place: Mapping[Index, int]) -> Iterator[tuple[object, int]]:
    """What the piece has in common with those that may differ from it at a position."""
    free = tuple(place)
    arrays = [_oriented(factor, place) for factor in piece.arrays]
    yield (SCALAR, term_key(Term(UNIT_COEFFICIENT, tuple(arrays)), free)), SCALAR
    scalar = Factor(canonical(split_coefficient(piece.scalar)[1]))
    for position, factor in enumerate(arrays):
        if len(factor.slots) == 1 or not _separates(factor.expr):
            gap = Factor(Symbol("", factor.expr.shape), factor.slots)
            rest = (scalar, *arrays[:position], gap, *arrays[position + 1 :])
            yield term_key(Term(UNIT_COEFFICIENT, rest), free), position


def _oriented(factor: Factor, place: Mapping[Index, int]) -> Factor:
    """Of two free indices the earlier one first."""
    return _flipped(factor) if _is_turned(factor, place) else factor


def _is_turned(factor: Factor, place: Mapping[Index, int]) -> bool:
    known = [place[slot] for slot in factor.slots if isinstance(slot, Index) and slot in place]
    return len(known) == len(factor.slots) == 2 and known[1] < known[0]


def _flipped(factor: Factor) -> Factor:
    return Factor(transposed(factor.expr), factor.slots[::-1])


def _sum(group: dict[_Piece, int], place: Mapping[Index, int]) -> _Piece:
    """The sum of pieces that differ at the given positions, in the place of the first."""
    first, position = next(iter(group.items()))
    if position == SCALAR:
        return _Piece(multiply_out(total(*(piece.scalar for piece in group))), first.arrays)
    summands = []
    for piece, at in group.items():
        coefficient = split_coefficient(piece.scalar)[0]
        summands.append(scaled(coefficient, _oriented(piece.arrays[at], place).expr))
    own = first.arrays[position]
    joined = Factor(multiply_out(total(*summands)), _oriented(own, place).slots)
    if _is_turned(own, place):
        joined = _flipped(joined)
    coefficient, rest = split_coefficient(joined.expr)
    scalar = scaled(coefficient, split_coefficient(first.scalar)[1])
    return first.with_array(position, Factor(rest, joined.slots), scalar)
