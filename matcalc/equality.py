"""``equal``: whether two expressions are equal wherever both are defined, and where that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from matcalc.claim import claim_text, read_both
from matcalc.core.dim import SCALAR, describe_shape
from matcalc.core.expr import Expr, Symbol, symbols
from matcalc.diagnose import true_only_if
from matcalc.evidence import (
    Evidence,
    how_refuted,
    refuted,
    refuted_by,
    size_names,
    trials_of,
    weighed,
)
from matcalc.passes.conditions import where_defined
from matcalc.verdict import Equality
from matcalc.wording import in_the_words_of


def equal(a: Any, b: Any, *, shapes: Any = None, assume: Any = None) -> Equality:
    """Whether two expressions are equal wherever both are defined.

    Args:
        a: text or an expression; names that both use mean the same.
        b: likewise.
        shapes: as for ``diff``.
        assume: as for ``diff``.

    Raises:
        MatcalcError: what is wrong with the input, where, and what to do about it.
    """
    reading, left, right = read_both(claim_text("a", a), claim_text("b", b), shapes, assume)
    if left.shape != right.shape:
        said = f"the left side is {describe_shape(left.shape)}, the right side {describe_shape(right.shape)}"
        return Equality(False, "by their shapes", None, said, left, right, reading.notes)
    found = replace(_compared(left, right), notes=reading.notes)
    if not found:
        return found
    where = where_defined((left, right), in_the_words_of(reading))
    return replace(found, conditions=tuple(where))


def _compared(left: Expr, right: Expr) -> Equality:
    from matcalc.backends.refute import Dispute
    from matcalc.backends.verify import as_index, check_derivative

    dims, variables = left.axes, symbols(left, right)
    a, b = (as_index(side, dims, None) for side in (left, right))
    trials = trials_of([a, b], [left, right], dims)
    dispute = Dispute(a, b, [(k,) for k in range(len(dims))], None, variables, variables)
    evidence = Evidence(False)
    if not trials.points or trials.equal(a, b):
        # An equation is a statement about derivatives of order 0.
        x = variables[0] if variables else Symbol("x", SCALAR)
        evidence = weighed(dispute, trials, check_derivative(left, x, 0, b), "the right side")
    if evidence.ok is not False:
        return Equality(evidence.ok, evidence.method, None, None, left, right)
    names = size_names([left, right], dims)
    wrong = refuted(dispute, names, trials) or refuted_by(evidence, dispute, names, trials)
    return Equality(False, how_refuted(wrong), wrong, true_only_if(a, b, trials), left, right)
