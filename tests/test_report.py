"""Reports: names for what is repeated, one for each thing, and the same in text and in LaTeX."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function
from matcalc.core.index import IndexExpr
from matcalc.report import index_line
from tests.reference import assert_close, distinct_sizes, generator

SOFTMAX = "X: (m, n); softmax(X, 1)"


def test_a_name_means_one_thing_in_all_equations() -> None:
    lines = str(mc.diff(SOFTMAX, "X")).splitlines()
    assert [line for line in lines if "=" in line or "->" in line] == [
        "f = softmax(X, 1)    X: (m, n)",
        "∂f/∂X = D",
        "  D[i,j,k,l] = δ[j,l] δ[i,k] t1[i,j] - δ[j,l] t1[i,j] t1[k,j]",
        "    where t1 = softmax(X, 1)",
        "  ∂vec(f)/∂vec(X)' = t2 - t2 (I ⊗ ones(m, m)) t2",
        "    where t2 = diag(vec(t1))",
        "  df: dX -> dX .* t1 - t1 ((t1' dX) .* I)",
    ]


def test_latex_defines_every_name_once() -> None:
    latex = mc.diff(SOFTMAX, "X").latex()
    assert r"D_{ijkl} &= \delta_{jl} \delta_{ik} {t_{1}}_{ij}" in latex.replace(
        "[t_{1}]", "{t_{1}}"
    )
    for name in ("t_{1}", "t_{2}"):
        assert latex.count(f"{name} &= ") == 1


def test_names_of_the_function_are_used_in_the_answer() -> None:
    printed = str(mc.diff("(A x - b)' C (A x - b) + exp(||A x - b||^2)", "x"))
    assert printed.count("where t1 = A x - b") == 1


#: Text, variable, order.
INDEX_FORMS = [
    (SOFTMAX, "X", 1),
    ("Q: (m, k); K: (n, k); V: (n, p); softmax(Q K', 2) V", "Q", 1),
    ("sum(log(1 + exp(X w)))", "w", 3),
    ("U: (p, m); V: (m, n); U tanh(V tanh(W x))", "W", 1),
    ("1 / ||x||", "x", 3),
]


@pytest.mark.parametrize(("text", "wrt", "order"), INDEX_FORMS)
def test_index_forms_are_read_back(text: str, wrt: str, order: int) -> None:
    """The index form with its definitions is a text of the language, and means the same array."""
    d = mc.diff(text, wrt, order=order)
    declared = "; ".join(f"{s.name}: ({', '.join(map(str, s.axes))})" for s in d.symbols.values())
    read = mc.diff(f"{declared}; {index_line(d)}", wrt).f
    assert isinstance(read, IndexExpr)
    symbols = list(d.symbols.values())
    sizes = distinct_sizes(d.size_names)
    rng = generator(text)
    arrays = {s.name: rng.standard_normal([dim.evaluate(sizes) for dim in s.axes]) for s in symbols}
    printed, meant = (
        np.asarray(compile_function(ix, "numpy", doc="D.", variables=symbols)(**arrays))
        for ix in (read, d.index)
    )
    assert_close(printed, meant, 1e-12)
