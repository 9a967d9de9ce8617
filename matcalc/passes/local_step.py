"""Local steps in matrix form: ``W' c`` and ``c x'`` for a cotangent c of ``W x``.

What the rule of an operation makes of a cotangent that is one matrix depends on shapes only. It is found
in index notation once for each pattern of shapes, with symbols in the places of the cotangent and the
arguments; from then on these are put in.
"""

from __future__ import annotations

from functools import cache

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.index import Composite, Index, IndexExpr, Slot, whole
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.linalg import DIAG, VEC
from matcalc.ops.structural import ADD, KRON, MATMUL, TIMES, TRANSPOSE
from matcalc.passes.build import is_zero, scaled, transposed
from matcalc.passes.directional import MATRICES
from matcalc.passes.instantiate import instantiate
from matcalc.passes.pull_back import Operands, elementwise_derivative, pull_back
from matcalc.passes.rulebook import local_jacobian
from matcalc.passes.settle import settle
from matcalc.passes.simplify import rebuild
from matcalc.record import Record

#: What contraction takes apart, so that the form of the result depends on it.
OPENED = frozenset({EYE, ONES, ZEROS, DIAG, VEC, KRON})

#: Operations that outer products are carried through as they are; in other places they are weights.
LINEAR = frozenset({ADD, MATMUL, TRANSPOSE})


def carry(node: Apply, position: int, cotangent: IndexExpr) -> IndexExpr:
    """The contribution of ``node`` to the cotangent of its argument; as ``pull_back``, but faster."""
    if node.op is ADD:
        # One shape, one cotangent; a sum of thousands of terms is not looked through for each of them.
        return cotangent
    if cotangent.matrix is not None and _stays(cotangent.matrix[1], node.op):
        coefficient, matrix = cotangent.matrix
        outer = cotangent.free[: len(cotangent.free) - len(node.axes)]
        inside = _elementwise if node.op.elementwise else _by_pattern
        result = inside(node, position, matrix, outer)
        if result is not None:
            axes = tuple([Index(dim) for dim in node.args[position].axes])
            return whole(result, (*outer, *axes), coefficient)
    return pull_back(node, position, cotangent)


def _stays(cotangent: Expr, op: Operation) -> bool:
    """Whether the form of the result does not depend on what is inside of the cotangent."""
    return _is_whole(cotangent) or (cotangent.op is MATMUL and op in LINEAR)


def _is_whole(e: Expr) -> bool:
    """Whether contraction leaves an entry of it as it is, but for the factors of products."""
    found: bool | None = e.memo.get(_is_whole)
    if found is None:
        found = e.memo[_is_whole] = _stays_whole(e)
    return found


def _stays_whole(e: Expr) -> bool:
    if e.is_scalar:
        return not is_zero(e)
    # Products of many factors nest as deep as they are long.
    seen = {e}
    pending = [e]
    while pending:
        node = pending.pop()
        if node.op is TIMES or node.op is TRANSPOSE:
            parts = [arg for arg in node.args if not arg.is_scalar and arg not in seen]
            unknown = [part for part in parts if not part.memo.get(_is_whole)]
            seen.update(unknown)
            pending.extend(unknown)
        elif not _is_factor(node):
            return False
    for node in seen:
        node.memo[_is_whole] = True
    return True


def _is_factor(e: Expr) -> bool:
    if e.op is MATMUL:
        return not any(arg.shape[0].is_unit for arg in e.args[1:])
    return e.op not in OPENED and not (e.op is not None and e.op.name in MATRICES)


def _elementwise(node: Apply, position: int, matrix: Expr, outer: tuple[Index, ...]) -> Expr | None:
    """The entry by entry product with the derivative."""
    if outer or node.args[position].shape != node.shape:
        return None
    derivative = elementwise_derivative(node, position)
    if not _is_whole(derivative):
        return None
    if derivative.shape[0].is_unit:
        derivative = transposed(derivative)
    return rebuild(TIMES, (matrix, derivative))


# ------------------------------------------------------------------ by the pattern of shapes


class _Pattern(Record):
    """What a step in matrix form depends on; sizes are renamed in the order of their appearance."""

    op: Operation
    shapes: tuple[Shape, ...]
    position: int
    outer: Shape


def _by_pattern(node: Apply, position: int, matrix: Expr, outer: tuple[Index, ...]) -> Expr | None:
    op, args = node.op, node.args
    if op.is_abstract or not all(map(_is_whole, args)):
        return None
    if op.variadic:
        operands, place = Operands.around(op, args, position), min(position, 1)
    elif any(isinstance(arg, Constant | Size) for arg in args):
        return None
    else:
        operands, place = Operands(args), position
    names = _Names()
    shapes = tuple([names.rename(shape) for shape in operands.shapes])
    pattern = _Pattern(op, shapes, place, names.rename(tuple([index.dim for index in outer])))
    step = _step(pattern)
    if step is None:
        return None
    template, placeholders = step

    def given(place: int) -> Expr:
        return operands[place] if place < len(shapes) else matrix

    return instantiate(template, placeholders, given, names.meaning)


class _Names:
    """Sizes renamed in the order of their appearance."""

    def __init__(self) -> None:
        self.names: dict[Dim, Dim] = {}

    def rename(self, shape: Shape) -> Shape:
        """The shape in terms of the new names."""
        return tuple([dim if dim.is_unit else self._name(dim) for dim in shape])

    def _name(self, dim: Dim) -> Dim:
        name = self.names.get(dim)
        if name is None:
            name = self.names[dim] = Dim(1, (f"n{len(self.names)}",))
        return name

    @property
    def meaning(self) -> dict[str, Dim]:
        """The sizes by their new names."""
        return {name.symbols[0]: dim for dim, name in self.names.items()}


@cache
def _step(pattern: _Pattern) -> tuple[Expr, tuple[Expr, ...]] | None:
    """The contribution over placeholders, the last of which is the cotangent; None if it has no matrix form."""
    args = tuple(Symbol(f"X{k}", shape) for k, shape in enumerate(pattern.shapes))
    node = pattern.op(*args) if len(args) > 1 or not pattern.op.variadic else None
    if node is None or any(isinstance(slot, Composite) for slot in _output(pattern)):
        return None
    free = tuple(Index(dim) for dim in (*pattern.outer, *node.axes))
    if len(free) > 2 or len(pattern.outer) + len(args[pattern.position].axes) > 2:
        return None
    cotangent = Symbol("C", (*(index.dim for index in free), ONE, ONE)[:2])
    found = settle([pull_back(node, pattern.position, whole(cotangent, free))])
    matrix = None if found.matrix is None else scaled(*found.matrix)
    if matrix is None or any(map(_is_inner, postorder(matrix))):
        return None
    return matrix, (*args, cotangent)


def _is_inner(e: Expr) -> bool:
    """Whether it is an inner product or the like: there factors of both sides can cancel."""
    return e.is_scalar and any(not arg.is_scalar for arg in e.args)


def _output(pattern: _Pattern) -> tuple[Slot, ...]:
    return local_jacobian(pattern.op, min(pattern.position, 1)).output
