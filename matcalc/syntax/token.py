"""A piece of the text with its kind and its place."""

from __future__ import annotations

from typing import Self


class Token(str):
    """What was read, as a string.

    Attributes:
        type: the terminal of the grammar.
        value: what it stands for, such as the normal form of a name; else what was read.
        start_pos: where it begins in the text as typed.
        end_pos: where it ends.
    """

    __slots__ = ("end_pos", "start_pos", "type", "value")

    type: str
    value: str
    start_pos: int
    end_pos: int

    def __new__(cls, type: str, text: str, start_pos: int, end_pos: int) -> Self:
        """A token that stands for itself."""
        token = super().__new__(cls, text)
        token.type = type
        token.value = text
        token.start_pos = start_pos
        token.end_pos = end_pos
        return token
