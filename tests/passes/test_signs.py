"""What is claimed never to be negative, and what is not."""

import pytest

from matcalc import parse
from matcalc.passes.signs import is_nonnegative

DECLARED = "X: (m, n); A: (n, n); S: (n, n) spd; x, y: n; a, b: scalar; p_1: scalar positive;"

NONNEGATIVE = ["x' x", "x' S x", "||x||", "exp(a)", "a^2", "x.^2", "p_1", "p_1 x.^2", "x' x + 1", "sum(abs(x))",
               "x' X' X x", "abs(X)", "sqrt(a)", "relu(x) .* exp(y)"]  # fmt: skip
NOTHING_CLAIMED = ["x' y", "x' A x", "a", "a^3", "x", "X", "log(a)", "1 - x' x", "tr(A)", "-(x' x)", "a p_1",
                   "x' S y", "tanh(x)"]  # fmt: skip


@pytest.mark.parametrize("text", NONNEGATIVE)
def test_nonnegative(text: str) -> None:
    assert is_nonnegative(parse(DECLARED + text))


@pytest.mark.parametrize("text", NOTHING_CLAIMED)
def test_nothing_is_claimed(text: str) -> None:
    assert not is_nonnegative(parse(DECLARED + text))
