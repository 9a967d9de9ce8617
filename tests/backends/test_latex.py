from fractions import Fraction

import pytest

from matcalc.backends.latex import (
    format_dim,
    format_expr,
    format_index,
    format_index_left,
    format_name,
    format_shape,
    format_with_bindings,
)
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Apply, Size, Symbol
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.passes.elaborate import parse

M, N = Dim.of("m"), Dim.of("n")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("(A + A') x", r"(A + A^\top) x"),
        ("2 A^-T", r"2 A^{-\top}"),
        ("A^-1 b", "A^{-1} b"),
        ("x' A x / (x' x)", r"\frac{x^\top A x}{x^\top x}"),
        ("(a / b)^2", r"\left(\frac{a}{b}\right)^2"),
        ("1/2 x' A x", r"\frac{1}{2} x^\top A x"),
        ("-x", "-x"),
        ("A - 2 B", "A - 2 B"),
        ("x .* y", r"x \odot y"),
        ("x ./ y", r"x \oslash y"),
        ("x.^2", r"x^{\odot 2}"),
        ("x[1] X[1,2]", "x_1 X_{1,2}"),
        ("A ⊗ B", r"A \otimes B"),
        ("2 (A ⊗ B)", r"2 (A \otimes B)"),
        ("tr(A B)", r"\operatorname{tr}(A B)"),
        ("||x||", r"\|x\|"),
        ("||X||_F", r"\|X\|_F"),
        ("||x||_1", r"\|x\|_1"),
        ("sqrt(a)", r"\sqrt{a}"),
        ("abs(x)", r"\lvert x \rvert"),
        ("pinv(A + B)", "(A + B)^{+}"),
        ("exp(a / b)", r"\exp\left(\frac{a}{b}\right)"),
        ("sum(X, 1)", r"\operatorname{sum}(X, 1)"),
        ("1 - tanh(x)", r"\mathbf{1} - \tanh(x)"),
        ("2 + x", r"2 \mathbf{1} + x"),
        ("ones(m, n)", r"\mathbf{1}_{m \times n}"),
        ("zeros(n)", r"\mathbf{0}_{n}"),
        ("A + I", "A + I"),
        ("λ_max x_1", r"\lambda_{\mathrm{max}} x_{1}"),
        ("a^(b + c)", "a^{b + c}"),
        ("pi a", r"\pi a"),
        ("adj(A)", r"\operatorname{adj}(A)"),
    ],
)
def test_expressions(text, latex):
    assert format_expr(parse(text).expr) == latex


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("W1", "W_{1}"),
        ("x_1", "x_{1}"),
        ("x_1_2", "x_{1,2}"),
        ("x_new", r"x_{\mathrm{new}}"),
        ("λ", r"\lambda"),
        ("Σ_xy", r"\Sigma_{\mathrm{xy}}"),
        ("Α", r"\mathrm{A}"),
        ("weight", r"\mathrm{weight}"),
    ],
)
def test_names(name, latex):
    assert format_name(name) == latex


def test_every_operation_has_a_form():
    a = Symbol("a", SCALAR)
    for op in REGISTRY.values():
        if not op.symbolic and op not in (EYE, ONES, ZEROS):
            latex = format_expr(Apply(op, (a,) * len(op.parameters), SCALAR))
            assert latex.count("{") == latex.count("}")
            assert "{0}" not in latex
            assert "{{" not in latex


def test_a_new_operation_needs_no_printer():
    fresh = Operation("wiggle", "(m, n) -> scalar")
    assert format_expr(fresh(Symbol("a", SCALAR))) == r"\operatorname{wiggle}(a)"


def test_sizes_and_shapes():
    assert format_dim(Dim(2, ("m", "n"))) == "2 m n"
    assert format_shape(SCALAR) == r"\mathbb{R}"
    assert format_shape((N, ONE)) == r"\mathbb{R}^n"
    assert format_shape((M, N)) == r"\mathbb{R}^{m \times n}"


i, k = Index(M), Index(M)
j, l = Index(N), Index(N)
W, x = Symbol("W", (M, N)), Symbol("x", (N, ONE))


def test_index_notation():
    product = Term(Fraction(1), (Factor(W, (i, j)), Factor(x, (j,))))
    tensor = Term(Fraction(-1), (Factor(EYE(Size(M)), (i, k)), Factor(x, (l,))))
    assert format_index(IndexExpr((i,), (product,))) == "W_{ij} x_j"
    assert format_index_left("D", IndexExpr((i, k, l), (tensor,))) == (
        r"D_{ijk} = -\delta_{ij} x_k"
    )


def test_sums_that_no_pair_shows_are_written_out():
    row_sums = Term(Fraction(2), (Factor(W, (i, j)),))
    assert format_index(IndexExpr((i,), (row_sums,))) == r"\sum_{j} 2 W_{ij}"


def test_subscripted_names_are_bracketed_in_index_notation():
    first = Symbol("x_1", (N, ONE))
    assert format_index(IndexExpr((j,), (Term(Fraction(1), (Factor(first, (j,)),)),))) == (
        "[x_{1}]_i"
    )


def test_bindings():
    e = parse("tanh(A x + y) (1 + tanh(A x + y)' tanh(A x + y))").expr
    assert format_with_bindings(e) == (
        [("t_{1}", r"\tanh(A x + y)")],
        r"(1 + t_{1}^\top t_{1}) t_{1}",
    )
