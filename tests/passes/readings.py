"""Readings as short strings, for tests."""

from matcalc.core.dim import Shape
from matcalc.passes.elaborate import Reading, parse


def shapes(text: str, **arguments: object) -> dict[str, str]:
    """The shape of every variable of a text: ``scalar``, ``n``, ``1 x n``, ``m x n``."""
    return {name: short(s.shape) for name, s in read(text, **arguments).variables.items()}


def short(shape: Shape) -> str:
    """A shape in a few characters."""
    rows, columns = shape
    if columns.is_unit:
        return "scalar" if rows.is_unit else str(rows)
    return f"{rows} x {columns}"


def read(text: str, **arguments: object) -> Reading:
    """A reading."""
    return parse(text, **arguments)
