"""Traces of sums as sums of traces: ``tr(A - x y')`` as ``tr(A) - y' x``, so that nothing is formed for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matcalc.codegen.items import replanned
from matcalc.core.expr import Expr, operations, postorder
from matcalc.ops.linalg import TRACE
from matcalc.ops.structural import ADD
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.products import trace


def split_traces(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, with the trace of every sum that nothing else needs taken term by term."""
    if TRACE not in operations(*roots):
        return list(roots)
    nodes = list(postorder(*roots))
    uses = Counter([*roots, *(arg for node in nodes for arg in node.args)])
    done: dict[Expr, Expr] = {}
    for node in nodes:
        done[node] = replanned(node, done)
        if is_op(node, TRACE) and is_op(node.args[0], ADD) and uses[node.args[0]] == 1:
            done[node] = construct.add(trace(term) for term in done[node.args[0]].args)
    return [done[root] for root in roots]
