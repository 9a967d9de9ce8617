"""Index notation: sums of products of entries, with explicit free indices.

``W[i,j] x[j]`` is ``IndexExpr((i,), (Term(1, (Factor(W, (i, j)), Factor(x, (j,)))),))``. Every index
that is not free is bound: summed over its whole range, however often it occurs, so that Hadamard
products and diagonals may repeat one. A free index that does not occur in a term means that the term
does not depend on it. A Kronecker delta is an entry of the identity matrix. Axes of size 1 carry no
index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, substitute
from matcalc.record import Record

ONCE = Fraction(1)

#: Axes that an expression can have: what has more free indices has no matrix form of its own.
MATRIX_AXES = 2


class Index:
    """A named index with a range; equal only to itself. Its letter is chosen when printing.

    Attributes:
        dim: the range, 1 to dim.
        hint: letter that the user or a rule wrote, if any.
    """

    __slots__ = ("dim", "hint")

    def __init__(self, dim: Dim, hint: str = "") -> None:
        self.dim = dim
        self.hint = hint

    @property
    def parts(self) -> tuple[Index, ...]:
        """The index itself, so that plain and composite indices are walked alike."""
        return (self,)

    def __repr__(self) -> str:
        return f"{self.hint or 'i'}@{id(self):x}"


class Composite(Record):
    """A pair (or more) of indices that together address one axis, the first varying slowest.

    ``vec(X)[(j,i)] = X[i,j]`` and ``kron(A,B)[(i,k),(j,l)] = A[i,j] B[k,l]``.
    """

    parts: tuple[Index, ...]

    @property
    def dim(self) -> Dim:
        """Product of the parts' ranges."""
        result = Dim()
        for part in self.parts:
            result = result * part.dim
        return result


Slot = Index | Composite


class Factor(Record):
    """One entry of an expression: an index for every axis that is not of size 1."""

    expr: Expr
    slots: tuple[Slot, ...] = ()

    @property
    def indices(self) -> tuple[Index, ...]:
        """The plain indices, composite ones taken apart."""
        return tuple(index for slot in self.slots for index in slot.parts)

    def rename(self, names: Mapping[Index, Slot]) -> Factor:
        """Replace indices; a composite's part can only be replaced by a plain index or flattened."""
        return Factor(self.expr, tuple(_rename(slot, names) for slot in self.slots))


def _rename(slot: Slot, names: Mapping[Index, Slot]) -> Slot:
    if isinstance(slot, Index):
        return names.get(slot, slot)
    parts = tuple(piece for part in slot.parts for piece in names.get(part, part).parts)
    return Composite(parts)


class Term(Record):
    """A rational coefficient times a product of entries."""

    coefficient: Fraction
    factors: tuple[Factor, ...] = ()

    def rename(self, names: Mapping[Index, Slot]) -> Term:
        """Replace indices in every factor."""
        return Term(self.coefficient, tuple(f.rename(names) for f in self.factors))

    def mapped(self, change: Callable[[Expr], Expr]) -> Term:
        """The term with every expression changed into another with the same axes."""
        return Term(self.coefficient, tuple(Factor(change(f.expr), f.slots) for f in self.factors))

    def indices(self) -> Iterator[Index]:
        """Every occurrence of every index."""
        return (index for factor in self.factors for index in factor.indices)


class IndexExpr(Record):
    """A sum of terms with the free indices named in the order of the axes.

    Attributes:
        free: the free indices.
        terms: the terms.
        matrix: the same as a number times one expression, with rows and columns in the order of
            the axes, where that is known.
    """

    free: tuple[Index, ...]
    terms: tuple[Term, ...]
    matrix: tuple[Fraction, Expr] | None = None

    @property
    def dims(self) -> tuple[Dim, ...]:
        """Sizes of the axes."""
        return tuple(index.dim for index in self.free)

    def rename_free(self, free: tuple[Slot, ...]) -> IndexExpr:
        """The same array addressed by other free indices; bound indices are renewed."""
        outer: dict[Index, Slot] = dict(zip(self.free, free, strict=True))
        terms = tuple(renew_bound(term, outer) for term in self.terms)
        return IndexExpr(tuple(part for slot in free for part in slot.parts), terms)

    def substitute(self, replacements: dict[Expr, Expr]) -> IndexExpr:
        """The same array with expressions replaced in all its factors."""
        return self.mapped(lambda e: substitute(e, replacements))

    def mapped(self, change: Callable[[Expr], Expr]) -> IndexExpr:
        """The array with every expression changed into another with the same axes."""
        return IndexExpr(self.free, tuple([term.mapped(change) for term in self.terms]))


def whole(matrix: Expr, free: tuple[Index, ...], coefficient: Fraction = ONCE) -> IndexExpr:
    """A multiple of a matrix as an array in index notation; a row has one axis like a column."""
    term = Term(coefficient, (Factor(matrix, free),))
    return IndexExpr(free, (term,), (coefficient, matrix))


def renew_bound(term: Term, outer: Mapping[Index, Slot]) -> Term:
    """Rename by ``outer`` and give every other index a fresh copy, so that products cannot clash."""
    names: dict[Index, Slot] = dict(outer)
    for index in term.indices():
        if index not in names:
            names[index] = Index(index.dim, index.hint)
    return term.rename(names)
