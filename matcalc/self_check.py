"""Whether an answer is right: what is printed, held entry by entry against SymPy's derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative, written_out
from matcalc.errors import UnsupportedProblem
from matcalc.passes.linear_map import apply_once

if TYPE_CHECKING:
    from matcalc.backends.sympy_coordinates import Structured
    from matcalc.backends.verify import CheckReport

#: Which axes of the tensor form every axis of a matrix is; of several the slowest first.
Axes = Sequence[Sequence[int]]


def check(d: Derivative) -> CheckReport:
    """The check of the answer; with names kept, of what is printed with them too."""
    report = _compared(d)
    return _compared(written_out(d.named)) if d.named and report.ok else report


def _compared(d: Derivative) -> CheckReport:
    from matcalc.backends import verify

    f = d.f
    if not isinstance(f, Expr):
        raise UnsupportedProblem("the check of a function that has no matrix form")

    def compare(answer: Expr | IndexExpr, axes: Axes | None) -> CheckReport:
        structured = cast("Structured", d.structured)
        return verify.check_derivative(f, d.wrt, d.order, answer, axes=axes, structured=structured)

    matrix, vec = d.expr, d.arranged.vec
    report = compare(d.tensor, None) if matrix is None else compare(matrix, _axes(d))
    if vec is not None and report.ok:
        report = compare(vec, _vec_axes(d))
    if matrix is None and report.ok and d.as_map is not None:
        array = d.tensor
        for _ in range(d.as_map.degree):
            array = apply_once(array, d.as_map.direction)
        return verify.check_value(report, array, d.as_map.value)
    return report


def _axes(d: Derivative) -> Axes:
    """For every axis of the matrix form, which axes of the tensor form it is."""
    if d.layout == "vec":
        return _vec_axes(d)
    places = {index: place for place, index in enumerate(d.tensor.free)}
    return [(places[index],) for index in d.index.free]


def _vec_axes(d: Derivative) -> Axes:
    """Vec stacks columns: of the axes that it joins, the last one varies slowest."""
    cut = len(d.tensor.free) - len(d.wrt.axes)
    places = range(len(d.tensor.free))
    return [group for group in (tuple(places[:cut][::-1]), tuple(places[cut:][::-1])) if group]
