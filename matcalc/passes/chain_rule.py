"""The chain rule through definitions that keep their names: ``z = W x + b``, ``∇L(z) x'``.

What is defined is a variable like any other until the end, so that nothing of it is multiplied out, collected
or cancelled: the answer is in terms of the names that the user gave.
"""

from __future__ import annotations

from collections.abc import Mapping

from matcalc.core.expr import Expr, Symbol, symbols
from matcalc.core.index import IndexExpr
from matcalc.passes.differentiate import (
    carried_back,
    contracted,
    derivative,
    derivatives,
    differentiate_index,
)
from matcalc.passes.gather import gather, gather_array
from matcalc.passes.settle import settle

#: What names stand for, each in terms of those before it.
Definitions = Mapping[Symbol, Expr]


def total_derivative(
    f: Expr | IndexExpr, wrt: Symbol, order: int, definitions: Definitions
) -> IndexExpr:
    """Derivative of any order by a variable, of which the names in ``f`` may be functions.

    Axes and errors as for ``derivative``.
    """
    if isinstance(f, Expr):
        if not definitions:
            return derivative(f, wrt, order)
        result = _through(derivatives(f, [wrt, *definitions]), wrt, definitions)
        result = gather_array(result) if order == 1 else result
        order -= 1
    else:
        result = f
    for _ in range(order):
        partials = {v: differentiate_index(result, v) for v in (wrt, *definitions)}
        result = _through(partials, wrt, definitions)
        result = gather(result) if isinstance(f, Expr) else result
    return result


def _through(
    partials: Mapping[Symbol, IndexExpr], wrt: Symbol, definitions: Definitions
) -> IndexExpr:
    """The derivative given those by the variable and by all names, the last name first."""
    if not definitions:
        return partials[wrt]
    parts = {variable: [partial] for variable, partial in partials.items()}
    for name, value in reversed(list(definitions.items())):
        cotangent = settle(parts[name])
        if cotangent.terms:
            inner = [v for v in symbols(value) if v in parts]
            for variable, contribution in carried_back(value, cotangent, inner).items():
                parts[variable].append(contribution)
    return contracted(settle(parts[wrt]))
