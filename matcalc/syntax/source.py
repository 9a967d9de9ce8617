"""The text as typed, and the normalised text that is parsed, with the way back for carets.

Normalisation is NFKC, cluster by cluster, except for characters whose meaning it would lose:
superscripts, subscripts and fractions (``x²`` is not ``x2``). Comments become blanks.
"""

from __future__ import annotations

import re
import unicodedata

from matcalc.errors import ArgumentProblem, LimitProblem, Span, SyntaxProblem
from matcalc.record import Record

MAX_LENGTH = 1_000_000
#: Words and signs: reading takes about 10 µs for each.
MAX_WORDS = 200_000

_COMMENT = re.compile(r"[#%][^\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
#: One character and the combining marks on it: NFKC may join them into one letter.
_CLUSTER = re.compile("[^\x00-\x7f][\u0300-\u036f]*|[\x00-\x7f][\u0300-\u036f]+")
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")
_MARK = re.compile("[\u0300-\u036f]")
_KEPT = ("<super>", "<sub>", "<fraction>")


class Source(Record):
    """The text and its normal form.

    Attributes:
        text: as typed.
        normal: as parsed.
        offsets: for every character of ``normal``, and its end, the offset in ``text``; ``None``
            where the offsets agree.
    """

    text: str
    normal: str
    offsets: tuple[int, ...] | None = None

    def original(self, position: int) -> int:
        """Offset in the text as typed of an offset in the normal form."""
        return position if self.offsets is None else self.offsets[position]

    def quote(self, span: Span) -> str:
        """What was typed there."""
        return self.text[span.start : span.end]


def read(text: str) -> Source:
    """Normalise what the user typed.

    Raises:
        ArgumentProblem: not text.
        LimitProblem: more than ``MAX_LENGTH`` characters, or ``MAX_WORDS`` words and signs.
        SyntaxProblem: characters that no text can hold.
    """
    if not isinstance(text, str):
        raise ArgumentProblem(
            f"an expression is text, not {type(text).__name__}",
            help="decode it first" if isinstance(text, bytes) else "pass a str",
        )
    if len(text) > MAX_LENGTH:
        raise LimitProblem(
            f"the text has {len(text)} characters; the limit is {MAX_LENGTH}",
            help="split it into definitions in several texts",
        )
    _refuse_unprintable(text)
    plain = _COMMENT.sub(lambda comment: " " * len(comment.group()), text)
    source = Source(text, plain) if plain.isascii() else _normalised(text, plain)
    _refuse_many_words(source.normal)
    return source


def _refuse_many_words(normal: str) -> None:
    if len(normal) <= MAX_WORDS:
        return
    words = sum(1 for _ in _WORD_OR_SIGN.finditer(normal))
    if words > MAX_WORDS:
        raise LimitProblem(
            f"the text has {words} words and signs; the limit is {MAX_WORDS}",
            help="split it into definitions in several texts",
        )


def _refuse_unprintable(text: str) -> None:
    bad = _SURROGATE.search(text) or _CONTROL.search(text)
    if bad is None:
        return
    code = ord(bad.group())
    what = "half a character" if 0xD800 <= code < 0xE000 else "a control character"
    # The message must be printable itself.
    shown = _CONTROL.sub(
        "\N{REPLACEMENT CHARACTER}", _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    )
    raise SyntaxProblem(
        f"the text contains {what} (U+{code:04X})",
        span=Span(*bad.span()),
        source=shown,
        help="remove it",
    )


def _normalised(text: str, plain: str) -> Source:
    pieces: list[str] = []
    offsets: list[int] = []
    done = 0
    for cluster in _CLUSTER.finditer(plain):
        start, end = cluster.span()
        pieces.append(plain[done:start])
        offsets.extend(range(done, start))
        normal = _normal_form(cluster.group(), start, text)
        pieces.append(normal)
        offsets.extend([start] * len(normal))
        done = end
    pieces.append(plain[done:])
    offsets.extend(range(done, len(plain) + 1))
    return Source(text, "".join(pieces), tuple(offsets))


def _normal_form(cluster: str, start: int, text: str) -> str:
    if unicodedata.decomposition(cluster[0]).startswith(_KEPT):
        return cluster
    if cluster == "\N{ZERO WIDTH NO-BREAK SPACE}" and start == 0:
        return " "  # the byte order mark that some editors put first
    # Normalising takes quadratic time in the number of marks; no letter carries more than two.
    normal = unicodedata.normalize("NFKC", cluster[:4])
    mark = _MARK.search(normal)
    if mark and len(cluster) > 1:
        code = ord(mark.group())
        raise SyntaxProblem(
            f"{normal} carries a mark that names cannot have"
            f" (U+{code:04X}, {unicodedata.name(mark.group()).lower()})",
            span=Span(start, start + len(cluster)),
            source=text,
            help=f"use a subscript instead, such as {normal[0]}_1 or {normal[0]}_hat",
        )
    return normal
