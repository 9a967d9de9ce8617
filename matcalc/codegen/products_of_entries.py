"""The order in which the factors of an index term are multiplied: what is small first.

Bound indices are eliminated one after the other, that with the cheapest product first, as in
``passes/network.py``; then what is left is multiplied, the array of the size of the result last. Sizes
are not known: a product costs the power of n that it would have if all sizes were n, numbers counting
as less. Eliminations that look alike are done together, so that the two halves of a Hessian ``J' D J``
are one node.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import combinations, count
from math import log

from matcalc.codegen.arrays import einsum
from matcalc.codegen.cost import USUAL_SIZE
from matcalc.codegen.items import transposed
from matcalc.core.dim import Dim
from matcalc.core.expr import Expr
from matcalc.core.index import Factor, Index
from matcalc.errors import LimitProblem
from matcalc.ops.structural import MATMUL, TIMES, TRANSPOSE
from matcalc.passes.build import is_op

#: Letters of subscripts, in the order in which they are given out.
LETTERS = "ijklmnpqrstuvwabcdefghoxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Factors that are multiplied in the best of all orders; more are multiplied greedily.
SEARCHED = 6

#: Indices of more factors than this are eliminated last.
MANY = 16


def last_product(factors: Iterable[Factor], kept: Sequence[Index]) -> list[Factor]:
    """At most two factors that have the same product, summed over what is not kept.

    The indices of each are plain and differ.
    """
    return _split(_Elimination(factors, kept).run(), kept)


def multiplied(left: Factor, right: Factor, kept: Sequence[Index]) -> Factor:
    """The product of two factors, with the kept indices in their order."""
    matrix = _matrix_product(left, right, kept)
    if matrix is not None:
        return rearranged(matrix, kept)
    # As in a matrix product the columns are those of the right factor.
    if kept and (
        kept[-1] not in right.indices or (kept[-1] in left.indices and kept[0] not in left.indices)
    ):
        left, right = right, left
    letters = letters_of([*kept, *left.indices, *right.indices])
    left_letters, right_letters = (
        "".join(letters[index] for index in factor.indices) for factor in (left, right)
    )
    output = "".join(letters[index] for index in kept)
    operation = einsum(f"{left_letters},{right_letters}->{output}")
    return Factor(operation(left.expr, right.expr), tuple(kept))


def rearranged(factor: Factor, kept: Sequence[Index]) -> Factor:
    """The factor with the kept indices in their order, summed over the others."""
    if factor.indices == tuple(kept):
        return factor
    if len(kept) == 2 and factor.indices == (kept[1], kept[0]):
        return _turned(factor)
    letters = letters_of([*kept, *factor.indices])
    inputs, output = ("".join(letters[index] for index in some) for some in (factor.indices, kept))
    return Factor(einsum(f"{inputs}->{output}")(factor.expr), tuple(kept))


def letters_of(indices: Iterable[Index]) -> dict[Index, str]:
    """A letter for each index, in the order of the alphabet."""
    different = list(dict.fromkeys(indices))
    if len(different) > len(LETTERS):
        raise LimitProblem(f"a product with more than {len(LETTERS)} indices is beyond einsum")
    return dict(zip(different, LETTERS, strict=False))


def size_of(indices: Iterable[Index]) -> float:
    """The number of entries of an array with these indices, about."""
    return float(USUAL_SIZE ** sum(_power(index.dim) for index in indices))


def _power(dim: Dim) -> float:
    return len(dim.symbols) + log(dim.coefficient, USUAL_SIZE)


# ------------------------------------------------------------------ eliminating bound indices


class _Elimination:
    """Factors that are multiplied, and the bound indices that are still to be eliminated."""

    def __init__(self, factors: Iterable[Factor], kept: Collection[Index]) -> None:
        self._kept = frozenset(kept)
        self._factors: dict[int, Factor] = {}
        self._ages: dict[Expr, int] = {}
        self._users: dict[Index, set[int]] = {}
        self._looks: dict[Index, object] = {}
        self._alike: dict[object, dict[Index, None]] = {}
        self._queue: list[tuple[float, int, int, Index, object]] = []
        self._ids = count()
        for factor in factors:
            self._add(factor)
        for index in list(self._users):
            self._enqueue(index)

    def run(self) -> list[Factor]:
        """What is left when all remaining factors have the remaining bound indices in common."""
        while self._queue:
            *_, index, look = heappop(self._queue)
            if self._looks.get(index) == look and len(self._users[index]) < len(self._factors):
                for twin in list(self._alike[look]):
                    # The first may have changed what the others are indices of.
                    if self._looks.get(twin) == look:
                        self._eliminate(twin)
        return list(self._factors.values())

    def _add(self, factor: Factor) -> None:
        user = next(self._ids)
        self._factors[user] = factor
        self._ages.setdefault(factor.expr, user)
        for index in factor.indices:
            self._users.setdefault(index, set()).add(user)

    def _group(self, index: Index) -> list[Factor]:
        """The factors with this index, in an order that is the same for all that look alike."""
        group = (self._factors[user] for user in sorted(self._users[index]))
        return sorted(group, key=lambda f: (self._ages[f.expr], f.indices.index(index)))

    def _eliminate(self, index: Index) -> None:
        group = self._group(index)
        for user in list(self._users[index]):
            for other in self._factors.pop(user).indices:
                self._users[other].discard(user)
        union = _union(group)
        outside = [i for i in union if i in self._kept or self._users[i]]
        for gone in union:
            if gone not in outside:
                self._forget(gone)
        product = _product(_split(group, outside), outside)
        self._add(product)
        for changed in product.indices:
            self._enqueue(changed)

    def _forget(self, index: Index) -> None:
        look = self._looks.pop(index, None)
        if look is not None:
            self._alike[look].pop(index)

    def _enqueue(self, index: Index) -> None:
        self._forget(index)
        if index in self._kept or len(self._users[index]) > MANY:
            return
        group = self._group(index)
        union = _union(group)
        numbers = {index: 0}
        look = tuple(
            (self._ages[f.expr], *(numbers.setdefault(i, len(numbers)) for i in f.indices))
            for f in group
        )
        self._looks[index] = look
        self._alike.setdefault(look, {})[index] = None
        # From the ends of a chain inwards: so do both ends of a symmetric one meet in the middle.
        ends = sum(i in self._kept for i in union)
        heappush(self._queue, (size_of(union), -ends, next(self._ids), index, look))


def _union(factors: Iterable[Factor]) -> list[Index]:
    return list(dict.fromkeys(index for factor in factors for index in factor.indices))


# ------------------------------------------------------------------ the order of few factors


def _split(factors: Sequence[Factor], kept: Sequence[Index]) -> list[Factor]:
    """At most two factors with the same product, multiplied in the cheapest order."""
    if len(factors) > SEARCHED:
        return _greedy(factors, kept)
    best: dict[frozenset[int], tuple[float, frozenset[int]]] = {
        frozenset({k}): (0.0, frozenset()) for k in range(len(factors))
    }
    everything = frozenset(range(len(factors)))

    def outside(part: frozenset[int]) -> list[Index]:
        rest = set(_union(factors[k] for k in everything - part))
        union = _union(factors[k] for k in part)
        return [i for i in kept if i in union] + [i for i in union if i in rest and i not in kept]

    def cost_of(left: frozenset[int], right: frozenset[int]) -> float:
        own = _cost(outside(left), outside(right), outside(left | right))
        return best[left][0] + best[right][0] + own

    for length in range(2, len(factors) + 1):
        for part in map(frozenset, combinations(range(len(factors)), length)):
            lowest, left = min((cost_of(half, part - half), sorted(half)) for half in _halves(part))
            best[part] = lowest, frozenset(left)

    def formed(part: frozenset[int]) -> Factor:
        """The product of some factors; not deeper than there are factors to search."""
        if len(part) == 1:
            (k,) = part
            return factors[k]
        left = best[part][1]
        return _product([formed(left), formed(part - left)], outside(part))

    if len(factors) < 2:
        return list(factors)
    first = best[everything][1]
    return [formed(first), formed(everything - first)]


def _halves(part: frozenset[int]) -> Iterator[frozenset[int]]:
    """Every way to take the set in two, once."""
    first, *rest = sorted(part)
    for length in range(len(rest)):
        for others in combinations(rest, length):
            yield frozenset({first, *others})


def _cost(left: Collection[Index], right: Collection[Index], result: Collection[Index]) -> float:
    """What a product costs; both arrays are copied where it is one of matrices for each of a batch."""
    common = [index for index in left if index in right]
    is_batch = 0 < sum(index in result for index in common) < len(common)
    copied = size_of(left) + size_of(right)
    return size_of({*left, *right}) + (2 if is_batch else 1) * copied


def _greedy(factors: Sequence[Factor], kept: Sequence[Index]) -> list[Factor]:
    """The smallest two multiplied until there are two left."""
    remaining = list(factors)
    while len(remaining) > 2:
        remaining.sort(key=lambda factor: size_of(factor.indices))
        first, second, *rest = remaining
        needed = [*kept, *_union(rest)]
        remaining = [_product([first, second], list(dict.fromkeys(needed))), *rest]
    return remaining


# ------------------------------------------------------------------ one product


def _product(pair: Sequence[Factor], kept: Sequence[Index]) -> Factor:
    """The product of one or two factors, with its axes where they fall."""
    if len(pair) == 1:
        return rearranged(pair[0], [i for i in pair[0].indices if i in kept])
    left, right = sorted(pair, key=lambda factor: len(factor.indices))
    union = [i for i in kept if i in left.indices or i in right.indices]
    both = [i for i in union if i in left.indices and i in right.indices]
    own = [i for i in union if i not in both]
    if any(index not in kept for index in left.indices):
        return multiplied(left, right, [*both, *own])
    # Nothing is summed: an array that has all of the axes keeps their order.
    order = right.indices if set(union) == set(right.indices) else [*own, *both]
    return multiplied(left, right, order)


def _matrix_product(left: Factor, right: Factor, kept: Collection[Index]) -> Factor | None:
    """The product in matrix notation; None if there is none."""
    summed = [i for i in left.indices if i not in kept]
    if max(len(left.indices), len(right.indices)) > 2:
        return None
    if set(left.indices) == set(right.indices) and not summed:
        return Factor(TIMES(left.expr, rearranged(right, left.indices).expr), left.indices)
    common = [i for i in left.indices if i in right.indices]
    if common != summed or len(summed) > 1:
        return None
    if not summed and len(left.indices) == len(right.indices) == 1:
        return Factor(MATMUL(_column(left.expr), _row(right.expr)), (*left.indices, *right.indices))
    if not summed:
        return None
    rows = [i for i in left.indices if i not in summed]
    columns = [i for i in right.indices if i not in summed]
    first = rearranged(left, [*rows, *summed]).expr
    second = rearranged(right, [*summed, *columns]).expr
    if not rows and columns:
        # Every factor with one index is a column.
        value: Expr = TRANSPOSE(MATMUL(_row(first), second))
    else:
        value = MATMUL(first if rows else _row(first), second if columns else _column(second))
    return Factor(value, (*rows, *columns))


def _column(e: Expr) -> Expr:
    return TRANSPOSE(e) if e.shape[0].is_unit else e


def _row(e: Expr) -> Expr:
    return e if e.shape[0].is_unit else TRANSPOSE(e)


def _turned(factor: Factor) -> Factor:
    """The matrix with its two axes exchanged."""
    e, indices = factor.expr, factor.indices[::-1]
    if is_op(e, MATMUL) and any(is_op(a, TRANSPOSE) and len(a.axes) == 2 for a in e.args):
        # (A' B)' is B' A.
        return Factor(MATMUL(*map(transposed, reversed(e.args))), indices)
    return Factor(transposed(e), indices)
