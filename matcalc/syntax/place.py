"""Where the reader of a text stands: what errors of syntax are made from."""

from __future__ import annotations

from matcalc.errors import QUOTE_WIDTH, NameProblem, Span, SyntaxProblem, UnsupportedProblem
from matcalc.record import Record
from matcalc.syntax.names import Vocabulary
from matcalc.syntax.source import Source
from matcalc.syntax.token import Token

#: Opening brackets and what closes them.
CLOSES = {
    "LPAR": "RPAR",
    "LSQB": "RSQB",
    "LBRACE": "RBRACE",
    "LANGLE": "RANGLE",
    "NORM_OPEN": "NORM_CLOSE",
    "ABS_OPEN": "ABS_CLOSE",
}

#: Tokens that end something which can be multiplied.
OPERAND_ENDS = frozenset(
    {"NAME", "NUMBER", "FRACTION", "TRANSPOSE", "INVERSE_TRANSPOSE", "SUPERSCRIPT", "NORM_KIND"}
    | {"SIZE", "PROPERTY", "SCALAR", *CLOSES.values()}
)


def span_of(token: Token) -> Span:
    """Where a token stands in the text as typed."""
    return Span(token.start_pos, token.end_pos)


class Place(Record):
    """A point of the text.

    Attributes:
        source: the text.
        vocabulary: the words it may use.
        previous: the last token taken.
        open: the innermost two open brackets, the inner one last.
    """

    source: Source
    vocabulary: Vocabulary
    previous: Token | None
    open: tuple[Token, ...]

    @property
    def inside(self) -> str:
        """Type of the innermost open bracket, or nothing."""
        return self.open[-1].type if self.open else ""

    @property
    def after_operand(self) -> bool:
        """Whether the last token ends something that can be multiplied."""
        return self.previous is not None and self.previous.type in OPERAND_ENDS

    @property
    def starts_statement(self) -> bool:
        """Whether nothing of the current statement has been taken."""
        return self.previous is None or self.previous.type == "SEPARATOR"

    def quote(self, token: Token) -> str:
        """A token as typed, the beginning of a long one."""
        text = self.source.quote(span_of(token)) or str(token)
        return text if len(text) <= QUOTE_WIDTH else text[:QUOTE_WIDTH] + "..."

    def rest(self, token: Token) -> str:
        """A piece of the text behind a token."""
        end = span_of(token).end
        return self.source.text[end : end + 80]

    def syntax(
        self, problem: str, at: Token | Span, *details: str, help: str | None = None
    ) -> SyntaxProblem:
        """A problem of syntax in this text."""
        return SyntaxProblem(
            problem, span=_span(at), source=self.source.text, details=details, help=help
        )

    def name(self, problem: str, at: Token, help: str) -> NameProblem:
        """A problem with a name in this text."""
        return NameProblem(problem, span=_span(at), source=self.source.text, help=help)

    def unsupported(self, problem: str, at: Token | Span, help: str) -> UnsupportedProblem:
        """A part of the language that does not exist yet."""
        return UnsupportedProblem(problem, span=_span(at), source=self.source.text, help=help)


def _span(at: Token | Span) -> Span:
    return span_of(at) if isinstance(at, Token) else at
