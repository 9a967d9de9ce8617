"""Terms in which more than two factors share an index, as products of Kronecker products.

Face-splitting products have no operation of their own here. Three ordinary ones do what they do:
a matrix at two indices of one side is a weight ``diag(vec(M))`` of its entries; a term is a
product of matrices at one or two indices that tell rows from columns, ``(V' ⊗ I) diag(vec(S)) (K ⊗ I)``;
and what is neither is a Hadamard product, ``(A ⊗ 1') .* (1' ⊗ B)``.

Source: Slyusar, A family of face products of matrices and its properties, 1999.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Expr, Size
from matcalc.core.index import Factor, Index
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import VEC
from matcalc.ops.structural import KRON
from matcalc.passes.build import diag, eye, is_op, times, transposed
from matcalc.passes.contract import components
from matcalc.passes.measure import measure
from matcalc.passes.products import product

Indices = tuple[Index, ...]

#: Reads factors as a matrix with these rows and columns, slowest first; None where there is none.
Reader = Callable[[Sequence[Factor], Indices, Indices], Expr | None]

#: Terms with more factors than this are not split: the ways to do it are too many.
MOST_FACTORS = 6

#: A Hadamard product of more factors than this says less than the index form.
MOST_HADAMARD = 4


def split_product(
    factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader
) -> Expr | None:
    """The factors as a weighted matrix, a product of matrices or a Hadamard product of them."""
    if len(factors) > MOST_FACTORS or not all(
        isinstance(slot, Index) for factor in factors for slot in factor.slots
    ):
        return None
    return (
        _weighted(factors, rows, columns, read)
        or _cut(factors, rows, columns, read)
        or _hadamard(factors, rows, columns, read)
    )


def _shortest(found: Iterable[Expr]) -> Expr | None:
    return min(found, key=measure, default=None)


# ------------------------------------------------------------------ weights


def _weighted(
    factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader
) -> Expr | None:
    """Factors as weights of the rows or columns: ``δ[i,j] M[k,i]`` is ``(1' ⊗ I) diag(vec(M'))``."""
    found = list(_weightings(factors, rows, columns, read))
    most = max((count for count, _ in found), default=0)
    return _shortest(matrix for count, matrix in found if count == most)


def _weightings(
    factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader
) -> Iterator[tuple[int, Expr]]:
    """One factor as a weight and as many more as can be, with their number."""
    # A vector is a diagonal matrix within the Kronecker product already.
    matrices = [factor for factor in factors if len(factor.slots) == 2]
    for first in matrices:
        rest = list(factors)
        left: list[Expr] = []
        right: list[Expr] = []
        for factor in (first, *(f for f in matrices if f is not first)):
            beside = [f for f in rest if f is not factor]
            at_rows = _weight(factor, rows, _equal(beside, rows, columns))
            at_columns = _weight(factor, columns, _equal(beside, columns, rows))
            if at_rows is not None:
                left.append(at_rows)
            elif at_columns is not None:
                right.append(at_columns)
            elif factor is first:
                break
            else:
                continue
            rest = beside
            core = read(rest, rows, columns)
            if core is not None:
                yield len(left) + len(right), product(*left, core, *right)


def _equal(factors: Sequence[Factor], side: Indices, other: Indices) -> dict[Index, Index]:
    """Indices of the other side by those of this side that deltas equate them with."""
    deltas = [factor.indices for factor in factors if is_op(factor.expr, EYE)]
    pairs = [pair for indices in deltas for pair in (indices, indices[::-1])]
    return {one: two for one, two in pairs if one in other and two in side}


def _weight(factor: Factor, side: Indices, names: Mapping[Index, Index]) -> Expr | None:
    """The diagonal matrix that multiplies one side by the factor; None if it has another index."""
    indices = [names.get(index, index) for index in factor.indices]
    if not set(indices).issubset(side) or len(set(indices)) < len(indices):
        return None
    places = sorted(side.index(index) for index in indices)
    if places[-1] - places[0] != len(places) - 1:
        return None
    blocks = [
        eye(_size(side[: places[0]])),
        diag(_vector(factor.expr, indices, side)),
        eye(_size(side[places[-1] + 1 :])),
    ]
    kept = [block for block in blocks if not block.is_scalar]
    return KRON(*kept) if len(kept) > 1 else kept[0]


def _vector(expr: Expr, indices: Sequence[Index], side: Indices) -> Expr:
    """The entries at one or two indices as a column, in the order of the side."""
    if len(indices) == 1:
        return expr if expr.shape[1].is_unit else transposed(expr)
    fast_first = side.index(indices[0]) > side.index(indices[1])
    return VEC(expr if fast_first else transposed(expr))


def _size(indices: Indices) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result


# ------------------------------------------------------------------ products


def _cut(factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader) -> Expr | None:
    """``L D R`` where the columns of L, the diagonal of D and the rows of R are one or two indices."""
    return _shortest(_cuts(factors, rows, columns, read))


def _cuts(
    factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader
) -> Iterator[Expr]:
    free = {*rows, *columns}
    indices = dict.fromkeys(index for factor in factors for index in factor.indices)
    for index in indices:
        if index not in free and (found := _cut_at(factors, None, (index,), rows, columns, read)):
            yield found
    for factor in factors:
        if len(set(factor.slots)) == 2 and not is_op(factor.expr, EYE):
            rest = [f for f in factors if f is not factor]
            for state in (factor.indices, factor.indices[::-1]):
                if found := _cut_at(rest, factor, state, rows, columns, read):
                    yield found


def _cut_at(
    factors: Sequence[Factor],
    weight: Factor | None,
    state: Indices,
    rows: Indices,
    columns: Indices,
    read: Reader,
) -> Expr | None:
    """The product through a state of one or two indices, of which free ones get a name for each side.

    A row index ``i`` of the state is ``i`` to the left and, tied to it by a delta there, a new name to
    the right.
    """
    own = {index: Index(index.dim) for index in state if index in rows or index in columns}
    middle = tuple(own.get(index, index) for index in state)
    ties = [Factor(EYE(Size(old.dim)), (old, new)) for old, new in own.items()]
    left = [tie for tie in ties if tie.slots[0] in rows]
    right = [tie for tie in ties if tie.slots[0] in columns]
    weights = [] if weight is None else [weight.rename(own)]
    for group in components(factors, frozenset((*rows, *columns, *state))):
        used = {index for factor in group for index in factor.indices}
        at_rows = not used.isdisjoint(set(rows) - set(state))
        at_columns = not used.isdisjoint(set(columns) - set(state))
        if at_rows and at_columns:
            return None
        if at_rows:
            left += [f.rename({i: own[i] for i in own if i in columns}) for f in group]
        elif at_columns:
            right += [f.rename({i: own[i] for i in own if i in rows}) for f in group]
        else:
            weights += [f.rename(own) for f in group]
    if not all(any(i in f.indices for f in side) for side in (left, right) for i in middle):
        return None
    diagonal = [_weight(f, middle, {}) for f in weights]
    # Both sides are read the same way, so that they show it where they are each other's transpose.
    start, end = read(left, middle, rows), read(right, middle, columns)
    if start is None or end is None:
        return None
    matrices = [w for w in diagonal if w is not None]
    return product(transposed(start), *matrices, end) if len(matrices) == len(weights) else None


# ------------------------------------------------------------------ Hadamard products


def _hadamard(
    factors: Sequence[Factor], rows: Indices, columns: Indices, read: Reader
) -> Expr | None:
    """``(A ⊗ 1') .* (1' ⊗ B)``: factors that have no bound index in common, repeated over the others."""
    parts = components(factors, frozenset((*rows, *columns)))
    if not 1 < len(parts) <= MOST_HADAMARD:
        return None
    return _shortest(_hadamard_products(parts, rows, columns, read))


def _hadamard_products(
    parts: list[list[Factor]], rows: Indices, columns: Indices, read: Reader
) -> Iterator[Expr]:
    first, *others = parts
    for count in range(len(others)):
        for beside in combinations(others, count):
            chosen = [*first, *(f for part in beside for f in part)]
            rest = [f for part in others if part not in beside for f in part]
            one, two = read(chosen, rows, columns), read(rest, rows, columns)
            if one is not None and two is not None:
                yield times(one, two)
