"""Costs: as polynomials in the sizes, of which some can be compared for all sizes, and as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from matcalc.core.dim import Dim

#: Number of scalar products: coefficients by monomials, a monomial being its sorted size symbols.
Cost = Counter[tuple[str, ...]]

#: A number for each size symbol.
Sizes = Mapping[str, int]

#: What a size symbol counts where no comparison holds for all sizes.
TYPICAL = 100

#: What reading or writing an entry of an array costs, in multiplications inside a product.
ENTRY = 4


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


def best_order(
    sizes: Sequence[int], squares: Container[tuple[int, int, int]] = ()
) -> tuple[float, Splits]:
    """The cost of the best order of a product of many, of which these are the sizes in turn, and the order.

    In ``squares`` stand the beginning, the cut and the end of products that cost half.
    """
    count = len(sizes) - 1
    best = {(k, k + 1): 0.0 for k in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for width in range(2, count + 1):
        for start in range(count - width + 1):
            stop = start + width
            costs = {
                cut: best[start, cut]
                + best[cut, stop]
                + product(sizes[start], sizes[cut], sizes[stop])
                * (0.5 if (start, cut, stop) in squares else 1.0)
                for cut in range(start + 1, stop)
            }
            splits[start, stop] = min(costs, key=costs.__getitem__)
            best[start, stop] = costs[splits[start, stop]]
    return best[0, count], splits


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
    return sum(count * TYPICAL ** len(monomial) for monomial, count in cost.items())
