"""Recognition: index notation folded back into matrix form."""

from __future__ import annotations

from fractions import Fraction

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Expr, Size
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import VEC
from matcalc.ops.structural import KRON
from matcalc.passes.build import is_op, times, transposed, zeros
from matcalc.passes.collect import total
from matcalc.passes.contract import contract
from matcalc.passes.directional import is_map, reached
from matcalc.passes.kronecker import kronecker_term
from matcalc.passes.network import fold_term
from matcalc.passes.products import product

Indices = tuple[Index, ...]

#: Most factors with composite indices that are multiplied one after another.
MAX_COMPOSITE = 8


def recognise(expr: IndexExpr, row: Index | None, column: Index | None) -> Expr | None:
    """The matrix expression with these rows and columns, or None if there is none.

    ``row`` and ``column`` are the free indices of ``expr``; None stands for an axis of size 1.
    """
    return vectorise(expr, (row,) if row else (), (column,) if column else ())


def vectorise(expr: IndexExpr, rows: Indices, columns: Indices) -> Expr | None:
    """The matrix whose rows are ``vec`` over the row axes and columns ``vec`` over the column axes.

    vec is column-major: the first axis varies fastest. None if a term has no such form.
    """
    terms: list[Expr] = []
    for term in expr.terms:
        matrix = _matrix_of(term, rows[::-1], columns[::-1])
        if matrix is None:
            return None
        terms.append(matrix)
    return total(*terms) if terms else zeros((_size(rows), _size(columns)))


def _matrix_of(term: Term, rows: Indices, columns: Indices) -> Expr | None:
    """One term; rows and columns are given slowest first."""
    pair = _pair_to_split(term, frozenset((*rows, *columns)))
    if pair is None:
        if len(rows) <= 1 and len(columns) <= 1:
            folded = fold_term(term, *(rows or (None,)), *(columns or (None,)))
            if folded is not None:
                return folded
        return (
            kronecker_term(term, rows, columns)
            or _through_map(term, rows, columns)
            or _through_composite(term, rows, columns)
        )
    index, parts = pair
    split = term.rename({index: Composite(parts)})
    rows, columns = (_replaced(side, index, parts) for side in (rows, columns))
    opened = contract(IndexExpr((*rows, *columns), (split,)))
    # The axes are in the order of kron already, slowest first.
    return vectorise(opened, rows[::-1], columns[::-1])


def _through_map(term: Term, rows: Indices, columns: Indices) -> Expr | None:
    """``A K(X) B`` where K(X) is the matrix of a linear map of matrices."""
    free = frozenset((*rows, *columns))
    for factor in filter(is_map, term.factors):
        others = [f for f in term.factors if f is not factor]
        for turned in (False, True):
            left, right = factor.slots[::-1] if turned else factor.slots
            inner, ties = _own_indices(left.parts, free)
            outer, further = _own_indices(right.parts, free)
            before, rest = reached(set(inner), [*ties, *others], free)
            after, scalars = reached(set(outer), [*further, *rest], free)
            if any(f.slots for f in scalars):
                continue
            sides = _matrix(before, rows, inner), _matrix(after, outer, columns)
            if sides[0] is not None and sides[1] is not None:
                matrix = transposed(factor.expr) if turned else factor.expr
                chain = product(sides[0], matrix, sides[1])
                return times(Constant(term.coefficient), *(f.expr for f in scalars), chain)
    return None


def _own_indices(parts: Indices, free: frozenset[Index]) -> tuple[Indices, list[Factor]]:
    """Indices of a map's own for its free or repeated ones, and the deltas that tie them to those."""
    own: list[Index] = []
    ties: list[Factor] = []
    for part in parts:
        if part in free or part in own:
            own.append(Index(part.dim))
            ties.append(Factor(EYE(Size(part.dim)), (part, own[-1])))
        else:
            own.append(part)
    return tuple(own), ties


def _matrix(factors: list[Factor], rows: Indices, columns: Indices) -> Expr | None:
    """The factors as a matrix; rows and columns are given slowest first."""
    if not {i for f in factors for i in f.indices}.issuperset(rows):
        return None
    term = Term(Fraction(1), tuple(factors))
    return vectorise(IndexExpr((*rows, *columns), (term,)), rows[::-1], columns[::-1])


def _through_composite(term: Term, rows: Indices, columns: Indices) -> Expr | None:
    """A factor that is summed over a composite index is multiplied: ``(A ⊗ B) x`` for ``A[i,k] B[j,l] x[(k,l)]``."""
    composite = [f for f in term.factors if any(isinstance(slot, Composite) for slot in f.slots)]
    # Kronecker products and vec have plainer forms once they are opened (contract).
    if len(composite) > MAX_COMPOSITE or any(is_op(f.expr, KRON, VEC) for f in composite):
        return None
    free = frozenset((*rows, *columns))
    for factor in composite:
        for place, slot in enumerate(factor.slots):
            others = factor.slots[:place] + factor.slots[place + 1 :]
            axes = tuple(part for other in others for part in other.parts)
            if (
                isinstance(slot, Index)
                or free.intersection(slot.parts)
                or axes not in (rows, columns)
            ):
                continue
            rest = Term(term.coefficient, tuple(f for f in term.factors if f is not factor))
            is_left = axes != columns
            sides = (slot.parts, columns) if is_left else (rows, slot.parts)
            other_matrix = _matrix_of(rest, *sides)
            if other_matrix is None:
                return None
            # The axis that is summed over has to be the columns of a left factor, the rows of a right one.
            is_column = place == 1 if others else factor.expr.shape[0].is_unit
            matrix = factor.expr if is_column == is_left else transposed(factor.expr)
            return product(*((matrix, other_matrix) if is_left else (other_matrix, matrix)))
    return None


def _pair_to_split(term: Term, free: frozenset[Index]) -> tuple[Index, Indices] | None:
    """A free index that a delta equates with a composite one, and fresh parts for it."""
    for factor in term.factors:
        if is_op(factor.expr, EYE):
            for one, other in (factor.slots, factor.slots[::-1]):
                if isinstance(one, Index) and one in free and isinstance(other, Composite):
                    return one, tuple(Index(part.dim) for part in other.parts)
    return None


def _replaced(side: Indices, index: Index, parts: Indices) -> Indices:
    return tuple(new for old in side for new in (parts if old is index else (old,)))


def _size(indices: Indices) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result
