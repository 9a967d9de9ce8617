"""Answers that a newcomer tries first, in the words in which they are printed, checked by SymPy."""

import pytest

import matcalc as mc
from matcalc.backends.text import format_expr, format_index

#: Text, variable, layout, order; answer (matrix form, else index form), shape, vec form if any.
ANSWERS = [
    ("W x + b", "x", "mixed", 1, "W", ("m", "n"), None),
    ("W x + b", "b", "mixed", 1, "I", ("m", "m"), None),
    ("W x + b", "W", "mixed", 1, "δ[i,j] x[k]", ("m", "m", "n"), "x' ⊗ I"),
    ("x' A x", "x", "mixed", 1, "(A + A') x", ("n",), None),
    ("x' A x", "x", "numerator", 1, "x' (A + A')", (1, "n"), None),
    ("A: (n, n) symmetric; x' A x", "x", "mixed", 1, "2 A x", ("n",), None),
    ("1/2 ||W x - y||^2", "W", "mixed", 1, "(W x - y) x'", ("m", "n"), None),
    ("tr(A X B)", "X", "mixed", 1, "A' B'", ("n", "p"), None),
    ("a' X^-1 b", "X", "mixed", 1, "-X^-T a b' X^-T", ("n", "n"), None),
    ("logdet(X)", "X", "mixed", 1, "X^-T", ("n", "n"), None),
    ("log(det(X))", "X", "mixed", 1, "X^-T", ("n", "n"), None),
    ("X, A: (n, n); det(A X B)", "X", "mixed", 1, "det(A X B) X^-T", ("n", "n"), None),
    ("||A x - b||", "x", "mixed", 1, "A' (A x - b) / ||A x - b||", ("n",), None),
    ("X^-1", "X", "mixed", 1, "-(X^-1)[i,k] (X^-1)[l,j]", ("n",) * 4, "-(X^-T ⊗ X^-1)"),
    ("X^-1", "X", "vec", 1, "-(X^-T ⊗ X^-1)", ("n n", "n n"), None),
    ("diag(x)", "x", "mixed", 1, "δ[i,j] δ[i,k]", ("n", "n", "n"), None),
    ("x .* (A x)", "x", "mixed", 1, "diag(A x) + diag(x) A", ("n", "n"), None),
    ("softmax(x)", "x", "mixed", 1, "diag(softmax(x)) - softmax(x) softmax(x)'", ("n", "n"), None),
    ("logsumexp(x)", "x", "mixed", 1, "softmax(x)", ("n",), None),
    ("tr(kron(A, X) B)", "X", "mixed", 1, "B[(k,j),(l,i)] A[l,k]", ("p", "q"), None),
    ("X: (m, n); sum(log(1 + exp(-y .* (X w))))", "w", "mixed", 1, "-X' (sigmoid(-y .* (X w)) .* y)", ("n",), None),
    ("L: p -> scalar; L(W x + b)", "W", "mixed", 1, "∇L(W x + b) x'", ("p", "n"), None),
    ("L: p -> scalar; L(W x + b)", "x", "numerator", 1, "∇L(W x + b)' W", (1, "n"), None),
    ("L: p -> scalar; L(W x + b)", "x", "mixed", 2, "W' ∇²L(W x + b) W", ("n", "n"), None),
]  # fmt: skip

NET = "W_2 tanh(W_1 x + b_1) + b_2"
RESIDUAL = f"(W_2' ({NET} - y))"
LAYERS = [
    ("W_2", f"({NET} - y) tanh(W_1 x + b_1)'"),
    ("b_2", f"{NET} - y"),
    ("W_1", f"({RESIDUAL} .* (1 - tanh(W_1 x + b_1).^2)) x'"),
    ("b_1", f"{RESIDUAL} .* (1 - tanh(W_1 x + b_1).^2)"),
]


@pytest.mark.parametrize(("text", "wrt", "layout", "order", "answer", "shape", "vec"), ANSWERS)
def test_answer(
    text: str,
    wrt: str,
    layout: str,
    order: int,
    answer: str,
    shape: tuple[object, ...],
    vec: str | None,
) -> None:
    d = mc.diff(text, wrt, layout=layout, order=order)
    printed = format_expr(d.expr) if d.expr is not None else format_index(d.index)
    assert printed == answer
    assert d.shape == shape
    if vec is not None:
        assert d.arranged.vec is not None
        assert format_expr(d.arranged.vec) == vec
    assert d.check().ok


@pytest.mark.parametrize(("wrt", "answer"), LAYERS)
def test_a_network_by_each_of_its_weights(wrt: str, answer: str) -> None:
    d = mc.diff(f"1/2 ||{NET} - y||^2", wrt)
    assert d.expr is not None
    assert format_expr(d.expr) == answer
    assert d.check().ok


def test_the_hessian_of_the_logistic_loss() -> None:
    d = mc.diff("X: (m, n); sum(log(1 + exp(-y .* (X w))))", "w", order=2)
    assert d.expr is not None
    assert (
        format_expr(d.expr)
        == "X' diag(y.^2 .* (1 - sigmoid(-y .* (X w))) .* sigmoid(-y .* (X w))) X"
    )
    assert d.shape == ("n", "n")
    assert d.check().ok


def test_a_transposed_weight_gives_the_caret_error() -> None:
    with pytest.raises(mc.ShapeProblem) as caught:
        mc.diff("W: (m, n); x: n; W' x + b", "x")
    assert str(caught.value) == (
        "error: shapes do not agree in the product W' x\n"
        "  W: (m, n); x: n; W' x + b\n"
        "                   ^^^^\n"
        "  W' is (n, m) and x has length n; nothing says m = n\n"
        "  help: did you mean W x ?"
    )


def test_the_vec_form_of_a_hessian_says_what_it_is_the_derivative_of() -> None:
    assert "∂vec(∂f/∂W)/∂vec(W)' = (x x') ⊗ I" in str(mc.diff("1/2 ||W x - y||^2", "W", order=2))


def test_no_index_has_the_letter_of_a_size() -> None:
    d = mc.diff("a x x'", "x", shapes={"x": "m", "l": "j", "k": "i"})
    assert "D[n,p,q] = " in str(d)
    assert d.to_dict()["index"].startswith("D[n,p,q] = ")
