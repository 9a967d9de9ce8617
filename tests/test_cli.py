"""The command line: what its commands print, in which format, and how they end."""

import json
import sys

import pytest

import matcalc
from matcalc import cli
from matcalc.derivative import Derivative

# ---------------------------------------------------------------------- diff


def test_answer_and_verdict(run):
    code, out, err = run("diff", "x' A x", "x")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "f = x' A x    x: n, A: (n, n)",
        "∂f/∂x = (A + A') x",
        "length n, mixed layout (the shape of x)",
    ]
    assert lines[3].startswith("check: entries agree with SymPy's for n = ")


def test_no_check(run):
    code, out, _ = run("diff", "x' A x", "x", "--no-check")
    assert code == 0
    assert "check" not in out


def test_by_every_variable_without_any(run):
    _, out, _ = run("diff", "W x + b", "--no-check")
    assert [line.split(" = ")[0] for line in out.splitlines() if line.startswith("∂f")] == [
        "∂f/∂W",
        "∂f/∂x",
        "∂f/∂b",
    ]


def test_several_variables_in_their_order(run):
    _, out, _ = run("diff", "W x + b", "b", "W", "--no-check")
    assert out.index("∂f/∂b") < out.index("∂f/∂W")


def test_structured(run):
    _, out, _ = run(
        "diff", "tr(A X)", "X", "--assume", "X: symmetric", "--structured", "tangent", "--no-check"
    )
    assert "∂f/∂X = 1/2 (A + A')" in out


def test_definitions_are_kept(run):
    text = "L: p -> scalar; z = W x; u = z + b; L(u)"
    code, out, _ = run("diff", text, "x", "--keep", "z", "--keep", "u", "--no-check")
    assert code == 0
    assert out.splitlines()[1:5] == [
        "  where z = W x",
        "        u = z + b",
        "  W: (p, n), x: n, b: p",
        "∂f/∂x = W' ∇L(u)",
    ]
    code, _, err = run("diff", text, "x", "--keep", "v")
    assert (code, err.splitlines()[0]) == (2, "error: v is not defined in the text")


# ---------------------------------------------------------------------- formats


def test_latex(run):
    code, out, err = run("diff", "x' A x", "x", "--format", "latex")
    assert code == 0
    assert out == r"\frac{\partial f}{\partial x} = (A + A^\top) x" + "\n"
    assert err.startswith("check: entries agree")


def test_sympy(run):
    code, out, _ = run("diff", "x' A x", "x", "--format", "sympy", "--no-check")
    assert (code, out) == (0, "(A + A.T)*x\n")


def test_json_of_one_variable_is_an_object(run):
    code, out, err = run("diff", "x' A x", "x", "--format", "json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["expr"] == "(A + A') x"
    assert found["shape"] == ["n"]
    assert found["check"]["ok"] is True


def test_json_of_several_variables_is_a_list(run):
    found = json.loads(run("diff", "W x + b", "--format", "json", "--no-check")[1])
    assert [entry["variable"] for entry in found] == ["W", "x", "b"]
    assert found[0]["expr"] is None
    assert "check" not in found[0]


# ---------------------------------------------------------------------- code


def test_code(run):
    code, out, err = run("diff", "x' A x", "x", "--code", "numpy")
    assert code == 0
    assert "def derivative(" in out
    assert err.startswith("check: entries agree")
    compile(out, "derivative.py", "exec")


def test_code_with_the_value(run):
    code, out, _ = run("diff", "x' A x", "x", "--order", "2", "--code", "jax", "--value")
    assert code == 0
    assert out.endswith("    t1 = A + A.T\n    return x @ A @ x, t1 @ x, t1\n")


@pytest.mark.parametrize("named", [["W", "b"], []])
def test_code_for_several_variables_is_one_function(run, named):
    """The same as in Python; each gradient is checked, and the text is read once."""
    text = "x, y: 2; W: (2, 2); ||W x + b - y||^2"
    code, out, err = run("diff", "-", *named, "--code", "numpy", "--value", stdin=text)
    assert code == 0
    assert out == matcalc.grad(text, named or None).source(value=True)
    assert err.count("check: entries agree") == len(named or "xyWb")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--code", "numpy", "--format", "json"], "--code and --format cannot be combined"),
        (["--code", "numpy", "--steps"], "--code and --steps cannot be combined"),
        (["--value"], "--value is about code\n  help: add --code numpy, or another library"),
    ],
)
def test_options_that_exclude_each_other(run, arguments, message):
    code, out, err = run("diff", "x' x", "x", *arguments)
    assert (code, out, err) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a' W x",
            ["--order", "2"],
            (
                "code for several variables computes gradients, each of the shape of its variable\n"
                "  help: name one variable for other orders and layouts"
            ),
        ),
        (
            "a' W x",
            ["--layout", "numerator"],
            (
                "code for several variables computes gradients, each of the shape of its variable\n"
                "  help: name one variable for other orders and layouts"
            ),
        ),
        (
            "W x",
            [],
            (
                "a gradient is of a scalar, and the function is a vector of length m\n"
                "  help: diff gives its derivative by one variable"
            ),
        ),
    ],
)
def test_code_for_several_variables_is_of_gradients_only(run, text, options, message):
    code, out, err = run("diff", text, "W", "x", "--code", "numpy", *options)
    assert (code, out, err) == (2, "", f"error: {message}\n")


# ---------------------------------------------------------------------- explain


def test_explain(run):
    code, out, err = run("explain", "x' A x", "x", "--style", "differential")
    assert (code, err) == (0, "")
    assert out == (
        "x: n, A: (n, n)\n"
        "f = x' A x\n"
        "df = dx' A x + x' A dx     product rule\n"
        "   = x' A' dx + x' A dx    a scalar is its own transpose\n"
        "   = x' (A + A') dx        collect\n"
        "∂f/∂x = (A + A') x         read off, mixed layout\n"
    )


def test_explain_says_what_was_taken_for_granted(run):
    _, out, _ = run("explain", "log(a' F(a))", "a")
    first, *_, condition, _, note = out.splitlines()
    assert first == "a: n, F: (n, n)"
    assert condition.startswith("conditions: ")
    assert note.startswith("note: F(a) is read as a product")
    _, out, _ = run("explain", "e^x", "x", "--format", "json")
    found = json.loads(out)
    assert found["conditions"] == ["e > 0"]
    assert "x is read as a scalar" in found["notes"]
    assert found["variables"] == {"e": [], "x": []}


def test_explain_keeps_names(run):
    _, out, _ = run("explain", "L: p -> scalar; z = W x + b; L(z)", "W", "--keep", "z")
    assert out.splitlines()[-1].startswith("∂f/∂W = ∇L(z) x'")


def test_explain_as_json_and_latex(run):
    _, out, _ = run("explain", "a' x", "x", "--format", "json")
    found = json.loads(out)
    assert found["derivative"] == "∂f/∂x"
    assert found["steps"][1] == {"left": "f", "right": "a[i] x[i]", "rule": "in index notation"}
    _, out, _ = run("explain", "a' x", "--format", "latex")
    assert out.count("\\begin{aligned}") == 2


def test_steps_follow_the_answer(run):
    _, out, _ = run("diff", "a' x", "x", "--steps", "--no-check")
    assert "\nf = a' x\nf = a[i] x[i]" in out
    _, out, _ = run("diff", "a' x", "x", "--steps", "--no-check", "--format", "json")
    assert json.loads(out)["steps"][-1]["rule"] == "in matrix form, mixed layout"


# ---------------------------------------------------------------------- shapes, rules, help


def test_shapes(run):
    code, out, err = run("shapes", "z = W x + b; z' z")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "W: (m, n)",
        "x: n",
        "b: m",
        "z = W x + b: m",
        "(W x + b)' (W x + b): scalar",
    ]


def test_rules_of_one_function(run):
    code, out, _ = run("rules", "inv")
    assert code == 0
    assert out.splitlines() == [
        "inv(X): (n, n) -> (n, n)",
        "  ∂inv(X)[i,j]/∂X[k,l] = -inv(X)[i,k] inv(X)[l,j]",
        "  valid where X invertible",
        "  source: Matrix Cookbook (60)",
    ]


def test_rules_by_alias_and_in_order(run):
    _, out, _ = run("rules", "trace", "ln")
    assert out.startswith("tr(X): (n, n) -> scalar\n")
    assert "\nlog(x): " in out


def test_whole_rule_book(run):
    _, out, _ = run("rules")
    assert len(out.split("\n\n")) == len(matcalc.ops.REGISTRY)


def test_unknown_rule(run):
    code, _, err = run("rules", "logdett")
    assert code == 2
    assert err == "error: there is no function logdett\n  help: did you mean logdet ?\n"


def test_version(run):
    assert run("--version") == (0, f"matcalc {matcalc.__version__}\n", "")


def test_help_begins_with_examples(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert out == cli.SUMMARY
    assert out.index("examples:") < out.index("commands:")


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_help_of_a_command(run, command, capsys):
    with pytest.raises(SystemExit) as stop:
        run(command, "--help")
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: matcalc {command}")
    assert out.index("examples:") < out.index("options:")


def test_without_arguments(run):
    assert run() == (2, "", cli.SUMMARY)


# ---------------------------------------------------------------------- how it ends


def test_unsupported_is_3(run):
    code, out, err = run("diff", "tr(A expm(X))", "X", "--order", "2")
    assert (code, out) == (3, "")
    assert "expm" in err


def test_refuted_answer_is_4(run, monkeypatch):
    class Refuted:
        ok = False

        def __str__(self):
            return "entry (1) is 1, not 2"

    monkeypatch.setattr(Derivative, "check", lambda _: Refuted())
    code, out, _ = run("diff", "x' x", "x")
    assert code == 4
    assert "check: entry (1) is 1, not 2" in out
    code, out, _ = run("diff", "x' x", "x", "--format", "json")
    assert code == 4
    assert json.loads(out)["check"] == {"ok": False, "verdict": "entry (1) is 1, not 2"}


def test_check_that_is_not_possible_is_said(run, monkeypatch):
    def refuse(_):
        raise matcalc.UnsupportedProblem("SymPy has no such function")

    monkeypatch.setattr(Derivative, "check", refuse)
    code, out, _ = run("diff", "x' x", "x")
    assert code == 0
    assert out.endswith("check: not possible: SymPy has no such function\n")


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_on_a_terminal(run, monkeypatch, environment, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = run("diff", "x' x", "y")
    assert ("\033[1;31merror:\033[0m" in err) is coloured
