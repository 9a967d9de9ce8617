"""``matcalc repl``."""

import sys

import pytest


def test_lines_are_expressions_and_commands(run):
    lines = (
        "x' A x by x --assume 'A: symmetric' --no-check",
        "",
        "a' a",
        'check "x\' A x" x "2 A x"',
    )
    code, out, err = run("repl", stdin="\n".join(lines))
    assert (code, err) == (1, "")
    assert "∂f/∂x = 2 A x\n" in out
    assert "∂f/∂a = 2 a\n" in out
    assert "true only if A is symmetric" in out


@pytest.mark.parametrize(
    ("line", "message", "exit_code"),
    [
        ("x' A y + by x", "error: nothing stands after +\n", 2),
        ("check \"x' x\" x '2 x", "error: the quotes of check", 2),
        ("repl", "error: repl is not a name of the language\n", 2),
        ("tr(A expm(X)) by X --order 2", "expm", 3),
        ("shapes x x", "error: ", 2),
    ],
)
def test_what_is_wrong_with_a_line_ends_nothing(run, line, message, exit_code):
    code, out, err = run("repl", stdin=f"{line}\nx' x by x --no-check\n")
    assert message in err
    assert "∂f/∂x = 2 x\n" in out
    assert code == exit_code


@pytest.mark.parametrize("word", ["quit", "exit"])
def test_quit(run, word):
    assert run("repl", stdin=f"{word}\nx' x by x\n") == (0, "", "")


def test_help_of_a_command_in_a_line(run):
    code, out, _ = run("repl", stdin="rules --help\nshapes a\n")
    assert code == 0
    assert out.startswith("usage: matcalc rules")
    assert out.endswith("a: scalar\n")


def test_bytes_that_are_no_text_are_refused(run):
    code, _, err = run("repl", stdin=b"x\xff by x\n")
    assert code == 2
    assert "U+FFFD" in err


def test_prompt_on_a_terminal(run, monkeypatch):
    answers = iter(["x' x by x --no-check"])
    prompts = []

    def typed(prompt):
        prompts.append(prompt)
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("matcalc.cli_repl.import_module", lambda _: None)
    code, out, _ = run("repl")
    assert code == 0
    assert "∂f/∂x = 2 x\n" in out
    assert prompts == ["> ", "> "]
