"""Derivatives that are still to be taken, as parts of expressions: ``d(u)`` and ``∂u[i]/∂X[k,l]``.

A derivation replaces them step by step. ``taken`` replaces them all at once by what the engine finds,
so that every step has a value and can be compared with the one before.
"""

from __future__ import annotations

from fractions import Fraction

from matcalc.core.dim import ONE, Shape
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder, rebuilt
from matcalc.core.index import Factor, IndexExpr, Term
from matcalc.core.operation import Operation
from matcalc.ops.constant import ONES
from matcalc.passes.differentiate import derivative
from matcalc.passes.linear_map import linear_map


def _partial_shape(shapes: tuple[Shape, ...]) -> Shape:
    axes = tuple(dim for shape in shapes for dim in shape if not dim.is_unit)
    return axes if len(axes) > 1 else (*axes, ONE, ONE)[:2]


DIFFERENTIAL = Operation(
    "d", "(m, n) -> (m, n)", ("u",), shape_rule=lambda shapes: shapes[0], latex=r"\mathrm{d}"
)
"""The differential of an expression, linear in that of the variable."""

PARTIAL = Operation(
    "∂", "(m, n), (p, q) -> (m, n, p, q)", ("u", "X"), shape_rule=_partial_shape, latex=r"\partial"
)
"""The array of all partial derivatives: axes of the expression, then of the variable."""


def is_pending(e: Expr) -> bool:
    """Whether it is itself a derivative that is still to be taken."""
    return isinstance(e, Apply) and e.op in (DIFFERENTIAL, PARTIAL)


def taken(e: Expr, wrt: Symbol, along: Symbol) -> Expr:
    """The expression with every ``d(u)`` replaced by its value, linear in ``along``."""
    done: dict[Expr, Expr] = {}
    for node in postorder(e):
        if isinstance(node, Apply) and node.op is DIFFERENTIAL:
            done[node] = _differential(node.args[0], wrt, along)
        else:
            done[node] = rebuilt(node, done)
    return done[e]


def _differential(u: Expr, wrt: Symbol, along: Symbol) -> Expr:
    found = linear_map(derivative(u, wrt), 1, along, u.shape)
    assert found is not None, "a derivative of an expression has a linear map"
    return found.value


def taken_index(ix: IndexExpr) -> IndexExpr:
    """The array with every pending partial derivative replaced by the derivative itself."""
    terms: list[Term] = []
    for term in ix.terms:
        products = [Term(term.coefficient)]
        for factor in term.factors:
            products = [
                Term(a.coefficient * b.coefficient, (*a.factors, *b.factors))
                for a in products
                for b in _pieces(factor)
            ]
        terms.extend(products)
    return IndexExpr(ix.free, tuple(terms))


def _pieces(factor: Factor) -> tuple[Term, ...]:
    """The terms of a pending derivative; a factor of another kind is its own only one."""
    if not (isinstance(factor.expr, Apply) and factor.expr.op is PARTIAL):
        return (Term(Fraction(1), (factor,)),)
    u, wrt = factor.expr.args
    assert isinstance(wrt, Symbol)
    terms = derivative(u, wrt).rename_free(factor.slots).terms
    return tuple(_mentioning(term, factor) for term in terms)


def _mentioning(term: Term, factor: Factor) -> Term:
    """The term with entries of ones for the indices it does not depend on: they may be summed over."""
    present = set(term.indices())
    missing = dict.fromkeys(index for index in factor.indices if index not in present)
    ones = tuple(Factor(ONES(Size(index.dim), Size(ONE)), (index,)) for index in missing)
    return Term(term.coefficient, (*term.factors, *ones))
