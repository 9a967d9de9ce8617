"""Which operation a call means: by spelling, number of arguments, and kinds of the arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Size
from matcalc.core.operation import Operation
from matcalc.errors import AmbiguityProblem, NameProblem, ShapeProblem
from matcalc.ops import REGISTRY, by_call
from matcalc.record import Record
from matcalc.syntax import tree

#: What is known of a shape, as far as the choice among operations of one spelling needs it.
Kind = Literal["scalar", "vector", "row", "matrix"]

#: Operations whose arguments are sizes: constant arrays.
SIZED = {
    op.name: op
    for op in REGISTRY.values()
    if op.rule.parameters and all(isinstance(p, str) for p in op.rule.parameters)
}

#: Those of them that make a column where one size is given.
COLUMNS = ("ones", "zeros")

#: Functions with one scalar argument that take the size that fits.
FILLED = ("vector", "matrix")

#: Function names of the language that have no operation of their own.
SPECIAL = (*SIZED, *FILLED, "norm")


class Arguments(Record):
    """The arguments of a call, sorted.

    Attributes:
        operands: those that are expressions.
        sizes: those that are sizes.
        tail: literal ones at the end, such as the dimension in ``sum(X, 1)``.
    """

    operands: tuple[tree.Node, ...]
    sizes: tuple[tree.Node, ...] = ()
    tail: tuple[str, ...] = ()


def operations(function: str) -> tuple[Operation, ...]:
    """The operations of this spelling; the rule book also uses their unique names."""
    found = by_call(function)
    return found or ((REGISTRY[function],) if function in REGISTRY else ())


def split_arguments(node: tree.Call) -> Arguments:
    """Sort the arguments of a call; their number is not checked."""
    if node.function in SIZED:
        return Arguments((), node.args)
    if len(node.args) < 2:
        return Arguments(node.args)
    literal = _literal(node.args[-1])
    tails = {"1", "2", "F"} if node.function == "norm" else _tails(node.function)
    if literal in tails:
        return Arguments(node.args[:-1], tail=(literal,))
    return Arguments(node.args)


def _literal(node: tree.Node) -> str:
    if isinstance(node, tree.Number):
        return str(node.value)
    return node.name if isinstance(node, tree.Name) else ""


def _tails(function: str) -> set[str]:
    return {literal for op in operations(function) for literal in op.tail}


def signature_operation(node: tree.Call, arguments: Arguments) -> Operation | None:
    """The operation of this name that takes so many arguments, kinds aside."""
    count = len(arguments.operands)
    for op in operations(node.function):
        if op.tail == arguments.tail and (
            (op.variadic and count >= 2) or len(op.parameters) == count
        ):
            return op
    return None


def sized_arguments(function: str, dims: Sequence[Dim]) -> tuple[Size, ...] | None:
    """The size arguments of a constant array, or None where their number is wrong."""
    if function in COLUMNS and len(dims) == 1:
        dims = (*dims, ONE)
    if len(dims) != len(SIZED[function].parameters):
        return None
    return tuple(map(Size, dims))


def kind_of(shape: Shape) -> Kind:
    """Scalar, vector, row or matrix."""
    rows, columns = shape
    if columns.is_unit:
        return "scalar" if rows.is_unit else "vector"
    return "row" if rows.is_unit else "matrix"


def choose_operation(node: tree.Call, arguments: Arguments, shapes: tuple[Shape, ...]) -> Operation:
    """The operation that the call means, given the shapes of its operands."""
    return choose_by_kind(node, arguments, tuple(kind_of(shape) for shape in shapes))


def choose_by_kind(node: tree.Call, arguments: Arguments, kinds: tuple[Kind, ...]) -> Operation:
    """The operation that the call means, given the kinds of its operands.

    Raises:
        NameProblem: no function has this name.
        ShapeProblem: no operation of this name takes these arguments.
        AmbiguityProblem: the dimension could be a number to compare with.
    """
    candidates = operations(node.function)
    if not candidates:
        raise NameProblem(f"unknown function {node.function}", span=node.function_span)
    if node.function == "diag":
        return REGISTRY["diag" if kinds[0] in ("vector", "scalar") else "diagonal"]
    if node.function in ("max", "min") and arguments.tail:
        if kinds[0] in ("vector", "row"):
            raise AmbiguityProblem(f"{node.function}(x, {arguments.tail[0]}) of a vector")
        if kinds[0] == "scalar":
            return REGISTRY["maximum" if node.function == "max" else "minimum"]
    found = signature_operation(node, arguments)
    if found is not None:
        return found
    raise ShapeProblem(f"{node.function} does not take {len(node.args)} arguments")


def many_axes(node: tree.Node, functions: Mapping[str, Operation]) -> Shape:
    """The axes of a call of the derivative of a function, ``∂F(W)``, if they are more than two."""
    if not isinstance(node, tree.Call) or node.function not in functions:
        return ()
    codomain = functions[node.function].codomain
    return codomain if len(codomain) > 2 else ()
