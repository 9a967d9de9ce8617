"""Symmetry found by comparing an expression with its own transpose."""

import pytest

from matcalc import parse
from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Symbol
from matcalc.ops import REGISTRY
from matcalc.ops.structural import ADD, MATMUL, TRANSPOSE
from matcalc.passes.properties import is_skew, is_symmetric

DECLARED = "A, B: (n, n); S: (n, n) symmetric; K: (n, n) skew; D: (n, n) diagonal; x: n; X: (n, m);"

SYMMETRIC = ["S", "D", "A + A'", "A' + A", "A' A", "A' S A", "(A' S A)^-1", "x x'", "S S", "eye(n)",
             "diag(x)", "S + A A'", "S .* (A + A')", "exp(S)", "kron(S, D)", "ones(n, n)", "S^3",
             "K K", "X X'"]  # fmt: skip
SKEW = ["K", "A - A'", "A' K A", "2 K"]
NEITHER = ["A", "S A", "A B", "K + S", "X X' A"]


@pytest.mark.parametrize("text", SYMMETRIC)
def test_symmetric(text: str) -> None:
    assert is_symmetric(parse(DECLARED + text))


@pytest.mark.parametrize("text", SKEW)
def test_skew(text: str) -> None:
    assert is_skew(parse(DECLARED + text))
    assert not is_symmetric(parse(DECLARED + text))


@pytest.mark.parametrize("text", NEITHER)
def test_neither(text: str) -> None:
    e = parse(DECLARED + text)
    assert not is_symmetric(e)
    assert not is_skew(e)


def test_deep_networks_of_square_layers_cost_one_visit_a_node() -> None:
    n = Dim.of("n")
    h: Expr = Symbol("X", (n, n))
    for layer in range(2000):
        h = REGISTRY["tanh"](MATMUL(Symbol(f"W{layer}", (n, n)), h))
    assert not is_symmetric(h)
    assert is_symmetric(ADD(h, TRANSPOSE(h)))
