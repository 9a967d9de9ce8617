"""Terms with composite axes as matrices: Kronecker products, diag(vec(M)), commutation matrices.

Rows and columns are given slowest first, as ``kron`` orders them. A term falls apart into groups of
factors that share indices; where every group takes the next rows and the next columns, the term is
the Kronecker product of the groups. Where it does so in another order only, commutation matrices
stand beside it (``arrangement``). A group that is no matrix by itself may be one that a composite index
leads into and out of (``_through``), or be split further (``khatri_rao``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from matcalc.core.dim import ONE
from matcalc.core.expr import Constant, Expr, Size
from matcalc.core.index import MATRIX_AXES, Composite, Factor, Index, Term
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import DIAG, VEC
from matcalc.ops.structural import KRON
from matcalc.passes.arrangement import MOST_INDICES, rearranged, swaps
from matcalc.passes.build import is_op, is_zero, ones, times, transposed, zeros
from matcalc.passes.composite import kronecker_product, mixed_product
from matcalc.passes.contract import components
from matcalc.passes.directional import reached
from matcalc.passes.khatri_rao import split_product
from matcalc.passes.network import fold_term
from matcalc.passes.products import between_diagonals, product

Indices = tuple[Index, ...]

#: Terms with more groups than this are read in the order in which they come only.
MOST_GROUPS = 5

#: Terms with more factors than this are read as plain Kronecker products only.
MOST_FACTORS = 16


def kronecker_term(term: Term, rows: Indices, columns: Indices) -> Expr | None:
    """The term as a matrix whose axes are composite, slowest index first as in kron; None if it has no
    such form.
    """
    scalars = [factor.expr for factor in term.factors if not factor.slots]
    arrays = [factor for factor in term.factors if factor.slots]
    matrix = _read(arrays, rows, columns)
    return None if matrix is None else times(Constant(term.coefficient), *scalars, matrix)


def _read(factors: Sequence[Factor], rows: Indices, columns: Indices) -> Expr | None:
    """The factors as a matrix, the plainest of the forms that there are."""
    if len(rows) <= 1 and len(columns) <= 1 and (found := _folded(factors, rows, columns)):
        return found
    left, arrays = _side_weights(factors, rows)
    right, arrays = _side_weights(arrays, columns)
    core = _kronecker(arrays, rows, columns)
    if core is not None:
        return between_diagonals(left, core, right)
    if len(factors) > MOST_FACTORS:
        return None
    through = _through(factors, rows, columns)
    if through is not None or len(rows) + len(columns) <= MATRIX_AXES:
        return through
    return split_product(factors, rows, columns, _read)


def _folded(factors: Sequence[Factor], rows: Indices, columns: Indices) -> Expr | None:
    term = Term(Constant(1).value, tuple(factors))
    return fold_term(term, *(rows or (None,)), *(columns or (None,)))


def _side_weights(factors: Sequence[Factor], side: Indices) -> tuple[Expr | None, Sequence[Factor]]:
    """Matrices that weight the entries of one side, ``M[i,j]`` with both indices tied to other factors.

    They become ``diag(vec(M))`` beside the Kronecker product of the rest.
    """
    if len(side) != 2:
        return None, factors
    kept: list[Factor] = []
    weights: list[Expr] = []
    slow, fast = side
    for factor in factors:
        rest = [f for f in factors if f is not factor]
        tied = all(any(i in f.indices for f in rest) for i in factor.indices)
        if set(factor.indices) == {slow, fast} and tied:
            matrix = factor.expr if factor.slots == (fast, slow) else transposed(factor.expr)
            weights.append(VEC(matrix))
        else:
            kept.append(factor)
    return (times(*weights) if weights else None), kept


# ------------------------------------------------------------------ Kronecker products


def _kronecker(factors: Sequence[Factor], rows: Indices, columns: Indices) -> Expr | None:
    """A Kronecker product of groups, between commutation matrices where their order demands it."""
    groups = components(factors, frozenset())
    touched = {index for factor in factors for index in factor.indices}
    groups += [[Factor(ones((i.dim, ONE)), (i,))] for i in (*rows, *columns) if i not in touched]
    straight = _in_order(groups, rows, columns)
    if straight is not None:
        return _blocks(straight, rows, columns)
    if len(groups) > MOST_GROUPS or max(len(rows), len(columns)) > MOST_INDICES:
        return None
    for order in sorted(permutations(groups), key=lambda o: _disorder(o, rows, columns)):
        new_rows, new_columns = _taken(order, rows), _taken(order, columns)
        core = _blocks(order, new_rows, new_columns)
        if core is not None:
            before, after = rearranged(new_rows, rows), rearranged(columns, new_columns)
            return product(before, core, after)
    return None


def _in_order(
    groups: list[list[Factor]], rows: Indices, columns: Indices
) -> list[list[Factor]] | None:
    """The groups so that each takes the next rows and the next columns; None if there is no such order."""
    found: list[list[Factor]] = []
    groups = list(groups)
    while groups:
        group = next((g for g in groups if _comes_first(g, rows, columns)), None)
        if group is None:
            return None
        found.append(group)
        groups = [g for g in groups if g is not group]
        rows, columns = rows[len(_own(group, rows)) :], columns[len(_own(group, columns)) :]
    return found


def _comes_first(group: list[Factor], rows: Indices, columns: Indices) -> bool:
    own_rows, own_columns = _own(group, rows), _own(group, columns)
    return (
        rows[: len(own_rows)] == own_rows
        and columns[: len(own_columns)] == own_columns
        and bool(own_rows or own_columns)
    )


def _own(group: Sequence[Factor], side: Indices) -> Indices:
    """The indices of one side that the group has."""
    used = {index for factor in group for index in factor.indices}
    return tuple(index for index in side if index in used)


def _taken(order: Sequence[list[Factor]], side: Indices) -> Indices:
    return tuple(index for group in order for index in _own(group, side))


def _disorder(order: Sequence[list[Factor]], rows: Indices, columns: Indices) -> tuple[int, int]:
    """How many commutation matrices an order of the groups needs; better at the columns."""
    at_rows = swaps(rows, _taken(order, rows))
    return at_rows + swaps(columns, _taken(order, columns)), at_rows


def _blocks(order: Sequence[list[Factor]], rows: Indices, columns: Indices) -> Expr | None:
    """The Kronecker product of groups that are in the order of the rows and of the columns."""
    blocks: list[Expr] = []
    for group in order:
        own_rows, own_columns = _own(group, rows), _own(group, columns)
        block = _block(group, own_rows, own_columns)
        if block is None and len(order) > 1:
            block = _read(group, own_rows, own_columns)
        if block is None:
            return None
        blocks.append(block)
    return kronecker_product(blocks)


def _block(group: list[Factor], rows: Indices, columns: Indices) -> Expr | None:
    if len(group) == 1 and any(isinstance(slot, Composite) for slot in group[0].slots):
        return _whole(group[0], rows, columns)
    if len(rows) <= 1 and len(columns) <= 1:
        return _folded(group, rows, columns)
    if len(rows) == 2 and not columns:
        matrix = _folded(group, rows[1:], rows[:1])
        return None if matrix is None else _vec(matrix)
    if len(columns) == 2 and not rows:
        matrix = _folded(group, columns[1:], columns[:1])
        return None if matrix is None else transposed(_vec(matrix))
    if len(rows) == len(columns):
        return _diagonal_block(group, rows, columns)
    return None


def _whole(factor: Factor, rows: Indices, columns: Indices) -> Expr | None:
    """An expression whose own axes are addressed by just these composite indices."""
    slots = tuple(slot.parts for slot in factor.slots)
    sides = tuple(side for side in (rows, columns) if side)
    if slots == sides and len(factor.expr.axes) == len(sides):
        is_column = len(sides) < 2 and bool(rows) == factor.expr.shape[1].is_unit
        return factor.expr if len(sides) == 2 or is_column else transposed(factor.expr)
    return transposed(factor.expr) if slots == sides[::-1] else None


def _vec(matrix: Expr) -> Expr:
    return zeros((matrix.shape[0] * matrix.shape[1], ONE)) if is_zero(matrix) else VEC(matrix)


def _diagonal_block(group: list[Factor], rows: Indices, columns: Indices) -> Expr | None:
    """``δ[i,k] δ[j,l] M[i,j]`` is ``diag(vec(M))``."""
    names = dict(zip(columns, rows, strict=True))
    ties = [
        [f for f in group if is_op(f.expr, EYE) and set(f.slots) == pair]
        for pair in map(set, zip(rows, columns, strict=True))
    ]
    if len(rows) != 2 or not all(ties):
        return None
    # Other deltas stay: between the rows they leave the diagonal of M only.
    rest = [f.rename(names) for f in group if not any(f in tie for tie in ties)]
    matrix = _folded(rest, rows[1:], rows[:1])
    return None if matrix is None else DIAG(_vec(matrix))


# ------------------------------------------------------------------ through a composite index


def _through(factors: Sequence[Factor], rows: Indices, columns: Indices) -> Expr | None:
    """``L W R`` for a matrix or vector W that is addressed by a composite index: ``(a ⊗ I)' (W x)``."""
    composite = [f for f in factors if any(isinstance(slot, Composite) for slot in f.slots)]
    # Kronecker products and vec have plainer forms once they are opened (contract).
    if any(is_op(f.expr, KRON, VEC) for f in composite):
        return None
    for factor in composite:
        others = [f for f in factors if f is not factor]
        for matrix, left, right in _orientations(factor):
            found = _between(matrix, left, right, others, rows, columns)
            if found is not None:
                return found
    return None


def _orientations(factor: Factor) -> list[tuple[Expr, Indices, Indices]]:
    """The matrix of a factor with the indices of its rows and columns, and so its transpose."""
    expr, parts = factor.expr, tuple(slot.parts for slot in factor.slots)
    if len(parts) == 1:
        column = expr if expr.shape[1].is_unit else transposed(expr)
        return [(column, parts[0], ()), (transposed(column), (), parts[0])]
    return [(expr, parts[0], parts[1]), (transposed(expr), parts[1], parts[0])]


def _between(
    matrix: Expr,
    left: Indices,
    right: Indices,
    others: list[Factor],
    rows: Indices,
    columns: Indices,
) -> Expr | None:
    free = frozenset((*rows, *columns))
    if not free.issuperset(set(left).intersection(right)):
        # Summed over along the diagonal.
        return None
    inner, ties = _own_indices(left, free)
    outer, further = _own_indices(right, free)
    before, rest = reached(set(inner), [*ties, *others], free)
    after, rest = reached(set(outer), [*further, *rest], free)
    if rest or _own(before, (*columns, *outer)) or _own(after, (*rows, *inner)):
        return None
    sides = [_read(before, rows, inner)] if left else []
    chain = [*sides, matrix, *([_read(after, outer, columns)] if right else [])]
    known = [part for part in chain if part is not None]
    return mixed_product(*known) if len(known) == len(chain) else None


def _own_indices(parts: Indices, free: frozenset[Index]) -> tuple[Indices, list[Factor]]:
    """Indices of its own for the free or repeated ones of a slot, and the deltas that tie them to those."""
    own: list[Index] = []
    ties: list[Factor] = []
    for part in parts:
        if part in free or part in own:
            own.append(Index(part.dim))
            ties.append(Factor(EYE(Size(part.dim)), (part, own[-1])))
        else:
            own.append(part)
    return tuple(own), ties
