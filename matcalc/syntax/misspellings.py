"""Words that are neither names nor calls, and what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from lark import Token

from matcalc.errors import MatcalcError
from matcalc.syntax.names import PLAIN, PROPERTIES, SIZE_WORDS, is_plain
from matcalc.syntax.place import Place, span_of

#: Spellings of other languages.
_FOREIGN = {
    "inverse": "inv(A)",
    "invert": "inv(A)",
    "dot": "x' y",
    "inner": "x' y",
    "outer": "x y'",
    "mul": "A B",
    "mm": "A B",
    "logistic": "sigmoid(x)",
    "frobenius": "||X||_F",
    "log10": "log(x) / log(10)",
    "log2": "log(x) / log(2)",
    "pow": "x^2",
}
_MODULES = frozenset({"np", "jnp", "numpy", "torch", "tf", "sp", "math", "scipy"})
#: Longest word that a suggestion is worth looking for.
_LONGEST = 60
_SHAPES = "write x: n for a vector, A: (m, n) for a matrix, a: scalar for a scalar"


def word(place: Place, token: Token, name: str, *, called: bool) -> MatcalcError:
    """A word that is no name of the language; ``called`` where a bracket follows it."""
    if len(token) > _LONGEST:
        return place.name(
            f"a word of {len(token)} letters is not a name", token, "put blanks between factors"
        )
    text = place.quote(token)
    vocabulary = place.vocabulary
    functions = vocabulary.functions or frozenset()
    if token in functions or name in vocabulary.declared_functions:
        if name in vocabulary.variables:
            return place.name(
                f"{text} is a function and cannot be a variable", token, "choose another name"
            )
        return _without_brackets(place, token, text)
    if place.inside and re.match(r"\s*=", place.rest(token)):
        return keyword_argument(place, token)
    problem = f"{text} is not a {'function' if called else 'name'} of the language"
    if called:
        return place.name(problem, token, _meant_function(text, functions))
    if (transpose := _glued_transpose(place, token, text)) is not None:
        return transpose
    if place.inside == "LSQB" and (pieces := _pieces(text)):
        return place.name(f"{text} is not one index", token, f"did you mean [{','.join(pieces)}] ?")
    if place.rest(token).startswith(".") and text in _MODULES:
        return place.name(problem, token, f"write functions without {text}.")
    return place.name(problem, token, _meant_name(text, functions))


def keyword_argument(place: Place, at: Token) -> MatcalcError:
    """``sum(X, axis=0)``."""
    return place.syntax(
        "= inside brackets",
        at,
        help="arguments have no names; a dimension is a number, sum(X, 1)",
    )


def _without_brackets(place: Place, token: Token, text: str) -> MatcalcError:
    rest = place.rest(token)
    if power := re.match(r"\s*(\^\s*\w+|[²³])\s*(\([^()]*\))", rest):
        remedy = f"a power stands behind the call: {text}{power[2]}{power[1]}"
    elif argument := re.match(r"\s+([^\W_]\w*)", rest):
        remedy = f"write {text}({argument[1]})"
    else:
        remedy = f"write {text}(...)"
    return place.name(f"{text} is a function and needs brackets", token, remedy)


def _meant_function(text: str, functions: frozenset[str]) -> str:
    if text in _FOREIGN:
        return f"write {_FOREIGN[text]}"
    for split in range(1, len(text) - 1):
        if text[split:] in functions and is_plain(text[:split]):
            return f"did you mean {text[:split]} {text[split:]}(...) ?"
    if close := _close(text, functions):
        return f"did you mean {close}(...) ?"
    declare = f"declare it as an unknown function: {text}: n -> scalar"
    pieces = _pieces(text)
    if _looks_like_product(pieces):
        return f"did you mean {' '.join(pieces)} (...) ? For one function, {declare}"
    return declare


def _meant_name(text: str, functions: frozenset[str]) -> str:
    for function in sorted(functions, key=len, reverse=True):
        rest = text.removeprefix(function)
        if len(function) > 1 and rest not in {"", text} and is_plain(rest):
            return f"did you mean {function}({rest}) ?"
    declare = f"declare it: {text}: (m, n) or {text}: n or {text}: scalar"
    pieces = _pieces(text)
    if _looks_like_product(pieces):
        return f"did you mean {' '.join(pieces)} ? For one name, {declare}"
    if close := _close(text, functions):
        return f"did you mean {close}(...) ? For a variable, {declare}"
    return declare


def _glued_transpose(place: Place, token: Token, text: str) -> MatcalcError | None:
    """``A^TB`` and ``A^-TB``."""
    before = place.source.text[: span_of(token).start]
    power = re.search(r"\^\s*([-−]?)\s*$", before[-20:])
    if power is None or not text.startswith("T"):
        return None
    exponent = f"^{power[1]}T"
    return place.name(
        f"{exponent}{text[1:]} is not a transpose", token, f"did you mean {exponent} {text[1:]} ?"
    )


def _close(text: str, words: Collection[str]) -> str | None:
    lower = text.lower()
    if lower in words:
        return lower
    # Function names of one or two letters resemble every short word.
    close = difflib.get_close_matches(lower, [w for w in words if len(w) > 2], 1, 0.75)
    return close[0] if close else None


_PIECE = re.compile(rf"{PLAIN.pattern}[₀-₉]*")


def _pieces(text: str) -> list[str]:
    """The names that a word consists of, as typed; empty where it consists of none."""
    pieces, position = [], 0
    while match := _PIECE.match(text, position):
        pieces.append(match.group())
        position = match.end()
    return pieces if position == len(text) else []


def _looks_like_product(pieces: list[str]) -> bool:
    """``Ax``, ``xAy``, ``λI``, ``xyx`` and ``AXBx``, but not ``weight``, ``Loss``, ``learning_rate``."""
    if len(pieces) <= 2:
        return bool(pieces)
    letters = "".join(piece[0] for piece in pieces)
    if any(len(piece.rstrip("0123456789₀₁₂₃₄₅₆₇₈₉")) > 1 for piece in pieces):
        return False
    if len(pieces) == 3:
        return not letters.islower() or not letters.isascii() or letters[0] == letters[2]
    return re.search("[a-z]{2}", letters) is None and len(pieces) < 9


def misplaced_property(place: Place, token: Token) -> MatcalcError:
    """``L: n -> symmetric``, ``A: (n, symmetric)``, ``a: scalar scalar``."""
    return place.syntax(
        f"{place.quote(token)} cannot stand here",
        token,
        help="properties stand behind the shape: A: (n, n) symmetric invertible",
    )


def check_size(place: Place, token: Token, *, after_shape: bool) -> None:
    """Refuse words of a declaration that cannot be meant as sizes."""
    text = place.quote(token)
    words = PROPERTIES | {"scalar"}
    close = difflib.get_close_matches(text, words, 1, 0.7) if 2 < len(text) < _LONGEST else []
    if close or after_shape:
        raise place.syntax(
            f"{text} is not a property",
            token,
            f"the properties are {', '.join(sorted(PROPERTIES))}",
            help=f"did you mean {close[0]} ?" if close else None,
        )
    sized = place.previous is not None and place.previous.type in {"NUMBER", "SIZE"}
    if (
        text.lower() in SIZE_WORDS
        or re.fullmatch("[a-z]x[a-z]", text)
        or (sized and re.fullmatch("x[0-9]*", text))
    ):
        raise place.syntax(f"{text} is not a size", token, help=_SHAPES)
