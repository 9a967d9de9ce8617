"""Programs and rules to trees."""

import ast
import sys
from pathlib import Path

import pytest

from matcalc.errors import MatcalcError, Span
from matcalc.ops import REGISTRY, function_names
from matcalc.syntax import tree
from matcalc.syntax.parser import parse_program, parse_rule
from tests.syntax.brief import brief

FUNCTIONS = frozenset(function_names()) | {"norm", "vector", "matrix"}


def read(text, **known):
    return parse_program(text, FUNCTIONS, **known)


def statements(text, **known):
    return "; ".join(map(brief, read(text, **known).statements))


def value(text):
    return read(text).statements[-1].value


def readings():
    lines = Path(__file__).with_name("readings.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            text, _, reading = line.partition(" => ")
            yield pytest.param(text, reading, id=text)


@pytest.mark.parametrize(("text", "reading"), list(readings()))
def test_reading(text, reading):
    if reading == "!":
        with pytest.raises(MatcalcError):
            read(text)
    else:
        assert statements(text) == reading


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("A\n\n;B\n", "A; B"),
        ("x # comment; y", "x"),
        ("x % comment\n# another\ny", "x; y"),
        ("(A\n + B)\nx", "(+ A + B); x"),
        ("tr(A\nB)", "(tr (A B))"),
        ("(exp\n(x))", "(exp x)"),
        ("||A\nx||", "(norm (A x))"),
        ("x\r\ny\r\n", "x; y"),
        ("\tx\t+\ty", "(+ x + y)"),
        ("\ufeffx", "x"),
        ("x\u00a0+\u2009y", "(+ x + y)"),
    ],
)
def test_lines_comments_and_blanks(text, reading):
    assert statements(text) == reading


def test_names_from_outside():
    assert statements("weight x", names=frozenset({"weight"})) == "(weight x)"
    assert statements("lambda_1 x", names=frozenset({"λ_{1}"})) == "(λ_1 x)"


def test_functions_are_those_given():
    assert brief(parse_program("L(x)", frozenset({"L"})).statements[0]) == "(L x)"
    assert brief(parse_program("L(x)", frozenset()).statements[0]) == "(L x)"


RULES = [
    text
    for operation in REGISTRY.values()
    for text in (operation.index_form, *operation.partial, operation.definition)
    if text
]


@pytest.mark.parametrize("text", RULES)
def test_every_rule_of_the_rule_book_is_read(text):
    rule = parse_rule(text)
    assert rule.source == text
    assert (rule.variable is not None) == text.startswith("∂")
    if ")' =" in text:
        assert isinstance(rule.target, tree.Transpose)
    else:
        base = rule.target.base if isinstance(rule.target, tree.Indexed) else rule.target
        assert isinstance(base, tree.Call)


def test_rules():
    rule = parse_rule("∂inv(X)[i,j]/∂X[k,l] = -inv(X)[i,k] inv(X)[l,j]")
    assert brief(rule.target) == "(inv X)[i,j]"
    assert brief(rule.variable) == "X[k,l]"
    assert brief(rule.value) == "((- (inv X)[i,k]) (inv X)[l,j])"
    rule = parse_rule("sum_1(X)[1,j] = X[i,j]")
    assert brief(rule.target) == "(sum_1 X)[1,j]"
    assert brief(parse_rule("mean(X) = 1/(m n) sum(X)").value) == "(/ 1 ((m n) (sum X)))"
    assert brief(parse_rule("power(x, y)' = y x^(y - 1)").value) == "(y (^ x (+ y - 1)))"


@pytest.mark.parametrize("text", ["tr(X)", "x; y", "A: n", ""])
def test_a_rule_is_an_equation(text):
    with pytest.raises(MatcalcError):
        parse_rule(text)


def typed(text, node):
    return text[node.span.start : node.span.end]


def test_spans_point_into_the_text_as_typed():
    text = "½ ‖𝐀⁻¹ x₁‖² + σ (λ)"
    first, second = (term for _, term in value(text).terms)
    assert typed(text, first) == "½ ‖𝐀⁻¹ x₁‖²"
    assert typed(text, second) == "σ (λ)"
    norm = first.factors[1].base
    assert typed(text, norm) == "‖𝐀⁻¹ x₁‖"
    assert typed(text, norm.operand.factors[0]) == "𝐀⁻¹"
    assert typed(text, norm.operand.factors[1]) == "x₁"


def test_a_span_takes_brackets_in():
    text = "a (x + y)'"
    transposed = value(text).factors[1]
    assert typed(text, transposed) == "(x + y)'"
    assert typed(text, transposed.operand) == "(x + y)"


def test_spans_of_calls_and_operators():
    text = "tr (A) / b"
    quotient = value(text)
    assert quotient.operator_span == Span(7, 8)
    assert typed(text, quotient.left) == "tr (A)"
    assert quotient.left.function_span == Span(0, 2)


def test_the_source_is_kept():
    assert read("x # x₁").source == "x # x₁"


@pytest.mark.parametrize(
    ("opening", "closing", "times"),
    [
        ("(", ")", 1000),
        ("exp(", ")", 1000),
        ("x^{", "}", 1000),
        ("||", "||", 1000),
        ("|(", ")|", 500),
    ],
)
def test_brackets_nest_a_thousand_deep(opening, closing, times):
    read(opening * times + "y" + closing * times)


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a x"] * 10_000),
        "*".join(["A"] * 10_000),
        " ".join(["A"] * 10_000),
        "-" * 10_000 + "x",
        "x" + "'" * 10_000,
        "x;" * 10_000,
    ],
    ids=lambda text: text[:5],
)
def test_long_texts_need_no_recursion(text):
    limit = sys.getrecursionlimit()
    assert len(text) > limit
    read(text)


@pytest.mark.parametrize("module", ["parser", "names", "source", "tree"])
def test_the_parser_is_loaded_by_parsing_only(module):
    path = Path(sys.modules[f"matcalc.syntax.{module}"].__file__)
    imports = [
        getattr(node, "module", None) or node.names[0].name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    eager = {f"matcalc.syntax.{name}" for name in ("names", "source", "tree")} | {"matcalc.syntax"}
    assert {name for name in imports if name.startswith("matcalc.syntax")} <= eager
