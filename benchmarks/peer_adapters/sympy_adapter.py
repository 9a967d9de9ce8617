"""SymPy: ``expr.diff(X)``, and ``array_derive`` of its array expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.cache import clear_cache
from sympy.tensor.array.expressions import convert_matrix_to_array
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from benchmarks.peer_adapters.base import (
    Adapter,
    Array,
    NotExpressible,
    Point,
    Question,
    ambient,
)
from benchmarks.peer_adapters.sympy_evaluate import evaluate
from benchmarks.peer_adapters.sympy_translate import SPELLINGS, leaf, to_sympy


class DiffAdapter(Adapter):
    """``expr.diff(X)``."""

    packages = ("sympy",)
    spellings = SPELLINGS

    def pose(self, question: Question, spelling: str) -> Callable[[], Any]:
        """Call ``diff`` once for each order, and ``doit`` for what it leaves."""
        f, x = to_sympy(ambient(question), spelling), leaf(question.wrt)

        def answer() -> Any:
            derivative = f
            for _ in range(question.order):
                derivative = derivative.diff(x)
            return derivative if self.is_evaluated(derivative) else derivative.doit()

        return answer

    def is_evaluated(self, answer: Any) -> bool:
        """Whether there is neither a ``Derivative`` nor an ``ArrayDerivative`` in it."""
        return not any(
            isinstance(node, sympy.Derivative) for node in sympy.preorder_traversal(answer)
        )

    def value(self, answer: Any, point: Point) -> Array:
        """With NumPy, node by node."""
        return evaluate(answer, point)

    def matrix_form(self, answer: Any) -> bool:
        """Whether it is a matrix expression or scalar without array expressions and sums over indices."""
        if isinstance(answer, sympy.MatrixBase):
            return False
        return not any(
            type(node).__module__.startswith("sympy.tensor") or isinstance(node, sympy.Sum)
            for node in sympy.preorder_traversal(answer)
        )

    def forget(self) -> None:
        """Clear SymPy's cache."""
        clear_cache()


class ArrayAdapter(DiffAdapter):
    """``array_derive``, whose answers are array expressions; ``diff`` turns them into matrices, or tries."""

    def pose(self, question: Question, spelling: str) -> Callable[[], Any]:
        """Convert to an array expression and derive."""
        f, x = to_sympy(ambient(question), spelling), leaf(question.wrt)
        if question.wrt.is_scalar:
            raise NotExpressible("array_derive takes a matrix or array as variable")

        def answer() -> Any:
            derivative = convert_matrix_to_array(f)
            for _ in range(question.order):
                derivative = array_derive(derivative, x)
            return derivative

        return answer
