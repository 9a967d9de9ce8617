"""Words that are neither names nor calls, and what was probably meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from matcalc.errors import MatcalcError, Span
from matcalc.syntax.names import (
    NO_PROPERTIES,
    PLAIN,
    PROPERTIES,
    SIZE_WORDS,
    SYNONYMS,
    closest,
    is_plain,
    meant_property,
)
from matcalc.syntax.place import Place, span_of
from matcalc.syntax.token import Token

#: Spellings of other languages.
_FOREIGN = {
    "inverse": "inv(A)",
    "invert": "inv(A)",
    "dot": "x' y for vectors, A B for matrices",
    "matmul": "A B",
    "inner": "x' y",
    "outer": "x y'",
    "mul": "A B",
    "mm": "A B",
    "logistic": "sigmoid(x)",
    "frobenius": "||X||_F",
    "log10": "log(x) / log(10)",
    "log2": "log(x) / log(2)",
    "log_2": "log(x) / log(2)",
    "log_10": "log(x) / log(10)",
    "pow": "x^2",
    "cross": "S y with S: (3, 3) skew for the cross product of x and y",
}
_MODULES = frozenset({"np", "jnp", "numpy", "torch", "tf", "sp", "math", "scipy"})
_FROBENIUS = frozenset({"fro", "f", "frobenius"})
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
    if (derivative := _derivative(place, token, text)) is not None:
        return derivative
    problem = f"{text} is not a {'function' if called else 'name'} of the language"
    if called:
        return place.name(
            problem, token, _meant_function(place, text, functions, _arguments(place, token))
        )
    if (transpose := _glued_transpose(place, token, text)) is not None:
        return transpose
    if place.inside == "LSQB" and (pieces := _pieces(text)):
        return place.name(f"{text} is not one index", token, f"did you mean [{','.join(pieces)}] ?")
    if place.rest(token).startswith(".") and text in _MODULES:
        return place.name(problem, token, _without_module(place, token, text))
    if text.lower() in _FROBENIUS and place.inside == "LPAR":
        return place.name(
            problem, token, f"the Frobenius norm is {_frobenius(place, span_of(token).start)}"
        )
    return place.name(problem, token, _meant_name(place, text, functions))


def _derivative(place: Place, token: Token, text: str) -> MatcalcError | None:
    """``d/dx f`` and ``df/dx``."""
    before = place.source.text[: span_of(token).start][-80:]
    behind = re.match(r"\s*/\s*d[^\W\d_]", place.rest(token))
    if not re.fullmatch(r"d[^\W\d_]\w*", text) or not (
        behind or re.search(r"(?<!\w)d\w*(?:\^?[2²])?\s*/\s*$", before)
    ):
        return None
    return place.name(
        "d/dx is not part of the language",
        token,
        "type the function alone, and name the variable beside it",
    )


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
        exponent = {"²": "^2", "³": "^3"}.get(power[1], power[1])
        remedy = f"a power stands behind the call: {text}{power[2]}{exponent}"
    elif re.match(r"\s+[^\W_]", rest):
        remedy = f"write {_nested(place, text, rest)}"
    else:
        remedy = f"write {text}(...)"
    return place.name(f"{text} is a function and needs brackets", token, remedy)


def _nested(place: Place, text: str, rest: str) -> str:
    """``log(det(X))`` for ``log det X`` and ``log det(X)``."""
    functions = [text]
    while argument := re.match(r"\s*\(?\s*([^\W_]\w*)", rest):
        rest = rest[argument.end() :]
        functions.append(argument[1])
        if argument[1] not in (place.vocabulary.functions or ()):
            break
    return "(".join(functions) + ")" * (len(functions) - 1)


def _without_module(place: Place, token: Token, text: str) -> str:
    """``norm(x)`` for ``np.linalg.norm(x)``, ``a' b`` for ``np.dot(a, b)``."""
    call = re.match(r"(?:\.\w+)*\.(\w+)(\([^()]*\))?", place.rest(token))
    if call is None:
        return f"write functions without {text}."
    function, arguments = call.groups()
    pair = re.fullmatch(r"\(\s*(\w+)\s*,\s*(\w+)\s*\)", arguments or "")
    if function == "dot" and pair:
        return f"write {pair[1]}' {pair[2]} for vectors, {pair[1]} {pair[2]} for matrices"
    if function in {"matmul", "mm"} and pair:
        return f"write {pair[1]} {pair[2]}"
    if function in (place.vocabulary.functions or ()):
        return f"write {function}{arguments or '(...)'}"
    if function in _FOREIGN:
        return f"write {_FOREIGN[function]}"
    return f"write functions without {text}."


def _frobenius(place: Place, start: int) -> str:
    """``norm(X, F)``, with what stands there in place of X."""
    before = place.source.text[:start][-80:]
    argument = re.search(r"norm\s*\(\s*([^\s(),]+)\s*,\s*$", before)
    return f"norm({argument[1] if argument else 'X'}, F)"


def quoted(place: Place, at: Span) -> str | None:
    """The remedy for a word in quotes that begins here, if one does: ``norm(X, 'fro')``."""
    word = re.match(r"['\"‘’“”](\w+)['\"‘’“”]", place.source.text[at.start :][:80])
    if word is None:
        return None
    if word[1].lower() in _FROBENIUS:
        return f"text in quotes is not part of the language; write {_frobenius(place, at.start)}"
    return f"text in quotes is not part of the language; write {word[1]}"


def method(place: Place, start: int, name: str) -> str | None:
    """What is meant by ``x.T.dot(A)`` and ``X.sum()``, where ``start`` is the place of the point."""
    text = place.source.text
    base = re.search(r"[^\W_][\w.'ᵀ]*$", text[:start][-80:])
    arguments = re.match(r"\(\s*([^\s(),]*)\s*\)", text[start + len(name) + 1 :][:80])
    if base is None or arguments is None:
        return None
    left, right = base.group(), arguments[1]
    if name in {"dot", "matmul", "mm"} and right:
        if name != "dot" or left.endswith((".T", "'", "ᵀ")):
            return f"write {left} {right}"
        return f"write {left}' {right} for vectors, {left} {right} for matrices"
    if name in (place.vocabulary.functions or ()) and not right:
        return f"write {name}({left})"
    return None


def identity(place: Place, token: Token) -> MatcalcError:
    """``I_n``, which would be read as a variable of this name."""
    text = place.quote(token)
    size = re.sub(r"^I_?\{?|\}$", "", text)
    return place.name(
        f"{text} is not the identity matrix here",
        token,
        f"write I, or eye({unicodedata.normalize('NFKC', size)});"
        f" for a variable, declare {text}: (m, n)",
    )


def _arguments(place: Place, token: Token) -> list[str]:
    """The arguments of the call behind a word, as far as they are near."""
    depth, arguments = 0, [""]
    for sign in place.rest(token).lstrip():
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            break
        if sign == "," and depth == 1:
            arguments.append("")
        else:
            arguments[-1] += sign
    return [argument.removeprefix("(").strip() for argument in arguments]


def _shape(place: Place, argument: str) -> str:
    """The shape that an argument has by declaration, or probably: capitals are matrices."""
    name = re.escape(argument)
    declared = rf"(?<!\w){name}\s*:\s*(\([^()]*\)|[^\W\d]\w*)"
    if argument and (match := re.search(declared, place.source.text)):
        return match[1]
    names = re.findall(r"[^\W\d_]\w*", argument)
    return "(m, n)" if names and all(name[0].isupper() for name in names) else "n"


def _meant_function(
    place: Place, text: str, functions: frozenset[str], arguments: Sequence[str]
) -> str:
    if text in _FOREIGN:
        return f"write {_FOREIGN[text]}"
    for split in range(1, len(text) - 1):
        if text[split:] in functions and is_plain(text[:split]):
            return f"did you mean {text[:split]} {text[split:]}(...) ?"
    if close := _close(text, functions):
        return f"did you mean {close}(...) ?"
    shapes = ", ".join(_shape(place, argument) for argument in arguments)
    declare = f"declare it as an unknown function: {text}: {shapes} -> scalar"
    pieces = _pieces(text)
    if _looks_like_product(pieces):
        return f"did you mean {' '.join(pieces)} (...) ? For one function, {declare}"
    return declare


def _product(place: Place, pieces: list[str]) -> str:
    """``x' A x`` for ``xTAx``: T behind a factor is a transpose, unless it is declared."""
    factors: list[str] = []
    for piece in pieces:
        if piece == "T" and factors and "T" not in place.vocabulary.variables:
            factors[-1] += "'"
        else:
            factors.append(piece)
    return " ".join(factors)


def _meant_name(place: Place, text: str, functions: frozenset[str]) -> str:
    for function in sorted(functions, key=len, reverse=True):
        rest = text.removeprefix(function)
        if len(function) > 1 and rest not in {"", text} and is_plain(rest):
            return f"did you mean {function}({rest}) ?"
    declare = f"declare it: {text}: (m, n) or {text}: n or {text}: scalar"
    pieces = _pieces(text)
    if _looks_like_product(pieces):
        return f"did you mean {_product(place, pieces)} ? For one name, {declare}"
    if close := _close(text, functions):
        return f"did you mean {close}(...) ? For a variable, {declare}"
    return declare


def _glued_transpose(place: Place, token: Token, text: str) -> MatcalcError | None:
    """``A^TB`` and ``A^-TB``."""
    before = place.source.text[: span_of(token).start]
    power = re.search(r"([^\W_]\w*)?\s*\^\s*([-−]?)\s*$", before[-80:])
    if power is None or not text.startswith("T"):
        return None
    exponent, rest = f"^{power[2]}T", text[1:]
    pieces = _pieces(rest)
    factors = _product(place, pieces) if _looks_like_product(pieces) else rest
    return place.name(
        f"{exponent}{rest} is not a transpose",
        token,
        f"did you mean {power[1] or ''}{exponent} {factors} ?",
    )


def _close(text: str, words: Collection[str]) -> str | None:
    lower = text.lower()
    if lower in words:
        return lower
    # Function names of one or two letters resemble every short word.
    return closest(lower, [w for w in words if len(w) > 2], 0.75)


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


def no_property(place: Place, text: str, at: Span, meant: str | None) -> MatcalcError:
    """``A: hermitian``, where ``meant`` is the property that was probably meant."""
    return place.syntax(
        f"{text} is not a property",
        at,
        f"the properties are {', '.join(sorted(PROPERTIES))}",
        help=f"did you mean {meant} ?" if meant else None,
    )


def hyphenated(place: Place, token: Token) -> MatcalcError | None:
    """``A: skew-symmetric``, at the hyphen."""
    text, at = place.source.text, span_of(token)
    before = re.search(r"[A-Za-z]+$", text[: at.start][-_LONGEST:])
    after = re.match(r"[A-Za-z]+(?:-[A-Za-z]+)*", text[at.end :][:_LONGEST])
    if before is None or after is None:
        return None
    word = f"{before.group()}-{after.group()}"
    meant = meant_property(word, 0.8)
    if meant is None and word.lower().replace("-", "_") not in NO_PROPERTIES:
        return None
    return no_property(
        place, word, Span(at.start - len(before.group()), at.end + after.end()), meant
    )


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
    close, lower = None, text.lower()
    alone = place.previous is not None and place.previous.type == "COLON"
    if 2 < len(text) < _LONGEST or lower in SYNONYMS:
        close = meant_property(text, 0.7, ("scalar",))
    if not (alone or after_shape) and lower in SYNONYMS:
        close = None
    if close or after_shape or (alone and lower in NO_PROPERTIES - SIZE_WORDS):
        raise no_property(place, text, span_of(token), close)
    sized = place.previous is not None and place.previous.type in {"NUMBER", "SIZE"}
    if (
        text.lower() in SIZE_WORDS
        or re.fullmatch("[a-z]x[a-z]", text)
        or (sized and re.fullmatch("x[0-9]*", text))
    ):
        raise place.syntax(f"{text} is not a size", token, help=_SHAPES)
