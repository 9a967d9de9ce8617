"""Applications of operations as code: the templates of the records, filled in."""

from __future__ import annotations

import re
from functools import reduce
from textwrap import indent
from typing import TYPE_CHECKING

from matcalc.codegen.broadcasting import Operand, broadcasts, operands
from matcalc.codegen.code import ATOM, Code, fill
from matcalc.core.dim import Shape
from matcalc.core.expr import Apply, Expr
from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem
from matcalc.ops.structural import KRON, MATPOW

if TYPE_CHECKING:
    from matcalc.codegen.writer import Writer

#: A template longer than this becomes a function of its own above the generated one.
TEMPLATE_WIDTH = 60

#: NumPy functions whose value on all entries of an array does not depend on its number of axes.
AXIS_FREE = frozenset({"sum", "mean", "max", "min", "abs", "square", "sqrt", "exp", "log", "sign"})


def write_call(writer: Writer, node: Apply) -> Code:
    """The code of an operation that has a template.

    Raises:
        UnsupportedProblem: its record has none for this library.
    """
    template = writer.dialect.template(node.op)
    if not template:
        raise UnsupportedProblem(
            f"there is no {writer.dialect.name} code for {node.op.spelling}",
            help=f"add a {writer.dialect.name} template to its record",
        )
    if node.op.elementwise or _is_axis_free(writer.dialect.unspelt(node.op)):
        return fill(inline(writer, node.op, template), _operands(writer, node))
    template = inline(writer, node.op, template)
    if node.op is KRON:
        return _kron(writer, node, template)
    args = _lifted(writer, node)
    if node.op is MATPOW and not writer.is_number(node.args[1]):
        args[1] = Code(f"int({args[1].text})")
    return _lowered(node, fill(template, args))


def _kron(writer: Writer, node: Apply, template: str) -> Code:
    """Vectors that stand the same way have a product of one axis."""
    are_alike = len({tuple(dim.is_unit for dim in arg.shape) for arg in node.args}) == 1
    args = [writer.use(arg) for arg in node.args] if are_alike else _lifted(writer, node)
    code = reduce(lambda left, right: fill(template, (left, right)), args)
    return code if are_alike else _lowered(node, code)


def _operands(writer: Writer, node: Apply) -> list[Code]:
    """The arguments as they are; functions of arrays have no type to give to numbers alone."""
    given = operands(node) if broadcasts(node) else [Operand(arg) for arg in node.args]
    if writer.dialect.takes_numbers and not all(map(writer.is_number, node.args)):
        return [writer.operand(operand) for operand in given]
    return [
        writer.operand(operand) if operand.is_line else writer.as_array(operand.part)
        for operand in given
    ]


def inline(writer: Writer, op: Operation, template: str) -> str:
    """The template, or a call of a function that holds it where it is long or repeats itself."""
    takes_arrays = len(op.size_positions) < len(op.parameters)
    repeats = any(template.count(f"{{{k}}}") > 1 for k in range(len(op.parameters)))
    if not takes_arrays or not ("\n" in template or repeats or len(template) > TEMPLATE_WIDTH):
        return template.replace("{like}", writer.like()) if "{like}" in template else template
    helpers = writer.used.helpers
    if op not in helpers:
        *statements, value = template.format(*op.parameters).splitlines()
        name = writer.names.claim(op.name)
        body = indent("\n".join([*statements, f"return {value}"]), "    ")
        helpers[op] = (name, f"def {name}({', '.join(op.parameters)}):\n{body}")
    places = ", ".join(f"{{{k}}}" for k in range(len(op.parameters)))
    return f"{helpers[op][0]}({places})"


def _lifted(writer: Writer, node: Apply) -> list[Code]:
    """The arguments with every axis that the signature has, those of length 1 too."""
    patterns = node.op.rule.parameters
    if len(patterns) != len(node.args):
        patterns = (patterns[0],) * len(node.args)
    return [
        writer.use(arg) if isinstance(pattern, str) else _lift(writer, arg, pattern)
        for arg, pattern in zip(node.args, patterns, strict=True)
    ]


def _lift(writer: Writer, arg: Expr, pattern: Shape) -> Code:
    axes = [dim for dim, wanted in zip(arg.shape, pattern, strict=True) if wanted.symbols]
    if not any(dim.is_unit for dim in axes):
        return writer.use(arg)
    if arg.is_scalar:
        ones = "(1,)" if len(axes) == 1 else "(1, 1)"
        return writer.call("reshape", writer.as_array(arg).text, ones)
    places = ", ".join("None" if dim.is_unit else ":" for dim in axes)
    return Code(f"{writer.use(arg).at(ATOM)}[{places}]")


def _lowered(node: Apply, code: Code) -> Code:
    """The code of a value that has every axis of the signature, without those of length 1."""
    axes = [d for d, wanted in zip(node.shape, node.op.rule.result, strict=True) if wanted.symbols]
    if not any(dim.is_unit for dim in axes):
        return code
    picks = ", ".join("0" if dim.is_unit else ":" for dim in axes)
    return Code(f"{code.at(ATOM)}[{picks}]")


def _is_axis_free(template: str) -> bool:
    functions = re.findall(r"([a-zA-Z_][\w.]*)\(", template)
    return "axis" not in template and all(
        name.startswith("np.") and name.removeprefix("np.") in AXIS_FREE for name in functions
    )
