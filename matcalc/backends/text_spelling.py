"""Notation as text, in matcalc's own language."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.backends.notation import (
    Call,
    ConstantArray,
    Entry,
    Filled,
    Form,
    Hadamard,
    Kronecker,
    Level,
    Name,
    Negative,
    Norm,
    Numeral,
    PartialDerivative,
    Power,
    Product,
    Quotient,
    Sum,
    Summation,
    Transposed,
    fold,
)
from matcalc.ops import by_call

#: A form as text, and how tightly it holds together.
Spelled = tuple[str, Level]


def spell(form: Form) -> str:
    """A form as text."""
    return fold(form, _spell)[0]


def _within(spelled: Spelled, level: Level) -> str:
    """Text that holds together at least as tightly as ``level``, in brackets if need be."""
    text, own = spelled
    return text if own >= level else f"({text})"


def _spell(form: Form, parts: list[Spelled]) -> Spelled:
    match form:
        case Name(name=name):
            return name, Level.ATOM
        case Numeral(value=value):
            return str(value), Level.ATOM
        case Filled():
            return parts[0]
        case ConstantArray(op=op):
            return f"{op.spelling}({_arguments(parts)})", Level.ATOM
        case Call(op=op):
            arguments = [text for text, _ in parts]
            return f"{op.spelling}({', '.join([*arguments, *op.tail])})", Level.ATOM
        case Norm(kind=kind):
            return _norm(parts[0][0], kind), Level.ATOM
        case Transposed(inverse=inverse):
            return _within(parts[0], Level.ATOM) + ("^-T" if inverse else "'"), Level.POSTFIX
        case Power():
            return _power(form, parts), Level.POSTFIX
        case Product():
            return _product(form, parts)
        case Hadamard():
            return _hadamard(form, parts)
        case Kronecker():
            return " ⊗ ".join(_within(part, Level.POSTFIX) for part in parts), Level.OPERATOR
        case Quotient():
            return _quotient(form, parts), Level.OPERATOR
        case Negative(operand=operand):
            return _signed(-1, operand, parts[0]), Level.SUM
        case Sum():
            return _sum(form, parts), Level.SUM
        case Entry(slots=slots):
            subscripts = ",".join(_subscript(slot) for slot in slots)
            return f"{_within(parts[0], Level.ATOM)}[{subscripts}]", Level.ATOM
        case Summation():
            return parts[0]
        case PartialDerivative():
            above, below = (_within(part, Level.ATOM) for part in parts)
            return f"∂{above}/∂{below}", Level.POSTFIX
    raise AssertionError(form)


def _arguments(parts: list[Spelled]) -> str:
    return ", ".join(text for text, _ in parts)


def _norm(operand: str, kind: str) -> str:
    """``||x||``; inside of bars further bars would be hard to pair, for readers as for parsers."""
    if "||" in operand:
        return f"norm({operand}, 1)" if kind == "1" else f"norm({operand})"
    return f"||{operand}||" + (f"_{kind}" if kind else "")


def _power(form: Power, parts: list[Spelled]) -> str:
    base, exponent = _within(parts[0], Level.ATOM), parts[1][0]
    is_plain = isinstance(form.exponent, Numeral | Name) or (
        isinstance(form.exponent, Negative) and isinstance(form.exponent.operand, Numeral | Name)
    )
    if exponent in ("T", "-T"):  # X^T and X^(T) are transposes
        exponent = f"({exponent})"
        is_plain = False
    if not is_plain:
        exponent = f"({exponent})"
    return f"{base}{'.^' if form.elementwise else '^'}{exponent}"


def _is_numeric_fraction(form: Form) -> bool:
    """Whether it is a number over a scalar, which needs no brackets in front of factors."""
    return (
        isinstance(form, Quotient) and isinstance(form.numerator, Numeral) and not form.elementwise
    )


def _side_by_side(forms: Sequence[Form], parts: Sequence[Spelled]) -> Spelled:
    texts = [_within(part, Level.POSTFIX) for part in parts]
    # From the right, since brackets around one name matter to the name before it:
    # σ (a + b) would be a call of the function σ.
    for place in range(len(texts) - 2, -1, -1):
        if texts[place + 1].startswith("(") and by_call(texts[place]):
            texts[place] = f"({texts[place]})"
    level = Level.PRODUCT
    if _is_numeric_fraction(forms[0]):
        texts[0] = parts[0][0]
        level = Level.OPERATOR
    return " ".join(texts), level


def _product(form: Product, parts: list[Spelled]) -> Spelled:
    return _side_by_side(form.factors, parts)


def _hadamard(form: Hadamard, parts: list[Spelled]) -> Spelled:
    front = len(form.scalars) + 1
    first, _ = _side_by_side(form.parts[:front], parts[:front])
    others = [_within(part, Level.POSTFIX) for part in parts[front:]]
    return " .* ".join([first, *others]), Level.OPERATOR


def _quotient(form: Quotient, parts: list[Spelled]) -> str:
    loose = isinstance(form.numerator, Kronecker)
    numerator = _within(parts[0], Level.PRODUCT if loose else Level.OPERATOR)
    denominator = _within(parts[1], Level.POSTFIX)
    stroke = "./" if form.elementwise else "/"
    return (
        f"{numerator}{stroke}{denominator}"
        if _is_numeric_fraction(form)
        else f"{numerator} {stroke} {denominator}"
    )


def _signed(sign: int, form: Form, spelled: Spelled) -> str:
    if sign > 0:
        return _within(spelled, Level.OPERATOR)
    # The minus sign binds more tightly than any product. That makes no difference to a product of
    # numbers, but -A ⊗ B is (-A) ⊗ B.
    loose = isinstance(form, Kronecker)
    return "-" + _within(spelled, Level.PRODUCT if loose else Level.OPERATOR)


def _sum(form: Sum, parts: list[Spelled]) -> str:
    sign, first = form.terms[0]
    texts = [_signed(sign, first, parts[0])]
    for (sign, _), part in zip(form.terms[1:], parts[1:], strict=True):
        texts.append(("- " if sign < 0 else "+ ") + _within(part, Level.OPERATOR))
    return " ".join(texts)


def _subscript(slot: tuple[str, ...]) -> str:
    return slot[0] if len(slot) == 1 else f"({','.join(slot)})"
