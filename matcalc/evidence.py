"""What a verdict rests on: random points, SymPy's comparison, normal forms; and how that is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Size, postorder, symbols
from matcalc.core.index import IndexExpr, Term
from matcalc.passes.contract import contract

if TYPE_CHECKING:
    from matcalc.backends.refute import Counterexample
    from matcalc.backends.trials import Formula, Trials
    from matcalc.backends.verify import CheckReport

#: What sizes are raised by for further random points: at one assignment alone 3 can pass for n.
RAISED = (0, 1, 3)

#: More sizes than this are not raised, nor those of a derivative with more entries: arrays must stay small.
MANY_SIZES, MANY_ENTRIES = 6, 500

NORMAL_FORM = "the same normal form as matcalc's own answer"


def trials_of(defined: Sequence[Formula], roots: Sequence[Expr], dims: Sequence[Dim]) -> Trials:
    """Random points at which formulas have values; none where no sizes were found for that.

    Args:
        defined: the formulas.
        roots: what they are made of, with everything else that needs a value.
        dims: the axes of the derivative, which is to have few entries.
    """
    from matcalc.backends.trials import Trials
    from matcalc.backends.verify import choose_sizes

    trials = Trials(symbols(*roots), [], [])
    for sizes in choose_sizes(roots, dims):
        steps = RAISED if 0 < len(sizes) <= MANY_SIZES else RAISED[:1]
        raised = [{name: number + more for name, number in sizes.items()} for more in steps]
        raised[1:] = [r for r in raised[1:] if _count(dims, r) <= MANY_ENTRIES]
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


def how_established(report: CheckReport | None, trials: Trials, *, same: bool) -> str:
    """How an equality was established: by SymPy where it decided, else by what else speaks for it."""
    if report is not None and report.ok:
        return f"{report}; {NORMAL_FORM}" if same else str(report)
    found = [NORMAL_FORM] if same else []
    if trials.points:
        what = "it" if same else "matcalc's own answer"
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
