"""Arrays given entry by entry: what slices are, and what products and sums of slices are made of.

``X[:,k]`` is the sum of products of entries ``X[i,k]`` with the free index i as its rows. A number has
neither rows nor columns; what stands for an axis of size 1 has no index.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from matcalc.core.dim import ONE
from matcalc.core.expr import Apply, Constant, Expr, Size
from matcalc.core.index import Factor, Index, Slot, Term
from matcalc.errors import LimitProblem
from matcalc.ops.constant import ONES
from matcalc.ops.structural import TIMES
from matcalc.passes import construct
from matcalc.record import Record

Terms = tuple[Term, ...]

#: Most terms of a product of sums.
MAX_TERMS = 10_000


class Entries(Record):
    """A sum of products of entries, and which of its indices are rows and columns of an array."""

    terms: Terms
    row: Index | None = None
    column: Index | None = None

    @property
    def is_scalar(self) -> bool:
        """Whether it is a number for each value of the letters."""
        return self.row is None and self.column is None

    @property
    def axes(self) -> tuple[Index, ...]:
        """The indices of the array."""
        return tuple(index for index in (self.row, self.column) if index is not None)


def whole(e: Expr) -> Entries:
    """All entries of an array."""
    row, column = (None if dim.is_unit else Index(dim) for dim in e.shape)
    slots = tuple(index for index in (row, column) if index is not None)
    return Entries(terms_at(e, slots), row, column)


def transposed(a: Entries) -> Entries:
    """``a'``."""
    return Entries(a.terms, a.column, a.row)


def scaled(coefficient: int | Fraction, a: Entries) -> Entries:
    """``a`` times a number."""
    terms = tuple(Term(coefficient * term.coefficient, term.factors) for term in a.terms)
    return a.replace(terms=terms)


def renamed(a: Entries, old: Index | None, new: Index | None) -> Entries:
    """Another index in the place of one."""
    if old is None or new is None or old is new:
        return a
    terms = tuple(term.rename({old: new}) for term in a.terms)
    row, column = (new if index is old else index for index in (a.row, a.column))
    return Entries(terms, row, column)


def aligned(parts: Sequence[Entries]) -> list[Entries]:
    """Operands of one shape, or numbers among them, with the rows and columns of the first array."""
    first = next((part for part in parts if not part.is_scalar), None)
    if first is None:
        return list(parts)
    return [
        part
        if part.is_scalar
        else renamed(renamed(part, part.row, first.row), part.column, first.column)
        for part in parts
    ]


def multiplied(parts: Sequence[Entries]) -> Entries:
    """The matrix product from left to right, in which numbers may stand anywhere."""
    row, column = None, None
    factors: list[Entries] = []
    for part in parts:
        if row is None and column is None:
            factors.append(part)
            row, column = part.row, part.column
        else:
            # The rows of the factor and the columns before it are the index that is summed over.
            factors.append(renamed(part, part.row, column))
            column = column if part.is_scalar else part.column
    return Entries(product([factor.terms for factor in factors]), row, column)


def hadamard(parts: Sequence[Entries]) -> Entries:
    """The product entry by entry."""
    factors = aligned(parts)
    array = next((factor for factor in factors if not factor.is_scalar), factors[0])
    return array.replace(terms=product([factor.terms for factor in factors]))


def added(parts: Sequence[Entries], lacking: Sequence[Sequence[Index]]) -> Entries:
    """The sum, each term spread over the indices that it lacks."""
    terms = aligned(parts)
    array = next((term for term in terms if not term.is_scalar), terms[0])
    total: list[Term] = []
    for term, indices in zip(terms, lacking, strict=True):
        missing = (*indices, *(array.axes if term.is_scalar else ()))
        ones = tuple(Factor(ONES(Size(i.dim), Size(ONE)), (i,)) for i in missing)
        total += (Term(t.coefficient, t.factors + ones) for t in term.terms)
    return array.replace(terms=tuple(total))


def product(parts: Sequence[Terms]) -> Terms:
    """The product of sums, expanded."""
    result: Terms = (Term(Fraction(1)),)
    if math.prod(map(len, parts)) > MAX_TERMS:
        raise LimitProblem(
            f"a product of sums with more than {MAX_TERMS} terms when multiplied out",
            help="define the sums before, as in s[i] = a[i] + b[i]",
        )
    for terms in parts:
        result = tuple(
            Term(a.coefficient * b.coefficient, a.factors + b.factors)
            for a in result
            for b in terms
        )
    return result


def scalar_of(term: Term) -> Expr:
    """A term without indices as an expression."""
    return construct.multiply((Constant(term.coefficient), *(f.expr for f in term.factors)))


def terms_at(e: Expr, slots: tuple[Slot, ...]) -> Terms:
    """The entry of ``e`` at these indices as one term, scalar factors apart."""
    args = e.args if isinstance(e, Apply) and e.op is TIMES else (e,)
    coefficient = Fraction(1)
    factors = []
    for arg in args:
        if isinstance(arg, Constant):
            coefficient *= arg.value
        else:
            factors.append(Factor(arg, () if arg.is_scalar else slots))
    return (Term(coefficient, tuple(factors)),)
