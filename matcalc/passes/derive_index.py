"""The derivation of a derivative in index notation, every step named by its rule.

``f = x[i] A[i,j] x[j]`` is written out; the product rule and the chain rule are applied until only
derivatives of the variable's own entries are left; those are Kronecker deltas, which are contracted; what
remains is folded back into matrix form. Every step has a value (``passes/pending.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder, symbols
from matcalc.core.index import Factor, Index, IndexExpr, Slot, Term
from matcalc.core.order import structural
from matcalc.ops.constant import EYE
from matcalc.ops.structural import POWER
from matcalc.passes.build import is_op
from matcalc.passes.contract import collect_by
from matcalc.passes.equal import canonical
from matcalc.passes.expand import put_in
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.identities import names_folded_back
from matcalc.passes.lower import entries
from matcalc.passes.pending import PARTIAL
from matcalc.passes.properties import is_symmetric
from matcalc.passes.pull_back import pull_back
from matcalc.passes.reasons import (
    COLLECT,
    CONSTANTS_VANISH,
    CONTRACT,
    IN_INDEX_NOTATION,
    LINEARITY,
    PRODUCT_RULE,
    QUOTIENT_RULE,
    Rule,
    definition_rule,
    delta_rule,
    partial_rule,
    structure_in_words,
    unstructured,
)
from matcalc.passes.rulebook import deltas

#: Derivations with more terms than this are not written out.
MOST_TERMS = 60


@dataclass(frozen=True)
class IndexStep:
    """One line: the array as it stands, and the rule that led to it.

    Attributes:
        value: what the line says; the first line of a derivation is the function itself.
        rules: what was applied, each in one phrase.
    """

    value: IndexExpr
    rules: tuple[Rule, ...]


def derive_index(
    written: IndexExpr, wrt: Symbol, most_lines: int | None = None
) -> list[IndexStep] | None:
    """The lines from a function in index notation to its derivative, deltas contracted.

    The free indices of the first are the axes of the function, those of the others the axes of the function
    and of the variable. None if the lines would be too long, or there would be too many.
    """
    axes = tuple(Index(dim) for dim in wrt.axes)
    steps = [IndexStep(written, (IN_INDEX_NOTATION,))]
    terms, rules = _by_product_rule(list(written.terms), wrt, axes)
    free = (*written.free, *axes)
    while True:
        like = _like_added(terms, free)
        if len(like) > MOST_TERMS:
            return None
        rules += [*_properties_used(terms, like, free), *_folded(steps[-1].value, rules, like)]
        terms = like
        if not _restates(terms, written):
            steps.append(IndexStep(IndexExpr(free, tuple(terms)), tuple(dict.fromkeys(rules))))
        if not any(_open_partials(term, wrt) for term in terms):
            break
        if most_lines is not None and len(steps) >= most_lines:
            return None
        terms, rules = _advance(terms, wrt, axes)
    if any(_partials(term) for term in terms):
        terms = [_with_deltas(term) for term in terms]
        steps.append(IndexStep(IndexExpr(free, tuple(terms)), (delta_rule(wrt),)))
    renamed = [_contracted(term, frozenset(free)) for term in terms]
    contracted = _like_added(renamed, free)
    if contracted != terms:
        rules = [CONTRACT, *_properties_used(renamed, contracted, free)]
        if len(contracted) < len(renamed):
            rules.append(COLLECT)
        steps.append(IndexStep(IndexExpr(free, tuple(contracted)), tuple(rules)))
    return steps


def _like_added(terms: list[Term], free: tuple[Index, ...]) -> list[Term]:
    return list(collect_by(_key, terms, free))


def _key(term: Term, free: tuple[Index, ...]) -> object:
    """Equal for like terms. Bound indices are numbered outwards from the free ones, so that the numbers
    depend on how the factors are connected and not on the order they are written in.
    """
    place: dict[Index, int] = {index: k for k, index in enumerate(free)}
    rest = list(term.factors)
    parts: list[tuple[Expr, tuple[tuple[int, ...], ...]]] = []

    def distance(factor: Factor) -> tuple[int, list[int], Any]:
        known = sorted(place[index] for index in factor.indices if index in place)
        return (
            len(factor.indices) - len(known),
            known or [len(place)],
            structural(canonical(factor.expr)),
        )

    while rest:
        factor = min((f for f in rest if _touches(f, place)), key=distance, default=None)
        factor = factor or min(rest, key=distance)
        rest.remove(factor)
        slots = sorted(
            factor.slots, key=lambda slot: [place.get(part, len(place)) for part in slot.parts]
        )
        symmetric = len(slots) == 2 and (is_op(factor.expr, EYE) or is_symmetric(factor.expr))
        numbers = tuple(
            tuple(place.setdefault(part, len(place)) for part in slot.parts)
            for slot in (slots if symmetric else factor.slots)
        )
        parts.append((canonical(factor.expr), numbers))
    return tuple(sorted(parts, key=lambda part: (structural(part[0]), part[1])))


def _touches(factor: Factor, place: dict[Index, int]) -> bool:
    return any(index in place for index in factor.indices)


def _properties_used(
    before: list[Term], after: list[Term], free: tuple[Index, ...]
) -> Iterator[Rule]:
    """What of the variables made terms alike."""
    if len(after) == len(before):
        return
    for symbol in symbols(*(factor.expr for term in before for factor in term.factors)):
        if symbol.properties & STRUCTURAL:
            plain: dict[Expr, Expr] = {symbol: unstructured(symbol)}
            varied = IndexExpr(free, tuple(before)).substitute(plain)
            if len(_like_added(list(varied.terms), free)) > len(after):
                yield Rule(f"{symbol.name} is {structure_in_words(symbol)}")


def _folded(before: IndexExpr, rules: list[Rule], after: list[Term]) -> Iterator[Rule]:
    """Names for parts of what a rule gave: ``sigmoid(-x)`` for ``1 / (1 + exp(x))``."""
    known = [factor.expr for term in before.terms for factor in term.factors]
    for rule in rules:
        for side in rule.equation or ():
            if isinstance(side, IndexExpr):
                known += [factor.expr for term in side.terms for factor in term.factors]
            else:
                known.append(side)
    for factor in (factor for term in after for factor in term.factors):
        yield from names_folded_back(known, factor.expr)


def _restates(terms: list[Term], written: IndexExpr) -> bool:
    """Whether the line only says that the function is to be differentiated."""
    return (
        len(terms) == len(written.terms) == 1
        and len(terms[0].factors) == len(written.terms[0].factors) == 1
        and bool(_partials(terms[0]))
    )


# ------------------------------------------------------------------ product rule


def _by_product_rule(
    terms: list[Term], wrt: Symbol, axes: tuple[Index, ...]
) -> tuple[list[Term], list[Rule]]:
    """The derivative of every term, factor by factor; what does not depend on the variable is constant."""
    found: list[Term] = []
    rules: list[Rule] = []
    for term in terms:
        varied = [place for place, factor in enumerate(term.factors) if _depends(factor.expr, wrt)]
        divisor = _divisor(term, varied) if len(varied) > 1 else None
        if divisor is not None:
            rules.insert(0, QUOTIENT_RULE)
            varied.remove(divisor)
        elif len(varied) > 1:
            rules.insert(0, PRODUCT_RULE)
        elif not varied:
            rules.append(CONSTANTS_VANISH)
        elif len(term.factors) > 1:
            rules.append(LINEARITY)
        found += (_differentiated(term, place, wrt, axes) for place in varied)
        if divisor is not None:
            found.append(_by_divisor(term, divisor, wrt, axes))
    return found, rules or [IN_INDEX_NOTATION]


def _differentiated(term: Term, place: int, wrt: Symbol, axes: tuple[Index, ...]) -> Term:
    """The term with one factor replaced by its derivative; every such term has bound indices of its own."""
    factor = term.factors[place]
    partial = Factor(PARTIAL(factor.expr, wrt), (*factor.slots, *axes))
    others = (*term.factors[:place], partial, *term.factors[place + 1 :])
    return Term(term.coefficient, others)


def _divisor(term: Term, varied: list[int]) -> int | None:
    """The place of the one factor ``1/v`` of a quotient."""
    places = [place for place in varied if _is_divisor(term.factors[place].expr)]
    return places[0] if len(places) == 1 else None


def _is_divisor(e: Expr) -> bool:
    return is_op(e, POWER) and e.args[1] == Constant(-1) and e.is_scalar


def _by_divisor(term: Term, place: int, wrt: Symbol, axes: tuple[Index, ...]) -> Term:
    """The quotient rule's second term: ``-u ∂v / v^2`` for u / v."""
    below = term.factors[place].expr.args[0]
    squared = Factor(POWER(below, Constant(-2)))
    partial = Factor(PARTIAL(below, wrt), axes)
    others = (*term.factors[:place], partial, *term.factors[place + 1 :], squared)
    return Term(-term.coefficient, others)


def _depends(e: Expr, wrt: Symbol) -> bool:
    return wrt in postorder(e)


# ------------------------------------------------------------------ one more level


def _partials(term: Term) -> list[int]:
    return [place for place, factor in enumerate(term.factors) if is_op(factor.expr, PARTIAL)]


def _open_partials(term: Term, wrt: Symbol) -> list[int]:
    """Places of derivatives of anything but the variable itself."""
    return [place for place in _partials(term) if _inside(term.factors[place])[0] is not wrt]


def _inside(factor: Factor) -> tuple[Expr, tuple[Slot, ...]]:
    """What a pending derivative is of, and the slots of that."""
    assert isinstance(factor.expr, Apply)
    u, wrt = factor.expr.args
    return u, factor.slots[: len(factor.slots) - len(wrt.axes)]


def _advance(
    terms: list[Term], wrt: Symbol, axes: tuple[Index, ...]
) -> tuple[list[Term], list[Rule]]:
    found: list[Term] = []
    rules: list[Rule] = []
    for term in terms:
        places = _open_partials(term, wrt)
        if not places:
            found.append(term)
            continue
        [place] = places
        u, slots = _inside(term.factors[place])
        before, after = term.factors[:place], term.factors[place + 1 :]
        assert isinstance(u, Apply)
        defined = put_in(u)
        if defined is not None:
            rules.append(definition_rule(u))
        written = entries(u if defined is None else defined, slots)
        if len(written) == 1 and written[0].factors == (Factor(u, slots),):
            pieces, applied = _by_chain_rule(u, slots, wrt, axes)
            rules += applied
        else:
            pieces, more = _by_product_rule(written, wrt, axes)
            rules += more
        found += (
            Term(term.coefficient * piece.coefficient, (*before, *piece.factors, *after))
            for piece in pieces
        )
    return found, rules


def _by_chain_rule(
    u: Expr, slots: tuple[Slot, ...], wrt: Symbol, axes: tuple[Index, ...]
) -> tuple[list[Term], list[Rule]]:
    """``∂f(v)[i]/∂X = ∂f(v)[i]/∂v[p] ∂v[p]/∂X``."""
    assert isinstance(u, Apply)
    found: list[Term] = []
    rules: list[Rule] = []
    for position, arg in enumerate(u.args):
        if not _depends(arg, wrt):
            continue
        rules.append(partial_rule(u, position))
        own = tuple(Index(dim) for dim in arg.axes)
        local = pull_back(u, position, _identity(u))
        for piece in local.rename_free((*slots, *own)).terms:
            inner = Factor(PARTIAL(arg, wrt), (*own, *axes))
            whole = Term(piece.coefficient, (*piece.factors, inner))
            outside = frozenset(part for slot in (*slots, *axes) for part in slot.parts)
            found.append(_contracted(whole, outside))
    return found, rules


def _identity(u: Expr) -> IndexExpr:
    outer = tuple(Index(dim) for dim in u.axes)
    inner = tuple(Index(dim) for dim in u.axes)
    return IndexExpr((*outer, *inner), (Term(Fraction(1), deltas(outer, inner)),))


# ------------------------------------------------------------------ deltas


def _with_deltas(term: Term) -> Term:
    factors: list[Factor] = []
    for factor in term.factors:
        if is_op(factor.expr, PARTIAL):
            _, slots = _inside(factor)
            axes = tuple(s for s in factor.slots[len(slots) :] if isinstance(s, Index))
            factors.extend(deltas(slots, axes))
        else:
            factors.append(factor)
    return Term(term.coefficient, tuple(factors))


def _contracted(term: Term, outside: frozenset[Index]) -> Term:
    """The term without the deltas that rename a bound index."""
    for delta in _renaming(term, outside):
        first, second = delta.slots
        old, new = (first, second) if first not in outside else (second, first)
        rest = list(term.factors)
        rest.remove(delta)
        assert isinstance(old, Index)
        return _contracted(Term(term.coefficient, tuple(rest)).rename({old: new}), outside)
    return term


def _renaming(term: Term, outside: frozenset[Index]) -> Iterator[Factor]:
    for factor in term.factors:
        if is_op(factor.expr, EYE) and all(isinstance(slot, Index) for slot in factor.slots):
            first, second = factor.slots
            if first is not second and not {first, second} <= outside:
                yield factor
