"""Inverses: what becomes a solution, what is factorised, and what is inverted after all."""

import re
import warnings
from itertools import permutations
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.generate import compile_function, source
from matcalc.errors import ArgumentProblem

jax.config.update("jax_enable_x64", True)

NAMES = "A, B, C: (n, n); a, b: n; "
PROPERTIES = "A, B: (n, n); S: (n, n) spd; L: (n, n) lower_triangular; b, c: n; "

POINTS = np.random.default_rng(0)
ARRAYS = {
    "A": POINTS.standard_normal((4, 4)) + 4 * np.eye(4),
    "B": POINTS.standard_normal((4, 4)),
    "S": np.cov(POINTS.standard_normal((4, 20))),
    "L": np.tril(POINTS.standard_normal((4, 4))) + 3 * np.eye(4),
    "b": POINTS.standard_normal(4),
    "c": POINTS.standard_normal(4),
}


def code(text, backend="numpy"):
    """The statements of the generated function, those of one line only."""
    function = source(mc.parse(text), backend)
    return [line.strip() for line in function.rpartition('"""')[2].strip().splitlines()]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("inv(A) b", ["return np.linalg.solve(A, b)"]),
        ("A^-T b", ["return np.linalg.solve(A.T, b)"]),
        ("A^-1 B", ["return np.linalg.solve(A, B)"]),
        ("B A^-1", ["return np.linalg.solve(A.T, B.T).T"]),
        ("A^-1 diag(a) B", ["return np.linalg.solve(A, a[:, None] * B)"]),
        ("logdet(A)", ["return logdet(A)"]),
        ("log(abs(det(A)))", ["return np.linalg.slogdet(A)[1]"]),
        ("A^-1 + a (A^-1 b)'", ["t1 = np.linalg.inv(A)", "return t1 + np.outer(a, t1 @ b)"]),
        ("tr(A^-1 B)", ['return np.einsum("ij,ji->", np.linalg.inv(A), B)']),
    ],
)
def test_one_use(text, statements):
    assert code(NAMES + text) == statements


def test_several_systems_share_one_factorisation():
    found = mc.diff("a' A^-1 b", "A").source()
    assert found.count("lu_factor") == 1
    assert found.count("scipy.linalg.lu_solve(t1") == 2
    assert "inv" not in found


def test_the_determinant_comes_from_the_factorisation_where_there_is_one():
    text = "\n".join(code(NAMES + "a' A^-1 b + logdet(A)"))
    assert "return t2 @ b + lu_logdet(t1)" in text
    assert "slogdet" not in text


def test_positive_definite_matrices_have_a_cholesky_decomposition():
    found = mc.diff("1/2 y' inv(K) y + 1/2 logdet(K)", "y", assume={"K": "spd"}).source(value=True)
    assert found.count("cho_factor(K") == 1
    assert found.count("cho_solve(t1") == 1
    assert "np.log(np.diagonal(t1[0]))" in found
    regularised = code("X: (m, n); b: n; a: scalar; (X' X + exp(a) I)^-1 b")
    assert "cho_factor" in "".join(regularised)


def test_the_inverse_of_a_positive_definite_matrix_comes_from_its_factorisation():
    d = mc.diff("S: (n, n) spd; 1/2 logdet(S) + 1/2 b' inv(S) b", "S")
    found = d.source(value=True)
    assert found.count("cho_factor(S") == 1
    assert "t2 = cholesky_inverse(t1)" in found
    assert "np.log(np.diagonal(t1[0]))" in found
    assert "inv(" not in found
    assert "torch.cholesky_inverse(torch.linalg.cholesky(S))" in d.source("torch")


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize(
    ("text", "wrt"),
    [("a' inv(S) b", "a"), ("a' inv(S) a + logdet(S)", "S"), ("eigval(S, 1)", "S")],
)
def test_of_a_positive_definite_matrix_the_lower_triangle_is_read(backend, text, wrt):
    d = mc.diff(text, wrt, shapes={"S": ("n", "n")}, assume={"S": "spd"})
    root = POINTS.standard_normal((3, 3))
    S = root @ root.T + np.eye(3)
    arrays = {"a": np.ones(3), "b": np.arange(3.0), "S": S}
    given = {name: arrays[name] for name in d.variables}
    wanted = d.function()(**given)
    given["S"] = np.tril(S) + 2 * np.triu(S, 1)
    tensors = {k: torch.tensor(a) if backend == "torch" else a for k, a in given.items()}
    np.testing.assert_allclose(d.function(backend)(**tensors), wanted, rtol=1e-10)


@pytest.mark.parametrize("backend", DIALECTS)
def test_what_stays_symmetric_however_it_is_multiplied(backend):
    """In one of the two forms the order of ``A' A X`` is left to the call."""
    text = mc.diff("logdet(X' A' A X)", "X").source(backend)
    assert text.count("if m < p:") == 1
    assert len(re.findall(r"cho_factor\(|linalg\.cholesky\(", text)) == 2


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize("size", [1, 5])
def test_inverses_of_positive_definite_matrices_in_single_precision(backend, size):
    function = mc.parse("S: (n, n) spd; S^-1")
    root = POINTS.standard_normal((size, size))
    S = (root @ root.T + np.eye(size)).astype(np.float32)
    array = S if backend != "torch" else torch.from_numpy(S)
    found = np.asarray(compile_function(function, backend)(S=array))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ S, np.eye(size), atol=1e-4)


def test_generated_solutions_under_vmap():
    text = PROPERTIES + "S^-1 b + A^-1 B c + A^-T c + L^-1 b + diag(exp(S^-1))"
    function = compile_function(mc.parse(text), "jax")
    needed = {name: ARRAYS[name] for name in function.__signature__.parameters}
    batch = {name: np.stack([array, 2 * array]) for name, array in needed.items()}
    found = jax.vmap(lambda arrays: function(**arrays))(batch)
    for one, factor in zip(found, (1, 2), strict=True):
        scaled = {name: factor * array for name, array in needed.items()}
        np.testing.assert_allclose(one, function(**scaled), rtol=1e-4)


@pytest.mark.parametrize("text", ["b' A^-1 c", "b' S^-1 c + logdet(S)", "L^-1 b"])
def test_systems_without_unknowns(text):
    variable = text.split("^")[0][-1]
    d = mc.diff(PROPERTIES + f"sum({text})", variable)
    arrays = {name: np.zeros([0] * ARRAYS[name].ndim) for name in d.variables}
    assert d.function()(**arrays).shape == (0, 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ["b' A^-1 c", "sum(A^-1 b)", "logdet(A)"])
def test_singular_matrices_are_refused(text):
    d = mc.diff(PROPERTIES + text, "A")
    ones = {name: np.ones([3] * ARRAYS[name].ndim) for name in d.variables}
    with pytest.raises(ArgumentProblem, match=r"not defined at these arrays: .*[Ss]ingular matrix"):
        d.function()(**ones)


def test_triangular_systems_are_solved_as_such():
    text = "L: (n, n) lower_triangular; b: n; L^-1 b + L^-T b"
    assert code(text, "jax") == [
        "t1 = jax.scipy.linalg.solve_triangular(L, b, lower=True)",
        "return t1 + jax.scipy.linalg.solve_triangular(L.T, b)",
    ]


def test_an_inverse_that_is_part_of_the_answer_is_computed_once():
    d = mc.diff("a' A^-1 b + logdet(A)", "A")
    assert d.source().count("np.linalg.inv") == 1
    assert "solve" not in d.source()


def test_many_wide_systems_take_the_inverse():
    text = "A, B, C, D: (n, n); exp(A^-1 B) + exp(A^-1 C) + exp(A^-1 D)"
    assert code(text)[0] == "t1 = np.linalg.inv(A)"


inv, logdet = np.linalg.inv, lambda matrix: np.linalg.slogdet(matrix)[1]

#: Texts and their values by explicit inverses.
VALUES = [
    ("A^-1 b", lambda v: inv(v.A) @ v.b),
    ("b' A^-1 B + c' A^-T", lambda v: v.b @ inv(v.A) @ v.B + inv(v.A) @ v.c),
    ("A^-T B A^-1", lambda v: inv(v.A).T @ v.B @ inv(v.A)),
    ("A^-2 b", lambda v: inv(v.A) @ inv(v.A) @ v.b),
    ("A^-1 B^-1 S", lambda v: inv(v.B @ v.A) @ v.S),
    ("S^-1 B", lambda v: inv(v.S) @ v.B),
    ("(b' S^-1 c + logdet(S)) b", lambda v: (v.b @ inv(v.S) @ v.c + logdet(v.S)) * v.b),
    (
        "(b' A^-1 c + logdet(A)) A^-T b",
        lambda v: (v.b @ inv(v.A) @ v.c + logdet(v.A)) * (inv(v.A).T @ v.b),
    ),
    (
        "L^-1 B + B L^-T + L^-T b c'",
        lambda v: inv(v.L) @ v.B + v.B @ inv(v.L).T + np.outer(inv(v.L).T @ v.b, v.c),
    ),
]


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_values_in_every_library(text, value, backend):
    function = compile_function(mc.parse(PROPERTIES + text), backend)
    needed = {name: ARRAYS[name] for name in function.__signature__.parameters}
    rtol = 1e-4 if backend == "jax" else 1e-10  # JAX may be in single precision
    np.testing.assert_allclose(
        function(**needed), value(SimpleNamespace(**ARRAYS)), rtol=rtol, atol=rtol
    )


def test_an_ill_conditioned_matrix_is_solved_accurately():
    """Residuals of solutions are small whatever the condition; those of an inverse are not."""
    n = 10
    A = np.vander(np.linspace(0.1, 1, n))
    b = np.ones(n)
    x = compile_function(mc.parse("A: (n, n); b: n; A^-1 b"))(A=A, b=b)
    assert np.linalg.norm(A @ x - b) < 1e-12 * np.linalg.norm(A) * np.linalg.norm(x)


def test_a_singular_matrix_is_refused_without_touching_the_filters_of_warnings(monkeypatch):
    """Other threads have the same filters."""
    function = mc.diff("a' inv(X) b", "X").function()
    monkeypatch.setattr(warnings, "catch_warnings", None)
    monkeypatch.setattr(warnings, "simplefilter", None)
    monkeypatch.setattr(warnings, "filterwarnings", None)
    given = {"a": np.ones(2), "b": np.ones(2)}
    with pytest.raises(ArgumentProblem, match="not defined at these arrays: Singular matrix"):
        function(X=np.ones((2, 2)), **given)
    np.testing.assert_allclose(function(X=np.eye(2), **given), -np.ones((2, 2)))
    assert function(X=np.eye(0), a=np.ones(0), b=np.ones(0)).shape == (0, 0)


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize("text", ["logdet(A)", "log(det(A))", "logdet(A) + b' A^-1 c"])
def test_the_logarithm_of_a_negative_determinant_is_not_a_number(backend, text):
    function = compile_function(mc.parse(PROPERTIES + text), backend)
    A = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 1.0, 0.0]])
    for permuted in map(list, permutations(range(3))):
        arrays = {"A": A[permuted], **({"b": np.ones(3), "c": np.zeros(3)} if "b'" in text else {})}
        given = {k: torch.tensor(a) if backend == "torch" else a for k, a in arrays.items()}
        found = function(**given)
        sign, value = np.linalg.slogdet(A[permuted])
        np.testing.assert_allclose(found, value if sign > 0 else np.nan, rtol=1e-14)
