"""All gradients of a scalar function from one sweep."""

import pytest

import matcalc as mc
from matcalc.core.expr import postorder

NET = "z = W1 x + b1; h = tanh(z); ||W2 h + b2 - y||^2"


def test_every_variable_by_default():
    found = mc.grad(NET)
    assert list(found) == ["W2", "W1", "x", "b1", "b2", "y"]
    assert {name: d.shape for name, d in found.items()} == found["W1"].variables


def test_only_the_variables_named_and_in_their_order():
    assert list(mc.grad(NET, ["b2", "W1"])) == ["b2", "W1"]
    assert list(mc.grad(NET, "W1")) == ["W1"]


def test_each_is_what_diff_gives():
    found = mc.grad(NET, ["W1", "b1"])
    for name in found:
        assert str(found[name]) == str(mc.diff(NET, name))
        assert found[name] is found[name]


def test_forms_share_their_parts():
    forms = mc.grad(NET, ["W1", "b1", "W2", "b2"]).forms.values()
    separately = sum(len(list(postorder(form))) for form in forms)
    assert len(list(postorder(*forms))) <= separately // 2


def test_a_variable_that_does_not_occur_has_a_zero_gradient():
    found = mc.grad("a' x", ["x", "u"], shapes={"u": "n"})
    assert str(found.forms["u"]) == "zeros(n)"
    assert found["u"].is_zero


def test_structure_and_names_that_are_kept():
    symmetric = {"A": "symmetric"}
    text = "x' A x"
    for convention in ("ambient", "tangent", "independent"):
        found = mc.grad(text, "A", assume=symmetric, structured=convention)
        assert str(found["A"]) == str(mc.diff(text, "A", assume=symmetric, structured=convention))
    kept = mc.grad("z = W x; L: m -> scalar; L(z)", "W", keep="z")
    assert "= ∇L(z) x'" in str(kept["W"])


def test_str_is_all_of_them():
    found = mc.grad("a' x")
    assert str(found) == f"{found['a']}\n\n{found['x']}"
    assert repr(found) == "<Gradients of f by a, x>"


def test_a_function_that_is_no_scalar_is_refused():
    with pytest.raises(mc.ShapeProblem) as caught:
        mc.grad("W x", "x")
    assert (
        caught.value.problem
        == "a gradient is of a scalar, and the function is a vector of length m"
    )
    assert caught.value.help == "diff gives its derivative by one variable"


def test_an_unknown_name_is_refused():
    with pytest.raises(mc.NameProblem, match="there is no variable q"):
        mc.grad("a' x", ["q"])


@pytest.mark.parametrize(
    "found", [mc.grad("τ x_1' x_1", ["tau", "x₁"]), mc.diff("τ x_1' x_1", ["tau", "x₁"])]
)
def test_the_keys_are_the_names_as_they_were_asked_for_and_any_spelling_finds_them(found):
    assert list(found) == ["tau", "x₁"]
    assert found["tau"] is found["τ"]
    assert found["x₁"] is found["x_1"] is found["x_{1}"]
    assert found["tau"].wrt.name == "τ"


def test_generated_gradients_have_the_same_keys():
    function = mc.grad("τ x_1' x_1", ["tau", "x_1"]).function()
    assert {k: v.tolist() for k, v in function(tau=2.0, x_1=[1.0, 3.0]).items()} == {
        "tau": 10.0,
        "x_1": [4.0, 12.0],
    }
    assert list(mc.grad("tau x' x").function()(τ=2.0, x=[1.0])) == ["τ", "x"]


def test_two_spellings_of_one_variable_are_one_gradient():
    assert list(mc.grad("τ x' x", ["tau", "τ"])) == ["tau"]


@pytest.mark.parametrize("find", [mc.grad, mc.diff])
@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("foo", "error: there is no derivative by foo here\n  those found are by tau, x"),
        (
            "X",
            (
                "error: there is no derivative by X here\n  those found are by tau, x\n"
                "  help: did you mean x ?"
            ),
        ),
        (
            3,
            (
                "error: results are looked up by name, not by a value of type int\n"
                "  those found are by tau, x"
            ),
        ),
    ],
)
def test_a_derivative_that_is_not_there_is_a_matcalc_error_and_a_key_error(find, key, message):
    with pytest.raises(mc.MatcalcError) as caught:
        find("τ x' x", ["tau", "x"])[key]
    assert str(caught.value) == message
    assert isinstance(caught.value, KeyError)


def test_mapping_methods_see_what_is_there():
    found = mc.grad("tau x' x")
    assert "tau" in found
    assert found.get("y") is None
