"""Simplification: the form a textbook prints, equal in value."""

import pytest

from matcalc import parse
from matcalc.backends.text import format_expr
from matcalc.passes.expand import expand
from matcalc.passes.simplify import simplify

SQUARE = {
    "X": ("n", "p"),
    "A": ("n", "n"),
    "B": ("n", "n"),
    "C": ("n", "n"),
    "x": "n",
    "y": "n",
    "a": (),
    "b": (),
}

#: Written, and in normal form. A, B, C are n x n, x, y vectors, a, b scalars, S symmetric, K skew, Q orthogonal.
FORMS = [
    ("A' x + A x", "(A + A') x"),
    ("2 A x + 2 A' x", "2 (A + A') x"),
    ("A x - A x", "zeros(n)"),
    ("A x + 3 A x", "4 A x"),
    ("x'y + y'x", "2 x' y"),
    ("x' A y - y' A' x", "0"),
    ("(A B)'", "B' A'"),
    ("(A')'", "A"),
    ("(a x .* y)' A", "a (x .* y)' A"),
    ("(a A .* B)' x", "a (A .* B)' x"),
    ("(y (a x .* y)')'", "a (x .* y) y'"),
    ("(A + A')'", "A + A'"),
    ("A A^-1 B", "B"),
    ("A' A^-T B", "B"),
    ("(A B)^-1", "B^-1 A^-1"),
    ("(2 A)^-1", "1/2 A^-1"),
    ("A A A", "A^3"),
    ("A^2 A^-1", "A"),
    ("I A + A I", "2 A"),
    ("diag(x) y", "x .* y"),
    ("diag(x) diag(y)", "diag(x .* y)"),
    ("diag(x) + diag(y)", "diag(x + y)"),
    ("diag(x)^-1", "diag(1 ./ x)"),
    ("x' diag(y)", "(x .* y)'"),
    ("tr(A')", "tr(A)"),
    ("tr(2 A)", "2 tr(A)"),
    ("tr(x y')", "x' y"),
    ("tr(eye(n))", "n"),
    ("tr(B A) - tr(A B)", "0"),
    ("tr(A' B') - tr(A B)", "0"),
    ("tr(kron(A, B))", "tr(A) tr(B)"),
    ("x .* x", "x.^2"),
    ("x ./ x", "ones(n)"),
    ("a x + b x", "(a + b) x"),
    ("||x|| x / ||x||", "x"),
    ("sqrt(a) sqrt(a)", "a"),
    ("sum(x .* y)", "x' y"),
    ("ones(n)' x", "sum(x)"),
    ("sum(X ones(p))", "sum(X)"),
    ("sum(ones(n, n) x)", "n sum(x)"),
    ("sum(ones(p) x')", "p sum(x)"),
    ("sum(x ones(p)')", "p sum(x)"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("1 ./ (1 + exp(-x))", "sigmoid(x)"),
    ("square(x)", "x.^2"),
    ("|-2 x|", "2 abs(x)"),
    ("|x' x|", "x' x"),
    ("||2 x'||", "2 ||x||"),
    ("sqrt(a^2)", "abs(a)"),
    ("sign(a) / |a|", "1/a"),
    ("x' K x", "0"),
    ("(X X')^-1 X X' A", "A"),
    ("A' (A')^2", "(A^3)'"),
    ("det(A^3) A^-3 A", "det(A^3) A^-2"),
    ("S'", "S"),
    ("K'", "-K"),
    ("(A' S A)'", "A' S A"),
    ("(X' S X)^-T", "(X' S X)^-1"),
    ("Q' Q x", "x"),
    ("Q^-1", "Q'"),
]  # fmt: skip

ASSUME = {"S": "symmetric", "K": "skew", "Q": "orthogonal"}


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_normal_form(written: str, expected: str) -> None:
    shapes = SQUARE | dict.fromkeys(ASSUME, ("n", "n"))
    assert format_expr(simplify(parse(written, shapes=shapes, assume=ASSUME))) == expected


def test_a_residual_stays_as_it_was_written() -> None:
    e = parse("W x - y")
    assert simplify(e) is e


def test_simplified_twice_is_simplified_once() -> None:
    for written, _ in FORMS:
        shapes = SQUARE | dict.fromkeys(ASSUME, ("n", "n"))
        once = simplify(parse(written, shapes=shapes, assume=ASSUME))
        assert simplify(once) is once


def test_a_quotient_of_zeros_is_not_one() -> None:
    e = parse("zeros(n) ./ zeros(n)", shapes={"n_1": "n"})
    assert simplify(e) is e


def test_roots_of_numerals_that_multiply_to_a_numeral_are_one() -> None:
    e = parse("(x / sqrt(2)) .^ 2", shapes=SQUARE)
    assert simplify(e) is simplify(parse("1/2 x .^ 2"))


def test_a_size_that_is_a_product_cancels_factor_by_factor() -> None:
    e = parse("sum(X) mean(ones(n, p))", shapes=SQUARE)
    assert simplify(expand(e)) is simplify(parse("sum(X)", shapes=SQUARE))


@pytest.mark.parametrize("written", ["sqrt(A A')", "sqrt(x x')", "sqrt(X' X)"])
def test_the_root_of_the_entries_of_a_product_is_no_norm(written: str) -> None:
    e = parse(written, shapes=SQUARE)
    assert simplify(e) is e
