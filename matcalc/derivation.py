"""Why a derivative is what it is: the derivation as a person writes it, every line named by its rule.

Two styles: ``index`` (product rule, Kronecker deltas, contraction, back to matrix form) and
``differential`` (dφ pushed inwards, cyclic permutation, dφ = <G, dX>, G read off). Long expressions are
derived with names for their intermediate results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matcalc.backends import latex, text
from matcalc.backends.index_forms import LetterBook
from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem
from matcalc.passes.derive_differential import MatrixStep, Rule, derive_differential
from matcalc.passes.derive_index import IndexStep, derive_index
from matcalc.passes.derive_named import Named, derive_named, nesting
from matcalc.passes.differentiate import derivative, differentiate_index
from matcalc.passes.lower import lower
from matcalc.passes.measure import measure
from matcalc.passes.recognise import recognise
from matcalc.passes.shorten import shorten
from matcalc.passes.structure import STRUCTURAL
from matcalc.report import index_letters, latex_quotient, tensor_name, unused_name

if TYPE_CHECKING:
    from matcalc.derivative import Derivative

Style = Literal["index", "differential"]
STYLES: tuple[Style, ...] = ("index", "differential")

#: Functions that are longer are derived with names for their intermediate results.
LONG = 34

#: Functions that are longer still are only differentiated.
LONGEST = 120

#: So are those with more functions inside each other.
NESTED = 2

#: Most lines of a derivation without names.
MOST_LINES = 9

#: Columns within which a line and its rule stand side by side.
WIDTH = 100


@dataclass(frozen=True)
class Step:
    """One line of a derivation.

    Attributes:
        left: left side in text; empty where the line continues the one before.
        right: right side in text.
        rule: what led to the line.
        latex: the line in LaTeX, ``left &= right``.
    """

    left: str
    right: str
    rule: str
    latex: str

    def __str__(self) -> str:
        return f"{self.left} = {self.right}    {self.rule}".strip()


@dataclass(frozen=True, repr=False)
class Derivation:
    """The lines of a derivation; ``str`` and ``latex`` give them as a whole.

    Attributes:
        style: ``index`` or ``differential``.
        steps: the lines.
    """

    style: Style
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __str__(self) -> str:
        return "\n".join(_aligned(self.steps))

    def latex(self) -> str:
        """The lines in an ``aligned`` environment, each with its rule."""
        body = " \\\\\n".join(step.latex for step in self.steps)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    def __repr__(self) -> str:
        return f"<Derivation in {self.style} style, {len(self.steps)} lines>"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/latex": self._repr_latex_()}


def derivation(d: Derivative, style: str = "index") -> Derivation:
    """The derivation of a derivative.

    Args:
        d: the derivative, of any order; the last differentiation is derived.
        style: ``index`` or ``differential``.

    Raises:
        ArgumentProblem: no such style.
    """
    if style not in STYLES:
        raise ArgumentProblem(
            f"there is no style {style} of derivations",
            help=f"the styles are {' and '.join(STYLES)}",
        )
    writer = _Writer(d)
    chosen: Style = "index" if style == "index" else "differential"
    return Derivation(chosen, tuple(writer.lines(chosen)))


def _aligned(steps: Sequence[Step]) -> Iterator[str]:
    """Equations in one column, their rules in another where that fits."""
    margin = 0
    rows = []
    for step in steps:
        if step.left:
            margin = len(step.left)
            rows.append((f"{step.left} = {step.right}", step.rule))
        else:
            rows.append((f"{' ' * margin} = {step.right}", step.rule))
    fitting = [len(row) for row, rule in rows if len(row) + len(rule) + 4 <= WIDTH]
    column = max(fitting, default=0)
    for row, rule in rows:
        if not rule:
            yield row
        elif len(row) <= column:
            yield f"{row:<{column}}    {rule}"
        else:
            yield row
            yield f"{'':<{column}}    {rule}"


@dataclass(frozen=True)
class _Left:
    """A left side in both spellings."""

    text: str
    latex: str

    @staticmethod
    def name(name: str) -> _Left:
        return _Left(name, latex.format_name(name))

    @staticmethod
    def differential(name: str) -> _Left:
        return _Left(f"d{name}", rf"\mathrm{{d}}{latex.format_name(name)}")

    def entry(self, letters: Sequence[str]) -> _Left:
        if not letters:
            return self
        return _Left(f"{self.text}[{','.join(letters)}]", f"{self.latex}_{{{''.join(letters)}}}")

    def by(self, other: _Left) -> _Left:
        """The partial derivative by another."""
        quotient = rf"\frac{{\partial {self.latex}}}{{\partial {other.latex}}}"
        return _Left(f"∂{self.text}/∂{other.text}", quotient)

    def equals(self, other: _Left) -> _Left:
        return _Left(f"{self.text} = {other.text}", f"{self.latex} = {other.latex}")


_SAME = _Left("", "")


class _Writer:
    """Writes the lines of one derivation."""

    def __init__(self, d: Derivative) -> None:
        self.d = d
        # Identities such as X' = X hold at the point, not along the variation.
        self.wrt = Symbol(d.wrt.name, d.wrt.shape, d.wrt.properties - STRUCTURAL)
        self.f = _last_differentiated(d, self.wrt)
        # What is differentiated last has a name of its own.
        again = d.order > 1
        self.name = unused_name("g", d.symbols) if again else d.function_name
        self.left = _Left.name(self.name)
        self.by = _Left.name(d.wrt.name)
        self.along = Symbol(unused_name(f"d{d.wrt.name}", d.symbols), d.wrt.shape)

    def lines(self, style: Style) -> Iterator[Step]:
        """All lines: the function, its derivation, the answer in its layout."""
        if isinstance(self.f, Expr):
            left = self.left
            if self.d.order > 1:
                left = left.equals(_Left(self.d.name_of(self.d.order - 1), _latex_name(self.d, -1)))
            yield self._step(
                left, self.f, "to be differentiated once more" if self.d.order > 1 else ""
            )
        yield from self._derived(style)
        yield self._answer()

    def _derived(self, style: Style) -> Iterator[Step]:
        f = self.f
        named = derive_named(f, self.wrt, self.along) if isinstance(f, Expr) else None
        if named is not None and isinstance(f, Expr) and self._is_long(f):
            return self._named(named)
        if isinstance(f, Expr) and measure(f) > LONGEST:
            return iter(())
        if style == "differential" and isinstance(f, Expr):
            lines = derive_differential(f, self.wrt, self.along)
            if lines is not None and len(lines) <= MOST_LINES:
                return self._by_differentials(lines)
        found = derive_index(lower(f) if isinstance(f, Expr) else f, self.wrt)
        if found is not None and len(found) <= MOST_LINES:
            return self._by_indices(found)
        return self._named(named) if named is not None else iter(())

    def _is_long(self, f: Expr) -> bool:
        return measure(f) > LONG or nesting(f, self.wrt) > NESTED

    # ---------------------------------------------------------------- the styles

    def _by_indices(self, lines: list[IndexStep]) -> Iterator[Step]:
        book = LetterBook(index_letters(self.d))
        for number, line in enumerate(lines):
            plain, free = book.write(line.value)
            formal, _ = book.write(line.value, explicit_sums=True)
            letters = list(free.values())
            if number == 0:
                left = self.left.entry(letters)
                if isinstance(self.f, Expr) and text.spell(plain) == text.format_expr(self.f):
                    continue
            elif number == 1:
                cut = len(letters) - len(self.wrt.axes)
                left = self.left.entry(letters[:cut]).by(self.by.entry(letters[cut:]))
            else:
                left = _SAME
            yield _line(left, text.spell(plain), latex.spell(formal), "; ".join(line.rules))

    def _by_differentials(self, lines: list[MatrixStep]) -> Iterator[Step]:
        df = _Left.differential(self.name)
        stacked = _Left(f"vec({df.text})", rf"\operatorname{{vec}}({df.latex})")
        for number, line in enumerate(lines):
            left = stacked if line.stacked else _SAME if number else df
            yield self._step(left, line.value, "; ".join(map(_rule_text, line.rules)))

    def _named(self, named: Named) -> Iterator[Step]:
        for number, line in enumerate(named.definitions):
            rule = "" if number else "name the intermediate results"
            yield self._step(_Left.name(line.symbol.name), line.value, rule)
        yield self._step(self.left, named.body, "")
        for line in named.lines:
            left = _Left.name(line.symbol.name)
            if line.of is not None:
                left = left.equals(self.left.by(_Left.name(line.of.name)))
            yield self._step(left, line.value, "chain rule")
        is_gradient = isinstance(self.f, Expr) and self.f.is_scalar
        whole = self.left.by(self.by) if is_gradient else _Left.differential(self.name)
        yield self._step(whole, named.result, "chain rule")

    def _answer(self) -> Step:
        d = self.d
        rule = f"{'in matrix form, ' if d.expr is not None else ''}{d.layout} layout"
        if d.structure and d.structured != "ambient":
            rule += f", {d.structured} for a {' '.join(sorted(d.structure))} variable"
        left = _Left(d.quotient, _latex_name(d, 0))
        if d.expr is not None:
            return self._step(left, d.expr, rule)
        name = tensor_name(d)
        entries = text.format_index_left(name, d.index, index_letters(d))
        formal = latex.format_index_left(name, d.index, index_letters(d))
        whole, _, right = entries.partition(" = ")
        whole_latex, _, right_latex = formal.partition(" = ")
        return _line(left.equals(_Left(whole, whole_latex)), right, right_latex, rule)

    def _step(self, left: _Left, value: Expr, rule: str) -> Step:
        return _line(left, text.format_expr(value), latex.format_expr(value), rule)


def _last_differentiated(d: Derivative, wrt: Symbol) -> Expr | IndexExpr:
    """The function, or its derivative of the order before; in index form where it has no matrix form."""
    f = substitute(d.f, {d.wrt: wrt}) if isinstance(d.f, Expr) else d.f
    if d.order == 1:
        return f
    if isinstance(f, Expr):
        before = derivative(f, wrt, d.order - 1)
    else:
        before = f
        for _ in range(d.order - 1):
            before = differentiate_index(before, wrt)
    if len(before.free) > 2:
        return before
    row, column = (*before.free, None, None)[:2]
    matrix = recognise(before, row, column)
    return before if matrix is None else shorten(matrix)


def _line(left: _Left, right: str, formal: str, rule: str) -> Step:
    reason = rf" && \text{{{_escaped(rule)}}}" if rule else ""
    return Step(left.text, right, rule, f"{left.latex} &= {formal}{reason}")


def _escaped(rule: str) -> str:
    """A rule inside a LaTeX text."""
    return "".join(_ESCAPES.get(character, character) for character in rule)


_ESCAPES = {
    **{character: rf"\{character}" for character in "&%$#_{}"},
    "^": r"\textasciicircum{}",
    "∂": r"$\partial$",
    "δ": r"$\delta$",
    "⊗": r"$\otimes$",
}


def _latex_name(d: Derivative, back: int) -> str:
    f, x = latex.format_name(d.function_name), latex.format_name(d.wrt.name)
    return latex_quotient(f, x, d.order + back)


def _rule_text(rule: Rule) -> str:
    if isinstance(rule, str):
        return rule
    left, right = rule
    return f"{text.format_expr(left)} = {text.format_expr(right)}"
