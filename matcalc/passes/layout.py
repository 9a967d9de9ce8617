"""Layout: the axes of a derivative arranged as a matrix. Applied last; no rule knows of it.

================  ==========  ==========  ==================  ========
f by              scalar      vector n    matrix p x q
================  ==========  ==========  ==================  ========
scalar            scalar      1 x n       q x p               numerator
                              n x 1       p x q               denominator
vector m          m x 1       m x n       order 3             numerator
                  1 x m       n x m                           denominator
matrix m x n      m x n       order 3     order 4             numerator
                  n x m                                       denominator
================  ==========  ==========  ==================  ========

``mixed`` gives gradients the shape of their variable and otherwise follows numerator layout. Where a
layout would need more than two axes, the answer is the tensor form.
"""

from __future__ import annotations

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Expr
from matcalc.core.index import Index, IndexExpr
from matcalc.errors import ArgumentProblem
from matcalc.passes.recognise import Indices, recognise, vectorise
from matcalc.record import Record

LAYOUTS = ("mixed", "numerator", "denominator", "tensor", "vec")


class Arranged(Record):
    """A derivative in a layout.

    Attributes:
        layout: the layout asked for, or ``tensor`` where that one does not exist.
        expr: matrix form, if there is one.
        index: index form; free indices in the order of the axes, axes of size 1 left out.
        shape: sizes of the axes of the answer.
        vec: ∂vec f/∂vec(X)', shown beside an answer with more than two axes.
    """

    layout: str
    expr: Expr | None
    index: IndexExpr
    shape: tuple[Dim, ...]
    vec: Expr | None = None


def arrange(
    index: IndexExpr, f_shape: Shape, wrt_shape: Shape, order: int, layout: str
) -> Arranged:
    """Arrange a derivative in tensor convention (axes of f, then those of the variable).

    Raises:
        ArgumentProblem: no such layout.
    """
    if layout not in LAYOUTS:
        raise ArgumentProblem(
            f"{layout!r} is not a layout", help="layouts are " + ", ".join(LAYOUTS)
        )
    if layout == "vec":
        return _vec(index, wrt_shape)
    if layout == "tensor":
        return _tensor(index, wrt_shape)
    axes = _matrix_axes(index, f_shape, wrt_shape, order, layout)
    if axes is None:
        return _tensor(index, wrt_shape)
    row, column = axes
    expr = recognise(index, row, column)
    free = tuple(axis for axis in axes if axis is not None)
    shape = (row.dim if row else ONE, column.dim if column else ONE)
    arranged = IndexExpr(free, index.terms)
    return Arranged(layout, expr, arranged, _shown(shape, layout))


class Placement(Record):
    """Which axes of the tensor convention, by number, are the rows and the columns of a matrix.

    Attributes:
        layouts: the layouts that place them so.
        rows: of several axes the one that varies slowest first; none where there is one row.
        columns: likewise.
        shape: of the matrix.
    """

    layouts: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    shape: Shape

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The axes by the axes of the matrix that carry an index."""
        return [group for group in (self.rows, self.columns) if group]


def placements(
    index: IndexExpr, f_shape: Shape, wrt_shape: Shape, order: int
) -> tuple[Placement, ...]:
    """How the layouts arrange a derivative in tensor convention as a matrix, as far as they do."""
    found: dict[tuple[Indices, Indices], list[str]] = {}
    for layout in LAYOUTS:
        sides: tuple[Indices, Indices] | None
        if layout == "vec":
            sides = _vec_axes(index, wrt_shape)
        elif layout == "tensor":
            sides = (index.free[:1], index.free[1:]) if len(index.free) <= 2 else None
        else:
            axes = _matrix_axes(index, f_shape, wrt_shape, order, layout)
            sides = axes and ((axes[0],) if axes[0] else (), (axes[1],) if axes[1] else ())
        if sides is not None:
            found.setdefault(sides, []).append(layout)
    number = {axis: k for k, axis in enumerate(index.free)}
    return tuple(
        Placement(
            tuple(layouts),
            tuple(number[axis] for axis in rows[::-1]),
            tuple(number[axis] for axis in columns[::-1]),
            (_product(rows), _product(columns)),
        )
        for (rows, columns), layouts in found.items()
    )


def _shown(shape: Shape, layout: str) -> Shape:
    """Scalars have no axes, and in mixed layout vectors have one."""
    if all(dim.is_unit for dim in shape):
        return ()
    return (
        tuple(d for d in shape if not d.is_unit)
        if layout == "mixed" and shape[1].is_unit
        else shape
    )


def _matrix_axes(
    index: IndexExpr, f_shape: Shape, wrt_shape: Shape, order: int, layout: str
) -> tuple[Index | None, Index | None] | None:
    """Row and column index of the answer; None if the layout has more than two axes."""
    f_count = sum(not dim.is_unit for dim in f_shape)
    of_f, of_wrt = index.free[:f_count], index.free[f_count:]
    flip = layout == "denominator"
    if len(index.free) > 2:
        return None
    if order == 1 and not of_f and of_wrt:
        return _gradient_axes(of_wrt, wrt_shape, layout)
    if len(index.free) < 2:
        only = index.free[0] if index.free else None
        return (None, only) if flip else (only, None)
    return (index.free[1], index.free[0]) if flip else (index.free[0], index.free[1])


def _gradient_axes(
    of_wrt: tuple[Index, ...], wrt_shape: Shape, layout: str
) -> tuple[Index | None, Index | None]:
    """Gradient of a scalar: the shape of the variable, transposed in numerator layout."""
    remaining = iter(of_wrt)
    row, column = (None if dim.is_unit else next(remaining) for dim in wrt_shape)
    return (column, row) if layout == "numerator" else (row, column)


def _tensor(index: IndexExpr, wrt_shape: Shape) -> Arranged:
    vec = None
    expr = None
    if len(index.free) > 2:
        vec = _vec(index, wrt_shape).expr
    else:
        row, column = (*index.free, None, None)[:2]
        expr = recognise(index, row, column)
    return Arranged("tensor", expr, index, index.dims, vec)


def _vec(index: IndexExpr, wrt_shape: Shape) -> Arranged:
    """∂vec f/∂vec(X)'; of higher order, the same once more of what came before."""
    rows, columns = _vec_axes(index, wrt_shape)
    expr = vectorise(index, rows, columns)
    shape = (_product(rows), _product(columns))
    return Arranged("vec", expr, index, shape)


def _vec_axes(index: IndexExpr, wrt_shape: Shape) -> tuple[Indices, Indices]:
    """The axes that make up rows and columns, those that vary fastest first."""
    cut = len(index.free) - sum(not dim.is_unit for dim in wrt_shape)
    return index.free[:cut], index.free[cut:]


def _product(indices: tuple[Index, ...]) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result
