"""Vec forms of terms with composite axes: as printed, and against the array that they flatten."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function
from matcalc.report import one_line
from tests.reference import assert_close, distinct_sizes, generator, sample

NETWORK = "X: (m, n); W: (n, p)"
ATTENTION = "d: scalar; Q: (m, k); K: (n, k); V: (n, p); softmax(Q K' / sqrt(d), 2) V"
MASKED = "U: (m, k); V: (n, k); M, X: (m, n); ||M .* (X - U V')||^2"

#: Text, variable, order; ∂vec/∂vec'.
FORMS = [
    # Rows in another order than that of the factors.
    ("X: (m, n); Y: (p, q); kron(X, Y)", "X", 1, "(I ⊗ commutation(q, m) ⊗ I) (I ⊗ vec(Y))"),
    ("X: (m, n); Y: (p, q); kron(X, Y)", "Y", 1, "(commutation(n, q) ⊗ I) (I ⊗ vec(X) ⊗ I)"),
    ("X: (m, n); X'", "X", 1, "commutation(m, n)"),
    # Three deltas at one index.
    ("diag(x)", "x", 1, "diag(vec(I)) (ones(n) ⊗ I)"),
    ("x: m; diag(x) A", "x", 1, "diag(vec(A)) (ones(n) ⊗ I)"),
    # Weights of the rows and columns.
    ("A: (n, n); diag(A' A)", "A", 1, "2 (I ⊗ ones(1, n)) diag(vec(A))"),
    (f"{NETWORK}; logsumexp(X W, 2)", "X", 1, "(ones(1, n) ⊗ I) diag(vec(softmax(X W, 2) W'))"),
    ("X: (m, n); softmax(X, 1)", "X", 1, "t1 = diag(vec(softmax(X, 1))); t1 - t1 (I ⊗ ones(m, m)) t1"),
    # Products through two indices.
    (MASKED, "U", 2, "2 (V' ⊗ I) diag(vec(M.^2)) (V ⊗ I)"),
    ("Q: (m, k); K: (n, k); V: (n, p); softmax(Q K', 2) V", "Q", 1,
     "t1 = softmax(Q K', 2); (V' ⊗ I) diag(vec(t1)) (K ⊗ I) - diag(vec(t1 V)) (ones(p, k) ⊗ I) diag(vec(t1 K))"),
    # Hadamard products.
    (f"{NETWORK}; logsumexp(X W, 2)", "W", 1, "(softmax(X W, 2) ⊗ ones(1, n)) .* (ones(1, p) ⊗ X)"),
    ("sum(exp(X w))", "w", 3, "((ones(1, n) ⊗ X) .* (X ⊗ ones(1, n)))' diag(exp(X w)) X"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "order", "form"), FORMS)
def test_form(text: str, wrt: str, order: int, form: str) -> None:
    d = mc.diff(text, wrt, order=order, layout="vec")
    assert d.expr is not None
    assert one_line(d.expr) == form


#: Longer forms, whose values count.
VALUES = [
    *(case[:3] for case in FORMS),
    # Regression: the delta between the two rows was lost.
    ("X: (n, n); exp(X) .* eye(n)", "X", 1),
    ("X: (m, n); kron(X, X)", "X", 1),
    ("X: (m, n); kron(X, X, X)", "X", 1),
    ("x: m; kron(diag(x), A)", "x", 1),
    ("A: (m, m); X: (m, n); diag(X' A X)", "X", 1),
    ("X: (m, n); softmax(X, 2)", "X", 1),
    (ATTENTION, "Q", 1),
    (ATTENTION, "K", 1),
    (MASKED, "V", 2),
    (f"{NETWORK}; sum(logsumexp(X W, 2))", "W", 2),
    (f"{NETWORK}; sum(logsumexp(X W, 2))", "X", 2),
    ("softmax(A x)", "x", 2),
    ("logsumexp(x)", "x", 3),
    ("X^-1", "X", 2),
    ("X^-1", "X", 3),
    ("X: (m, n); X X' X", "X", 2),
]


@pytest.mark.parametrize(("text", "wrt", "order"), VALUES)
def test_value_is_the_array_flattened(text: str, wrt: str, order: int) -> None:
    """Column-major: of the axes of each side the first varies fastest."""
    tensor = mc.diff(text, wrt, order=order, layout="tensor")
    vec = mc.diff(text, wrt, order=order, layout="vec")
    assert vec.expr is not None
    symbols = list(tensor.symbols.values())
    sizes = distinct_sizes(tensor.size_names)
    rng = generator(text)
    arrays = {s.name: abs(sample(rng, [dim.evaluate(sizes) for dim in s.axes])) for s in symbols}
    array, matrix = (
        np.asarray(compile_function(e, "numpy", doc="f.", variables=symbols)(**arrays))
        for e in (tensor.index, vec.expr)
    )
    cut = array.ndim - len(tensor.wrt.axes)
    rows, columns = np.prod(array.shape[:cut], dtype=int), np.prod(array.shape[cut:], dtype=int)
    flat = array.transpose([*reversed(range(cut)), *reversed(range(cut, array.ndim))])
    assert_close(matrix.reshape(rows, columns), flat.reshape(rows, columns), 1e-10)


#: A matrix or vector of composite axes between Kronecker products.
THROUGH = [
    ("B: (m n, m n); a: m; x: n; kron(a, x)' B kron(a, x)", "x", "(a' ⊗ I) (B + B') (a ⊗ x)"),
    ("B: (m n, m n); a: m; x: n; kron(x, a)' B kron(x, a)", "x", "(I ⊗ a') (B + B') (x ⊗ a)"),
    ("B: (m n, m n); a: m; x: n; vec(x a')' B vec(x a')", "x", "(a' ⊗ I) (B + B') vec(x a')"),
    ("b: m n; a: m; x: n; b' kron(a, x)", "x", "(a' ⊗ I) b"),
]


@pytest.mark.parametrize(("text", "wrt", "form"), THROUGH)
def test_through_a_composite_index(text: str, wrt: str, form: str) -> None:
    d = mc.diff(text, wrt)
    assert d.expr is not None
    assert one_line(d.expr) == form
    assert d.check().ok


def test_a_diagonal_of_a_composite_matrix_is_no_product() -> None:
    """Regression: the indices that A shares with both axes of B were summed over twice."""
    d = mc.diff("tr(kron(A, X) B)", "X")
    assert d.expr is None
    assert d.check().ok


def test_four_factors_with_two_deltas_have_no_vec_form() -> None:
    d = mc.diff(ATTENTION, "Q", order=2, layout="vec")
    assert (d.expr, d.layout) == (None, "tensor")
