"""Arrays with any number of axes as operations: products of entries, block diagonals, stacks.

Matrix notation ends at two axes, and what has more is computed by these. They are records like any
other, made on the spot and not in the language, so that such arrays are ordinary nodes, shared where
they are equal. ``array_code.py`` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from matcalc.core.dim import SCALAR, Dim, Shape, describe_shape
from matcalc.core.expr import Apply, Expr
from matcalc.core.operation import Operation


class Einsum(Operation, eq=False):
    """``ij,jk->ik``: the product of the entries of one or two arrays, summed over what is not kept.

    Attributes:
        inputs: the letters at the axes of each array; within one array they differ, unless there is
            one only.
        output: the letters that are kept, each of them once.
    """

    inputs: tuple[str, ...] = ()
    output: str = ""


class Embed(Operation, eq=False):
    """``ij->iji``: zeros but where the axes that have a letter in common have equal indices.

    A second argument is an array of the result's shape that this is added to.

    Attributes:
        core: the letters at the axes of the array; one of them that the output repeats may be missing.
        output: the letters at the axes of the result.
        dims: the sizes of those axes.
    """

    core: str = ""
    output: str = ""
    dims: tuple[Dim, ...] = ()


class Stack(Operation, eq=False):
    """Arrays of one shape side by side along a new axis, the last one or the one before it.

    Attributes:
        axis: -1 or -2.
    """

    axis: int = -1


class Reshape(Operation, eq=False):
    """The same entries, in the same order, along other axes."""

    dims: tuple[Dim, ...] = ()


class SolveBlocks(Operation, eq=False):
    """The solution of a system of equations for each index of the axes before the last two.

    The first argument is the matrices, the second the right sides: a vector for each matrix, or a
    matrix with one in every column.
    """


class Zeros(Operation, eq=False):
    """Nothing but zeros."""

    dims: tuple[Dim, ...] = ()


ArrayOperation = Einsum | Embed | Stack | Reshape | SolveBlocks | Zeros


def shape_of(dims: Sequence[Dim]) -> Shape:
    """The shape of a node with these axes: with fewer than two, that of a vector or a scalar."""
    return tuple(dims) if len(dims) > 1 else (*dims, *SCALAR)[:2]


@cache
def einsum(subscripts: str) -> Einsum:
    """The operation of these subscripts, ``ij,jk->ik``; one record for all with the same."""
    left, _, output = subscripts.partition("->")
    inputs = tuple(left.split(","))

    def shape_rule(shapes: tuple[Shape, ...]) -> Shape:
        sizes: dict[str, Dim] = {}
        for letters, shape in zip(inputs, shapes, strict=True):
            axes = [dim for dim in shape if not dim.is_unit]
            for letter, dim in zip(letters, axes, strict=True):
                assert sizes.setdefault(letter, dim) == dim, subscripts
        return shape_of([sizes[letter] for letter in output])

    return Einsum(f"einsum {subscripts}", shape_rule=shape_rule, inputs=inputs, output=output)


@cache
def embed(core: str, output: str, dims: tuple[Dim, ...]) -> Embed:
    """The operation that puts an array on a diagonal: ``embed("ij", "iji", (m, n, m))``."""
    shape = shape_of(dims)
    name = f"embed {core}->{output} {describe_shape(dims)}"
    return Embed(name, shape_rule=lambda _: shape, core=core, output=output, dims=dims)


@cache
def reshape(dims: tuple[Dim, ...]) -> Reshape:
    """The operation that gives an array these axes."""
    return Reshape(
        f"reshape {describe_shape(dims)}", shape_rule=lambda _: shape_of(dims), dims=dims
    )


@cache
def zeros(dims: tuple[Dim, ...]) -> Zeros:
    """The array of zeros with these axes, an operation of no arguments."""
    return Zeros(f"zeros {describe_shape(dims)}", shape_rule=lambda _: shape_of(dims), dims=dims)


@cache
def stack(axis: int) -> Stack:
    """The operation that puts arrays side by side along a new axis in this place."""

    def shape_rule(shapes: tuple[Shape, ...]) -> Shape:
        dims = [dim for dim in shapes[0] if not dim.is_unit]
        dims.insert(len(dims) + 1 + axis, Dim(len(shapes)))
        return shape_of(dims)

    return Stack(f"stack {axis}", shape_rule=shape_rule, axis=axis)


SOLVE_BLOCKS = SolveBlocks(
    "solve_blocks", shape_rule=lambda shapes: shapes[1], numpy="np.linalg.solve({0}, {1})"
)


def is_array_operation(e: Expr) -> bool:
    """Whether it is one of these."""
    return isinstance(e, Apply) and isinstance(e.op, ArrayOperation)
