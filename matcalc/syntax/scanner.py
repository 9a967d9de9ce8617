"""From text to raw terminals, in the context that the parser is in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from matcalc.syntax.tables import Actions, Tables


class Scanner:
    """Finds the terminal at a place of a text, among those that the parser can take there."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.ignored = tables.ignored
        self._all = _one_of(tables.terminals)
        self._narrow: dict[int, re.Pattern[str]] = {}

    def match(self, text: str, position: int, state: int) -> tuple[re.Match[str] | None, bool]:
        """The terminal at this place, and whether the parser can take it.

        If the first of all terminals that fit is accepted, then it is also the first of those that are
        accepted; so a pattern for this state alone is needed for few texts only.
        """
        found = self._all.match(text, position)
        if found is None or self._accepts(state, found.lastgroup or ""):
            return found, True
        if state not in self._narrow:
            terminals = self._tables.terminals
            self._narrow[state] = _one_of([t for t in terminals if self._accepts(state, t[0])])
        narrow = self._narrow[state].match(text, position)
        return narrow or found, narrow is not None

    def actions(self, state: int) -> Actions:
        """What the parser can do in a state."""
        return self._tables.states[state]

    def _accepts(self, state: int, terminal: str) -> bool:
        tables = self._tables
        return (
            terminal in tables.states[state]
            or terminal in tables.always
            or terminal in tables.ignored
        )


def _one_of(terminals: Iterable[tuple[str, str]]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in terminals))
