"""From raw terminals to what they mean here: names, calls, bars, line ends.

The stream sits between the scanner and the parser, so it knows what the parser can take
next, which brackets are open, and which words the text declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from matcalc.errors import LimitProblem
from matcalc.syntax import complaints, misspellings
from matcalc.syntax.names import BARE, PROPERTIES, WORD, Vocabulary, is_plain, normal_name
from matcalc.syntax.place import CLOSES, OPERAND_ENDS, Place, span_of
from matcalc.syntax.scanner import Scanner
from matcalc.syntax.source import Source
from matcalc.syntax.tables import Actions
from matcalc.syntax.token import Token

MAX_DEPTH = 1000

_NUMERALS = frozenset({"NUMBER", "FRACTION"})
_CLOSING = frozenset(CLOSES.values())

_BRACKET_FOLLOWS = re.compile(r"[ \t]*\(")
_BRACKET_FOLLOWS_INSIDE = re.compile(r"\s*\(")
_POWER_FOLLOWS = re.compile(r"[ \t]*(\.?\^|\*\*|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])")
_DECLARATION_FOLLOWS = re.compile(r"[ \t]*[,:]")


class TokenStream:
    """The tokens of one text.

    Attributes:
        source: the text.
        vocabulary: the words it may use.
        open: the brackets that are open, outermost first.
        previous: the last token that the parser has taken.
        start: where the current terminal begins in the normalised text; tokens say where they were
            typed.
        end: where it ends.
    """

    def __init__(self, scanner: Scanner, source: Source, vocabulary: Vocabulary) -> None:
        self.scanner = scanner
        self.source = source
        self.vocabulary = vocabulary
        self.open: list[Token] = []
        self.previous: Token | None = None
        self.start = self.end = 0

    def lex(self, states: list[int]) -> Iterator[Token]:
        """Tokens for the parser, which advances between any two."""
        for raw in self._raw(states):
            for token in self._label(raw, self.scanner.actions(states[-1])):
                self._check_bracket(token)
                yield token
                # The parser has taken it: what it refuses is neither open nor before anything.
                self.previous = token
                if token.type in CLOSES:
                    self.open.append(token)
                elif token.type in _CLOSING:
                    self.open.pop()
        if self.open:
            raise complaints.never_closed(self.place)

    def _raw(self, states: list[int]) -> Iterator[Token]:
        """Terminals, each in the state that the parser is in by then."""
        text, scanner = self.source.normal, self.scanner
        while self.end < len(text):
            match, accepted = scanner.match(text, self.end, states[-1])
            if match is None:
                raise complaints.character(self.place, self.end)
            self.start, self.end = match.span()
            kind = match.lastgroup or ""
            if kind not in scanner.ignored:
                token = self._token(kind, match.group())
                if not accepted:
                    raise complaints.token(self.place, token, scanner.actions(states[-1]))
                yield token

    @property
    def place(self) -> Place:
        """Where the stream stands, for complaints."""
        return Place(self.source, self.vocabulary, self.previous, tuple(self.open[-2:]))

    def _token(self, kind: str, text: str) -> Token:
        """The current terminal, with its place in the text as typed."""
        original = self.source.original
        return Token(kind, text, original(self.start), original(self.end))

    def _label(self, token: Token, accepted: Actions) -> Iterator[Token]:
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

    def _continues_numeral(self, accepted: Actions) -> bool:
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
                span=span_of(token),
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
        start, end = token.start_pos, token.end_pos
        first = Token(first_type, token[0], start, start + 1)
        return first, Token(rest_type, token[1:], start + 1, end)

    # -- words

    def _derivative(self, token: Token) -> Iterator[Token]:
        """``∇L`` and ``∂1F`` are names where declared; before other words ∂ is a sign, of rules."""
        if normal_name(str(token)) in self.vocabulary.declared_functions:
            yield self._word(token, {})
            return
        if token[0] == "∇":
            raise complaints.character(self.place, self.start)
        sign, rest = self._split(token, "_PARTIAL", "WORD")
        if not re.fullmatch(WORD, rest):
            raise complaints.partial(self.place, sign)
        yield sign
        yield self._word(rest, {})

    def _word(self, token: Token, accepted: Actions) -> Token:
        if "SIZE" in accepted or "PROPERTY" in accepted:
            return self._declaration_word(token, accepted)
        word = str(token)
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

    def _declaration_word(self, token: Token, accepted: Actions) -> Token:
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
