"""What counts as a name, its normal form, and which words a text declares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

_SMALL_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip

#: Greek names and the letters they stand for.
GREEK: dict[str, str] = {
    **_SMALL_GREEK,
    **{name.capitalize(): letter.upper() for name, letter in _SMALL_GREEK.items()},
    "varepsilon": "ε",
    "vartheta": "θ",
    "varphi": "φ",
}

#: Properties that a declaration can give.
PROPERTIES = frozenset(
    {"symmetric", "skew", "diagonal", "spd", "psd", "orthogonal", "lower_triangular"}
    | {"upper_triangular", "toeplitz", "positive", "nonzero", "invertible"}
)

#: Other words for properties, and words that imply one.
SYNONYMS: dict[str, str] = {
    **dict.fromkeys(("hermitian", "sym", "symm", "selfadjoint", "self_adjoint"), "symmetric"),
    **dict.fromkeys(("antisymmetric", "anti_symmetric", "skewsymmetric"), "skew"),
    **dict.fromkeys(("skew_symmetric", "antisym", "skewsym", "skew_hermitian"), "skew"),
    **dict.fromkeys(("unitary", "orthonormal", "orth", "rotation"), "orthogonal"),
    **dict.fromkeys(("posdef", "pd", "positive_definite", "positivedefinite", "definite"), "spd"),
    **dict.fromkeys(("possemidef", "semidefinite", "positive_semidefinite"), "psd"),
    "positive_semi_definite": "psd",
    **dict.fromkeys(("lower", "tril"), "lower_triangular"),
    **dict.fromkeys(("upper", "triu"), "upper_triangular"),
    **dict.fromkeys(("nonsingular", "non_singular", "regular"), "invertible"),
    "diag": "diagonal",
    "non_zero": "nonzero",
}

#: Words that people write for properties which the language does not have.
NO_PROPERTIES = frozenset(
    {"nonnegative", "non_negative", "negative", "singular", "identity", "constant", "const"}
    | {"complex", "real", "integer", "unit", "normal", "sparse", "triangular", "stochastic"}
    | {"idempotent", "nilpotent", "circulant", "hankel", "tridiagonal"}
)

#: Words that people write for shapes; they are not sizes.
SIZE_WORDS = frozenset({"vector", "matrix", "row", "column", "square", "real", "tensor"})

#: Functions whose names may stand without brackets: the identity, the number, a common parameter.
BARE = frozenset({"eye", "π", "σ"})

_LETTER = "A-Za-zÀ-ÖØ-öø-ɏΆΈ-ώϑϕϵḀ-ỿ"
_SUBSCRIPT = "₀-₉ₐ-ₜᵢ-ᵪⱼ"
#: The same pattern as WORD in the grammar (a test compares them).
WORD = (
    f"[{_LETTER}]"
    rf"([{_LETTER}0-9{_SUBSCRIPT}]|_\{{[A-Za-z0-9Ά-ώ]+\}}|_(?!\{{))*"
)

#: What stands before the name of an abstract function in the name of its derivative.
_DERIVATIVE = "(∇[⁰¹²³⁴⁵⁶⁷⁸⁹]*|∂[0-9]*)+"
#: Names such as ``∇²L`` and ``∂1F``: the same pattern as DERIVED in the grammar.
DERIVED = _DERIVATIVE + WORD

_GREEK_WORD = "|".join(sorted(GREEK, key=len, reverse=True))
#: One name in normal form, but for Greek words: a letter or Greek name, digits, subscripts. A
#: subscript that begins with digits is all digits: ``x_1y`` is no name, but ``x_1 y`` in haste.
PLAIN = re.compile(rf"({_GREEK_WORD}|[{_LETTER}])([0-9]*(?:_(?:[0-9]+|[{_LETTER}]+[0-9]*))*)")
_PREFIX = re.compile(_DERIVATIVE)
_BRACES = re.compile(r"_\{([^}]*)\}")
_SMALL = re.compile(rf"_?([{_SUBSCRIPT}]+)")


def normal_name(word: str) -> str:
    """Normal form of a name: ``x_1`` for ``x₁`` and ``x_{1}``, ``λ_2`` for ``lambda_2``."""
    if prefix := _PREFIX.match(word):  # its superscripts are no digits of the name
        return prefix.group() + normal_name(word[prefix.end() :])
    if not word.isascii():
        word = _SMALL.sub(lambda m: "_" + unicodedata.normalize("NFKC", m[1]), word)
        word = unicodedata.normalize("NFKC", word)
    if "{" in word:
        word = _BRACES.sub(r"_\1", word)
    if len(word) > 1 and (plain := PLAIN.fullmatch(word)):
        return GREEK.get(plain[1], plain[1]) + plain[2]
    return word


def meant_property(word: str, cutoff: float, others: Collection[str] = ()) -> str | None:
    """The property, or one of the other words, that was probably meant by a word, if any."""
    lower = word.lower().replace("-", "_")
    if lower in SYNONYMS:
        return SYNONYMS[lower]
    if lower in NO_PROPERTIES:
        return None
    return closest(lower, sorted({*PROPERTIES, *others}), cutoff)


def closest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The word that was probably meant, if any is like it."""
    from difflib import get_close_matches  # needed for errors only

    close = get_close_matches(word, list(words), 1, cutoff)
    return close[0] if close else None


def similar(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant by another in normal form, if any is like it."""
    known = list(names)
    same = (other for other in known if other.lower() == name.lower())
    return next(same, None) or closest(name, known, 0.5)


def is_name(word: str) -> bool:
    """Whether a word is one name, in any spelling that a text may have it in."""
    return re.fullmatch(WORD, word) is not None


def is_plain(name: str) -> bool:
    """Whether a name in normal form needs no declaration."""
    return len(name) == 1 or PLAIN.fullmatch(name) is not None


class Vocabulary:
    """The words that a text may use.

    Attributes:
        functions: function names of the language; ``None`` where every word before a bracket is
            one, as in the rule book.
        variables: names declared or known from outside, in normal form.
        declared_functions: functions that the text declares, in normal form.
    """

    __slots__ = ("declared_functions", "functions", "variables")

    def __init__(
        self, functions: frozenset[str] | None = None, variables: Iterable[str] = ()
    ) -> None:
        self.functions = functions
        self.variables = set(variables)
        self.declared_functions: set[str] = set()

    def is_function(self, word: str, name: str) -> bool:
        """Whether a word before a bracket is a call."""
        if name in self.declared_functions:
            return True
        if name in self.variables:
            return False
        if self.functions is None:
            return not is_plain(name) or len(name.partition("_")[0]) > 1
        return word in self.functions or name in self.functions


_DECLARED = f"(?:{_DERIVATIVE})?{WORD}"
_NAMES = rf"({_DECLARED}(?:[ \t]*,[ \t]*{_DECLARED})*)"
_DECLARATION = re.compile(rf"(?<![^;\n])[ \t]*{_NAMES}[ \t]*:([^;\n]*)")
_DEFINITION = re.compile(rf"(?<![^;\n])[ \t]*({WORD})[ \t]*(?:\[[^\]\n]*\])?[ \t]*=")
_NAME = re.compile(_DECLARED)
_WORD = re.compile(WORD)


def declared(text: str, vocabulary: Vocabulary) -> None:
    """Add the words that a normalised text declares, anywhere in it.

    Names are needed before the parser meets them: a word is a name only if declared, and a letter
    before a bracket is a call only if it is declared as a function.
    """
    if ":" in text:
        for match in _DECLARATION.finditer(text):
            names = {normal_name(word.group()) for word in _NAME.finditer(match[1])}
            body = match[match.re.groups]
            if "->" in body or "→" in body:
                vocabulary.declared_functions |= names
            else:
                vocabulary.variables |= names
            sizes = {normal_name(word.group()) for word in _WORD.finditer(body)}
            vocabulary.variables |= sizes - PROPERTIES - {"scalar"} - names
    if "=" in text:
        for match in _DEFINITION.finditer(text):
            vocabulary.variables.add(normal_name(match[1]))
