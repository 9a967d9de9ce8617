"""Errors of syntax, in the words of someone who knows the notation and not the grammar."""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass

from lark import Token

from matcalc.errors import (
    AmbiguityProblem,
    MatcalcError,
    NameProblem,
    Span,
    SyntaxProblem,
    UnsupportedProblem,
)
from matcalc.syntax.names import GREEK, PLAIN, PROPERTIES, Vocabulary, is_plain
from matcalc.syntax.source import Source

_OPERANDS = frozenset(
    "NAME NUMBER FRACTION TRANSPOSE INVERSE_TRANSPOSE SUPERSCRIPT RPAR RSQB RBRACE NORM_CLOSE"
    " ABS_CLOSE NORM_KIND RANGLE SIZE PROPERTY SCALAR".split()
)
_OPENING = frozenset("LPAR LSQB LBRACE LANGLE NORM_OPEN ABS_OPEN".split())
_CLOSING = frozenset("RPAR RSQB RBRACE RANGLE NORM_CLOSE ABS_CLOSE".split())
_OPERATORS = frozenset(
    "PLUS MINUS STAR SLASH BACKSLASH POINT_STAR POINT_SLASH KRON POWER POINT_POWER ROOT".split()
)
_POSTFIX = frozenset("TRANSPOSE INVERSE_TRANSPOSE SUPERSCRIPT".split())


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader stands: the last token taken and the innermost two open brackets."""

    source: Source
    previous: Token | None
    open: tuple[Token, ...]
    vocabulary: Vocabulary

    def quote(self, token: Token) -> str:
        """A token as typed."""
        return self.source.quote(_span(token)) or str(token)

    def syntax(
        self, problem: str, at: Token | Span, *details: str, help: str | None = None
    ) -> SyntaxProblem:
        """A syntax problem in this text."""
        span = _span(at) if isinstance(at, Token) else at
        return SyntaxProblem(
            problem, span=span, source=self.source.text, details=details, help=help
        )


def _span(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0)


def ends_operand(token: Token | None) -> bool:
    """Whether something that can be multiplied ends here, so that bars may close."""
    return token is not None and token.type in _OPERANDS


# ---- brackets and numbers


def never_closed(place: Place) -> MatcalcError:
    """The text ends inside brackets."""
    opening = place.open[-1]
    if len(place.open) == 2 and (place.open[0].type, opening.type) == ("NORM_OPEN", "ABS_OPEN"):
        return place.syntax(
            "|| is closed by a single |", opening, help="close || with || and | with |"
        )
    mark = place.quote(opening)
    help = "close it"
    if opening.type == "LANGLE" and mark == "<":
        help = "<A, B> is the inner product; comparisons are not part of the language"
    return place.syntax(f"{mark} is never closed", opening, help=help)


def unbalanced(place: Place, token: Token) -> MatcalcError:
    """A closing bracket that closes nothing, or the wrong bracket."""
    mark = place.quote(token)
    if not place.open:
        if token.type == "RANGLE" and mark == ">":
            return place.syntax(
                "> has no < before it", token, help="comparisons are not part of the language"
            )
        return place.syntax(f"{mark} closes nothing", token, help=f"take the {mark} away")
    opening = place.open[-1]
    return place.syntax(
        f"{place.quote(opening)} is closed by {mark}",
        _span(opening).join(_span(token)),
        help="brackets close in the order opposite to their opening",
    )


def separator_in_brackets(place: Place, token: Token) -> MatcalcError:
    """``;`` inside brackets."""
    opening = place.open[-1]
    if opening.type == "LSQB":
        return _matrix_literal(place, token)
    return place.syntax(
        f"{place.quote(opening)} is not closed before ;",
        opening,
        help="a ; separates statements and cannot stand inside brackets",
    )


def _matrix_literal(place: Place, at: Token) -> MatcalcError:
    return UnsupportedProblem(
        "matrices of numbers, [1, 2; 3, 4], are not supported",
        span=_span(at),
        source=place.source.text,
        help="give it a name: A: (2, 2)",
    )


def two_numbers(place: Place, token: Token) -> MatcalcError:
    """``2 3``."""
    assert place.previous is not None
    first, second = place.quote(place.previous), place.quote(token)
    span = _span(place.previous).join(_span(token))
    if second.startswith(".") and "." in first:
        return place.syntax("a number has one decimal point", span)
    return place.syntax(
        f"the numbers {first} and {second} stand side by side",
        span,
        help=f"write {first} * {second}, or {first}{second} without the blank",
    )


_ROOT = re.compile(r"[ \t]*([-−+]?)1/([0-9]+)")
_LAYER = re.compile(r"[ \t]*\{[ \t]*\([ \t]*(\w+)[ \t]*\)[ \t]*\}")


def check_power(place: Place, token: Token, end: int) -> None:
    """Refuse exponents that have two readings: ``X^1/2`` and ``W^{(1)}``."""
    text = place.source.normal
    caret = place.quote(token)
    if root := _ROOT.match(text, end):
        sign, number = root.groups()
        raise AmbiguityProblem(
            f"{caret}{sign}1/{number} has two readings",
            span=Span(_span(token).start, place.source.original(root.end())),
            source=place.source.text,
            details=(f"the power {sign}1/{number}, or the power {sign}1 divided by {number}",),
            help=f"write {caret}({sign}1/{number}) or {caret}{sign}1 / {number}",
        )
    if layer := _LAYER.match(text, end):
        raise AmbiguityProblem(
            f"{caret}{{({layer[1]})}} has two readings",
            span=Span(_span(token).start, place.source.original(layer.end())),
            source=place.source.text,
            details=("a power, or the number of a layer",),
            help=f"write {caret}{layer[1]} for the power, _{layer[1]} for a numbered name",
        )


# ---- words


def word(place: Place, token: Token, name: str, *, called: bool) -> MatcalcError:
    """A word that is neither a name nor a call."""
    text = place.quote(token)
    functions = place.vocabulary.functions or frozenset()
    is_function = token in functions or name in place.vocabulary.declared_functions
    if is_function and name in place.vocabulary.variables:
        return _name_problem(
            place, token, f"{text} is a function and cannot be a variable", "choose another name"
        )
    if is_function:
        return _without_brackets(place, token, text)
    if called:
        return _unknown_function(place, token, text, functions)
    return _unknown_word(place, token, text, functions)


def _name_problem(place: Place, token: Token, problem: str, help: str) -> MatcalcError:
    return NameProblem(problem, span=_span(token), source=place.source.text, help=help)


def _without_brackets(place: Place, token: Token, text: str) -> MatcalcError:
    rest = place.source.text[_span(token).end :]
    if power := re.match(r"\s*(\^\s*\w+|²|³)\s*(\([^()]*\))", rest):
        help = f"a power stands behind the call: {text}{power[2]}{power[1]}"
    elif argument := re.match(r"\s+([^\W_]\w*)", rest):
        help = f"write {text}({argument[1]})"
    else:
        help = f"write {text}(...)"
    return _name_problem(place, token, f"{text} is a function and needs brackets", help)


def _unknown_function(
    place: Place, token: Token, text: str, functions: frozenset[str]
) -> MatcalcError:
    problem = f"{text} is not a function of the language"
    for split in range(1, len(text)):
        if text[split:] in functions and is_plain(text[:split]) and len(text) - split > 1:
            return _name_problem(
                place, token, problem, f"did you mean {text[:split]} {text[split:]}(...) ?"
            )
    close = _close(text, functions)
    if close:
        return _name_problem(place, token, problem, f"did you mean {close}(...) ?")
    pieces = _pieces(text)
    help = f"declare it to use it as an unknown function: {text}: n -> scalar"
    if pieces:
        help = f"for a product write {' '.join(pieces)} (...) ; {help}"
    return _name_problem(place, token, problem, help)


def _close(text: str, words: frozenset[str]) -> str | None:
    if text.lower() in words:
        return text.lower()
    # σ and pi resemble every short word.
    close = difflib.get_close_matches(text.lower(), [w for w in words if len(w) > 2], 1, 0.75)
    return close[0] if close else None


def _unknown_word(
    place: Place, token: Token, text: str, functions: frozenset[str]
) -> MatcalcError:
    declare = f"declare it: {text}: (m, n) or {text}: n or {text}: scalar"
    previous = place.previous
    problem = f"{text} is not a name of the language"
    if text.startswith("T") and previous is not None and previous.type in {"POWER", "MINUS"}:
        start = previous.start_pos or 0
        sign = "-" if previous.type == "MINUS" else ""
        power = place.source.text[max(0, start - len(sign)) : start + 1]
        if previous.type == "POWER" or power.startswith("^"):
            help = f"did you mean ^{sign}T {text[1:]} ?"
            return _name_problem(place, token, f"^{sign}{text} is not a transpose", help)
    pieces = _pieces(text)
    if place.open and place.open[-1].type == "LSQB" and pieces:
        return _name_problem(
            place, token, f"{text} is not one index", f"did you mean [{','.join(pieces)}] ?"
        )
    rest = place.source.text[_span(token).end :]
    if rest.startswith(".") and text in {"np", "jnp", "numpy", "torch", "sp", "tf", "math"}:
        return _name_problem(place, token, problem, f"write functions without {text}.")
    for function in sorted(functions, key=len, reverse=True):
        rest = text.removeprefix(function)
        if len(function) > 1 and rest not in {"", text} and is_plain(rest):
            return _name_problem(place, token, problem, f"did you mean {function}({rest}) ?")
    if pieces and _looks_like_product(pieces):
        return _name_problem(
            place, token, problem, f"did you mean {' '.join(pieces)} ? For one name, {declare}"
        )
    close = _close(text, functions)
    if close:
        return _name_problem(place, token, problem, f"did you mean {close}(...) ?")
    return _name_problem(place, token, problem, declare)


def _pieces(text: str) -> list[str]:
    """The names that a word consists of, as typed; empty where it is none."""
    pieces, position = [], 0
    while position < len(text):
        match = PLAIN.match(text, position) or re.compile(r"\w[₀-₉]+").match(text, position)
        if match is None:
            return []
        pieces.append(match.group())
        position = match.end()
    return pieces


def _looks_like_product(pieces: list[str]) -> bool:
    """``Ax``, ``xAy`` and ``λI``, but not ``weight`` and ``Loss``."""
    if len(pieces) <= 2 or any(piece in GREEK or len(piece) > 1 for piece in pieces):
        return True
    if len(pieces) == 3:
        return any(piece.isupper() for piece in pieces[:2]) or len(set(pieces)) < 3
    lower_runs = re.findall("[a-z]+", "".join(pieces))
    return max(map(len, lower_runs), default=0) <= 1


def check_size(place: Place, token: Token, *, after_shape: bool) -> None:
    """Refuse words of a declaration that cannot be meant as sizes."""
    text = place.quote(token)
    close = difflib.get_close_matches(text, PROPERTIES | {"scalar"}, 1, 0.7) if len(text) > 2 else []
    shape_help = "write x: n for a vector, A: (m, n) for a matrix, a: scalar for a scalar"
    if close or after_shape:
        known = ", ".join(sorted(PROPERTIES))
        raise place.syntax(
            f"{text} is not a property" if after_shape else f"{text} is neither a size nor a property",
            token,
            f"the properties are {known}",
            help=f"did you mean {close[0]} ?" if close else None,
        )
    previous = place.previous
    sized = previous is not None and previous.type in {"NUMBER", "SIZE"}
    if (
        text.lower() in {"vector", "matrix", "row", "column", "square", "real", "tensor"}
        or re.fullmatch(r"[a-z]x[a-z]", text)
        or (sized and re.fullmatch(r"x|x[0-9]+", text))
    ):
        raise place.syntax(f"{text} is not a size", token, help=shape_help)


# ---- what the parser could not take


def token(place: Place, token: Token) -> MatcalcError:
    """A token that cannot stand here; ``$END`` is the end of the text."""
    kind, previous = token.type, place.previous
    if kind == "$END":
        return _end(place)
    mark = place.quote(token)
    if kind in _CLOSING and (not place.open or not _matches(place.open[-1], kind)):
        return unbalanced(place, token)
    special = _special(place, token, mark)
    if special is not None:
        return special
    if previous is None or previous.type == "SEPARATOR":
        return place.syntax(f"nothing stands before {mark}", token)
    before = place.quote(previous)
    if kind == "SEPARATOR":
        return _nothing_after(place, previous, lines=token == "\n")
    both = _span(previous).join(_span(token))
    if kind in _CLOSING or (kind == "COMMA" and not ends_operand(previous)):
        return place.syntax(f"nothing stands between {before} and {mark}", both)
    if kind in _OPERATORS and previous.type in _OPERATORS:
        return place.syntax(
            f"the operators {before} and {mark} stand side by side",
            both,
            help="two operators need something between them",
        )
    if not ends_operand(previous):
        return place.syntax(f"{mark} cannot follow {before}", both)
    return place.syntax(f"{mark} cannot stand here", token)


def _matches(opening: Token, closing: str) -> bool:
    return (opening.type, closing) in {
        ("LPAR", "RPAR"),
        ("LSQB", "RSQB"),
        ("LBRACE", "RBRACE"),
        ("LANGLE", "RANGLE"),
        ("NORM_OPEN", "NORM_CLOSE"),
        ("ABS_OPEN", "ABS_CLOSE"),
    }


def _end(place: Place) -> MatcalcError:
    previous = place.previous
    if previous is None:
        text = place.source.text
        problem = "the text is empty" if not text.strip() else "the text holds only comments"
        return SyntaxProblem(problem, help="type an expression, for example x' A x")
    return _nothing_after(place, previous, lines=False)


def _nothing_after(place: Place, previous: Token, *, lines: bool) -> MatcalcError:
    mark = place.quote(previous)
    help = "an expression runs over several lines only inside brackets" if lines else None
    if place.source.quote(Span(_span(previous).start - 1, _span(previous).end)) == "^+":
        help = "the pseudoinverse is pinv(A)"
    return place.syntax(f"nothing stands after {mark}", previous, help=help)


def _special(place: Place, token: Token, mark: str) -> MatcalcError | None:
    """Mistakes that have a remedy of their own."""
    kind, previous = token.type, place.previous
    inside = place.open[-1].type if place.open else ""
    operand = ends_operand(previous)
    if kind in {"POWER", "SUPERSCRIPT", "POINT_POWER"} and operand:
        return place.syntax(
            "a power of a power has two readings",
            token,
            help="use brackets: (a^b)^c or a^(b^c)",
        )
    if kind in _POSTFIX and not operand:
        return _nothing_to_transpose(place, token, mark)
    if kind == "COLON" and inside == "LSQB":
        return UnsupportedProblem(
            "sums over samples, sum(k, l(Z[:,k])), are not supported yet",
            span=_span(token),
            source=place.source.text,
            help="write the sum as a product with a vector of ones, or in index notation",
        )
    if kind == "COMMA" and operand:
        return _comma(place, token, inside)
    if kind == "EQUALS":
        return _equals(place, token, inside)
    if kind == "COLON":
        return place.syntax(
            "a declaration cannot stand here",
            token,
            help="declarations are statements of their own: A: (m, n); x: n",
        )
    if kind == "LSQB":
        if previous is not None and previous.type == "COLON":
            return place.syntax("sizes stand in round brackets", token, help="write A: (m, n)")
        return _matrix_literal(place, token) if not operand else None
    if kind == "LBRACE":
        return place.syntax(
            "{ stands only in exponents and subscripts", token, help="use ( ) for grouping"
        )
    if kind == "_ARROW":
        return place.syntax(
            "-> stands only in declarations of functions", token, help="write L: n -> scalar"
        )
    if kind == "_PARTIAL":
        return place.syntax(
            "∂ is not part of the language",
            token,
            help="type the function alone and name the variable apart: diff(\"x' A x\", \"x\")",
        )
    if kind == "FUNCTION" and previous is not None and previous.type in {"POWER", "POINT_POWER"}:
        return place.syntax(
            f"an exponent that is a call needs brackets", token, help=f"write ^({mark}(...))"
        )
    return None


def _nothing_to_transpose(place: Place, token: Token, mark: str) -> MatcalcError:
    problem = f"there is nothing before {mark} that it could act on"
    quoted = re.match(r"'(\w+)'", place.source.text[_span(token).start :])
    help = f"text in quotes is not part of the language; write {quoted[1]}" if quoted else None
    return place.syntax(problem, token, help=help)


def _comma(place: Place, token: Token, inside: str) -> MatcalcError:
    start, end = _span(token).start, _span(token).end
    text = place.source.text
    if text[start - 1 : start].isdigit() and text[end : end + 1].isdigit():
        return place.syntax("a comma is not a decimal point", token, help="write 1.5, not 1,5")
    if inside == "LPAR":
        return place.syntax(
            "a comma in brackets that belong to no function",
            token,
            help="declare the function: f: n, m -> scalar ; an entry is written A[i,j]",
        )
    if inside in {"NORM_OPEN", "ABS_OPEN", "LBRACE", "LANGLE"}:
        return place.syntax(f"a comma too many after {place.quote(place.open[-1])}", token)
    return place.syntax(
        "a comma outside of brackets", token, help="statements are separated by ; or new lines"
    )


def _equals(place: Place, token: Token, inside: str) -> MatcalcError:
    if inside:
        return place.syntax(
            "= inside brackets",
            token,
            help="arguments have no names; the dimension is a number, sum(X, 1)",
        )
    previous = place.previous
    if previous is None or previous.type == "SEPARATOR":
        return place.syntax("nothing stands before =", token, help="a definition is z = W x + b")
    if previous.type in {"EQUALS", "COLON"}:
        both = _span(previous).join(_span(token))
        return place.syntax(
            f"{place.source.quote(both)} is not an operator", both, help="a definition is z = W x + b"
        )
    return place.syntax(
        "a second = in one statement", token, help="statements are separated by ; or new lines"
    )


# ---- characters

_CHARACTERS = {
    "×": "write A B for the matrix product, A .* B element by element, A ⊗ B for Kronecker",
    "÷": "write /",
    "–": "write - for minus",
    "—": "write - for minus",
    "_": "a subscript is letters and digits: x_1, x_new, x_{12}",
    '"': "the transpose is written ' ; text in quotes is not part of the language",
    "“": "the transpose is written '",
    "”": "the transpose is written '",
    "`": "the transpose is written '",
    "$": "type the formula without dollar signs",
    "&": "comparisons and conditions are not part of the language",
    "!": "comparisons and conditions are not part of the language",
    "?": "comparisons and conditions are not part of the language",
    "~": "comparisons and conditions are not part of the language",
    "∑": "write sum(...), or repeat an index: a[i] b[i]",
    "∏": "products over an index are not part of the language",
    "∇": "type the function alone; the gradient is what matcalc computes",
    "∈": "a declaration is written A: (m, n)",
    "∞": "infinity is not part of the language",
    ",": "statements are separated by ; or new lines",
}


def character(place: Place, position: int) -> MatcalcError:
    """A character that begins nothing."""
    found = place.source.normal[position]
    start = place.source.original(position)
    span = Span(start, max(start + 1, place.source.original(position + 1)))
    if found == ".":
        return _point(place, position, span)
    if found == "\\" or _is_latex(place.source.normal):
        return UnsupportedProblem(
            "LaTeX input is not supported yet",
            span=span,
            source=place.source.text,
            help="type the formula as x' A x or ||A x - b||^2",
        )
    help = _CHARACTERS.get(found)
    if found.isascii():
        return place.syntax(f"{found} is not part of the language here", span, help=help)
    code = f"U+{ord(found):04X}, {unicodedata.name(found, 'unnamed').lower()}"
    if found.isalpha():
        return place.syntax(
            f"the letter {found} ({code}) is neither Latin nor Greek",
            span,
            help="names are Latin or Greek letters with digits and subscripts",
        )
    return place.syntax(f"the sign {found} ({code}) is not part of the language", span, help=help)


def _is_latex(text: str) -> bool:
    return re.search(r"\\[A-Za-z]{2}", text) is not None


def _point(place: Place, position: int, span: Span) -> MatcalcError:
    text = place.source.normal
    following = re.match(r"\.([A-Za-z_]+)", text[position:])
    if following:
        return place.syntax(
            f".{following[1]} is not part of the language",
            Span(span.start, span.start + len(following.group())),
            help="functions are written with brackets, inv(A); the transpose is A'",
        )
    if text[position - 1 : position].isdigit() or text[position + 1 : position + 2].isdigit():
        return place.syntax("a number has one decimal point", span)
    return place.syntax("a point that belongs to no number or operator", span)
