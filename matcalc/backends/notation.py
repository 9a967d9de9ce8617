"""Mathematical notation as data: what is written, before it is spelled in text or in LaTeX.

``compose`` turns expressions into forms, ``text`` and ``latex`` spell forms; both printers so share
every decision on signs, quotients and sharing, and differ in spelling and brackets only. Forms are
compared by identity: one expression has one form however often it is used, and ``fold`` visits a
form once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from fractions import Fraction
from typing import TypeVar

from matcalc.core.operation import Operation
from matcalc.record import Record

T = TypeVar("T")


class Level(IntEnum):
    """How tightly a spelled form holds together, from loosest to tightest (DESIGN, section 4)."""

    SUM = 0
    OPERATOR = 1
    PRODUCT = 2
    POSTFIX = 3
    ATOM = 4


class Form(Record):
    """One piece of notation."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def parts(self) -> tuple[Form, ...]:
        """The forms directly below, from left to right."""
        match self:
            case Call(args=parts) | ConstantArray(dims=parts) | Kronecker(operands=parts):
                return parts
            case Product(factors=parts):
                return parts
            case Hadamard(scalars=scalars, arrays=arrays):
                return scalars + arrays
            case Sum(terms=terms):
                return tuple(term for _, term in terms)
            case Power(base=left, exponent=right) | Quotient(numerator=left, denominator=right):
                return (left, right)
            case Norm(operand=part) | Transposed(operand=part) | Negative(operand=part):
                return (part,)
            case PartialDerivative(numerator=left, denominator=right):
                return (left, right)
            case Filled(number=part) | Entry(base=part) | Summation(term=part):
                return (part,)
        return ()


class Name(Form):
    """A variable, a size, a definition, or ``I``."""

    name: str


class Numeral(Form):
    """A whole number, not negative."""

    value: int


class Filled(Form):
    """A numeral in a sum with an array, added to each of its entries: ``1 - tanh(x).^2``."""

    number: Form


class ConstantArray(Form):
    """``eye(n)``, ``ones(m, n)``, ``zeros(n)``."""

    op: Operation
    dims: tuple[Form, ...]


class Call(Form):
    """A function applied to arguments."""

    op: Operation
    args: tuple[Form, ...]


class Norm(Form):
    """``||x||``; ``kind`` is ``""``, ``"1"`` or ``"F"``."""

    operand: Form
    kind: str


class Transposed(Form):
    """``X'``, or ``X^-T`` where ``inverse``."""

    operand: Form
    inverse: bool = False


class Power(Form):
    """``X^k``, or ``x.^k`` where ``elementwise``."""

    base: Form
    exponent: Form
    elementwise: bool = False


class Product(Form):
    """Factors side by side, of which the first may be a quotient of numbers: ``1/2 x' A x``."""

    factors: tuple[Form, ...]


class Hadamard(Form):
    """Scalars in front of an element-wise product of arrays: ``2 a x .* y``."""

    scalars: tuple[Form, ...]
    arrays: tuple[Form, ...]


class Kronecker(Form):
    """``A ⊗ B``."""

    operands: tuple[Form, ...]


class Quotient(Form):
    """``a / b``, or ``a ./ b`` where ``elementwise``."""

    numerator: Form
    denominator: Form
    elementwise: bool = False


class Negative(Form):
    """``-a``. The operand is no number with a sign and no negative itself."""

    operand: Form


class Sum(Form):
    """``a + b - c``: terms with their signs, +1 or -1; at least two."""

    terms: tuple[tuple[int, Form], ...]


class Entry(Form):
    """One entry, ``W[i,j]``. A slot is a letter, or several where the index is composite."""

    base: Form
    slots: tuple[tuple[str, ...], ...]


class Summation(Form):
    """A term and the letters it is summed over, for a reader who must be told."""

    letters: tuple[str, ...]
    term: Form


class PartialDerivative(Form):
    """``∂x[i]/∂x[k]``."""

    numerator: Form
    denominator: Form


def number(value: Fraction | int) -> Form:
    """A rational number: ``3``, ``1/2``, ``-2``."""
    exact = Fraction(value)
    if exact < 0:
        return Negative(number(-exact))
    if exact.denominator == 1:
        return Numeral(exact.numerator)
    return Quotient(Numeral(exact.numerator), Numeral(exact.denominator))


def product(factors: Sequence[Form]) -> Form:
    """Factors side by side; one factor alone is itself, none the number 1.

    A product among the factors keeps its brackets, ``(x' y) A z``, unless it is the only one and
    comes last: ``a A x``. A product of a single factor stands for brackets that must be kept.
    """
    if not factors:
        return Numeral(1)
    *front, last = factors
    is_open = isinstance(last, Product) and len(last.factors) > 1
    if is_open and not any(isinstance(factor, Product) for factor in front):
        factors = (*front, *last.parts)
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def total(forms: Sequence[Form]) -> Form:
    """The sum of forms, signs taken out of them."""
    if len(forms) == 1:
        return forms[0]
    return Sum(
        tuple((-1, form.operand) if isinstance(form, Negative) else (1, form) for form in forms)
    )


def walk(root: Form) -> Iterator[Form]:
    """Every form below the root once, parts before wholes."""
    seen: set[Form] = set()
    stack: list[tuple[Form, bool]] = [(root, False)]
    while stack:
        form, ready = stack.pop()
        if form in seen:
            continue
        if ready:
            seen.add(form)
            yield form
        else:
            stack.append((form, True))
            stack.extend((part, False) for part in reversed(form.parts))


def fold(root: Form, combine: Callable[[Form, list[T]], T]) -> T:
    """The value of the root, computed from the values of the parts, once for every form."""
    values: dict[Form, T] = {}
    for form in walk(root):
        values[form] = combine(form, [values[part] for part in form.parts])
    return values[root]


def measure(form: Form) -> int:
    """Names, numbers and operators; not brackets, commas, nor the sign of the product."""
    return fold(form, own_measure_and_parts)


def own_measure_and_parts(form: Form, parts: list[int]) -> int:
    """The measure of a form, given those of its parts."""
    return own_measure(form) + sum(parts)


def own_measure(form: Form) -> int:
    """What a form adds to the measure of its parts."""
    match form:
        case Product() | Filled():
            return 0
        case Call(op=op):
            return 1 + len(op.tail)
        case Power(exponent=Negative(operand=Numeral())):
            return 0  # ^-1 is an operator and a number; the number's sign has been counted
        case Transposed(inverse=inverse):
            return 2 if inverse else 1
        case Hadamard(arrays=operands) | Kronecker(operands=operands):
            return len(operands) - 1
        case Sum(terms=terms):
            return len(terms) - 1 + (terms[0][0] < 0)
        case Entry(slots=slots):
            return sum(map(len, slots))
        case Summation(letters=letters):
            return 1 + len(letters)
        case _:
            return 1
