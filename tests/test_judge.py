"""Random claims: the derivative rearranged is accepted, the derivative spoiled is refuted."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import matcalc as mc
from matcalc.core.expr import Constant, symbols
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE
from matcalc.passes import variations
from matcalc.passes.build import eye, is_op
from tests.jax_reference import evaluate
from tests.reference import distinct_sizes, generator

#: A claim takes some tenths of a second.
EXAMPLES = 15

HALF = Constant(Fraction(1, 2))

#: Functions with derivatives that have terms, factors and transposes to be moved about.
FUNCTIONS = (
    ("x' A x", "x"),
    ("x' A x + b' x", "x"),
    ("||A x - b||^2", "x"),
    ("tr(X' A X B)", "X"),
    ("tr(A X B X')", "X"),
    ("a' X^-1 b", "X"),
    ("tr(A X B)", "X"),
    ("a' X X' b", "X"),
    ("sum(exp(A x)) + x' x", "x"),
    ("||A X - B||_F^2 + tr(C' X)", "X"),
    ("(a' x) ||x||^2", "x"),
    ("A x + B x", "x"),
    ("x' A y + y' B x", "x"),
)

SPOILED = (
    variations.with_transpose,
    variations.in_other_order,
    variations.with_other_sign,
    variations.with_other_coefficient,
    variations.with_one_factor_less,
)


def doubly_transposed(node):
    if not node.is_scalar:
        yield (), TRANSPOSE(TRANSPOSE(node))


def times_identity(node):
    rows, columns = node.shape
    if not rows.is_unit:
        yield (), MATMUL(eye(rows), node)
    if not columns.is_unit:
        yield (), MATMUL(node, eye(columns))


def commuted(node):
    if is_op(node, ADD):
        yield (), ADD(*node.args[::-1])


def halved_twice(node):
    if not node.is_scalar:
        yield (), ADD(TIMES(HALF, node), TIMES(HALF, node))


def multiplied_out(node):
    terms = variations.summands(node)
    if len(terms) > 1:
        yield (), ADD(*terms)


def transposed_product(node):
    if is_op(node, MATMUL):
        yield (), TRANSPOSE(MATMUL(*(TRANSPOSE(arg) for arg in node.args[::-1])))


REARRANGED = (
    doubly_transposed,
    times_identity,
    commuted,
    halved_twice,
    multiplied_out,
    transposed_product,
)


def changed(draw, e, rules, times):
    """The expression after some random changes that keep its shape."""
    for _ in range(times):
        rule = draw(st.sampled_from(rules))
        found = [new for _, new in variations.changed_once(e, rule) if new.shape == e.shape]
        if found:
            e = draw(st.sampled_from(found))
    return e


@settings(deadline=None, max_examples=EXAMPLES, derandomize=True)
@given(st.data())
def test_rearranged_derivative_is_accepted(data):
    f, x = data.draw(st.sampled_from(FUNCTIONS))
    layout = data.draw(st.sampled_from(("mixed", "numerator", "denominator")))
    d = mc.diff(f, x, layout=layout)
    claim = changed(data.draw, d.expr, REARRANGED, data.draw(st.integers(1, 4)))
    found = mc.check(f, x, str(claim))
    assert found.ok is True, f"{claim}: {found}"
    assert layout in found.layouts
    assert mc.check(f, x, claim, layout=layout).ok is True


@settings(deadline=None, max_examples=EXAMPLES, derandomize=True)
@given(st.data())
def test_spoiled_derivative_is_refuted(data):
    f, x = data.draw(st.sampled_from(FUNCTIONS))
    d = mc.diff(f, x)
    claim = changed(data.draw, d.expr, REARRANGED, data.draw(st.integers(0, 2)))
    claim = changed(data.draw, claim, SPOILED, 1)
    assume(not agree_in_jax(claim, d.expr))
    found = mc.check(f, x, claim, layout="mixed")
    assert found.ok is False, f"{claim}: {found}"
    assert found.counterexample is not None


def agree_in_jax(a, b):
    """Whether two expressions have the same value at a random point."""
    variables = symbols(a, b)
    names = {name for s in variables for dim in s.shape for name in dim.symbols}
    sizes = distinct_sizes(names)
    arrays = {
        s.name: generator(s.name).standard_normal([dim.evaluate(sizes) for dim in s.shape])
        for s in variables
    }
    left, right = (evaluate(e, arrays, sizes)[e] for e in (a, b))
    return np.allclose(left, right, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2 A z", "z is not in the problem that the claim is about"),
        ("2 A +", "nothing stands after +"),
    ],
)
def test_unreadable_claim_is_an_error_with_a_caret(text, problem):
    with pytest.raises(mc.MatcalcError) as caught:
        mc.check("x' A x", "x", text)
    assert problem in caught.value.render()
    assert "^" in caught.value.render()


def test_claim_uses_definitions_sizes_and_functions_of_the_problem():
    text = "L: p -> scalar; z = W x + b; L(z)"
    assert mc.check(text, "W", "∇L(z) x'").layout == "mixed"
    assert mc.check(text, "x", "r = ∇L(W x + b); W' r").ok
    assert mc.check("X: (m, n); 1/m sum(X)", "X", "1/m ones(m, n)").ok
    assert mc.check("tr(X^k)", "X", "k (X^(k-1))'").ok


def test_left_side_of_a_claim_may_name_the_derivative():
    assert mc.check("x' A x", "x", "∂f/∂x = (A + A') x").ok


def test_three_is_no_n():
    found = mc.check("tr(X) tr(eye(n)) + 0 tr(X)", "X", "3 I", shapes={"X": ("n", "n")})
    assert found.ok is False


def test_wrong_shape_tells_both_shapes():
    found = mc.check("||A x - b||^2", "x", "2 (A x - b)")
    assert found.ok is False
    assert found.counterexample is None
    assert "the claim is a vector of length m" in str(found)
    assert "a vector of length n in mixed and denominator layout" in str(found)
    assert found.cause == (
        "it is the derivative by A x - b: the inner derivative, of A x - b by x, is missing"
    )


def test_counterexample_is_not_on_a_kink():
    # At the simplest points, with zeros in them, relu has no derivative.
    found = mc.check("W relu(A x + b) + v", "b", "W")
    assert found.counterexample is not None
    assert found.cause == "relu(A x + b) is differentiated as if it were A x + b"


def test_layout_is_strict_if_given():
    found = mc.check("log(det(X))", "X", "X^-1", layout="mixed")
    assert found.ok is False
    assert found.cause == "it is right in numerator layout"
    free = mc.check("log(det(X))", "X", "X^-1")
    assert str(free).splitlines()[1] == "  in numerator layout only; in mixed layout it is X^-T"


def test_verdict_can_be_handed_on():
    found = mc.check("x' A x", "x", "2 A x")
    assert json.loads(json.dumps(found.to_dict()))["counterexample"] == {
        "sizes": {"n": 2},
        "point": {"A": [[0, 1], [0, 0]], "x": [1, 0]},
        "functions": [],
        "index": [2],
        "claimed": 0,
        "expected": 1,
    }
    assert found._repr_mimebundle_()["text/plain"] == str(found)
    assert not found


@pytest.mark.parametrize(
    ("f", "claim"),
    [
        # Right for positive numbers only.
        ("x: scalar; sqrt(x^2)", "1"),
        ("x: scalar; abs(x)^3", "3 x^2"),
        ("x: scalar; log(abs(x))", "1/abs(x)"),
        # Wrong only where two variables are special.
        ("x, y: scalar; relu(x - 10) relu(y - 10)", "0"),
        ("x, y: n; relu(a' x - 50) relu(b' y - 50)", "0"),
        ("x, a: scalar; (x^2)^a", "2 a x^(2 a - 1)"),
        ("x, a, b: scalar; (x^a)^b", "a b x^(a b - 1)"),
    ],
)
def test_claim_that_is_right_in_one_regime_only(f, claim):
    assert mc.check(f, "x", claim).ok is False


@pytest.mark.parametrize(
    ("f", "claim"),
    [
        ("x: scalar; relu(x) - relu(-x)", "1"),
        ("x: scalar; relu(x)^2 - relu(-x)^2", "2 |x|"),
        ("x, y: scalar; max(x, y) + min(x, y)", "1"),
        ("x: n; relu(x) + relu(-x)", "diag(sign(x))"),
    ],
)
def test_claim_that_holds_on_both_sides_of_a_kink_is_right(f, claim):
    # Far away along a line the kink itself must not be taken for a point.
    assert mc.check(f, "x", claim).ok is True


def test_conditions_are_those_of_the_claim_where_it_is_right():
    assert mc.check("a, x: scalar; log(a^2) x", "x", "2 log(a)").conditions == [
        "a != 0",
        "a > 0 (for this form)",
    ]
    assert "conditions: A' A invertible (for this form)" in str(
        mc.check("pinv(A) b", "b", "inv(A' A) A'")
    )


@pytest.mark.parametrize(
    ("f", "x", "claim", "entry"),
    [
        ("tr(X' X)", "X", "2.0000000001 X", "is -60000000003/10000000000 in the claim and -6 in"),
        ("||x||", "x", "x / (||x|| + 10^-9)", "is -10000000/10000001 in the claim and -1 in"),
        ("x' x", "x", "2 x + exp(1000) x", "is 3.94014e+434 in the claim and 4 in"),
    ],
)
def test_difference_that_floats_do_not_show(f, x, claim, entry):
    found = mc.check(f, x, claim)
    assert found.ok is False
    assert found.cause is None
    assert entry in str(found)


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (
            "ones(n) + exp(-10000 (1 + x.^2))",
            "no difference was found, nor a point where |-10000 (1 + x.^2)| < 30",
        ),
        ("ones(n) + relu(cos(x) - 2)", "no difference was found, nor a point where cos(x) - 2 > 0"),
        (
            "ones(n) + (9 + sin(x)).^-100",
            "no difference was found, but 1 ./ (9 + sin(x)).^100 is lost among the digits",
        ),
    ],
)
def test_claim_that_differs_at_no_point_that_can_be_seen_is_not_decided(claim, why):
    found = mc.check("sum(x)", "x", claim)
    assert found.ok is None
    assert found.method == why


@pytest.mark.parametrize(("claim", "ok"), [("I", True), ("2 I", None)])
def test_sizes_at_which_no_array_can_be_held_are_not_tried(claim, ok):
    found = mc.check("X: (99999, 99999); tr(X)", "X", claim)
    assert found.ok is ok


def test_claim_that_is_defined_nowhere_is_not_decided():
    found = mc.check("x' x", "x", "2 x + log(-1) x")
    assert found.ok is None
    assert found.method == "no point was found at which both sides have values"


def test_wrong_claim_is_compared_in_the_usual_layout_where_that_fits():
    found = mc.check("x' A x", "x", "2 A", order=2)
    assert str(found).startswith("false: the derivative of order 2 of f = x' A x by x is A + A'\n")


def test_what_was_taken_for_granted_is_said():
    found = mc.check("L: p -> scalar; L(W x)", "x", "W' ∇L(W x)")
    assert "; L taken as a random polynomial" in found.method


@pytest.mark.parametrize("claim", ["diag(softmax(z)) (I - 1 softmax(z)')", "1 z' + diag(z)"])
def test_one_that_stands_for_a_column_of_ones_is_refused(claim):
    with pytest.raises(mc.MatcalcError, match="the number 1 stands left of"):
        mc.check("softmax(z)", "z", claim)


def test_counterexample_is_where_the_function_is_differentiable():
    found = mc.check("sum(sqrt(x.^2))", "x", "ones(n)")
    assert found.counterexample.point == {"x": [-1]}


@pytest.mark.parametrize(
    ("f", "x", "claim"),
    [
        ("log(det(X))", "X", "X^-T + 1e-9 X"),
        ("x' A x", "x", "(A + A') x + 1e-12 x"),
        ("sum(abs(x))", "x", "tanh(100 x)"),
        ("sum(sin(x))", "x", "cos(x) + 1e-20"),
    ],
)
def test_small_difference_is_shown_and_not_explained(f, x, claim):
    found = mc.check(f, x, claim)
    assert found.ok is False
    assert found.cause is None
    assert found.counterexample is not None


def test_whole_number_of_very_many_digits_is_abbreviated():
    assert "entry 1 is -2.00000e+999 in the claim and 13 in the derivative" in str(
        mc.check("x' A x", "x", "1e999 x")
    )


def test_claim_that_divides_by_zero_has_no_value():
    found = str(mc.check("x' x", "x", "2 x + 1/0 x"))
    assert found.startswith("false: the claim has no value: division by zero\n")


def test_counterexample_is_not_where_functions_are_saturated():
    found = mc.check("sum(sigmoid(100 x))", "x", "100 sigmoid(100 x) .* (1 - sigmoid(x))")
    assert found.counterexample.point == {"x": [Fraction(1, 10)]}


def test_simple_functions_stand_for_abstract_ones():
    found = mc.check("g: scalar -> scalar; x: n; g(x' x)", "x", "2 x")
    assert found.counterexample.functions == ("g(t) = 1/2 t^2",)
    assert found.counterexample.point == {"x": [2]}
    found = mc.check("L: p -> scalar; L(W x)", "x", "W' W ∇L(W x)", shapes={"W": ("p", "p")})
    assert found.counterexample.functions == ("L(t) = sum(t)",)


def test_condition_on_a_scalar_is_said():
    found = mc.check("a, x: scalar; sqrt(a^2 x)", "x", "a / (2 sqrt(x))")
    assert found.cause == "true if a is not negative"
