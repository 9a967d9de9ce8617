"""Derivatives in the form in which they are printed, and the limits of the sweep."""

import time
from fractions import Fraction

import pytest

import matcalc as mc
from matcalc.backends.text import format_expr, format_index
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.index import Index, IndexExpr, whole
from matcalc.ops import REGISTRY
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES
from matcalc.passes.differentiate import derivative, derivatives
from matcalc.passes.local_step import carry

#: Function, variable, shapes and properties where they matter, derivative in mixed layout.
DERIVATIVES = [
    ("W x + b", "x", {}, {}, "W"),
    ("W x + b", "b", {}, {}, "I"),
    ("x' A x", "x", {}, {}, "(A + A') x"),
    ("x' A x", "x", {}, {"A": "symmetric"}, "2 A x"),
    ("x' A x", "A", {}, {}, "x x'"),
    ("1/2 ||W x - y||^2", "W", {}, {}, "(W x - y) x'"),
    ("1/2 ||W x - y||^2", "x", {}, {}, "W' (W x - y)"),
    ("||A x - b||", "x", {}, {}, "A' (A x - b) / ||A x - b||"),
    ("tr(A X B)", "X", {}, {}, "A' B'"),
    ("tr(X' X)", "X", {}, {}, "2 X"),
    ("a' X^-1 b", "X", {}, {}, "-X^-T a b' X^-T"),
    ("logdet(X)", "X", {}, {}, "X^-T"),
    ("log(det(X))", "X", {}, {}, "X^-T"),
    ("det(A X B)", "X", {"A": ("n", "n"), "X": ("n", "n")}, {}, "det(A X B) X^-T"),
    ("sum(log(1 + exp(-y .* (X w))))", "w", {}, {}, "-X' (sigmoid(-y .* (X w)) .* y)"),
    ("diag(x)", "y", {"y": "m"}, {}, None),
    ("x .* (A x)", "x", {}, {}, "diag(A x) + diag(x) A"),
    ("softmax(x)", "x", {}, {}, "diag(softmax(x)) - softmax(x) softmax(x)'"),
    ("logsumexp(x)", "x", {}, {}, "softmax(x)"),
    ("-y' log(softmax(W x))", "W", {}, {}, "(sum(y) softmax(W x) - y) x'"),
    ("x' A x / (x' x)", "A", {}, {}, "x x' / (x' x)"),
    ("X a", "a", {"a": ()}, {}, "X"),
    ("tr(X)^2", "X", {}, {}, "2 tr(X) I"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "shapes", "assume", "expected"), DERIVATIVES)
def test_form(
    f: str, wrt: str, shapes: dict[str, object], assume: dict[str, str], expected: str | None
) -> None:
    d = mc.diff(f, wrt, shapes=shapes, assume=assume)
    if expected is None:
        assert d.expr is None
        assert not d.index.terms
    else:
        assert d.expr is not None
        assert format_expr(d.expr) == expected


TENSORS = [
    ("W x + b", "W", "δ[i,j] x[k]"),
    ("X^-1", "X", "-(X^-1)[i,k] (X^-1)[l,j]"),
    ("diag(x)", "x", "δ[i,j] δ[i,k]"),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), TENSORS)
def test_index_form(f: str, wrt: str, expected: str) -> None:
    d = mc.diff(f, wrt)
    assert d.expr is None
    assert format_index(d.index) == expected


HESSIANS = [
    ("x' A x", "x", "A + A'"),
    ("1/2 ||W x - y||^2", "x", "W' W"),
    ("logsumexp(x)", "x", "diag(softmax(x)) - softmax(x) softmax(x)'"),
    ("sum(exp(x))", "x", "diag(exp(x))"),
    ("a^3", "a", "6 a"),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), HESSIANS)
def test_second_order(f: str, wrt: str, expected: str) -> None:
    d = mc.diff(f, wrt, order=2)
    assert d.expr is not None
    assert format_expr(d.expr) == expected


def test_a_variable_used_twice_collects_both_paths() -> None:
    d = mc.diff("z = W x; z' z", "x")
    assert d.expr is not None
    assert format_expr(d.expr) == "2 W' W x"


# ---------------------------------------------------------------- depth and breadth

N = Dim.of("n")


def _network(depth: int) -> tuple[Expr, list[Symbol]]:
    h: Expr = Symbol("x", (N, ONE))
    weights = []
    for layer in range(depth):
        w, b = Symbol(f"W{layer}", (N, N)), Symbol(f"b{layer}", (N, ONE))
        weights += [w, b]
        h = REGISTRY["tanh"](ADD(MATMUL(w, h), b))
    return POWER(REGISTRY["norm2"](h), Constant(2)), weights


def _nodes(f: Expr, gradients: dict[Symbol, IndexExpr]) -> int:
    roots = [x.expr for g in gradients.values() for t in g.terms for x in t.factors]
    return sum(1 for _ in postorder(f, *roots))


def test_a_deep_network_is_no_recursion_and_stays_small() -> None:
    f, weights = _network(1000)
    gradients = derivatives(f, weights)
    assert _nodes(f, gradients) <= 4 * sum(1 for _ in postorder(f))


def test_gradients_of_a_network_share_their_nodes() -> None:
    sizes = []
    for depth in (10, 20):
        f, weights = _network(depth)
        sizes.append(_nodes(f, derivatives(f, weights)))
    assert sizes[1] < 2.2 * sizes[0]


def test_a_residual_network_is_no_exponential() -> None:
    h: Expr = Symbol("x", (N, ONE))
    for layer in range(60):
        h = ADD(h, REGISTRY["tanh"](MATMUL(Symbol(f"W{layer}", (N, N)), h)))
    start = time.perf_counter()
    gradient = derivative(REGISTRY["sum"](h), Symbol("W0", (N, N)))
    assert len(gradient.terms) == 1
    # Along single paths there would be 2^60 terms; this is a question of ever, not of speed.
    assert time.perf_counter() - start < 60


def test_a_sum_of_ten_thousand_terms() -> None:
    x = Symbol("x", (N, ONE))
    f = REGISTRY["sum"](ADD(*[POWER(x, Constant(Fraction(k))) for k in range(1, 10_001)]))
    assert len(derivative(f, x).terms) == 1


def test_seeds_of_sizes_are_constants() -> None:
    x = Symbol("x", (N, ONE))
    assert not derivative(Size(N), x).terms


def test_a_derivative_that_vanishes_on_the_way_keeps_its_axes() -> None:
    # The cotangent of sign(x) is zero before x is reached.
    d = mc.diff("kron(sign(X), Y)", "X", shapes={"X": ("m", "n"), "Y": ("p", "q")})
    assert d.is_zero
    assert d.shape == ("m p", "n q", "m", "n")


@pytest.mark.parametrize(
    ("f", "expected"),
    [("sqrt(a^a)", "1/2 (1 + log(a)) sqrt(a^a)"), ("b^a / sqrt(b^a)", "1/2 log(b) sqrt(b^a)")],
)
def test_a_symbolic_power_beside_a_root_of_it(f: str, expected: str) -> None:
    assert format_expr(mc.diff(f, "a").expr) == expected


def test_a_cotangent_that_is_a_product_nested_as_deep_as_one_likes() -> None:
    x, w = (Symbol(name, (Dim.of("n"), ONE)) for name in "xw")
    cotangent: Expr = w
    for _ in range(2000):
        cotangent = TIMES(w, cotangent)
    node = REGISTRY["tanh"](x)
    assert isinstance(node, Apply)
    found = carry(node, 0, whole(cotangent, (Index(Dim.of("n")),)))
    assert found.matrix is not None
