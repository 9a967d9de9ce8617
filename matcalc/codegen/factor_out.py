"""Common factors of the terms of an index expression, pulled out of the sum.

``sum_m A[i,k,m] X[j,m] X[l,m] + sum_m B[i,k,m] X[j,m] X[l,m]`` is ``sum_m (A + B)[i,k,m] X[j,m] X[l,m]``:
one product of the size of the result instead of two. The sum inside has the index m as a free one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from matcalc.core.index import Factor, Index, IndexExpr, Term

#: Terms of longer sums are not compared.
MOST_TERMS = 64

#: Of more factors that might be common, only all together and each alone are tried.
MOST_FACTORS = 8

UNIT = Fraction(1)


@dataclass(frozen=True)
class Common:
    """Factors, and the sum that they are multiplied by.

    Attributes:
        factors: the common factors.
        rest: what stands beside them; its free indices are those that the factors or the result have.
    """

    factors: tuple[Factor, ...]
    rest: IndexExpr


@dataclass(frozen=True)
class _Place:
    """Where some factors stand: in which term, next to which bound index."""

    term: int
    bound: Index | None
    factors: tuple[Factor, ...]


def factor_out(expr: IndexExpr) -> list[Term | Common]:
    """The terms of a sum with what is common to some of them pulled out, once."""
    remaining = dict(enumerate(expr.terms))
    result: list[Term | Common] = []
    if 1 < len(remaining) <= MOST_TERMS:
        places = _places(expr)
        while chosen := _most_common(places, remaining):
            result.append(_common([remaining.pop(place.term) for place in chosen], chosen, expr))
    return [*result, *remaining.values()]


def _places(expr: IndexExpr) -> dict[object, list[_Place]]:
    """Every choice of factors that might be common, and where it is found."""
    free = frozenset(expr.free)
    found: dict[object, list[_Place]] = {}
    for number, term in enumerate(expr.terms):
        for bound, factors in _candidates(term, free):
            key = frozenset(
                (f.expr, tuple(i if i in free else None for i in f.indices)) for f in factors
            )
            places = found.setdefault((bound is None, key), [])
            if all(place.term != number for place in places):
                places.append(_Place(number, bound, factors))
    return found


def _candidates(
    term: Term, free: frozenset[Index]
) -> Iterator[tuple[Index | None, tuple[Factor, ...]]]:
    """Factors that have free indices and at most one bound index, the same for all."""
    arrays = [factor for factor in term.factors if factor.slots]
    bound = list(dict.fromkeys(i for factor in arrays for i in factor.indices if i not in free))
    for index in (None, *bound):
        allowed = free if index is None else free | {index}
        loose = [factor for factor in arrays if allowed.issuperset(factor.indices)]
        lengths = range(1, len(loose) + 1) if len(loose) <= MOST_FACTORS else (1, len(loose))
        for length in lengths:
            for chosen in combinations(loose, length):
                if index is None or any(index in factor.indices for factor in chosen):
                    yield index, chosen


def _most_common(
    places: Mapping[object, list[_Place]], remaining: Mapping[int, Term]
) -> list[_Place]:
    """Where the factors stand that save most; nothing if none is in two terms."""

    def saved(found: list[_Place]) -> tuple[int, int]:
        return (len(found) - 1) * len(_covered(found[0])), len(found[0].factors)

    left = ([place for place in some if place.term in remaining] for some in places.values())
    repeated = [some for some in left if len(some) > 1 and _is_smaller(some, remaining)]
    return max(repeated, key=saved, default=[])


def _covered(place: _Place) -> set[Index]:
    return {index for factor in place.factors for index in factor.indices}


def _is_smaller(places: list[_Place], terms: Mapping[int, Term]) -> bool:
    """Whether the sum inside lacks an index that the common factors have."""
    inside = {
        index
        for place in places
        for factor in terms[place.term].factors
        if factor not in place.factors
        for index in factor.indices
    }
    return any(index not in inside for index in _covered(places[0]) - {places[0].bound})


def _common(terms: list[Term], places: list[_Place], expr: IndexExpr) -> Common:
    factors, bound = places[0].factors, places[0].bound
    # The terms may have other bound indices of the same name.
    shared = None if bound is None else Index(bound.dim, bound.hint)
    rest: list[Term] = []
    for term, place in zip(terms, places, strict=True):
        others = list(term.factors)
        for factor in place.factors:
            others.remove(factor)
        names = {} if place.bound is None or shared is None else {place.bound: shared}
        rest.append(Term(term.coefficient, tuple(others)).rename(names))
    if bound is not None and shared is not None:
        factors = tuple(factor.rename({bound: shared}) for factor in factors)
    inside = {index for term in rest for index in term.indices()}
    free = expr.free if shared is None else (*expr.free, shared)
    return Common(factors, IndexExpr(tuple(i for i in free if i in inside), tuple(rest)))
