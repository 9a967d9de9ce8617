"""Traces and diagonals of sums and of products of entries part by part, so that nothing is formed for them.

``tr(A - x y')`` is ``tr(A) - y' x``, the diagonal of ``A .* B`` the product of both diagonals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matcalc.codegen.items import is_multiple, replanned
from matcalc.core.expr import Apply, Expr, operations, postorder
from matcalc.ops.linalg import DIAGONAL, TRACE
from matcalc.ops.reduction import SUM
from matcalc.ops.structural import ADD, TIMES
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.products import diagonal, trace

#: Of each operation that takes few entries, what makes the same of a term.
TERMS = {TRACE: trace, DIAGONAL: diagonal}


def split_traces(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, with traces and diagonals of what nothing else needs taken of its parts."""
    if operations(*roots).isdisjoint(TERMS):
        return list(roots)
    nodes = list(postorder(*roots))
    uses = Counter([*roots, *(arg for node in nodes for arg in node.args)])
    done: dict[Expr, Expr] = {}
    for node in nodes:
        done[node] = replanned(node, done)
        if isinstance(node, Apply) and node.op in TERMS:
            [array] = node.args
            if uses[array] > 1:
                continue
            if is_op(array, ADD):
                done[node] = construct.add(map(TERMS[node.op], done[array].args))
            elif is_op(array, TIMES) and not is_multiple(array):
                entries = diagonal(done[array])
                done[node] = entries if node.op is DIAGONAL else SUM(entries)
    return [done[root] for root in roots]
