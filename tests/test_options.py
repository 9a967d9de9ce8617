"""Options, arguments that begin with a minus, standard input, and what people mistype."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--layout", "numerator"], "∂f/∂x = x' (A + A')"),
        (["--layout=numerator"], "∂f/∂x = x' (A + A')"),
        (["--order", "2"], "∂²f/∂x² = A + A'"),
        (["--assume", "A: symmetric"], "∂f/∂x = 2 A x"),
        (["--shapes", "A: (n, n) symmetric; x: n"], "∂f/∂x = 2 A x"),
        (["--shapes", "A: (p, p)"], "length p, mixed layout (the shape of x)"),
        (["--shapes", "A: (p, p)", "--assume", "A: symmetric"], "∂f/∂x = 2 A x"),
    ],
    ids=" ".join,
)
def test_options(run, arguments, expected):
    code, out, _ = run("diff", "x' A x", "x", *arguments, "--no-check")
    assert code == 0
    assert expected in out.splitlines()


def test_options_stand_anywhere(run):
    first = run("diff", "--no-check", "--layout", "numerator", "x' A x", "x")
    assert first == run("diff", "x' A x", "--layout", "numerator", "x", "--no-check")


@pytest.mark.parametrize("expression", ["-x' x", "-x'x", "-x", "-(x' x)", "--x' x", "- x' x"])
def test_expression_that_begins_with_minus(run, expression):
    code, out, err = run("diff", expression, "x", "--no-check")
    assert (code, err) == (0, "")
    assert run("diff", "--no-check", "--", expression, "x") == (code, out, err)


def test_expression_named_like_an_option_stands_after_two_dashes(run):
    assert run("diff", "--no-check", "--", "-h", "h")[:1] == (0,)


def test_standard_input(run):
    expected = run("diff", "x' A x", "x", "--no-check")
    assert run("diff", "-", "x", "--no-check", stdin="x' A x\n") == expected


def test_standard_input_of_several_lines(run):
    code, out, _ = run("diff", "-", "x", "--no-check", stdin="A: (n, n) symmetric\nx' A x\n")
    assert code == 0
    assert "∂f/∂x = 2 A x" in out


def test_standard_input_that_is_no_text(run):
    code, out, err = run("diff", "-", "x", stdin=b"x' \xff x")
    assert (code, out) == (2, "")
    assert err == "error: standard input is not UTF-8 text (byte 4)\n"


def test_an_error_in_shapes_shows_their_text(run):
    code, out, err = run("diff", "x' x", "x", "--shapes", "x: (n")
    assert (code, out) == (2, "")
    assert err.splitlines()[1] == "  x: (n"


def test_carets_point_into_the_expression_below_declarations(run):
    _, _, err = run("diff", "x' A y +", "x", "--shapes", "A: (m, n)")
    assert "\n  x' A y +\n" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dif", "x' x", "x"], "error: dif is not a command\n  help: did you mean diff ?\n"),
        (["x' A x"], "error: x' A x is not a command\n  help: matcalc diff \"x' A x\"\n"),
        (["x' A x", "x"], "error: x' A x is not a command\n  help: matcalc diff \"x' A x\" x\n"),
        (["--versoin"], "error: --versoin is not a command\n  help: did you mean --version ?\n"),
        (
            ["diff", "x' x", "x", "--layuot", "vec"],
            "error: --layuot is not an option of matcalc diff\n  help: did you mean --layout ?\n",
        ),
        (["diff", "x' x", "x", "--layout"], "error: --layout needs a value\n"),
        (["diff", "x' x", "x", "--layout", "vex"], "  help: did you mean vec ?\n"),
        (["diff", "x' x", "x", "--format", "yaml"], "error: argument --format: invalid choice"),
        (
            ["diff", "x' x", "x", "--order", "two"],
            "error: --order takes a whole number from 1 to 12",
        ),
        (["diff", "x' x", "x", "--order", "13"], "error: order 13 is more than the limit of 12\n"),
        (
            ["diff", "x' x", "x", "--assume", "symmetric"],
            "error: --assume does not say what of what",
        ),
        (
            ["diff", "x' x", "x", "--assume", ": positive"],
            "error: --assume does not say what of what",
        ),
        (["diff", "x' x", "x", "--assume", "y: positive"], "error: an assumption on y"),
        (["diff", "x' x", "x", "--no-check=1"], "error: --no-check takes no value\n"),
        (["diff"], "error: the following arguments are required: EXPR"),
        (["diff", "x' x", "y"], "error: there is no variable y\n"),
        (["diff", "W", "x", "+", "b", "W"], "help: put the expression between quotes"),
        (["diff", "3"], "error: the expression has no variables\n"),
        (["diff", "x' A", "x", "--code", "fortran"], "error: argument --code: invalid choice"),
        (["shapes", "x x"], "error: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: ")
