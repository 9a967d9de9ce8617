"""The mistakes that are named: one claim for each kind."""

import pytest

import matcalc as mc

BY_RULE = (
    ("||A x - b||", "x", "2 A' (A x - b)", "||A x - b|| is differentiated as if it were ||A x - b||^2"),
    ("||x||", "x", "x", "the derivative of ||x|| is taken to be x: it has to be divided by ||x||"),
    ("||x||^3", "x", "3 ||x||^2 x", "differentiating ||x||^3, the exponent is not reduced"),
    (
        "||x||^4", "x", "4 ||x||^3 ones(n)",
        "||x|| is differentiated like sum(x), as if the norm were the sum of the entries",
    ),
    ("x' inv(A) x", "A", "-A^-2 x x'", "A^-1 is differentiated as if matrices could be exchanged like numbers"),
    (
        "a' X^-1 b", "X", "-X^-2 a b'",
        "X^-1 is differentiated as if matrices could be exchanged like numbers; and X is taken to be symmetric",
    ),
    ("tr(X^-1)", "X", "-X^-T", "differentiating X^-1, one of the two factors X^-1 is left out"),
    (
        "sum(sigmoid(W x + b))", "W", "sigmoid(W x + b) x'",
        "the derivative of sigmoid(W x + b) is taken to be sigmoid(W x + b) itself",
    ),
    (
        "softmax(x)", "x", "diag(softmax(x) .* (1 - softmax(x)))",
        "softmax(x) is differentiated entry by entry, but each of its entries depends on all of x",
    ),
)  # fmt: skip

BY_CONFUSION = (
    ("tr(X)^3", "X", "3 tr(X)^2 X", "the derivative of tr(X) by X is I, not X"),
    ("X: (n, n); exp(tr(X))", "X", "exp(tr(X)) ones(n, n)", "tr(X) is differentiated as if it were sum(X)"),
    (
        "det(X)^2", "X", "2 det(X) X^-T",
        "det(X) is differentiated as if it were logdet(X): the factor det(X) is missing",
    ),
    ("logdet(X)", "X", "1/det(X) I", "det(X) is differentiated as if it were tr(X)"),
    ("log(x' x)", "x", "1 ./ x", "log(x' x) is differentiated as if it were sum(log(x))"),
    ("tr(X' X)", "X", "2 tr(X) I", "tr(X' X) is differentiated as if it were tr(X') tr(X)"),
    (
        "sum(sqrt(x + y))", "x", "1/2 x.^(-1/2)",
        "sqrt(x + y) is differentiated as if it were sqrt(x) + sqrt(y)",
    ),
    (
        "x: n; sum(log(x))", "x", "1/sum(x) ones(n)",
        "sum(log(x)) is differentiated as if it were log(sum(x))",
    ),
    (
        "inv(X + A)", "X", "-kron(X^-T, X^-1)",
        "(X + A)^-1 is differentiated as if it were X^-1 + A^-1",
    ),
    (
        "x: scalar; sin(x^2)", "x", "2 x cos(x)",
        "the derivative of sin(x^2) is taken at x in place of x^2",
    ),
    (
        "x: scalar; 2^x", "x", "x 2^(x - 1)",
        "the power rule is applied to 2^x, of which the exponent varies",
    ),
    (
        "x: scalar; exp(x^2)", "x", "x^2 exp(x^2 - 1)",
        "the power rule is applied to exp(x^2), of which the exponent varies, without an inner derivative",
    ),
    (
        "x: scalar; x^3", "x", "x^3 log(x)",
        "x^3 is differentiated as if the exponent varied and not the base",
    ),
    ("W x + b", "W", "D[i,j,k] = x[k]", "the factor δ[i,j] is missing"),
    (
        "tr(A X^-1)", "X", "-A' X^-2",
        "X^-1 is differentiated as if matrices could be exchanged like numbers; and A is taken to be symmetric",
    ),
)  # fmt: skip

BY_OTHER_DERIVATIVE = (
    (
        "log(x' A x)", "x", "1/(x' A x)",
        "it is the derivative by x' A x: the inner derivative, of x' A x by x, is missing",
    ),
    (
        "a' X' X b", "X", "2 X a b'",
        "the second of the 2 places where X stands is counted twice, as if all gave the same",
    ),
    ("x x'", "x", "2 x", "it would be right if the function had x' x in place of x x'"),
    ("tr(X' A X)", "X", "2 X", "it would be right if the function had X' X in place of X' A X"),
)  # fmt: skip

IN_THE_CLAIM = (
    (
        "A X B", "X", "kron(A, B)",
        "A ⊗ B should be B' ⊗ A: in vec(A X B) = (B' ⊗ A) vec(X) the right factor comes first, transposed",
    ),
    (
        "det(X)", "X", "X^-T",
        "det(X) is differentiated as if it were logdet(X): the factor det(X) is missing",
    ),
    (
        "x: n; 1/n sum(x)", "x", "1/n",
        "the derivative has an entry for each of x, all equal to 1/n: it is not this number but 1/n ones(n)",
    ),
)  # fmt: skip

#: The factor of dX, taken for an array with more than two axes.
OF_THE_MAP = (
    ("A X", "X", "A", "it is what multiplies dX in the linear map dX -> A dX: the derivative has 4 axes"),
    (
        "X A", "X", "A'",
        "its transpose is what multiplies dX in the linear map dX -> dX A: the derivative has 4 axes",
    ),
    (
        "W x + b", "W", "x",
        "it is what multiplies dW in the linear map dW -> dW x: the derivative has 3 axes",
    ),
    (
        "W x + b", "W", "x'",
        "its transpose is what multiplies dW in the linear map dW -> dW x: the derivative has 3 axes",
    ),
    (
        "X X", "X", "2 X",
        (
            "it is taken for what multiplies dX in the linear map dX -> 2 X dX; "
            "X X is differentiated as if matrices could be exchanged like numbers"
        ),
    ),
    (
        "X' X", "X", "2 X",
        (
            "it is taken for what multiplies dX in the linear map dX -> 2 dX' X; "
            "the first of the 2 places where X stands is counted twice, as if all gave the same"
        ),
    ),
    (
        "X^-1", "X", "-X^-2",
        (
            "it is taken for what multiplies dX in the linear map dX -> -X^-2 dX; "
            "X^-1 is differentiated as if matrices could be exchanged like numbers"
        ),
    ),
    (
        "L: p -> scalar; z = W x + b; L(z)", "x", "∇L(z)",
        "the factor W' is missing: the derivative is W' ∇L(W x + b)",
    ),
)  # fmt: skip

CONDITIONS = (
    ("exp(-1/2 (x-μ)' P (x-μ))", "x", "-exp(-1/2 (x-μ)' P (x-μ)) P (x-μ)", "true only if P is symmetric"),
    ("sqrt(x' P x)", "x", "P x / sqrt(x' P x)", "true only if P is symmetric"),
)  # fmt: skip

#: Claims whose own shapes do not agree: what the nearest text is that fits.
WITHOUT_SHAPE = (
    ("a' x + c", "x", "a + c", "it would be right as a, in mixed, denominator and tensor layout"),
    (
        "L: (p, m) -> scalar; Z = W X + b 1'; L(Z)", "W", "X' ∇L(Z)",
        "it would be right as ∇L(Z) X', in mixed, denominator and tensor layout",
    ),
    ("||A x - b||^2", "x", "2 (A x - b) A", "it would be right as 2 (A x - b)' A, in numerator and vec layout"),
    ("a' X b", "X", "b a", "it would be right as b a', in numerator layout"),
    ("x' A x", "x", "x A", "the nearest that fits is x' A; the term x' A' is missing"),
    ("x' A x", "x", "A x + x' A", "it would be right as (A x)' + x' A, in numerator and vec layout"),
    (
        "sigmoid(W x)", "x", "(sigmoid(W x) .* (1 - sigmoid(W x))) .* W",
        "it would be right as diag(sigmoid(W x) .* (1 - sigmoid(W x))) W, in mixed, numerator, tensor and vec layout",
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("f", "x", "claim", "cause"),
    [*BY_RULE, *BY_CONFUSION, *BY_OTHER_DERIVATIVE, *IN_THE_CLAIM, *OF_THE_MAP, *CONDITIONS],
)
def test_mistake(f: str, x: str, claim: str, cause: str) -> None:
    found = mc.check(f, x, claim)
    assert found.ok is False
    assert found.cause == cause


@pytest.mark.parametrize(
    ("f", "claim"),
    [
        ("sum(relu(x))", "sigmoid(100 x)"),
        ("sum(abs(x))", "tanh(50 x)"),
        ("x' x", "2 abs(x) + relu(sum(x) - 1000) x"),
    ],
)
def test_what_only_seems_to_explain_a_claim_is_not_said(f: str, claim: str) -> None:
    """Numbers that are large, or saturate, tell apart what ordinary ones do not."""
    found = mc.check(f, "x", claim)
    assert found.ok is False
    assert found.counterexample is not None
    assert found.cause is None


def test_term_that_is_zero_at_ordinary_points_is_named() -> None:
    found = mc.check("x' A x", "x", "2 A x + relu(sum(x) - 1000) x")
    said = "the term relu(sum(x) - 1000) x does not belong there; and A is taken to be symmetric"
    assert found.cause == said


def test_condition_that_holds_everywhere_is_said() -> None:
    assert mc.check("x' x", "x", "2 abs(x)").cause == "true if no entry of x is negative"


@pytest.mark.parametrize(("f", "x", "claim", "cause"), WITHOUT_SHAPE)
def test_nearest_text(f: str, x: str, claim: str, cause: str) -> None:
    found = mc.check(f, x, claim)
    assert found.ok is False
    assert found.wrong_shape is not None
    assert found.wrong_shape.startswith("the claim has no shape: ")
    assert found.cause == cause


def test_unreadable_text_is_an_error() -> None:
    with pytest.raises(mc.MatcalcError, match="never closed"):
        mc.check("x' A x", "x", "2 (A x")


@pytest.mark.parametrize(
    ("f", "x", "claim"),
    [
        ("x' A x", "x", "dx' A x + x' A dx"),
        ("tr(X' X)", "X", "df = tr(2 X' dX)"),
        ("log(det(X))", "X", "tr(X^-1 dX)"),
        ("X^-1", "X", "-X^-1 dX X^-1"),
    ],
)
def test_differential(f: str, x: str, claim: str) -> None:
    found = mc.check(f, x, claim)
    assert found.ok is True
    assert str(found).startswith("true: the differential of f = ")
    assert set(found.layouts) == {"mixed", "numerator", "denominator", "tensor", "vec"}


def test_wrong_differential() -> None:
    found = mc.check("x' A x", "x", "2 x' A dx")
    assert found.ok is False
    assert str(found).splitlines()[1] == "  the differential 2 x' A dx says that it is 2 A' x"
    assert found.cause == "true only if A is symmetric"


@pytest.mark.parametrize("claim", ["dx' dx", "2 x' dx + 1"])
def test_no_differential(claim: str) -> None:
    found = mc.check("x' x", "x", claim)
    assert found.ok is False
    assert str(found.wrong_shape).endswith("is not a differential of order 1: linear in dx")


def test_counterexample_is_where_the_function_is() -> None:
    found = mc.check("y' log(p) + (1-y)' log(1-p)", "p", "y ./ p + (1-y) ./ (1-p)")
    assert found.counterexample is not None
    assert all(0 < value < 1 for value in found.counterexample.point["p"])


def test_zero_array() -> None:
    assert mc.check("W x", "W", "D[i,j,k] = 0").ok is False
    assert mc.check("W: (m, n); x: n; c' x", "W", "D[i,j] = 0").ok is True
