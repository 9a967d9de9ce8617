"""Templates of the rule book with actual arguments and sizes put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, Size, postorder
from matcalc.core.operation import Operation
from matcalc.ops.structural import ADD
from matcalc.passes.build import ones, times
from matcalc.passes.rulebook import placeholders
from matcalc.passes.simplify import rebuild, simplify


def instantiate(
    template: Expr,
    parameters: tuple[Expr, ...],
    operand: Callable[[int], Expr],
    sizes: Mapping[str, Dim],
) -> Expr:
    """A template over placeholders with arguments and sizes put in, in normal form.

    Templates of element-wise operations are over scalars; in their sums a scalar beside an array
    stands for a constant array.
    """
    done: dict[Expr, Expr] = {}
    for node in _nodes(template):
        if node in parameters:
            done[node] = simplify(operand(parameters.index(node)))
        elif isinstance(node, Size):
            done[node] = Size(node.dim.substitute(sizes))
        elif isinstance(node, Apply):
            done[node] = rebuild(node.op, _broadcast(node.op, [done[arg] for arg in node.args]))
        else:
            done[node] = node
    return simplify(done[template])


def at_arguments(template: Expr, op: Operation, args: Sequence[Expr]) -> Expr:
    """A template over the placeholders of an operation, at arguments that it is applied to."""
    parameters = placeholders(op)
    sizes = {
        wanted.symbols[0]: actual
        for pattern, arg in zip(parameters, args, strict=True)
        for wanted, actual in zip(pattern.shape, arg.shape, strict=True)
        if wanted.symbols
    }
    return instantiate(template, parameters, args.__getitem__, sizes)


def _nodes(template: Expr) -> tuple[Expr, ...]:
    """The nodes of a template, which is put to use again and again."""
    found: tuple[Expr, ...] | None = template.memo.get(_nodes)
    if found is None:
        found = template.memo[_nodes] = tuple(postorder(template))
    return found


def _broadcast(op: Operation, args: list[Expr]) -> list[Expr]:
    arrays = [arg for arg in args if not arg.is_scalar]
    if op is not ADD or not arrays:
        return args
    shape = arrays[0].shape
    return [times(arg, ones(shape)) if arg.is_scalar else arg for arg in args]
