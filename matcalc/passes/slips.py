"""Slips: what people do wrong when they differentiate by hand, as a table.

Every slip is a function of a claim and of the derivative. It gives formulas that would make the claim
right, or that the claim would be if that slip had been made; whether they are is found out with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matcalc.core.expr import Expr, Symbol
from matcalc.core.index import Index, IndexExpr, Term
from matcalc.errors import UnsupportedProblem
from matcalc.passes import variations
from matcalc.passes.build import scaled, transposed
from matcalc.passes.collect import total
from matcalc.passes.contract import contract
from matcalc.passes.layout import Placement, placements
from matcalc.passes.recognise import recognise, vectorise
from matcalc.passes.structure import CONVENTIONS, STRUCTURAL, structured_derivative
from matcalc.passes.variations import Change

#: In matrix form, or in index notation in the tensor convention.
Formula = Expr | IndexExpr


@dataclass(frozen=True)
class Disagreement:
    """A claim that is wrong.

    Attributes:
        claim: as it was made.
        answer: the derivative in the same form; of another shape where the claim has a wrong one.
        f: the function.
        wrt: the variable.
        order: how often it is differentiated.
        structured: what the derivative by a variable with structure means.
        others: the other variables.
        tensor: the derivative in the tensor convention.
        rectangular: variables that are square only as long as all sizes are taken to be equal.
    """

    claim: Formula
    answer: Formula
    f: Formula
    wrt: Symbol
    order: int
    structured: str
    others: tuple[Symbol, ...]
    tensor: IndexExpr
    rectangular: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Slip:
    """A possible explanation.

    Attributes:
        text: what went wrong, with places for expressions.
        about: these expressions.
        value: a formula.
        of_claim: whether that is the claim put right, to be held against the derivative; else it is
            the derivative gone wrong, to be held against the claim.
    """

    text: str
    about: tuple[Formula, ...]
    value: Formula
    of_claim: bool = True


def _in_claim(
    text: str, rule: Callable[[Expr], Iterator[Change]]
) -> Callable[[Disagreement], Iterator[Slip]]:
    """A slip that is put right by a change in one place of the claim."""

    def slips(d: Disagreement) -> Iterator[Slip]:
        if isinstance(d.claim, Expr):
            for about, changed in variations.changed_once(d.claim, rule):
                yield Slip(text, about, changed)

    return slips


def _in_answer(
    text: str, rule: Callable[[Expr], Iterator[Change]]
) -> Callable[[Disagreement], Iterator[Slip]]:
    """A slip that makes the claim of the derivative by a change in one place."""

    def slips(d: Disagreement) -> Iterator[Slip]:
        if isinstance(d.answer, Expr):
            for about, changed in variations.changed_once(d.answer, rule):
                yield Slip(text, about, changed, of_claim=False)

    return slips


def _whole_transposed(d: Disagreement) -> Iterator[Slip]:
    if isinstance(d.claim, Expr) and not d.claim.is_scalar:
        yield Slip("it is the transpose of the derivative", (), transposed(d.claim))


def _axes_in_other_order(d: Disagreement) -> Iterator[Slip]:
    if isinstance(d.claim, IndexExpr):
        for order, changed in variations.reordered_axes(d.claim):
            listed = ", ".join(map(str, order))
            yield Slip(
                f"its axes are in the wrong order: they belong in the order {listed}", (), changed
            )


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


def _other_variable(d: Disagreement) -> Iterator[Slip]:
    if isinstance(d.f, Expr):
        for other in d.others:
            for value in _forms(d.f, other, d.order):
                yield Slip(f"it is the derivative by {other.name}", (), value, of_claim=False)


def _other_order(d: Disagreement) -> Iterator[Slip]:
    if not isinstance(d.f, Expr):
        return
    yield Slip("it is the function itself", (), d.f, of_claim=False)
    for order in (d.order - 1, d.order + 1):
        if order:
            name = {1: "first", 2: "second", 3: "third"}.get(order, f"{order}th")
            for value in _forms(d.f, d.wrt, order):
                yield Slip(f"it is the {name} derivative", (), value, of_claim=False)


def _other_convention(d: Disagreement) -> Iterator[Slip]:
    if not isinstance(d.f, Expr) or not d.wrt.properties & STRUCTURAL:
        return
    for convention in CONVENTIONS:
        if convention != d.structured:
            for value in _forms(d.f, d.wrt, d.order, convention):
                yield Slip(
                    f"it is right in the {convention} convention for {d.wrt.name}", (), value, False
                )


def _summed(d: Disagreement) -> Iterator[Slip]:
    """Axes of the derivative summed over: the derivative contracted with ones."""
    if isinstance(d.f, IndexExpr):
        return
    cut = len(d.f.axes)
    of_f, of_x = d.tensor.free[:cut], d.tensor.free[cut:]
    if of_f:
        text = "it is the derivative of the sum of all entries of the function"
        yield from (Slip(text, (), value, False) for value in _matrices(of_x, d.tensor))
    if of_x:
        text = f"it is the derivative summed over all entries of {d.wrt.name}, contracted with ones"
        yield from (Slip(text, (), value, False) for value in _matrices(of_f, d.tensor))
    yield from (
        Slip("it is the sum of all entries of the derivative", (), value, False)
        for value in _matrices((), d.tensor)
    )
    if len(d.tensor.free) == 2 and d.tensor.dims[0] == d.tensor.dims[1]:
        row = d.tensor.free[0]
        diagonal = contract(d.tensor.rename_free((row, row)))
        diagonal = IndexExpr((row,), diagonal.terms)
        for value in _matrices((row,), diagonal):
            yield Slip("it is the diagonal of the derivative", (), value, False)


def _matrices(kept: tuple[Index, ...], tensor: IndexExpr) -> Iterator[Formula]:
    """The array with only these axes left, the others summed over, as matrices."""
    array = contract(IndexExpr(kept, tensor.terms)) if tensor.terms else IndexExpr(kept, ())
    if len(kept) > 2:
        yield array
        return
    matrix = recognise(array, *(*kept, None, None)[:2])
    if matrix is not None:
        yield matrix
        if not matrix.is_scalar:
            yield transposed(matrix)


def _forms(f: Expr, x: Symbol, order: int, convention: str = "ambient") -> Iterator[Formula]:
    """A derivative in all layouts."""
    try:
        tensor = structured_derivative(f, x, order, convention)
    except UnsupportedProblem:
        return
    if len(tensor.free) > 2:
        yield tensor
    for placement in placements(tensor, f.shape, x.shape, order):
        matrix = placed(tensor, placement)
        if matrix is not None:
            yield matrix


def placed(tensor: IndexExpr, placement: Placement) -> Expr | None:
    """A derivative in the tensor convention as the matrix that a layout makes of it."""
    rows, columns = (
        tuple(tensor.free[k] for k in side[::-1]) for side in (placement.rows, placement.columns)
    )
    return vectorise(tensor, rows, columns)


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
    _other_convention,
    _other_variable,
    _other_order,
    _in_claim("{0} should be {1}: the factors are in the wrong order", variations.in_other_order),
    _in_claim("{0} stands where {1} is needed", variations.with_transpose),
    _missing_term,
    _extra_term,
    _transposed_term,
    _in_claim("a term has the wrong sign: {0}", variations.with_other_sign),
    _in_claim("{0} should be {1}", variations.with_other_coefficient),
    _in_claim("{0} should be {1}: the product is of the wrong kind", variations.with_other_product),
    _in_answer("the factor {0} is missing", variations.with_one_factor_less),
    _in_claim("the factor {0} does not belong there", variations.with_one_factor_less),
    _in_claim("{0} should be {1}: the exponent is wrong", variations.with_other_power),
    _in_answer("the factors {0} and {1} are missing", variations.with_two_factors_less),
    _summed,
)

#: What comes before all others.
WHOLE: tuple[Callable[[Disagreement], Iterator[Slip]], ...] = (
    _whole_transposed,
    _axes_in_other_order,
)
