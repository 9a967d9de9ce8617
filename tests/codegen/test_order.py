"""The order of products: what the generated code multiplies, and in which order."""

from itertools import pairwise

import jax
import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.dialects import NUMPY
from matcalc.codegen.generate import compile_function, source
from matcalc.codegen.order import order
from matcalc.core.expr import postorder
from matcalc.ops.structural import MATMUL

SQUARE = "A, B, C, D: (n, n); x, y: n; a: scalar; "
RECTANGULAR = "A: (m, n); B: (n, p); C: (p, q); x: q; y: m; "


def code(text, backend="numpy", **options):
    """The statements of the generated function."""
    function = source(mc.parse(text, **options), backend)
    return [line.strip() for line in function.rpartition('"""')[2].strip().splitlines()]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        (RECTANGULAR + "A B C x", ["return A @ (B @ (C @ x))"]),
        (RECTANGULAR + "y' A B C", ["return y @ A @ B @ C"]),
        (RECTANGULAR + "y' A B C x", ["return y @ A @ B @ C @ x"]),
        (RECTANGULAR + "A B C", ["return np.linalg.multi_dot([A, B, C])"]),
        (RECTANGULAR + "sum(A B C)", ["return np.sum(A @ (B @ np.sum(C, axis=1)))"]),
        (RECTANGULAR + "sum(A B, 1)", ["return np.sum(A, axis=0) @ B"]),
        (SQUARE + "A x y' B", ["return np.outer(A @ x, y @ B)"]),
        (SQUARE + "2 a x y'", ["return np.outer(2 * a * x, y)"]),
        (SQUARE + "(A' A + a I) x", ["return A @ x @ A + a * x"]),
        (SQUARE + "(A + A') x", ["return A @ x + x @ A"]),
        (SQUARE + "x' (A' A + I) y", ["return (A @ x @ A + x) @ y"]),
        (SQUARE + "A^3 x", ["return A @ (A @ (A @ x))"]),
        (SQUARE + "A diag(x) B", ["return (A * x) @ B"]),
        (SQUARE + "tr(A B)", ['return np.einsum("ij,ji->", A, B)']),
        (SQUARE + "tr(A' B C)", ['return np.einsum("ij,ji->", A.T @ B, C)']),
        (SQUARE + "diag(A B)", ['return np.einsum("ij,ji->i", A, B)']),
        (SQUARE + "||A||^2", ['return np.einsum("ij,ij->", A, A)']),
        (SQUARE + "||A x||^2", ["t1 = A @ x", "return t1 @ t1"]),
    ],
)
def test_what_is_multiplied_first(text, statements):
    assert code(text) == statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("A B x + B x", ["t1 = B @ x", "return A @ t1 + t1"]),
        ("A B C + C' B' A' + A B D", ["t1 = A @ B", "t2 = t1 @ C", "return t2 + t2.T + t1 @ D"]),
        # Of x' A y the half that the other term needs.
        ("(x' A y) A y", ["t1 = A @ y", "return x @ t1 * t1"]),
    ],
)
def test_what_products_share_is_computed_once(text, statements):
    assert code(SQUARE + text) == statements


def test_a_sum_that_is_an_array_anyway_is_not_taken_apart():
    found = code(SQUARE + "A (A' A + a I) x + exp(A' A + a I) x")
    assert found[-1] == "return A @ (t1 @ x) + np.exp(t1) @ x"


@pytest.mark.parametrize(
    ("sizes", "product"),
    [((2, 30, 4, 50), "A @ B @ C"), ((50, 4, 30, 2), "A @ (B @ C)")],
)
def test_sizes_that_are_known_decide(sizes, product):
    p, q, r, s = sizes
    assert code("A B C", shapes={"A": (p, q), "B": (q, r), "C": (r, s)}) == [f"return {product}"]


def test_sizes_that_divide_each_other_decide():
    shapes = {"A": ("n", "n"), "B": ("n", "m n"), "C": ("m n", "n")}
    assert code("A B C", shapes=shapes) == ["return A @ (B @ C)"]


def test_the_gradient_of_a_trace_of_a_long_chain_shares_its_products():
    names = [f"A{k}" for k in range(1, 9)]
    text = f"tr({' '.join(f'X {name}' for name in names)})"
    d = mc.diff(text, "X", shapes=dict.fromkeys(names, ("n", "n")))
    products = [
        node
        for node in postorder(*order([d.expr], NUMPY, {"n": 100}).roots)
        if getattr(node, "op", 0) is MATMUL
    ]
    # There are 8 chains of 15 factors.
    assert len(products) <= 40


def test_weights_that_are_not_negative_make_a_square_in_numpy():
    text = "X: (m, n); w: m positive; X' diag(w) X"
    assert code(text) == ["t1 = np.sqrt(w)[:, None] * X", "return t1.T @ t1"]
    assert code(text.replace(" positive", "")) == ["return (X.T * w) @ X"]
    assert "sqrt" not in "".join(code(text, "jax"))


@pytest.mark.parametrize(
    ("weights", "root"), [("w.^2", "w"), ("w.^4", "(w ** 2)"), ("w.^-2", "(1 / w)")]
)
def test_weights_that_are_squares_need_no_root(weights, root):
    text = f"X: (m, n); w: m; X' diag({weights}) X"
    assert code(text) == [f"t1 = {root}[:, None] * X", "return t1.T @ t1"]


def test_what_differs_in_sign_or_order_only_is_computed_once():
    text = "||T - U V'||^2"
    function = mc.diff(text, "U").source(value=True)
    assert function.count("U @ V.T") == 1
    assert "-2 * (t1 @ V)" in function


def test_sums_in_products_in_sums_as_deep_as_one_likes():
    text = "x"
    for _ in range(300):
        text = f"(A + I) ({text})"
    assert len(code(f"A: (n, n); x: n; {text}")) <= 600


def body(text, x="", backend="numpy"):
    """The statements of the derivative, or of the value, behind those that read sizes."""
    function = mc.diff(text, x).source(backend) if x else source(mc.parse(text), backend)
    lines = function.rpartition('"""')[2].strip().splitlines()
    return [line.removeprefix("    ") for line in lines if ".shape[" not in line]


CHOICE = "# The sizes decide which of these costs less."


def test_the_sizes_at_the_call_decide_whether_a_product_is_multiplied_out():
    d = mc.diff("norm(T - U V')^2", "U")
    assert body("norm(T - U V')^2", "U") == [
        CHOICE,
        "if p < min(m, n):",
        "    return 2 * (U @ (V.T @ V) - (T @ V))",
        "return 2 * ((U @ V.T - T) @ V)",
    ]
    rng = np.random.default_rng(0)
    for m, n, p in ((20, 30, 2), (4, 5, 9)):
        T, U, V = (rng.standard_normal(shape) for shape in ((m, n), (m, p), (n, p)))
        for backend in ("numpy", "jax"):
            found = d.function(backend)(T=T, U=U, V=V)
            np.testing.assert_allclose(found, 2 * (U @ V.T - T) @ V, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("sizes", [(50, 20, 3), (3, 50, 20), (20, 3, 50), (3, 20, 50)])
def test_principal_components(sizes, value):
    """No matrix of all features by all features where there are few components."""
    d = mc.diff("X: (m, n); W: (n, k); ||X - X W W'||^2", "W")
    m, n, k = sizes
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((m, n)), rng.standard_normal((n, k))
    R = X @ W @ W.T - X
    wanted = 2 * (X.T @ R + R.T @ X) @ W
    found = d.function(value=value)(X=X, W=W)
    np.testing.assert_allclose(found[1] if value else found, wanted)


def test_the_sizes_decide_whether_a_product_is_a_square():
    """Regression: ``B' A' A B`` was ``(A B)' (A B)`` where ``A`` is tall, 14 times as slow as need be."""
    assert body("A: (m, n); B: (n, k); B' A' A B") == [
        CHOICE,
        "if n < min(k, m):",
        "    return B.T @ (A.T @ A @ B)",
        "t1 = A @ B",
        "return t1.T @ t1",
    ]


def test_sizes_that_an_inverse_tells():
    """``W' W`` has no inverse unless ``W`` is tall."""
    found = "\n".join(body("X: (m, n); W: (n, k); tr(inv(W' W) W' X' X W)", "W"))
    assert "k < n" not in found
    assert "n < k" not in found


def test_a_sum_of_outer_products_between_matrices():
    """Regression: the sum was formed, and then multiplied with, or a system solved for each column."""
    assert code(SQUARE + "A (x y' + y x') B") == [
        "return np.outer(A @ x, y @ B) + np.outer(A @ y, x @ B)"
    ]
    assert body("W: (m, n); a: m; W' (diag(a) - a a') W + 0 W' W")[-1] == (
        "return (W.T * a) @ W - np.outer(t1, t1)"
    )


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("tr(A - x y')", ["return np.trace(A) - (x @ y)"]),
        ("tr(A^2)", ['return np.einsum("ij,ji->", A, A)']),
        ("(A - x ones(1, n)) ones(n)", ["n = A.shape[0]", "return np.sum(A, axis=1) - (n * x)"]),
    ],
)
def test_what_needs_no_matrix(text, statements):
    assert code(SQUARE + text) == statements


@pytest.mark.parametrize(
    "text", ["exp(U V' - T) + (U V' - T) W", "(U + T) V", "(U V' + T) V + U V'"]
)
def test_a_product_is_not_multiplied_out(text):
    """Where the sum is needed anyway, where it is none of products, where all sizes are alike."""
    shapes = "U: (m, p); V: (n, p); T: (m, n); W: (n, n); "
    if "exp" not in text:
        shapes = "U, V, T: (n, n); "
    assert "if" not in " ".join(code(shapes + text))


def test_a_sum_with_an_outer_product_multiplied_out() -> None:
    d = mc.diff("norm2(W H + b 1' - Y)^2", "W")
    rng = np.random.default_rng(0)
    W, H, Y, b = (rng.normal(size=shape) for shape in ((3, 2), (2, 4), (3, 4), 3))
    expected = 2 * (W @ H + b[:, None] - Y) @ H.T
    np.testing.assert_allclose(d.function()(W=W, H=H, Y=Y, b=b), expected)


@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 5, 6), (9, 2, 7, 3, 8, 2), (3, 8, 2, 9, 2, 9)])
def test_jax_multiplies_by_the_operator_in_the_best_order(count, sizes):
    """Regression: ``jnp.linalg.multi_dot`` took twice the time of the same products."""
    product = mc.parse(" ".join("ABCDE"[:count]))
    assert "multi_dot" not in source(product, "jax")
    function = compile_function(product, "jax")
    rng = np.random.default_rng(0)
    shapes = list(pairwise(sizes))[:count]
    arrays = {name: rng.normal(size=shape) for name, shape in zip("ABCDE", shapes, strict=False)}
    traced = jax.make_jaxpr(lambda arrays: function(**arrays))(arrays)
    assert volume(traced.jaxpr) == best_volume(sizes[: count + 1])
    expected = np.linalg.multi_dot(list(arrays.values()))
    np.testing.assert_allclose(function(**arrays), expected, rtol=1e-4, atol=1e-4)


def volume(jaxpr):
    """The number of multiplications in the products."""
    found = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (rows, inner), (_, columns) = (each.aval.shape for each in equation.invars)
            found += rows * inner * columns
        found += sum(
            volume(part.jaxpr) for part in equation.params.values() if hasattr(part, "jaxpr")
        )
    return found


def best_volume(sizes):
    """That of the best order, by trying all."""
    return min(
        (
            sizes[k - 1] * sizes[k] * sizes[k + 1] + best_volume(sizes[:k] + sizes[k + 1 :])
            for k in range(1, len(sizes) - 1)
        ),
        default=0,
    )
