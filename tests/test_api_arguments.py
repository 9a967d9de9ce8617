"""What `diff` refuses: arguments of every wrong kind, and names that are no variables."""

from typing import Any

import numpy as np
import pytest
import sympy

import matcalc as mc

JUNK = [
    None,
    1,
    1.5,
    True,
    b"x' x",
    [],
    {},
    object(),
    ["x", ["y"]],
    {"x"},
    lambda: None,
    float("nan"),
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda value: type(value).__name__)
def test_junk_as_expression(junk):
    with pytest.raises(mc.MatcalcError):
        mc.diff(junk, "x")
    with pytest.raises(mc.MatcalcError):
        mc.parse(junk)


@pytest.mark.parametrize("junk", JUNK, ids=lambda value: type(value).__name__)
def test_junk_as_variable(junk):
    with pytest.raises(mc.ArgumentProblem):
        mc.diff("x' x", junk)


@pytest.mark.parametrize("argument", ["shapes", "assume", "layout", "order", "structured"])
@pytest.mark.parametrize(
    "junk", [j for j in JUNK if j not in (None, 1, {})], ids=lambda value: type(value).__name__
)
def test_junk_as_option(argument, junk):
    with pytest.raises(mc.MatcalcError):
        mc.diff("x' x", "x", **{argument: junk})


@pytest.mark.parametrize(
    "junk", [j for j in JUNK if j not in (1, [])], ids=lambda value: type(value).__name__
)
def test_junk_inside_of_shapes(junk):
    with pytest.raises(mc.MatcalcError):
        mc.diff("x' x", "x", shapes={"x": junk})
    with pytest.raises(mc.MatcalcError):
        mc.diff("x' x", "x", shapes={junk if junk.__hash__ else 0: "n"})


@pytest.mark.parametrize("junk", JUNK, ids=lambda value: type(value).__name__)
def test_junk_inside_of_assume(junk):
    with pytest.raises(mc.MatcalcError):
        mc.diff("x' x", "x", assume={"x": junk})


@pytest.mark.parametrize(
    ("order", "error"), [(0, mc.ArgumentProblem), (-1, mc.ArgumentProblem), (13, mc.LimitProblem)]
)
def test_order_out_of_range(order, error):
    with pytest.raises(error):
        mc.diff("x' x", "x", order=order)


def test_order_may_be_an_integer_of_numpy():
    assert mc.diff("x' x", "x", order=np.int64(2)).order == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("y", "error: there is no variable y\n  the variables are x, A\n  help: "),
        ("X", "help: did you mean x ?"),
        ("n", "error: n is a size"),
        ("tr", "error: tr is a function"),
        ("", "error: '' is not the name of a variable"),
    ],
)
def test_no_such_variable(name, message):
    with pytest.raises(mc.NameProblem) as caught:
        mc.diff("x' A x / n", name, shapes={"x": "n"})
    assert message in str(caught.value)


def test_near_misses_of_options():
    with pytest.raises(mc.ArgumentProblem, match="did you mean numerator"):
        mc.diff("x' x", "x", layout="numerater")
    with pytest.raises(mc.ArgumentProblem, match="did you mean tangent"):
        mc.diff("x' x", "x", structured="tangential")


def test_derivative_by_a_definition_is_refused():
    with pytest.raises(mc.NameProblem, match="z is defined in the text"):
        mc.diff("z = A x; z' z", "z")


def test_shapes_of_the_text_and_of_the_argument_must_agree():
    with pytest.raises(mc.DeclarationProblem):
        mc.diff("A: (m, n); A x", "x", shapes={"A": ("p", "n")})


def test_errors_show_the_place():
    with pytest.raises(mc.ShapeProblem) as caught:
        mc.diff("W' x + b", "x", shapes={"W": ("m", "n"), "x": "n"})
    assert "  W' x + b\n  ^^^^" in str(caught.value)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"order": 10**5000}, "the order is more than the limit of 12"),
        ({"order": -(10**5000)}, "order must be from 1 to 12, not a large negative number"),
        ({"shapes": {"x": 10**5000}}, "the shape of x has a size with more than 1000 digits"),
        ({"shapes": {"x": "1" * 5000}}, "the shape of x has a size with more than 1000 digits"),
        ({"shapes": {"x": Unprintable()}}, "the shape of x is a value of type Unprintable"),
        ({"shapes": {Unprintable(): "n"}}, "a value of type Unprintable in shapes is not a name"),
        ({"assume": {"A": np.array(3.0)}}, "the assumption on A is a value of type ndarray"),
        ({"shapes": {"x": "ж"}}, "the shape of x has the size 'ж'"),
        ({"shapes": {"x": "symmetric"}}, "the shape of x has the size 'symmetric'"),
        ({"shapes": {"x": "tr"}}, "the shape of x has the size 'tr'"),
    ],
)
def test_values_that_cannot_be_used_or_shown(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.diff("x' A x", "x", **arguments)
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("wrt", "problem"),
    [
        ("1", "'1' is not the name of a variable"),
        ("(m, n)", "'(m, n)' is not the name of a variable"),
        ("n; x", "'n; x' is not the name of a variable"),
        ("pi", "pi is a number, and derivatives are by variables"),
        ("I", "I is the identity matrix, and derivatives are by variables"),
    ],
)
def test_what_is_no_variable(wrt: str, problem: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.diff("A: (m, n); x' A y", wrt)
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("text", "wrt", "problem"),
    [
        ("L: p -> scalar; L(x)", "L", "L is a function, and derivatives are by variables"),
        ("x[i] y[i]", "i", "i is an index, and derivatives are by variables"),
    ],
)
def test_what_has_another_role_in_the_text(text: str, wrt: str, problem: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.diff(text, wrt)
    assert caught.value.problem == problem


def test_a_name_in_square_brackets_is_said_to_be_an_index() -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.diff("E[x]", "x")
    assert str(caught.value.help) == (
        "[x] behind a name is a subscript, E[x] entry x of E; for a function of x use round brackets"
        " and declare it: E: n -> scalar; E(x)"
    )


@pytest.mark.parametrize("name", ["ж", "a b", "tr", "1x"])
def test_a_sympy_symbol_whose_name_is_none(name: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.diff(sympy.Symbol(name) * sympy.Symbol("y"), "y")
    assert caught.value.problem == f"a symbol with the name {name!r} cannot be written in a text"
    assert caught.value.source is None
