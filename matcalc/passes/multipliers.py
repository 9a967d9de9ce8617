"""What multiplies dX in a differential, ``A`` in ``df = dX A``, taken for the derivative itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from matcalc.core.dim import Shape
from matcalc.core.expr import Expr, Symbol
from matcalc.errors import ShapeProblem
from matcalc.passes.build import times, transposed
from matcalc.passes.products import product


def maps_of(claim: Expr, dx: Symbol, shape: Shape) -> Iterator[tuple[Expr, Expr]]:
    """The linear maps of this shape in which a claim, or its transpose, is the factor of dX.

    Yields:
        The factor, and the map.
    """
    for factor in dict.fromkeys((claim, transposed(claim))):
        for direction in dict.fromkeys((dx, transposed(dx))):
            for pair in ((factor, direction), (direction, factor)):
                with suppress(ShapeProblem):
                    found = product(*pair)
                    if found.shape == shape:
                        yield factor, found
        if factor.shape == dx.shape == shape:
            yield factor, times(factor, dx)
