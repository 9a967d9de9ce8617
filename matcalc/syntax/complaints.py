"""Errors of syntax, in the words of someone who knows the notation and not the grammar."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from matcalc.errors import AmbiguityProblem, MatcalcError, Span, SyntaxProblem
from matcalc.syntax import misspellings
from matcalc.syntax.place import CLOSES, Place, span_of
from matcalc.syntax.token import Token

_CLOSING = frozenset(CLOSES.values())
_OPERATORS = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "BACKSLASH", "POINT_STAR", "POINT_SLASH", "KRON", "POWER"}
    | {"POINT_POWER", "ROOT"}
)
_POWERS = frozenset({"POWER", "POINT_POWER", "SUPERSCRIPT"})
_TRANSPOSES = frozenset({"TRANSPOSE", "INVERSE_TRANSPOSE", "SUPERSCRIPT"})
_DEFINITION = "a definition is written z = W x + b"
_STATEMENTS = "statements are separated by ; or new lines"
_SIZES = "a size is a name, a whole number from 1, or a product of these"
_SUBSCRIPTS = "write x_1, x_new or x_{12}"
_LATEX = re.compile(r"\\[A-Za-z]{2}")


# ---- brackets and numbers

_NO_COMPARISONS = "there are no comparisons: step(x) is 1 where x > 0, and 0 elsewhere"


def never_closed(place: Place) -> MatcalcError:
    """The text ends inside brackets."""
    opening = place.open[-1]
    mark = place.quote(opening)
    if len(place.open) == 2 and (place.open[0].type, place.inside) == ("NORM_OPEN", "ABS_OPEN"):
        return place.syntax(
            "|| is closed by a single |", opening, help="close || with || and | with |"
        )
    if mark == "<":
        remedy = f"<A, B> is the inner product; {_NO_COMPARISONS}"
    else:
        closing = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "〈": "〉"}.get(mark, mark)
        remedy = f"add the missing {closing}"
    return place.syntax(f"{mark} is never closed", opening, help=remedy)


def unbalanced(place: Place, token: Token) -> MatcalcError:
    """A closing bracket that closes nothing, or the wrong bracket."""
    mark = place.quote(token)
    if mark == ">" and place.inside != "LANGLE":
        return place.syntax("> has no < before it", token, help=_NO_COMPARISONS)
    if place.open:
        return place.syntax(
            f"{place.quote(place.open[-1])} is closed by {mark}",
            span_of(place.open[-1]).join(span_of(token)),
            help="brackets close in the order opposite to their opening",
        )
    return place.syntax(f"{mark} closes nothing", token, help=f"take the {mark} away")


def separator_in_brackets(place: Place, token: Token) -> MatcalcError:
    """``;`` inside brackets."""
    if place.inside == "LSQB":
        return _matrix_literal(place, token)
    return place.syntax(
        f"{place.quote(place.open[-1])} is not closed before ;",
        place.open[-1],
        help="a ; separates statements and cannot stand inside brackets",
    )


_EMPTY = re.compile(r"\[\s*\]\s*,\s*(\w+)\s*\)")


def _matrix_literal(place: Place, at: Token) -> MatcalcError:
    text, start = place.source.text, span_of(at).start
    function = re.search(r"(\w+\s*\([^()]*,)\s*$", text[:start][-80:])
    if function and (empty := _EMPTY.match(text, start)):
        return place.syntax(
            "an empty argument is not part of the language",
            Span(start, text.index("]", start) + 1),
            help=f"write {function[1]} {empty[1]})",
        )
    return place.unsupported(
        "matrices written out in square brackets are not supported",
        at,
        help="give the matrix a name, A: (2, 2); for grouping use ( )",
    )


def two_numbers(place: Place, token: Token) -> MatcalcError:
    """``2 3``."""
    assert place.previous is not None
    first, second = place.quote(place.previous), place.quote(token)
    span = span_of(place.previous).join(span_of(token))
    if second.startswith(".") and "." in first:
        return place.syntax("a number has one decimal point", span)
    remedy = f"write {first} * {second} for the product"
    if (first, second) == ("1", "1"):
        remedy = (
            "a column of ones is ones(n), a row of ones 1': write ones(n) 1' for the matrix of ones"
        )
    return place.syntax(f"the numbers {first} and {second} stand side by side", span, help=remedy)


# ---- exponents

_ROOT = re.compile(r"[ \t]*([-−+]?)1/([0-9]+)")
_LAYER = re.compile(r"[ \t]*\{[ \t]*\([ \t]*(\w+)[ \t]*\)[ \t]*\}")
_PSEUDOINVERSE = re.compile(r"[ \t]*\+(?![0-9.({])")
_TRANSPOSE = re.compile(r"[ \t]*T(?!\w)")


def check_power(place: Place, token: Token, end: int) -> None:
    """Refuse exponents that are read in two ways: ``X^1/2``, ``W^{(1)}``, ``A^+ b``, ``A.^T``."""
    text, caret = place.source.normal, place.quote(token)
    if root := _ROOT.match(text, end):
        sign, number = root.groups()
        raise _ambiguous_power(
            place,
            token,
            root.end(),
            f"the power {sign}1/{number}, or the power {sign}1 divided by {number}",
            f"write {caret}({sign}1/{number}) or {caret}{sign}1 / {number}",
        )
    if layer := _LAYER.match(text, end):
        raise _ambiguous_power(
            place,
            token,
            layer.end(),
            "a power, or the number of a layer",
            f"write {caret}{layer[1]} for the power, _{layer[1]} for a numbered name",
        )
    if pseudoinverse := _PSEUDOINVERSE.match(text, end):
        raise _ambiguous_power(
            place,
            token,
            pseudoinverse.end(),
            "the pseudoinverse, or a power with a positive sign",
            "the pseudoinverse is pinv(A); for a power leave the + out",
        )
    if token.type == "POINT_POWER" and (transpose := _TRANSPOSE.match(text, end)):
        raise _ambiguous_power(
            place,
            token,
            transpose.end(),
            "a transpose, or element-wise powers with T as exponent",
            "the transpose is A'",
        )


def _ambiguous_power(
    place: Place, token: Token, end: int, readings: str, remedy: str
) -> AmbiguityProblem:
    span = Span(span_of(token).start, place.source.original(end))
    return AmbiguityProblem(
        f"{place.source.quote(span)} has two readings",
        span=span,
        source=place.source.text,
        details=(readings,),
        help=remedy,
    )


# ---- what the parser could not take


def token(place: Place, token: Token, accepted: Iterable[str]) -> MatcalcError:
    """A token that cannot stand here; ``$END`` is the end of the text.

    Args:
        place: where it stands.
        token: the token.
        accepted: what the parser could take here, types of tokens among them.
    """
    expected = {kind for kind in accepted if kind.isupper()}
    kind, previous = token.type, place.previous
    if kind == "$END" and previous is None:
        problem = (
            "the text is empty" if not place.source.text.strip() else "the text holds no expression"
        )
        return SyntaxProblem(problem, help="type an expression, for example x' A x")
    if "COLON" in expected and expected <= {"COLON", "COMMA"}:
        return _list_of_names(place, token)
    if kind in {"$END", "SEPARATOR"} and previous is not None:
        return _nothing_after(place, previous, lines=kind == "SEPARATOR")
    mark = place.quote(token)
    if kind in _CLOSING and CLOSES.get(place.inside) != kind:
        return unbalanced(place, token)
    special = _in_context(place, token, mark, expected) or _by_kind(place, token, mark)
    if special is not None:
        return special
    if previous is None or place.starts_statement:
        return place.syntax(f"nothing stands before {mark}", token)
    before, both = place.quote(previous), span_of(previous).join(span_of(token))
    if not place.after_operand:
        if kind in _CLOSING or kind == "COMMA":
            return place.syntax(f"nothing stands between {before} and {mark}", both)
        if kind in _OPERATORS and previous.type in _OPERATORS:
            return place.syntax(
                f"the operators {before} and {mark} stand side by side",
                both,
                help="something must stand between two operators",
            )
        return place.syntax(f"{mark} cannot follow {before}", both)
    return place.syntax(f"{mark} cannot stand here", token)


def _list_of_names(place: Place, token: Token) -> MatcalcError:
    """``A, B`` or ``1, 2`` where a declaration would go on with a colon."""
    at = place.previous if token.type == "$END" and place.previous is not None else token
    return place.syntax(
        "names in a row are a declaration, and its shape is missing",
        at,
        help=f"write A, B: (m, n); {_STATEMENTS}",
    )


def _nothing_after(place: Place, previous: Token, *, lines: bool) -> MatcalcError:
    if previous.type == "_ARROW":
        return place.syntax(
            "the shape of the result is missing",
            previous,
            help="write L: n -> scalar, or f: n -> m for a function with vector values",
        )
    remedy = "an expression runs over several lines only inside brackets" if lines else None
    return place.syntax(f"nothing stands after {place.quote(previous)}", previous, help=remedy)


def _in_context(place: Place, token: Token, mark: str, expected: set[str]) -> MatcalcError | None:
    """Mistakes in sizes, indices, and LaTeX."""
    kind, inside = token.type, place.inside
    latex = kind == "BACKSLASH" and not place.after_operand
    if latex and _LATEX.match(place.source.text, span_of(token).start):
        return _latex(place, span_of(token))
    if kind == "LSQB" and "SIZE" in expected:
        return place.syntax("sizes stand in round brackets", token, help="write A: (m, n)")
    if kind == "COLON" and inside == "LSQB":
        return _slice(place, token)
    if kind in _CLOSING or kind in {"COMMA", "COLON", "EQUALS", "LSQB"}:
        return None
    if expected & {"SIZE", "PROPERTY"}:
        if kind == "MINUS" and (hyphenated := misspellings.hyphenated(place, token)) is not None:
            return hyphenated
        return place.syntax(f"{mark} cannot stand in a declaration", token, _SIZES)
    if inside == "LSQB" or [bracket.type for bracket in place.open] == ["LSQB", "LPAR"]:
        return place.syntax(
            f"{mark} cannot stand in an index", token, "an index is a name or a whole number from 1"
        )
    return None


_BASE = re.compile(r"([^\W\d_]\w*)\s*\[[^\[\]]*$")


def _slice(place: Place, token: Token) -> MatcalcError:
    """``X[1:3,k]``."""
    text, start = place.source.text, span_of(token).start
    base = _BASE.search(text[:start][-80:])
    name = base[1] if base else "X"
    after = place.rest(token).partition("]")[0]
    if "," in text[:start][-80:].rpartition("[")[2] or "," in after:
        remedy = f"{name}[:,1] is a column, {name}[1,:] a row, {name}[1,2] an entry"
    else:
        remedy = f"one entry is written {name}[i]"
    return place.unsupported("a range of rows or columns is not supported", token, help=remedy)


def _by_kind(place: Place, token: Token, mark: str) -> MatcalcError | None:
    """Mistakes that have a remedy of their own."""
    kind, operand = token.type, place.after_operand
    previous = place.previous.type if place.previous else ""
    match kind:
        case "POWER" | "POINT_POWER" | "SUPERSCRIPT" if operand:
            remedy = "use brackets: (a^b)^c or a^(b^c)"
            return place.syntax("a power of a power has two readings", token, help=remedy)
        case "TRANSPOSE" | "INVERSE_TRANSPOSE" | "SUPERSCRIPT" if not operand:
            return _nothing_to_act_on(place, token, mark)
        case "COMMA" if operand:
            return _comma(place, token)
        case "EQUALS":
            return _equals(place, token)
        case "COLON":
            remedy = "declarations are statements of their own: A: (m, n); x: n"
            return place.syntax("a declaration cannot stand here", token, help=remedy)
        case "LSQB" if not operand:
            return _matrix_literal(place, token)
        case "LBRACE":
            return place.syntax(
                "{ stands only in exponents and subscripts", token, help="use ( ) for grouping"
            )
        case "NORM_KIND" if previous == "NAME":
            return place.syntax("a subscript is letters and digits", token, help=_SUBSCRIPTS)
        case "NORM_KIND":
            remedy = "the kind of a norm stands right behind it: ||x||_2^2"
            return place.syntax(f"{mark} is the subscript of nothing", token, help=remedy)
        case "RANGLE":
            return place.syntax("<A, B> takes two operands", token)
        case "_ARROW":
            remedy = "write L: n -> scalar"
            return place.syntax("-> stands only in declarations of functions", token, help=remedy)
        case "_PARTIAL":
            return partial(place, token)
    if kind == "FUNCTION" and previous in _POWERS:
        return place.syntax(
            "a call as exponent needs brackets", token, help=f"write ^({mark}(...))"
        )
    if previous == "ROOT":
        return place.syntax("what √ covers needs brackets", token, help="write √(x)")
    return None


def partial(place: Place, token: Token) -> MatcalcError:
    """``∂f/∂x``."""
    remedy = "type the function alone, and name the variable beside it"
    return place.syntax("∂ is not part of the language", token, help=remedy)


def _nothing_to_act_on(place: Place, token: Token, mark: str) -> MatcalcError:
    return place.syntax(
        f"there is nothing before {mark} that it could act on",
        token,
        help=misspellings.quoted(place, span_of(token)),
    )


def _comma(place: Place, token: Token) -> MatcalcError:
    text, (start, end) = place.source.text, (span_of(token).start, span_of(token).end)
    if not place.open:
        if text[start - 1].isdigit() and text[end : end + 1].isdigit():
            return place.syntax("a comma is not a decimal point", token, help="write 1.5, not 1,5")
        return place.syntax("a comma outside of brackets", token, help=_STATEMENTS)
    if place.inside == "LPAR":
        return place.syntax(
            "a comma in brackets that belong to no function",
            token,
            help="declare the function, f: n, m -> scalar; an entry is written A[i,j]",
        )
    return place.syntax(f"a comma too many after {place.quote(place.open[-1])}", token)


def _equals(place: Place, token: Token) -> MatcalcError:
    previous = place.previous
    if place.open:
        return misspellings.keyword_argument(place, token)
    if previous is None or place.starts_statement:
        return place.syntax("nothing stands before =", token, help=_DEFINITION)
    if previous.type in {"EQUALS", "COLON"}:
        both = span_of(previous).join(span_of(token))
        return place.syntax(
            f"{place.source.quote(both)} is not part of the language", both, help=_DEFINITION
        )
    if place.after_operand:
        return place.syntax("a second = in one statement", token, help=_STATEMENTS)
    return place.syntax(f"nothing stands between {place.quote(previous)} and =", token)


# ---- characters

_TRANSPOSE_HELP = "the transpose is written '"
_HELP = {
    "×": "write A B for the matrix product, A .* B element by element, A ⊗ B for Kronecker",
    "÷": "write /",
    "–": "write - for minus",
    "—": "write - for minus",
    "†": "write pinv(A) for the pseudoinverse, A' for the transpose",
    "⁺": "write pinv(A) for the pseudoinverse",
    "_": _SUBSCRIPTS,
    '"': _TRANSPOSE_HELP,
    "“": _TRANSPOSE_HELP,
    "”": _TRANSPOSE_HELP,
    "‘": _TRANSPOSE_HELP,
    "`": _TRANSPOSE_HELP,
    "$": "type the formula without dollar signs",
    **dict.fromkeys("&!?~≤≥≠", _NO_COMPARISONS),
    "∑": "write sum(...), or repeat an index: a[i] b[i]",
    "∇": "type the function alone; its gradient is what matcalc computes",
    "∈": "a declaration is written A: (m, n)",
}


def character(place: Place, position: int) -> MatcalcError:
    """A character that begins nothing, at this position of the normalised text."""
    found = place.source.normal[position]
    start = place.source.original(position)
    span = Span(start, max(start + 1, place.source.original(position + 1)))
    if found == ".":
        return _point(place, position, span)
    if _LATEX.match(place.source.normal, position):
        return _latex(place, span)
    remedy = misspellings.quoted(place, span) or _HELP.get(found)
    if found == "_" and place.previous is not None and place.previous.type == "NORM_CLOSE":
        remedy = "the norms are ||x||, ||x||_1, ||x||_2 and ||X||_F"
    if found.isascii():
        return place.syntax(f"{found} is not part of the language here", span, help=remedy)
    code = f"U+{ord(found):04X}, {unicodedata.name(found, 'unnamed').lower()}"
    if found.isalpha():
        return place.syntax(
            f"the letter {found} ({code}) is neither Latin nor Greek",
            span,
            help="names are Latin or Greek letters with digits and subscripts",
        )
    return place.syntax(f"the sign {found} ({code}) is not part of the language", span, help=remedy)


def _latex(place: Place, span: Span) -> MatcalcError:
    return place.unsupported(
        "LaTeX input is not supported yet", span, help="type it as x' A x or ||A x - b||^2"
    )


def _point(place: Place, position: int, span: Span) -> MatcalcError:
    text = place.source.normal
    if attribute := re.compile(r"\.[A-Za-z_]+").match(text, position):
        return place.syntax(
            f"{attribute.group()} is not part of the language",
            Span(span.start, span.start + len(attribute.group())),
            help=misspellings.method(place, span.start, attribute.group()[1:])
            or "functions are written with brackets, inv(A); the transpose is A'",
        )
    if text[position - 1 : position].isdigit():
        return place.syntax("a number has one decimal point", span)
    return place.syntax("the point belongs to no number and no operator", span)
