"""Hessians as operators: against the dense matrix, in every library; and what they refuse."""

from functools import partial

import numpy as np
import pytest

import matcalc as mc
from tests.codegen.operators import CONVERT, REGULAR, problem
from tests.codegen.test_contractions import HESSIANS
from tests.corpus.cases import SIZE_SETS, load
from tests.corpus.score import differentiate
from tests.corpus.store import points

rng = np.random.default_rng(1)


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
