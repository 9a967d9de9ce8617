"""The derivative as a map: ``dX -> -X^-1 dX X^-1`` for ``inv(X)``.

The array is multiplied by a direction at the axes of the variable and contracted; what is left is read
as a matrix. This shows in one line what has too many axes for a matrix: derivatives commute with
each other, so the values at equal directions determine the whole array.

Source: Magnus and Neudecker, Matrix Differential Calculus, chapters 5 and 6.
"""

from __future__ import annotations

from matcalc.core.dim import Shape
from matcalc.core.expr import Expr, Symbol
from matcalc.core.index import MATRIX_AXES, Factor, IndexExpr, Term
from matcalc.core.properties import closed
from matcalc.passes.contract import contract
from matcalc.passes.properties import LINEAR
from matcalc.passes.recognise import recognise
from matcalc.passes.simplify import simplify
from matcalc.record import Record


class LinearMap(Record):
    """``direction -> value``, linear in each of its ``degree`` equal arguments.

    For a derivative of order k, it is the differential of order ``degree`` of the derivative of order
    k - ``degree``; of the function itself if the two are equal.

    Attributes:
        direction: the argument, a variable such as ``dX``.
        degree: how many axes of the variable it was put in at.
        value: what the map gives.
    """

    direction: Symbol
    degree: int
    value: Expr


def direction(wrt: Symbol, name: str, convention: str) -> Symbol:
    """A variation of ``wrt``; in the tangent convention it has the linear structure of the variable."""
    structure = closed(wrt.properties, wrt.shape) & LINEAR if convention == "tangent" else ()
    return Symbol(name, wrt.shape, structure)


def linear_map(tensor: IndexExpr, order: int, along: Symbol, shape: Shape) -> LinearMap | None:
    """A derivative as a map of a direction, put in as few times as leave at most two axes.

    Args:
        tensor: the derivative in tensor convention.
        order: its order.
        along: the direction, of the variable's shape.
        shape: shape of what the values are: if one axis is left, it says whether that is a row.

    Returns:
        None where more axes are left, or what is left has no matrix form.
    """
    excess = len(tensor.free) - MATRIX_AXES
    width = len(along.axes)
    degree = 1 if width == 0 else max(1, -(-excess // width))
    if degree > order or len(tensor.free) - degree * width > MATRIX_AXES:
        return None
    for _ in range(degree):
        tensor = apply_once(tensor, along)
        # Terms that differ in the order of their directions are equal from here on.
        tensor = contract(tensor)
    row, column = (*tensor.free, None, None)[:2]
    if column is None and shape[0].is_unit:
        row, column = column, row
    value = recognise(tensor, row, column)
    return None if value is None else LinearMap(along, degree, simplify(value))


def apply_once(tensor: IndexExpr, along: Symbol) -> IndexExpr:
    """The array with its last axes, those of one variable, summed against a direction."""
    cut = len(tensor.free) - len(along.axes)
    put_in = Factor(along, tensor.free[cut:])
    terms = tuple(Term(term.coefficient, (*term.factors, put_in)) for term in tensor.terms)
    return IndexExpr(tensor.free[:cut], terms)
