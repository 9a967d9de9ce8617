"""Matrices that all terms of a sum are multiplied by entry by entry: ``P .* S - diag(d) S``.

Written ``(P - d 1') .* S`` that is one product of the size of the whole for each term but one.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen.items import replanned
from matcalc.core.dim import ONE
from matcalc.core.expr import Expr, Size, operations, postorder
from matcalc.ops.constant import ONES
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TIMES
from matcalc.passes import construct
from matcalc.passes.build import is_op


def gather(roots: Sequence[Expr]) -> list[Expr]:
    """The same values, with such factors pulled out of sums."""
    if not operations(*roots).issuperset((ADD, TIMES)):
        return list(roots)
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        new = replanned(node, done)
        done[node] = _gathered(new) if is_op(new, ADD) and len(new.axes) == 2 else new
    return [done[root] for root in roots]


def _gathered(e: Expr) -> Expr:
    """The sum, as a product where all of its terms have a factor in common beside arrays."""
    for factor in e.args[0].args:
        if len(factor.axes) == 2:
            rests = [_beside(factor, term) for term in e.args]
            found = [rest for rest in rests if rest is not None]
            if len(found) == len(rests) and not all(is_op(rest, MATMUL) for rest in found):
                return TIMES(ADD(*found), factor)
    return e


def _beside(factor: Expr, term: Expr) -> Expr | None:
    """What the factor is multiplied by, an array of its size; None where it is no factor of the term."""
    if is_op(term, TIMES) and term.args.count(factor) == 1:
        rest = [arg for arg in term.args if arg is not factor]
        return None if all(arg.is_scalar for arg in rest) else construct.hadamard(rest)
    if is_op(term, TIMES):
        *scalars, array = term.args
        rest_of_array = _beside(factor, array) if all(s.is_scalar for s in scalars) else None
        return None if rest_of_array is None else construct.hadamard([*scalars, rest_of_array])
    if is_op(term, MATMUL) and len(term.args) == 2 and term.args[1] is factor:
        scale, _ = term.args
        if is_op(scale, DIAG):
            return MATMUL(scale.args[0], ONES(Size(ONE), Size(factor.shape[1])))
    return None
