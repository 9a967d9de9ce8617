"""What the code of operators holds, and what it computes."""

import numpy as np
import pytest

import matcalc as mc
from tests.codegen.operators import REGULAR, problem


def test_the_core_is_all_that_is_held():
    d, arrays, _ = problem(*REGULAR["matrix factorisation"][:3])
    assert repr(d.operator()(**arrays)) == "<operator of shape (12, 12), core (3, 3)>"
    many = d.operator()(T=np.ones((1000, 5)), V=arrays["V"])
    assert repr(many) == "<operator of shape (3000, 3000), core (3, 3)>"
    assert many.solve(np.ones((1000, 3))).shape == (1000, 3)


def test_the_matrix_is_not_formed_for_a_product():
    d = mc.diff(*REGULAR["logistic regression"][:2], order=2)
    H = d.operator()(X=np.ones((3, 20_000)), w=np.zeros(20_000))
    np.testing.assert_allclose(H @ np.ones(20_000), np.full(20_000, 15_000.0))


def test_the_source():
    d = mc.diff("norm2(T - U V')^2", "U", order=2)
    lines = [line.strip() for line in d.operator().source.splitlines()]
    assert [line for line in lines if line.startswith(("def ", "return "))] == [
        "def core(V):",
        "return V.T @ V",
        "def matvec(c1, v):",
        "return 2 * (v @ c1)",
        "def diagonal(c1, m):",
        "return t1.T",
        "def todense(c1, m):",
        "return t1",
        "def solve(c1, g):",
        "return 0.5 * t2.T",
    ]
    assert lines.count("import numpy as np") == 1


@pytest.mark.parametrize(
    ("text", "wrt", "diagonal"),
    [
        ("a' inv(X) b", "X", "return (2 * c1 * np.outer(c2, c3).T).T"),
        ("1/2 x' A x", "x", 'return np.einsum("ii->i", A)'),
        ("det(X)", "X", "return np.zeros((n, n), dtype=dtype)"),
    ],
)
def test_terms_of_a_diagonal_that_are_alike_are_one(text, wrt, diagonal):
    source = mc.diff(text, wrt, order=2).operator().source
    function = source.partition("def diagonal(")[2].partition("\n\n\n")[0]
    assert function.splitlines()[-1].strip() == diagonal
