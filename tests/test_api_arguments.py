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


@pytest.mark.parametrize(
    "junk", [j for j in JUNK if j is not None], ids=lambda value: type(value).__name__
)
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


def test_without_a_variable_the_derivatives_by_all_that_occur():
    for found in (mc.diff("W x + b"), mc.diff("W x + b", None)):
        assert {name: d.shape for name, d in found.items()} == {
            "W": ("m", "m", "n"),
            "x": ("m", "n"),
            "b": ("m", "m"),
        }
    with pytest.raises(mc.ArgumentProblem) as caught:
        mc.diff("3")
    assert caught.value.problem == "the expression has no variables"


@pytest.mark.parametrize(
    ("text", "shapes", "notes"),
    [
        ("x' x", {"q": 3}, ["q is declared, and f does not contain it"]),
        ("q: n; x' x", None, ["q is declared, and f does not contain it"]),
        ("x_1' x_1", {"x1": 3}, ["x1 is declared, and f does not contain it; did you mean x_1 ?"]),
        ("g = x' x", {"X": "n"}, ["X is declared, and g does not contain it; did you mean x ?"]),
        ("x' x", {"x": "n"}, []),
    ],
)
def test_what_is_declared_and_does_not_occur_is_noted(text, shapes, notes):
    assert mc.diff(text, shapes=shapes).popitem()[1].notes == notes


def test_of_the_variable_itself_the_zero_says_it():
    assert mc.diff("x' x", "q", shapes={"q": 3}).notes == []


def test_sizes_may_be_integers_of_numpy():
    d = mc.diff("A x", "x", shapes={"x": np.int64(3), "A": (np.int32(2), 3)})
    assert d.variables == {"A": (2, 3), "x": (3,)}


NAME_OR_NAMES = "must be a name or a list of names, not"
AS_TEXT = '  help: write the expression as text, such as "x\' A x"'
SHAPES = "  help: a shape is () for a scalar, 'n' for a vector, ('m', 'n') for a matrix"
SIZES = "  help: a size is a name, a whole number from 1, or a product such as 'm n'"
NAMES = "  help: names are Latin or Greek letters with digits and subscripts, such as W1"
BACKENDS = "  help: there is for numpy, jax, torch"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.diff(None, "x"), f"expr must be text or an expression, not None\n{AS_TEXT}"),
        (
            lambda: mc.diff(b"x' x", "x"),
            f"expr must be text or an expression, not a value of type bytes\n{AS_TEXT}",
        ),
        (
            lambda: mc.diff(" ", "x"),
            "the text is empty\n  help: type an expression, for example x' A x",
        ),
        (
            lambda: mc.check("x' x", "x", None),
            f"claim must be text or an expression, not None\n{AS_TEXT}",
        ),
        (lambda: mc.check("x' x", None, "2 x"), "wrt must be a name, not None"),
        (lambda: mc.equal("x", None), f"b must be text or an expression, not None\n{AS_TEXT}"),
        (lambda: mc.diff("x' x", 3), f"wrt {NAME_OR_NAMES} a value of type int"),
        (
            lambda: mc.diff("x' x", sympy.Symbol("x")),
            f"wrt {NAME_OR_NAMES} a value of type Symbol",
        ),
        (lambda: mc.diff("x' x", ["x", 3]), "wrt must hold names, not a value of type int"),
        (lambda: mc.diff("x' x", []), "wrt is an empty list\n  help: name a variable"),
        (lambda: mc.grad("x' x", {"x"}), f"names {NAME_OR_NAMES} a value of type set"),
        (lambda: mc.grad("x' x", [None]), "names must hold names, not None"),
        (
            lambda: mc.diff("x' x", "x", shapes="x: n"),
            (
                "shapes must be a mapping, not str\n"
                "  help: write shapes={'A': ('m', 'n'), 'x': 'n', 'a': ()}"
            ),
        ),
        (
            lambda: mc.diff("x' x", "x", shapes={"x": ("n", "n", "n")}),
            f"the shape of x is ('n', 'n', 'n')\n{SHAPES}",
        ),
        (lambda: mc.diff("x' x", "x", shapes={"x": 0}), f"the shape of x has the size 0\n{SIZES}"),
        (lambda: mc.diff("x' x", "x", shapes={"": "n"}), f"'' in shapes is not a name\n{NAMES}"),
        (
            lambda: mc.diff("τ' τ", "τ", shapes={"τ": 3, "tau": 4}),
            "τ and tau in shapes are the same name\n  help: leave out one of the two",
        ),
        (
            lambda: mc.diff("τ' τ", "τ", assume={"τ": "positive", "tau": "nonzero"}),
            "τ and tau in assume are the same name\n  help: leave out one of the two",
        ),
        (
            lambda: mc.diff("x: 3; x' x", "x", shapes={"x": 4}),
            (
                "x is declared twice, with different shapes\n  x: 3; x' x\n  ^^^^\n"
                "  x is a vector of length 3 here and a vector of length 4 in shapes=\n"
                "  help: remove one of the two"
            ),
        ),
        (
            lambda: mc.diff("x' A x", "x", assume={"A": "symetric"}),
            "unknown property symetric\n  help: did you mean symmetric?",
        ),
        (
            lambda: mc.diff("x' x", "x", assume={"q": "positive"}),
            (
                "an assumption on q, which is neither declared nor in the text\n"
                "  the variables are x\n"
                "  help: declare it, as in shapes={'q': ('n', 'n')}, or leave it out"
            ),
        ),
        (
            lambda: mc.diff("x' x", "x", layout=["mixed"]),
            "layout must be a string, not a value of type list",
        ),
        (
            lambda: mc.diff("x' x", "x", order="2"),
            "order must be a whole number from 1 to 12, not a value of type str",
        ),
        (lambda: mc.diff("x' x", "x", keep=0), f"keep {NAME_OR_NAMES} a value of type int"),
        (
            lambda: mc.diff("x' x", "x", keep=""),
            (
                "'' is not defined in the text\n  its definitions are none\n"
                "  help: keep names of definitions, as z in z = W x + b; L(z)"
            ),
        ),
        (
            lambda: mc.diff("x' x", "x").function(None),
            f"there is no code for None\n{BACKENDS}",
        ),
        (
            lambda: mc.grad("x' x").source(3),
            f"there is no code for a value of type int\n{BACKENDS}",
        ),
    ],
)
def test_calls_that_cannot_be_meant(call, message):
    with pytest.raises(mc.MatcalcError) as caught:
        call()
    assert str(caught.value) == f"error: {message}"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("y: n; r: scalar; y + r", "to add r to every entry, write r ones(n)"),
        ("c: scalar; v: n; c - sqrt(v)", "to add c to every entry, write c ones(n)"),
        ("s: scalar; y: n; y + (2 + s)", "to add (2 + s) to every entry, write (2 + s) ones(n)"),
        ("r: scalar; X: (p, q); X - r", "to add r to every entry, write r ones(p, q)"),
    ],
)
def test_a_scalar_added_to_an_array_names_the_remedy(text, remedy):
    with pytest.raises(mc.ShapeProblem) as caught:
        mc.diff(text)
    assert caught.value.help == remedy
