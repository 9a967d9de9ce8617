"""Variables freed of their structure: identities such as X' = X hold at the point, not along the variation.

What rewrites a function before it is differentiated must not use them: of ``x' X y + y' X x`` with X
symmetric nothing would be left but ``2 x' X y``, whose ambient derivative is another.
"""

from __future__ import annotations

from collections.abc import Iterable

from matcalc.core.expr import Expr, Symbol

#: Properties that tie entries together; others only restrict where the point lies.
STRUCTURAL = frozenset(
    {
        "symmetric",
        "skew",
        "diagonal",
        "spd",
        "psd",
        "orthogonal",
        "lower_triangular",
        "upper_triangular",
        "toeplitz",
    }
)


def freed(variables: Iterable[Symbol]) -> dict[Expr, Symbol]:
    """For each variable that has structure one of the same name and shape that has none."""
    return {
        v: Symbol(v.name, v.shape, v.properties - STRUCTURAL)
        for v in variables
        if v.properties & STRUCTURAL
    }
