"""Costs as polynomials in the sizes, and what can be said of them before the sizes are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from matcalc.core.dim import Dim

#: Number of scalar products: coefficients by monomials, a monomial being its sorted size symbols.
Cost = Counter[tuple[str, ...]]

#: What a size symbol counts where no comparison holds for all sizes.
TYPICAL = 100


def of_product(rows: Dim, inner: Dim, columns: Dim) -> Cost:
    """Cost of one matrix product."""
    volume = rows * inner * columns
    return Counter({volume.symbols: volume.coefficient})


def total(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    found: Cost = Counter()
    for cost in costs:
        found.update(cost)
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
