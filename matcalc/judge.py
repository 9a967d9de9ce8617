"""``check``: read a claim, compare it with the derivative, and where it is wrong, find out why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from matcalc.api import differentiate, read
from matcalc.arguments import kind
from matcalc.claim import Known, claim_text, parse_claim, read_claim, resized
from matcalc.core.dim import Dim, Shape, describe_shape
from matcalc.core.expr import Expr, Symbol, substitute, symbols
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative
from matcalc.diagnose import likely_mistake
from matcalc.errors import ArgumentProblem, DivisionProblem, MatcalcError, ShapeProblem
from matcalc.evidence import (
    Evidence,
    how_refuted,
    refuted,
    refuted_by,
    size_names,
    trials_of,
    weighed,
)
from matcalc.passes.build import is_zero, zeros
from matcalc.passes.disagreement import Disagreement, Formula, placed
from matcalc.passes.layout import LAYOUTS, Placement, placements
from matcalc.passes.multipliers import maps_of
from matcalc.passes.repairs import repairs
from matcalc.passes.simplify import simplify
from matcalc.passes.structure import structured_derivative
from matcalc.report import factors, one_line
from matcalc.verdict import Verdict, listed

if TYPE_CHECKING:
    from matcalc.backends.refute import Dispute
    from matcalc.backends.sympy_coordinates import Structured
    from matcalc.backends.trials import Trials
    from matcalc.backends.verify import CheckReport
    from matcalc.passes.elaborate import Reading

#: What every size is called where all are taken to be equal.
SQUARE = "n"


def check(
    expr: Any,
    wrt: str,
    claim: Any,
    *,
    shapes: Any = None,
    assume: Any = None,
    layout: str | None = None,
    order: int | None = 1,
    structured: str | None = "ambient",
    keep: str | Sequence[str] | None = None,
) -> Verdict:
    """Whether a claim about a derivative is right, and what is wrong with it if not.

    Args:
        expr: the function, as for ``diff``.
        wrt: name of the variable.
        claim: what the derivative is said to be: text or an expression, with the names, definitions
            and sizes of the function; in matrix form or in index notation, ``D[i,j,k] = δ[i,j] x[k]``.
        shapes: as for ``diff``.
        assume: as for ``diff``.
        layout: the layout of the claim; None accepts every one in which it is right.
        order: as for ``diff``.
        structured: as for ``diff``.
        keep: as for ``diff``.

    Raises:
        MatcalcError: what is wrong with the input, where, and what to do about it.
    """
    if not isinstance(wrt, str):
        raise ArgumentProblem(f"wrt must be a name, not {kind(wrt)}")
    reading = read(expr, shapes, assume, keep)
    d = differentiate(reading, [wrt], layout=layout, order=order, structured=structured)[wrt]
    return _Check(reading, d, layout).verdict(claim_text("claim", claim))


@dataclass(frozen=True, eq=False)
class _Form:
    """A way to read a claim: in some layouts, as an array in the tensor convention."""

    layouts: tuple[str, ...]
    axes: Sequence[Sequence[int]]
    array: IndexExpr
    placement: Placement | None


class _Check:
    """One claim about one derivative."""

    def __init__(self, reading: Reading, d: Derivative, layout: str | None) -> None:
        self.reading, self.d, self.layout = reading, d, layout
        f_shape = d.f.shape if isinstance(d.f, Expr) else d.f.dims
        found = placements(d.tensor, f_shape, d.wrt.shape, d.order)
        if not isinstance(d.f, Expr):  # vec is defined for matrices
            found = tuple(p for p in found if "tensor" in p.layouts)
        self.is_array = len(d.tensor.free) > 2
        if layout is not None:
            found = tuple(p for p in found if d.layout in p.layouts)
        # What a claim is taken for first where it fits several.
        self.placements = tuple(sorted(found, key=lambda p: d.layout not in p.layouts))
        self.rectangular: frozenset[str] = frozenset()

    # ---------------------------------------------------------------- verdicts

    def verdict(self, text: str) -> Verdict:
        known = Known(self.reading, self.d.f, {}, self.d.wrt, self.d.tensor.dims)
        fits: list[Shape] = [placement.shape for placement in self.placements]
        if self.is_array:
            fits.insert(0, self.d.tensor.dims)
        try:
            claim = read_claim(text, known, fits)
        except ShapeProblem as problem:
            return self._senseless(text, problem)
        if isinstance(claim, Expr) and known.differential in symbols(claim):
            assert known.differential is not None
            return self._of_differential(claim, known.differential)
        return self._judged(self._filled(claim))

    def _judged(self, claim: Formula) -> Verdict:
        forms = list(self._forms(claim, self.placements))
        if not forms:
            return self._wrong_shape(claim)
        trials = self._trials([form.array for form in forms])
        found = {form: self._evidence(form, trials) for form in forms}
        right = [(form, evidence.method) for form, evidence in found.items() if evidence.ok]
        if right:
            return self._right(claim, right)
        for form, evidence in found.items():
            if evidence.ok is None:
                return self._undecided(claim, form, evidence.method)
        return self._wrong(claim, found, trials)

    def _of_differential(self, claim: Expr, dx: Symbol) -> Verdict:
        """A claim such as ``df = tr(2 X' dX)``: it says what the derivative is, the factor of dX."""
        d = self.d
        said = (
            f"the claim, {one_line(claim)}, is not a differential of order 1: linear in {dx.name}"
        )
        tensor = structured_derivative(claim, dx)
        rest = simplify(substitute(claim, {dx: zeros(dx.shape)}))
        if d.order != 1 or not is_zero(rest) or dx in symbols(*factors(tensor)):
            return Verdict(False, None, "by its form", None, None, d, claim, wrong_shape=said)
        if tensor.dims != d.tensor.dims:
            f = d.f.shape if isinstance(d.f, Expr) else d.f.dims
            said = (
                f"the differential of the function is {describe_shape(f)}, as the function is, "
                f"and the claim is {describe_shape(claim.shape)}"
            )
            return Verdict(False, None, "by its shape", None, None, d, claim, wrong_shape=said)
        usual = next((p for p in self.placements if d.layout in p.layouts), self.placements[0])
        derivative = placed(tensor, usual)
        found = self._judged(tensor if derivative is None else derivative)
        layouts = LAYOUTS if found.ok else ()
        return replace(found, differential=claim, layouts=layouts, usual=None, answer=d)

    def _right(self, claim: Formula, right: list[tuple[_Form, str]]) -> Verdict:
        found = {layout for form, _ in right for layout in form.layouts}
        layouts = tuple(layout for layout in LAYOUTS if layout in found)
        answer = self._in_layout(layouts[0])
        usual = self._in_layout("mixed")
        hidden = "mixed" in layouts or self.layout is not None or usual.layout != "mixed"
        return Verdict(
            ok=True,
            layout=layouts[0],
            method=right[0][1],
            counterexample=None,
            cause=None,
            answer=answer,
            claim=claim,
            layouts=layouts,
            usual=None if hidden else usual,
        )

    def _undecided(self, claim: Formula, form: _Form, method: str) -> Verdict:
        answer = self._answer_like(form)
        return Verdict(None, answer.layout, method, None, None, answer, claim)

    def _wrong(self, claim: Formula, found: Mapping[_Form, Evidence], trials: Trials) -> Verdict:
        readings: dict[Disagreement, _Form] = {}
        for form in found:  # of readings that are the same, the first
            readings.setdefault(self._disagreement(claim, form), form)
        diagnosis = likely_mistake(readings, trials)
        form = next(iter(found)) if diagnosis is None else readings[diagnosis.reading]
        cause = self._other_layout(claim) or (diagnosis.text if diagnosis else None)
        dispute = self._dispute(form, trials)
        names, evidence = self._size_names(form), found[form]
        wrong = refuted(dispute, names, trials)
        if wrong is None and isinstance(self.d.f, Expr) and evidence.finding is None:
            # Numbers alone can deceive; where SymPy finds no difference, there is none.
            evidence = weighed(dispute, trials, self._by_sympy(form))
            if evidence.ok:
                return self._right(claim, [(form, evidence.method)])
        wrong = wrong or refuted_by(evidence, dispute, names, trials)
        answer = self._answer_like(form)
        return Verdict(False, answer.layout, how_refuted(wrong), wrong, cause, answer, claim)

    def _answer_like(self, form: _Form) -> Derivative:
        """The derivative in a layout of a claim, the one that was asked for if it is one of them."""
        return self.d if self.d.layout in form.layouts else self._in_layout(form.layouts[0])

    def _wrong_shape(self, claim: Formula) -> Verdict:
        d = self.d
        cause = self._other_layout(claim)
        if cause is None:
            trials = self._trials([claim])
            every = (*self.placements, None)
            readings = [self._disagreement(claim, None, placement) for placement in every]
            diagnosis = likely_mistake(readings, trials)
            cause = self._as_multiplier(claim) if diagnosis is None else diagnosis.text
        shape = claim.shape if isinstance(claim, Expr) else claim.dims
        said = f"the claim is {describe_shape(shape)}, and the derivative is {self._shapes()}"
        return Verdict(False, None, "by its shape", None, cause, d, claim, wrong_shape=said)

    def _as_multiplier(self, claim: Formula) -> str | None:
        """What is wrong with a claim that is the factor of dX in a differential, if it may be one."""
        d = self.d
        if not (isinstance(claim, Expr) and isinstance(d.f, Expr) and d.order == 1):
            return None
        dx = Symbol(f"d{d.wrt.name}", d.wrt.shape)
        axes = [(k,) for k in range(len(d.tensor.free))]
        found: list[tuple[str, _Form, Trials]] = []
        for factor, linear in maps_of(claim, dx, d.f.shape):
            it = "it" if factor is claim else "its transpose"
            said = f"what multiplies {dx.name} in the linear map {dx.name} -> {one_line(linear)}"
            form = _Form(("tensor",), axes, structured_derivative(linear, dx), None)
            trials = self._trials([form.array])
            if self._evidence(form, trials).ok:
                return f"{it} is {said}: the derivative has {len(axes)} axes"
            found.append((f"{it} is taken for {said}", form, trials))
        for said, form, trials in found:
            diagnosis = likely_mistake([self._disagreement(form.array, form)], trials)
            if diagnosis is not None:
                return f"{said}; {diagnosis.text}"
        return None

    def _shapes(self) -> str:
        """The shapes that the derivative has, by layout."""
        if self.is_array and self.layout != "vec":
            array = f"an array of shape ({', '.join(map(str, self.d.tensor.dims))})"
            rest = [p for p in self.placements if "vec" in p.layouts]
            return array + "".join(f", in vec layout {describe_shape(p.shape)}" for p in rest)

        def main(layouts: list[str]) -> list[str]:
            """Without those that everyone else's are the same as, where there are others."""
            return [name for name in layouts if name not in ("tensor", "vec")] or layouts

        found: dict[str, list[str]] = {}
        for placement in self.placements:
            found.setdefault(describe_shape(placement.shape), []).extend(placement.layouts)
        return ", ".join(
            f"{shape} in {listed(main(layouts))} layout" if len(found) > 1 else shape
            for shape, layouts in found.items()
        )

    def _senseless(self, text: str, problem: ShapeProblem) -> Verdict:
        """A claim whose shapes do not agree, unless all sizes are equal, or that divides by 0."""
        lacking = "value" if isinstance(problem, DivisionProblem) else "shape"
        said = "\n  ".join([f"the claim has no {lacking}: {problem.problem}", *problem.details])
        cause = self._cause_if_square(text)
        if cause is None or re.search(rf"\b{SQUARE}\b", cause):  # a size that is not the problem's
            cause = self._nearest(text) or cause
        return Verdict(False, None, "by its shape", None, cause, self.d, None, wrong_shape=said)

    def _nearest(self, text: str) -> str | None:
        """The nearest text that has the shape of the derivative, and what is wrong with it if anything."""
        known = Known(self.reading, self.d.f, {}, self.d.wrt, self.d.tensor.dims)
        fitting: tuple[str, Formula] | None = None
        head = known.head()
        for source in repairs(head + text, lambda changed: parse_claim(changed, known)):
            other = source.removeprefix(head)
            try:
                claim = read_claim(other, known, [p.shape for p in self.placements])
            except MatcalcError:
                continue
            forms = list(self._forms(claim, self.placements))
            trials = self._trials([form.array for form in forms]) if forms else None
            for form in forms:
                if trials is not None and self._evidence(form, trials).ok:
                    return f"it would be right as {other}, in {listed(form.layouts)} layout"
            if forms and fitting is None:
                fitting = other, claim
        if fitting is None:
            return None
        text, claim = fitting
        cause = self._judged(claim).cause
        return f"the nearest that fits is {text}" + (f"; {cause}" if cause else "")

    def _cause_if_square(self, text: str) -> str | None:
        """What is wrong with a claim that makes sense where all sizes are equal."""
        rename = {name: Dim.of(SQUARE) for name in self.reading.sizes}
        axes = tuple(dim.substitute(rename) for dim in self.d.tensor.dims)
        known = Known(self.reading, self.d.f, rename, self.d.wrt, axes)
        d = self.d
        if len(rename) < 2 or not isinstance(d.f, Expr):
            return None
        try:
            f, x = resized(d.f, rename), known.renamed(d.wrt)
            tensor = structured_derivative(f, x, d.order, d.structured)
            found = placements(tensor, f.shape, x.shape, d.order)
            fits = [placement.shape for placement in found]
            claim = read_claim(text, known, [tensor.dims, *fits])
        except MatcalcError:
            return None
        variables = {name: known.renamed(s) for name, s in self.reading.variables.items()}
        reading = self.reading.replace(variables=variables)
        square = _Check(reading, d.replace(f=f, wrt=x, tensor=tensor), self.layout)
        square.rectangular = frozenset(
            s.name for s in self.reading.variables.values() if not s.is_square
        )
        return square.cause_where_square(claim)

    def cause_where_square(self, claim: Formula) -> str | None:
        """What is wrong with a claim that makes sense only where all sizes are equal."""
        forms = list(self._forms(claim, self.placements))
        trials = self._trials([form.array for form in forms] or [claim])
        for form in forms:
            if self._evidence(form, trials).ok:
                return "it is right where all sizes are equal"
        diagnosis = likely_mistake([self._disagreement(claim, form) for form in forms], trials)
        return None if diagnosis is None else diagnosis.text

    # ---------------------------------------------------------------- comparison

    def _filled(self, claim: Formula) -> Formula:
        """A claim of 0 for an array of zeros."""
        if isinstance(claim, Expr) and claim.is_scalar and is_zero(claim):
            if self.is_array:
                return IndexExpr(self.d.tensor.free, ())
            return zeros(self.placements[0].shape)
        return claim

    def _forms(self, claim: Formula, found: Sequence[Placement]) -> Iterator[_Form]:
        """The layouts whose shape the claim has."""
        from matcalc.backends.verify import as_index

        dims = self.d.tensor.dims
        if isinstance(claim, IndexExpr):
            if claim.dims == dims and self.layout in (None, "tensor", self.d.layout):
                yield _Form(("tensor",), [(k,) for k in range(len(dims))], claim, None)
            return
        for placement in found:
            if claim.shape == placement.shape:
                array = as_index(claim, dims, placement.groups)
                yield _Form(placement.layouts, placement.groups, array, placement)

    def _trials(self, claims: Sequence[Formula]) -> Trials:
        """Random points at which the derivative and the first of the claims have values."""
        d = self.d
        roots = [*factors(d.f), d.wrt, *(e for claim in claims for e in factors(claim))]
        return trials_of([d.f, d.tensor, claims[0]], roots, d.tensor.dims)

    def _evidence(self, form: _Form, trials: Trials) -> Evidence:
        """Whether the claim is right, and how that is known."""
        if trials.points and not trials.equal(form.array, self.d.tensor):
            return Evidence(False)
        report = self._by_sympy(form) if isinstance(self.d.f, Expr) else None
        return weighed(self._dispute(form, trials), trials, report)

    def _by_sympy(self, form: _Form) -> CheckReport:
        from matcalc.backends import verify

        d = self.d
        assert isinstance(d.f, Expr)
        structured = cast("Structured", d.structured)
        return verify.check_derivative(d.f, d.wrt, d.order, form.array, structured=structured)

    def _other_layout(self, claim: Formula) -> str | None:
        """The layout in which a claim is right, where it is wrong in the one that was given."""
        if self.layout is None:
            return None
        everything = _Check(self.reading, self.d, None)
        for form in everything._forms(claim, everything.placements):
            trials = self._trials([form.array])
            if everything._evidence(form, trials).ok:
                return f"it is right in {listed(form.layouts)} layout"
        return None

    def _dispute(self, form: _Form, trials: Trials) -> Dispute:
        """The claim against the derivative, and what SymPy is asked about them."""
        from matcalc.backends.refute import Dispute

        d = self.d
        used = symbols(*factors(d.f), d.wrt, *factors(form.array))
        question = (d.f, d.wrt, d.order, d.structured) if isinstance(d.f, Expr) else None
        return Dispute(
            claim=form.array,
            answer=d.tensor,
            axes=form.axes,
            question=question,
            variables=trials.variables,
            shown=sorted(set(used), key=lambda s: s.name),
        )

    def _size_names(self, form: _Form) -> list[str]:
        d = self.d
        return size_names([d.wrt, *factors(d.f), *factors(form.array)], d.tensor.dims)

    def _disagreement(
        self, claim: Formula, form: _Form | None, placement: Placement | None = None
    ) -> Disagreement:
        d = self.d
        placement = placement if form is None else form.placement
        answer = None if placement is None else placed(d.tensor, placement)
        if form is not None and answer is None and placement is not None:
            claim = form.array
        return Disagreement(
            claim=claim,
            answer=d.tensor if answer is None else answer,
            f=d.f,
            wrt=d.wrt,
            order=d.order,
            structured=d.structured,
            others=tuple(s for s in self.reading.variables.values() if s is not d.wrt),
            tensor=d.tensor,
            rectangular=self.rectangular,
        )

    def _in_layout(self, layout: str) -> Derivative:
        d = self.d
        if layout == d.layout:
            return d
        return differentiate(
            self.reading, [d.wrt.name], layout=layout, order=d.order, structured=d.structured
        )[d.wrt.name]
