"""Axes of size 1, rows, and derivatives that vanish: where an axis too many or too few would show."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function, generate
from matcalc.core.expr import Expr, symbols
from matcalc.core.index import IndexExpr
from tests.reference import assert_close, finite_difference, generator

SIZES = {"m": 2, "n": 3}

CASES = [
    ("A: (1, 1); x: 1; x' A x", "x"),
    ("A: (1, 1); A^-1", "A"),
    ("X: (1, 1); det(X)", "X"),
    ("X: (1, 1); logdet(X)", "X"),
    ("X: (1, 1); X^3", "X"),
    ("x: 1; diag(x)", "x"),
    ("X: (1, 3); X X'", "X"),
    ("X: (3, 1); X X'", "X"),
    ("X: (1, 3); tr(X' X)", "X"),
    ("X: (1, 3); kron(X, X)", "X"),
    ("X: (1, 3); vec(X)", "X"),
    ("X: (1, 3); sum(X, 2)", "X"),
    ("X: (3, 1); mean(X)", "X"),
    ("X: (1, 3); pinv(X)", "X"),
    ("X: (1, 3); softmax(X, 1)", "X"),
    ("X: (1, 3); softmax(X, 2)", "X"),
    ("X: (1, 3); logsumexp(X, 1)", "X"),
    ("A: (2, 1); B: (1, 4); A B", "B"),
    ("r: (1, n); A: (n, m); r A", "r"),
    ("r: (1, n); A: (n, m); r A", "A"),
    ("r: (1, n); softmax(r')", "r"),
    ("x: n; y: m; x y'", "y"),
    ("A: (m, n); x: n; A x", "x"),
    ("A: (m, n); x: n; y: m; 0 (y' A x)", "A"),
    ("x: n; sign(x)", "x"),
]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_unit_axes(text: str, wrt: str, order: int) -> None:
    f = mc.parse(text)
    before: Expr | IndexExpr = f
    if order == 2:
        before = mc.diff(text, wrt, layout="tensor").index
    answer = mc.diff(text, wrt, layout="tensor", order=order)
    arrays = {
        name: generator(text, name).uniform(
            0.5, 1.5, [SIZES.get(str(d), d) for d in dims if d != 1]
        )
        for name, dims in answer.variables.items()
    }

    def value(e: Expr | IndexExpr, moved: np.ndarray) -> np.ndarray:
        sizes = {k: SIZES[v] for k, v in generate(e, variables=symbols(f)).sizes.items()}
        return compile_function(e, variables=symbols(f))(**arrays | {wrt: moved}, **sizes)

    reference = finite_difference(lambda x: value(before, x), arrays[wrt])
    found = value(answer.index, arrays[wrt])
    assert found.shape == reference.shape
    assert_close(found, reference, rtol=1e-6)
