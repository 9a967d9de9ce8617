"""The results of ``check`` and ``equal``: whether something is so, how that is known, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matcalc.backends import text
from matcalc.backends.sharing import Names
from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr
from matcalc.derivative import MIME_TYPE, Derivative
from matcalc.passes.layout import LAYOUTS
from matcalc.report import factors, one_line, tensor_name

if TYPE_CHECKING:
    from matcalc.backends.refute import Counterexample

#: How a verdict begins.
WORDS = {True: "true", False: "false", None: "undecided"}

#: Digits of a number that is not rational, and of two such numbers that differ in later ones only.
SHOWN_DIGITS, ALL_DIGITS = 6, 17

#: Whole numbers above this are shown as decimal ones.
MANY_DIGITS = 10**20

#: Longest polynomial that stands for an abstract function and is shown.
SHOWN_FUNCTION = 240


@dataclass(frozen=True, eq=False)
class Verdict:
    """What ``check`` finds about a claimed derivative.

    Attributes:
        ok: whether the claim is right; None if that could not be decided.
        layout: the layout in which it is right, or was compared; None where it fits none.
        method: how this is known.
        counterexample: numbers at which the claim is wrong, if it is and has the right shape.
        cause: the likely mistake, if one was found.
        answer: the derivative, in the layout of the claim.
        claim: what was claimed; None where its shapes do not agree with each other.
        layouts: all layouts in which the claim is right.
        usual: the derivative in mixed layout, where the claim is right in other layouts only.
        wrong_shape: what there is to say of the shape, where that is wrong.
        differential: the claim as it was made, where that was a differential; ``claim`` is then the
            derivative that it says.
    """

    ok: bool | None
    layout: str | None
    method: str
    counterexample: Counterexample | None
    cause: str | None
    answer: Derivative
    claim: Expr | IndexExpr | None
    layouts: tuple[str, ...] = ()
    usual: Derivative | None = None
    wrong_shape: str | None = None
    differential: Expr | None = None

    def __bool__(self) -> bool:
        return self.ok is True

    def __str__(self) -> str:
        return "\n  ".join(self._lines())

    def __repr__(self) -> str:
        return f"<Verdict {WORDS[self.ok]}, {self.answer.quotient}>"

    def _lines(self) -> list[str]:
        d = self.answer
        what = f"the derivative of {_function(d)} by {d.wrt.name}"
        if d.order > 1:
            what = f"the derivative of order {d.order} of {_function(d)} by {d.wrt.name}"
        if self.ok and self.differential is not None:
            said = f"the differential of {_function(d)} is {one_line(self.differential)}"
            lines = [
                f"true: {said}",
                f"so the derivative by {d.wrt.name} is {_answer(d)}",
                self.method,
            ]
        elif self.ok:
            assert self.claim is not None
            lines = [f"true: {what} is {formula_text(self.claim, d)}", self._where(), self.method]
        elif self.wrong_shape is not None:
            lines = [f"false: {self.wrong_shape}", f"{what} is {_answer(d)}"]
        else:
            lines = [f"{WORDS[self.ok]}: {what} is {_answer(d)}"]
        if self.differential is not None and self.claim is not None and not self.ok:
            said = formula_text(self.claim, d)
            lines.insert(
                1, f"the differential {one_line(self.differential)} says that it is {said}"
            )
        if self.cause:
            lines.append(self.cause)
        if self.counterexample is not None:
            lines.append(describe(self.counterexample, "in the claim", "in the derivative"))
        elif self.ok is None or (not self.ok and self.wrong_shape is None):
            lines.append(self.method)
        if self.conditions:
            lines.append(f"conditions: {'; '.join(self.conditions)}")
        return [*lines, *(f"note: {note}" for note in d.notes)]

    @cached_property
    def conditions(self) -> list[str]:
        """Where the derivative holds: in the form of the claim, if that is right."""
        form = self.claim if self.ok else None
        return self.answer.conditions if form is None else self.answer.conditions_of(factors(form))

    def _where(self) -> str:
        """The layouts in which the claim is right, and what it is in the usual one if it is not."""
        everywhere = set(self.layouts) == set(LAYOUTS)
        where = "in every layout" if everywhere else f"in {listed(self.layouts)} layout"
        if self.usual is None:
            return where
        return f"{where} only; in mixed layout it is {_answer(self.usual)}"

    def to_dict(self) -> dict[str, Any]:
        """Everything that is printed, as what JSON can hold."""
        wrong = self.counterexample
        return {
            "ok": self.ok,
            "layout": self.layout,
            "layouts": list(self.layouts),
            "conditions": self.conditions,
            "method": self.method,
            "claim": None if self.claim is None else formula_text(self.claim, self.answer),
            "differential": None if self.differential is None else one_line(self.differential),
            "cause": self.cause,
            "wrong_shape": self.wrong_shape,
            "counterexample": None if wrong is None else as_dict(wrong),
            "answer": self.answer.to_dict(),
        }

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/plain": str(self), MIME_TYPE: self.to_dict()}


@dataclass(frozen=True, eq=False)
class Equality:
    """What ``equal`` finds about two expressions.

    Attributes:
        ok: whether they are equal wherever both are defined; None if that could not be decided.
        method: how this is known.
        counterexample: numbers at which they differ.
        cause: why they differ, if that is found.
        left: the first expression.
        right: the second one.
        notes: what was taken for granted where the texts were read.
        conditions: where both are defined, if they are equal.
    """

    ok: bool | None
    method: str
    counterexample: Counterexample | None
    cause: str | None
    left: Expr
    right: Expr
    notes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok is True

    def __str__(self) -> str:
        sides = f"{one_line(self.left)} = {one_line(self.right)}"
        lines = [f"{WORDS[self.ok]}: {sides}"]
        if self.cause:
            lines.append(self.cause)
        if self.counterexample is not None:
            lines.append(describe(self.counterexample, "on the left", "on the right"))
        elif self.ok is not False or not self.cause:
            lines.append(self.method)
        if self.conditions:
            lines.append(f"conditions: {'; '.join(self.conditions)}")
        return "\n  ".join([*lines, *(f"note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"<Equality {WORDS[self.ok]}>"

    def to_dict(self) -> dict[str, Any]:
        """Everything that is printed, as what JSON can hold."""
        wrong = self.counterexample
        return {
            "ok": self.ok,
            "method": self.method,
            "left": one_line(self.left),
            "right": one_line(self.right),
            "conditions": list(self.conditions),
            "notes": list(self.notes),
            "cause": self.cause,
            "counterexample": None if wrong is None else as_dict(wrong),
        }

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/plain": str(self), MIME_TYPE: self.to_dict()}


def formula_text(f: Expr | IndexExpr, d: Derivative) -> str:
    """A claim in one line."""
    if isinstance(f, Expr):
        return one_line(f, called=_called(d))
    return text.format_index_left(tensor_name(d), f)


def _called(d: Derivative) -> Names:
    """The names that the text defines for parts of the function."""
    return {value: name for name, value in d.reading.definitions.items() if value is not d.f}


def _function(d: Derivative) -> str:
    shown = d.named or d
    if isinstance(shown.f, IndexExpr):
        return text.format_index_left(d.function_name, shown.f)
    kept = [(name.name, one_line(value)) for name, value in shown.definitions.items()]
    bindings, body = text.format_with_bindings(shown.f, called=_called(d))
    where = ", ".join(f"{name} = {value}" for name, value in [*kept, *bindings])
    return f"{d.function_name} = {body}" + (f", where {where}," if where else "")


def _answer(d: Derivative) -> str:
    """The answer, and its layout where that is not the usual one."""
    shown = d.named or d
    form = shown.index if shown.expr is None else shown.expr
    where = "" if d.layout in ("mixed", "tensor") else f" in {d.layout} layout"
    return f"{formula_text(form, d)}{where}"


def describe(wrong: Counterexample, claimed: str, expected: str) -> str:
    """A counterexample in one line."""
    values = {**{n: str(k) for n, k in wrong.sizes.items()}, **_values(wrong.point)}
    given = ", ".join([*(f"{name} = {v}" for name, v in values.items()), *_shown_functions(wrong)])
    place = "the value"
    if wrong.index:
        inside = ", ".join(map(str, wrong.index))
        place = f"entry {inside}" if len(wrong.index) == 1 else f"entry ({inside})"
    left, right = _numbers(wrong.claimed, wrong.expected)
    where = f"for {given}: " if given else ""
    return f"{where}{place} is {left} {claimed} and {right} {expected}"


def _shown_functions(wrong: Counterexample) -> list[str]:
    """The polynomials that stand for abstract functions, unless they are too long to be read."""
    return [
        f if len(f) <= SHOWN_FUNCTION else f"{f.partition(' = ')[0]} a random polynomial"
        for f in wrong.functions
    ]


def _values(point: Mapping[str, Any]) -> dict[str, str]:
    return {name: _entries_text(value) for name, value in point.items()}


def _entries_text(value: Any) -> str:
    """``[[1, 1/2], [0, 1]]``: nested lists with fractions as they are written."""
    if isinstance(value, list):
        return f"[{', '.join(map(_entries_text, value))}]"
    return str(value)


def _as_json(value: Any) -> Any:
    """A number, or nested lists of them, with fractions as text."""
    if isinstance(value, list):
        return list(map(_as_json, value))
    return value if isinstance(value, int | float) else str(value)


def _readable(value: Any) -> Any:
    """A number, a whole one of very many digits as a decimal one."""
    return Decimal(value) if isinstance(value, int) and abs(value) > MANY_DIGITS else value


def _numbers(*values: Any) -> list[str]:
    """Different numbers, with as many digits as it takes to tell them apart."""
    for digits in range(SHOWN_DIGITS, ALL_DIGITS + 1):
        found = [
            f"{value:.{digits}g}" if isinstance(value, float | Decimal) else str(value)
            for value in map(_readable, values)
        ]
        if len(set(found)) == len(found):
            break
    return found


def as_dict(wrong: Counterexample) -> dict[str, Any]:
    """A counterexample as what JSON can hold; fractions as text."""
    return {
        "sizes": dict(wrong.sizes),
        "point": {name: _as_json(value) for name, value in wrong.point.items()},
        "functions": list(wrong.functions),
        "index": list(wrong.index),
        "claimed": _as_json(wrong.claimed),
        "expected": _as_json(wrong.expected),
    }


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
