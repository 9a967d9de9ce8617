"""Declarations, definitions, abstract functions, and the shapes= and assume= of the interface."""

import re

import pytest

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply
from matcalc.errors import ArgumentProblem, DeclarationProblem, MatcalcError, NameProblem
from matcalc.ops.reduction import NORM2
from tests.passes.readings import read, shapes


def test_definitions_are_put_in_as_shared_nodes() -> None:
    reading = read("z = W x + b; (z - y)' (z - y)")
    assert list(reading.definitions) == ["z"]
    assert reading.definitions["z"] is read("W x + b").expr
    assert reading.expr is read("(W x + b - y)' (W x + b - y)").expr
    assert "z" not in reading.variables


def test_a_definition_at_the_end_is_the_function() -> None:
    reading = read("r = A x - b; f = ||r||")
    assert reading.expr is NORM2(read("A x - b").expr)
    assert list(reading.definitions) == ["r", "f"]


def test_statements_are_separated_by_semicolons_or_lines() -> None:
    assert read("x: n\nz = 2 x\nz' z").expr is read("x: n; z = 2 x; z' z").expr


def test_declarations_that_agree_may_repeat() -> None:
    assert shapes("A: (m, n); A: (m, n); A", shapes={"A": ("m", "n")}) == {"A": "m x n"}


def test_declarations_may_follow_the_expression() -> None:
    assert shapes("A x\nA: (p, q)") == {"A": "p x q", "x": "q"}


@pytest.mark.parametrize(
    ("text", "alone"),
    [("f = x' x; x: n", "x' x"), ("f[n] = x[n]; x: k", "x"), ("z = W x; z' z; W: (m, n)", None)],
)
def test_declarations_may_follow_the_last_definition(text: str, alone: str | None) -> None:
    declaration = text.rpartition("; ")[2]
    before = f"{declaration}; {alone or text.rpartition('; ')[0]}"
    assert read(text).expr is read(before).expr


def test_a_declared_variable_need_not_occur() -> None:
    assert shapes("x: n; y: k; x' x") == {"x": "n", "y": "k"}


def test_a_declared_definition_must_agree() -> None:
    assert shapes("z: m; z = W x; z' z") == {"W": "m x n", "x": "n"}


def test_properties_are_kept_on_the_symbol() -> None:
    reading = read("A: (n, n) symmetric toeplitz; A", assume={"A": "positive"})
    assert reading.expr.properties == {"symmetric", "toeplitz", "positive"}


def test_abstract_functions() -> None:
    reading = read("L: p -> scalar; z = W x + b; L(z)")
    assert isinstance(reading.expr, Apply)
    assert reading.expr.op.name == "L"
    assert reading.expr.is_scalar
    assert shapes("L: p -> scalar; z = W x + b; L(z)") == {"W": "p x n", "x": "n", "b": "p"}


def test_an_abstract_function_of_several_arguments() -> None:
    reading = read("F: (n, n), n -> (m, n); F(A, b) x")
    assert reading.expr.shape == (Dim.of("m"), ONE)
    assert reading.variables["A"].is_square


def test_the_same_abstract_function_in_two_texts_is_one() -> None:
    assert read("L: p -> scalar; L(z)").expr is read("L: p -> scalar; L(z)").expr


@pytest.mark.parametrize(
    "value", [(), [], "scalar", "n", ("n",), ["n"], ("m", "n"), ["m", "n"], 3, (2, 3), ("m n",)]
)
def test_shapes_are_accepted(value: object) -> None:
    assert "X" in read("sum(X)", shapes={"X": value}).variables


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        1.5,
        None,
        True,
        (0,),
        ("m", "n", "p"),
        ("",),
        "",
        "2x!",
        ("m", None),
        {"m"},
        b"n",
        [[1]],
    ],
)
def test_bad_shapes_are_refused(value: object) -> None:
    with pytest.raises(ArgumentProblem):
        read("sum(X)", shapes={"X": value})


@pytest.mark.parametrize("value", ["X: n", 3, ["X"], {"": "n"}, {3: "n"}, {"a b": "n"}, {"1": "n"}])
def test_shapes_must_map_names(value: object) -> None:
    with pytest.raises(ArgumentProblem):
        read("sum(X)", shapes=value)


@pytest.mark.parametrize(
    "value", ["symmetric", "symmetric, spd", "symmetric spd", ("symmetric",), {"symmetric"}]
)
def test_assumptions_are_accepted(value: object) -> None:
    assert "symmetric" in read("A", assume={"A": value}).expr.properties


@pytest.mark.parametrize("value", [3, None, "", [], [1], ["symmetric", 2]])
def test_bad_assumptions_are_refused(value: object) -> None:
    with pytest.raises(ArgumentProblem, match="the assumption on A is"):
        read("A", assume={"A": value})


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"]])
def test_text_must_be_text(text: object) -> None:
    with pytest.raises(ArgumentProblem, match="text must be a string"):
        read(text)


@pytest.mark.parametrize(
    ("text", "arguments", "error", "message"),
    [
        ("x", {"assume": {"A": "spd"}}, NameProblem, "an assumption on A, which is neither"),
        ("A", {"assume": {"A": "symetric"}}, DeclarationProblem, "unknown property symetric"),
        ("A", {"assume": {"A": "skew spd"}}, DeclarationProblem, "A cannot be both skew and spd"),
        (
            "A",
            {"shapes": {"A": ("m", "n")}, "assume": {"A": "spd"}},
            DeclarationProblem,
            "A is declared spd, but (m, n) is not square",
        ),
        ("A: (m, n); A", {"shapes": {"A": ("m", "p")}}, DeclarationProblem, "A is declared twice"),
        ("z = x; z", {"assume": {"z": "positive"}}, DeclarationProblem, "z is defined and cannot"),
        (
            "x",
            {"shapes": {"x": "n", "n": ()}},
            NameProblem,
            "n is used as a variable and as a size",
        ),
        ("exp(x)", {"shapes": {"exp": "n"}}, MatcalcError, "exp is a function"),
    ],
)
def test_contradictions_are_refused(
    text: str, arguments: dict[str, object], error: type[MatcalcError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        read(text, **arguments)
