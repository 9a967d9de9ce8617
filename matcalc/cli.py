"""The command line: argument parsing and display, nothing else.

Data goes to standard output, messages to standard error. Exit codes: 0 answered, 2 bad input,
3 unsupported, 4 an answer that its own check refuted (1 is kept for claims that are false).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from matcalc import __version__, api
from matcalc.core.operation import Operation
from matcalc.derivative import Derivative
from matcalc.errors import ArgumentProblem, CheckProblem, MatcalcError, UnsupportedProblem
from matcalc.ops import REGISTRY, by_call, function_names
from matcalc.passes.elaborate import Reading
from matcalc.syntax.parser import parse_program
from matcalc.syntax.source import MAX_LENGTH

SUMMARY = """\
Derivatives of matrix expressions: in matrix form, with layout, shape and conditions, checked.

examples:
  matcalc diff "W x + b" W                          a tensor, with its vec form
  matcalc diff "x' A x" x --assume "A: symmetric"   2 A x
  matcalc diff "||A x - b||^2" x --layout numerator
  matcalc diff "sum(log(1 + exp(-y .* (X w))))" w --order 2
  matcalc diff "tr(A X B)" --format json            by every variable
  matcalc shapes "tr(A X B)"                        how a text is read
  matcalc rules inv                                 the rule behind an answer

commands:
  diff EXPR [VAR...]    derivatives (matcalc diff --help lists the options)
  shapes EXPR           kinds and shapes as they are inferred
  rules [NAME...]       the rule book
  --version, --help

EXPR may be - for standard input. Exit codes: 0 answered, 2 bad input, 3 unsupported, 4 refuted.
"""

DIFF = """\
The derivative of an expression by each variable named (by every variable if none is).

examples:
  matcalc diff "x' A x" x
  matcalc diff "x' A x" x --shapes "A: (n, n) symmetric"
  matcalc diff "a' X^-1 b" X --layout denominator --format latex
  matcalc diff "||W x - y||^2" W --code numpy
  echo "log(det(X))" | matcalc diff - X

The answer is printed at once; then the verdict of an independent check, which differentiates every
entry with SymPy at small sizes.
"""

SHAPES = """\
How a text is read: the kind and shape of every name and of the whole.

examples:
  matcalc shapes "W x + b"
  matcalc shapes "x: 3; A x" --assume "A: symmetric"
"""

RULES = """\
The rule book: every operation with its signature, its rule in index notation, and when it holds.

examples:
  matcalc rules                 all of it
  matcalc rules inv logdet      two entries
"""

#: What can only be meant as an option; any other text that begins with ``-`` is mathematics.
OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?|-h", re.DOTALL)

#: Roughly what a name looks like: enough to tell it from a piece of an unquoted expression.
NAME = re.compile(r"[^\W\d][\w{}]*")

#: Exit codes of a process that was interrupted, or whose reader went away, as shells count them.
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a sign shows its code point instead of a traceback.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if sys.stdout is not None:  # None where it was closed
            sys.stdout.flush()
    except MatcalcError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # The interpreter flushes once more when it exits; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        _complain(ArgumentProblem(f"cannot write: {error.strerror}"))
        return ArgumentProblem.exit_code
    return code


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are MatcalcErrors."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentProblem(message, help=f"see {self.prog} --help")


def _command(name: str, description: str) -> _Parser:
    return _Parser(
        prog=f"matcalc {name}",
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _reading_options(parser: _Parser) -> None:
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


def diff_parser() -> argparse.ArgumentParser:
    """The arguments of ``matcalc diff``."""
    parser = _command("diff", DIFF)
    _reading_options(parser)
    parser.add_argument("variables", metavar="VAR", nargs="*", help="differentiate by these")
    parser.add_argument(
        "--layout", metavar="L", help=f"{', '.join(api.LAYOUTS)} (default: {api.LAYOUTS[0]})"
    )
    parser.add_argument("--order", metavar="K", type=_whole, help="1 to 12 (default: 1)")
    parser.add_argument(
        "--structured",
        metavar="S",
        help=f"how the structure of a variable counts: {', '.join(api.CONVENTIONS)} (default: ambient)",
    )
    parser.add_argument(
        "--format", choices=("text", "latex", "sympy", "json"), default="text", help="default: text"
    )
    parser.add_argument("--code", choices=("numpy",), help="print the source of a function instead")
    parser.add_argument("--no-check", action="store_true", help="leave the check out")
    return parser


def _shapes_parser() -> _Parser:
    parser = _command("shapes", SHAPES)
    _reading_options(parser)
    return parser


def _rules_parser() -> _Parser:
    parser = _command("rules", RULES)
    parser.add_argument("names", metavar="NAME", nargs="*", help="functions (default: all)")
    return parser


def _run(argv: list[str]) -> int:
    match argv:
        case [] | ["-h" | "--help"]:
            print(SUMMARY, end="", file=sys.stdout if argv else sys.stderr)
            return 0 if argv else ArgumentProblem.exit_code
        case ["--version"]:
            print(f"matcalc {__version__}")
            return 0
        case [command, *rest] if command in COMMANDS:
            make_parser, action = COMMANDS[command]
            return action(parse_arguments(make_parser(), rest))
    raise _not_a_command(argv)


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
            raise _unknown(f"{name} is not an option of {parser.prog}", name, list(takes_value))
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
    return parser.parse_args([*options, "--", *positionals])


def _not_a_command(argv: list[str]) -> ArgumentProblem:
    first, *rest = argv
    problem = f"{first} is not a command"
    if OPTION.fullmatch(first) or re.fullmatch("[a-z]{3,}", first):
        return _unknown(problem, first, [*COMMANDS, "--help", "--version"])
    return ArgumentProblem(problem, help=" ".join([f'matcalc diff "{first}"', *rest]))


def _unknown(problem: str, word: str, known: list[str]) -> ArgumentProblem:
    near = get_close_matches(word, known, n=1)
    remedy = f"did you mean {near[0]} ?" if near else f"there are {', '.join(known)}"
    return ArgumentProblem(problem, help=remedy)


def _whole(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ArgumentProblem(f"--order takes a whole number from 1 to {api.MAX_ORDER}, not {text}")
    return int(text)


def _expression(argument: str) -> str:
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


def _read(args: argparse.Namespace) -> Reading:
    # Declarations are part of the language: on lines of their own they keep carets in place.
    for declarations in args.shapes:
        # A bracket that is left open here would run on into the expression, and be reported there.
        parse_program(declarations, frozenset(function_names()))
    text = "\n".join([*args.shapes, _expression(args.expression)])
    return api.read(text, assume=_assumptions(args.assume))


def _assumptions(texts: list[str]) -> dict[str, str]:
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


def differentiate(args: argparse.Namespace) -> dict[str, Derivative]:
    """The derivatives that the arguments of ``diff`` ask for."""
    for name in args.variables:
        if not NAME.fullmatch(name):
            raise ArgumentProblem(
                f"{name} is not the name of a variable",
                help="put the expression between quotes, and name variables one by one",
            )
    reading = _read(args)
    return api.differentiate(
        reading,
        args.variables or api.occurring(reading),
        layout=args.layout,
        order=args.order,
        structured=args.structured,
    )


def _diff(args: argparse.Namespace) -> int:
    if args.code and args.format != "text":
        raise ArgumentProblem("--code and --format cannot be combined")
    answers = list(differentiate(args).values())
    if args.format == "json":
        return _print_json(answers, args)
    refuted = False
    for number, answer in enumerate(answers):
        if number:
            print()
        print(_rendered(answer, args), flush=True)
        if not args.no_check:
            verdict, ok = _verdict(answer)
            refuted |= ok is False
            # In the other formats standard output is for the next program.
            print(
                f"check: {verdict}",
                file=sys.stdout if args.format == "text" and not args.code else sys.stderr,
            )
    return CheckProblem.exit_code if refuted else 0


def _rendered(answer: Derivative, args: argparse.Namespace) -> str:
    if args.code:
        return answer.source(args.code).rstrip()
    match args.format:
        case "latex":
            return answer.latex()
        case "sympy":
            return str(answer.sympy)
    return str(answer)


def _print_json(answers: list[Derivative], args: argparse.Namespace) -> int:
    """One object if one variable is named, else a list: one document in either case."""
    refuted = False
    found = []
    for answer in answers:
        entry = answer.to_dict()
        if not args.no_check:
            verdict, ok = _verdict(answer)
            refuted |= ok is False
            entry["check"] = {"ok": ok, "verdict": verdict}
        found.append(entry)
    single = len(args.variables) == 1
    print(json.dumps(found[0] if single else found, ensure_ascii=False, indent=2))
    return CheckProblem.exit_code if refuted else 0


def _verdict(answer: Derivative) -> tuple[str, bool | None]:
    try:
        report = answer.check()
    except UnsupportedProblem as problem:
        return f"not possible: {problem.problem}", None
    return str(report), report.ok


def _shapes(args: argparse.Namespace) -> int:
    reading = _read(args)
    for line in api.describe(reading):
        print(line)
    return 0


def _rules(args: argparse.Namespace) -> int:
    print("\n\n".join(_entry(op) for op in _operations(args.names)))
    return 0


def _operations(names: list[str]) -> list[Operation]:
    """The operations called by these names, all without any."""
    if not names:
        return list(REGISTRY.values())
    chosen: dict[str, Operation] = {}
    for name in names:
        found = (REGISTRY[name],) if name in REGISTRY else by_call(name)
        if not found:
            raise _unknown(f"there is no function {name}", name, function_names())
        chosen.update((op.name, op) for op in found)
    return list(chosen.values())


def _entry(op: Operation) -> str:
    """One entry of the rule book."""
    call = ", ".join((*op.parameters, *op.tail))
    lines = [f"{op.spelling}({call}): {op.signature}"]
    lines += [f"  {rule}" for rule in (op.definition, op.index_form, *op.partial) if rule]
    for label, template in (("valid where", op.condition), ("not differentiable where", op.kink)):
        if template:
            lines.append(f"  {label} {template.format(*op.parameters)}")
    if op.aliases:
        lines.append(f"  also written {', '.join(op.aliases)}")
    if op.source:
        lines.append(f"  source: {op.source}")
    return "\n".join(lines)


def _complain(error: MatcalcError) -> None:
    """Print an error, the word in red on a terminal that has colours."""
    message = error.render()
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        message = message.replace("error:", "\033[1;31merror:\033[0m", 1)
    print(message, file=sys.stderr)


COMMANDS: dict[
    str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]
] = {
    "diff": (diff_parser, _diff),
    "shapes": (_shapes_parser, _shapes),
    "rules": (_rules_parser, _rules),
}
