"""The README is true: its commands print what it shows, its Python runs, its two lines are CI's."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from matcalc.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
INSTALLING, TESTING = (text.strip() for language, text in BLOCKS if language == "sh")


def shown():
    """Every command with a prompt, and what is shown below it."""
    for language, text in BLOCKS:
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield pytest.param(command, output.rstrip(), id=command)


@pytest.mark.parametrize(("command", "output"), shown())
def test_command_prints_what_is_shown(command, output, capsys):
    program, *arguments = shlex.split(command)
    assert program == "matcalc"
    main(arguments)
    streams = capsys.readouterr()
    assert (streams.out + streams.err).rstrip() == output


@pytest.mark.parametrize(
    "text", [text for language, text in BLOCKS if language in {"python", "pycon"}]
)
def test_python_does_what_is_shown(text):
    example = doctest.DocTestParser().get_doctest(text, {}, "README", "README.md", 0)
    assert example.examples, "a block of Python without a prompt is not tested"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0


def test_every_block_is_run():
    assert {language for language, _ in BLOCKS} <= {"sh", "console", "python", "pycon", "text"}


def test_ci_calls_the_test_command_literally():
    assert TESTING in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_install_command_runs_the_main_job(capsys):
    steps = INSTALLING.split(" && ")
    assert steps[:2] == ["python3 -m venv .venv", ".venv/bin/pip install -q ."]
    program, *arguments = shlex.split(steps[2])
    assert program == ".venv/bin/matcalc"
    assert main(arguments) == 0
    assert "check: entries agree" in capsys.readouterr().out
