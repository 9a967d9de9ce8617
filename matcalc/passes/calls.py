"""Arguments of functions: their number, their kinds, and the shape of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.core.operation import Operation
from matcalc.errors import AmbiguityProblem, NameProblem, ShapeProblem
from matcalc.ops.abstract import maps_columns
from matcalc.ops.constant import UNIT
from matcalc.passes.functions import (
    COLUMNS,
    FILLED,
    SIZED,
    Arguments,
    operations,
    signature_operation,
    sized_arguments,
    split_arguments,
)
from matcalc.passes.mistakes import Operand
from matcalc.passes.translate import size_of
from matcalc.passes.unify import MismatchError, bounded
from matcalc.syntax import tree

if TYPE_CHECKING:
    from matcalc.passes.shapes import Shapes

#: Functions that take a dimension after their argument.
ALONG = ("sum", "mean", "max", "min", "logsumexp", "softmax")


def call_shape(walk: Shapes, node: tree.Call, parts: list[Operand]) -> Shape:
    """Shape of a call, its arguments being checked."""
    arguments = split_arguments(node)
    if node.function in walk.functions:
        return _abstract(walk, node, walk.functions[node.function], parts)
    if node.function in SIZED:
        return _sized(walk, node, arguments)
    if node.function in FILLED:
        return _filled(walk, node, parts)
    operation = _operation(node, arguments)
    match operation.name:
        case "norm2" if node.function == "norm":
            return walk.norm(node, "" if not arguments.tail else arguments.tail[0], parts[0])
        case "norm2":
            return walk.norm(node, "", parts[0])
        case "add":
            return _added(walk, node, parts)
        case "times" | "maximum" | "minimum" | "power":
            return walk.broadcast(parts, f"arguments of {node.function}:", node)
        case "matmul":
            return walk.product(parts)
        case "transpose":
            return parts[0].shape[1], parts[0].shape[0]
        case "kron":
            return walk.kronecker(parts)
        case "diag" | "diagonal":
            return _diag(walk, node, parts[0])
    if node.function in ("max", "min") and arguments.tail:
        return _extremum(walk, node, arguments.tail[0], parts[0])
    if operation.elementwise:
        return parts[0].shape
    return _by_signature(walk, node, operation, parts)


def _operation(node: tree.Call, arguments: Arguments) -> Operation:
    if node.function == "norm" and len(arguments.operands) == 1:
        return operations("norm2")[0]
    if node.function == "diag" and len(arguments.operands) == 1:
        return operations("diag")[0]
    found = signature_operation(node, arguments)
    if found is None:
        raise _wrong_number(node)
    return found


def _wrong_number(node: tree.Call) -> NameProblem | ShapeProblem:
    known = operations(node.function)
    if not known and node.function != "norm":
        return NameProblem(f"unknown function {node.function}", span=node.function_span)
    if known and not known[0].parameters:
        return ShapeProblem(
            f"{node.function} is a number, not a function",
            span=node.span,
            help=f"write {node.function} without brackets, or {node.function} * (...) for a product",
        )
    counts = sorted({len(op.parameters) for op in known if not op.tail})
    wanted = " or ".join(map(str, counts)) or "1"
    if any(op.variadic for op in known):
        wanted = "2 or more"
    help_text = None
    if node.function in ("max", "min"):
        name = node.function
        help_text = f"write {name}(x), {name}(x, y), {name}(X, 1) or {name}(X, 2)"
    elif node.function in ALONG:
        help_text = (
            f"the dimension is 1 or 2: {node.function}(X, 1) runs down the columns,"
            f" {node.function}(X, 2) along the rows"
        )
    elif node.function == "norm":
        help_text = "write norm(x), norm(x, 1), norm(x, 2) or norm(X, F)"
    elif known:
        help_text = f"write {node.function}({', '.join(known[0].parameters)})"
    tails = "1, 2 or F" if node.function == "norm" else "1 or 2"
    if len(node.args) == 2 and (node.function == "norm" or node.function in ALONG):
        return ShapeProblem(
            f"the second argument of {node.function} is {tails}",
            span=node.args[1].span,
            help=help_text,
        )
    plural = "" if wanted == "1" else "s"
    return ShapeProblem(
        f"{node.function} takes {wanted} argument{plural}, not {len(node.args)}",
        span=node.span,
        help=help_text,
    )


def _abstract(walk: Shapes, node: tree.Call, function: Operation, parts: list[Operand]) -> Shape:
    patterns = function.rule.parameters
    if len(parts) != len(patterns):
        plural = "" if len(patterns) == 1 else "s"
        raise ShapeProblem(
            f"{node.function} takes {len(patterns)} argument{plural}, not {len(parts)}",
            span=node.span,
            details=(f"it is declared as {node.function}: {function.signature}",),
        )
    columns: Dim | None = None
    for pattern, part in zip(patterns, parts, strict=True):
        assert not isinstance(pattern, str)
        wanted = pattern
        if maps_columns(function, pattern) and not part.shape[1].is_unit:
            columns = columns or part.shape[1]
            wanted = pattern[0], columns
        try:
            walk.sizes.agree(wanted, part.shape)
        except MismatchError:
            # Another argument has said how many columns there are.
            fixed = columns is not None and columns != part.shape[1]
            shape = walk.report.shape(wanted if fixed else pattern)
            problem = walk.report.argument(node.function, shape, part, node.span, None)
            problem.details += (f"it is declared as {node.function}: {function.signature}",)
            raise problem from None
    if columns is None:
        return function.codomain
    walk.note(f"{walk.report.text(node)} is {node.function} of every column")
    return function.codomain[0], columns


def _sized(walk: Shapes, node: tree.Call, arguments: Arguments) -> Shape:
    function = node.function
    operation = SIZED[function]
    sizes = sized_arguments(function, [size_of(s, walk.size_names) for s in arguments.sizes])
    if sizes is None:
        count = len(operation.parameters)
        wanted = "1 or 2" if function in COLUMNS else str(count)
        plural = "" if wanted == "1" else "s"
        example = f"{function}({', '.join(operation.parameters)})"
        raise ShapeProblem(
            f"{function} takes {wanted} size{plural}, not {len(node.args)}",
            span=node.span,
            help=f"write {function}(n) or {example}" if function in COLUMNS else f"write {example}",
        )
    if operation is UNIT and not sizes[1].dim.symbols:
        walk.check_place(node.args[1], sizes[1].dim.coefficient, sizes[0].dim)
    return operation.shape(sizes)


def _filled(walk: Shapes, node: tree.Call, parts: list[Operand]) -> Shape:
    if len(parts) != 1:
        raise ShapeProblem(
            f"{node.function} takes 1 argument, not {len(parts)}",
            span=node.span,
            help=f"write {node.function}(c) for an array of the size that fits, all entries c",
        )
    if not parts[0].is_scalar:
        raise walk.report.argument(
            node.function, "a number", parts[0], node.span, "leave it out: this is an array already"
        )
    columns = ONE if node.function == "vector" else walk.sizes.fresh()
    return walk.fit(node, (walk.sizes.fresh(), columns))


def _added(walk: Shapes, node: tree.Call, parts: list[Operand]) -> Shape:
    for part in parts[1:]:
        walk.same(parts[0], part, "sum", node)
    return parts[0].shape


def _diag(walk: Shapes, node: tree.Call, operand: Operand) -> Shape:
    rows, columns = operand.shape
    if columns.is_unit:
        return rows, rows
    if operand.is_row:
        raise walk.report.argument(
            "diag",
            "a vector or a square matrix",
            operand,
            node.span,
            f"did you mean diag({walk.report.flipped(operand.node)}) ?",
        )
    if not walk.square(operand):
        raise walk.report.argument(
            "diag", "a vector or a square matrix", operand, node.span, _declare_square(operand)
        )
    return rows, ONE


def _extremum(walk: Shapes, node: tree.Call, dimension: str, operand: Operand) -> Shape:
    """``max(X, 1)``: along a dimension of a matrix; of a number the larger of the two."""
    name = walk.report.text(operand.node)
    if operand.is_scalar:
        return SCALAR
    if not operand.is_matrix:
        raise AmbiguityProblem(
            f"{walk.report.text(node)} has two readings",
            span=node.span,
            details=(f"{walk.report.is_(operand)}; {dimension} can be a dimension or a number",),
            help=f"write {node.function}({name}) for one entry,"
            f" {node.function}({dimension}, {name}) to compare every entry with {dimension}",
        )
    walk.note(
        f"{walk.report.text(node)} runs"
        + (" down the columns" if dimension == "1" else " along the rows")
    )
    rows, columns = operand.shape
    return (ONE, columns) if dimension == "1" else (rows, ONE)


def _by_signature(
    walk: Shapes, node: tree.Call, operation: Operation, parts: list[Operand]
) -> Shape:
    bound: dict[str, Dim] = {}
    for place, (pattern, part) in enumerate(zip(operation.rule.parameters, parts, strict=True), 1):
        assert not isinstance(pattern, str)
        rows, columns = pattern
        if pattern == SCALAR:
            # An argument without a derivative counts: it tells eigenvalues apart.
            counts = len(operation.partial) >= place and not operation.partial[place - 1]
            # In the rule book, which has no text of the user's, a letter stands for any count.
            if counts and walk.report.source and not walk.counts(part.node):
                raise ShapeProblem(
                    f"argument {place} of {node.function} is a whole number from 0",
                    span=part.node.span,
                    help=f"write it out: {node.function}({walk.report.text(parts[0].node)}, 0) is the smallest",
                )
            if not part.is_scalar:
                raise walk.report.argument(
                    node.function, f"a number as argument {place}", part, part.node.span, None
                )
        elif rows == columns:
            if not walk.square(part):
                raise walk.report.argument(
                    node.function,
                    "a square matrix",
                    part,
                    node.span,
                    _square_help(walk, node, part),
                )
        elif columns.is_unit and not part.shape[1].is_unit:
            raise _vector_wanted(walk, node, part)
        for dim, size in zip(pattern, part.shape, strict=True):
            if dim.symbols:
                known = bound.setdefault(dim.symbols[0], walk.sizes.resolve(size))
                _agree(walk, node, known, part, size)
    rows, columns = operation.rule.result
    return bounded(rows.substitute(bound)), bounded(columns.substitute(bound))


def _agree(walk: Shapes, node: tree.Call, known: Dim, part: Operand, size: Dim) -> None:
    try:
        walk.sizes.unify(known, size)
    except MismatchError:
        raise ShapeProblem(
            f"the arguments of {node.function} differ in size",
            span=node.span,
            details=(f"{walk.report.is_(part)}; {walk.report.size(known)} is needed",),
        ) from None


def _square_help(walk: Shapes, node: tree.Call, operand: Operand) -> str | None:
    text = walk.report.text(operand.node)
    if node.function == "inv" and operand.is_matrix:
        return f"did you mean pinv({text}) ?"
    if operand.is_matrix or text in walk.report.defaulted:
        return _declare_square(operand)
    return None


def _declare_square(operand: Operand) -> str:
    if isinstance(operand.node, tree.Name):
        return f"if it is a square matrix, declare {operand.node.name}: (n, n)"
    return "if it is square, declare the shapes of its variables so that it is"


def _vector_wanted(walk: Shapes, node: tree.Call, operand: Operand) -> ShapeProblem:
    name, text = node.function, walk.report.text(operand.node)
    if operand.is_row:
        help_text = f"did you mean {name}({walk.report.flipped(operand.node)}) ?"
        return walk.report.argument(name, "a vector", operand, node.span, help_text)
    return ShapeProblem(
        f"{name} of a matrix needs a dimension",
        span=node.span,
        details=(walk.report.is_(operand),),
        help=f"write {name}({text}, 1) down the columns, {name}({text}, 2) along the rows",
    )
