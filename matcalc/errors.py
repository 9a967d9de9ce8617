"""The exception tree, source spans and the caret rendering of errors.

::

    MatcalcError            anything a user can act on; ``exit_code`` is the command line's
    ├── SyntaxProblem       the text is not in the language
    ├── NameProblem         a name is unknown, misspelt or used in two roles
    ├── ShapeProblem        shapes or kinds do not agree
    ├── AmbiguityProblem    the text can be read in two ways
    ├── DeclarationProblem  declarations, assumptions or definitions contradict each other
    ├── ArgumentProblem     a value handed to the Python API or command line is unusable
    ├── LimitProblem        a documented limit is exceeded
    ├── UnsupportedProblem  a valid question that matcalc cannot answer (exit code 3)
    └── CheckProblem        an internal check refuted an answer (exit code 4)

Every error says what is wrong, where, what both sides are, and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar

from matcalc.record import Record


class Span(Record):
    """Half-open range of character offsets in the source text."""

    start: int
    end: int

    def join(self, other: Span) -> Span:
        """Smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


class MatcalcError(Exception):
    """Base of everything that matcalc raises on purpose.

    Args:
        problem: one line, without a full stop, saying what is wrong.
        span: where in ``source``; ``None`` where no text is to blame.
        source: the text the user typed.
        details: further lines: what both sides are.
        help: a remedy, if one is known.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        problem: str,
        *,
        span: Span | None = None,
        source: str | None = None,
        details: tuple[str, ...] = (),
        help: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.span = span
        self.source = source
        self.details = details
        self.help = help

    def at(self, span: Span | None, source: str | None) -> MatcalcError:
        """Fill in the place where it is still unknown; returns the error itself."""
        if self.span is None:
            self.span = span
        if self.source is None:
            self.source = source
        return self

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """The message as the command line prints it, with source line and caret."""
        lines = [f"error: {self.problem}"]
        if self.source is not None and self.span is not None:
            lines += [f"  {line}" for line in caret_lines(self.source, self.span)]
        lines += [f"  {detail}" for detail in self.details]
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)


class SyntaxProblem(MatcalcError):
    """The text is not in the language."""


class NameProblem(MatcalcError):
    """A name is unknown, misspelt or used in two roles."""


class KeyProblem(NameProblem, KeyError):
    """A result is looked up by a name that none of its entries has."""


class ShapeProblem(MatcalcError):
    """Shapes or kinds do not agree."""


class DivisionProblem(ShapeProblem):
    """A division by the number 0, in the only reading that has a shape."""


class AmbiguityProblem(MatcalcError):
    """The text has two readings, both sensible."""


class DeclarationProblem(MatcalcError):
    """Declarations, assumptions or definitions contradict each other."""


class ArgumentProblem(MatcalcError):
    """A value handed to the Python API or the command line is unusable."""


class LimitProblem(MatcalcError):
    """A documented limit is exceeded."""


class UnsupportedProblem(MatcalcError):
    """The question is valid, but matcalc cannot answer it; the message names what is missing."""

    exit_code = 3


class NumbersOnlyProblem(UnsupportedProblem):
    """An operation was asked for its value at symbols, and has values at numbers only."""


class CheckProblem(MatcalcError):
    """An internal check refuted an answer: a defect of matcalc, never shown as a result."""

    exit_code = 4


#: Longest piece of a source line that an error quotes.
QUOTE_WIDTH = 100


def caret_lines(source: str, span: Span) -> list[str]:
    """The source line that ``span`` starts in, and the carets below it.

    A span that runs over the end of its line is cut there; a long line is cut around the span.
    """
    start = min(span.start, len(source))
    line_start = source.rfind("\n", 0, start) + 1
    line_end = source.find("\n", start)
    line = source[line_start : len(source) if line_end < 0 else line_end]
    column = start - line_start
    width = max(1, min(span.end, line_start + len(line)) - start)
    if len(line) > QUOTE_WIDTH:
        left = max(0, min(column - QUOTE_WIDTH // 3, len(line) - QUOTE_WIDTH))
        piece = line[left : left + QUOTE_WIDTH]
        head = "..." if left else ""
        line = head + piece + ("..." if left + QUOTE_WIDTH < len(source) else "")
        column = column - left + len(head)
        width = min(width, len(line) - column) or 1
    return [line.replace("\t", " "), " " * column + "^" * width]
