"""What is computed, from what is written: the same values at the least cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from matcalc.codegen.factorise import factorise
from matcalc.codegen.order import order
from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr


def plan(formulas: Sequence[Expr | IndexExpr], backend: str) -> list[Expr | IndexExpr]:
    """The formulas as they are best computed, all in one function.

    Of an index expression these are the expressions that it is made of.
    """
    roots: list[Expr] = []
    for formula in formulas:
        roots += [formula] if isinstance(formula, Expr) else _factors(formula)
    planned = iter(factorise(order(roots, squares=backend == "numpy")))
    return [
        next(planned) if isinstance(formula, Expr) else _with_factors(formula, planned)
        for formula in formulas
    ]


def _factors(formula: IndexExpr) -> list[Expr]:
    return [factor.expr for term in formula.terms for factor in term.factors]


def _with_factors(formula: IndexExpr, exprs: Iterator[Expr]) -> IndexExpr:
    terms = [
        replace(term, factors=tuple(replace(factor, expr=next(exprs)) for factor in term.factors))
        for term in formula.terms
    ]
    return replace(formula, terms=tuple(terms))
