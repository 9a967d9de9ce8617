"""Kronecker products opened at composite indices, and multiplied."""

import pytest

import matcalc as mc
from matcalc.report import one_line

SQUARE = "A: (n, n); B: (m, m); X, Y: (m, n)"
MAPS = "A: (p, n); B: (q, m); x: n; y: m; c: p q"

FORMS = [
    (f"{SQUARE}; vec(X)' kron(A, B) vec(X)", "X", "B X A' + B' X A"),
    (f"{SQUARE}; vec(X)' kron(A, B) vec(X)", "A", "X' B X"),
    (f"{SQUARE}; ||kron(A, B) vec(X) - vec(Y)||^2", "X", "2 B' (B X A' - Y) A"),
    (f"{SQUARE}; C: (n, n); vec(Y)' kron(A, B) kron(C, B) vec(X)", "X", "(B^2)' Y A C"),
    (f"{MAPS}; c' kron(A, B) kron(x, y)", "x", "(A' ⊗ (y' B')) c"),
    (f"{MAPS}; ||kron(A, B) kron(x, y)||^2", "x", "2 (y' B' B y) (A' A x)"),
]


@pytest.mark.parametrize(("text", "wrt", "form"), FORMS)
def test_form(text: str, wrt: str, form: str) -> None:
    d = mc.diff(text, wrt)
    assert d.expr is not None
    assert one_line(d.expr) == form
    assert d.check().ok


@pytest.mark.parametrize(
    "text",
    [
        f"{MAPS}; X: (m, n); c' kron(A, B) vec(X)",
        f"{SQUARE}; C: (m n, m n); vec(X)' (kron(A, B) + C) vec(X)",
        # The parts of the columns of A ⊗ B are m and n, those of vec(X) n and m.
        "A: (m, m); B: (n, n); X: (m, n); vec(X)' kron(A, B) vec(X)",
    ],
)
def test_what_does_not_open_stays_whole(text: str) -> None:
    d = mc.diff(text, "X")
    assert d.expr is None
    assert len(d.index.terms) == 1
    assert d.check().ok
