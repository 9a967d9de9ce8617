"""What a verdict rests on: random points, SymPy's comparison, normal forms; and how that is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Size, postorder, symbols
from matcalc.core.index import IndexExpr, Term
from matcalc.passes.contract import contract
from matcalc.report import one_line

if TYPE_CHECKING:
    from matcalc.backends.refute import Counterexample, Dispute
    from matcalc.backends.scrutiny import Finding
    from matcalc.backends.trials import Formula, Trials
    from matcalc.backends.verify import CheckReport

#: What sizes are raised by for further random points: at one assignment alone 3 can pass for n.
RAISED = (0, 1, 3)

#: More sizes than this are not raised, nor those of a derivative with more entries: arrays must stay small.
MANY_SIZES, MANY_ENTRIES = 6, 500

#: Most entries of any array at random points; where sizes are fixed that say otherwise there are none.
LARGE = 20_000

#: What a claim is held against.
OWN_ANSWER = "matcalc's own answer"


@dataclass(frozen=True)
class Evidence:
    """What speaks for an equation, or against it.

    Attributes:
        ok: whether it holds; None if that is not decided.
        method: how this is known.
        report: what SymPy found against it.
        finding: where else it was seen not to hold.
    """

    ok: bool | None
    method: str = ""
    report: CheckReport | None = None
    finding: Finding | None = None


def weighed(
    dispute: Dispute, trials: Trials, report: CheckReport | None, other: str = OWN_ANSWER
) -> Evidence:
    """The evidence for an equation that holds at random points, if there are any.

    Args:
        dispute: the equation.
        trials: random points.
        report: what SymPy found; None where it was not asked.
        other: what the second side of the equation is.
    """
    from matcalc.backends.scrutiny import scrutinise

    if report is not None and report.ok is False:
        return Evidence(False, report=report)
    same = same_normal_form(dispute.claim, dispute.answer)
    if same:
        return Evidence(True, how_established(report, trials, other, same=True))
    agreed = report is not None and report.ok is True
    if not agreed and not trials.points:
        return Evidence(None, "no point was found at which both sides have values")
    finding = scrutinise(dispute, trials, proved=report is not None and report.is_proof)
    if finding.point is not None:
        return Evidence(False, finding=finding)
    if finding.unseen:
        where = finding.unseen[0].said_of(one_line(finding.unseen[0].argument))
        return Evidence(None, f"no difference was found, nor a point where {where}")
    if finding.lost:
        term = one_line(finding.lost[0])
        return Evidence(None, f"no difference was found, but {term} is lost among the digits")
    return Evidence(True, how_established(report, trials, other, same=False))


def refuted(dispute: Dispute, names: Sequence[str], trials: Trials) -> Counterexample | None:
    """The smallest counterexample to an equation that does not hold at random points."""
    from matcalc.backends.refute import confirmed, find_counterexample
    from matcalc.backends.scrutiny import smallest_counterexample, unsaturated
    from matcalc.backends.stand_ins import with_stand_ins

    for simple, functions in with_stand_ins(dispute):
        found = find_counterexample(simple, names, trials.values)
        if found is not None:
            return replace(found, functions=functions)
    found = find_counterexample(dispute, names, trials.values)
    if found is not None:
        return unsaturated(found, dispute, trials.values)
    if trials.equal(dispute.claim, dispute.answer):
        return None
    point = next((point for point in trials.points if confirmed(dispute, point)), None)
    return None if point is None else smallest_counterexample(dispute, names, point, trials.values)


def refuted_by(
    evidence: Evidence, dispute: Dispute, names: Sequence[str], trials: Trials
) -> Counterexample | None:
    """A counterexample to an equation that does not hold elsewhere."""
    from matcalc.backends.refute import point_at
    from matcalc.backends.scrutiny import smallest_counterexample

    if evidence.finding is not None:
        assert evidence.finding.point is not None
        return smallest_counterexample(dispute, names, evidence.finding.point, trials.values)
    report = evidence.report
    if report is None or report.counterexample is None:
        return None
    point = point_at(dispute, report.sizes, report.counterexample.point)
    return smallest_counterexample(dispute, names, point, trials.values)


def trials_of(defined: Sequence[Formula], roots: Sequence[Expr], dims: Sequence[Dim]) -> Trials:
    """Random points at which formulas have values; none where no sizes were found for that.

    Args:
        defined: the formulas.
        roots: what they are made of, with everything else that needs a value.
        dims: the axes of the derivative, which is to have few entries.
    """
    from matcalc.backends.trials import Trials
    from matcalc.backends.verify import choose_sizes, largest_array

    trials = Trials(symbols(*roots), [], [])
    for sizes in choose_sizes(roots, dims):
        steps = RAISED if 0 < len(sizes) <= MANY_SIZES else RAISED[:1]
        raised = [{name: number + more for name, number in sizes.items()} for more in steps]
        raised[1:] = [r for r in raised[1:] if _count(dims, r) <= MANY_ENTRIES]
        raised = [r for r in raised if largest_array(roots, dims, r) <= LARGE]
        trials = Trials(trials.variables, raised, defined, trials.values)
        if trials.points:
            break
    return trials


def _count(dims: Sequence[Dim], sizes: Mapping[str, int]) -> int:
    return math.prod(dim.evaluate(sizes) for dim in dims)


def same_normal_form(a: IndexExpr, b: IndexExpr) -> bool:
    """Whether the difference of two arrays contracts to nothing."""
    moved = (Term(-t.coefficient, t.factors) for t in b.rename_free(a.free).terms)
    return not contract(IndexExpr(a.free, (*a.terms, *moved))).terms


def how_established(report: CheckReport | None, trials: Trials, other: str, *, same: bool) -> str:
    """How an equality was established: by SymPy where it decided, else by what else speaks for it."""
    found = [f"the same normal form as {other}"] if same else []
    if report is not None and report.ok:
        return "; ".join([str(report), *found])
    if trials.points:
        what = "it" if same else other
        found.append(f"numerically equal to {what} at {len(trials.points)} random points")
    why = "SymPy takes no functions in index notation" if report is None else report.reason
    return f"{', '.join(found)}; not decided by SymPy: {why}"


def how_refuted(wrong: Counterexample | None) -> str:
    """How something was refuted."""
    if wrong is None:
        return "refuted numerically at random points"
    exactly = "in exact rational arithmetic" if wrong.exact else "to 50 digits"
    return f"refuted by a counterexample, computed by SymPy {exactly}"


def size_names(roots: Sequence[Expr], dims: Sequence[Dim]) -> list[str]:
    """The names of all sizes, those of the axes first."""
    found = [name for dim in dims for name in dim.symbols]
    for node in postorder(*roots):
        shape = (node.dim,) if isinstance(node, Size) else node.shape
        found += [name for dim in shape for name in dim.symbols]
    return list(dict.fromkeys(found))
