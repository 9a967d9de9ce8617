"""Conditions of validity that come with an answer."""

import pytest

import matcalc as mc

CONDITIONS = [
    ("a' X^-1 b", "X", ["X invertible"]),
    ("logdet(X)", "X", ["det(X) > 0", "X invertible"]),
    ("||x||", "x", ["not differentiable where x = 0"]),
    ("1/a", "a", ["a != 0"]),
    ("a^b", "a", ["a > 0"]),
    ("relu(x)", "x", ["not differentiable where x = 0"]),
    ("x' A x", "x", []),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), CONDITIONS)
def test_conditions(f: str, wrt: str, expected: list[str]) -> None:
    found = mc.diff(f, wrt).conditions
    assert [c for c in found if c in expected] == expected
    assert bool(found) == bool(expected)
