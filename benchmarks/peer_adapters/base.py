"""What the benchmark asks of a package, and how a matcalc expression is translated for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.operation import Operation

Array = npt.NDArray[Any]


class NotExpressible(Exception):
    """The package has no notation for this function."""


class Malformed(Exception):
    """An answer that contradicts itself, as by a product of matrices whose sizes do not fit."""


@dataclass(frozen=True)
class Question:
    """One derivative to find.

    Attributes:
        text: the function in matcalc's language.
        shapes, assume: what is known of its variables, as ``matcalc.diff`` takes it.
        f: the function, read; ``None`` where matcalc cannot read it.
        wrt: the variable.
        order: how often to differentiate.
        structured: what the derivative by a structured variable means, empty for the ambient one.
    """

    text: str
    shapes: Mapping[str, tuple[str, ...]]
    assume: Mapping[str, Sequence[str]]
    f: Expr | None
    wrt: Symbol
    order: int
    structured: str = ""


@dataclass(frozen=True)
class Point:
    """Where an answer is evaluated: numbers for the sizes, arrays (unit axes dropped) by variable."""

    sizes: Mapping[str, int]
    arrays: Mapping[str, Array]


class Adapter(ABC):
    """One package: how it is asked, and how its answers are read."""

    #: Distributions whose versions the table shows.
    packages: tuple[str, ...]

    #: Names of the ways in which the package's users may put a question; the best answer counts.
    spellings: tuple[str, ...] = ("",)

    @abstractmethod
    def pose(self, question: Question, spelling: str) -> Callable[[], Any]:
        """The question in the package's own notation: a call that answers it.

        Raises:
            NotExpressible: there is no such notation.
        """

    @abstractmethod
    def is_evaluated(self, answer: Any) -> bool:
        """Whether no derivative is left in the answer."""

    @abstractmethod
    def value(self, answer: Any, point: Point) -> Array:
        """The answer at a point.

        Raises:
            Malformed: it has no value.
        """

    @abstractmethod
    def matrix_form(self, answer: Any) -> bool:
        """Whether the answer is written with matrices, without indices and numbers of axes."""

    def forget(self) -> None:  # noqa: B027  # most packages remember nothing
        """Drop what was remembered from earlier questions, which would be timed as free."""


def ambient(question: Question) -> Expr:
    """The function of a question about a variable whose entries are independent.

    Raises:
        NotExpressible: it is about free parameters or tangents, or could not be read.
    """
    if question.structured:
        raise NotExpressible(f"derivative by a matrix with structure: {question.structured}")
    if question.f is None:
        raise NotExpressible("a function outside matcalc's language")
    return question.f


def translate(
    f: Expr,
    leaf: Callable[[Symbol | Constant | Size], Any],
    apply: Callable[[Apply, list[Any]], Any],
) -> dict[Expr, Any]:
    """The images of the expression and of all expressions in it."""
    images: dict[Expr, Any] = {}
    for node in postorder(f):
        if isinstance(node, Apply):
            images[node] = apply(node, [images[arg] for arg in node.args])
        else:
            assert isinstance(node, Symbol | Constant | Size)
            images[node] = leaf(node)
    return images


def lacking(op: Operation) -> NotExpressible:
    """The refusal for an operation that a package lacks."""
    return NotExpressible(f"no {op.name}")
