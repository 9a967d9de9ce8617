"""The grammar by itself: no conflicts, and the parts that the code repeats."""

import re

import pytest

from matcalc.syntax import names
from matcalc.syntax.compile import with_lark
from matcalc.syntax.language import grammar_text


@pytest.fixture(scope="module")
def grammar():
    # Strict mode refuses every shift/reduce conflict and every pair of terminals that overlap.
    return with_lark(grammar_text(), strict=True)


def test_no_conflicts(grammar):
    assert grammar.parser


def test_words_are_the_same_in_grammar_and_code(grammar):
    assert grammar.get_terminal("WORD").pattern.value == names.WORD


def test_names_of_derivatives_are_the_same_in_grammar_and_code(grammar):
    pattern = grammar.get_terminal("DERIVED").pattern.value
    assert pattern.removeprefix("(?:").removesuffix(")") == names.DERIVED


def test_every_greek_letter_is_a_word():
    for letter in names.GREEK.values():
        assert re.fullmatch(names.WORD, letter)
