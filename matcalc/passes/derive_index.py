"""The derivation of a derivative in index notation, every step named by its rule.

``f = x[i] A[i,j] x[j]`` is written out; the product rule and the chain rule are applied until only
derivatives of the variable's own entries are left; those are Kronecker deltas, which are contracted; what
remains is folded back into matrix form. Every step has a value (``passes/pending.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from matcalc.core.expr import Apply, Expr, Symbol, postorder
from matcalc.core.index import Factor, Index, IndexExpr, Slot, Term
from matcalc.ops.constant import EYE
from matcalc.passes.build import is_op
from matcalc.passes.contract import collect
from matcalc.passes.expand import put_in
from matcalc.passes.lower import entries
from matcalc.passes.pending import PARTIAL
from matcalc.passes.pull_back import pull_back
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
    rules: tuple[str, ...]


def derive_index(written: IndexExpr, wrt: Symbol) -> list[IndexStep] | None:
    """The lines from a function in index notation to its derivative, deltas contracted.

    The free indices of the first are the axes of the function, those of the others the axes of the function
    and of the variable. None if the lines would be too long.
    """
    axes = tuple(Index(dim) for dim in wrt.axes)
    steps = [IndexStep(written, ("in index notation",))]
    terms, rules = _by_product_rule(list(written.terms), wrt, axes)
    free = (*written.free, *axes)
    while True:
        terms = list(collect(terms, free))
        if len(terms) > MOST_TERMS:
            return None
        if not _restates(terms, written):
            steps.append(IndexStep(IndexExpr(free, tuple(terms)), tuple(dict.fromkeys(rules))))
        if not any(_open_partials(term, wrt) for term in terms):
            break
        terms, rules = _advance(terms, wrt, axes)
    if any(_partials(term) for term in terms):
        terms = [_with_deltas(term) for term in terms]
        steps.append(IndexStep(IndexExpr(free, tuple(terms)), (_delta_rule(wrt),)))
    contracted = list(collect([_contracted(term, frozenset(free)) for term in terms], free))
    if contracted != terms:
        steps.append(IndexStep(IndexExpr(free, tuple(contracted)), ("contract the deltas",)))
    return steps


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
) -> tuple[list[Term], list[str]]:
    """The derivative of every term, factor by factor; what does not depend on the variable is constant."""
    found: list[Term] = []
    rules: list[str] = []
    for term in terms:
        varied = [place for place, factor in enumerate(term.factors) if _depends(factor.expr, wrt)]
        if not varied:
            rules.append("terms without the variable vanish")
        if len(varied) > 1:
            rules.insert(0, "product rule")
        elif varied and len(term.factors) > 1:
            rules.append("constant factors stay")
        found += (_differentiated(term, place, wrt, axes) for place in varied)
    return found, rules or ["differentiate"]


def _differentiated(term: Term, place: int, wrt: Symbol, axes: tuple[Index, ...]) -> Term:
    """The term with one factor replaced by its derivative; every such term has bound indices of its own."""
    factor = term.factors[place]
    partial = Factor(PARTIAL(factor.expr, wrt), (*factor.slots, *axes))
    others = (*term.factors[:place], partial, *term.factors[place + 1 :])
    return Term(term.coefficient, others)


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
) -> tuple[list[Term], list[str]]:
    found: list[Term] = []
    rules: list[str] = []
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
            rules.append(u.op.definition or f"{u.op.spelling} written out")
        written = entries(u if defined is None else defined, slots)
        if len(written) == 1 and written[0].factors == (Factor(u, slots),):
            pieces, rule = _by_chain_rule(u, slots, wrt, axes)
            rules.append(rule)
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
) -> tuple[list[Term], str]:
    """``∂f(v)[i]/∂X = ∂f(v)[i]/∂v[p] ∂v[p]/∂X``."""
    assert isinstance(u, Apply)
    found: list[Term] = []
    for position, arg in enumerate(u.args):
        if not _depends(arg, wrt):
            continue
        own = tuple(Index(dim) for dim in arg.axes)
        local = pull_back(u, position, _identity(u))
        for piece in local.rename_free((*slots, *own)).terms:
            inner = Factor(PARTIAL(arg, wrt), (*own, *axes))
            whole = Term(piece.coefficient, (*piece.factors, inner))
            outside = frozenset(part for slot in (*slots, *axes) for part in slot.parts)
            found.append(_contracted(whole, outside))
    return found, _named_rule(u)


def _identity(u: Expr) -> IndexExpr:
    outer = tuple(Index(dim) for dim in u.axes)
    inner = tuple(Index(dim) for dim in u.axes)
    return IndexExpr((*outer, *inner), (Term(Fraction(1), deltas(outer, inner)),))


def _named_rule(u: Apply) -> str:
    """The operation's own rule, as it stands in the rule book."""
    rules = [rule for rule in u.op.partial if rule] or [u.op.spelling]
    return f"chain rule: {rules[0]}" if u.op.partial else f"chain rule for {rules[0]}"


# ------------------------------------------------------------------ deltas


def _delta_rule(wrt: Symbol) -> str:
    letters = iter("ijkl")
    own = [next(letters) for _ in wrt.axes]
    other = [next(letters) for _ in wrt.axes]
    if not own:
        return f"∂{wrt.name}/∂{wrt.name} = 1"
    pairs = " ".join(f"δ[{a},{b}]" for a, b in zip(own, other, strict=True))
    return f"∂{wrt.name}[{','.join(own)}]/∂{wrt.name}[{','.join(other)}] = {pairs}"


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
