"""Differentiation by reverse accumulation over the expression graph.

The cotangent of a node has the output's free indices and the node's own. It is summed over all users
of the node before it is carried on, since propagation along single paths would be exponential, and
is folded into a matrix at once where at most two indices are free.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder
from matcalc.core.index import Factor, Index, IndexExpr, Term, whole
from matcalc.ops.constant import EYE
from matcalc.passes.build import UNIT
from matcalc.passes.contract import contract
from matcalc.passes.expand import expand
from matcalc.passes.gather import gather, gather_array
from matcalc.passes.local_step import carry
from matcalc.passes.settle import settle


def derivative(f: Expr, wrt: Symbol, order: int = 1) -> IndexExpr:
    """Derivative of any order as an array: axes of ``f``, then those of ``wrt``, once for each order.

    Axes of size 1 are left out. This is JAX's convention (``jacfwd`` applied ``order`` times).

    Raises:
        UnsupportedProblem: an operation on the way has no rule.
        LimitProblem: the result would have too many terms.
    """
    result = contracted(derivatives(f, [wrt])[wrt])
    for _ in range(order - 1):
        result = gather(differentiate_index(result, wrt))
    return gather_array(result) if order == 1 else result


def derivatives(f: Expr, variables: Iterable[Symbol]) -> dict[Symbol, IndexExpr]:
    """First derivatives by several variables from one sweep; matrices as they are, not contracted."""
    f = expand(f)
    wanted = list(dict.fromkeys(variables))
    missing = [v for v in wanted if ("jacobian", v) not in f.memo]
    if missing:
        seed = _seed(f, tuple(Index(dim) for dim in f.axes))
        for variable, jacobian in _sweep(f, missing, seed).items():
            f.memo["jacobian", variable] = jacobian
    return {variable: f.memo["jacobian", variable] for variable in wanted}


def carried_back(
    f: Expr, cotangent: IndexExpr, variables: Iterable[Symbol]
) -> dict[Symbol, IndexExpr]:
    """Derivatives of something by the variables in ``f``, given that by ``f`` itself.

    The cotangent has the axes of that something and then those of ``f``.
    """
    return _sweep(expand(f), list(variables), cotangent)


def differentiate_index(expr: IndexExpr, wrt: Symbol) -> IndexExpr:
    """Derivative of an array in index notation, by the product rule over its factors."""
    axes = tuple(Index(dim) for dim in wrt.axes)
    terms: list[Term] = []
    for term in expr.terms:
        for place, factor in enumerate(term.factors):
            inner = derivatives(factor.expr, [wrt])[wrt]
            if not inner.terms:
                continue
            others = term.factors[:place] + term.factors[place + 1 :]
            pieces = inner.rename_free((*factor.slots, *axes)).terms
            terms.extend(
                Term(term.coefficient * piece.coefficient, (*others, *piece.factors))
                for piece in pieces
            )
    return contracted(settle([IndexExpr((*expr.free, *axes), tuple(terms))]))


def _sweep(f: Expr, variables: list[Symbol], seed: IndexExpr) -> dict[Symbol, IndexExpr]:
    output = seed.free[: len(seed.free) - len(f.axes)]
    order = list(postorder(f))
    active = _depending(order, set(variables))
    place = _reading_order(f)
    cotangents: dict[Expr, list[tuple[int, IndexExpr]]] = {f: [(0, seed)]}
    found: dict[Symbol, IndexExpr] = {}
    for node in reversed(order):
        parts = sorted(cotangents.pop(node, ()), key=lambda part: part[0])
        if not parts:
            continue
        cotangent = settle([part for _, part in parts])
        if not cotangent.terms:
            continue
        if isinstance(node, Symbol):
            found[node] = cotangent
        for position, arg in enumerate(node.args):
            if arg in active and isinstance(node, Apply):
                contribution = carry(node, position, cotangent)
                cotangents.setdefault(arg, []).append((place[node, position], contribution))
    return {v: found.get(v) or _zero(output, v) for v in variables}


def contracted(expr: IndexExpr) -> IndexExpr:
    """The array with its terms in normal form."""
    if expr.matrix is None:
        return expr
    return IndexExpr(expr.free, contract(expr).terms, expr.matrix)


def _seed(f: Expr, output: tuple[Index, ...]) -> IndexExpr:
    """Derivative of the output by itself: a product of Kronecker deltas."""
    own = tuple(Index(dim) for dim in f.axes)
    pairs = zip(output, own, strict=True)
    factors = tuple(Factor(EYE(Size(o.dim)), (o, i)) for o, i in pairs)
    return IndexExpr((*output, *own), (Term(Fraction(1), factors),)) if own else whole(UNIT, ())


def _reading_order(f: Expr) -> dict[tuple[Expr, int], int]:
    """Where each use of an argument first stands in the text, so that answers follow the text."""
    place: dict[tuple[Expr, int], int] = {}
    entered: set[Expr] = {f}
    stack = [(f, position) for position in reversed(range(len(f.args)))]
    while stack:
        node, position = stack.pop()
        place[node, position] = len(place)
        arg = node.args[position]
        if arg not in entered:
            entered.add(arg)
            stack.extend((arg, below) for below in reversed(range(len(arg.args))))
    return place


def _zero(output: tuple[Index, ...], variable: Symbol) -> IndexExpr:
    return IndexExpr((*output, *(Index(dim) for dim in variable.axes)), ())


def _depending(order: list[Expr], variables: set[Symbol]) -> set[Expr]:
    active: set[Expr] = set()
    for node in order:
        if node in variables or any(arg in active for arg in node.args):
            active.add(node)
    return active
