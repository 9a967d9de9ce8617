"""The body of a generated function: its parameters, the sizes that it reads off them, its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcalc.codegen.arguments import Names, Reading, read_sizes, unread_products
from matcalc.codegen.cases import write_cases
from matcalc.codegen.choose import Case
from matcalc.codegen.code import ATOM, Code
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.writer import OPERAND_WIDTH, Used, Writer
from matcalc.core.dim import Dim
from matcalc.core.expr import Symbol

#: Longest line of the text.
LINE_WIDTH = 100


@dataclass(frozen=True)
class Body:
    """What is written of a function.

    Attributes:
        name: the function's name.
        lines: its statements; those that read sizes off the arrays come first.
        arrays: its parameters that are variables, by their Python names.
        sizes: its parameters that are sizes no array has, by their Python names.
        variables: every variable that may be given, by its Python name.
        used: what the statements use.
    """

    name: str
    lines: list[str]
    arrays: dict[str, Symbol]
    sizes: dict[str, str]
    variables: dict[str, Symbol]
    used: Used


def write_body(
    cases: Sequence[Case],
    dialect: Dialect,
    name: str,
    variables: Mapping[Symbol, bool],
    keys: Sequence[str],
) -> Body:
    """The body of a function.

    Args:
        cases: what it computes.
        dialect: the array library.
        name: its name.
        variables: every variable that may be given, and whether it must be.
        keys: those of the last results, which are returned as a dict.
    """
    names = Names()
    function = names.claim(name)
    python_names = {symbol: names.claim(symbol.name) for symbol in variables}
    writer = Writer(dialect, names, python_names, unread_products([*variables]))
    widths = _widths(len(cases[0].roots), keys)
    statements = write_cases(writer, cases, widths, lambda values: _return(values, keys))
    prologue, needed, missing = _prologue(writer, variables)
    return Body(
        name=function,
        lines=[*prologue, *([dialect.why_stored] if writer.used.stored else []), *statements],
        arrays={python_names[s]: s for s in variables if s in needed},
        sizes={writer.used.sizes[size]: size for size in missing},
        variables={python_names[s]: s for s in variables},
        used=writer.used,
    )


def _prologue(
    writer: Writer, variables: Mapping[Symbol, bool]
) -> tuple[list[str], set[Symbol], list[str]]:
    """What stands before the statements, the variables needed by then, and sizes that none tells."""
    # Those that are there anyway come first.
    known = sorted(variables, key=lambda symbol: not variables[symbol])
    readings, missing = read_sizes(writer.used.sizes, known)
    needed = {symbol for symbol in known if variables[symbol]}
    needed.update(reading.axis.symbol for reading in readings)
    lines = [_read(writer, reading) for reading in readings]
    if writer.used.like:
        # Of these the one with most axes is the least likely to be given as a number.
        model = max([s for s in known if s in needed] or known, key=lambda s: len(s.axes))
        needed.add(model)
        lines.append(writer.dialect.prologue.format(writer.variables[model]))
    return lines, needed, missing


def _read(writer: Writer, reading: Reading) -> str:
    """The statement that reads a size off an array."""
    length = f"{writer.variables[reading.axis.symbol]}.shape[{reading.axis.position}]"
    divisor = writer.size(reading.divisor)
    if divisor.text != "1":
        length = f"{length} // {divisor.at(ATOM)}"
    if reading.power == 2:
        length = f"math.isqrt({length})"
    return f"{writer.size(Dim.of(reading.size)).text} = {length}"


def _widths(count: int, keys: Sequence[str]) -> list[int]:
    """How long each result may be to stand in the return statement itself."""
    if count == 1 and not keys:
        return [LINE_WIDTH - len("    return ")]
    entries = [LINE_WIDTH - len(f'        "{key}": ,') for key in keys]
    return [OPERAND_WIDTH] * (count - len(keys)) + entries


def _return(results: Sequence[Code], keys: Sequence[str]) -> list[str]:
    """The lines that return the results."""
    values = [result.text for result in results]
    cut = len(values) - len(keys)
    if not keys:
        return [f"return {', '.join(values)}"]
    pairs = [f"    {key!r}: {value}," for key, value in zip(keys, values[cut:], strict=True)]
    opening = "".join(f"{value}, " for value in values[:cut])
    return [f"return {opening}{{", *(pair.replace("'", '"', 2) for pair in pairs), "}"]
