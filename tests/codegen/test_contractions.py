"""Index expressions as code: what is multiplied in which order, and the values."""

import random
from fractions import Fraction
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen.contractions import contraction
from matcalc.codegen.generate import compile_function, source
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Size, Symbol, postorder
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Term
from matcalc.errors import LimitProblem
from matcalc.ops import REGISTRY
from matcalc.ops.constant import EYE
from matcalc.ops.structural import MATMUL

jax.config.update("jax_enable_x64", True)

BACKENDS = ("numpy", "jax", "torch")

m, n, p = (Dim.of(name) for name in "mnp")
SIZES = {"m": 3, "n": 2, "p": 4}
A = Symbol("A", (n, n))
X = Symbol("X", (m, n))
x = Symbol("x", (n, ONE))
y = Symbol("y", (m, ONE))
r = Symbol("r", (ONE, n))
a = Symbol("a", SCALAR)
VARIABLES = [A, X, x, y, r, a]

i, j, k, l = (Index(d, letter) for d, letter in zip((m, n, m, n), "ijkl", strict=True))

ARRAYS = {
    s.name: np.random.default_rng(seed).normal(size=[SIZES[str(dim)] for dim in s.axes])
    for seed, s in enumerate(VARIABLES)
}


def delta(first: Index, second: Index) -> Factor:
    return Factor(EYE(Size(first.dim)), (first, second))


def term(*factors: Factor, by: Fraction | int = 1) -> Term:
    return Term(Fraction(by), factors)


def body(e: IndexExpr, backend: str = "numpy") -> list[str]:
    """The lines of the function after its docstring and the sizes."""
    lines = source(e, backend, variables=VARIABLES).rpartition('"""')[2].strip().splitlines()
    return [line.strip() for line in lines if ".shape[" not in line and "dtype = " not in line]


def values(e: IndexExpr, backends: tuple[str, ...] = BACKENDS) -> list[np.ndarray]:
    return [
        np.asarray(compile_function(e, backend, variables=VARIABLES)(**ARRAYS))
        for backend in backends
    ]


# ---------------------------------------------------------------------- the text


def test_a_core_is_written_into_blocks():
    e = IndexExpr((i, j, k, l), (term(delta(i, k), Factor(A, (j, l)), by=2),))
    assert body(e) == [
        "t1 = np.zeros((m, n, m, n), dtype=dtype)",
        "i = np.arange(m)",
        "t1[i, :, i, :] = 2 * A",
        "return t1",
    ]
    assert "where((jnp.eye(m, dtype=dtype) > 0)[:, None, :, None], (2 * A)[:, None, :], 0)" in str(
        body(e, "jax")
    )
    assert "torch.diag_embed((2 * A)[:, :, None].expand(-1, -1, m), dim1=0, dim2=2)" in str(
        body(e, "torch")
    )


def test_a_diagonal_is_added_in_place():
    e = IndexExpr((i, k), (term(Factor(y, (i,)), Factor(y, (k,))), term(delta(i, k), Factor(a))))
    assert body(e) == [
        "t1 = np.outer(y, y)",
        "i = np.arange(m)",
        "t1[i, i] += a * np.ones(m, dtype=dtype)",
        "return t1",
    ]


def test_a_variable_is_not_written_to():
    e = IndexExpr((j, l), (term(Factor(A, (j, l))), term(delta(j, l), Factor(x, (j,)))))
    before = ARRAYS["A"].copy()
    assert body(e)[0] == "t1 = np.array(A)"
    values(e)
    np.testing.assert_array_equal(ARRAYS["A"], before)


def test_what_is_common_is_multiplied_once():
    b = Index(n, "b")
    common = (Factor(X, (i, b)), Factor(X, (k, b)))
    terms = (
        term(Factor(A, (j, b)), *common, Factor(A, (l, b))),
        term(delta(j, l), *common, Factor(A, (j, b))),
    )
    code = body(IndexExpr((i, j, k, l), terms))
    assert sum("@" in line or "einsum" in line for line in code) == 1


def test_equal_halves_are_computed_once():
    """Both sides of J' D J along a chain with weights at a common index."""
    b, *links = (Index(n, letter) for letter in "bcdefg")
    middle = Index(n, "v")
    ends = (Index(n, "i"), Index(n, "k"))
    W = [Symbol(f"W{layer}", (n, n)) for layer in range(3)]
    D = [Symbol(f"D{layer}", (n, n)) for layer in range(3)]
    factors = [Factor(D[2], (middle, b))]
    for end, inner in zip(ends, (links[:2], links[2:4]), strict=True):
        path = (end, *inner, middle)
        factors += [Factor(W[s], (path[s + 1], path[s])) for s in range(3)]
        factors += [Factor(D[s], (path[s + 1], b)) for s in range(2)]
    e = IndexExpr((*ends, b), (Term(Fraction(1), tuple(factors)),))
    text = source(e, variables=[*W, *D])
    assert text.count("W1") - text.count("W1:") - text.count("W1,") == 1


def test_weights_of_samples_are_put_to_the_product_not_to_the_matrix():
    """A matrix with a copy for every sample is multiplied copy by copy, which takes longer."""
    b, *path = (Index(n, letter) for letter in "bcdefghj")
    W = [Symbol(f"W{layer}", (n, n)) for layer in range(6)]
    D = [Symbol(f"D{layer}", (n, n)) for layer in range(6)]
    links = zip(D, W, path[1:], path[:-1], strict=True)
    factors = [f for d, w, to, at in links for f in (Factor(d, (to, b)), Factor(w, (to, at)))]
    e = IndexExpr((path[0], path[-1], b), (Term(Fraction(1), tuple(factors)),))
    assert "* W2" not in source(e, variables=[*W, *D])


def test_the_result_is_written_once():
    """Two terms over the same axes are one product of stacks."""
    d = mc.diff("a' inv(X) b", "X", order=2)
    lines = d.source().splitlines()
    assert sum(line.count("@ np.stack(") for line in lines) == 1


def test_more_indices_than_letters_are_refused():
    many = tuple(Index(n) for _ in range(53))
    e = IndexExpr(many, (Term(Fraction(1), tuple(Factor(x, (index,)) for index in many)),))
    with pytest.raises(LimitProblem, match="more than 52 indices"):
        source(e)


def test_a_sum_over_many_indices():
    many = [Index(n) for _ in range(2000)]
    e = IndexExpr((), (term(*(Factor(A, pair) for pair in pairwise(many))),))
    products = [node for node in postorder(contraction(e)) if node.op is MATMUL]
    assert len(products) == 1998
    assert all(len(node.axes) < 2 for node in products)


# ---------------------------------------------------------------------- values


def test_a_term_that_lacks_a_free_index_is_repeated_along_it():
    for value in values(IndexExpr((i, j), (term(Factor(x, (j,)), Factor(a)),))):
        np.testing.assert_allclose(value, ARRAYS["a"] * np.tile(ARRAYS["x"], (3, 1)))


def test_an_index_may_occur_any_number_of_times():
    e = IndexExpr((), (term(Factor(A, (j, j)), Factor(x, (j,)), Factor(r, (j,))),))
    for value in values(e):
        expected = np.sum(np.diag(ARRAYS["A"]) * ARRAYS["x"] * ARRAYS["r"])
        np.testing.assert_allclose(value, expected)


def test_no_terms_are_zeros():
    for value in values(IndexExpr((i, j, k), ())):
        np.testing.assert_array_equal(value, np.zeros((3, 2, 3)))
    for value in values(IndexExpr((), ())):
        assert value == 0


def test_a_composite_index_addresses_an_axis_of_a_product():
    v = Factor(REGISTRY["vec"](X), (Composite((j, i)),))
    for value in values(IndexExpr((i, j), (term(v),))):
        np.testing.assert_array_equal(value, ARRAYS["X"])


def test_nothing_but_deltas():
    for value in values(IndexExpr((i, j, k, l), (term(delta(i, k), delta(j, l), by=3),))):
        np.testing.assert_array_equal(value, 3 * np.eye(6).reshape(3, 2, 3, 2))


def test_three_equal_indices():
    s, t, u = (Index(n, letter) for letter in "stu")
    e = IndexExpr((s, t, u), (term(delta(s, t), delta(t, u), Factor(x, (u,))),))
    for value in values(e):
        np.testing.assert_array_equal(
            value, np.einsum("ij,jk,k->ijk", *[np.eye(2)] * 2, ARRAYS["x"])
        )


@pytest.mark.parametrize("seed", range(60))
def test_random_terms(seed):
    """Against one einsum for every term, the deltas as identity matrices."""
    e = random_expression(random.Random(seed))
    letters = {}
    for index in (*e.free, *(i for t in e.terms for i in t.indices())):
        letters.setdefault(index, "abcdefghijklmnopqrstuvwxyz"[len(letters)])
    result = "".join(letters[index] for index in e.free)
    expected = np.zeros([SIZES[str(dim)] for dim in e.dims])
    for t in e.terms:
        arrays = [
            np.eye(SIZES[str(f.indices[0].dim)]) if f.expr.args else ARRAYS[f.expr.name]
            for f in t.factors
        ]
        subscripts = ["".join(letters[index] for index in f.indices) for f in t.factors]
        missing = [index for index in e.free if letters[index] not in "".join(subscripts)]
        subscripts += [letters[index] for index in missing]
        arrays += [np.ones(SIZES[str(index.dim)]) for index in missing]
        expected += float(t.coefficient) * np.einsum(",".join(subscripts) + "->" + result, *arrays)
    # JAX compiles every operation, which takes its time.
    for value in values(e, BACKENDS if seed < 10 else ("numpy", "torch")):
        np.testing.assert_allclose(value, expected, atol=1e-12)


def random_expression(rng: random.Random) -> IndexExpr:
    free = tuple(rng.sample([i, j, k, l], rng.randint(1, 4)))
    shared = [Index(m), Index(n)]
    terms = []
    for _ in range(rng.randint(1, 4)):
        own = [*free, *rng.sample([*shared, Index(m), Index(n)], 2)]
        factors = []
        for _ in range(rng.randint(1, 5)):
            symbol = rng.choice([A, X, x, y, r])
            slots = tuple(
                rng.choice([o for o in own if o.dim == dim] or [Index(dim)]) for dim in symbol.axes
            )
            factors.append(Factor(symbol, slots))
        pairs = [(s, t) for s in free for t in free if s.dim == t.dim and s is not t]
        if pairs and rng.random() < 0.4:
            factors.append(delta(*rng.choice(pairs)))
        terms.append(Term(Fraction(rng.randint(-3, 3) or 1), tuple(factors)))
    return IndexExpr(free, tuple(terms))


# ---------------------------------------------------------------------- Hessians

rng = np.random.default_rng(0)
DEPTH = 4


def network(W1, X, Y, *weights):
    Z = W1 @ X
    for layer in range(2, DEPTH + 1):
        Z = weights[layer - 2] @ jnp.maximum(Z, 0)
    return jnp.sum(jax.scipy.special.logsumexp(Z, axis=0)) - jnp.sum(Y * Z)


def network_text() -> str:
    z = "W1 X"
    for layer in range(2, DEPTH + 1):
        z = f"W{layer} relu({z})"
    return f"Z = {z}; sum(logsumexp(Z, 1)) - sum(Y .* Z)"


HESSIANS = {
    "matrix factorisation": (
        "norm2(T - U V')^2",
        lambda U, T, V: jnp.sum((T - U @ V.T) ** 2),
        {"U": (4, 3), "T": (4, 5), "V": (5, 3)},
    ),
    "deep network": (
        network_text(),
        network,
        {
            "W1": (5, 2),
            "X": (2, 3),
            "Y": (8, 3),
            "W2": (6, 5),
            "W3": (7, 6),
            "W4": (8, 7),
        },
    ),
    "tanh network": (
        "norm2(Y - V tanh(W X))^2",
        lambda W, Y, V, X: jnp.sum((Y - V @ jnp.tanh(W @ X)) ** 2),
        {"W": (6, 4), "Y": (3, 5), "V": (3, 6), "X": (4, 5)},
    ),
    "log det": (
        "logdet(X)",
        lambda X: jnp.linalg.slogdet(X)[1],
        {"X": (4, 4)},
    ),
    "inverse": (
        "a' inv(X) b",
        lambda X, a, b: a @ jnp.linalg.inv(X) @ b,
        {"X": (4, 4), "a": (4,), "b": (4,)},
    ),
    "one output": (
        "y: scalar; (v' tanh(W x) - y)^2",
        lambda W, v, x, y: (v @ jnp.tanh(W @ x) - y) ** 2,
        {"W": (3, 4), "v": (3,), "x": (4,), "y": ()},
    ),
}


def sample(shapes):
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return {
        name: array @ array.T + np.eye(len(array)) + 0.1 * array
        if array.ndim == 2 and array.shape[0] == array.shape[1]
        else array
        for name, array in arrays.items()
    }


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name, backend):
    text, f, shapes = HESSIANS[name]
    arrays = sample(shapes)
    wrt = next(iter(arrays))
    expected = jax.hessian(f)(*(jnp.asarray(array) for array in arrays.values()))
    d = mc.diff(text, wrt, order=2)
    convert = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.tensor}[backend]
    function = d.function(backend)
    given = {name: convert(array) for name, array in arrays.items()}
    np.testing.assert_allclose(function(**given), expected, rtol=1e-9, atol=1e-9)
    if backend == "jax":
        np.testing.assert_allclose(jax.jit(function)(**given), expected, rtol=1e-9, atol=1e-9)
        doubled = jax.vmap(lambda value: function(**{**given, wrt: value}))
        both = doubled(jnp.stack([given[wrt], given[wrt]]))
        np.testing.assert_allclose(both[1], expected, rtol=1e-9, atol=1e-9)
    if backend == "torch":
        doubled = torch.func.vmap(lambda value: function(**{**given, wrt: value}))
        both = doubled(torch.stack([given[wrt], given[wrt]]))
        np.testing.assert_allclose(both[1], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", HESSIANS)
def test_single_precision_stays(name, backend):
    text, _, shapes = HESSIANS[name]
    arrays = {name: array.astype(np.float32) for name, array in sample(shapes).items()}
    convert = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.tensor}[backend]
    d = mc.diff(text, next(iter(arrays)), order=2)
    value = d.function(backend)(**{name: convert(array) for name, array in arrays.items()})
    assert "float32" in str(value.dtype)


def test_products_of_large_arrays_are_products_of_two_matrices():
    """NumPy would multiply a pair of matrices for every pair of the first two indices."""
    f = "X, Y: (n, m); W, V: (n, n); norm2(V tanh(W X) - Y)^2"
    d = mc.diff(f, "W", order=2)
    assert 'np.einsum("ikm,jlm->ijkl", ' in d.source("numpy").splitlines()[-1]
    assert "[:, None, :, :] @ (X[:, None, :] * X).swapaxes" in d.source("jax").splitlines()[-1]


def test_a_matrix_times_an_array_is_a_tensordot():
    b, c = Index(p, "b"), Index(n, "c")
    first, second = Symbol("T", (n, p, n)), Symbol("S", (p, n, n))
    for factor, text in [
        (Factor(first, (j, b, c)), "np.tensordot(X, T, 1)"),
        (Factor(second, (b, j, c)), "np.tensordot(X, S, (1, 1))"),
    ]:
        e = IndexExpr((i, b, c), (term(Factor(X, (i, j)), factor),))
        array = np.random.default_rng(0).normal(size=[SIZES[str(dim)] for dim in factor.expr.axes])
        assert f"return {text}" in source(e)
        value = compile_function(e)(**{"X": ARRAYS["X"], factor.expr.name: array})
        subscripts = "ij,jbc->ibc" if factor.expr is first else "ij,bjc->ibc"
        np.testing.assert_allclose(value, np.einsum(subscripts, ARRAYS["X"], array))
