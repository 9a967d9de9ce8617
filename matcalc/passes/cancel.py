"""Cancellation: products distributed over sums of quotients where factors then cancel.

``s .* (1 - s) .* (y ./ s - (1 - y) ./ (1 - s))`` is ``y - s``. A product is only distributed where a
denominator in the sum meets an equal factor outside, and the result only kept where it is shorter.
"""

from __future__ import annotations

from itertools import product as choices
from math import prod

from matcalc.core.expr import Expr
from matcalc.ops.structural import ADD, TIMES
from matcalc.passes.build import as_power, is_op, times
from matcalc.passes.collect import total
from matcalc.passes.equal import canonical
from matcalc.passes.measure import measure

#: Products with more terms than this are not multiplied out.
TERM_LIMIT = 32


def cancel(e: Expr) -> Expr:
    """The shortest of an element-wise product and its distributed forms."""
    if not is_op(e, TIMES):
        return e
    for place, factor in enumerate(e.args):
        denominators = _denominators(factor)
        if denominators and any(canonical(as_power(f)[0]) in denominators for f in e.args):
            others = e.args[:place] + e.args[place + 1 :]
            distributed = [times(*others, term) for term in factor.args]
            partly = total(*distributed)
            fully = total(*(piece for term in distributed for piece in _multiplied_out(term)))
            return min(e, partly, fully, key=measure)
    return e


def _denominators(e: Expr) -> frozenset[Expr]:
    """What the terms of a sum are divided by; nothing for anything else."""
    if not is_op(e, ADD):
        return frozenset()
    found: frozenset[Expr] | None = e.memo.get(_denominators)
    if found is None:
        powers = (
            as_power(factor)
            for term in e.args
            for factor in (term.args if is_op(term, TIMES) else (term,))
        )
        found = frozenset(canonical(base) for base, exponent in powers if exponent < 0)
        e.memo[_denominators] = found
    return found


def _multiplied_out(e: Expr) -> list[Expr]:
    """The terms of an element-wise product of sums; the product itself where there would be too many."""
    factors = e.args if is_op(e, TIMES) else (e,)
    sums = [factor.args if is_op(factor, ADD) else (factor,) for factor in factors]
    if prod(map(len, sums)) > TERM_LIMIT:
        return [e]
    return [times(*chosen) for chosen in choices(*sums)]
