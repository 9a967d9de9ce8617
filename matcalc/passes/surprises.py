"""Finds what a user may not expect of the kinds that were inferred, to be told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from matcalc.passes.defaults import MATRIX, ROW, Defaults, letter_kind
from matcalc.passes.functions import signature_operation, split_arguments
from matcalc.passes.kinds import KnownKind
from matcalc.passes.statements import Statements
from matcalc.passes.translate import operands
from matcalc.passes.walk import is_raised
from matcalc.syntax import tree


def unusual_kinds(
    statements: Statements, of: dict[str, KnownKind], defaults: Defaults
) -> tuple[str, ...]:
    """Notes on the names that are not what their letter says."""
    words = {(False, False): "scalar", (True, False): "vector", (False, True): "row"}
    notes = []
    for name, kind in of.items():
        if name in statements.shapes or statements.properties.get(name):
            continue
        usual = letter_kind(name)
        unusual = sum(kind) < sum(usual) or kind in (MATRIX, ROW)
        if kind != usual and (unusual or name in defaults.by_context):
            notes.append(f"{name} is read as a {words.get(kind, 'matrix')}")
    if (
        "e" in of
        and "e" not in statements.shapes
        and any(is_raised("e", equation.value) for equation in statements.equations)
    ):
        notes.append("e is read as a variable; exp(x) is the exponential")
    return tuple(notes)


def beside_arrays(
    combined: Iterable[Sequence[tree.Node]],
    is_scalar: Callable[[tree.Node], bool | None],
    suspects: Collection[str],
) -> dict[str, tree.Node]:
    """The suspects that make a number of an operand beside an array, each with that array.

    Args:
        combined: the operands of every ``.*`` and ``./``.
        is_scalar: whether an operand is a number.
        suspects: names that nothing but their letter makes numbers.
    """
    found: dict[str, tree.Node] = {}
    for parts in combined:
        array = next((part for part in parts if is_scalar(part) is False), None)
        if array is None:
            continue
        stack = [part for part in reversed(parts) if is_scalar(part)]
        while stack:
            node = stack.pop()
            if isinstance(node, tree.Name) and node.name in suspects:
                found.setdefault(node.name, array)
            stack += reversed(_alike(node))
    return found


def _alike(node: tree.Node) -> Sequence[tree.Node]:
    """The parts of which each makes the whole an array of its own shape."""
    match node:
        case tree.Negate():
            return (node.operand,)
        case tree.Sum():
            return operands(node)
        case tree.Binary() if node.operator in (".*", "./"):
            return operands(node)
        case tree.Power() if node.elementwise:
            return (node.base,)
        case tree.Call():
            operation = signature_operation(node, split_arguments(node))
            return operands(node) if operation is not None and operation.elementwise else ()
    return ()
