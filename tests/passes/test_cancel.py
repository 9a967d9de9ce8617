"""Products distributed over quotients: only where something cancels, only if it gets shorter."""

import pytest

from matcalc import parse
from matcalc.backends.text import format_expr
from matcalc.passes.simplify import simplify

DECLARED = "s, x, y: n; a, b: scalar;"

CANCELLED = [
    ("s .* (1 - s) .* (y ./ s - (1 - y) ./ (1 - s))", "y - s"),
    ("s .* (y ./ s + x ./ s)", "y + x"),
    ("a (1/a + b/a)", "1 + b"),
    ("s .* (y ./ s + x)", "y + s .* x"),
]

KEPT = ["s .* (x + y)", "s .* (x ./ y + y)", "(x + y) .* (x - y)"]


@pytest.mark.parametrize(("written", "expected"), CANCELLED)
def test_cancelled(written: str, expected: str) -> None:
    assert format_expr(simplify(parse(DECLARED + written))) == expected


@pytest.mark.parametrize("written", KEPT)
def test_kept(written: str) -> None:
    assert format_expr(simplify(parse(DECLARED + written))) == written
