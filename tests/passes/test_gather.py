"""Arrays with many axes: sums opened and terms joined, with the same entries as before."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.backends.text import format_index
from matcalc.codegen.generate import compile_function
from matcalc.passes.gather import gather
from tests.reference import assert_close, distinct_sizes, generator

#: Index notation; what it becomes.
FORMS = [
    ("f[i,j,k] = A[i,j] x[k] + A[j,i] x[k]", "(A + A')[i,j] x[k]"),
    ("f[i,j,k] = 2 A[i,j] x[k] + 2 B[i,j] x[k]", "2 (A + B)[i,j] x[k]"),
    ("f[i,j,k] = A[i,j] (x + y)[k] - A[i,j] y[k]", "A[i,j] x[k]"),
    ("f[i,j,k] = (x' x) A[i,j] x[k] + (y' y) A[i,j] x[k]", "(x' x + y' y) A[i,j] x[k]"),
    ("f[i,j,k] = A[i,j] x[k] - B[i,j] x[k] + (B - A)[i,k] y[j]", "(A - B)[i,j] x[k] - (A - B)[i,k] y[j]"),
    # A sum of vectors stays, unless like terms meet without it.
    ("f[i,j,k] = A[i,j] (x + y)[k]", "A[i,j] (x + y)[k]"),
    ("f[i,j,k] = x[i] x[j] (A x + 2 y)[k] - 2 x[i] x[j] y[k] + x[i] x[k] (A x)[j]", "x[i] x[j] (A x)[k] + x[i] x[k] (A x)[j]"),
    # The same with a bound index.
    ("f[i,j,k] = A[l,i] A[l,j] A[l,k] x[l] + A[l,i] A[l,j] A[l,k] y[l]", "A[l,i] A[l,j] A[l,k] (x + y)[l]"),
    # A sum with a term whose indices stand apart hides like terms.
    ("f[i,j,k] = (A + x y')[i,j] x[k] - x[i] y[j] x[k]", "x[k] A[i,j]"),
    ("f[i,j,k] = (A + eye(n))[i,j] x[k] - δ[i,j] x[k]", "x[k] A[i,j]"),
    ("f[i,j,k] = (diag(x) A)[i,j] A[i,k] - x[i] A[i,j] A[i,k]", "0"),
    ("f[i,j,k] = (A diag(x))[i,j] A[k,j] - x[j] A[i,j] A[k,j]", "0"),
    # Terms that differ in two factors, or in a delta, stay.
    ("f[i,j,k] = A[i,j] x[k] + B[i,j] y[k]", "A[i,j] x[k] + B[i,j] y[k]"),
    ("f[i,j,k] = A[i,j] x[k] + δ[i,j] x[k]", "A[i,j] x[k] + δ[i,j] x[k]"),
    ("f[i,j,k] = x[i] A[j,k] + x[j] A[i,k]", "x[i] A[j,k] + x[j] A[i,k]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_form_and_entries(text: str, expected: str) -> None:
    declared = "A, B: (n, n); x, y: n"
    f = mc.diff(f"{declared}; {text}", "A", order=1).f
    gathered = gather(f)
    assert format_index(gathered) == expected
    symbols = list(mc.diff(f"{declared}; {text}", "A").symbols.values())
    sizes = distinct_sizes(["n"])
    rng = generator(text)
    arrays = {s.name: rng.standard_normal([dim.evaluate(sizes) for dim in s.axes]) for s in symbols}
    before, after = (
        compile_function(ix, "numpy", doc="f.", variables=symbols)(**arrays) for ix in (f, gathered)
    )
    assert_close(np.asarray(after), np.asarray(before), 1e-12)


def test_many_like_terms_are_joined_at_once() -> None:
    terms = " + ".join(f"A_{k}[i,j] x[k]" for k in range(200))
    f = mc.diff(f"f[i,j,k] = {terms}", "x").f
    assert len(gather(f).terms) == 1
