"""The parser: shifts and reductions by the tables of the grammar, callbacks at every reduction.

Lark compiles the grammar and could run it; loading Lark takes longer than all that is to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from matcalc.syntax.tables import Actions, Rule, Tables
from matcalc.syntax.token import Token


class Unexpected(Exception):
    """A token that cannot stand where it stands.

    Attributes:
        token: the token; ``$END`` is the end of the text.
        actions: what the parser could do instead, by symbol.
    """

    def __init__(self, token: Token, actions: Actions) -> None:
        super().__init__(token.type)
        self.token = token
        self.actions = actions


class Tokens(Protocol):
    """Where tokens come from."""

    def lex(self, states: list[int]) -> Iterator[Token]:
        """Tokens, one at a time: between any two the parser changes its stack of states."""


class Parser:
    """A grammar and the callbacks for its rules, which are the methods of the rules' names."""

    def __init__(self, tables: Tables, callbacks: object) -> None:
        self.tables = tables
        self._reductions = [_reduction(rule, callbacks) for rule in tables.rules]

    def parse(self, tokens: Tokens, start: str) -> Any:
        """What the callbacks make of all tokens, read as the rule ``start``.

        Raises:
            Unexpected: a token that the grammar does not allow here.
        """
        states = [self.tables.starts[start]]
        values: list[Any] = []
        last = Token("", "", 0, 0)
        for token in tokens.lex(states):
            self._reduce(states, values, token)
            states.append(self.tables.states[states[-1]][token.type])
            values.append(token)
            last = token
        end = Token("$END", "", last.start_pos, last.end_pos)
        self._reduce(states, values, end, self.tables.ends[start])
        return values[-1]

    def _reduce(
        self, states: list[int], values: list[Any], token: Token, end: int | None = None
    ) -> None:
        """Reduce until the token can be shifted, or until the state ``end`` is reached."""
        table = self.tables.states
        while states[-1] != end:
            actions = table[states[-1]]
            action = actions.get(token.type)
            if action is None:
                raise Unexpected(token, actions)
            if action >= 0:
                return
            rule, make = self.tables.rules[~action], self._reductions[~action]
            first = len(values) - rule.size
            children = values[first:]
            del states[first + 1 :], values[first:]
            values.append(make(children))
            states.append(table[states[-1]][rule.origin])


def _reduction(rule: Rule, callbacks: object) -> Callable[[list[Any]], Any]:
    """From the values of all symbols to the value of the rule."""
    kept, single = rule.kept, rule.single
    make: Callable[[list[Any]], Any] | None = (
        getattr(callbacks, rule.callback) if rule.callback else None
    )

    def reduce(symbols: list[Any]) -> Any:
        children: list[Any] = []
        for place, inlined in kept:
            if not inlined:
                children.append(symbols[place])
            elif children:
                children += symbols[place]
            else:  # without a copy: a list that grows from the left takes linear time
                children = symbols[place]
        if single and len(children) == 1:
            return children[0]
        return children if make is None else make(children)

    return reduce
