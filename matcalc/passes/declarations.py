"""What is said about names outside the text: the ``shapes=`` and ``assume=`` of the interface.

Whatever is passed, of whatever type, is turned into shapes and properties or refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.errors import ArgumentProblem, DeclarationProblem, LimitProblem
from matcalc.ops import by_call
from matcalc.passes.functions import SPECIAL
from matcalc.syntax.names import PROPERTIES, SIZE_WORDS, is_name, meant_property, normal_name

#: Properties that only square matrices have.
SQUARE = PROPERTIES - {"positive", "nonzero"}

#: Longest number that a size can be, in digits, as for numerals in a text.
MAX_DIGITS = 1000

#: Longest sequence and number that a message shows.
MAX_SHOWN = 10

#: Types whose values messages show.
_PLAIN = (str, bool, int, float, type(None))

#: Pairs of properties that no matrix of more than one row has, or only the zero matrix.
CONTRADICTIONS = (
    {"skew", "symmetric"},
    {"skew", "spd"},
    {"skew", "psd"},
    {"skew", "diagonal"},
    {"skew", "lower_triangular"},
    {"skew", "upper_triangular"},
    {"skew", "positive"},
    {"skew", "nonzero"},
    {"diagonal", "positive"},
    {"diagonal", "nonzero"},
    {"lower_triangular", "positive"},
    {"lower_triangular", "nonzero"},
    {"upper_triangular", "positive"},
    {"upper_triangular", "nonzero"},
    {"orthogonal", "positive"},
)


def read_shapes(shapes: object) -> dict[str, Shape]:
    """The shapes of ``shapes=`` by name in normal form.

    Raises:
        ArgumentProblem: it is not a mapping of names to shapes.
    """
    items = _items(shapes, "shapes", "{'A': ('m', 'n'), 'x': 'n', 'a': ()}")
    return {name: _shape(spelling, value) for name, spelling, value in items}


def read_assumptions(assume: object) -> dict[str, tuple[str, ...]]:
    """The properties of ``assume=`` by name in normal form.

    Raises:
        ArgumentProblem: it is not a mapping of names to properties.
        DeclarationProblem: a property is unknown.
    """
    items = _items(assume, "assume", "{'A': 'symmetric'}")
    return {name: _properties(spelling, value) for name, spelling, value in items}


def _items(value: object, argument: str, example: str) -> Iterator[tuple[str, str, object]]:
    """Names in normal form, as they were given, and what is said of them."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ArgumentProblem(
            f"{argument} must be a mapping, not {_type(value)}", help=f"write {argument}={example}"
        )
    spellings: dict[str, str] = {}
    for key, item in value.items():
        name, spelling = _variable(key, argument), str(key)
        if name in spellings:
            raise ArgumentProblem(
                f"{spellings[name]} and {spelling} in {argument} are the same name",
                help="leave out one of the two",
            )
        spellings[name] = spelling
        yield name, spelling, item


def _variable(name: object, argument: str) -> str:
    if not isinstance(name, str) or not is_name(name.strip()):
        raise ArgumentProblem(
            f"{_shown(name)} in {argument} is not a name",
            help="names are Latin or Greek letters with digits and subscripts, such as W1",
        )
    return normal_name(name.strip())


def _shape(name: object, value: object) -> Shape:
    if isinstance(value, str):
        value = value.strip()
        return SCALAR if value == "scalar" else (_dim(name, value), ONE)
    if isinstance(value, Integral):
        return (_dim(name, value), ONE)
    if not isinstance(value, tuple | list) or len(value) > 2:
        raise ArgumentProblem(
            f"the shape of {name} is {_shown(value)}",
            help="a shape is () for a scalar, 'n' for a vector, ('m', 'n') for a matrix",
        )
    dims = [_dim(name, part) for part in value]
    return (*dims, ONE, ONE)[:2] if dims else SCALAR


def _dim(name: object, value: object) -> Dim:
    too_long = LimitProblem(f"the shape of {name} has a size with more than {MAX_DIGITS} digits")
    if isinstance(value, Integral) and not isinstance(value, bool) and (size := int(value)) >= 1:
        if size >= 10**MAX_DIGITS:
            raise too_long
        return Dim.of(size)
    if isinstance(value, str) and value.split():
        if any(word.isdigit() and len(word) > MAX_DIGITS for word in value.split()):
            raise too_long
        words = [normal_name(word) for word in value.replace("*", " ").split()]
        if all(_is_size(word) for word in words):
            result = ONE
            for word in words:
                result = result * Dim.of(int(word) if word.isdigit() else word)
            return result
    raise ArgumentProblem(
        f"the shape of {name} has the size {_shown(value)}",
        help="a size is a name, a whole number from 1, or a product such as 'm n'",
    )


def _is_size(word: str) -> bool:
    if word.isascii() and word.isdigit():
        return int(word) >= 1
    is_function = bool(by_call(word)) or word in SPECIAL
    return is_name(word) and word not in PROPERTIES | SIZE_WORDS and not is_function


def _properties(name: object, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        words = value.replace(",", " ").split()
    elif isinstance(value, list | tuple | set | frozenset):
        words = [word for word in value if isinstance(word, str)]
        if len(words) != len(list(value)):
            words = []
    else:
        words = []
    if not words:
        raise ArgumentProblem(
            f"the assumption on {name} is {_shown(value)}",
            help=f"write a property or several: {', '.join(sorted(PROPERTIES))}",
        )
    for word in words:
        check_property(word)
    return tuple(dict.fromkeys(words))


def check_property(word: str) -> None:
    """Raise DeclarationProblem for a property that does not exist."""
    if word not in PROPERTIES:
        close = meant_property(word, 0.6)
        raise DeclarationProblem(
            f"unknown property {word}",
            details=() if close else (f"the properties are {', '.join(sorted(PROPERTIES))}",),
            help=f"did you mean {close}?" if close else None,
        )


def contradiction(properties: Iterable[str]) -> tuple[str, str] | None:
    """Two properties that exclude each other, if there are such."""
    given = set(properties)
    for pair in CONTRADICTIONS:
        if pair <= given:
            first, second = sorted(pair)
            return first, second
    return None


def _shown(value: object) -> str:
    """A value as messages show it; of a foreign type only the type, since its repr may do anything."""
    if isinstance(value, tuple | list) and len(value) <= MAX_SHOWN:
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return opening + ", ".join(map(_shown, value)) + closing
    if type(value) is int and abs(value) >= 10**MAX_SHOWN:
        return f"a number of more than {MAX_SHOWN} digits"
    return repr(value) if type(value) in _PLAIN else f"a value of type {_type(value)}"


def _type(value: object) -> str:
    return type(value).__name__
