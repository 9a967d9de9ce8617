"""Slips: what people do wrong when they differentiate by hand, as a table.

Every slip is a function of a claim and of the derivative. It gives formulas that would make the claim
right, or that the claim would be if that slip had been made; whether they are is found out with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr, Term
from matcalc.passes import variations
from matcalc.passes.build import ones, scaled, times, transposed
from matcalc.passes.collect import total
from matcalc.passes.disagreement import Disagreement, Formula, Slip
from matcalc.passes.other_derivatives import (
    chain_broken_off,
    misrule,
    one_place,
    other_convention,
    other_function,
    other_order,
    other_variable,
    summed,
)
from matcalc.passes.variations import Change


def _changed_once(
    text: str, rule: Callable[[Expr], Iterator[Change]], *, of_claim: bool
) -> Callable[[Disagreement], Iterator[Slip]]:
    def slips(d: Disagreement) -> Iterator[Slip]:
        form = d.claim if of_claim else d.answer
        if isinstance(form, Expr):
            for about, changed in variations.changed_once(form, rule):
                yield Slip(text, about, changed, of_claim=of_claim)

    return slips


#: A slip that is put right by a change in one place of the claim.
_in_claim = partial(_changed_once, of_claim=True)

#: A slip that makes the claim of the derivative by a change in one place.
_in_answer = partial(_changed_once, of_claim=False)


def _whole_transposed(d: Disagreement) -> Iterator[Slip]:
    if isinstance(d.claim, Expr) and not d.claim.is_scalar:
        yield Slip("it is the transpose of the derivative", (), transposed(d.claim))


def _one_number(d: Disagreement) -> Iterator[Slip]:
    """A number where the derivative has it in every entry."""
    if isinstance(d.claim, Expr) and d.claim.is_scalar and isinstance(d.answer, Expr):
        text = (
            f"the derivative has an entry for each of {d.wrt.name}, all equal to {{0}}: "
            "it is not this number but {1}"
        )
        every = times(d.claim, ones(d.answer.shape))
        yield Slip(text, (d.claim, d.answer), every)


def _axes_in_other_order(d: Disagreement) -> Iterator[Slip]:
    if isinstance(d.claim, IndexExpr):
        for order, changed in variations.reordered_axes(d.claim):
            listed = ", ".join(map(str, order))
            yield Slip(
                f"its axes are in the wrong order: they belong in the order {listed}", (), changed
            )


def _missing_outer_factor(d: Disagreement) -> Iterator[Slip]:
    """A factor of the derivative without which it has another shape."""
    if isinstance(d.answer, Expr):
        for (factor, *_), rest in variations.with_one_factor_less(d.answer):
            if rest.shape != d.answer.shape and not rest.is_scalar:
                text = "the factor {0} is missing: the derivative is {1}"
                yield Slip(text, (factor, d.answer), rest, of_claim=False)


def _missing_index_factor(d: Disagreement) -> Iterator[Slip]:
    """A factor of the derivative in index notation, such as the delta of an index that is not summed."""
    if isinstance(d.claim, IndexExpr):
        for factor, rest in variations.with_one_index_factor_less(d.tensor):
            yield Slip("the factor {0} is missing", (factor,), rest, of_claim=False)


def _missing_term(d: Disagreement) -> Iterator[Slip]:
    for term in terms(d.answer):
        for sum_ in added(d.claim, 1, term):
            yield Slip("the term {0} is missing", (term,), sum_)


def _extra_term(d: Disagreement) -> Iterator[Slip]:
    found = terms(d.claim)
    if len(found) > 1:
        for term in found:
            for rest in added(d.claim, -1, term):
                yield Slip("the term {0} does not belong there", (term,), rest)


def _transposed_term(d: Disagreement) -> Iterator[Slip]:
    if not isinstance(d.claim, Expr):
        for factor, changed in variations.index_variations(d.claim):
            yield Slip("the indices of {0} are exchanged", (factor.expr,), changed)
        return
    found = terms(d.claim)
    for k, term in enumerate(found):
        assert isinstance(term, Expr)
        if len(found) > 1 and term.is_square:
            rest = [t for t in (*found[:k], *found[k + 1 :]) if isinstance(t, Expr)]
            yield Slip("the term {0} should be transposed", (term,), total(*rest, transposed(term)))


def terms(f: Formula) -> list[Formula]:
    """The terms of a sum."""
    return list(variations.summands(f) if isinstance(f, Expr) else variations.index_summands(f))


def added(f: Formula, sign: int, term: Formula) -> Iterator[Formula]:
    """The sum of two formulas, or their difference, if they are of one form and shape."""
    if isinstance(f, Expr) and isinstance(term, Expr) and f.shape == term.shape:
        yield total(f, scaled(sign, term))
    elif isinstance(f, IndexExpr) and isinstance(term, IndexExpr) and f.dims == term.dims:
        moved = term.rename_free(f.free)
        signed = (Term(sign * t.coefficient, t.factors) for t in moved.terms)
        yield IndexExpr(f.free, (*f.terms, *signed))


#: The slips, the most specific first. Those of a constant factor, of one that depends on the sizes, and
#: of what holds for symmetric matrices only are found by numbers, after the first of these.
SLIPS: tuple[Callable[[Disagreement], Iterator[Slip]], ...] = (
    _missing_outer_factor,
    other_variable,
    other_order,
    _in_claim("{0} should be {1}: the factors are in the wrong order", variations.in_other_order),
    _in_claim("{0} stands where {1} is needed", variations.with_transpose),
    _in_claim(
        "{0} should be {1}: in vec(A X B) = (B' ⊗ A) vec(X) the right factor comes first, transposed",
        variations.with_other_kron,
    ),
    misrule,
    _missing_index_factor,
    _missing_term,
    _extra_term,
    _transposed_term,
    _in_claim("the term {0} has the wrong sign", variations.with_other_sign),
    _in_claim("{0} should be {1}: the product is of the wrong kind", variations.with_other_product),
    chain_broken_off,
    one_place,
    _in_claim("{0} should be {1}", variations.with_other_coefficient),
    _in_claim("{0} should be {1}: the exponent is wrong", variations.with_other_power),
    other_function,
    _in_answer(
        "the factor {0} is missing: the derivative has {1} where the claim has {2}",
        variations.with_one_factor_less,
    ),
    _in_claim(
        "the factor {0} does not belong there: {1} should be {2}", variations.with_one_factor_less
    ),
    _in_answer("the factors {0} and {1} are missing", variations.with_two_factors_less),
    summed,
)

#: What comes before all others.
WHOLE: tuple[Callable[[Disagreement], Iterator[Slip]], ...] = (
    other_convention,
    _whole_transposed,
    _axes_in_other_order,
    _one_number,
)

#: What explains a claim only if it is matched with its coefficient.
EXACT = (chain_broken_off, one_place, other_function)
