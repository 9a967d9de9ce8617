"""One line of a derivation, in text and in LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcalc.backends import latex, text
from matcalc.backends.index_forms import LETTERS, LetterBook
from matcalc.core.expr import Expr, symbols
from matcalc.passes.reasons import Equation, Rule


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


@dataclass(frozen=True)
class Left:
    """A left side in both spellings."""

    text: str
    latex: str

    @staticmethod
    def name(name: str) -> Left:
        """A name by itself."""
        return Left(name, latex.format_name(name))

    @staticmethod
    def differential(name: str) -> Left:
        """``df``."""
        return Left(f"d{name}", rf"\mathrm{{d}}{latex.format_name(name)}")

    def vec(self) -> Left:
        """Its columns stacked."""
        return Left(f"vec({self.text})", rf"\operatorname{{vec}}({self.latex})")

    def entry(self, letters: Sequence[str]) -> Left:
        """Its entry with these indices."""
        if not letters:
            return self
        return Left(f"{self.text}[{','.join(letters)}]", f"{self.latex}_{{{''.join(letters)}}}")

    def by(self, other: Left) -> Left:
        """The partial derivative by another."""
        quotient = rf"\frac{{\partial {self.latex}}}{{\partial {other.latex}}}"
        return Left(f"∂{self.text}/∂{other.text}", quotient)

    def equals(self, other: Left) -> Left:
        """Two names for the same."""
        return Left(f"{self.text} = {other.text}", f"{self.latex} = {other.latex}")


#: The left side of a line that continues the one before.
SAME = Left("", "")


def line(left: Left, value: Expr, rules: Iterable[Rule] = ()) -> Step:
    """A line whose right side is an expression."""
    return written(left, text.format_expr(value), latex.format_expr(value), rules)


def verbatim(typed: str) -> str:
    """What somebody typed, in LaTeX."""
    return rf"\text{{{_escaped(typed)}}}"


def written(left: Left, right: str, formal: str, rules: Iterable[Rule] = ()) -> Step:
    """A line, its right side in text and in LaTeX."""
    found = [rule for rule in dict.fromkeys(rules) if rule != Rule()]
    reasons = "; ".join(map(rule_in_text, found))
    formal_reasons = r"\text{; }".join(map(_rule_in_latex, found))
    column = f" && {formal_reasons}" if found else ""
    return Step(left.text, right, reasons, f"{left.latex} &= {formal}{column}")


# ------------------------------------------------------------------ rules


def rule_in_text(rule: Rule) -> str:
    """``chain rule: ∂log(u)/∂u = 1/u``."""
    if rule.equation is None:
        return rule.name
    (left, _), (right, _) = _sides(rule.equation)
    return ": ".join(part for part in (rule.name, f"{left} = {right}") if part)


def _rule_in_latex(rule: Rule) -> str:
    words = f"{rule.name}: " if rule.name and rule.equation else rule.name
    prefix = rf"\text{{{_escaped(words)}}}" if words else ""
    if rule.equation is None:
        return prefix
    (_, left), (_, right) = _sides(rule.equation)
    return f"{prefix}{left} = {right}"


def _sides(equation: Equation) -> list[tuple[str, str]]:
    """Both sides, in text and in LaTeX."""
    taken = _names(equation)
    book = LetterBook([letter for letter in LETTERS if letter not in taken])
    found = []
    for side in equation:
        if isinstance(side, Expr):
            found.append((text.format_expr(side), latex.format_expr(side)))
        else:
            plain, _ = book.write(side)
            formal, _ = book.write(side, explicit_sums=True)
            found.append((text.spell(plain), latex.spell(formal)))
    return found


def _names(equation: Equation) -> set[str]:
    """What letters of indices must not be."""
    found: set[str] = set()
    for side in equation:
        exprs = (
            [side] if isinstance(side, Expr) else [x.expr for t in side.terms for x in t.factors]
        )
        for symbol in symbols(*exprs):
            found |= {symbol.name}
    return found


def _escaped(words: str) -> str:
    """Words inside a LaTeX text."""
    return "".join(_ESCAPES.get(character, character) for character in words)


_ESCAPES = {
    **{character: rf"\{character}" for character in "&%$#_{}"},
    "^": r"\textasciicircum{}",
    "∂": r"$\partial$",
}
