"""Malformed input, message for message."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcalc.errors import (
    AmbiguityProblem,
    ArgumentProblem,
    LimitProblem,
    MatcalcError,
    SyntaxProblem,
    UnsupportedProblem,
)
from matcalc.ops import function_names
from matcalc.syntax.parser import parse_program, parse_rule

FUNCTIONS = frozenset(function_names()) | {"norm", "vector", "matrix"}


def cases():
    blocks = (
        Path(__file__).with_name("errors_syntax.txt").read_text(encoding="utf-8").split("\n----\n")
    )
    for block in blocks:
        text, arrow, message = block.partition("\n=>\n")
        assert arrow, block
        yield pytest.param(text, message.rstrip("\n"), id=text)


@pytest.mark.parametrize(("text", "message"), list(cases()))
def test_message(text, message):
    with pytest.raises(MatcalcError) as caught:
        parse_program(text, FUNCTIONS)
    assert str(caught.value) == message


@pytest.mark.parametrize(("text", "message"), list(cases()))
def test_messages_name_no_tokens(text, message):
    own = (
        re.sub("|".join(map(re.escape, re.findall(r"\w+", text))), "", message) if text else message
    )
    assert not re.search(r"[A-Z_]{4,}", own)


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        (b"x", ArgumentProblem, "an expression is text, not bytes"),
        (None, ArgumentProblem, "an expression is text, not NoneType"),
        (3, ArgumentProblem, "an expression is text, not int"),
        ("x" * 1_000_001, LimitProblem, "the text has 1000001 characters; the limit is 1000000"),
        ("(" * 1001 + "x" + ")" * 1001, LimitProblem, "brackets are nested more than 1000 deep"),
        ("exp(" * 1001 + "x", LimitProblem, "brackets are nested more than 1000 deep"),
        ("||" * 2002 + "x", LimitProblem, "brackets are nested more than 1000 deep"),
        ("1" * 1001, LimitProblem, "a numeral of more than 1000 digits"),
        ("1." + "1" * 1000, LimitProblem, "a numeral of more than 1000 digits"),
        ("1e1000", LimitProblem, "a numeral of more than 1000 digits"),
        ("1e-1000", LimitProblem, "a numeral of more than 1000 digits"),
        ("1e" + "9" * 5000, LimitProblem, "a numeral of more than 1000 digits"),
        ("x" + "²" * 1001, LimitProblem, "a numeral of more than 1000 digits"),
        ("x;" * 100_001, LimitProblem, "the text has 200002 words and signs; the limit is 200000"),
        ("x" + "'" * 200_000, LimitProblem, None),
        ("x\x00", SyntaxProblem, "the text contains a control character (U+0000)"),
        ("x\x1b[31m", SyntaxProblem, "the text contains a control character (U+001B)"),
        ("x\ud800", SyntaxProblem, "the text contains half a character (U+D800)"),
        ("x" + "\u0301\u0327" * 10**5, SyntaxProblem, None),
        ("Z[1:2,k]", UnsupportedProblem, None),
        ("[1, 2]", UnsupportedProblem, None),
        (r"\frac{1}{2}", UnsupportedProblem, "LaTeX input is not supported yet"),
        ("X^1/2", AmbiguityProblem, "^1/2 has two readings"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_kinds_and_limits(text, kind, problem):
    with pytest.raises(kind) as caught:
        parse_program(text, FUNCTIONS)
    assert type(caught.value) is kind
    if problem:
        assert caught.value.problem == problem
    str(caught.value).encode()  # printable: no surrogates


@pytest.mark.parametrize("text", ["1" * 1000, "1e999", "1e-999", "0." + "1" * 999, "0.01e1001"])
def test_numerals_up_to_the_limit(text):
    parse_program(text, FUNCTIONS)


PIECES = [
    *"xyAXTabLλσδIein0123456789 .;,:=+-*/\\@^'|()[]{}<>_#%\n∂½√⊗⊙ᵀ⁻¹²₁‖⟨⟩−é\u0301ж×\ud800\x00",
    *["||", ".*", ".^", "**", "->", "^T", "^-1", "_{", "tr(", "exp", "sum(", "W1", "scalar"],
    *[
        "∂1F",
        "∇²L",
        "∇L: p -> p",
        "symmetric",
        "A: (n, n)",
        "x: n",
        "L: p -> scalar",
        "weight",
        "1e9",
        ".5",
        ".T",
        "\\frac",
    ],
]


def refusal(parse, *args):
    """The error that a text is refused with, if it is."""
    try:
        parse(*args)
    except MatcalcError as error:
        return error
    return None


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=12))
def test_any_text_is_read_or_refused_with_a_message(text):
    for error in (refusal(parse_program, text, FUNCTIONS), refusal(parse_rule, text)):
        if error is not None:
            assert error.problem
            assert error.span is None or 0 <= error.span.start <= error.span.end <= len(text)
            str(error).encode()
