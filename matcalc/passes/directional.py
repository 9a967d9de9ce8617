"""Linear maps of matrices, applied: ``K(X)[(j,i),(l,k)] E[k,l]`` is ``L(X, E)[i,j]``.

The Fréchet derivative L(X, E) of a matrix function has the matrix K(X), and <F, L(X, E)> =
<L(X', F), E>: whichever side is summed over, the other one is a matrix. Where the direction commutes
with X, the map is a product (``commuting`` in the record).
"""

from __future__ import annotations

from matcalc.core.expr import Apply, Constant, Expr, Size
from matcalc.core.index import Composite, Factor, Index, Term
from matcalc.ops import REGISTRY
from matcalc.ops.constant import EYE
from matcalc.passes.build import transposed
from matcalc.passes.commuting import commute
from matcalc.passes.network import fold_term

#: The operation whose matrix an operation is, by the name of what it applies.
MATRICES = {op.applied: op for op in REGISTRY.values() if op.applied}


def open_map(factor: Factor) -> list[Factor]:
    """``L(X, E)[i,j]`` as ``K(X)[(j,i),(l,k)] E[k,l]``; empty if the factor is no applied map."""
    node = factor.expr
    if not isinstance(node, Apply) or node.op.name not in MATRICES or len(factor.slots) != 2:
        return []
    *rest, direction = node.args
    if not all(isinstance(slot, Index) for slot in factor.slots):
        return []
    k, l = (Index(dim) for dim in direction.shape)
    [(i,), (j,)] = (slot.parts for slot in factor.slots)
    matrix = MATRICES[node.op.name](*rest)
    return [
        Factor(matrix, (Composite((j, i)), Composite((l, k)))),
        Factor(direction, (k, l)),
    ]


def apply_maps(factors: list[Factor], free: frozenset[Index]) -> list[Factor]:
    """The factors with every map applied whose direction is a matrix of its own.

    Of the two sides that may be summed over, one with which the matrix commutes is preferred.
    """
    for factor in factors:
        if not is_map(factor):
            continue
        others = [f for f in factors if f is not factor]
        sides = [
            side for turned in (False, True) if (side := _applied(factor, others, free, turned))
        ]
        if sides:
            plain = [side for side in sides if _is_product(side[0].expr)]
            return apply_maps((plain or sides)[0], free)
    return factors


def is_map(factor: Factor) -> bool:
    """Whether this is an entry of the matrix of a linear map of matrices, addressed by pairs."""
    expr = factor.expr
    return (
        isinstance(expr, Apply)
        and bool(expr.op.applied)
        and len(factor.slots) == 2
        and all(isinstance(slot, Composite) and len(slot.parts) == 2 for slot in factor.slots)
    )


def _applied(
    factor: Factor, others: list[Factor], free: frozenset[Index], turned: bool
) -> list[Factor] | None:
    """The factors after the map, or its adjoint, has taken in what is summed over; None if it cannot."""
    node = factor.expr
    assert isinstance(node, Apply)
    (j, i), (l, k) = (slot.parts for slot in (factor.slots[::-1] if turned else factor.slots))
    if k in free or l in free or {i, j} & {k, l}:
        return None
    if k is l:
        # Summed along the diagonal: the direction is the identity, or diag of what k is tied to.
        l = Index(k.dim)
        others = [*others, Factor(EYE(Size(k.dim)), (k, l))]
    inside, outside = reached({k, l}, others, free)
    if any(index in free or index in (i, j) for f in inside for index in f.indices):
        return None
    direction = fold_term(Term(Constant(1).value, tuple(inside)), k, l)
    if direction is None:
        return None
    first, *rest = node.args
    base = transposed(first) if turned else first
    return [Factor(REGISTRY[node.op.applied](base, *rest, direction), (i, j)), *outside]


def reached(
    start: set[Index], factors: list[Factor], free: frozenset[Index]
) -> tuple[list[Factor], list[Factor]]:
    """The factors that bound indices tie to these, and the others."""
    known = set(start)
    inside: list[Factor] = []
    outside = list(factors)
    while True:
        tied = [f for f in outside if known.intersection(f.indices)]
        if not tied:
            return inside, outside
        inside += tied
        outside = [f for f in outside if f not in tied]
        known.update(index for f in tied for index in f.indices if index not in free)


def _is_product(e: Expr) -> bool:
    return commute(e.args[0], e.args[-1])
