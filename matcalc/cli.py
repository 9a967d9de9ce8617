"""The command line: argument parsing and display, nothing else.

Data goes to standard output, messages to standard error. Exit codes: 0 answered, 1 claim
false, 2 bad input, 3 unsupported, 4 an answer that its own check refuted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from matcalc import __version__, api
from matcalc.arguments import STYLES
from matcalc.cli_check import check, check_parser, equal, equal_parser
from matcalc.cli_repl import converse, repl_parser
from matcalc.codegen.dialects import DIALECTS
from matcalc.core.operation import Operation
from matcalc.derivative import Derivative
from matcalc.errors import ArgumentProblem, CheckProblem, MatcalcError, UnsupportedProblem
from matcalc.ops import REGISTRY, by_call, function_names
from matcalc.options import (
    OPTION,
    Parser,
    command,
    keep_option,
    layout_options,
    parse_arguments,
    read,
    reading_options,
    unknown,
)
from matcalc.passes.elaborate import Reading
from matcalc.report import caveats, declarations

SUMMARY = """\
Derivatives of matrix expressions: in matrix form, with layout, shape and conditions, checked.

examples:
  matcalc diff "W x + b" W                          a tensor, with its vec form
  matcalc diff "x' A x" x --assume "A: symmetric"   2 A x
  matcalc diff "||A x - b||^2" x --layout numerator
  matcalc diff "sum(log(1 + exp(-y .* (X w))))" w --order 2
  matcalc diff "tr(A X B)" --format json            by every variable
  matcalc check "x' A x" x "2 A x"                  is this right?
  matcalc equal "tr(A B)" "tr(B A)"                 are these equal?
  matcalc explain "tr(X' A X B)" X                  why?
  matcalc shapes "tr(A X B)"                        how a text is read
  matcalc rules inv                                 the rule behind an answer

commands:
  diff EXPR [VAR...]    derivatives (matcalc diff --help lists the options)
  check EXPR VAR CLAIM  whether a claimed derivative is right, or what is wrong with it
  equal EXPR EXPR       whether two expressions are equal
  explain EXPR [VAR...] the derivation, every line with its rule
  shapes EXPR           kinds and shapes as they are inferred
  rules [NAME...]       the rule book
  repl                  questions line by line
  --version, --help

EXPR may be - for standard input. Exit codes: 0 answered, 1 claim false, 2 bad input,
3 unsupported, 4 an answer that its own check refuted.
"""

DIFF = """\
The derivative of an expression by each variable named (by every variable if none is).

examples:
  matcalc diff "x' A x" x
  matcalc diff "x' A x" x --shapes "A: (n, n) symmetric"
  matcalc diff "a' X^-1 b" X --layout denominator --format latex
  matcalc diff "||W x - y||^2" W --code numpy
  matcalc diff "||W x + b - y||^2" W b --code jax --value
  echo "log(det(X))" | matcalc diff - X

The answer is printed at once; then the verdict of an independent check, which differentiates every
entry with SymPy at small sizes.
"""

EXPLAIN = """\
The derivation of a derivative, every line with the rule that led to it.

examples:
  matcalc explain "x' A x" x
  matcalc explain "tr(X' A X B)" X --style differential
  matcalc explain "||W3 tanh(W2 tanh(W1 x)) - y||^2" W1
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


def diff_parser() -> argparse.ArgumentParser:
    """The arguments of ``matcalc diff``."""
    parser = command("diff", DIFF)
    reading_options(parser)
    parser.add_argument("variables", metavar="VAR", nargs="*", help="differentiate by these")
    layout_options(parser, api.LAYOUTS[0])
    parser.add_argument(
        "--format", choices=("text", "latex", "sympy", "json"), default="text", help="default: text"
    )
    parser.add_argument(
        "--code",
        choices=tuple(DIALECTS),
        help="print the source of a function instead; several variables: of one for all gradients",
    )
    parser.add_argument(
        "--value",
        action="store_true",
        help="let the code compute the value and the derivatives of lower order too",
    )
    keep_option(parser)
    parser.add_argument("--steps", action="store_true", help="show the derivation too")
    _style_option(parser)
    parser.add_argument("--no-check", action="store_true", help="leave the check out")
    return parser


def _explain_parser() -> Parser:
    parser = command("explain", EXPLAIN)
    reading_options(parser)
    parser.add_argument("variables", metavar="VAR", nargs="*", help="differentiate by these")
    layout_options(parser, api.LAYOUTS[0])
    keep_option(parser)
    _style_option(parser)
    parser.add_argument(
        "--format", choices=("text", "latex", "json"), default="text", help="default: text"
    )
    return parser


def _style_option(parser: Parser) -> None:
    parser.add_argument(
        "--style",
        choices=STYLES,
        default=STYLES[0],
        help="product rule and Kronecker deltas, or differentials (default: index)",
    )


def _shapes_parser() -> Parser:
    parser = command("shapes", SHAPES)
    reading_options(parser)
    return parser


def _rules_parser() -> Parser:
    parser = command("rules", RULES)
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


def _not_a_command(argv: list[str]) -> ArgumentProblem:
    first, *rest = argv
    problem = f"{first} is not a command"
    if OPTION.fullmatch(first) or re.fullmatch("[a-z]{3,}", first):
        return unknown(problem, first, [*COMMANDS, "--help", "--version"])
    return ArgumentProblem(problem, help=" ".join([f'matcalc diff "{first}"', *rest]))


def differentiate(args: argparse.Namespace) -> dict[str, Derivative]:
    """The derivatives that the arguments of ``diff`` ask for."""
    return _derivatives(*_asked(args), args)


def _derivatives(
    reading: Reading, names: Sequence[str], args: argparse.Namespace
) -> dict[str, Derivative]:
    return api.differentiate(
        reading, names, layout=args.layout, order=args.order, structured=args.structured
    )


def _asked(args: argparse.Namespace) -> tuple[Reading, list[str]]:
    """What the expression means, and the variables to differentiate by."""
    for name in args.variables:
        if not NAME.fullmatch(name):
            raise ArgumentProblem(
                f"{name} is not the name of a variable",
                help="put the expression between quotes, and name variables one by one",
            )
    reading = read(args)
    return reading, list(dict.fromkeys(args.variables)) or api.occurring(reading)


def _diff(args: argparse.Namespace) -> int:
    if args.code:
        return _code(args)
    if args.value:
        raise ArgumentProblem("--value is about code", help="add --code numpy, or another library")
    answers = list(differentiate(args).values())
    if args.format == "json":
        return _print_json(answers, args)
    is_right = True
    for number, answer in enumerate(answers):
        if number:
            print()
        print(_rendered(answer, args), flush=True)
        if args.steps and args.format in ("text", "latex"):
            print(_derivation(answer, args), flush=True)
        if not args.no_check:
            # In the other formats standard output is for the next program.
            is_right &= _print_verdict(answer, sys.stdout if args.format == "text" else sys.stderr)
    return 0 if is_right else CheckProblem.exit_code


def _code(args: argparse.Namespace) -> int:
    """Source code of the derivative by one variable, or of the gradients by several, in one function."""
    if args.format != "text":
        raise ArgumentProblem("--code and --format cannot be combined")
    if args.steps:
        raise ArgumentProblem("--code and --steps cannot be combined")
    reading, names = _asked(args)
    answers: Mapping[str, Derivative]
    if len(names) == 1:
        answers = _derivatives(reading, names, args)
        source = answers[names[0]].source
    else:
        if args.order not in (None, 1) or args.layout not in (None, api.LAYOUTS[0]):
            raise ArgumentProblem(
                "code for several variables computes gradients, each of the shape of its variable",
                help="name one variable for other orders and layouts",
            )
        answers = found = api.gradients(reading, names, args.structured)
        source = found.source
    print(source(args.code, value=args.value).rstrip(), flush=True)
    if args.no_check:
        return 0
    # A list, since each is to be checked.
    right = [_print_verdict(answer, sys.stderr) for answer in answers.values()]
    return 0 if all(right) else CheckProblem.exit_code


def _print_verdict(answer: Derivative, stream: TextIO) -> bool:
    """Check an answer; returns whether it was not refuted."""
    verdict, ok = _verdict(answer)
    print(f"check: {verdict}", file=stream)
    return ok is not False


def _rendered(answer: Derivative, args: argparse.Namespace) -> str:
    match args.format:
        case "latex":
            return answer.latex()
        case "sympy":
            return str(answer.sympy)
    return str(answer)


def _explain(args: argparse.Namespace) -> int:
    answers = list(differentiate(args).values())
    if args.format == "json":
        found = [{**_what(a), "steps": _steps(a, args)} for a in answers]
        single = len(args.variables) == 1
        print(json.dumps(found[0] if single else found, ensure_ascii=False, indent=2))
    else:
        print("\n\n".join(_explained(answer, args) for answer in answers))
    return 0


def _what(answer: Derivative) -> dict[str, object]:
    """What is derived, and what was taken for granted."""
    found = answer.to_dict()
    return {
        "derivative": answer.quotient,
        **{key: found[key] for key in ("variables", "properties", "conditions", "notes")},
    }


def _explained(answer: Derivative, args: argparse.Namespace) -> str:
    """The derivation; in text with what the variables are before it, and when it holds behind it."""
    found = _derivation(answer, args)
    if args.format == "latex":
        return found
    d = answer.named or answer
    return "\n".join([declarations(d), found, *caveats(d)])


def _derivation(answer: Derivative, args: argparse.Namespace) -> str:
    found = answer.explain(args.style)
    return found.latex() if args.format == "latex" else str(found)


def _steps(answer: Derivative, args: argparse.Namespace) -> list[dict[str, str]]:
    return [
        {"left": step.left, "right": step.right, "rule": step.rule}
        for step in answer.explain(args.style)
    ]


def _print_json(answers: list[Derivative], args: argparse.Namespace) -> int:
    """One object if one variable is named, else a list: one document in either case."""
    refuted = False
    found = []
    for answer in answers:
        entry = answer.to_dict()
        if args.steps:
            entry["steps"] = _steps(answer, args)
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
    reading = read(args)
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
            raise unknown(f"there is no function {name}", name, function_names())
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


def _repl(_: argparse.Namespace) -> int:
    return converse([name for name in COMMANDS if name != "repl"], _run, _complain)


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
    "check": (check_parser, check),
    "equal": (equal_parser, equal),
    "explain": (_explain_parser, _explain),
    "shapes": (_shapes_parser, _shapes),
    "rules": (_rules_parser, _rules),
    "repl": (repl_parser, _repl),
}
