"""Where the factors of a product stand: in front, above the stroke, or below it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from matcalc.backends.notation import Form, Hadamard, Numeral, Quotient, product
from matcalc.record import Record


class Factor(Record, eq=False):
    """A factor of a product.

    Attributes:
        form: how it is written beside other factors.
        is_scalar: whether it is a scalar.
        below: what is written below a stroke instead, if it may stand there.
        is_number: whether ``below`` consists of numbers and sizes only.
    """

    form: Form
    is_scalar: bool
    below: Form | None = None
    is_number: bool = False


def fraction(coefficient: Fraction, factors: Sequence[Factor], *, exact: bool) -> Form:
    """A positive coefficient times factors: ``1/(2 m) a x .* y ./ z / b``.

    A fraction of numbers and sizes stands in front. Read back, the numeral comes first, then the
    scalars and then the arrays, each in the order written; so in the ``exact`` style only the first
    scalar can stand in the fraction in front, and only the last scalar and the last array below a
    stroke at the end.
    """
    scalars = [factor for factor in factors if factor.is_scalar]
    arrays = [factor for factor in factors if not factor.is_scalar]
    lead = _leading_numbers(scalars[:1] if exact else scalars)
    if len(lead) == len(factors):
        lead = []
    if not exact and any(factor.below and factor not in lead for factor in scalars):
        lead = []
    at_end = _below(scalars[-1:] if exact else scalars, lead)
    arrays_at_end = _below(arrays[-1:] if exact else arrays, lead)
    moved = {*lead, *at_end, *arrays_at_end}

    over, under = coefficient.numerator, coefficient.denominator
    numeral: list[Form] = [Numeral(under)] if under != 1 else []
    above: list[Form] = [factor.form for factor in scalars if factor not in moved]
    plain_arrays = [factor.form for factor in arrays if factor not in moved]
    in_front = [] if at_end and not lead else [*numeral, *_forms_below(lead)]
    if in_front:
        above.insert(0, Quotient(Numeral(over), product(in_front)))
        numeral = []
    elif over != 1:
        above.insert(0, Numeral(over))

    form = (
        Hadamard(tuple(above), tuple(plain_arrays))
        if len(plain_arrays) > 1
        else product([*above, *plain_arrays])
    )
    for below in _forms_below(arrays_at_end):
        form = Quotient(form, below, elementwise=True)
    if at_end:
        form = Quotient(form, product([*numeral, *_forms_below(at_end)]))
    return form


def _leading_numbers(scalars: Sequence[Factor]) -> list[Factor]:
    return [factor for factor in scalars if factor.below and factor.is_number]


def _below(factors: Sequence[Factor], lead: Sequence[Factor]) -> list[Factor]:
    return [factor for factor in factors if factor.below and factor not in lead]


def _forms_below(factors: Sequence[Factor]) -> list[Form]:
    return [factor.below for factor in factors if factor.below]
