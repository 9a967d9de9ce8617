"""Why a derivative is what it is: the derivation as a person writes it, every line named by its rule.

Two styles: ``index`` (product rule, Kronecker deltas, contraction, back to matrix form) and
``differential`` (dφ pushed inwards, cyclic permutation, dφ = <G, dX>, G read off). Long expressions are
derived with names for their intermediate results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matcalc.arguments import STYLES
from matcalc.derivation_lines import derivation_steps
from matcalc.derivation_step import Step
from matcalc.errors import ArgumentProblem

if TYPE_CHECKING:
    from matcalc.derivative import Derivative

Style = Literal["index", "differential"]

#: Columns within which a line and its rule stand side by side.
WIDTH = 100


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
    chosen: Style = "index" if style == "index" else "differential"
    return Derivation(chosen, tuple(derivation_steps(d, chosen)))


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
