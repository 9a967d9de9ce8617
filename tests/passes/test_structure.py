"""Structured variables: the three conventions, and rules that need a property."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.backends.text import format_expr
from matcalc.errors import ArgumentProblem, UnsupportedProblem

CONVENTIONS = [
    ("tr(A X)", "symmetric", "ambient", "A'"),
    ("tr(A X)", "symmetric", "tangent", "1/2 (A + A')"),
    ("tr(A X)", "symmetric", "independent", "A + A' - A .* I"),
    ("tr(A X)", "skew", "tangent", "1/2 (A' - A)"),
    ("tr(A X)", "diagonal", "independent", "A .* I"),
    ("logdet(X)", "spd", "ambient", "X^-1"),
    ("tr(X' A X)", "symmetric", "ambient", "(A + A') X"),
]


@pytest.mark.parametrize(("f", "structure", "convention", "expected"), CONVENTIONS)
def test_conventions(f: str, structure: str, convention: str, expected: str) -> None:
    shapes = {"A": ("n", "n"), "X": ("n", "n")}
    d = mc.diff(f, "X", shapes=shapes, assume={"X": structure}, structured=convention)
    assert d.expr is not None
    assert format_expr(d.expr) == expected


COMBINED = [
    (["spd", "symmetric"], "independent", "A + A' - A .* I"),
    (["diagonal", "symmetric"], "tangent", "A .* I"),
    (["symmetric", "positive"], "tangent", "1/2 (A + A')"),
]


@pytest.mark.parametrize(("structure", "convention", "expected"), COMBINED)
def test_combined_structure(structure: list[str], convention: str, expected: str) -> None:
    shapes = {"A": ("n", "n"), "X": ("n", "n")}
    d = mc.diff("tr(A X)", "X", shapes=shapes, assume={"X": structure}, structured=convention)
    assert d.expr is not None
    assert format_expr(d.expr) == expected


@pytest.mark.parametrize(
    "structure",
    [["spd", "toeplitz"], ["skew", "toeplitz"], ["diagonal", "toeplitz"], ["symmetric", "orthogonal"],
     ["symmetric", "lower_triangular"]],
)  # fmt: skip
def test_structure_without_a_projection_is_refused(structure: list[str]) -> None:
    shapes = {"A": ("n", "n"), "X": ("n", "n")}
    if structure == ["spd", "toeplitz"]:
        d = mc.diff(
            "tr(A X)", "X", shapes=shapes, assume={"X": structure}, structured="independent"
        )
        assert d.expr is not None
        assert format_expr(d.expr) == "toeplitz(A') + toeplitz(A')' - toeplitz(A') .* I"
        structured = "tangent"
    else:
        structured = "independent"
    with pytest.raises(UnsupportedProblem, match=r"convention for|projection on"):
        mc.diff("tr(A X)", "X", shapes=shapes, assume={"X": structure}, structured=structured)


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


def test_projections_that_are_not_known_are_refused() -> None:
    with pytest.raises(UnsupportedProblem, match="tangent convention for orthogonal matrices"):
        mc.diff("tr(A X)", "X", assume={"X": "orthogonal"}, structured="tangent")


def test_unknown_convention() -> None:
    with pytest.raises(ArgumentProblem, match="'free' is not"):
        mc.diff("tr(A X)", "X", assume={"X": "symmetric"}, structured="free")
