"""Hessians as operators: against the dense matrix, in every library."""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, cg

import matcalc as mc
from matcalc.codegen import operator
from tests.codegen.test_contractions import HESSIANS, sample
from tests.corpus.cases import SIZE_SETS, load
from tests.corpus.score import differentiate
from tests.corpus.store import points

jax.config.update("jax_enable_x64", True)

CONVERT = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.tensor}
rng = np.random.default_rng(1)

#: Functions with a regular Hessian or Jacobian, their variable, the shapes of all, and how a system is
#: solved: with the matrix as it is, or not.
REGULAR = {
    "matrix factorisation": (
        "norm2(T - U V')^2",
        "U",
        {"T": (4, 5), "U": (4, 3), "V": (5, 3)},
        False,
    ),
    "logistic regression": ("sum(log(1 + exp(-X w)))", "w", {"X": (7, 3), "w": (3,)}, True),
    "log det": ("logdet(X)", "X", {"X": (4, 4)}, False),
    "quadratic": ("x' A x", "x", {"A": (4, 4), "x": (4,)}, True),
    "separate": ("sum(exp(X))", "X", {"X": (3, 4)}, False),
    "columns": ("sum((A X).^4)", "X", {"A": (5, 3), "X": (3, 4)}, False),
    "diagonal and a product": ("sum(exp(x)) + (a' x)^2", "x", {"a": (4,), "x": (4,)}, False),
    "diagonal and two": (
        "sum(exp(X)) + (a' X b)^2 + exp(c' X b)",
        "X",
        {"X": (3, 2), "a": (3,), "b": (2,), "c": (3,)},
        False,
    ),
    "a number": ("x^4", "x", {"x": ()}, False),
    "no arrays": ("norm2(X)^2", "X", {"X": (2, 3)}, False),
}


def problem(text, wrt, shapes, order=2):
    arrays = sample(shapes)
    scalars = {name: shape for name, shape in shapes.items() if shape == ()}
    d = mc.diff(text, wrt, order=order, shapes=scalars)
    dense = d.function()(**arrays).reshape(arrays[wrt].size, arrays[wrt].size)
    return d, arrays, dense


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", REGULAR)
def test_every_method(name, backend):
    text, wrt, shapes, forms_matrix = REGULAR[name]
    d, arrays, dense = problem(text, wrt, shapes)
    function = d.operator(backend)
    H = function(**{name: CONVERT[backend](array) for name, array in arrays.items()})
    v = rng.normal(size=shapes[wrt])
    given = CONVERT[backend](v)
    product = (dense @ v.ravel()).reshape(v.shape)
    assert H.shape == dense.shape
    np.testing.assert_allclose(H @ given, product, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H @ given.reshape(-1), product.ravel(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H.rmatvec(given), product, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H.todense(), dense, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H.diagonal(), np.diag(dense).reshape(v.shape), rtol=1e-9, atol=1e-9)
    solved = np.linalg.solve(dense, v.ravel()).reshape(v.shape)
    np.testing.assert_allclose(H.solve(given), solved, rtol=1e-7, atol=1e-9)
    assert function.code.forms_matrix == forms_matrix


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name):
    text, _, shapes = HESSIANS[name]
    d, arrays, dense = problem(text, next(iter(shapes)), shapes)
    H = d.operator()(**arrays)
    v = rng.normal(size=dense.shape[0])
    np.testing.assert_allclose(H @ v, dense @ v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H.diagonal().ravel(), np.diag(dense), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(H.todense(), dense, rtol=1e-9, atol=1e-9)


def is_square(case) -> bool:
    return case.order == 2 or (case.order == 1 and len(case.vars[case.wrt]) == 1)


#: Cases of one test, so that workers share them evenly.
BATCH = 32
CASES = [case for case in load() if is_square(case)]


@pytest.mark.parametrize("start", range(0, len(CASES), BATCH))
def test_second_derivatives_and_jacobians_of_the_corpus(start):
    for case in CASES[start : start + BATCH]:
        d = differentiate(case)
        if d.tensor.dims != d.wrt.axes * 2:
            with pytest.raises(mc.UnsupportedProblem, match="another shape than its argument"):
                d.operator()
            continue
        function = d.operator()
        for which in range(len(SIZE_SETS)):
            arrays, wanted = points()[case.id, which]
            size = round(wanted.size**0.5)
            dense = wanted.reshape(size, size)
            H = function(**arrays)
            v = rng.normal(size=size)
            atol = 1e-10 + 1e-8 * abs(dense).max()
            near = partial(np.testing.assert_allclose, rtol=1e-6, atol=atol)
            near(H @ v, dense @ v, err_msg=case.id)
            near(H.rmatvec(v), v @ dense, err_msg=case.id)
            near(H.diagonal().ravel(), np.diag(dense), err_msg=case.id)
            near(H.todense(), dense, err_msg=case.id)
            if np.linalg.cond(dense) < 1e8:
                solved = np.linalg.solve(dense, v)
                np.testing.assert_allclose(H.solve(v), solved, rtol=1e-5, err_msg=case.id)


# ---------------------------------------------------------------------- what it costs


def test_the_core_is_all_that_is_held():
    d, arrays, _ = problem(*REGULAR["matrix factorisation"][:3])
    assert repr(d.operator()(**arrays)) == "<operator of shape (12, 12), core (3, 3)>"
    many = d.operator()(T=np.ones((1000, 5)), V=arrays["V"])
    assert repr(many) == "<operator of shape (3000, 3000), core (3, 3)>"
    assert many.solve(np.ones((1000, 3))).shape == (1000, 3)


def test_the_matrix_is_not_formed_for_a_product():
    d = mc.diff(*REGULAR["logistic regression"][:2], order=2)
    H = d.operator()(X=np.ones((3, 20_000)), w=np.zeros(20_000))
    np.testing.assert_allclose(H @ np.ones(20_000), np.full(20_000, 15_000.0))


def test_the_source():
    d = mc.diff("norm2(T - U V')^2", "U", order=2)
    lines = [line.strip() for line in d.operator().source.splitlines()]
    assert [line for line in lines if line.startswith(("def ", "return "))] == [
        "def core(V):",
        "return V.T @ V",
        "def matvec(c1, v):",
        "return 2 * (v @ c1)",
        "def diagonal(c1, m):",
        "return t1.T",
        "def todense(c1, m):",
        "return t1",
        "def solve(c1, g):",
        "return 0.5 * np.linalg.solve(c1, g.T).T",
    ]
    assert lines.count("import numpy as np") == 1


def test_large_systems_are_solved_without_the_matrix(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 2)
    for backend, convert in CONVERT.items():
        d, arrays, dense = problem(*REGULAR["logistic regression"][:3])
        H = d.operator(backend)(**{name: convert(array) for name, array in arrays.items()})
        g = rng.normal(size=3)
        solved = np.linalg.solve(dense, g)
        np.testing.assert_allclose(H.solve(convert(g)), solved, rtol=1e-6)
        concave = mc.diff("-sum(log(1 + exp(-X w)))", "w", order=2).operator(backend)
        H = concave(**{name: convert(array) for name, array in arrays.items()})
        if backend != "jax":
            with pytest.raises(mc.ArgumentProblem, match="not positive definite"):
                H.solve(convert(g))


# ---------------------------------------------------------------------- JAX, SciPy, precision


def test_newton_steps_are_compiled():
    d, arrays, dense = problem(*REGULAR["logistic regression"][:3])
    function = d.operator("jax")
    step = jax.jit(lambda w, g: function(X=arrays["X"], w=w).solve(g))
    g = rng.normal(size=3)
    np.testing.assert_allclose(step(arrays["w"], g), np.linalg.solve(dense, g), rtol=1e-9)


def test_an_operator_passes_through_compiled_functions():
    d, arrays, dense = problem(*REGULAR["log det"][:3])
    H = d.operator("jax")(**arrays)
    v = rng.normal(size=(4, 4))
    product = jax.jit(lambda H, v: H @ v)(H, v)
    np.testing.assert_allclose(product.ravel(), dense @ v.ravel(), rtol=1e-9)
    assert jax.jit(lambda H: H)(H).shape == (16, 16)


def test_scipy_takes_it():
    d, arrays, dense = problem(*REGULAR["logistic regression"][:3])
    H = d.operator()(**arrays).aslinearoperator()
    assert isinstance(H, LinearOperator)
    assert (H.shape, H.dtype) == ((3, 3), np.float64)
    g = rng.normal(size=3)
    np.testing.assert_allclose(H @ np.eye(3), dense)
    np.testing.assert_allclose(cg(H, g, rtol=1e-12)[0], np.linalg.solve(dense, g), rtol=1e-8)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    H = mc.diff("x' A x", "x", order=2).operator()(A=np.eye(2))
    with pytest.raises(mc.UnsupportedProblem, match="scipy, which is not installed"):
        H.aslinearoperator()


def test_single_precision_stays():
    for backend, convert in CONVERT.items():
        for text, wrt, shapes, _ in REGULAR.values():
            d, arrays, _ = problem(text, wrt, shapes)
            given = {name: convert(array.astype(np.float32)) for name, array in arrays.items()}
            H = d.operator(backend)(**given)
            v = convert(rng.normal(size=shapes[wrt]).astype(np.float32))
            results = H @ v, H.solve(v)
            if H.core:
                results += H.diagonal(), H.todense()
            assert {str(value.dtype).rpartition(".")[2] for value in results} == {"float32"}, text


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize(
    ("text", "wrt", "arrays"),
    [
        ("logsumexp(x)", "x", {"x": [0.3, 0.1, 0.2]}),
        ("norm2(T - U V')^2", "U", {"T": np.ones((4, 5)), "V": np.ones((5, 3))}),
        ("sum(X.^3)", "X", {"X": [[1.0, 0.0], [2.0, 3.0]]}),
        ("a' inv(X) b", "X", {"X": np.eye(3), "a": [1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0]}),
    ],
)
def test_a_singular_matrix(text, wrt, arrays, backend):
    H = mc.diff(text, wrt, order=2).operator(backend)(
        **{name: CONVERT[backend](np.asarray(array)) for name, array in arrays.items()}
    )
    g = CONVERT[backend](rng.normal(size=H.variable_shape))
    with pytest.raises(mc.ArgumentProblem) as caught:
        H.solve(g)
    assert str(caught.value) == (
        "error: the matrix is singular at these arrays, or nearly so\n"
        "  help: H.todense() is the matrix; a multiple of the identity added to it makes it regular"
    )


@pytest.mark.parametrize(("text", "wrt"), [("sum(X)", "X"), ("A x", "x"), ("tr(X' A X)", "X")])
def test_what_is_not_square(text, wrt):
    with pytest.raises(mc.UnsupportedProblem, match="another shape than its argument"):
        mc.diff(text, wrt).operator()


def test_an_argument_of_another_shape():
    H = mc.diff("norm2(T - U V')^2", "U", order=2).operator()(T=np.ones((4, 5)), V=np.ones((5, 3)))
    with pytest.raises(mc.ShapeProblem) as caught:
        H @ np.ones((3, 4))
    assert str(caught.value) == (
        "error: an argument of shape (3, 4) for an operator on arrays of (4, 3)"
    )


def test_a_size_that_no_array_tells():
    function = mc.diff("norm2(T - U V')^2", "U", order=2).operator()
    with pytest.raises(mc.ArgumentProblem, match="missing argument: the size m"):
        function(V=np.ones((5, 3)))
    assert function(V=np.ones((5, 3)), m=4).shape == (12, 12)
