"""``equal``: right equations, wrong ones, and under what they would be right."""

import pytest

import matcalc as mc


@pytest.mark.parametrize(
    ("a", "b", "ok", "cause"),
    [
        ("tr(A B)", "tr(B A)", True, None),
        ("A B", "B A", False, "true if A and B commute"),
        ("(A B)'", "B' A'", True, None),
        ("det(A B)", "det(A) det(B)", True, None),
        (
            "A x",
            "x' A",
            False,
            "the left side is a vector of length n, the right side a row of length n",
        ),
        ("x' A x", "x' A' x", True, None),
        ("x' A y", "y' A x", False, "true only if A is symmetric"),
        ("Q: (n, n); Q' Q", "I", False, "true if Q is orthogonal"),
        ("f = x' x; 2 f", "2 ||x||^2", True, None),
    ],
)
def test_equal(a, b, ok, cause):
    found = mc.equal(a, b)
    assert found.ok is ok, str(found)
    assert found.cause == cause
    assert (found.counterexample is not None) == (not ok and "side" not in found.cause)


def test_difference_that_floats_do_not_show():
    found = mc.equal("x' x", "x' x + 10^-20 x' x")
    assert found.ok is False
    assert found.counterexample is not None


def test_absolute_value_of_a_number_is_not_the_number():
    assert mc.equal("x: scalar; abs(x)", "x").ok is False


def test_numbers_need_no_point():
    assert str(mc.equal("2", "3")) == (
        "false: 2 = 3\n  the value is 2 on the left and 3 on the right"
    )


def test_inverse_of_zero_is_equal_to_nothing():
    found = mc.equal("inv(A - A)", "A")
    assert found.ok is None
    assert found.method == "no point was found at which both sides have values"


@pytest.mark.parametrize("text", ["", "  ", ";", "#c"])
def test_empty_side_is_refused(text):
    for sides in (("x", text), (text, "x")):
        with pytest.raises(mc.MatcalcError, match=r"the text (is empty|holds no expression)"):
            mc.equal(*sides)


def test_what_was_taken_for_granted_is_said():
    found = mc.equal("mean(x)", "sum(x) / n")
    assert found.ok is False
    assert "note: n is read as a scalar" in str(found)
    assert found.to_dict()["notes"] == ["n is read as a scalar"]


def test_both_sides_of_a_kink_are_tried():
    found = mc.equal("relu(x - 10)", "0")
    assert found.ok is False
    assert found.counterexample.point == {"x": 11}
    assert mc.equal("relu(x) + relu(-x)", "abs(x)").ok is True


@pytest.mark.parametrize(
    ("a", "b", "conditions"),
    [
        ("X^-1 X A", "A", ("X invertible",)),
        ("X: (n, n) orthogonal; X^-1 X A", "A", ()),
        ("log(det(X))", "logdet(X)", ("det(X) > 0",)),
        ("x: scalar; sqrt(x)^2", "x", ("x >= 0",)),
        ("x: scalar; relu(x) + relu(-x)", "abs(x)", ()),
    ],
)
def test_equal_where_both_are_defined(a, b, conditions):
    found = mc.equal(a, b)
    assert found.ok is True
    assert found.conditions == conditions
    assert found.to_dict()["conditions"] == list(conditions)
    assert ("conditions: " in str(found)) == bool(conditions)


def test_what_is_defined_nowhere_equals_nothing():
    with pytest.raises(mc.UnsupportedProblem, match="defined nowhere"):
        mc.equal("log(0) x", "log(0) x")


def test_sides_are_compared_with_each_other():
    assert mc.equal("inv(A) b", "A \\ b").method.endswith("the same normal form as the right side")
