"""Orders of composite indices, and the commutation matrices between them.

``I ⊗ commutation ⊗ I`` exchanges two neighbouring runs of the indices of a row. Every order is reached by
a few such exchanges; a breadth-first search finds the fewest.

Source: Magnus and Neudecker, Matrix Differential Calculus, section 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import TypeVar

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Expr, Size
from matcalc.core.index import Index
from matcalc.ops.constant import COMMUTATION
from matcalc.ops.structural import KRON
from matcalc.passes.build import eye
from matcalc.passes.products import product

T = TypeVar("T")

#: Orders of more indices than this are not to be asked for: there are too many.
MOST_INDICES = 6

Order = tuple[int, ...]

#: The run between the first two places exchanged with the run between the last two.
Exchange = tuple[int, int, int]


def swaps(given: Sequence[Index], wanted: Sequence[Index]) -> int:
    """How many exchanges lead from one order to the other."""
    return len(_path(given, wanted))


def rearranged(given: Sequence[Index], wanted: Sequence[Index]) -> Expr:
    """The matrix P with rows in the wanted and columns in the given order: ``P vec(X) = vec(X')``."""
    order = list(given)
    matrices: list[Expr] = []
    for start, middle, end in _path(given, wanted):
        before, after = _size(order[:start]), _size(order[end:])
        slow, fast = _size(order[start:middle]), _size(order[middle:end])
        exchanged = COMMUTATION(Size(fast), Size(slow))
        sides = [None if dim.is_unit else eye(dim) for dim in (before, after)]
        parts = [part for part in (sides[0], exchanged, sides[1]) if part is not None]
        matrices.insert(0, KRON(*parts) if len(parts) > 1 else exchanged)
        order = _exchanged(order, (start, middle, end))
    return product(*matrices) if matrices else eye(_size(given))


def _exchanged(order: Sequence[T], exchange: Exchange) -> list[T]:
    start, middle, end = exchange
    return [*order[:start], *order[middle:end], *order[start:middle], *order[end:]]


def _path(given: Sequence[Index], wanted: Sequence[Index]) -> tuple[Exchange, ...]:
    """The exchanges that lead from one order to the other."""
    return _paths(len(given))[tuple(given.index(index) for index in wanted)]


@cache
def _paths(count: int) -> dict[Order, tuple[Exchange, ...]]:
    """For every order of so many indices the shortest list of exchanges."""
    found: dict[Order, tuple[Exchange, ...]] = {tuple(range(count)): ()}
    newest = list(found)
    while newest:
        reached: list[Order] = []
        for order in newest:
            for exchange in _exchanges(count):
                after = tuple(_exchanged(order, exchange))
                if after not in found:
                    found[after] = (*found[order], exchange)
                    reached.append(after)
        newest = reached
    return found


def _exchanges(count: int) -> Iterator[Exchange]:
    return combinations(range(count + 1), 3)


def _size(indices: Sequence[Index]) -> Dim:
    result = ONE
    for index in indices:
        result = result * index.dim
    return result
