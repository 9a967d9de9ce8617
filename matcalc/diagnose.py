"""Diagnosis: which mistake turns the derivative into what was claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from matcalc.backends import text
from matcalc.core.dim import Dim
from matcalc.core.expr import Constant, Expr, Size, Symbol
from matcalc.passes.build import is_zero, power, scaled, times
from matcalc.passes.disagreement import Disagreement, Formula, Slip
from matcalc.passes.other_derivatives import multiple
from matcalc.passes.slips import EXACT, SLIPS, WHOLE, terms

if TYPE_CHECKING:
    from matcalc.backends.trials import Trials

#: Most variables that are taken to be symmetric, one by one.
ASSUMED = 3

#: What is so little apart everywhere, relative to the largest entry, is not explained.
NEARLY = 1e-2

#: Characters of the beginning and of the end of a long formula that are shown.
BEGINNING, END = 90, 40

#: Most formulas that are tried.
TRIED = 600


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong, and in which of several ways to read the claim."""

    reading: Disagreement
    text: str


def likely_mistake(readings: Iterable[Disagreement], trials: Trials) -> Diagnosis | None:
    """The mistake that accounts for a claim and says most, if one does; of one kind, the first."""
    if not trials.points:
        return None
    able = [
        d for d in readings if trials.of(d.answer) is not None and trials.of(d.claim) is not None
    ]
    if any(trials.equal(d.claim, d.answer, NEARLY) for d in able):
        return None  # numbers hardly see a difference, and cannot say what makes it
    for stage in STAGES:
        for d in able:
            for said in stage(d, trials):
                return Diagnosis(d, said)
    return None


def _of_the_whole(d: Disagreement, trials: Trials) -> Iterator[str]:
    if isinstance(d.claim, Expr) and is_zero(d.claim):
        yield f"it is zero, and the function depends on {d.wrt.name}"
        return
    yield from _slips(d, trials, WHOLE, [])
    yield from _factor(d, trials)


def _of_a_part(d: Disagreement, trials: Trials) -> Iterator[str]:
    yield from _common_condition(d, trials)
    yield from _term_factor(d, trials)
    yield from _slips(d, trials, SLIPS, [])


def _nearly(d: Disagreement, trials: Trials) -> Iterator[str]:
    """What says less: where else it is true, and a slip on top of a wrong factor."""
    yield from _rare_condition(d, trials)
    almost: list[str] = []
    for _ in _slips(d, trials, SLIPS, almost):
        return  # found before
    yield from almost


def _slips(
    d: Disagreement,
    trials: Trials,
    table: Sequence[Callable[[Disagreement], Iterator[Slip]]],
    almost: list[str],
) -> Iterator[str]:
    """What explains the claim; what explains it up to a constant factor is added to ``almost``."""
    from matcalc.backends.scrutiny import holds_where

    tried = 0
    for slips in table:
        for slip in slips(d):
            tried += 1
            if tried > TRIED:
                return
            claimed, wanted = (slip.value, d.answer) if slip.of_claim else (d.claim, slip.value)
            if _is_trivial(slip, d):
                continue
            factor = trials.factor(claimed, wanted)
            if factor == 1 and holds_where(claimed, wanted, trials):
                yield _said(slip)
            elif factor not in (None, 1) and slips not in EXACT:
                what = (
                    "the sign is wrong" if factor == -1 else f"there is a factor {factor} too much"
                )
                almost.append(f"{_said(slip)}, and {what}")


def _is_trivial(slip: Slip, d: Disagreement) -> bool:
    """Whether a slip changes nothing."""
    return slip.value is (d.claim if slip.of_claim else d.answer)


def _said(slip: Slip) -> str:
    return slip.text.format(*map(_text, slip.about))


def _text(f: Formula) -> str:
    """A formula; of a long one the beginning and the end."""
    said = text.format_expr(f) if isinstance(f, Expr) else text.format_index(f)
    if len(said) <= BEGINNING + END:
        return said
    return f"{said[:BEGINNING].rpartition(' ')[0]} ... {said[-END:].partition(' ')[2]}"


def _factor(d: Disagreement, trials: Trials) -> Iterator[str]:
    """A factor of the whole: a sign, a number, a size."""
    from matcalc.backends.scrutiny import holds_where

    factor = trials.factor(d.claim, d.answer)
    if factor is not None:
        if factor != 1 and holds_where(d.claim, multiple(factor, d.answer), trials):
            yield _about_factor(factor, "the derivative")
        return
    found = trials.factor_of_sizes(d.claim, d.answer)
    if found is not None:
        constant, exponents = found
        sizes = (power(Size(Dim.of(name)), Constant(k)) for name, k in exponents.items())
        value = scaled(constant, times(*sizes))
        mean = _about_mean(constant, list(exponents.values()))
        yield f"it is {_text(value)} times the derivative{mean}"


def _about_mean(constant: Fraction, exponents: list[int]) -> str:
    if constant != 1 or exponents not in ([1], [-1]):
        return ""
    return ": a sum in place of a mean" if exponents == [1] else ": a mean in place of a sum"


def _about_factor(factor: Fraction, what: str) -> str:
    if factor == -1:
        return f"the sign is wrong: it is the negative of {what}"
    if factor.numerator == 1 and factor > 0:
        return f"a factor {factor.denominator} is missing: it is {factor} times {what}"
    return f"it is {_text(Constant(factor))} times {what}"


def true_only_if(a: Formula, b: Formula, trials: Trials) -> str | None:
    """A property of a variable, or of two, under which two formulas are equal."""
    from matcalc.backends.trials import COMMON, RARE

    return next(_conditions(a, b, trials, (*COMMON, *RARE), frozenset()), None)


def _common_condition(d: Disagreement, trials: Trials) -> Iterator[str]:
    from matcalc.backends.trials import COMMON

    # That the variable has the sum 1 says nothing: it varies.
    without = d.rectangular | ({d.wrt.name} if len(d.wrt.axes) == 1 else set())
    return _conditions(d.claim, d.answer, trials, COMMON, without)


def _on_top_of_another(d: Disagreement, trials: Trials) -> Iterator[str]:
    """A mistake on top of taking a matrix for symmetric."""
    for symbol in trials.able("symmetric")[:ASSUMED]:
        if symbol.name in d.rectangular:
            continue
        special = Symbol(symbol.name, symbol.shape, symbol.properties | {"symmetric"})
        there, near = d.where(symbol, special), trials.where(symbol, special)
        if not near.points or near.of(there.answer) is None or near.of(there.claim) is None:
            continue
        for found in (*_factor(there, near), *_slips(there, near, SLIPS, [])):
            yield f"{found}; and {symbol.name} is taken to be symmetric"


def _rare_condition(d: Disagreement, trials: Trials) -> Iterator[str]:
    from matcalc.backends.trials import RARE

    return _conditions(d.claim, d.answer, trials, RARE, d.rectangular)


def _conditions(
    a: Formula, b: Formula, trials: Trials, kinds: Sequence[str], without: frozenset[str]
) -> Iterator[str]:
    from matcalc.backends.scrutiny import holds_where
    from matcalc.backends.trials import COMMON, COMMUTE, SUM_ONE

    for names, kind in trials.conditions(a, b, kinds):
        if without.isdisjoint(names) and holds_where(a, b, trials, names, kind):
            if kind == COMMUTE:
                yield f"true if {' and '.join(names)} commute"
            elif kind == SUM_ONE:
                yield f"true if the entries of {' and of '.join(names)} have the sum 1"
            elif kind == "positive":
                yield f"true if {_not_negative([s for s in trials.variables if s.name in names])}"
            else:
                only = "only " if kind in COMMON and not _is_avoidable(a, b, trials, names) else ""
                are = "is" if len(names) == 1 else "are"
                yield f"true {only}if {' and '.join(names)} {are} {kind}"


def _not_negative(chosen: Sequence[Symbol]) -> str:
    """``no entry of x is negative``."""
    match chosen:
        case [symbol]:
            name = symbol.name
            return f"no entry of {name} is negative" if symbol.axes else f"{name} is not negative"
        case _:
            parts = (f"any entry of {s.name}" if s.axes else s.name for s in chosen)
            return f"neither {' nor '.join(parts)} is negative"


def _is_avoidable(a: Formula, b: Formula, trials: Trials, names: tuple[str, ...]) -> bool:
    """Whether formulas that are equal for a symmetric matrix are so for others: then it is enough, not needed."""
    from matcalc.backends.trials import ASYMMETRIC

    return len(names) > 1 or any(found == names for found, _ in trials.conditions(a, b, ASYMMETRIC))


def _term_factor(d: Disagreement, trials: Trials) -> Iterator[str]:
    """One term of the claim that is off by a factor: then what is missing is a multiple of it."""
    claim, answer = trials.of(d.claim), trials.of(d.answer)
    found = terms(d.claim)
    if claim is None or answer is None or len(found) < 2:
        return
    missing = [b - a for a, b in zip(claim, answer, strict=True) if a.shape == b.shape]
    if len(missing) < len(claim):
        return
    for term in found:
        factor = trials.factor_of_values(missing, term)
        if factor is not None and (right := 1 + factor):
            problem = "sign" if right == -1 else "factor"
            yield f"the term {_text(term)} has the wrong {problem}: {_scaled_text(right, term)}"


def _scaled_text(factor: Fraction, term: Formula) -> str:
    if isinstance(term, Expr):
        return f"it should be {_text(scaled(factor, term))}"
    return f"it should be {factor} times that"


#: What is looked for, one after the other: what says most first.
STAGES: tuple[Callable[[Disagreement, Trials], Iterator[str]], ...] = (
    _of_the_whole,
    _of_a_part,
    _on_top_of_another,
    _nearly,
)
