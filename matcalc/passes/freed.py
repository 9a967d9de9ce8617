"""Variables freed of their structure: identities such as X' = X hold at the point, not along the variation.

What rewrites a function before it is differentiated must not use them: of ``x' X y + y' X x`` with X
symmetric nothing would be left but ``2 x' X y``, whose ambient derivative is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matcalc.core.expr import Expr, Symbol, substitute_all, symbols

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


def freed_names(names: Mapping[str, Expr]) -> tuple[Mapping[str, Expr], dict[Expr, Expr]]:
    """What names mean with all variables freed, and what the freed variables stand for."""
    variables = freed(symbols(*names.values()))
    if not variables:
        return names, {}
    values = substitute_all(list(names.values()), dict(variables))
    return dict(zip(names, values, strict=True)), {free: v for v, free in variables.items()}
