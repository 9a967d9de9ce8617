"""Kinds of what functions give, and of what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcalc.core.dim import ONE
from matcalc.core.operation import Operation
from matcalc.ops.abstract import maps_columns
from matcalc.passes import kinds
from matcalc.passes.functions import (
    SIZED,
    Arguments,
    signature_operation,
    sized_arguments,
    split_arguments,
)
from matcalc.passes.kinds import Axes
from matcalc.passes.translate import operands, size_of
from matcalc.syntax import tree

if TYPE_CHECKING:
    from matcalc.passes.infer import Inference


def call_axes(walk: Inference, node: tree.Call, parts: list[Axes]) -> Axes:
    """The axes of a call, tied to those of its arguments."""
    axis, unit = walk.axis, walk.axis.unit
    arguments = split_arguments(node)
    match node.function:
        case name if name in walk.statements.functions:
            return _abstract(walk, walk.statements.functions[name], parts)
        case name if name in SIZED:
            return _sized(walk, node, arguments)
        case "vector":
            return axis.fresh(long=True), unit
        case "matrix":
            return axis.fresh(long=True), axis.fresh(long=True)
        case "norm":
            if parts:
                walk.reduced.append((node.args[0], parts[0]))
            return unit, unit
        case "transpose":
            return (parts[0][1], parts[0][0]) if parts else (unit, unit)
        case "kron":
            return walk.kron(parts)
        case "hadamard" | "times" | "power":
            walk.entrywise.append(operands(node))
            return walk.combine(kinds.broadcast, parts)
        case "matmul":
            return walk.combine(kinds.multiply, parts)
        case "add":
            for part in parts[1:]:
                axis.join_pairs(parts[0], part)
            return parts[0]
        case "diag":
            return _diag(walk, node, parts)
        case "max" | "min":
            return _extremum(walk, arguments, parts)
    operation = signature_operation(node, arguments)
    if operation is None or not parts:
        return axis.fresh_pair()
    if operation.elementwise:
        return parts[0]
    return _by_signature(walk, node, operation, parts)


def _abstract(walk: Inference, function: Operation, parts: list[Axes]) -> Axes:
    """Matrices in the places of vectors, as far as they are known for certain, are taken by columns."""
    axis = walk.axis
    axis.propagate()
    rows, columns = axis.of_shape(function.codomain[:2])
    for pattern, part in zip(function.rule.parameters, parts, strict=False):
        assert not isinstance(pattern, str)
        wanted = axis.of_shape(pattern)
        if maps_columns(function, pattern) and axis.long(part[1]):
            axis.join(part[0], wanted[0])
            columns = part[1]
        else:
            axis.join_pairs(part, wanted)
    return rows, columns


def _sized(walk: Inference, node: tree.Call, arguments: Arguments) -> Axes:
    dims = [size_of(size, walk.statements.sizes) for size in arguments.sizes]
    sizes = sized_arguments(node.function, dims)
    return walk.axis.of_shape(SIZED[node.function].shape(sizes) if sizes else (ONE, ONE))


def _diag(walk: Inference, node: tree.Call, parts: list[Axes]) -> Axes:
    axis, result = walk.axis, walk.axis.fresh_pair()
    if not parts:
        return result
    walk.defaults.vector_wanted(node.args[0])
    argument = parts[0]

    def rule() -> bool:
        if axis.long(argument[1]) is None:
            return False
        if axis.long(argument[1]):
            axis.join(*argument)
            axis.join_pairs(result, (argument[0], axis.unit))
        else:
            axis.join_pairs(result, (argument[0], argument[0]))
        return True

    axis.add_rule(rule, (argument,))
    return result


def _extremum(walk: Inference, arguments: Arguments, parts: list[Axes]) -> Axes:
    unit = walk.axis.unit
    if len(parts) == 2:
        return walk.combine(kinds.broadcast, parts)
    if not parts:
        return unit, unit
    if not arguments.tail:
        walk.reduced.append((arguments.operands[0], parts[0]))
        return unit, unit
    return (unit, parts[0][1]) if arguments.tail == ("1",) else (parts[0][0], unit)


def _by_signature(
    walk: Inference, node: tree.Call, operation: Operation, parts: list[Axes]
) -> Axes:
    axis = walk.axis
    bound: dict[str, int] = {}
    kept = {symbol for dim in operation.rule.result for symbol in dim.symbols}
    nodes = operands(node)
    for pattern, part, argument in zip(operation.rule.parameters, parts, nodes, strict=False):
        assert not isinstance(pattern, str)
        rows, columns = pattern
        if rows == columns and rows.symbols:
            kinds.square(axis, part)
        elif columns.is_unit and rows.symbols:
            walk.defaults.vector_wanted(argument)
            walk.reduced.append((argument, part))
        lost = [
            one
            for dim, one in zip(pattern, part, strict=True)
            if dim.symbols and not set(dim.symbols) & kept
        ]
        if lost:
            walk.reduced.append((argument, tuple(lost)))
        for dim, one in zip(pattern, part, strict=True):
            if len(dim.symbols) == 1:
                bound.setdefault(dim.symbols[0], one)
    result = []
    for dim in operation.rule.result:
        if len(dim.symbols) < 2:
            result.append(bound[dim.symbols[0]] if dim.symbols else axis.unit)
        else:
            result.append(axis.fresh())
            kinds.size_product(axis, [bound[s] for s in dim.symbols], result[-1])
    return result[0], result[1]
