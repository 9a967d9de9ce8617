"""Structured variables: the three conventions, and rules that need a property."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import matcalc as mc
from matcalc.backends.text import format_expr
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from tests.reference import (
    assert_close,
    finite_difference,
    generator,
    impose,
    sample,
    structure_basis,
)

jax.config.update("jax_enable_x64", True)

FORMS = [
    ("tr(A X)", "symmetric", "ambient", "A'"),
    ("tr(A X)", "symmetric", "tangent", "1/2 (A + A')"),
    ("tr(A X)", "symmetric", "independent", "A + A' - A .* I"),
    ("logdet(X)", "symmetric", "tangent", "X^-1"),
    ("logdet(X)", "symmetric", "independent", "2 X^-1 - X^-1 .* I"),
    ("tr(A X)", "skew", "tangent", "1/2 (A' - A)"),
    ("tr(A X)", "skew", "independent", "A' - A"),
    ("tr(A X)", "diagonal", "independent", "A .* I"),
    ("logdet(X)", "diagonal", "independent", "X^-1"),
    ("logdet(X)", "spd", "ambient", "X^-1"),
    ("tr(X' A X)", "symmetric", "ambient", "(A + A') X"),
    ("tr(A X)", "lower_triangular", "tangent", "tril(A')"),
    ("logdet(X)", "upper_triangular", "independent", "X^-1 .* I"),
    ("tr(A X)", "orthogonal", "tangent", "1/2 (A' - X A X)"),
    ("tr(A X)", "toeplitz", "tangent", "toeplitz(A') ./ toeplitz(ones(n, n))"),
    ("tr(A X)", "toeplitz", "independent", "toeplitz(A')"),
    ("tr(A X)", "symmetric toeplitz", "independent", "toeplitz(A + A') - tr(A) I"),
    ("tr(A X)", "spd toeplitz", "independent", "toeplitz(A + A') - tr(A) I"),
    ("tr(A X)", "diagonal toeplitz", "independent", "tr(A) I"),
    ("tr(A X)", "spd symmetric", "independent", "A + A' - A .* I"),
    ("tr(A X)", "diagonal symmetric", "tangent", "A .* I"),
    ("tr(A X)", "symmetric positive", "tangent", "1/2 (A + A')"),
]


@pytest.mark.parametrize(("f", "structure", "convention", "expected"), FORMS)
def test_forms(f: str, structure: str, convention: str, expected: str) -> None:
    d = mc.diff(
        f,
        "X",
        shapes={"A": ("n", "n"), "X": ("n", "n")},
        assume={"X": structure.split()},
        structured=convention,
    )
    assert d.expr is not None
    assert format_expr(d.expr) == expected


# ------------------------------------------------------------------ against JAX, at structured points

LINEAR = [
    "symmetric", "spd", "skew", "diagonal", "lower_triangular", "upper_triangular", "toeplitz",
    "symmetric toeplitz", "skew toeplitz", "lower_triangular toeplitz", "diagonal toeplitz", "diagonal spd",
    "symmetric lower_triangular", "spd toeplitz",
]  # fmt: skip

SCALAR_FUNCTIONS = {
    "tr(A X B X') + a' X^3 b": lambda X: jnp.trace(A @ X @ B @ X.T) + a @ X @ X @ X @ b,
    "logdet(X' X + C)": lambda X: jnp.linalg.slogdet(X.T @ X + C)[1],
}
ARRAY_FUNCTIONS = {"X a": lambda X: X @ a, "X A X'": lambda X: X @ A @ X.T}
N = 4
A, B, a, b = (sample(generator(name), (N, N)[: 1 + (name < "a")]) for name in "ABab")
C = sample(generator("C"), (N, N), domain="spd")
ARRAYS = {"A": A, "B": B, "C": C, "a": a, "b": b}
SHAPES = {"A": (N, N), "B": (N, N), "C": (N, N), "X": (N, N), "a": N, "b": N}


def found(f: str, structure: str, convention: str, order: int, X: np.ndarray) -> np.ndarray:
    d = mc.diff(
        f,
        "X",
        shapes=SHAPES,
        assume={"X": structure.split(), "C": "spd"},
        structured=convention,
        order=order,
        layout="tensor",
    )
    function = d.function("numpy")
    return np.asarray(function(**{name: (ARRAYS | {"X": X})[name] for name in d.variables}))


def by_parameters(f, basis: np.ndarray, X: np.ndarray, order: int) -> np.ndarray:
    """Derivative by the coordinates in a basis of the structure, laid out in the entries."""
    # One shape for all structures, so that JAX compiles once.
    basis = np.vstack([basis, np.zeros((N * N - len(basis), N * N))])

    def of_parameters(p):
        return f((p @ basis).reshape(N, N))

    derivative = of_parameters
    for _ in range(order):
        derivative = jax.jacfwd(derivative)
    [parameters] = np.linalg.lstsq(basis.T, X.reshape(-1), rcond=None)[:1]
    value = np.asarray(derivative(jnp.asarray(parameters)))
    for k in range(order):
        value = np.moveaxis(np.tensordot(value, basis, axes=(-1 - k, 0)), -1, -1 - k)
    return value.reshape(*value.shape[: value.ndim - order], *(N, N) * order)


def orthonormal(basis: np.ndarray) -> np.ndarray:
    """In these coordinates, the derivative by parameters is the projection on the tangent space."""
    return np.linalg.qr(basis.T)[0].T


@pytest.mark.parametrize("convention", ["tangent", "independent"])
@pytest.mark.parametrize(
    ("structure", "order"),
    [(structure, order) for order in (1, 2) for structure in LINEAR
     if order == 1 or "toeplitz" not in structure],
)  # fmt: skip
def test_linear_structures(structure: str, convention: str, order: int) -> None:
    basis = structure_basis(structure, N)
    X = impose(sample(generator(structure), (N, N)), structure)
    coordinates = orthonormal(basis) if convention == "tangent" else basis
    scalars_only = order == 2 or "toeplitz" in structure
    functions = SCALAR_FUNCTIONS if scalars_only else SCALAR_FUNCTIONS | ARRAY_FUNCTIONS
    for text, f in functions.items():
        expected = by_parameters(f, coordinates, X, order)
        assert_close(found(text, structure, convention, order, X), expected, 1e-9)


@pytest.mark.parametrize("structure", ["orthogonal", "orthogonal symmetric", "orthogonal skew"])
def test_tangent_to_the_orthogonal_matrices(structure: str) -> None:
    Q = np.linalg.qr(sample(generator(structure), (N, N)))[0]
    if "symmetric" in structure:
        Q = Q @ np.diag([1, 1, 1, -1]) @ Q.T
    elif "skew" in structure:
        Q = Q @ np.kron(np.eye(2), [[0, 1], [-1, 0]]) @ Q.T
    # Velocities Q K with K skew, and of these the ones that keep the symmetry of Q.
    sign = 1 if "symmetric" in structure else -1
    velocities = [Q @ K.reshape(N, N) for K in structure_basis("skew", N)]
    if structure != "orthogonal":
        velocities = [V + sign * V.T for V in velocities]
    left, values, _ = np.linalg.svd(np.array([V.reshape(-1) for V in velocities]).T)
    basis = left[:, : np.sum(values > 1e-9)].T
    for text, f in (SCALAR_FUNCTIONS | ARRAY_FUNCTIONS).items():
        ambient = np.asarray(jax.jacfwd(f)(jnp.asarray(Q)))
        flat = ambient.reshape(*ambient.shape[:-2], N * N)
        expected = (flat @ basis.T @ basis).reshape(ambient.shape)
        assert_close(found(text, structure, "tangent", 1, Q), expected, 1e-9)


REFUSED = [
    ("orthogonal", "independent", 1, "they have no free parameters"),
    ("orthogonal", "tangent", 2, "second derivatives in the tangent convention by orthogonal"),
    ("orthogonal diagonal", "tangent", 1, "they do not form a smooth set"),
    ("orthogonal spd", "tangent", 1, "they do not form a smooth set"),
    ("toeplitz", "tangent", 2, "other than for gradients of scalars"),
]


@pytest.mark.parametrize(("structure", "convention", "order", "message"), REFUSED)
def test_what_has_no_meaning_is_refused(
    structure: str, convention: str, order: int, message: str
) -> None:
    with pytest.raises(UnsupportedProblem, match=message):
        mc.diff(
            "tr(A X B X)", "X", assume={"X": structure.split()}, structured=convention, order=order
        )


def test_a_single_number_has_no_structure_to_move_in() -> None:
    with pytest.raises(UnsupportedProblem, match="X is a single number"):
        mc.diff("X^2", "X", shapes={"X": (1, 1)}, assume={"X": "spd"}, structured="tangent")


EXPLAINED = [
    ("tr(A X)", "symmetric", "ambient",
     ("ambient derivative G: the entries of X vary independently; tangent would be 1/2 (G + G');"
      " independent would be G + G' - G .* I")),
    ("logdet(X)", "symmetric", "ambient",
     ("ambient derivative G: the entries of X vary independently; tangent would be the same;"
      " independent would be 2 G - G .* I")),
    ("logdet(X)", "diagonal", "ambient",
     "ambient derivative: the entries of X vary independently; tangent and independent would be the same"),
    ("tr(A X)", "symmetric", "independent",
     ("independent derivative: by the free parameters of X, G + G' - G .* I for the ambient G;"
      " tangent would be 1/2 (G + G')")),
    ("tr(A X)", "orthogonal", "tangent",
     "tangent derivative: X varies within its structure, 1/2 (G - X G' X) for the ambient G"),
    ("X b", "symmetric", "tangent", "tangent derivative: X varies within its structure"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "structure", "convention", "line"), EXPLAINED)
def test_the_answer_says_what_the_conventions_mean(
    f: str, structure: str, convention: str, line: str
) -> None:
    d = mc.diff(f, "X", assume={"X": structure}, structured=convention)
    assert line in str(d).splitlines()


def test_the_conventions_for_other_programs() -> None:
    d = mc.diff("tr(G X)", "X", assume={"X": "skew"})
    assert d.to_dict()["conventions"] == {
        "tangent": "1/2 (G_1 - G_1')",
        "independent": "G_1 - G_1'",
    }


# ------------------------------------------------------------------ rules that need a property


def test_symmetry_holds_at_the_point_and_not_along_the_variation() -> None:
    # With X' = X put in before, tr(A X') would have the gradient A' of tr(A X).
    d = mc.diff("tr(A X')", "X", shapes={"A": ("n", "n")}, assume={"X": "symmetric"})
    assert d.expr is not None
    assert format_expr(d.expr) == "A"


def test_eigenvalues_need_a_symmetric_matrix() -> None:
    with pytest.raises(UnsupportedProblem, match="eigval of a matrix that is not known to be symm"):
        mc.diff("eigval(A, 0)", "A")


def test_eigenvalue_of_a_symmetric_matrix() -> None:
    d = mc.diff("eigval(A, 0)", "A", assume={"A": "symmetric"})
    A = np.diag([3.0, 1.0, 2.0])
    np.testing.assert_allclose(d.function("numpy")(A=A), np.diag([0.0, 1.0, 0.0]), atol=1e-12)


def test_unknown_convention() -> None:
    with pytest.raises(ArgumentProblem, match="'free' is not"):
        mc.diff("tr(A X)", "X", assume={"X": "symmetric"}, structured="free")


def test_the_ambient_hessian_of_an_eigenvalue_is_symmetric():
    """With entries that vary independently, the left eigenvector is another function than the right one."""
    A = generator("eigenvalue").standard_normal((3, 3))
    A = A + A.T + np.diag([0.0, 2.0, 5.0])

    def eigenvalue(X):
        return np.sort(np.linalg.eigvals(X).real)[1]

    def gradient(X):
        return finite_difference(eigenvalue, X)

    hessian = mc.diff("eigval(A, 1)", "A", assume={"A": "symmetric"}, order=2).function()(A=A)
    assert_close(hessian, finite_difference(gradient, A), rtol=1e-5)


@pytest.mark.parametrize("structure", ["symmetric", "spd", "skew", "orthogonal", "diagonal"])
@pytest.mark.parametrize(
    ("text", "function"),
    [
        (
            "x[i] X[i,j] y[j] + y[i] X[i,j] x[j]",
            lambda X, v: v.x @ X @ v.y + v.y @ X @ v.x,
        ),
        (
            "sum(k, (A[:,k] - x)' X (A[:,k] - x))",
            lambda X, v: jnp.trace((v.A - v.x[:, None]).T @ X @ (v.A - v.x[:, None])),
        ),
        ("sum(k, (X A[:,k])' X A[:,k])", lambda X, v: jnp.sum((X @ v.A) ** 2)),
        (
            "sum(k, A[:,k]' X y + y' X A[:,k])",
            lambda X, v: jnp.sum(v.A.T @ X @ v.y + v.y @ X @ v.A),
        ),
        ("x' X y + sum(k, x[k] (X x)[k])", lambda X, v: v.x @ X @ v.y + v.x @ X @ v.x),
        (
            "s = sum(k, A[:,k]' X A[:,k]); s y[i] X[i,j] y[j]",
            lambda X, v: jnp.trace(v.A.T @ X @ v.A) * (v.y @ X @ v.y),
        ),
    ],
)
def test_the_ambient_derivative_of_sums_over_indices(text: str, function, structure: str) -> None:
    """X' = X holds at the point only: it is not used when the matrix form is found, before."""
    sizes = {"X": (3, 3), "A": (3, 2), "x": 3, "y": 3}
    rng = generator(text, structure)
    values = {name: rng.normal(size=size) for name, size in sizes.items()}
    values["X"] = impose(values["X"], structure)
    declarations = "X: (n, n); A: (n, m); x, y: n; "
    d = mc.diff(declarations + text, "X", assume={"X": [structure]})
    found = d.function("numpy")(**values)
    wanted = jax.grad(function)(jnp.array(values["X"]), SimpleNamespace(**values))
    assert_close(found, wanted, rtol=1e-9)
