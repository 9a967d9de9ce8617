"""Contraction: index terms in normal form.

Products, transposes, diagonals and Kronecker products are opened so that factors meet; Kronecker
deltas with a bound index are contracted; what is connected by bound indices and has at most two free
ones is folded into one matrix factor; like terms are collected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, Size
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Slot, Term
from matcalc.core.order import structural
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.linalg import DIAG, VEC
from matcalc.ops.structural import ADD, KRON, MATMUL, TIMES, TRANSPOSE
from matcalc.passes.build import is_op, size, times, transposed
from matcalc.passes.composite import split_chain, split_kronecker
from matcalc.passes.directional import apply_maps, open_map
from matcalc.passes.equal import canonical
from matcalc.passes.network import fold_component
from matcalc.passes.products import diagonal, product
from matcalc.passes.properties import is_symmetric


def contract(expr: IndexExpr) -> IndexExpr:
    """The same array with every term contracted and folded, and like terms collected."""
    free = frozenset(expr.free)
    terms: list[Term] = []
    pending = list(reversed(expr.terms))
    while pending:
        opened = _open(pending.pop(), free)
        if isinstance(opened, list):
            pending.extend(reversed(opened))
        elif opened is not None:
            terms.append(_fold(opened, expr.free))
    return IndexExpr(expr.free, collect(terms, expr.free))


# ------------------------------------------------------------------ opening factors


def _open(term: Term, free: frozenset[Index]) -> Term | list[Term] | None:
    """The term with its factors taken apart and deltas contracted.

    None if it vanishes; a list of terms where a sum had to be distributed.
    """
    work = _Work(term, free)
    while work.todo:
        factor = work.todo.pop()
        expr = factor.expr
        if isinstance(expr, Constant):
            work.coefficient *= expr.value
        elif not isinstance(expr, Apply):
            work.done.append(factor)
        elif expr.op is ZEROS:
            return None
        elif expr.op is ADD and any(isinstance(slot, Composite) for slot in factor.slots):
            return work.distribute(expr.args, factor.slots)
        elif expr.op is EYE:
            work.contract_delta(factor)
        else:
            work.open(factor, expr)
    return work.finish()


class _Work:
    """One term while it is taken apart: factors still to look at, and those that stay."""

    def __init__(self, term: Term, free: frozenset[Index]) -> None:
        self.coefficient = term.coefficient
        self.todo = list(reversed(term.factors))
        self.done: list[Factor] = []
        self.free = free
        self.dropped: list[Index] = []

    def distribute(self, summands: tuple[Expr, ...], slots: tuple[Slot, ...]) -> list[Term]:
        rest = (*self.done, *self.todo, *self._remembered())
        return [Term(self.coefficient, (Factor(arg, slots), *rest)) for arg in summands]

    def _remembered(self) -> list[Factor]:
        """Entries of ones for the indices that only ones addressed."""
        return [Factor(ONES(Size(i.dim), Size(i.dim)), (i, i)) for i in self.dropped]

    def open(self, factor: Factor, expr: Apply) -> None:
        op, slots = expr.op, factor.slots
        if op is TIMES:
            self.todo.extend(
                Factor(arg, () if arg.is_scalar else slots) for arg in reversed(expr.args)
            )
        elif op is TRANSPOSE:
            self.todo.append(Factor(expr.args[0], slots[::-1]))
        elif op is ONES:
            self.dropped.extend(index for slot in slots for index in slot.parts)
        elif op is DIAG:
            identity = EYE(Size(expr.shape[0]))
            self.todo += [Factor(expr.args[0], slots[:1]), Factor(identity, slots)]
        elif pieces := _split(factor, expr):
            self.todo.extend(pieces)
        elif op is VEC and [part.dim for part in slots[0].parts[::-1]] == list(expr.args[0].axes):
            self.todo.append(Factor(expr.args[0], slots[0].parts[::-1]))
        else:
            is_row = len(slots) == 1 and expr.shape[0].is_unit
            self.done.append(Factor(transposed(expr), slots) if is_row else factor)

    def contract_delta(self, factor: Factor) -> None:
        left, right = factor.slots
        if left == right:
            self.dropped.extend(left.parts)
            return
        if isinstance(left, Composite) and isinstance(right, Composite):
            if [p.dim for p in left.parts] == [p.dim for p in right.parts]:
                pairs = zip(left.parts, right.parts, strict=True)
                self.todo.extend(Factor(EYE(Size(a.dim)), (a, b)) for a, b in pairs)
            else:
                self.done.append(factor)
            return
        for old, new in ((left, right), (right, left)):
            if isinstance(old, Index) and old not in self.free:
                self._rename(old, new)
                return
        self.done.append(factor)

    def _rename(self, old: Index, new: Slot) -> None:
        names = {old: new}
        self.todo = [f.rename(names) for f in self.todo]
        # A factor that was done may open further at a composite index, or be a delta that now closes.
        self.todo += [f.rename(names) for f in self.done if old in f.indices]
        self.done = [f for f in self.done if old not in f.indices]
        self.dropped = [part for i in self.dropped for part in (new.parts if i is old else (i,))]

    def finish(self) -> Term:
        used = {index for factor in self.done for index in factor.indices}
        summed: list[Factor] = []
        for index in dict.fromkeys(self.dropped):
            if index not in used and index not in self.free:
                number = size(index.dim)
                if isinstance(number, Constant):
                    self.coefficient *= number.value
                else:
                    summed.append(Factor(number))
        return Term(self.coefficient, (*summed, *reversed(self.done)))


def _split(factor: Factor, expr: Apply) -> list[Factor]:
    """A product, a Kronecker product or an applied linear map as its parts; empty where it stays whole."""
    if expr.op is MATMUL:
        if expr.is_scalar:
            return []
        return _split_product(expr, factor.slots) or split_chain(expr, factor.slots)
    return split_kronecker(expr, factor.slots) if expr.op is KRON else open_map(factor)


def _split_product(expr: Apply, slots: tuple[Slot, ...]) -> list[Factor]:
    """An outer product ``x y'`` as two factors; empty where the chain does not split."""
    for cut in range(1, len(expr.args)):
        if expr.args[cut].shape[0].is_unit:
            left, right = product(*expr.args[:cut]), product(*expr.args[cut:])
            pieces = [Factor(left, slots[: len(left.axes)]), Factor(right, slots[len(left.axes) :])]
            return [
                Factor(transposed(f.expr) if f.expr.shape[0].is_unit else f.expr, f.slots)
                for f in pieces
            ]
    return []


# ------------------------------------------------------------------ folding and collecting


def _fold(term: Term, free: tuple[Index, ...]) -> Term:
    """Components connected by bound indices folded into single factors where they have a matrix form,
    and factors with the same indices multiplied.
    """
    outside = frozenset(free)
    coefficient = term.coefficient
    factors: list[Factor] = []
    for component in components(apply_maps(list(term.factors), outside), outside):
        folded = fold_component(component, outside)
        factors.extend(component if folded is None else folded)
    kept: list[Factor] = []
    for factor in _merge(_identify(factors, free)):
        if isinstance(factor.expr, Constant):
            coefficient *= factor.expr.value
        else:
            kept.append(factor)
    return Term(coefficient, tuple(kept))


def _identify(factors: list[Factor], free: tuple[Index, ...]) -> list[Factor]:
    """``δ[i,k] A[k,j]`` as ``δ[i,k] A[i,j]``: beside a delta the earlier of two free indices is used."""
    place = {index: k for k, index in enumerate(free)}
    deltas = [f for f in factors if is_op(f.expr, EYE) and all(s in place for s in f.slots)]
    if not deltas:
        return factors
    names: dict[Index, Slot] = {}
    for delta in deltas:
        first, second = sorted(delta.indices, key=place.__getitem__)
        names[second] = names.get(first, first)
    return [f if f in deltas else _on_diagonal(f.rename(names)) for f in factors]


def _on_diagonal(factor: Factor) -> Factor:
    """``A[i,i]`` as ``diag(A)[i]``."""
    if len(factor.slots) == 2 and factor.slots[0] == factor.slots[1]:
        return Factor(diagonal(factor.expr), factor.slots[:1])
    return factor


def _merge(factors: list[Factor]) -> list[Factor]:
    """``A[i,j] B[j,i]`` as ``(A .* B')[i,j]``."""
    groups: dict[tuple[Slot, ...], list[Expr]] = {}
    others: list[Factor] = []
    for factor in factors:
        slots = factor.slots
        if not slots or len(slots) > 2 or is_op(factor.expr, EYE):
            others.append(factor)
        elif slots[::-1] in groups and slots not in groups:
            groups[slots[::-1]].append(transposed(factor.expr))
        else:
            group = groups.setdefault(slots, [])
            aligned = not group or group[0].shape == factor.expr.shape
            group.append(factor.expr if aligned else transposed(factor.expr))
    pieces = [Factor(times(*group), slots) for slots, group in groups.items()]
    return others + [part for piece in pieces for part in _scalars_apart(piece)]


def _scalars_apart(factor: Factor) -> list[Factor]:
    args = factor.expr.args if is_op(factor.expr, TIMES) else ()
    scalars = [arg for arg in args if arg.is_scalar]
    if not scalars:
        return [factor]
    rest = times(*(arg for arg in args if not arg.is_scalar))
    return [*(Factor(scalar) for scalar in scalars), Factor(rest, factor.slots)]


def components(factors: Iterable[Factor], apart: frozenset[Index]) -> list[list[Factor]]:
    """Factors grouped by the indices they share, not counting those in ``apart``."""
    groups: dict[int, tuple[set[Index], list[Factor]]] = {}
    home: dict[Index, int] = {}
    for number, factor in enumerate(factors):
        linked = set(factor.indices) - apart
        members = [factor]
        for other in sorted({home[index] for index in linked if index in home}):
            indices, group = groups.pop(other)
            linked |= indices
            members = group + members
        groups[number] = linked, members
        home.update(dict.fromkeys(linked, number))
    return [group for _, group in groups.values()]


def collect(terms: Iterable[Term], free: tuple[Index, ...]) -> tuple[Term, ...]:
    """Add the coefficients of terms that are equal up to the names of bound indices."""
    return collect_by(term_key, terms, free)


def collect_by(
    key: Callable[[Term, tuple[Index, ...]], object],
    terms: Iterable[Term],
    free: tuple[Index, ...],
) -> tuple[Term, ...]:
    """Add the coefficients of terms of which the key is the same."""
    sums: dict[object, tuple[Term, Fraction]] = {}
    for term in terms:
        said = key(term, free)
        first, so_far = sums.get(said, (term, Fraction(0)))
        sums[said] = (first, so_far + term.coefficient)
    return tuple(Term(c, term.factors) for term, c in sums.values() if c)


def term_key(term: Term, free: tuple[Index, ...]) -> object:
    """Equal for equal terms with equal names; bound indices are numbered as they are met."""
    place: dict[Index, int] = {index: k for k, index in enumerate(free)}
    degree = Counter(index for factor in term.factors for index in factor.indices)

    def rank(factor: Factor) -> tuple[object, ...]:
        known = tuple(place.get(i, len(place) + degree[i]) for i in factor.indices)
        return structural(canonical(factor.expr)), known

    parts = []
    for factor in sorted(term.factors, key=rank):
        numbers = tuple(
            tuple(place.setdefault(i, len(place)) for i in slot.parts) for slot in factor.slots
        )
        if len(numbers) == 2 and (is_op(factor.expr, EYE) or is_symmetric(factor.expr)):
            numbers = tuple(sorted(numbers))
        parts.append((canonical(factor.expr), numbers))
    return tuple(sorted(parts, key=lambda part: (structural(part[0]), part[1])))
