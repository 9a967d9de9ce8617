"""Notebook magics: ``%load_ext matcalc.jupyter`` gives ``%matcalc`` and ``%%matcalc``.

The arguments are those of ``matcalc diff``; in a cell, the cell's text is the expression::

    %matcalc "x' A x" x --layout numerator

    %%matcalc W
    x: n
    tanh(W x + b)
"""

from __future__ import annotations

from typing import Any

from matcalc.cli import diff_parser, differentiate
from matcalc.derivative import Derivative
from matcalc.options import parse_arguments, split_words


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext`` calls."""
    shell.register_magic_function(matcalc, "line_cell", "matcalc")


def matcalc(line: str, cell: str | None = None) -> Derivative | dict[str, Derivative]:
    """The derivative that ``line`` asks for, or one for each variable if it names not just one."""
    words = split_words(line)
    if cell is not None:
        words.insert(0, cell)
    args = parse_arguments(diff_parser(), words)
    answers = differentiate(args)
    return answers[args.variables[0]] if len(args.variables) == 1 else answers
