"""Hessians as operators: against the dense matrix, in every library."""

import re
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, eigsh, gmres

import matcalc as mc
from matcalc.codegen import generate, operator, operator_code
from tests.codegen.test_contractions import HESSIANS, sample
from tests.corpus.cases import SIZE_SETS, load
from tests.corpus.score import differentiate
from tests.corpus.store import points

jax.config.update("jax_enable_x64", True)

CONVERT = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.tensor}
rng = np.random.default_rng(1)

#: Functions of which the Jacobian is taken.
FIRST_ORDER = ("A: (n, n); A x", "A: (m, m); B: (n, n); A X B", "A: (n, n); A x + x.^3")

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
    "a number, several terms": ("x^4 + exp(a x)", "x", {"x": (), "a": ()}, False),
    "a Jacobian": (FIRST_ORDER[0], "x", {"A": (4, 4), "x": (4,)}, False),
    "a Jacobian of a matrix": (FIRST_ORDER[1], "X", {"A": (4, 4), "X": (4, 3), "B": (3, 3)}, False),
    "no arrays": ("norm2(X)^2", "X", {"X": (2, 3)}, False),
}


def problem(text, wrt, shapes):
    arrays = sample(shapes)
    scalars = {name: shape for name, shape in shapes.items() if shape == ()}
    order = 1 if text in FIRST_ORDER else 2
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
    assert H.shape == dense.shape
    near = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
    for given in (v, v.ravel()):
        array = CONVERT[backend](given)
        near(H @ array, (dense @ v.ravel()).reshape(given.shape))
        near(H.rmatvec(array), (v.ravel() @ dense).reshape(given.shape))
        near(H.solve(array), np.linalg.solve(dense, v.ravel()).reshape(given.shape))
        if given.shape:
            near(array @ H, (v.ravel() @ dense).reshape(given.shape))
    near(H.todense(), dense)
    near(H.diagonal(), np.diag(dense).reshape(v.shape))
    assert function.code.forms_matrix == forms_matrix


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", REGULAR)
def test_several_at_once(name, backend):
    text, wrt, shapes, _ = REGULAR[name]
    d, arrays, dense = problem(text, wrt, shapes)
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in arrays.items()})
    near = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
    for count in (1, 5):
        flat = rng.normal(size=(len(dense), count))
        for V in (flat, flat.reshape(*shapes[wrt], count)):
            array = CONVERT[backend](V)
            near(H @ array, (dense @ flat).reshape(V.shape))
            near(H.rmatvec(array), (dense.T @ flat).reshape(V.shape))
            near(H.solve(array), np.linalg.solve(dense, flat).reshape(V.shape))
            rows = CONVERT[backend](np.moveaxis(V, -1, 0).copy())
            near(rows @ H, (flat.T @ dense).reshape(rows.shape))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", REGULAR)
def test_axes_of_size_1(name, backend):
    text, wrt, shapes, _ = REGULAR[name]
    d, arrays, dense = problem(
        text, wrt, {name: (1,) * len(shape) for name, shape in shapes.items()}
    )
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in arrays.items()})
    assert H.todense().shape == (1, 1)
    for shape in ((1,), (1, 3), (*arrays[wrt].shape, 3)):
        v = rng.normal(size=shape)
        np.testing.assert_allclose(H @ CONVERT[backend](v), dense.item() * v, rtol=1e-9)
        np.testing.assert_allclose(H.solve(CONVERT[backend](v)), v / dense.item(), rtol=1e-9)


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
        "return 0.5 * t2.T",
    ]
    assert lines.count("import numpy as np") == 1


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize(
    ("text", "wrt", "shapes"),
    [
        REGULAR["logistic regression"][:3],
        ("(x' A x)^2 - exp(b' x)", "x", {"A": (4, 4), "x": (4,), "b": (4,)}),
        (FIRST_ORDER[2], "x", {"A": (4, 4), "x": (4,)}),
    ],
    ids=["definite", "indefinite", "not symmetric"],
)
def test_large_systems_are_solved_without_the_matrix(text, wrt, shapes, backend, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 2)
    d, arrays, dense = problem(text, wrt, shapes)
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in arrays.items()})
    monkeypatch.setattr(H, "todense", None)
    G = rng.normal(size=(len(dense), 2))
    solved = np.linalg.solve(dense, G)
    near = partial(np.testing.assert_allclose, rtol=1e-6)
    near(H.solve(CONVERT[backend](G[:, 0])), solved[:, 0])
    near(H.solve(CONVERT[backend](G)), solved)
    near(H.solve(CONVERT[backend](0 * G)), 0 * G)


@pytest.mark.parametrize("backend", CONVERT)
def test_what_is_added_to_a_diagonal_may_be_far_larger(backend):
    a, x, g = (
        np.array(entries, dtype=np.float32)
        for entries in ([1e3, 5e2, -1e3], [-1.0, 0.5, 0.0], [1.0, 0.3, -2.0])
    )
    function = mc.diff("sum(exp(x)) + (a' x)^2", "x", order=2).operator(backend)
    H = function(a=CONVERT[backend](a), x=CONVERT[backend](x))
    dense = np.diag(np.exp(x.astype(float))) + 2 * np.outer(a.astype(float), a)
    np.testing.assert_allclose(H.solve(CONVERT[backend](g)), np.linalg.solve(dense, g), rtol=1e-5)


#: Sherman, Morrison and Woodbury divide by a diagonal: functions with a diagonal that may hold zeros.
WITH_A_DIAGONAL = {
    "an inactive ReLU": (
        "sum(relu(x).^2) + (y' x)^2",
        {"x": [-1.0, 1.0, 2.0], "y": [1.0, 1.0, 1.0]},
    ),
    "a power": ("sum(x.^4) + (y' x)^2", {"x": [0.0, 1.0, 2.0], "y": [1.0, -2.0, 3.0]}),
    "weights": (
        "1/2 x' diag(a) x + 1/2 (y' x)^2",
        {"a": [0.0, 1.0, 2.0], "x": [1.0, 1.0, 1.0], "y": [1.0, -2.0, 3.0]},
    ),
    "two products": (
        "sum(relu(x).^2) + (y' x)^2 + exp(z' x)",
        {"x": [-1.0, -2.0, 0.5], "y": [1.0, 2.0, 3.0], "z": [1.0, -1.0, 1.0]},
    ),
}


def with_a_diagonal(name, backend):
    text, given = WITH_A_DIAGONAL[name]
    arrays = {name: np.array(array) for name, array in given.items()}
    d = mc.diff(text, "x", order=2)
    function = d.operator(backend)
    assert not function.code.forms_matrix
    return function, {n: CONVERT[backend](a) for n, a in arrays.items()}, d.function()(**arrays)


@pytest.mark.parametrize("largest", [operator.LARGEST_DENSE, 2])
@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", WITH_A_DIAGONAL)
def test_a_diagonal_with_zeros_makes_no_matrix_singular(name, backend, largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, dense = with_a_diagonal(name, backend)
    H = function(**arrays)
    G = rng.normal(size=(3, 2))
    near = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-10)
    near(H.solve(CONVERT[backend](G)), np.linalg.solve(dense, G))
    near(H.solve(CONVERT[backend](G[:, 0])), np.linalg.solve(dense, G[:, 0]))


@pytest.mark.parametrize(
    ("name", "largest"),
    [*((name, operator.LARGEST_DENSE) for name in WITH_A_DIAGONAL), ("two products", 2)],
)
def test_nor_in_compiled_functions(name, largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, dense = with_a_diagonal(name, "jax")
    solve = jax.jit(lambda g, arrays: function(**arrays).solve(g))
    G = rng.normal(size=(3, 2))
    near = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-10)
    near(solve(G, arrays), np.linalg.solve(dense, G))
    each = jax.vmap(solve, in_axes=(1, None), out_axes=1)
    near(each(G, arrays), np.linalg.solve(dense, G))


@pytest.mark.parametrize("largest", [operator.LARGEST_DENSE, 2])
def test_solutions_with_such_a_diagonal_have_derivatives(largest, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", largest)
    function, arrays, _ = with_a_diagonal("weights", "jax")
    given = arrays["a"], arrays["y"], jnp.array([1.0, 2.0, -1.0])

    def expected(a, y, g):
        return (jnp.linalg.solve(jnp.diag(a) + jnp.outer(y, y), g) ** 2).sum()

    def found(a, y, g):
        return (function(a=a, y=y).solve(g) ** 2).sum()

    wanted = jax.grad(expected, (0, 1, 2))(*given)
    np.testing.assert_allclose(jax.jit(jax.grad(found, (0, 1, 2)))(*given), wanted, rtol=1e-7)


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("smallest", [1e-4, 1e-8, 1e-12, 1e-15])
def test_small_entries_of_a_diagonal_cost_no_digits(smallest, backend):
    draw = np.random.default_rng(3)
    n = 50
    arrays = {name: draw.normal(size=n) for name in "yzg"}
    a = draw.uniform(1, 2, size=n)
    a[:2] = smallest
    d = mc.diff("1/2 x' diag(a) x + 1/2 (y' x)^2 + exp(z' x)", "x", order=2)
    given = {"a": a, "x": np.zeros(n), "y": arrays["y"], "z": arrays["z"]}
    dense, g = d.function()(**given), arrays["g"]
    assert np.linalg.cond(dense) < 1e6
    H = d.operator(backend)(**{name: CONVERT[backend](array) for name, array in given.items()})
    x = np.asarray(H.solve(CONVERT[backend](g)))
    assert abs(dense @ x - g).max() <= 1.5e-8 * abs(g).max()


def test_matrices_that_are_nearly_singular_are_solved_as_well_as_numpy_does():
    draw = np.random.default_rng(4)
    Q = np.linalg.qr(draw.normal(size=(20, 20)))[0]
    A = (Q * np.logspace(0, -11, 20)) @ Q.T
    A, g = A + A.T, draw.normal(size=20)
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    expected = np.linalg.solve(A, g)
    np.testing.assert_allclose(H.solve(g), expected, atol=1e-4 * abs(expected).max())


def spectrum(values):
    """A symmetric matrix with these eigenvalues."""
    Q = np.linalg.qr(np.random.default_rng(5).normal(size=(len(values),) * 2))[0]
    A = (Q * values) @ Q.T
    return A + A.T


@pytest.mark.parametrize(
    ("backend", "indefinite"),
    [("numpy", False), ("numpy", True), ("jax", False), ("torch", True)],
)
def test_iterations_go_on_to_their_tolerance(backend, indefinite, monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    signs = (-1.0) ** np.arange(60) if indefinite else 1.0
    A = spectrum(np.logspace(0, -4 if indefinite else -6, 60) * signs)
    H = mc.diff("1/2 x' A x", "x", order=2).operator(backend)(A=CONVERT[backend](A))
    g = A @ np.random.default_rng(6).normal(size=60)
    x = np.asarray(H.solve(CONVERT[backend](g)))
    assert np.linalg.norm(A @ x - g) <= 2e-10 * np.linalg.norm(g)
    near = np.asarray(H.solve(CONVERT[backend](g), tolerance=1e-3))
    assert 1e-9 < np.linalg.norm(A @ near - g) / np.linalg.norm(g) <= 1e-3
    with pytest.raises(mc.ArgumentProblem, match="did not converge in 20 steps"):
        H.solve(CONVERT[backend](g), steps=20)
    if backend == "jax":
        assert np.isnan(jax.jit(lambda g: H.solve(g, steps=20))(g)).all()
        np.testing.assert_allclose(A @ jax.jit(H.solve)(g), g, atol=1e-9)


def test_iterations_that_do_not_converge_give_no_answer(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    A = spectrum(np.logspace(0, -8, 60) * (-1.0) ** np.arange(60))
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    with pytest.raises(mc.ArgumentProblem, match="did not converge in 1200 steps"):
        H.solve(np.ones(60))


def test_what_differs_in_scale_is_scaled_before_iterations(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 10)
    scale = np.logspace(0, -5, 60)
    A = scale[:, None] * spectrum(np.linspace(1, 2, 60)) * scale
    H = mc.diff("1/2 x' A x", "x", order=2).operator()(A=A)
    x = H.solve(A @ np.ones(60), steps=60)
    np.testing.assert_allclose(x, np.ones(60), rtol=1e-6)


def test_large_systems_that_are_singular(monkeypatch):
    monkeypatch.setattr(operator, "LARGEST_DENSE", 2)
    H = mc.diff("(a' x)^2 + sum(x)", "x", order=2).operator()(a=np.array([1.0, 2.0, 3.0]))
    assert H.solve(np.array([2.0, 4.0, 6.0])) @ H == pytest.approx([2.0, 4.0, 6.0])
    with pytest.raises(mc.ArgumentProblem) as caught:
        H.solve(np.array([1.0, 0.0, 0.0]), steps=5)
    assert re.sub(r"residual .*?\)", "residual R)", str(caught.value)) == (
        "error: the method of minimal residuals did not converge in 5 steps (relative residual R): the "
        "matrix is singular, or nearly so\n"
        "  help: solve(g, tolerance=..., steps=...) asks for less, or for more steps; H.todense() is "
        "the matrix, H.aslinearoperator() an operator for SciPy's solvers"
    )


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


@pytest.mark.parametrize("name", ["logistic regression", "matrix factorisation"])
def test_scipy_takes_it(name):
    d, arrays, dense = problem(*REGULAR[name][:3])
    H = d.operator()(**arrays)
    g = rng.normal(size=len(dense))
    solved = np.linalg.solve(dense, g)
    np.testing.assert_allclose(cg(H, g, rtol=1e-12)[0], solved, rtol=1e-8)
    np.testing.assert_allclose(gmres(H, g, rtol=1e-12)[0], solved, rtol=1e-8)
    start = np.ones(len(dense))
    found = eigsh(H, k=1, v0=start, return_eigenvectors=False)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(dense)[-1:])
    for operator_ in (H.aslinearoperator(), aslinearoperator(H)):
        assert isinstance(operator_, LinearOperator)
        assert (operator_.shape, operator_.dtype) == (dense.shape, np.float64)
        np.testing.assert_allclose(operator_ @ g, dense @ g)
        np.testing.assert_allclose(operator_.T @ g, dense @ g)
        np.testing.assert_allclose(operator_ @ np.eye(len(g)), dense)
        np.testing.assert_allclose(operator_.T @ np.eye(len(g)), dense)


def test_operators_are_mapped():
    d, arrays, _ = problem(*REGULAR["logistic regression"][:3])
    function = d.operator("jax")
    W, V = rng.normal(size=(2, 4, 3))
    wanted = [d.function()(X=arrays["X"], w=w) @ v for w, v in zip(W, V, strict=True)]
    found = jax.vmap(lambda w, v: function(X=arrays["X"], w=w) @ v)(W, V)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    operators = jax.vmap(lambda w: function(X=arrays["X"], w=w))(W)
    np.testing.assert_allclose(jax.vmap(lambda H, v: H @ v)(operators, V), wanted, rtol=1e-9)
    solved = jax.jit(jax.vmap(lambda H, v: H.solve(v)))(operators, found)
    np.testing.assert_allclose(solved, V, rtol=1e-9)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    H = mc.diff("x' A x", "x", order=2).operator()(A=np.eye(2))
    with pytest.raises(mc.UnsupportedProblem, match="scipy, which is not installed"):
        H.aslinearoperator()


@pytest.mark.parametrize("name", REGULAR)
def test_everything_else_without_scipy(name, monkeypatch):
    for module in (generate, operator_code):
        monkeypatch.setattr(module, "has_scipy", lambda: False)
    monkeypatch.setitem(sys.modules, "scipy", None)
    d, arrays, dense = problem(*REGULAR[name][:3])
    H = d.operator()(**arrays)
    g = rng.normal(size=len(dense))
    np.testing.assert_allclose(H.todense() @ H.solve(g), g, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("backend", CONVERT)
def test_systems_in_half_precision(backend):
    H = mc.diff("x' A x", "x", order=2).operator(backend)(
        A=CONVERT[backend](np.eye(2, dtype="float16"))
    )
    assert (H @ CONVERT[backend](np.ones(2, dtype="float16"))).tolist() == [2, 2]
    with pytest.raises(mc.ArgumentProblem, match="there is no linear algebra with numbers of type"):
        H.solve(CONVERT[backend](np.ones(2, dtype="float16")))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_matrix_that_is_not_as_declared(backend):
    H = mc.diff("x' A x", "x", order=2, assume={"A": "spd"}).operator(backend)(
        A=CONVERT[backend](np.diag([1.0, -1.0]))
    )
    with pytest.raises(mc.ArgumentProblem, match="singular or not positive definite"):
        H.solve(np.ones(2))


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("name", REGULAR)
def test_single_precision_stays(name, backend):
    text, wrt, shapes, _ = REGULAR[name]
    d, arrays, _ = problem(text, wrt, shapes)
    convert = CONVERT[backend]
    H = d.operator(backend)(**{n: convert((a / 2).astype(np.float32)) for n, a in arrays.items()})
    v = convert(rng.normal(size=(*shapes[wrt], 2)).astype(np.float32))
    results = H, H @ v[..., 0], H @ v, H.solve(v[..., 0]), H.solve(v), H.diagonal(), H.todense()
    assert {str(value.dtype).rpartition(".")[2] for value in results} == {"float32"}


@pytest.mark.parametrize("text", ["sum(X)", "norm2(X)^2"])
def test_a_hessian_without_variables_has_the_type_of_the_arrays(text):
    d = mc.diff(text, "X", order=2)
    H = d.operator()(X=np.ones((2, 3), dtype=np.float32))
    assert (H.todense().dtype, H.diagonal().dtype) == (np.float32, np.float32)
    assert repr(H) == "<operator of shape (6, 6), core of numbers>"
    assert d.operator()(m=2, n=3).dtype == np.float64


def test_arrays_that_change_do_not_change_the_operator():
    for backend in ("numpy", "torch"):
        for text, wrt, shapes, _ in REGULAR.values():
            d, arrays, dense = problem(text, wrt, shapes)
            given = {name: CONVERT[backend](array) for name, array in arrays.items()}
            H = d.operator(backend)(**given)
            for array in given.values():
                array[...] = 7.0
            np.testing.assert_allclose(H.todense(), dense, rtol=1e-9, atol=1e-9)


def test_tensors_that_are_not_contiguous():
    for text, wrt, shapes, _ in REGULAR.values():
        d, arrays, dense = problem(text, wrt, shapes)
        given = {
            name: torch.tensor(array.T.copy()).T if array.ndim == 2 else torch.tensor(array)
            for name, array in arrays.items()
        }
        H = d.operator("torch")(**given)
        V = torch.tensor(rng.normal(size=(2, len(dense)))).T
        np.testing.assert_allclose(H @ V, dense @ V.numpy(), rtol=1e-9, atol=1e-9)
        solved = np.linalg.solve(dense, V.numpy())
        np.testing.assert_allclose(H.solve(V), solved, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize(
    ("text", "wrt", "arrays"),
    [
        ("logsumexp(x)", "x", {"x": [0.3, 0.1, 0.2]}),
        ("norm2(T - U V')^2", "U", {"T": np.ones((4, 5)), "V": np.ones((5, 3))}),
        ("sum(X.^3)", "X", {"X": [[1.0, 0.0], [2.0, 3.0]]}),
        ("a' inv(X) b", "X", {"X": np.eye(3), "a": [1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0]}),
        ("a' (diag(X).^3)", "X", {"X": np.eye(3), "a": [1.0, 2.0, 3.0]}),
    ],
)
def test_a_singular_matrix(text, wrt, arrays, backend):
    H = mc.diff(text, wrt, order=2).operator(backend)(
        **{name: CONVERT[backend](np.asarray(array)) for name, array in arrays.items()}
    )
    g = CONVERT[backend](rng.normal(size=H.variable_shape))
    with pytest.raises(mc.ArgumentProblem) as caught:
        H.solve(g)
    # Cholesky's decomposition cannot tell which.
    assert str(caught.value).replace(" or not positive definite", "") == (
        "error: the matrix is singular at these arrays, or nearly so\n"
        "  help: H.todense() is the matrix; a multiple of the identity added to it makes it regular"
    )


@pytest.mark.parametrize("backend", CONVERT)
@pytest.mark.parametrize("side", [0.0, 1.0])
def test_a_hessian_of_zeros(side, backend):
    H = mc.diff("a' x", "x", order=2).operator(backend)(n=3)
    assert not np.asarray(H @ CONVERT[backend](np.ones((3, 2)))).any()
    with pytest.raises(mc.ArgumentProblem, match="the matrix is singular"):
        H.solve(CONVERT[backend](np.full(3, side)))


@pytest.mark.parametrize(("text", "wrt"), [("sum(X)", "X"), ("A x", "x"), ("tr(X' A X)", "X")])
def test_what_is_not_square(text, wrt):
    with pytest.raises(mc.UnsupportedProblem, match="another shape than its argument"):
        mc.diff(text, wrt).operator()


def test_an_argument_of_another_shape():
    H = mc.diff("norm2(T - U V')^2", "U", order=2).operator()(T=np.ones((4, 5)), V=np.ones((5, 3)))
    with pytest.raises(mc.ShapeProblem) as caught:
        H @ np.ones((3, 4))
    assert str(caught.value) == (
        "error: an argument of shape (3, 4) for an operator on arrays of (4, 3)\n"
        "  help: it takes these, vectors of 12 entries, and several of either along one more axis"
    )


def test_a_size_that_no_array_tells():
    function = mc.diff("norm2(T - U V')^2", "U", order=2).operator()
    with pytest.raises(mc.ArgumentProblem, match="missing argument: the size m"):
        function(V=np.ones((5, 3)))
    assert function(V=np.ones((5, 3)), m=4).shape == (12, 12)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("single", [False, True])
def test_arguments_of_other_types_than_the_core(backend, single):
    """PyTorch multiplies tensors of one type only."""
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    H = mc.diff("x' A x", "x", order=2).operator(backend)(A=A.astype(np.float32) if single else A)
    for v in ([1, 2], np.array([1, 2]), np.array([1.0, 2.0]), np.array([1, 2], np.float32)):
        np.testing.assert_allclose(np.asarray(H @ v), [8, 14], rtol=1e-6)
        np.testing.assert_allclose(np.asarray(H @ H.solve(v)), [1, 2], rtol=1e-5)
    assert single or np.asarray(H @ [0.1, 0]).tolist() == [0.4, 0.2]
