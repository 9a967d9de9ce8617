"""Truncated Taylor arithmetic against SymPy's derivatives of the whole expression."""

import pytest
import sympy

from matcalc.backends.sympy_numbers import Numbers, UnsuitablePointError
from matcalc.backends.sympy_taylor import Taylor

STEPS = s, t = sympy.symbols("s t", real=True)


def derivative_at_zero(entry, by):
    return Numbers({s: sympy.S.Zero, t: sympy.S.Zero}).evaluate(entry.diff(*by) if by else entry)


@pytest.mark.parametrize(
    "entry",
    [
        sympy.S(7),
        3 + 2 * s,
        (1 + s) * (2 - t) * (s + t),
        (2 + s - 3 * t) ** 5,
        (2 + s - 3 * t) ** -3,
        (1 + s + s * t) / (3 - t + s**2),
        sympy.exp(s) * sympy.sin(1 + s * t + t),
        sympy.sqrt(2 + s) ** 3 / (1 + sympy.tanh(t)),
        (2 + s) ** (1 + t),
        sympy.Abs(s - 2) * sympy.Heaviside(1 + t, sympy.Rational(1, 2)),
        (s + t) ** 3,
    ],
    ids=str,
)
def test_the_coefficient_of_the_steps_is_the_derivative_by_them(entry):
    wanted = derivative_at_zero(entry, STEPS)
    assert abs(Taylor(STEPS).last_coefficient(entry) - wanted) < 1e-50
    truncated = Taylor(STEPS).truncate(sympy.Matrix([[entry]]))[0]
    assert all(degree <= 1 for degree in sympy.Poly(truncated, s, t).degree_list())
    for by in [(), (s,), (t,), STEPS]:
        assert abs(derivative_at_zero(truncated, by) - derivative_at_zero(entry, by)) < 1e-50


def test_without_steps_an_entry_is_a_number():
    assert Taylor(()).last_coefficient(sympy.Rational(1, 3) ** 2) == sympy.Rational(1, 9)


@pytest.mark.parametrize("entry", [1 / s, (s - t) ** -2, sympy.sqrt(s - 1), sympy.sign(s)], ids=str)
def test_where_there_is_no_derivative_the_point_does_not_suit(entry):
    with pytest.raises(UnsuitablePointError):
        Taylor(STEPS).last_coefficient(entry)
