"""A claim that is wrong, what may explain it, and derivatives in the forms that claims have."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps

from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import IndexExpr
from matcalc.errors import LimitProblem, UnsupportedProblem
from matcalc.passes.layout import Placement, placements
from matcalc.passes.recognise import vectorise
from matcalc.passes.simplify import simplify
from matcalc.passes.structure import at_point, structured_derivative

#: What finding a derivative may raise; one that would only explain a claim is then left out.
NOT_FOUND = (UnsupportedProblem, LimitProblem)

#: In matrix form, or in index notation in the tensor convention.
Formula = Expr | IndexExpr


@dataclass(frozen=True)
class Disagreement:
    """A claim that is wrong.

    Attributes:
        claim: as it was made.
        answer: the derivative in the same form; of another shape where the claim has a wrong one.
        f: the function.
        wrt: the variable.
        order: how often it is differentiated.
        structured: what the derivative by a variable with structure means.
        others: the other variables.
        tensor: the derivative in the tensor convention.
        rectangular: variables that are square only as long as all sizes are taken to be equal.
    """

    claim: Formula
    answer: Formula
    f: Formula
    wrt: Symbol
    order: int
    structured: str
    others: tuple[Symbol, ...]
    tensor: IndexExpr
    rectangular: frozenset[str] = frozenset()

    def where(self, symbol: Symbol, special: Symbol) -> Disagreement:
        """The same about a variable with more properties."""
        points: dict[Expr, Expr] = {symbol: special}

        def put(f: Formula) -> Formula:
            return at_point(f, points) if isinstance(f, IndexExpr) else substitute(f, points)

        answer = put(self.answer)
        return replace(
            self,
            claim=put(self.claim),
            answer=simplify(answer) if isinstance(answer, Expr) else answer,
            f=put(self.f),
            wrt=special if symbol is self.wrt else self.wrt,
            others=tuple(special if s is symbol else s for s in self.others),
            tensor=at_point(self.tensor, points),
        )


@dataclass(frozen=True)
class Slip:
    """A possible explanation.

    Attributes:
        text: what went wrong, with places for expressions.
        about: these expressions.
        value: a formula.
        of_claim: whether that is the claim put right, to be held against the derivative; else it is
            the derivative gone wrong, to be held against the claim.
    """

    text: str
    about: tuple[Formula, ...]
    value: Formula
    of_claim: bool = True


class Replayed:
    """Slips that are computed as they are asked for, and only once."""

    def __init__(self, source: Iterator[Slip]) -> None:
        self._source = source
        self._known: list[Slip] = []

    def __iter__(self) -> Iterator[Slip]:
        for number in itertools.count():
            if number == len(self._known):
                slip = next(self._source, None)
                if slip is None:
                    return
                self._known.append(slip)
            yield self._known[number]


def once_for_function(
    slips: Callable[[Disagreement], Iterator[Slip]],
) -> Callable[[Disagreement], Iterator[Slip]]:
    """The same slips, which depend on nothing but the derivative asked for, for every claim about it."""

    @wraps(slips)
    def replayed(d: Disagreement) -> Iterator[Slip]:
        if not isinstance(d.f, Expr):
            return
        key = (slips.__name__, d.wrt, d.order, d.structured)
        if key not in d.f.memo:
            d.f.memo[key] = Replayed(slips(d))
        yield from d.f.memo[key]

    return replayed


def derivative_forms(
    f: Expr, x: Symbol, order: int, convention: str = "ambient"
) -> Iterator[Formula]:
    """A derivative in all layouts."""
    try:
        tensor = structured_derivative(f, x, order, convention)
    except NOT_FOUND:
        return
    yield from placed_forms(f, x, order, tensor)


def placed_forms(f: Expr, x: Symbol, order: int, tensor: IndexExpr) -> Iterator[Formula]:
    """An array of the shape of a derivative in all layouts."""
    if len(tensor.free) > 2:
        yield tensor
    for placement in placements(tensor, f.shape, x.shape, order):
        matrix = placed(tensor, placement)
        if matrix is not None:
            yield matrix


def placed(tensor: IndexExpr, placement: Placement) -> Expr | None:
    """A derivative in the tensor convention as the matrix that a layout makes of it."""
    rows, columns = (
        tuple(tensor.free[k] for k in side[::-1]) for side in (placement.rows, placement.columns)
    )
    return vectorise(tensor, rows, columns)
