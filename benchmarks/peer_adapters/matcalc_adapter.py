"""matcalc, asked as its users ask it: text in, the reading of the text included in the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import matcalc as mc
from benchmarks.peer_adapters.base import Adapter, Array, NotExpressible, Point, Question
from matcalc.core.expr import forget


class MatcalcAdapter(Adapter):
    """``matcalc.diff`` of the text."""

    packages = ("matcalc",)

    def pose(self, question: Question, spelling: str) -> Callable[[], mc.Derivative]:  # noqa: ARG002
        """The text is the notation."""
        if question.f is None:
            raise NotExpressible("outside the language")

        def answer() -> mc.Derivative:
            found = mc.diff(
                question.text,
                question.wrt.name,
                shapes=dict(question.shapes),
                assume=dict(question.assume),
                order=question.order,
                structured=question.structured or "ambient",
            )
            _ = found.expr  # what is not asked for is not derived
            return found

        return answer

    def forget(self) -> None:
        """Drop what expressions remember, which live as long as a question about them."""
        forget()

    def is_evaluated(self, answer: Any) -> bool:
        """There are no unevaluated answers: what is not known is refused."""
        return isinstance(answer, mc.Derivative)

    def value(self, answer: mc.Derivative, point: Point) -> Array:
        """By the generated NumPy function."""
        return np.asarray(answer.function("numpy")(**point.arrays), dtype=float)

    def matrix_form(self, answer: mc.Derivative) -> bool:
        """Whether there is one beside the index form."""
        return answer.expr is not None
