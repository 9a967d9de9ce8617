"""What somebody may have computed in place of the derivative: another derivative, or one by a wrong rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction

from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import Index, IndexExpr, Term
from matcalc.passes import variations
from matcalc.passes.build import scaled, transposed
from matcalc.passes.contract import contract
from matcalc.passes.disagreement import (
    NOT_FOUND,
    Disagreement,
    Formula,
    Slip,
    derivative_forms,
    once_for_function,
    placed_forms,
)
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.misrules import Frozen, dependent_nodes, derivative_with, misrules
from matcalc.passes.recognise import recognise
from matcalc.passes.structure import CONVENTIONS, at_point, structured_derivative
from matcalc.passes.variations import Change

#: Most places of the variable that are looked at one by one.
PLACES = 4

#: How a place, and a multiple, are said.
ORDINALS = ("first", "second", "third", "fourth")
OFTEN = {2: "twice", 3: "three times", 4: "four times"}

#: In what a function may have been misread, and how that is said.
MISREADINGS: tuple[tuple[Callable[[Expr], Iterator[Change]], str], ...] = (
    (variations.in_other_order, "it would be right if the function had {1} in place of {0}"),
    (variations.with_other_product, "it would be right if the function had {1} in place of {0}"),
    (variations.with_other_power, "it would be right if the function had {1} in place of {0}"),
    (variations.with_transpose, "it would be right if the function had {1} in place of {0}"),
    (variations.with_one_factor_less, "it would be right if the function had {2} in place of {1}"),
)


def other_variable(d: Disagreement) -> Iterator[Slip]:
    """The derivative by another variable."""
    if isinstance(d.f, Expr):
        for other in d.others:
            for value in derivative_forms(d.f, other, d.order):
                yield Slip(f"it is the derivative by {other.name}", (), value, of_claim=False)


def other_order(d: Disagreement) -> Iterator[Slip]:
    """The function itself, or its derivative of another order."""
    if not isinstance(d.f, Expr):
        return
    yield Slip("it is the function itself", (), d.f, of_claim=False)
    for order in (d.order - 1, d.order + 1):
        if order:
            name = {1: "first", 2: "second", 3: "third"}.get(order, f"{order}th")
            for value in derivative_forms(d.f, d.wrt, order):
                yield Slip(f"it is the {name} derivative", (), value, of_claim=False)


def other_convention(d: Disagreement) -> Iterator[Slip]:
    """The derivative by a structured variable in another convention."""
    if not isinstance(d.f, Expr) or not d.wrt.properties & STRUCTURAL:
        return
    for convention in CONVENTIONS:
        if convention != d.structured:
            for value in derivative_forms(d.f, d.wrt, d.order, convention):
                yield Slip(
                    f"it is right in the {convention} convention for {d.wrt.name}", (), value, False
                )


def summed(d: Disagreement) -> Iterator[Slip]:
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


@once_for_function
def misrule(d: Disagreement) -> Iterator[Slip]:
    """A rule of differentiation misremembered for one part of the function."""
    if not isinstance(d.f, Expr) or d.order != 1:
        return
    for node in dependent_nodes(d.f, d.wrt):
        frozen = Frozen()
        for rule in misrules(node, d.wrt, frozen, inner=node is not d.f):
            if rule.value.shape != node.shape:
                continue  # the belief is about numbers, and this is an array
            with suppress(*NOT_FOUND):
                tensor = derivative_with(d.f, d.wrt, node, rule.value, frozen, d.structured)
                for form in placed_forms(d.f, d.wrt, 1, tensor):
                    yield Slip(rule.text, rule.about, form, of_claim=False)


@once_for_function
def chain_broken_off(d: Disagreement) -> Iterator[Slip]:
    """The derivative by a part of the function, taken for the derivative by the variable."""
    if not isinstance(d.f, Expr) or d.order != 1:
        return
    text = "it is the derivative by {0}: the inner derivative, of {0} by {1}, is missing"
    for node in dependent_nodes(d.f, d.wrt)[1:]:
        part = Symbol("part", node.shape)
        with suppress(*NOT_FOUND):
            tensor = structured_derivative(substitute(d.f, {node: part}), part)
            for form in placed_forms(d.f, part, 1, at_point(tensor, {part: node})):
                yield Slip(text, (node, d.wrt), form, of_claim=False)


@once_for_function
def other_function(d: Disagreement) -> Iterator[Slip]:
    """The derivative of a function that differs in one place."""
    if not isinstance(d.f, Expr):
        return
    for rule, text in MISREADINGS:
        for about, changed in variations.changed_once(d.f, rule):
            for form in derivative_forms(changed, d.wrt, d.order, d.structured):
                yield Slip(text, about, form, of_claim=False)


@once_for_function
def one_place(d: Disagreement) -> Iterator[Slip]:
    """What one of the places gives where the variable stands, once or as often as there are places."""
    if not isinstance(d.f, Expr) or d.order != 1:
        return
    places = variations.places_of(d.f, d.wrt, PLACES + 1)
    count = len(places)
    if not 1 < count <= PLACES:
        return
    copy = Symbol(f"{d.wrt.name} here", d.wrt.shape)
    for number, place in enumerate(places):
        moved = variations.replaced(d.f, place, copy)
        assert moved is not None
        tensor = structured_derivative(moved, copy)
        where = f"the {ORDINALS[number]} of the {count} places where {d.wrt.name} stands"
        counted = f"{where} is counted {OFTEN[count]}, as if all gave the same"
        for form in placed_forms(d.f, d.wrt, 1, at_point(tensor, {copy: d.wrt})):
            yield Slip(f"only {where} is differentiated", (), form, of_claim=False)
            yield Slip(counted, (), multiple(count, form), of_claim=False)


def multiple(factor: int | Fraction, f: Formula) -> Formula:
    """A formula times a number."""
    if isinstance(f, Expr):
        return scaled(factor, f)
    return IndexExpr(f.free, tuple(Term(factor * t.coefficient, t.factors) for t in f.terms))
