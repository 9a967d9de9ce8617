"""Derivatives that a claim mentions by name."""

import pytest

import matcalc as mc
from matcalc.errors import SyntaxProblem, UnsupportedProblem

NETWORK = "L: p -> scalar; z = W x + b; L(z)"
LOSS = "z = W x + b; L = ||z - y||^2"

TRUE = [
    (NETWORK, "W", "x (∂L/∂z)", "numerator"),
    (NETWORK, "W", "∂L/∂z x'", "mixed"),
    (NETWORK, "x", "dL/dz' W", "numerator"),
    (NETWORK, "b", "∂L/∂z", "mixed"),
    # The sum z - y is flat where z is put in.
    (LOSS, "x", "W' ∂L/∂z", "mixed"),
    (LOSS, "x", "(∂L/∂z) (∂z/∂x)", "numerator"),
    ("h = tanh(A x); z = W h; f = z' z", "x", "A' ((1 - h.^2) .* ∂f/∂h)", "mixed"),
]


@pytest.mark.parametrize(("text", "wrt", "claim", "layout"), TRUE)
def test_a_claim_with_a_derivative_in_it_holds(text, wrt, claim, layout):
    found = mc.check(text, wrt, claim)
    assert found.ok
    assert found.layout == layout


def test_it_is_refuted_where_it_is_false():
    assert mc.check(NETWORK, "x", "W' W ∂L/∂x").ok is False


def test_messages_show_the_claim_as_it_was_typed():
    with pytest.raises(UnsupportedProblem) as caught:
        mc.check(LOSS, "W", "(∂L/∂z)(∂z/∂W)")
    assert str(caught.value) == (
        "error: ∂z/∂W has no matrix form\n"
        "  (∂L/∂z)(∂z/∂W)\n"
        "          ^^^^^\n"
        "  help: write its entries in index notation"
    )
    wrong = mc.check(LOSS, "W", "∂L/∂z ∂L/∂z")
    assert "shapes do not agree in the product ∂L/∂z ∂L/∂z" in str(wrong)


def test_a_derivative_with_four_axes_is_read_entry_by_entry():
    text = "F: (m, n) -> (n, n); W F(W) x0"
    claim = "D[i,j,k] = δ[i,j] (F(W) x0)[k] + ∂F(W)[{},j,k] W[i,l] x0[p]"
    assert mc.check(text, "W", claim.format("l,p")).ok
    assert mc.check(text, "W", claim.format("p,l")).ok is False
    whole = mc.check(text, "W", "W ∂F(W)")
    assert "∂F(W) has 4 axes, and no matrix form" in str(whole)


@pytest.mark.parametrize("claim", ["dX -> A dX B", "df: dX -> A dX B", "dX ↦ A dX B"])
def test_a_linear_map_is_a_differential(claim):
    found = mc.check("A X B", "X", claim)
    assert found.ok
    assert str(found).startswith("true: the differential of f = A X B is A dX B")
    assert mc.check("A X B", "X", claim + " dX").ok is False


@pytest.mark.parametrize("claim", ["", " ", ";", "# 2 x", "∂f/∂x ="])
def test_an_empty_claim(claim):
    with pytest.raises(SyntaxProblem) as caught:
        mc.check("x' x", "x", claim)
    assert caught.value.problem == "the claim holds no expression"


@pytest.mark.parametrize("left", ["∂f/∂x", "df/dx", "∇f", "∇_x f(x)", "f'", "f'(x)"])
def test_the_left_side_says_what_is_claimed(left):
    assert mc.check("x' A x", "x", f"{left} = (A + A') x").ok


def test_verdicts_use_the_names_of_the_text():
    found = str(mc.check("h = X' w - y; h' h / m", "w", "X h")).splitlines()[0]
    assert found == (
        "false: the derivative of f = h' h / m, where h = X' w - y, by w is 2 X (X' w - y) / m"
    )
    kept = str(mc.check(NETWORK, "W", "2 ∇L(z) x'", keep="z")).splitlines()[0]
    assert kept == "false: the derivative of f = L(z), where z = W x + b, by W is ∇L(z) x'"
