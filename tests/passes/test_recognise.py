"""Index notation folded into matrix form: what can be folded, and what cannot."""

import pytest

from matcalc import parse
from matcalc.backends.text import format_expr
from matcalc.passes.elaborate import parse as elaborate

#: A, B: m x n and n x p; S, T: n x n; x, y: n; u: m.
SHAPES = {
    "A": ("m", "n"),
    "B": ("n", "p"),
    "C": ("m", "n"),
    "S": ("n", "n"),
    "T": ("n", "n"),
    "x": "n",
    "y": "n",
    "u": "m",
}

FOLDED = [
    ("f[i] = A[i,j] x[j]", "A x"),
    ("f[j] = A[i,j] u[i]", "A' u"),
    ("f[i,k] = A[i,j] B[j,k]", "A B"),
    ("f[k,i] = A[i,j] B[j,k]", "B' A'"),
    ("f[i,j] = u[i] x[j]", "u x'"),
    ("f[i] = x[i] y[i]", "x .* y"),
    ("f[i,j] = A[i,j] C[i,j]", "A .* C"),
    ("f[i,j] = S[i,j] T[j,i]", "S .* T'"),
    ("f[i,j] = u[i] A[i,j]", "diag(u) A"),
    ("f[i,j] = u[i] A[i,j] x[j]", "diag(u) A diag(x)"),
    ("f[i,k] = A[i,j] x[j] B[j,k]", "A diag(x) B"),
    ("f[i] = S[i,i]", "diag(S)"),
    ("f[i] = S[i,j] T[j,i]", "diag(S T)"),
    ("f[i] = A[i,j]", "A ones(n)"),
    ("f[i,j] = x[i] δ[i,j]", "diag(x)"),
    ("f[i,j] = S[i,i] δ[i,j]", "S .* I"),
    ("S[i,i]", "tr(S)"),
    ("S[i,j] T[j,i]", "tr(S T)"),
    ("S[i,j] T[i,j]", "tr(S T')"),
    ("u[i] A[i,j] x[j]", "u' A x"),
    ("x[i] y[i]", "x' y"),
    ("x[i] x[i] + y[j] y[j]", "x' x + y' y"),
    ("f[i] = x[i] y[j] y[j]", "(y' y) x"),
]


@pytest.mark.parametrize(("written", "expected"), FOLDED)
def test_folded(written: str, expected: str) -> None:
    assert format_expr(parse(written, shapes=SHAPES)) == expected


def test_three_matrices_at_one_index_have_no_matrix_form() -> None:
    reading = elaborate("f[i,j,k] = A[i,l] C[j,l] B[l,k]", SHAPES)
    assert reading.index is not None
    assert len(reading.index.free) == 3
