"""What commands share: options, arguments that begin with a minus, text from standard input."""

from __future__ import annotations

import argparse
import re
import sys
from functools import partial
from typing import NoReturn

from matcalc import api
from matcalc.arguments import MAX_ORDER
from matcalc.errors import ArgumentProblem
from matcalc.ops import function_names
from matcalc.passes.elaborate import Reading
from matcalc.syntax.names import closest
from matcalc.syntax.parser import parse_program
from matcalc.syntax.source import MAX_LENGTH

#: What can only be meant as an option; any other text that begins with ``-`` is mathematics.
OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?|-h", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are MatcalcErrors."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            ArgumentProblem: always, with what argparse says is wrong.
        """
        raise ArgumentProblem(message, help=f"see {self.prog} --help")

    def format_help(self) -> str:
        """The help, as wide as the terminal."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()


def command(name: str, description: str) -> Parser:
    """The parser of a command, without its arguments."""
    # argparse makes a formatter for each argument, which loads shutil to learn the terminal's width
    # unless it is given one. Only help is formatted.
    formatter = partial(argparse.RawDescriptionHelpFormatter, width=80)
    return Parser(
        prog=f"matcalc {name}",
        description=description,
        allow_abbrev=False,
        formatter_class=formatter,
    )


def reading_options(parser: Parser) -> None:
    """Add the expression and what is declared about it."""
    parser.add_argument(
        "expression", metavar="EXPR", help="the expression, or - for standard input"
    )
    parser.add_argument(
        "--shapes",
        metavar="TEXT",
        action="append",
        default=[],
        help='declare shapes: "A: (n, n); x: n"',
    )
    parser.add_argument(
        "--assume",
        metavar="TEXT",
        action="append",
        default=[],
        help='assume properties: "A: symmetric; x: positive"',
    )


def layout_options(parser: Parser, default_layout: str) -> None:
    """Add what says which derivative is meant."""
    parser.add_argument(
        "--layout", metavar="L", help=f"{', '.join(api.LAYOUTS)} (default: {default_layout})"
    )
    parser.add_argument("--order", metavar="K", type=whole, help="1 to 12 (default: 1)")
    parser.add_argument(
        "--structured",
        metavar="S",
        help=f"how the structure of a variable counts: {', '.join(api.CONVENTIONS)}"
        " (default: ambient)",
    )


def keep_option(parser: Parser) -> None:
    """Add what says which definitions keep their names."""
    parser.add_argument(
        "--keep",
        metavar="NAME",
        action="append",
        help="write the answer with this definition's name",
    )


def parse_arguments(parser: argparse.ArgumentParser, tokens: list[str]) -> argparse.Namespace:
    """Parse arguments in which mathematics may begin with ``-``, and options stand anywhere.

    argparse takes ``-x' x`` for an option; so the options are put first and the rest after ``--``.
    """
    takes_value = {
        spelling: action.nargs != 0
        for action in parser._actions  # noqa: SLF001  (argparse offers no public list)
        for spelling in action.option_strings
    }
    options: list[str] = []
    positionals: list[str] = []
    rest = iter(tokens)
    for token in rest:
        name, equals, _ = token.partition("=")
        if token == "--":  # noqa: S105
            positionals += rest
        elif not OPTION.fullmatch(token):
            positionals.append(token)
        elif name not in takes_value:
            raise unknown(f"{name} is not an option of {parser.prog}", name, list(takes_value))
        elif not takes_value[name]:
            if equals:
                raise ArgumentProblem(f"{name} takes no value")
            options.append(token)
        elif equals:
            options.append(token)
        else:
            value = next(rest, None)
            if value is None:
                raise ArgumentProblem(f"{name} needs a value", help=f"see {parser.prog} --help")
            options.append(f"{name}={value}")
    return parser.parse_args([*options, *(["--", *positionals] if positionals else ())])


def split_words(line: str) -> list[str]:
    """A line as a shell takes it apart."""
    import shlex

    try:
        return shlex.split(line)
    except ValueError as error:
        raise ArgumentProblem(
            f"the quotes of {line} are not closed",
            help="put the expression between double quotes",
        ) from error


def unknown(problem: str, word: str, known: list[str]) -> ArgumentProblem:
    """The error for a word that is not one of those that are known."""
    near = closest(word, known)
    remedy = f"did you mean {near} ?" if near else f"there are {', '.join(known)}"
    return ArgumentProblem(problem, help=remedy)


def whole(text: str) -> int:
    """The value of ``--order``."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ArgumentProblem(f"--order takes a whole number from 1 to {MAX_ORDER}, not {text}")
    return int(text)


def argument_text(argument: str) -> str:
    """The expression as given, or what standard input holds."""
    if argument != "-":
        return argument
    if sys.stdin is None:
        raise ArgumentProblem("standard input is closed", help="give the expression as an argument")
    # A little more than is allowed, so that the parser sees that it is too much.
    data = sys.stdin.buffer.read(4 * MAX_LENGTH + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ArgumentProblem(
            f"standard input is not UTF-8 text (byte {error.start + 1})"
        ) from None


def declared(args: argparse.Namespace) -> str:
    """The expression with what ``--shapes`` declares."""
    # Declarations are part of the language: on lines of their own they keep carets in place.
    for declarations in args.shapes:
        # A bracket that is left open here would run on into the expression, and be reported there.
        parse_program(declarations, frozenset(function_names()))
    return "\n".join([*args.shapes, argument_text(args.expression)])


def read(args: argparse.Namespace) -> Reading:
    """What the expression means with what is declared and assumed."""
    keep = getattr(args, "keep", None)
    return api.read(declared(args), assume=assumptions(args.assume), keep=keep)


def assumptions(texts: list[str]) -> dict[str, str]:
    """``A, B: symmetric; x: positive`` as properties by name."""
    found: dict[str, str] = {}
    for statement in re.split("[;\n]", ";".join(texts)):
        names, colon, properties = statement.partition(":")
        if statement.strip() and not (colon and names.strip()):
            raise ArgumentProblem(
                f"--assume does not say what of what: {statement.strip()}",
                help='write a name, a colon and properties, such as "A: symmetric"',
            )
        for name in filter(None, map(str.strip, names.split(","))):
            found[name] = f"{found.get(name, '')} {properties}".strip()
    return found
