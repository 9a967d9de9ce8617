"""Sums of arrays in index notation, settled: contracted, and one matrix where there is one."""

from __future__ import annotations

from fractions import Fraction

from matcalc.core.expr import Expr
from matcalc.core.index import ONCE, Index, IndexExpr, renew_bound, whole
from matcalc.errors import LimitProblem
from matcalc.ops.structural import ADD
from matcalc.passes.build import is_zero, scaled, split_coefficient
from matcalc.passes.contract import contract
from matcalc.passes.recognise import recognise
from matcalc.passes.resolve import resolve
from matcalc.passes.simplify import rebuild

#: Derivatives with more terms than this are refused; a tensor of a deep network can have 2^depth.
TERM_LIMIT = 5000


def settle(parts: list[IndexExpr]) -> IndexExpr:
    """The sum of arrays over the same axes; with at most two free indices one matrix where there is one."""
    matrices = [part.matrix for part in parts if part.matrix is not None]
    if len(matrices) == len(parts) == 1:
        [(coefficient, matrix)] = matrices
        return _whole(resolve(matrix), parts[0].free, coefficient)
    if len(matrices) == len(parts):
        total = rebuild(ADD, [scaled(*matrix) for matrix in matrices])
        return _whole(resolve(total), parts[0].free)
    found = contract(parts[0] if len(parts) == 1 else summed(parts))
    folded = _folded(found)
    if folded is not None:
        return _whole(folded, found.free)
    if len(found.terms) > TERM_LIMIT:
        raise LimitProblem(
            f"the derivative has more than {TERM_LIMIT} terms",
            help="differentiate a scalar function, or a smaller part",
        )
    return found


def _whole(matrix: Expr, free: tuple[Index, ...], coefficient: Fraction = ONCE) -> IndexExpr:
    """Numbers stay outside of what is carried on: they would be in every product on the way."""
    number, rest = split_coefficient(matrix)
    number *= coefficient
    if number < 0 and rest.op is ADD:
        # -(X - U V') is U V' - X.
        number, rest = -number, rebuild(ADD, [scaled(-1, rest)])
    return IndexExpr(free, ()) if is_zero(rest) else whole(rest, free, number)


def summed(parts: list[IndexExpr]) -> IndexExpr:
    """The sum of arrays over the same axes; the free indices of the first name the axes."""
    first = parts[0]
    terms = list(first.terms)
    for part in parts[1:]:
        names = dict(zip(part.free, first.free, strict=True))
        terms.extend(renew_bound(term, names) for term in part.terms)
    return IndexExpr(first.free, tuple(terms))


def _folded(expr: IndexExpr) -> Expr | None:
    if len(expr.free) > 2 or not expr.terms:
        return None
    row, column = (*expr.free, None, None)[:2]
    matrix = recognise(expr, row, column)
    return None if matrix is None else resolve(matrix)
