"""Expressions and index notation as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matcalc.backends.compose import Composer, dim_form, identity_letter
from matcalc.backends.index_forms import LETTERS, index_form
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
from matcalc.backends.sharing import Names, compose_shared
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr
from matcalc.core.operation import Operation
from matcalc.ops.abstract import FROM_SUPERSCRIPT, SUPERSCRIPTS
from matcalc.syntax.names import GREEK

#: A form in LaTeX, and how tightly it holds together.
Spelled = tuple[str, Level]

#: Greek letters without a macro of their own, because they look like Latin ones.
_LATIN_LOOK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))

_MACROS = {letter: rf"\{word}" for word, letter in GREEK.items() if not word.startswith("var")} | {
    letter: rf"\mathrm{{{latin}}}" for letter, latin in _LATIN_LOOK.items()
}

_NAME = re.compile(r"([^\W\d_]+?)(\d*)((?:_[^\W_]+)*)")

#: What makes brackets grow.
_TALL = re.compile(r"\\frac|\\sum|\\left")

#: What stands before the name of an abstract function in that of a derivative.
_DERIVED = re.compile(f"([∇∂])([{SUPERSCRIPTS}]*)([0-9]*)(?=.)")

_PLACEHOLDER = re.compile(r"\{(\d)\}")


def format_expr(e: Expr) -> str:
    """An expression in LaTeX."""
    return spell(Composer(identity=identity_letter(e)).compose(e))


def format_with_bindings(e: Expr, known: Names | None = None) -> tuple[list[tuple[str, str]], str]:
    """An expression in LaTeX, with names for what it repeats where that makes the whole shorter."""
    definitions, body = compose_shared(Composer(identity=identity_letter(e)), e, known=known)
    return [(format_name(name), spell(form)) for name, form in definitions], spell(body)


def format_index(ix: IndexExpr, letters: Sequence[str] = LETTERS) -> str:
    r"""Index notation in LaTeX: ``\delta_{ik} x_l``.

    A letter that occurs twice and is not free is summed over; other sums are written out.
    """
    return spell(index_form(ix, letters, explicit_sums=True).value)


def format_index_left(name: str, ix: IndexExpr, letters: Sequence[str] = LETTERS) -> str:
    r"""Index notation with its left side: ``D_{ikl} = \delta_{ik} x_l``."""
    _, equation = index_form(ix, letters, name, explicit_sums=True).spelled(spell)
    return equation


def format_index_with_bindings(
    name: str, ix: IndexExpr, known: Names, letters: Sequence[str] = LETTERS
) -> tuple[list[tuple[str, str]], str]:
    """Index notation with its left side, and names for what it repeats where that is shorter."""
    written = index_form(ix, letters, name, explicit_sums=True, known=known)
    return written.spelled(spell, format_name)


def format_dim(dim: Dim) -> str:
    """A size in LaTeX."""
    return spell(dim_form(dim))


def format_shape(shape: Shape) -> str:
    r"""The space that a shape stands for: ``\mathbb{R}^{m \times n}``."""
    dims = list(shape)
    while dims and dims[-1].is_unit:
        dims.pop()
    exponent = r" \times ".join(map(format_dim, dims))
    return r"\mathbb{R}" + (f"^{_grouped(exponent)}" if dims else "")


def format_name(name: str) -> str:
    r"""A name in LaTeX: ``x_{1}``, ``\lambda``, ``W_{\mathrm{in}}``, ``\mathrm{weight}``, ``\mathrm{d}x``."""
    match = _NAME.fullmatch(name)
    if match is None:
        return rf"\mathrm{{{name}}}"
    subscripts = [part for part in (match[2], *match[3].split("_")) if part]
    is_differential = len(match[1]) == 2 and match[1][0] == "d"
    stem = r"\mathrm{d}" + _word(match[1][1]) if is_differential else _word(match[1])
    return f"{stem}_{{{','.join(map(_word, subscripts))}}}" if subscripts else stem


def _word(word: str) -> str:
    letter = GREEK.get(word, word)
    if len(letter) == 1 or letter.isdigit():
        return _MACROS.get(letter, letter)
    return rf"\mathrm{{{word}}}"


def spell(form: Form) -> str:
    """A form in LaTeX."""
    return fold(form, _spell)[0]


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)" if _TALL.search(text) else f"({text})"


def _within(spelled: Spelled, level: Level) -> str:
    """LaTeX that holds together at least as tightly as ``level``, in brackets if need be."""
    text, own = spelled
    return text if own >= level else _bracketed(text)


def _grouped(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _spell(form: Form, parts: list[Spelled]) -> Spelled:
    match form:
        case Name(name=name):
            return format_name(name), Level.ATOM
        case Numeral(value=value):
            return str(value), Level.ATOM
        case Filled(number=number):
            ones = r"\mathbf{1}"
            return (ones if _is_one(number) else f"{parts[0][0]} {ones}"), Level.PRODUCT
        case ConstantArray(op=op):
            return op.latex.format(r" \times ".join(text for text, _ in parts)), Level.POSTFIX
        case Call(op=op):
            return _call(op, parts)
        case Norm(kind=kind):
            return rf"\|{parts[0][0]}\|" + (f"_{kind}" if kind else ""), Level.ATOM
        case Transposed(inverse=inverse):
            mark = r"^{-\top}" if inverse else r"^\top"
            return _within(parts[0], Level.ATOM) + mark, Level.POSTFIX
        case Power(elementwise=elementwise):
            exponent = rf"{{\odot {parts[1][0]}}}" if elementwise else _grouped(parts[1][0])
            return f"{_within(parts[0], Level.ATOM)}^{exponent}", Level.POSTFIX
        case Product():
            return _product(parts), Level.PRODUCT
        case Hadamard(scalars=scalars):
            front = len(scalars) + 1
            operands = [_product(parts[:front])]
            operands += [_within(part, Level.POSTFIX) for part in parts[front:]]
            return r" \odot ".join(operands), Level.OPERATOR
        case Kronecker():
            return r" \otimes ".join(_within(p, Level.POSTFIX) for p in parts), Level.OPERATOR
        case Quotient():
            return _quotient(form, parts)
        case Negative():
            return "-" + _within(parts[0], Level.OPERATOR), Level.SUM
        case Sum(terms=terms):
            return _sum(terms, parts), Level.SUM
        case Entry(base=base, slots=slots):
            return _entry(base, parts[0], slots), Level.POSTFIX
        case PartialDerivative():
            above, below = (part[0] for part in parts)
            return rf"\frac{{\partial {above}}}{{\partial {below}}}", Level.POSTFIX
        case Summation(letters=letters):
            return rf"\sum_{{{_indices(letters)}}} {parts[0][0]}", Level.OPERATOR
    raise AssertionError(form)


def _is_one(form: Form) -> bool:
    return isinstance(form, Numeral) and form.value == 1


def _product(factors: Sequence[Spelled]) -> str:
    """Factors side by side; numerals side by side would read as one."""
    text = ""
    for factor in factors:
        # A fraction needs no brackets among factors.
        is_fraction = factor[0].startswith(r"\frac") and factor[1] == Level.PRODUCT
        piece = factor[0] if is_fraction else _within(factor, Level.POSTFIX)
        joint = r" \cdot " if text[-1:].isdigit() and piece[0].isdigit() else " "
        text = f"{text}{joint}{piece}" if text else piece
    return text


def _quotient(form: Quotient, parts: list[Spelled]) -> Spelled:
    if not form.elementwise:
        return rf"\frac{{{parts[0][0]}}}{{{parts[1][0]}}}", Level.PRODUCT
    numerator = _within(parts[0], Level.OPERATOR)
    return rf"{numerator} \oslash {_within(parts[1], Level.POSTFIX)}", Level.OPERATOR


def _sum(terms: Sequence[tuple[int, Form]], parts: Sequence[Spelled]) -> str:
    signs = ["-" if terms[0][0] < 0 else "", *(" - " if s < 0 else " + " for s, _ in terms[1:])]
    return "".join(
        sign + _within(part, Level.OPERATOR) for sign, part in zip(signs, parts, strict=True)
    )


def _call(op: Operation, parts: list[Spelled]) -> Spelled:
    arguments = [text for text, _ in parts]
    if op.is_abstract:
        return _function_name(op.name) + _bracketed(", ".join(arguments)), Level.ATOM
    template = op.latex or rf"\operatorname{{{op.spelling}}}"
    if not _PLACEHOLDER.search(template):
        return template + _bracketed(", ".join([*arguments, *op.tail])), Level.ATOM
    fitted = [
        text if _is_enclosed(template, position) else _within(part, Level.ATOM)
        for position, (text, part) in enumerate(zip(arguments, parts, strict=True))
    ]
    return template.format(*fitted), Level.POSTFIX


def _function_name(name: str) -> str:
    r"""The name of an abstract function or of a derivative of one: ``\nabla^{2} L``, ``\partial_{1} l``."""
    derived: list[str] = []
    while match := _DERIVED.match(name):
        sign, power, position = match.groups()
        power = power.translate(FROM_SUPERSCRIPT)
        derived.append(r"\nabla" if sign == "∇" else r"\partial")
        derived[-1] += f"^{{{power}}}" * bool(power) + f"_{{{position}}}" * bool(position)
        name = name[match.end() :]
    return " ".join([*derived, format_name(name)])


def _is_enclosed(template: str, position: int) -> bool:
    """Whether the template itself puts brackets, braces or bars around an argument."""
    before, _, after = template.partition(f"{{{position}}}")
    return before.endswith(("{{", "(", "|", "[", r"\lvert ")) and bool(after)


def _entry(base: Form, spelled: Spelled, slots: Sequence[tuple[str, ...]]) -> str:
    letters = [slot[0] if len(slot) == 1 else f"({_indices(slot)})" for slot in slots]
    text = _within(spelled, Level.ATOM)
    if isinstance(base, Name) and "_" in text:
        text = f"[{text}]"
    return f"{text}_{_grouped(_indices(letters))}"


def _indices(letters: Sequence[str]) -> str:
    """Letters side by side; commas keep those with a number, and numbers, apart."""
    plain = all(len(letter) == 1 and not letter.isdigit() for letter in letters)
    names = [
        format_name(letter) if letter.isalnum() and not letter.isdigit() else letter
        for letter in letters
    ]
    return ("" if plain else ",").join(names)
