"""Costs: as polynomials in the sizes, of which some can be compared for all sizes, and as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TypeVar

from matcalc.core.dim import Dim

#: Number of scalar products: coefficients by monomials, a monomial being its sorted size symbols.
Cost = Counter[tuple[str, ...]]

#: Costs of any type.
C = TypeVar("C")

#: A number for each size symbol.
Sizes = Mapping[str, int]

#: What a size counts that is not known, where no comparison holds for all sizes. With all sizes alike
#: the degrees of costs decide: any number does that is larger than their coefficients.
USUAL_SIZE = 100

#: What reading or writing an entry of an array costs, in multiplications inside a product. With NumPy
#: and OpenBLAS it is 3 and 4 for matrices of 100 and 300 rows, and 17 at 1000, beyond the caches, where
#: products of matrices cost so much more that it does not matter.
ENTRY = 4

#: Longest chain of which all orders are looked at, which are 4862; the work grows with the cube of the
#: length, and costs that are polynomials are compared in pairs. A longer one is multiplied from the
#: left, and what it shares with others is found pair by pair.
LONGEST_SEARCHED = 10


def of_product(rows: Dim, inner: Dim, columns: Dim) -> Cost:
    """Cost of one matrix product."""
    volume = rows * inner * columns
    return Counter({volume.symbols: volume.coefficient})


def of_entries(dims: Iterable[Dim]) -> Cost:
    """Cost of writing an array."""
    found = Dim(ENTRY)
    for dim in dims:
        found *= dim
    return Counter({found.symbols: found.coefficient})


def product(rows: int, inner: int, columns: int) -> float:
    """Cost of one matrix product, as a number."""
    return rows * inner * columns + ENTRY * (rows * inner + inner * columns + rows * columns)


#: Where each stretch of factors, from the first up to before the second number, is cut in two.
Splits = Mapping[tuple[int, int], int]


def best_splits(
    count: int,
    of_one: Callable[[int, int, int], C],
    total: Callable[[Sequence[C]], C],
    pick: Callable[[Mapping[int, C]], int],
) -> tuple[C, Splits]:
    """The cost of the best order of a product of many, and the order, for costs of any type.

    Args:
        count: the number of factors.
        of_one: the cost of the one product of a stretch that begins, is cut and ends at these places.
        total: the sum of costs.
        pick: of the costs by the place of the cut, where the cheapest is cut.
    """
    best = {(k, k + 1): total(()) for k in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for width in range(2, count + 1):
        for start in range(count - width + 1):
            stop = start + width
            costs = {
                cut: total((best[start, cut], best[cut, stop], of_one(start, cut, stop)))
                for cut in range(start + 1, stop)
            }
            splits[start, stop] = pick(costs)
            best[start, stop] = costs[splits[start, stop]]
    return best[0, count], splits


def best_order(
    sizes: Sequence[int], squares: Container[tuple[int, int, int]] = ()
) -> tuple[float, Splits]:
    """``best_splits`` where the sizes are numbers, given in turn.

    In ``squares`` stand the beginning, the cut and the end of products that cost half.
    """

    def of_one(*stretch: int) -> float:
        start, cut, stop = stretch
        whole = product(sizes[start], sizes[cut], sizes[stop])
        return whole * (0.5 if stretch in squares else 1.0)

    return best_splits(len(sizes) - 1, of_one, sum, lambda costs: min(costs, key=costs.__getitem__))


def in_order(sizes: Sequence[int], splits: Splits) -> float:
    """The cost of a product of many in this order."""
    found = 0.0
    stack = [(0, len(sizes) - 1)]
    while stack:
        start, stop = stack.pop()
        if stop - start > 1:
            cut = splits[start, stop]
            found += product(sizes[start], sizes[cut], sizes[stop])
            stack += [(start, cut), (cut, stop)]
    return found


def total(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    found: Cost = Counter()
    for cost in costs:
        found.update(cost)
    return found


def evaluate(cost: Cost, sizes: Sizes) -> float:
    """The number that the cost is."""
    found = 0.0
    for monomial, count in cost.items():
        value = float(count)
        for symbol in monomial:
            value *= sizes[symbol]
        found += value
    return found


def at_most(left: Cost, right: Cost) -> bool:
    """Whether ``left <= right`` is sure for all sizes from 1.

    Every monomial on the left must be covered by monomials on the right that it divides. That is
    sufficient, not necessary.
    """
    spare = right - left
    for monomial, count in sorted((left - right).items(), key=lambda item: -len(item[0])):
        missing = count
        for other in sorted(spare, key=len):
            if missing and not Counter(monomial) - Counter(other):
                covered = min(missing, spare[other])
                spare[other] -= covered
                missing -= covered
        if missing:
            return False
    return True


def typical(cost: Cost) -> int:
    """The number that the cost is where all unknown sizes are alike."""
    return sum(count * USUAL_SIZE ** len(monomial) for monomial, count in cost.items())
