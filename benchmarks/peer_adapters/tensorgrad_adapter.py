"""tensorgrad: ``f.grad(X).full_simplify()``, as its documentation writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.extras.to_index import to_index_free
from tensorgrad.tensor import Derivative, Tensor

from benchmarks.peer_adapters.base import Adapter, Array, Point, Question, ambient
from benchmarks.peer_adapters.tensorgrad_evaluate import evaluate, postorder
from benchmarks.peer_adapters.tensorgrad_translate import COLUMN, ROW, leaf, to_tensorgrad


class TensorgradAdapter(Adapter):
    """``grad`` once for each order, then ``full_simplify``, with and without expansion of products."""

    packages = ("tensorgrad", "torch")
    spellings = ("expanded", "not expanded")

    def pose(self, question: Question, spelling: str) -> Callable[[], Tensor]:
        """The new edges are named after those of the variable and the order."""
        f, x = to_tensorgrad(ambient(question)), leaf(question.wrt)

        def answer() -> Tensor:
            derivative = f
            for k in range(question.order):
                derivative = derivative.grad(x, {edge: f"{edge}{k}" for edge in x.edges})
            return derivative.full_simplify(expand=spelling == "expanded")

        return answer

    def is_evaluated(self, answer: Tensor) -> bool:
        """Whether no ``Derivative`` is left."""
        return not any(isinstance(node, Derivative) for node in postorder(answer))

    def value(self, answer: Tensor, point: Point) -> Array:
        """With the axes of the function, then those of the variable."""
        return evaluate(answer, point, _in_order(answer))

    def matrix_form(self, answer: Tensor) -> bool:
        """Whether ``to_index_free`` prints it without indices, and so that the text says which it is.

        It prints a matrix and its transpose alike, ``A`` for the gradient of ``tr(A X)``.
        """
        try:
            text = to_index_free(answer)
        except Exception:  # noqa: BLE001  # it fails in various ways
            return False
        if "_{" in text or len(answer.edges) > 2:
            return False
        if len(answer.edges) < 2:
            return True
        first, second = answer.edges
        transposed = answer.rename(**{first: second, second: first})
        return bool(to_index_free(transposed) != text or transposed.is_isomorphic(answer, True))


def _in_order(answer: Any) -> tuple[str, ...]:
    """Edges of the function, then of the variable for each order; rows before columns."""
    return tuple(sorted(answer.edges, key=lambda edge: (edge[1:], (ROW, COLUMN).index(edge[0]))))
