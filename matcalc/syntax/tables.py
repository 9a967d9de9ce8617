"""The compiled grammar: what the scanner and the parser look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: To be raised with every change of what is made of a grammar: cached tables are then made anew.
FORMAT = 1
#: What a text can be read as: rules of the grammar.
STARTS = ("program", "rule")
#: The terminals that are read in every state: those that TokenStream relabels, and others that are to
#: be seen whole where they are misplaced, ``a^b**c``.
ALWAYS = ("WORD", "DERIVED", "BARS", "BAR", "SEPARATOR", "POWER", "POINT_POWER", "_ARROW")


class Rule(NamedTuple):
    """One expansion of a rule of the grammar, and what becomes of its children.

    Attributes:
        origin: the rule.
        size: how many symbols the expansion has.
        callback: the method that makes a node of the children; empty where they are handed on.
        kept: the symbols that are children, and whether their children take their place.
        single: whether a child that is alone takes the place of the node.
    """

    origin: str
    size: int
    callback: str
    kept: tuple[tuple[int, bool], ...]
    single: bool


#: By symbol: the next state, or, below 0, the complement of the number of the rule to reduce by.
Actions = Mapping[str, int]


class Tables(NamedTuple):
    """A grammar, compiled.

    Attributes:
        terminals: name and regular expression, those first that are tried first.
        ignored: the terminals that are dropped.
        always: the terminals that are read in every state, accepted or not.
        rules: by number.
        states: the actions of the parser, by state.
        starts: the first state, by the rule that the text is read as.
        ends: the state in which all of the text is read, likewise.
    """

    terminals: tuple[tuple[str, str], ...]
    ignored: frozenset[str]
    always: frozenset[str]
    rules: tuple[Rule, ...]
    states: tuple[Actions, ...]
    starts: Mapping[str, int]
    ends: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The tables in what JSON can say."""
        return {**self._asdict(), "ignored": sorted(self.ignored), "always": sorted(self.always)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tables:
        """The tables that ``as_json`` was called on."""
        return cls(
            terminals=data["terminals"],
            ignored=frozenset(data["ignored"]),
            always=frozenset(data["always"]),
            rules=tuple(Rule(*rule) for rule in data["rules"]),
            states=data["states"],
            starts=data["starts"],
            ends=data["ends"],
        )
