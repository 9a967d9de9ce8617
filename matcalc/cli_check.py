"""The commands ``check`` and ``equal``: argument parsing and display, nothing else."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from matcalc.errors import UnsupportedProblem
from matcalc.options import (
    Parser,
    argument_text,
    assumptions,
    command,
    declared,
    keep_option,
    layout_options,
    reading_options,
)

if TYPE_CHECKING:
    from matcalc.verdict import Equality, Verdict

CHECK = """\
Whether a claimed derivative is right: how that is known, or a counterexample and the likely mistake.

examples:
  matcalc check "x' A x" x "2 A x"
  matcalc check "x' A x" x "2 A x" --assume "A: symmetric"
  matcalc check "log(det(X))" X "X^-1" --layout mixed
  matcalc check "W x" W "D[i,j,k] = δ[i,j] x[k]"

The claim uses the names, definitions and sizes of the expression. Without --layout, every layout
counts in which it is right. Exit codes: 0 right, 1 wrong (a wrong shape included), 2 bad input,
3 not decided.
"""

EQUAL = """\
Whether two expressions are equal, wherever both are defined.

examples:
  matcalc equal "tr(A B)" "tr(B A)"
  matcalc equal "(A B)'" "A' B'" --shapes "A, B: (n, n)"

Exit codes: 0 equal, 1 not equal, 2 bad input, 3 not decided.
"""

#: Exit code for a claim that is false.
FALSE = 1


def check_parser() -> Parser:
    """The arguments of ``matcalc check``."""
    parser = command("check", CHECK)
    reading_options(parser)
    parser.add_argument("variable", metavar="VAR", help="the variable")
    parser.add_argument("claim", metavar="CLAIM", help="the claim, or - for standard input")
    layout_options(parser, "any")
    keep_option(parser)
    _format_option(parser)
    return parser


def equal_parser() -> Parser:
    """The arguments of ``matcalc equal``."""
    parser = command("equal", EQUAL)
    reading_options(parser)
    parser.add_argument("other", metavar="EXPR", help="the other expression, or -")
    _format_option(parser)
    return parser


def _format_option(parser: Parser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def check(args: argparse.Namespace) -> int:
    """Run ``matcalc check``."""
    from matcalc import judge  # which the other commands need not wait for

    verdict = judge.check(
        declared(args),
        args.variable,
        argument_text(args.claim),
        assume=assumptions(args.assume),
        layout=args.layout,
        order=args.order,
        structured=args.structured,
        keep=args.keep,
    )
    return _shown(verdict, args.format)


def equal(args: argparse.Namespace) -> int:
    """Run ``matcalc equal``."""
    from matcalc import equality

    found = equality.equal(
        declared(args), argument_text(args.other), assume=assumptions(args.assume)
    )
    return _shown(found, args.format)


def _shown(found: Verdict | Equality, form: str) -> int:
    if form == "json":
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(found)
    if found.ok is None:
        return UnsupportedProblem.exit_code
    return 0 if found.ok else FALSE
