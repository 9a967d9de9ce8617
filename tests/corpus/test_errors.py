"""Malformed, ill-shaped, ambiguous and unsupported texts, each with its exact message.

Blocks of ``errors.txt`` are separated by lines ``----``; in a block the text, a line ``=>``, the message.
"""

from pathlib import Path

import pytest

from matcalc.errors import MatcalcError
from matcalc.passes.elaborate import parse

BLOCKS = [
    block.split("\n=>\n")
    for block in Path(__file__)
    .with_name("errors.txt")
    .read_text(encoding="utf-8")
    .split("\n----\n")
]


def test_there_are_many() -> None:
    assert len({text for text, _ in BLOCKS}) >= 60


@pytest.mark.parametrize(("text", "message"), BLOCKS, ids=[text for text, _ in BLOCKS])
def test_message(text: str, message: str) -> None:
    with pytest.raises(MatcalcError) as caught:
        parse(text)
    assert str(caught.value) == message.rstrip("\n")
