"""The parser and its scanner against Lark's, which they stand in for."""

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import UnexpectedCharacters, UnexpectedToken
from lark.lexer import LexerState, LexerThread
from lark.utils import TextSlice

from matcalc.errors import MatcalcError
from matcalc.ops import REGISTRY, function_names
from matcalc.syntax import complaints, parser
from matcalc.syntax.builder import TreeBuilder
from matcalc.syntax.compile import with_lark
from matcalc.syntax.lalr import Unexpected
from matcalc.syntax.language import grammar_text, language
from matcalc.syntax.token import Token
from matcalc.syntax.tokens import TokenStream
from tests.corpus.cases import load
from tests.syntax.test_errors import cases
from tests.syntax.test_parser import readings

FUNCTIONS = frozenset(function_names()) | {"norm", "vector", "matrix"}


class LarkToken(Token):
    """A token as Lark's parser wants it."""

    line = column = end_line = end_column = 0


class LarkScanner:
    """What the token stream asks of the parser's states; they are numbered anew by every build."""

    def actions(self, state):
        return lark_parser().parser.parser.parser.parse_table.states[state]


class LarkStream(LexerThread, TokenStream):
    """The token stream between Lark's contextual lexer and Lark's parser."""

    @classmethod
    def from_custom_input(cls, lexer, stream):
        text = stream.source.normal
        thread = cls(lexer, LexerState(TextSlice(text, 0, len(text))))
        TokenStream.__init__(thread, LarkScanner(), stream.source, stream.vocabulary)
        return thread

    def lex(self, parser_state):
        self.parser_state = parser_state
        for token in TokenStream.lex(self, parser_state.state_stack):
            taken = LarkToken(token.type, str(token), token.start_pos, token.end_pos)
            taken.value = token.value
            yield taken

    def _raw(self, states):
        try:
            for raw in LexerThread.lex(self, self.parser_state):
                self.start, self.end = raw.start_pos, raw.end_pos
                yield self._token(raw.type, str(raw))
        except UnexpectedCharacters as error:
            raise complaints.character(self.place, error.pos_in_stream) from None
        except UnexpectedToken as error:
            self.start, self.end = error.token.start_pos, error.token.end_pos
            token = self._token(error.token.type, str(error.token))
            raise complaints.token(self.place, token, self.scanner.actions(states[-1])) from None


@cache
def lark_parser():
    plugins = {"LexerThread": LarkStream}
    return with_lark(grammar_text(), transformer=TreeBuilder(), _plugins=plugins)


class Reference:
    """Lark's parser in the place of ours."""

    def parse(self, stream, start):
        try:
            return lark_parser().parse(stream, start=start)
        except UnexpectedToken as error:
            thread = error.interactive_parser.lexer_thread
            stream.previous, stream.open = thread.previous, thread.open
            raise Unexpected(error.token, dict.fromkeys(error.expected, 0)) from None


def outcome(read, *arguments):
    """What a text is read as, or the message."""
    try:
        return read(*arguments)
    except MatcalcError as error:
        return type(error), error.render()


def both(monkeypatch, read, *arguments):
    ours = outcome(read, *arguments)
    with monkeypatch.context() as patch:
        patch.setattr("matcalc.syntax.language.language", lambda: (Reference(), language()[1]))
        return ours, outcome(read, *arguments)


def texts():
    for case in load():
        yield case.text
    for parameters in (*readings(), *cases()):
        yield parameters.values[0]


def test_texts_are_read_as_by_lark(monkeypatch):
    count = 0
    for text in texts():
        ours, larks = both(monkeypatch, parser.parse_program, text, FUNCTIONS)
        assert ours == larks, text
        count += 1
    assert count > 900


def test_rules_are_read_as_by_lark(monkeypatch):
    for op in REGISTRY.values():
        for rule in filter(None, (op.index_form, *op.partial, op.definition)):
            ours, larks = both(monkeypatch, parser.parse_rule, rule)
            assert ours == larks
            assert not isinstance(ours, tuple)


SIGNS = "+-*/\\^'()[]{}<>|,;:=@._√⊗∂∇²½$é\n\t"
WORDS = (
    r"A|x|n|x_1|λ|2|0.5|1e3|2.|.5|.*|./|.^|**|->|.T|^T|^-T|^{T}|⁻ᵀ|⁻¹|_1|_{F}|∂1F|∇L|exp|sum|\frac"
)
PIECES = (*SIGNS, *re.split(r"\|", WORDS), "||", "scalar", "symmetric", *"   ")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_as_by_lark(text):
    with pytest.MonkeyPatch.context() as monkeypatch:
        ours, larks = both(monkeypatch, parser.parse_program, text, FUNCTIONS)
    assert ours == larks
