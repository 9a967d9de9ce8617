"""Functions of matrices and their Fréchet derivatives: forms, and values against block matrices."""

import numpy as np
import pytest
import scipy.linalg

import matcalc as mc
from matcalc.report import one_line
from tests.reference import assert_close, generator


@pytest.mark.parametrize(
    ("text", "wrt", "answer"),
    [
        ("tr(expm(X))", "X", "expm(X)'"),
        ("tr(sinm(X))", "X", "cosm(X)'"),
        ("tr(cosm(X))", "X", "-sinm(X)'"),
        ("tr(X^k)", "X", "k (X^(k - 1))'"),
        ("tr(X^-k)", "X", "-k ((X^-1)^(k + 1))'"),
        ("tr((X' X)^k)", "X", "2 k X (X' X)^(k - 1)"),
        ("det(X^k)", "X", "k det(X^k) X^-T"),
        ("tr(expm(X' X))", "X", "2 X expm(X' X)"),
        ("tr(X expm(X))", "X", "(expm(X) + X expm(X))'"),
        ("y' expm(X) x", "X", "expm_frechet(X', y x')"),
        ("tr(A cosm(X))", "X", "cosm_frechet(X', A')"),
        ("y' X^k x", "X", "matpow_frechet(X', k, y x')"),
        ("t: scalar; expm(t A) x", "t", "expm(t A) A x"),
        ("t: scalar; y' expm(t A) x", "t", "y' expm(t A) A x"),
        ("t: scalar; tr(B expm(t A + I))", "t", "tr(A B expm(t A + I))"),
        ("t: scalar; cosm(t A) x", "t", "-sinm(t A) A x"),
        ("t: scalar; expm(A + t B) x", "t", "expm_frechet(A + t B, B) x"),
        ("expm_frechet(X, E) x", "x", "expm_frechet(X, E)"),
        ("a: scalar; expm(a)", "a", "exp(a)"),
    ],
)
def test_matrix_form(text, wrt, answer):
    d = mc.diff(text, wrt)
    assert one_line(d.expr) == answer
    assert d.check().ok


def test_kronecker_form():
    d = mc.diff("A expm(X) B", "X")
    assert one_line(d.arranged.vec) == "(B' ⊗ A) expm_kronecker(X)"
    assert d.check().ok


def test_second_derivative_under_a_trace():
    d = mc.diff("tr(X^k)", "X", order=2)
    assert one_line(d.arranged.vec) == "k commutation(n, n) matpow_kronecker(X, k - 1)"
    assert d.check().ok


@pytest.mark.parametrize("name", ["expm", "sinm", "cosm"])
def test_value_of_the_frechet_derivative(name):
    rng = generator(name)
    X, E = rng.standard_normal((2, 3, 3))
    function = getattr(scipy.linalg, name)
    expected = function(np.block([[X, E], [np.zeros((3, 3)), X]]))[:3, 3:]
    found = mc.diff(f"t: scalar; {name}(X + t E)", "t").function()(X=X, E=E, t=0.0)
    assert_close(found, expected, rtol=1e-12)


def test_a_power_counts():
    d = mc.diff("tr(X^k)", "X")
    X = generator("power").standard_normal((3, 3))
    assert_close(d.function()(X=X, k=5), 5 * np.linalg.matrix_power(X, 4).T, rtol=1e-12)
    assert d.variables == {"X": ("n", "n")}
    assert d.notes == ["k is read as a whole number"]


def test_a_declared_exponent_counts():
    d = mc.diff("tr(X^k)", "X", shapes={"X": ("n", "n"), "k": ()})
    assert one_line(d.expr) == "k (X^(k - 1))'"


def test_no_derivative_by_an_exponent():
    with pytest.raises(mc.MatcalcError, match="k is a size, and derivatives are by variables"):
        mc.diff("tr(X^k)", "k")
