"""The command ``repl``: questions line by line, answered by one process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from importlib import import_module

from matcalc.errors import ArgumentProblem, MatcalcError
from matcalc.options import Parser, command, split_words

REPL = """\
Questions one after the other. A line is an expression, its variables and options behind the word by:

  x' A x by x
  x' A x by x --layout numerator
  tr(A X B)

or a command with its arguments, as in a shell:

  check "x' A x" x "2 A x"
  rules inv

The end of the input, or quit, ends it.

examples:
  matcalc repl
  echo "x' A x by x" | matcalc repl

Exit code: the highest among those of the lines.
"""

PROMPT = "> "


def repl_parser() -> Parser:
    """The arguments of ``matcalc repl``: none."""
    return command("repl", REPL)


def converse(
    commands: Collection[str],
    answer: Callable[[list[str]], int],
    complain: Callable[[MatcalcError], None],
) -> int:
    """Answer line after line.

    Args:
        commands: what a line may begin with, if not with an expression.
        answer: runs a command with its arguments and gives its exit code.
        complain: shows what is wrong with a line.

    Returns:
        The highest exit code.
    """
    worst = 0
    for line in _lines():
        if line in ("quit", "exit"):
            break
        try:
            code = answer(_arguments(line, commands)) if line else 0
        except MatcalcError as error:
            complain(error)
            code = error.exit_code
        except SystemExit:  # argparse has printed its help
            continue
        worst = max(worst, code)
    return worst


def _arguments(line: str, commands: Collection[str]) -> list[str]:
    """What the line is for the command line."""
    if line.split(maxsplit=1)[0] in commands:
        return split_words(line)
    expression, by, variables = line.rpartition(" by ")
    return ["diff", expression, *split_words(variables)] if by else ["diff", line]


def _lines() -> Iterator[str]:
    """The lines that are typed, or those of standard input."""
    if sys.stdin is None:
        raise ArgumentProblem("standard input is closed", help="give the questions as lines of it")
    if sys.stdin.isatty():
        with suppress(ImportError):
            import_module("readline")  # ``input`` then has a history
        with suppress(EOFError):
            while True:
                yield input(PROMPT).strip()
        return
    # A byte that is no text is refused with the line that it is in.
    for line in sys.stdin.buffer:
        yield line.decode(errors="replace").strip()
