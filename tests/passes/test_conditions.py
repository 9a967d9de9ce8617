"""Conditions of validity that come with an answer."""

import pytest

import matcalc as mc

CONDITIONS = [
    ("a' X^-1 b", "X", ["X invertible"]),
    ("logdet(X)", "X", ["det(X) > 0"]),
    ("||x||", "x", ["not differentiable where x = 0"]),
    ("||x||^2", "x", []),
    ("sum(|x|)", "x", ["not differentiable where x = 0 in some entry"]),
    ("||X||_1", "X", ["not differentiable where X = 0 in some entry"]),
    ("s: scalar; abs(s)^2", "s", []),
    ("relu(x)", "x", ["not differentiable where x = 0 in some entry"]),
    ("relu(a)", "a", ["not differentiable where a = 0"]),
    ("1/a", "a", ["a != 0"]),
    ("sum(x ./ y)", "y", ["y != 0 in every entry"]),
    ("a^b", "a", ["a > 0"]),
    ("log(a)", "a", ["a > 0"]),
    ("a: scalar positive; log(a)", "a", []),
    ("sum(log(1 + exp(x)))", "x", []),
    ("x' A x", "x", []),
    ("max(x, y)", "x", ["not differentiable where x = y in some entry"]),
    ("max(0, a)", "a", ["not differentiable where 0 = a"]),
]


#: What a property, or the form of an expression, guarantees is not printed.
GUARANTEED = [
    ("X: (n, n) spd; a' X^-1 b", "X", []),
    ("X: (n, n) spd; logdet(X)", "X", []),
    ("X: (n, n) psd; logdet(X)", "X", ["det(X) > 0"]),
    ("X: (n, n) invertible; a' X^-1 b", "X", []),
    ("X: (n, n) lower_triangular; a' X^-1 b", "X", ["X invertible"]),
    ("logdet(X' X + eye(n))", "X", []),
    ("b' (X' X)^-1 b", "X", ["X' X invertible"]),
    ("log(x' x + 1)", "x", []),
    ("log(x' x)", "x", ["x' x > 0"]),
    ("sqrt(sum(exp(x)))", "x", []),
    ("1 / (1 + x' x)", "x", []),
    ("X: (n, n) orthogonal; ||X||", "X", []),
    ("x: n nonzero; ||x||", "x", []),
    ("x: n nonzero; sum(abs(x))", "x", []),
    ("X: (n, n) invertible; sum(abs(X))", "X", ["not differentiable where X = 0 in some entry"]),
    ("a: scalar nonzero; 1 / a", "a", []),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), CONDITIONS + GUARANTEED)
def test_conditions(f: str, wrt: str, expected: list[str]) -> None:
    assert mc.diff(f, wrt).conditions == expected


def test_arguments_too_long_to_read_are_left_out() -> None:
    text = "x: n; A: (n, n); h0 = x; " + "; ".join(f"h{k + 1} = relu(A h{k})" for k in range(40))
    found = mc.diff(f"{text}; sum(h40)", "x").conditions
    assert found[0] == "not differentiable where A x = 0 in some entry"
    assert found[-1] == "not differentiable where ... = 0 in some entry"
    assert len(found) < 40


def test_the_larger_of_a_number_and_the_entries_of_a_vector() -> None:
    found = mc.diff("max(0, x)", "x").conditions
    assert found[0] == "not differentiable where 0 = x in some entry"
