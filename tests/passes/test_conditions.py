"""Conditions of validity that come with an answer."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.errors import UnsupportedProblem
from tests.reference import assert_close

#: Text, variable, order, conditions.
DEFINED = [
    ("a' X^-1 b", "X", 1, ["X invertible"]),
    ("logdet(X)", "X", 1, ["det(X) > 0"]),
    ("log(det(X))", "X", 1, ["det(X) > 0"]),
    ("det(X)^k", "X", 1, ["det(X) > 0"]),
    ("tr(X^-3)", "X", 1, ["X invertible"]),
    ("X: (n, n); inv(X^k)", "X", 1, ["X invertible"]),
    ("X: (n, n); X^(1-k)", "X", 1, ["X invertible"]),
    ("X: (n, n); X^k", "X", 1, []),
    ("1/a", "a", 1, ["a != 0"]),
    ("sum(x ./ y)", "y", 1, ["y != 0 in every entry"]),
    ("a^b", "a", 1, ["a > 0"]),
    ("a.^x", "x", 1, ["a > 0"]),
    ("log(a)", "a", 1, ["a > 0"]),
    ("log(-2 x)", "x", 1, ["2 x < 0 in every entry"]),
    ("tan(a)", "a", 1, ["cos(a) != 0"]),
    ("sum(acos(x))", "x", 1, ["|x| < 1 in every entry"]),
    ("pinv(X) b", "X", 1, ["X of constant rank"]),
    ("sum(log(1 + exp(x)))", "x", 1, []),
    ("x' A x", "x", 1, []),
    ("sum(log(x)) + 1/a", "a", 1, ["x > 0 in every entry", "a != 0"]),
    ("f[i] = log(x[i])", "x", 1, ["x > 0 in every entry"]),
]

KINKS = [
    ("||x||", "x", 1, ["not differentiable where x = 0"]),
    ("sum(|x|)", "x", 1, ["not differentiable where x = 0 in some entry"]),
    ("||X||_1", "X", 1, ["not differentiable where X = 0 in some entry"]),
    ("relu(x)", "x", 1, ["not differentiable where x = 0 in some entry"]),
    ("relu(a)", "a", 1, ["not differentiable where a = 0"]),
    ("relu((X B)')", "X", 1, ["not differentiable where X B = 0 in some entry"]),
    ("max(x, y)", "x", 1, ["not differentiable where x = y in some entry"]),
    ("max(0, a)", "a", 1, ["not differentiable where a = 0"]),
    ("max(0, x)", "x", 1, ["not differentiable where x = 0 in some entry"]),
    ("sum(max(0, 1 - y .* (X w)))", "w", 1, ["not differentiable where 1 - y .* (X w) = 0 in some entry"]),
    ("max(x)", "x", 1, ["not differentiable where the largest entry of x is not unique"]),
    ("min(X, 1)", "X", 1, ["not differentiable where the smallest entry of a column of X is not unique"]),
    ("max(X, 2)", "X", 1, ["not differentiable where the largest entry of a row of X is not unique"]),
    ("A: (n, n) symmetric; eigval(A, 1)", "A", 1, ["eigenvalue number 1 of A is simple"]),
    ("A: (n, n) symmetric; eigval(A, 1)", "A", 2, ["eigenvalue number 1 of A is simple"]),
    ("A: (n, n) symmetric; eigvec(A, 1)", "A", 1, ["eigenvalue number 1 of A is simple"]),
    ("sqrt(d)", "d", 1, ["d > 0"]),
    ("sqrt(d) x", "x", 1, ["d >= 0"]),
    ("(x' x)^(1/2)", "x", 1, ["not differentiable where x = 0"]),
    ("abs(x' x) + relu(sum(abs(y)))", "x", 1, []),
    # Only of what varies.
    ("||x - y||_1 + ||X||_F", "X", 1, ["not differentiable where X = 0"]),
    ("abs(x - x)' y + sqrt(a - a)", "x", 1, []),
]  # fmt: skip

#: Products and powers that have no kink where one of their factors has.
SMOOTH = [
    ("||x||^2", "x", 2, []),
    ("||x||^4", "x", 2, []),
    ("s: scalar; abs(s)^2", "s", 3, []),
    ("sum(abs(x).^1.5)", "x", 1, []),
    ("abs(x' y)^3", "x", 1, []),
    ("abs(a)^3", "a", 2, []),
    ("abs(a)^3", "a", 3, ["not differentiable where a = 0"]),
    ("sum(max(x, 0).^2)", "x", 1, []),
    ("sum(max(x, 0).^2)", "x", 2, ["not differentiable where x = 0 in some entry"]),
    ("sum(relu(x).^2)", "x", 1, []),
    ("a abs(a)", "a", 1, []),
    ("a abs(a)", "a", 2, ["not differentiable where a = 0"]),
    ("sqrt(x' x)^3", "x", 1, []),
    ("(x' x)^(3/2)", "x", 1, []),
    ("abs(x) .* ||x||", "x", 1, ["not differentiable where x = 0 in some entry"]),
    ("abs(a) + abs(a)^3", "a", 1, ["not differentiable where a = 0"]),
    ("max(a, b)^3", "a", 1, ["not differentiable where a = b"]),
]

#: What a property, or the form of an expression, guarantees is not printed.
GUARANTEED = [
    ("X: (n, n) spd; a' X^-1 b", "X", 1, []),
    ("X: (n, n) spd; logdet(2 pi X)", "X", 1, []),
    ("X: (n, n) psd; logdet(X)", "X", 1, ["X invertible"]),
    ("X: (n, n) invertible; a' X^-1 b", "X", 1, []),
    ("X: (n, n) invertible; pinv(X)", "X", 1, []),
    ("X: (n, n) lower_triangular; a' X^-1 b", "X", 1, ["X invertible"]),
    ("logdet(X' X + eye(n))", "X", 1, []),
    ("A: (n, n) spd; sqrt(x' A x)", "x", 1, ["not differentiable where x = 0"]),
    ("A: (n, n) spd; logdet(W' A W)", "W", 1, ["W' A W invertible"]),
    ("a: scalar positive; log(a)", "a", 1, []),
    ("a: scalar nonzero; 1 / a", "a", 1, []),
    ("log(x' x + 1)", "x", 1, []),
    ("sqrt(sum(exp(x)))", "x", 1, []),
    ("sum(x) / sum(exp(x))", "x", 1, []),
    ("X: (m, n); sum(log(sum(exp(X), 2)))", "X", 1, []),
    ("x / sqrt(2)", "x", 1, []),
    ("log(1 + (b' x)^2 / a^2)", "x", 1, ["a != 0"]),
    ("sum(log(1 - sigmoid(X w)))", "w", 1, []),
    ("1 / (1 + erf(a))", "a", 1, []),
    ("1 / (1 - tanh(a)^2)", "a", 1, []),
    ("1 / (1 + sin(a))", "a", 1, ["1 + sin(a) != 0"]),
    ("log(a) + 1 / (1 + a)", "a", 1, ["a > 0"]),
    ("X: (n, n) orthogonal; ||X||", "X", 1, []),
    ("x: n nonzero; ||x|| + sum(abs(x))", "x", 1, []),
    ("X: (n, n) invertible; sum(abs(X))", "X", 1, ["not differentiable where X = 0 in some entry"]),
]

#: Of conditions that follow from each other the strongest, in the words of the text.
ONCE = [
    ("1/s^2", "s", 1, ["s != 0"]),
    ("s: scalar; log(s^2)", "s", 1, ["s != 0"]),
    ("x / (x' x)", "x", 1, ["x != 0"]),
    ("x / ||x||", "x", 1, ["x != 0"]),
    ("x' y / (||x|| ||y||)", "x", 1, ["x != 0", "y != 0"]),
    ("log(x' x)", "x", 1, ["x != 0"]),
    ("sqrt(d) / d", "d", 1, ["d > 0"]),
    ("Q K' / sqrt(d)", "Q", 1, ["d > 0"]),
    ("log(a) + log(2 a)", "a", 1, ["a > 0"]),
    ("x / sqrt(x' A x)", "x", 1, ["x' A x > 0"]),
    ("log(tr(W' W)) / tr(W W')", "W", 1, ["W != 0"]),
    ("m: scalar; tr(A X) / (m - tr(X))^2 + 1 / (tr(X) - m)", "X", 1, ["m - tr(X) != 0"]),
    ("1 / (x' y) + 1 / (2 y' x)", "x", 1, ["x' y != 0"]),
    ("sum(log(x ./ y))", "x", 1, ["x ./ y > 0 in every entry"]),
    ("1 / det(X)", "X", 1, ["X invertible"]),
    ("b' (X' X)^-1 b", "X", 1, ["X' X invertible"]),
    ("A, X: (n, n); (A X)^-1", "X", 1, ["A invertible", "X invertible"]),
    ("inv(diag(x))", "x", 1, ["x != 0 in every entry"]),
    ("||X||_1 / ||X||", "X", 1, ["not differentiable where X = 0 in some entry", "X != 0"]),
    ("sqrt(mean((x - mean(x) ones(n)).^2))", "x", 1, ["not differentiable where x - mean(x) ones(n) = 0"]),
    ("(x - mean(x) ones(n)) / sqrt(mean((x - mean(x) ones(n)).^2) + c)", "x", 1,
     ["mean((x - mean(x) ones(n)).^2) + c > 0"]),
    ("m = mean(x) ones(n); std = sqrt(mean((x - m).^2)); (x - m) / std", "x", 1, ["x - mean(x) ones(n) != 0"]),
    ("u = x - mean(x) ones(n); v = y - mean(y) ones(n); u' v / sqrt(u' u * v' v)", "x", 1,
     ["x - mean(x) ones(n) != 0", "y - mean(y) ones(n) != 0"]),
    ("X: (m, n); C = X - ones(m) mean(X, 1); logdet(1/m C' C)", "X", 1,
     ["(X - ones(m) mean(X, 1))' (X - ones(m) mean(X, 1)) invertible"]),
]  # fmt: skip

#: Needed by the answer as it is printed, though the derivative exists without.
FORM = [
    ("det(X)", "X", 1, ["X invertible (for this form)"]),
    ("det(X)^2", "X", 1, ["X invertible (for this form)"]),
    ("adj(X)", "X", 1, ["X invertible (for this form)"]),
    ("||x||^3", "x", 2, ["x != 0 (for this form)"]),
    ("||a x||", "x", 1, ["not differentiable where x = 0", "a != 0 (for this form)"]),
]


@pytest.mark.parametrize(
    ("f", "wrt", "order", "expected"), DEFINED + KINKS + SMOOTH + GUARANTEED + ONCE + FORM
)
def test_conditions(f: str, wrt: str, order: int, expected: list[str]) -> None:
    assert mc.diff(f, wrt, order=order).conditions == expected


@pytest.mark.parametrize(
    ("f", "detail"),
    [
        ("log(0) x", "log(0) needs 0 > 0"),
        ("sqrt(-1) x", "sqrt(-1) needs -1 >= 0"),
        ("log(-x' x - 1)", "log(-x' x - 1) needs -x' x - 1 > 0"),
        ("1 / (x' x - x' x)", "1/(x' x - x' x) needs x' x - x' x != 0"),
        ("X: (n, n); inv(X - X)", "(X - X)^-1 needs X - X invertible"),
    ],
)
def test_what_is_defined_nowhere_is_refused(f: str, detail: str) -> None:
    with pytest.raises(UnsupportedProblem, match="the function is defined nowhere") as caught:
        mc.diff(f, "X" if "X" in f else "x")
    assert caught.value.details == (detail,)


@pytest.mark.parametrize(
    ("text", "line", "carets"),
    [
        ("x: n; log(0) x", "  x: n; log(0) x", "        ^^^^^^"),
        ("c = sqrt(-1);\nc x", "  c = sqrt(-1);", "      ^^^^^^^^"),
        ("x / (y' y - y' y)", "  x / (y' y - y' y)", "      ^^^^^^^^^^^^^"),
    ],
)
def test_what_is_defined_nowhere_is_pointed_at(text: str, line: str, carets: str) -> None:
    with pytest.raises(UnsupportedProblem) as caught:
        mc.diff(text, "x")
    assert str(caught.value).splitlines()[1:3] == [line, carets]


def test_a_long_argument_is_stated_in_terms_of_the_definitions() -> None:
    layers = [f"h_{k} = relu(A_{k} h_{k - 1} + b_{k})" for k in range(2, 6)]
    text = "; ".join(["h_1 = relu(A_1 x + b_1)", *layers, "c = tanh(A_6 h_5 - x)", "sum(abs(c))"])
    found = mc.diff(text, "x").conditions
    assert found[0] == "not differentiable where A_1 x + b_1 = 0 in some entry"
    assert found[-2] == "not differentiable where A_5 h_4 + b_5 = 0 in some entry"
    assert found[-1] == "not differentiable where c = 0 in some entry"


def test_of_a_deep_network_one_condition_for_all_layers() -> None:
    layers = "; ".join(f"h{k + 1} = relu(A h{k})" for k in range(40))
    found = mc.diff(f"x: n; A: (n, n); h0 = x; {layers}; sum(h40)", "x").conditions
    assert found == ["not differentiable where some argument of relu = 0 in some entry"]


def test_of_a_long_sum_one_condition_for_all_terms() -> None:
    assert mc.diff(" + ".join(f"1 / (a + b_{k})" for k in range(9)), "a").conditions == [
        "every divisor != 0"
    ]


# ------------------------------------------------------------------ by numbers


@pytest.mark.parametrize(
    "f", ["sum(abs(x).^1.5)", "abs(x' y)^3", "sum(relu(x).^2)", "x .* abs(x)", "sqrt(x' x)^3 + 0 sum(y)"]
)  # fmt: skip
def test_where_no_kink_is_stated_the_derivative_exists(f: str) -> None:
    d = mc.diff(f, "x", shapes={"x": "n", "y": "n"})
    assert d.conditions == []
    at_kink, y = np.array([0.0, 2.0, 0.0]), np.array([3.0, 0.0, -1.0])
    value = mc.diff(f"a ({f})", "a", shapes={"x": "n", "y": "n"}).function()
    step = 1e-6
    columns = [
        [(value(a=1.0, x=at_kink + s * e, y=y) - value(a=1.0, x=at_kink, y=y)) / s for s in (step, -step)]
        for e in np.eye(3)
    ]  # fmt: skip
    exact = np.atleast_2d(d.function()(x=at_kink, y=y).T)
    for sided in (0, 1):
        numeric = np.stack([column[sided] for column in columns], axis=-1)
        assert_close(np.atleast_2d(numeric), exact.reshape(np.atleast_2d(numeric).shape), 2e-3)


@pytest.mark.parametrize(
    ("f", "holds", "fails"),
    [
        ("log(x' x)", [0.0, 1.0], [0.0, 0.0]),
        ("sum(log(x ./ y))", [-1.0, 1.0], [1.0, 1.0]),
        ("1 / ||x - mean(x) ones(2)||", [1.0, 2.0], [2.0, 2.0]),
        ("log(tr(x x'))", [0.0, 1.0], [0.0, 0.0]),
    ],
)
def test_the_answer_is_finite_just_where_the_condition_holds(
    f: str, holds: list[float], fails: list[float]
) -> None:
    d = mc.diff(f, "x", shapes={"x": 2, "y": 2})
    values = {"y": np.array([-1.0, 1.0])}
    with np.errstate(all="ignore"):
        f_value = mc.diff(f"a ({f})", "a", shapes={"x": 2, "y": 2}).function()
        good, bad = (np.isfinite(f_value(a=1.0, x=np.array(x), **values)) for x in (holds, fails))
        slope = d.function()(x=np.array(holds), **values)
    assert good
    assert not bad
    assert np.all(np.isfinite(slope))
    assert len(d.conditions) == 1
