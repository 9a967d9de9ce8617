"""Forms that do not overflow: which they are, and their values where the plain ones are infinite."""

import jax
import mpmath
import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax, logsumexp, softmax

import matcalc as mc
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.generate import compile_function
from matcalc.codegen.stabilise import stabilise
from matcalc.passes.simplify import simplify

jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("log(1 + exp(z))", "softplus(z)"),
        ("log(1 + exp(-y .* (X w)))", "softplus(-y .* (X w))"),
        ("log(2 + exp(a))", "log(2) + softplus(a - log(2))"),
        ("1 ./ (1 + exp(-z))", "sigmoid(z)"),
        ("exp(z) ./ (1 + exp(z))", "sigmoid(z)"),
        ("exp(z) ./ (1 + exp(z)).^2", "sigmoid(z) .* sigmoid(-z)"),
        ("log(sigmoid(z))", "-softplus(-z)"),
        ("log(1 - sigmoid(z))", "-softplus(z)"),
        ("exp(a) / (exp(a) + exp(b))", "sigmoid(a - b)"),
        ("log(sum(exp(x)))", "logsumexp(x)"),
        ("sqrt(sum(exp(x)))", "exp(1/2 logsumexp(x))"),
        ("exp(x) / sum(exp(x))", "softmax(x)"),
        ("exp(x)' / sum(exp(x))", "softmax(x)'"),
        ("a' exp(x) / sum(exp(x))", "a' softmax(x)"),
        ("log(softmax(x))", "x - logsumexp(x) ones(n)"),
        ("log(sum(exp(X), 1))", "logsumexp(X, 1)"),
        ("log(exp(X) ones(n))", "logsumexp(X, 2)"),
        ("log(ones(n)' exp(x))", "logsumexp(x)"),
        ("exp(X) ./ (ones(m) sum(exp(X), 1))", "softmax(X, 1)"),
        ("exp(X) ./ (sum(exp(X), 2) ones(1, n))", "softmax(X, 2)"),
        ("exp(X) diag((1 ./ sum(exp(X), 1))')", "softmax(X, 1)"),
        ("log(mean(exp(x)))", "logsumexp(x) - log(n)"),
        ("(exp(z) - exp(-z)) ./ (exp(z) + exp(-z))", "tanh(z)"),
        ("exp(-x' x) .* sin(x)", "exp(-x' x) .* sin(x)"),
        ("sigmoid(z) .* (1 - sigmoid(z))", "sigmoid(z) .* (1 - sigmoid(z))"),
    ],
)
def test_the_stable_form(text, stable):
    shapes = {"X": ("m", "n"), "x": "n", "z": "n", "a": "n" if "a'" in text else ()}
    found, wanted = (
        simplify(e)
        for e in (stabilise(mc.parse(text, shapes=shapes)), mc.parse(stable, shapes=shapes))
    )
    assert found is wanted, f"{found} instead of {wanted}"


def test_weighted_sums_are_shifted_by_their_largest_exponent():
    function = compile_function(mc.parse("log(a' exp(x))", shapes={"a": "n", "x": "n"}))
    assert "t1 = finite(np.max(np.where(a != 0, x, -np.inf)))" in function.source
    assert "return t1 + np.log(np.sum(weighted_exp(x - t1, a)))" in function.source
    gradient = mc.diff("log(a' exp(x))", "x", shapes={"a": "n", "x": "n"}).source()
    assert "t1 = weighted_exp(x - finite(np.max(np.where(a != 0, x, -np.inf))), a)" in gradient
    assert "return t1 / np.sum(t1)" in gradient


#: Function, arrays, value and gradient where one shift for all makes 0 of what is not.
FAR_APART = [
    (
        "sum(log(M exp(x)) - x)",
        {"x": [700.0, -100.0], "M": [[1.0, 1.0], [0.0, 1.0]]},
        0.0,
        [0.0, 0.0],
    ),
    (
        "sum(k, log(sum(j, M[k,j] exp(x[j]))))",
        {"x": [400.0, -400.0], "M": [[1.0, 0.0], [0.0, 1.0]]},
        0.0,
        [1.0, 1.0],
    ),
    ("log(a' exp(x))", {"x": [1000.0, -1000.0], "a": [0.0, 1.0]}, -1000.0, [0.0, 1.0]),
    ("sum(log(exp(M) x))", {"x": [0.0, 1.0], "M": [[800.0, -400.0]] * 2}, -800.0, [np.inf, 2.0]),
    (
        "log(exp(x)' M exp(x))",
        {"x": [400.0, -400.0], "M": [[0.0, 1.0], [1.0, 0.0]]},
        np.log(2),
        [1.0, 1.0],
    ),
    (
        "log(exp(x)' M exp(x))",
        {"x": [1000.0, -400.0], "M": [[0.0, 0.0], [0.0, 1.0]]},
        -800.0,
        [0.0, 2.0],
    ),
    (
        "log(exp(x)' exp(M) exp(x))",
        {"x": [1000.0, -400.0], "M": [[-3000.0, 0.0], [0.0, 0.0]]},
        600 + np.log(2),
        [1.0, 1.0],
    ),
    (
        "sum(log(a .* exp(x) + b .* exp(-x)))",
        {"x": [800.0, 1.0], "a": [0.0, 1.0], "b": [1.0, 0.0]},
        -799.0,
        [-1.0, 1.0],
    ),
]


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize(("text", "arrays", "value", "gradient"), FAR_APART, ids=str)
def test_sums_that_are_far_apart_have_shifts_of_their_own(backend, text, arrays, value, gradient):
    shapes = {k: ("m", "n") if np.ndim(a) == 2 else "n" for k, a in arrays.items()}
    if "sum(log(exp(M)" not in text and "M" in shapes:
        shapes["M"] = ("n", "n")
    given = {k: np.array(a) for k, a in arrays.items()}
    if backend == "torch":
        given = {k: torch.tensor(a) for k, a in given.items()}
    function = mc.diff(text, "x", shapes=shapes).function(backend, value=True)
    with np.errstate(invalid="raise", divide="raise", over="ignore"):
        found = function(**given)
    np.testing.assert_allclose(found[0], value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", DIALECTS)
def test_sums_that_are_far_apart_in_single_precision(backend):
    x = np.array([80, -25], dtype=np.float32)
    given = {"x": x, "M": np.triu(np.ones((2, 2), dtype=np.float32))}
    if backend == "torch":
        given = {k: torch.tensor(a) for k, a in given.items()}
    d = mc.diff("sum(log(M exp(x)) - x)", "x", shapes={"M": ("n", "n"), "x": "n"})
    value, gradient = d.function(backend, value=True)(**given)
    assert str(gradient.dtype).endswith("float32")
    assert value == 0
    np.testing.assert_allclose(gradient, [0, 0], atol=1e-6)


def test_the_derivative_by_a_weight_that_is_zero():
    d = mc.diff("log(a' exp(x))", "a", shapes={"a": "n", "x": "n"})
    found = d.function()(a=np.array([0.0, 1.0]), x=np.array([3.0, 1.0]))
    np.testing.assert_allclose(found, [np.exp(2), 1], rtol=1e-15)


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize("text", ["logsumexp(x)", "log(exp(x)' exp(y))", "log(a' exp(x))"])
def test_logarithms_of_zero(backend, text):
    shapes = {name: "n" for name in ("a", "x", "y") if name in text.replace("exp", "")}
    nothing = np.full(2, -np.inf)
    arrays = {name: np.ones(2) if name == "a" else nothing for name in shapes}
    given = {k: torch.tensor(a) for k, a in arrays.items()} if backend == "torch" else arrays
    with np.errstate(divide="ignore"):
        assert compile_function(mc.parse(text, shapes=shapes), backend)(**given) == -np.inf


@pytest.mark.parametrize("backend", DIALECTS)
def test_the_sum_of_two_powers_that_are_zero(backend):
    function = compile_function(mc.parse("log(exp(a) + exp(b))"), backend)
    assert function(a=-np.inf, b=-np.inf) == -np.inf
    assert function(a=-np.inf, b=3.0) == 3
    assert function(a=np.inf, b=3.0) == np.inf


def test_a_logarithm_of_roots_inside_each_other():
    roots = "; ".join(f"h{k} = sqrt(h{k - 1})" for k in range(1, 601))
    d = mc.diff(f"h0 = exp(a); {roots}; h = 2^600 log(h600); h", "a")
    assert d.function()(a=3.0) == 1


# ---------------------------------------------------------------------- values

Z = np.array([-1000.0, -35.0, 0.0, 35.0, 1000.0])
Y = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
COLUMNS = np.array([[1000.0, -1000.0, 3.0], [-1000.0, -999.0, 1.0]])


def logistic(z):
    return expit(z) * expit(-z)


#: Function, variable, arrays, and what the function, its gradient and its Hessian are.
EXTREME = [
    ("sum(log(1 + exp(z)))", {"z": Z}, np.logaddexp(0, Z).sum(), expit(Z), np.diag(logistic(Z))),
    (
        "sum(log(1 + exp(-y .* z)))",
        {"z": Z, "y": Y},
        np.logaddexp(0, -Y * Z).sum(),
        -Y * expit(-Y * Z),
        np.diag(logistic(Z)),
    ),
    (
        "sum(1 ./ (1 + exp(-z)))",
        {"z": Z},
        expit(Z).sum(),
        logistic(Z),
        np.diag(logistic(Z) * (1 - 2 * expit(Z))),
    ),
    (
        "sum(exp(z) ./ (1 + exp(z)))",
        {"z": Z},
        expit(Z).sum(),
        logistic(Z),
        np.diag(logistic(Z) * (1 - 2 * expit(Z))),
    ),
    (
        "-sum(y .* log(sigmoid(z)) + (1 - y) .* log(1 - sigmoid(z)))",
        {"z": Z, "y": (Y + 1) / 2},
        np.logaddexp(0, -Y * Z).sum(),
        expit(Z) - (Y + 1) / 2,
        np.diag(logistic(Z)),
    ),
    (
        "log(sum(exp(z)))",
        {"z": Z},
        logsumexp(Z),
        softmax(Z),
        np.diag(softmax(Z)) - np.outer(softmax(Z), softmax(Z)),
    ),
    (
        "y' log(exp(z) / sum(exp(z)))",
        {"z": Z, "y": Y},
        Y @ log_softmax(Z),
        Y - Y.sum() * softmax(Z),
        Y.sum() * (np.outer(softmax(Z), softmax(Z)) - np.diag(softmax(Z))),
    ),
    (
        "sum(log(exp(z) + exp(-z)))",
        {"z": Z},
        np.logaddexp(Z, -Z).sum(),
        np.tanh(Z),
        np.diag(4 * logistic(2 * Z)),
    ),
    (
        "sum(C .* log(exp(Z) ./ (ones(m) sum(exp(Z), 1))))",
        {"Z": COLUMNS, "C": np.ones((2, 3))},
        log_softmax(COLUMNS, axis=0).sum(),
        1 - 2 * softmax(COLUMNS, axis=0),
        None,
    ),
]


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize(
    ("text", "arrays", "value", "gradient", "hessian"), EXTREME, ids=lambda v: str(v)[:24]
)
def test_values_and_derivatives_at_large_arguments(backend, text, arrays, value, gradient, hessian):
    name = next(iter(arrays))
    shapes = {k: ("m", "n") if a.ndim == 2 else "n" for k, a in arrays.items()}
    given = {k: torch.tensor(a) for k, a in arrays.items()} if backend == "torch" else arrays
    first = mc.diff(text, name, shapes=shapes)
    with np.errstate(all="raise", under="ignore"):
        found = [
            compile_function(first.f, backend)(**given),
            first.function(backend)(**given),
            mc.diff(text, name, shapes=shapes, order=2).function(backend)(**given),
        ]
    np.testing.assert_allclose(found[0], value, rtol=1e-13)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-15)
    assert np.isfinite(np.asarray(found[2])).all()
    if hessian is not None:
        np.testing.assert_allclose(found[2], hessian, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", DIALECTS)
def test_single_precision_at_eighty(backend):
    z = np.array([-80, 0, 80, 95], dtype=np.float32)
    given = {"z": torch.tensor(z) if backend == "torch" else z}
    for text in ("sum(log(1 + exp(z)))", "log(sum(exp(z)))", "sum(exp(z) ./ (1 + exp(z)))"):
        d = mc.diff(text, "z", shapes={"z": "n"})
        found = d.function(backend)(**given)
        assert str(found.dtype).endswith("float32")
        wanted = d.function()(z=z.astype(float))
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-30)


def test_digits_of_small_arguments_are_kept():
    tiny = np.array([1e-18, -1e-18])
    shapes = {"x": "n"}
    for text, wanted in [("sum(log(1 + x))", 0.0), ("exp(x) - 1", tiny), ("1 - exp(x)", -tiny)]:
        function = compile_function(mc.parse(text, shapes=shapes))
        np.testing.assert_allclose(function(x=tiny), wanted, rtol=1e-12)


@pytest.mark.parametrize("backend", [*DIALECTS, "alone"])
def test_probit_far_from_zero(backend, monkeypatch):
    """The distribution function underflows at -40, its logarithm is -805."""
    z = np.array([-1e4, -40.0, -4.1, -3.9, -1.0, 0.0, 2.0, 40.0])
    with mpmath.workdps(60):
        wanted = np.array([float(mpmath.log(mpmath.ncdf(x))) for x in z])
        mills = [mpmath.npdf(x) / mpmath.ncdf(x) for x in z]
        slopes = [float(h) for h in mills]
        curvatures = [float(-h * (x + h)) for x, h in zip(z, mills, strict=True)]
    if backend == "alone":
        monkeypatch.setattr("matcalc.codegen.generate.has_scipy", lambda: False)
    for text in ("sum(log(1/2 (1 + erf(z/sqrt(2)))))", "sum(log(1 - erf(-z/sqrt(2)))) - n log(2)"):
        name = "numpy" if backend == "alone" else backend
        given = {"z": torch.tensor(z) if backend == "torch" else z}
        d = mc.diff(text, "z", shapes={"z": "n"}, order=2)
        found = d.function(name, value=True)(**given)
        np.testing.assert_allclose(found[0], wanted.sum(), rtol=1e-12)
        np.testing.assert_allclose(found[1], slopes, rtol=1e-12)
        # Of -h (x + h) at x = -1e4 eight digits are left.
        np.testing.assert_allclose(np.diagonal(found[2]), curvatures, rtol=1e-7, atol=1e-300)


def test_the_density_over_the_distribution_function():
    d = mc.diff("sum(log(1/2 (1 + erf(z/sqrt(2)))))", "z", shapes={"z": "n"})
    text = "exp(-1/2 z.^2) ./ (1 + erf(z/sqrt(2)))"
    quotient = compile_function(mc.parse(text, shapes={"z": "n"}))
    z = np.array([-40.0, -3.0, 1.0])
    found = quotient(z=z) * np.sqrt(2 / np.pi)
    np.testing.assert_allclose(found, d.function()(z=z), rtol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus"])
def test_depth_is_no_recursion(activation):
    """It was one through functions that have no logarithm here, such as relu."""
    layers = "; ".join(f"h{k} = {activation}(W h{k - 1})" for k in range(1, 1001))
    source = mc.grad(f"{layers}; log(sum(exp(h1000)))", ["W"]).source()
    assert "logsumexp" in source or "softmax" in source
