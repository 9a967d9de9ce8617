"""Text to syntax tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcalc.errors import MatcalcError
from matcalc.syntax import source, tree
from matcalc.syntax.names import Vocabulary, declared, normal_name

if TYPE_CHECKING:
    from typing import Any


def parse_program(
    text: str, functions: frozenset[str] = frozenset(), names: frozenset[str] = frozenset()
) -> tree.Program:
    """Read declarations, definitions and an expression.

    Args:
        text: as typed.
        functions: the functions of the language, and those declared elsewhere.
        names: variables and sizes declared elsewhere, such as in ``shapes=``.

    Raises:
        MatcalcError: the text is not in the language; the error carries text and place.
    """
    read = source.read(text)
    vocabulary = Vocabulary(functions, {normal_name(name) for name in names})
    declared(read.normal, vocabulary)
    statements = _parse(read, vocabulary, "program")
    return tree.Program(statements, text)


def parse_rule(text: str) -> tree.Rule:
    """Read a rule of the rule book. Every word before a bracket is a function.

    Raises:
        MatcalcError: the text is no rule.
    """
    rule = _parse(source.read(text), Vocabulary(), "rule")
    return tree.Rule(rule.target, rule.variable, rule.value, text)


def _parse(read: source.Source, vocabulary: Vocabulary, start: str) -> Any:
    # Imported here: printing help or a version needs no parser.
    from matcalc.syntax import complaints
    from matcalc.syntax.lalr import Unexpected
    from matcalc.syntax.language import language
    from matcalc.syntax.tokens import TokenStream

    parser, scanner = language()
    stream = TokenStream(scanner, read, vocabulary)
    try:
        return parser.parse(stream, start)
    except Unexpected as error:
        raise complaints.token(stream.place, error.token, error.actions) from None
    except MatcalcError as error:
        raise error.at(None, read.text) from None
