"""From raw terminals to what they mean here: names, calls, bars, line ends.

The stream sits between Lark's contextual lexer and its parser, so it knows what the parser can take
next, which brackets are open, and which words the text declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lark import Token, UnexpectedCharacters, UnexpectedToken
from lark.lexer import LexerState, LexerThread
from lark.utils import TextSlice

from matcalc.errors import LimitProblem, Span
from matcalc.syntax import complaints, misspellings
from matcalc.syntax.names import BARE, PROPERTIES, WORD, Vocabulary, is_plain, normal_name
from matcalc.syntax.place import CLOSES, OPERAND_ENDS, Place, span_of
from matcalc.syntax.source import Source

MAX_DEPTH = 1000

_NUMERALS = frozenset({"NUMBER", "FRACTION"})
_CLOSING = frozenset(CLOSES.values())

_BRACKET_FOLLOWS = re.compile(r"[ \t]*\(")
_BRACKET_FOLLOWS_INSIDE = re.compile(r"\s*\(")
_POWER_FOLLOWS = re.compile(r"[ \t]*(\.?\^|\*\*|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])")
_DECLARATION_FOLLOWS = re.compile(r"[ \t]*[,:]")


class TokenStream(LexerThread):
    """The tokens of one text. Lark makes one for each call of ``parse``."""

    @classmethod
    def from_custom_input(cls, lexer: Any, text: tuple[Source, Vocabulary]) -> TokenStream:
        """Called by Lark with what was passed to ``parse``."""
        source, vocabulary = text
        normal = source.normal
        stream = cls(lexer, LexerState(TextSlice(normal, 0, len(normal))))
        stream.source = source
        stream.vocabulary = vocabulary
        stream.open = []
        stream.previous = None
        stream.start = stream.end = 0
        return stream

    source: Source
    vocabulary: Vocabulary
    #: The brackets that are open, outermost first.
    open: list[Token]
    #: The last token that the parser has taken.
    previous: Token | None
    #: The current terminal in the normalised text; tokens say where they were typed.
    start: int
    end: int

    def lex(self, parser_state: Any) -> Iterator[Token]:
        """Tokens for the parser, which advances between any two."""
        states = parser_state.parse_conf.states
        try:
            for raw in super().lex(parser_state):  # type: ignore[no-untyped-call]
                span = span_of(raw)
                self.start, self.end = span.start, span.end
                self._place(raw)
                for token in self._label(raw, states[parser_state.position]):
                    self._check_bracket(token)
                    yield token
                    # The parser has taken it: what it refuses is neither open nor before anything.
                    self.previous = token
                    if token.type in CLOSES:
                        self.open.append(token)
                    elif token.type in _CLOSING:
                        self.open.pop()
        except UnexpectedCharacters as error:
            raise complaints.character(self.place, error.pos_in_stream or 0) from None
        except UnexpectedToken as error:
            self._place(error.token)
            raise complaints.token(self.place, error.token, states[parser_state.position]) from None
        if self.open:
            raise complaints.never_closed(self.place)

    @property
    def place(self) -> Place:
        """Where the stream stands, for complaints."""
        return Place(self.source, self.vocabulary, self.previous, tuple(self.open[-2:]))

    def _place(self, token: Token) -> None:
        """Move a token's position from the normalised text to the text as typed."""
        if self.source.offsets is not None:
            token.start_pos = self.source.original(token.start_pos or 0)
            token.end_pos = self.source.original(token.end_pos or 0)

    def _label(self, token: Token, accepted: Any) -> Iterator[Token]:
        kind = token.type
        if kind == "WORD":
            yield self._word(token, accepted)
        elif kind == "DERIVED":
            yield from self._derivative(token)
        elif kind == "BARS":
            yield from self._bars(token)
        elif kind == "BAR":
            yield self._bar(token)
        elif kind == "SEPARATOR":
            if self._separates(token):
                yield token
        elif kind in _NUMERALS and self._continues_numeral(accepted):
            raise complaints.two_numbers(self.place, token)
        elif kind in {"POWER", "POINT_POWER"}:
            complaints.check_power(self.place, token, self.end)
            yield token
        else:
            yield token

    def _continues_numeral(self, accepted: Any) -> bool:
        """Whether a numeral follows a bare one, ``2 3``, which looks like a slip.

        Exponents and powers show where a numeral ends and where the next begins: ``A^-1 2``,
        ``5 0^3``. Behind an exponent the parser takes a factor but no power.
        """
        previous = self.previous
        if previous is None or previous.type not in _NUMERALS:
            return False
        exponent = "NAME" in accepted and "POWER" not in accepted
        return not exponent and _POWER_FOLLOWS.match(self.source.normal, self.end) is None

    def _separates(self, token: Token) -> bool:
        """Whether a ``;`` or line end separates statements; inside brackets a line end is a blank."""
        if self.open:
            if token.value == ";":
                raise complaints.separator_in_brackets(self.place, token)
            return False
        return self.previous is not None and self.previous.type != "SEPARATOR"

    def _check_bracket(self, token: Token) -> None:
        """Refuse a bracket that closes nothing or the wrong one, and nesting beyond the limit."""
        kind = token.type
        if kind in CLOSES and len(self.open) >= MAX_DEPTH:
            raise LimitProblem(
                f"brackets are nested more than {MAX_DEPTH} deep",
                span=Span(token.start_pos or 0, token.end_pos or 0),
                source=self.source.text,
                help="name inner parts with definitions: z = W x + b",
            )
        if kind in _CLOSING and (not self.open or CLOSES[self.open[-1].type] != kind):
            raise complaints.unbalanced(self.place, token)

    # -- bars

    def _innermost(self) -> str:
        return self.open[-1].type if self.open else ""

    def _may_close(self) -> bool:
        """Whether bars can close here: after an operand, unless the blanks say that they open.

        ``||a ||b|| c||`` is a norm in a norm, ``||a|| ||b||`` and ``|| a || b`` are not.
        """
        if self.previous is None or self.previous.type not in OPERAND_ENDS:
            return False
        text = self.source.normal
        following = text[self.end : self.end + 1]
        starts_operand = following.isalpha() or following in "(0123456789"
        return not (text[self.start - 1].isspace() and following and starts_operand)

    def _bars(self, token: Token) -> Iterator[Token]:
        """``||`` closes a norm if one is innermost, else opens one.

        Where ``|`` is innermost it is two bars: ``|x||y|``.
        """
        if self._may_close():
            if self._innermost() == "NORM_OPEN":
                token.type = "NORM_CLOSE"
                yield token
                return
            if self._innermost() == "ABS_OPEN" and len(token) == 2:
                first, second = self._split(token, "ABS_CLOSE", "BAR")
                yield first
                yield self._bar(second)
                return
        token.type = "NORM_OPEN"
        yield token

    def _bar(self, token: Token) -> Token:
        closes = self._innermost() == "ABS_OPEN" and self._may_close()
        token.type = "ABS_CLOSE" if closes else "ABS_OPEN"
        return token

    def _split(self, token: Token, first_type: str, rest_type: str) -> tuple[Token, Token]:
        """The first character of a token and the rest, as tokens of their own."""
        start = token.start_pos or 0
        first, rest = Token(first_type, token[0], start), Token(rest_type, token[1:], start + 1)
        first.end_pos, rest.end_pos = start + 1, token.end_pos
        return first, rest

    # -- words

    def _derivative(self, token: Token) -> Iterator[Token]:
        """``∇L`` and ``∂1F`` are names where declared; before other words ∂ is a sign, of rules."""
        if normal_name(str(token)) in self.vocabulary.declared_functions:
            yield self._word(token, ())
            return
        if token[0] == "∇":
            raise complaints.character(self.place, self.start)
        sign, rest = self._split(token, "_PARTIAL", "WORD")
        if not re.fullmatch(WORD, rest):
            raise complaints.partial(self.place, sign)
        yield sign
        yield self._word(rest, ())

    def _word(self, token: Token, accepted: Any) -> Token:
        if "SIZE" in accepted or "PROPERTY" in accepted:
            return self._declaration_word(token, accepted)
        word = str(token)  # a Token that becomes its own value would be a cycle
        name = normal_name(word)
        vocabulary = self.vocabulary
        inside = _BRACKET_FOLLOWS_INSIDE if self.open else _BRACKET_FOLLOWS
        called = inside.match(self.source.normal, self.end) is not None
        if called and vocabulary.is_function(word, name):
            token.type = "FUNCTION"
            token.value = word if word in (vocabulary.functions or ()) else name
        elif name.startswith("I_") and name not in vocabulary.variables:
            raise misspellings.identity(self.place, token)
        elif self._is_name(token, name):
            token.type = "NAME"
            token.value = name
        else:
            raise misspellings.word(self.place, token, name, called=called)
        return token

    def _is_name(self, token: Token, name: str) -> bool:
        vocabulary = self.vocabulary
        if name in vocabulary.declared_functions:
            # Without an argument it can only stand where it is declared.
            return _DECLARATION_FOLLOWS.match(self.source.normal, self.end) is not None
        if name in BARE:
            return True
        is_function = vocabulary.functions is not None and token in vocabulary.functions
        return not is_function and (name in vocabulary.variables or is_plain(name))

    def _declaration_word(self, token: Token, accepted: Any) -> Token:
        word = str(token)
        if word in PROPERTIES and "PROPERTY" in accepted:
            token.type = "PROPERTY"
        elif word == "scalar" and "SCALAR" in accepted:
            token.type = "SCALAR"
        elif word in PROPERTIES or word == "scalar":
            raise misspellings.misplaced_property(self.place, token)
        else:
            token.type = "SIZE"
            token.value = normal_name(word)
            misspellings.check_size(self.place, token, after_shape="SIZE" not in accepted)
        return token
