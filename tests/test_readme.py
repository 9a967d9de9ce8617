"""The README is true: its commands print what it shows, its Python runs, its two lines are CI's."""

import doctest
import shlex

import pytest

from matcalc.cli import main
from tests.shown import ROOT, blocks, commands, run_command

INSTALLING, TESTING = (text.strip() for language, text in blocks() if language == "sh")

SHOWN = [
    pytest.param(command, output, id=command)
    for language, text in blocks()
    if language == "console"
    for command, output in commands(text)
]


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_command_prints_what_is_shown(command, output):
    assert run_command(command) == output


@pytest.mark.parametrize("text", [text for language, text in blocks() if language == "python"])
def test_python_does_what_is_shown(text):
    example = doctest.DocTestParser().get_doctest(text, {}, "README", "README.md", 0)
    assert example.examples, "a block of Python without a prompt is not tested"
    assert doctest.DocTestRunner().run(example).failed == 0


def test_every_block_is_run():
    assert {language for language, _ in blocks()} == {"sh", "console", "python"}


def test_ci_calls_the_test_command_literally():
    assert TESTING in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_install_command_runs_the_main_job(capsys):
    steps = INSTALLING.split(" && ")
    assert steps[:2] == ["python3 -m venv .venv", ".venv/bin/pip install -q ."]
    program, *arguments = shlex.split(steps[2])
    assert program == ".venv/bin/matcalc"
    assert main(arguments) == 0
    assert "check: entries agree" in capsys.readouterr().out
