"""A square derivative as an operator: its core, and what products with it are in terms of that.

The derivative in index notation is a sum of products of arrays and Kronecker deltas. The core is the
arrays: ``2 δ[i,k] (V' V)[j,l]`` has the core ``V' V``, which is k x k, where the array itself is n k x n k.
An array in it that is as large as the whole is taken apart first, so that the core of ``X' diag(d) X`` is
``X`` and ``d``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matcalc.core.expr import Apply, Expr, Size, Symbol, symbols
from matcalc.core.index import Factor, Index, IndexExpr, Slot, Term
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE
from matcalc.passes.build import is_op, times
from matcalc.passes.equal import canonical
from matcalc.passes.properties import properties
from matcalc.passes.settle import settle


@dataclass(frozen=True)
class Side:
    """What a map is applied to, or the right side of a system.

    Attributes:
        symbol: an array with the axes of the argument, or several of them side by side.
        block: in the second case the index of the last axis, which numbers them.
    """

    symbol: Symbol
    block: tuple[Index, ...] = ()

    def entry(self, indices: Sequence[Index]) -> Factor:
        """Its entries."""
        return Factor(self.symbol, (*indices, *self.block))


@dataclass(frozen=True)
class Core:
    """A linear map of arrays of one shape, and the arrays that it is made of.

    Attributes:
        rows: the indices of the result.
        columns: the indices of the argument.
        terms: the map in index notation; its arrays are variables, in ``values`` if they are not the
            problem's own.
        values: what the variables of the core stand for.
    """

    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    terms: tuple[Term, ...]
    values: Mapping[Symbol, Expr]

    @property
    def arrays(self) -> list[Symbol]:
        """The variables that the terms are made of."""
        return symbols(*(factor.expr for term in self.terms for factor in term.factors))

    @property
    def dense(self) -> IndexExpr:
        """The map as an array: axes of the result, then of the argument."""
        return IndexExpr((*self.rows, *self.columns), self.terms)

    @property
    def diagonal(self) -> IndexExpr:
        """The coefficient of each entry of the argument in the same entry of the result."""
        names = dict(zip(self.columns, self.rows, strict=True))
        return IndexExpr(self.rows, tuple(term.rename(names) for term in self.terms))

    def applied_to(self, argument: Side) -> IndexExpr:
        """The result for an argument."""
        return self._applied(argument, self.rows, self.columns)

    def adjoint_to(self, argument: Side) -> IndexExpr:
        """The result of the transposed map."""
        return self._applied(argument, self.columns, self.rows)

    def _applied(
        self, argument: Side, free: tuple[Index, ...], summed: tuple[Index, ...]
    ) -> IndexExpr:
        put_in = argument.entry(summed)
        terms = (Term(term.coefficient, (*term.factors, put_in)) for term in self.terms)
        return settle([IndexExpr((*free, *argument.block), tuple(terms))])


def core_form(tensor: IndexExpr, taken: Iterable[str]) -> Core:
    """The core of a derivative whose axes are those of the result and then as many of the argument.

    Args:
        tensor: the derivative.
        taken: names that variables of the core must not have.
    """
    half = len(tensor.free) // 2
    variables = _Variables(taken)
    terms = [_named(term, variables) for term in _opened(tensor)]
    return Core(tensor.free[:half], tensor.free[half:], tuple(terms), variables.values)


# ------------------------------------------------------------------ taking apart


def _opened(expr: IndexExpr) -> list[Term]:
    """The terms, with every factor that has all free indices taken apart."""
    free = frozenset(expr.free)
    result: list[Term] = []
    pending = list(reversed(expr.terms))
    while pending:
        term = pending.pop()
        for place, factor in enumerate(term.factors):
            pieces = _pieces(factor) if free and free.issuperset(factor.slots) else []
            if pieces and free.issubset(factor.indices):
                rest = (*term.factors[:place], *term.factors[place + 1 :])
                opened = (Term(term.coefficient, (*piece, *rest)) for piece in pieces)
                pending.extend(reversed(list(opened)))
                break
        else:
            result.append(term)
    return result


def _pieces(factor: Factor) -> list[tuple[Factor, ...]]:
    """A matrix entry as a sum of products; nothing where it is not made of smaller arrays."""
    e, slots = factor.expr, factor.slots
    if not isinstance(e, Apply) or len(slots) != 2:
        return []
    if e.op is ADD:
        return [(Factor(arg, slots),) for arg in e.args]
    if e.op is TIMES:
        return [tuple(Factor(arg, () if arg.is_scalar else slots) for arg in e.args)]
    if e.op is TRANSPOSE and is_op(e.args[0], ADD, TIMES, MATMUL):
        return [(Factor(e.args[0], slots[::-1]),)]
    if e.op is DIAG:
        return [(Factor(e.args[0], slots[:1]), Factor(EYE(Size(e.shape[0])), slots))]
    return _chain(factor) if e.op is MATMUL else []


def _chain(factor: Factor) -> list[tuple[Factor, ...]]:
    """A product with a bound index between any two factors, a diagonal matrix as a vector."""
    args = factor.expr.args
    if all(is_op(arg, DIAG) for arg in args):
        return []
    inner = (None if arg.shape[1].is_unit else Index(arg.shape[1]) for arg in args[:-1])
    ends: list[Slot | None] = [factor.slots[0], *inner, factor.slots[1]]
    for place, arg in enumerate(args):
        if is_op(arg, DIAG):
            # Its two indices are equal; a free one, at either end, is the one that stays.
            is_last = place == len(args) - 1
            old, new = ends[place + 1 - is_last], ends[place + is_last]
            ends = [new if end is old else end for end in ends]
    pieces = []
    for arg, (row, column) in zip(args, pairwise(ends), strict=True):
        is_diagonal = is_op(arg, DIAG)
        slots = (row,) if is_diagonal else (row, column)
        e = arg.args[0] if is_diagonal else arg
        pieces.append(Factor(e, tuple(slot for slot in slots if slot is not None)))
    return [tuple(pieces)]


# ------------------------------------------------------------------ naming


class _Variables:
    """Variables for the arrays of the core."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self.values: dict[Symbol, Expr] = {}
        self._symbols: dict[Expr, Symbol] = {}

    def symbol(self, e: Expr) -> Expr:
        """The variable for an array, which is itself where nothing has to be computed."""
        if isinstance(e, Symbol) or not symbols(e):
            return e
        e = canonical(e)
        if e not in self._symbols:
            number = len(self._symbols) + 1
            while f"c{number}" in self._taken:
                number += 1
            self._taken.add(f"c{number}")
            self._symbols[e] = Symbol(f"c{number}", e.shape, properties(e))
            self.values[self._symbols[e]] = e
        return self._symbols[e]


def _named(term: Term, variables: _Variables) -> Term:
    scalars = [factor.expr for factor in term.factors if not factor.slots]
    factors = [Factor(variables.symbol(times(*scalars)))] if scalars else []
    for factor in term.factors:
        e, slots = factor.expr, factor.slots
        if is_op(e, TRANSPOSE) and len(slots) == 2:
            e, slots = e.args[0], slots[::-1]
        if slots:
            factors.append(Factor(variables.symbol(e), slots))
    return Term(term.coefficient, tuple(factors))
