"""Answers in the form that a textbook prints: what cancels only after multiplying out, and names folded back."""

import pytest

import matcalc as mc
from matcalc.passes.measure import measure
from matcalc.report import one_line

CENTRED = "(X - ones(m) mean(X, 1))"
SHAPES = {"X": ("m", "n"), "a": "n"}

FORMS = [
    # Centring is idempotent.
    (f"||{CENTRED}||^2", "X", SHAPES, 1, f"2 {CENTRED}"),
    ("||X - mean(X, 2) ones(n)'||^2", "X", SHAPES, 1, "2 (X - mean(X, 2) ones(1, n))"),
    (f"a' {CENTRED}' {CENTRED} a", "X", SHAPES, 1, f"2 {CENTRED} a a'"),
    (f"logdet({CENTRED}' {CENTRED})", "X", SHAPES, 1,
     "t1 = X - ones(m) mean(X, 1); 2 t1 (X' t1)^-1"),
    ("1/n sum((x - mean(x) ones(n)).^2)", "x", {"x": "n"}, 1, "2/n (x - mean(x) ones(n))"),
    ("mean(x.^2) - mean(x)^2", "x", {"x": "n"}, 2, "2/n (I - 1/n ones(n, n))"),
    ("mean(mean(X, 1))", "X", SHAPES, 1, "1/(m n) ones(m, n)"),
    # Projectors.
    ("||y - X (X' X)^-1 X' y||^2", "y", {}, 1, "2 (y - X (X' X)^-1 X' y)"),
    ("||x - A' (A A')^-1 (A x - b)||^2", "x", {}, 1, "2 (x - A' (A A')^-1 A x)"),
    ("||y - X pinv(X) y||^2", "X", {}, 1, "2 (pinv(X)' X' y - y) y' pinv(X)'"),
    # Traces of products with a row and a column.
    ("c' (s I - A)^-1 b", "s", {"s": ()}, 2, "2 c' (s I - A)^-3 b"),
    ("c' (s I - A)^-1 b", "s", {"s": ()}, 3, "-6 c' (s I - A)^-4 b"),
    ("tr((X' X)^3)", "X", {}, 1, "6 X (X' X)^2"),
    # Softmax.
    ("-sum(Y .* log(softmax(X W, 2)))", "W", {}, 1, "X' (diag(sum(Y, 2)) softmax(X W, 2) - Y)"),
    ("sum(softmax(X, 2))", "X", {}, 1, "zeros(m, n)"),
    ("log(sum(exp(A x + b)))", "x", {}, 1, "A' softmax(A x + b)"),
    ("log(sum(exp(A x + b)))", "x", {}, 2, "t1 = softmax(A x + b); A' (diag(t1) - t1 t1') A"),
    ("t log(sum(exp(x / t)))", "t", {"t": ()}, 1, "logsumexp(x / t) - softmax(x / t)' x / t"),
    # Powers and quotients.
    ("sum(log(cosh(x)))", "x", {}, 1, "tanh(x)"),
    ("det(X)^k", "X", {"k": ()}, 1, "k det(X)^k X^-T"),
    ("sum(x.^x)", "x", {"x": "n"}, 1, "x.^x .* (1 + log(x))"),
    ("abs(x' y)^3", "x", {}, 2, "6 abs(x' y) y y'"),
    ("atan(b' x / a)", "a", {"a": ()}, 1, "-b' x / (a^2 + (b' x)^2)"),
    ("||X - diag(diag(X))||^2", "X", {}, 1, "2 (X - X .* I)"),
    ("||x x' - A||^2", "x", {}, 2, "4 (x' x) I + 8 x x' - 2 (A + A')"),
    ("cos(x)' sin(x) / (x' x)", "x", {}, 1,
     "(cos(x).^2 - sin(x).^2 - 2 (cos(x)' sin(x)) x / (x' x)) / (x' x)"),
    ("det(A + t B)", "t", {"t": (), "A": ("n", "n"), "B": ("n", "n")}, 1, "tr(adj(A + t B) B)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrt", "shapes", "order", "answer"), FORMS, ids=[f"{f[0]} by {f[1]}" for f in FORMS]
)
def test_form(text, wrt, shapes, order, answer):
    d = mc.diff(text, wrt, shapes=shapes, order=order)
    assert one_line(d.expr) == answer
    assert d.check().ok is not False


def test_what_is_long_is_left_alone():
    terms = " + ".join(f"tanh(A{k} x)" for k in range(100))
    d = mc.diff(f"sum({terms})", "x")
    assert measure(d.expr) > 500


N = {"x": "n", "y": "n", "z": "n", "w": "n", "a": "n"}

RIGHT = [
    # A summand with too many terms to be multiplied out must not be dropped.
    ("t (a + (b1+b2+b3+b4+b5) (c1+c2+c3+c4+c5))", "t", {"t": (), "a": ()}),
    ("x' (a + (B1+B2+B3+B4+B5) (c1+c2+c3+c4+c5))", "x", {**N, "B1": ("n", "m")}),
    # Powers of |u| beside sign(u) u.
    ("x sqrt(abs(x))", "x", {"x": ()}),
    ("x' sqrt(abs(x))", "x", N),
    ("sum(x.^3 .* sqrt(abs(x)))", "x", N),
    ("y .* sign(x) .* x ./ sqrt(abs(x))", "y", N),
    ("t sum(sign(x) .* abs(x) .* x .* abs(x).^3)", "t", {**N, "t": ()}),
    ("sum(x.^a .* x .* sign(x))", "x", {"x": "n", "a": ()}),
    # softmax inside Hadamard products, which are no matrix products.
    ("tr(X' ((A diag(exp(z))) .* B)) / sum(exp(z))", "X", {**N, "X": ("n", "n")}),
    ("t (w .* exp(z)) / sum(exp(z))", "t", {**N, "t": ()}),
    ("(w .* exp(z))' x / sum(exp(z))", "x", N),
    ("t ((A exp(z)) .* y) / sum(exp(z))", "t", {**N, "t": ()}),
    # A vector and a number as exponents of one base.
    ("sum(x.^y .* x.^k)", "x", {**N, "k": ()}),
    ("t sum(a.^y a^k)", "t", {"y": "n", "t": (), "a": (), "k": ()}),
]


@pytest.mark.parametrize(("text", "wrt", "shapes"), RIGHT, ids=[case[0] for case in RIGHT])
def test_a_rewriting_that_once_changed_the_value(text, wrt, shapes):
    assert mc.diff(text, wrt, shapes=shapes).check().ok is True
