"""What chains of matrices have in common, multiplied once where that costs less.

Of a few chains every common stretch is tried, and the one that saves most at the given sizes is
taken, until none saves anything. ``B' A' A B`` has ``A B`` twice: it is a square, unless ``A' A`` is small.

Of many factors it is done as in grammar compression (Re-Pair, Larsson and Moffat 1999): the pair of
neighbours that occurs most often, transposed or not, becomes one factor, until no pair occurs twice.
The k products of 2k - 1 factors in the gradient of tr(X A1 X A2 ... X Ak) cost O(k log k) products so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

from matcalc.codegen import cost
from matcalc.codegen.items import Item, flip, flipped, is_diagonal, item, plain
from matcalc.core.expr import Expr
from matcalc.ops.linalg import DIAGONAL, TRACE
from matcalc.ops.structural import MATMUL
from matcalc.passes.properties import is_symmetric

#: The factors of every product that is formed.
Chains = dict[Expr, list[Item]]

#: Of more factors in all chains (or of more than ``cost.LONGEST_SEARCHED`` in one) pairs are shared, and not
#: the stretches that save most. That takes 10 to 20% more products, but far less time: for the 8 chains of 15
#: factors of the gradient of tr(X A1 X A2 ... X A8) 2 ms instead of 170. Those of 4 are within the limit.
MOST_FACTORS = 32

#: The share of the count of the most frequent pair that makes a pair frequent. At 1, with most rounds, the
#: gradient of tr(X A1 X A2 ... X A200) takes 10% fewer products, but 1.3 times as long to find;
#: at 1/2 6% more, in about the same time.
FREQUENT = 0.75


class Sharing:
    """Chains that share what saves most.

    Attributes:
        chains: the factors of every product, those of the shared products included.
        decided_by: the size symbols that decided what is shared.
    """

    def __init__(
        self, chains: Mapping[Expr, Sequence[Item]], sizes: cost.Sizes, squares: bool
    ) -> None:
        """Takes the chains, the sizes at which they are cheap, and whether ``Z' Z`` costs half.

        The product of a chain that belongs to a trace or a diagonal is not formed.
        """
        self.chains: Chains = {node: list(items) for node, items in chains.items()}
        self.decided_by: set[str] = set()
        self._sizes = sizes
        self._squares = squares
        self._cost = cache(self._cost_of)
        self._halves = cache(self._halves_of)
        self._seen: dict[tuple[Item, ...], None] = {}
        lengths = [len(items) for items in self.chains.values()]
        if sum(lengths) <= MOST_FACTORS and max(lengths, default=0) <= cost.LONGEST_SEARCHED:
            self._share_what_saves_most()
        else:
            _Neighbours(self.chains).share()

    # -------------------------------------------------------------- few chains

    def _share_what_saves_most(self) -> None:
        while True:
            best, lowest = None, self._total(self.chains)
            for stretch in self._common_stretches():
                self.decided_by.update(
                    symbol for node, _ in stretch for dim in node.shape for symbol in dim.symbols
                )
                chains = self._with(stretch)
                if (total := self._total(chains)) < lowest:
                    best, lowest = chains, total
            if best is None:
                return
            self.chains = best

    def _common_stretches(self) -> list[tuple[Item, ...]]:
        """The stretches that occur at least twice, transposed or not."""
        counts: Counter[tuple[Item, ...]] = Counter()
        for chain in self.chains.values():
            for width in range(2, len(chain) + 1):
                last: dict[tuple[Item, ...], int] = {}
                for start in range(len(chain) - width + 1):
                    stretch = self._canonical(tuple(chain[start : start + width]))
                    if last.get(stretch, start) <= start and not (
                        is_diagonal(stretch[0]) or is_diagonal(stretch[-1])
                    ):
                        counts[stretch] += 1
                        last[stretch] = start + width
        return [stretch for stretch, number in counts.items() if number > 1]

    def _canonical(self, stretch: tuple[Item, ...]) -> tuple[Item, ...]:
        """Of a stretch and its transpose the one with fewer transposes, or met first."""
        turned = flipped(stretch)
        one, other = (sum(flag for _, flag in items) for items in (stretch, turned))
        if one < other or (one == other and turned not in self._seen):
            self._seen.setdefault(stretch)
            return stretch
        return turned

    def _with(self, stretch: tuple[Item, ...]) -> Chains:
        """The chains with the product of a stretch in its places."""
        product = MATMUL(*map(plain, stretch))
        turned = flipped(stretch)
        found: Chains = {product: list(stretch)}
        for node, chain in self.chains.items():
            if node is product:
                continue
            new: list[Item] = []
            start = 0
            while start < len(chain):
                part = tuple(chain[start : start + len(stretch)])
                if part in (stretch, turned):
                    is_turned = part != stretch and not is_symmetric(product)
                    new.append((product, is_turned))
                    start += len(stretch)
                else:
                    new.append(chain[start])
                    start += 1
            found[node] = new
        return found

    def _total(self, chains: Chains) -> float:
        return sum(self._cost_for(node, tuple(chain)) for node, chain in chains.items())

    def _cost_for(self, node: Expr, chain: tuple[Item, ...]) -> float:
        if node.op not in (TRACE, DIAGONAL):
            return self._cost(chain)
        return sum(map(self._cost, self._halves(chain, node.op is TRACE)))

    def halves(self, node: Expr, chain: Sequence[Item]) -> tuple[tuple[Item, ...], ...]:
        """The two products of which a trace or a diagonal is taken, ``tr(A B C)`` of ``A B`` and ``C``."""
        return self._halves(tuple(chain), node.op is TRACE)

    def _halves_of(
        self, chain: tuple[Item, ...], is_cyclic: bool
    ) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        """The cheapest two runs of factors; those of a trace may be turned round."""
        turns = range(len(chain) if is_cyclic and len(chain) <= cost.LONGEST_SEARCHED else 1)
        pairs = [
            (turned[:cut], turned[cut:])
            for turned in (chain[turn:] + chain[:turn] for turn in turns)
            for cut in range(len(chain) - 1, 0, -1)
            if len(chain) <= cost.LONGEST_SEARCHED or cut == len(chain) - 1
        ]
        return min(pairs, key=lambda pair: sum(map(self._cost, pair)), default=(chain, ()))

    def _cost_of(self, chain: tuple[Item, ...]) -> float:
        """Of the products of a chain in the best order."""
        arrays = [one for one in chain if not is_diagonal(one)]
        if len(arrays) < 2:
            return 0.0
        shapes = [node.shape[::-1] if turned else node.shape for node, turned in arrays]
        dims = [shapes[0][0], *(columns for _, columns in shapes)]
        squares = set(_squares(arrays)) if self._squares else set()
        return cost.best_order([dim.evaluate(self._sizes) for dim in dims], squares)[0]


def _squares(arrays: Sequence[Item]) -> Iterator[tuple[int, int, int]]:
    """Where products of a stretch with its transpose begin, where they are cut, and where they end."""
    for cut in range(1, len(arrays)):
        for width in range(1, min(cut, len(arrays) - cut) + 1):
            if arrays[cut - width] != flip(arrays[cut + width - 1]):
                break
            yield cut - width, cut, cut + width


# ------------------------------------------------------------------ many factors


class _Neighbours:
    """The pairs of neighbours of chains, with what is needed to choose among them."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._products: Chains = {}
        self._ages: dict[Expr, int] = {}
        for node, items in chains.items():
            for factor, _ in items:
                self._ages.setdefault(factor, len(self._ages))
            self._ages.setdefault(node, len(self._ages))
        self._pair = cache(self._pair_of)

    def share(self) -> None:
        """Replace, in all chains, every pair of neighbours that occurs twice by one factor.

        All pairs that occur about as often as the most frequent one are replaced in one round, so
        that the rounds are few.
        """
        while True:
            counts = Counter(
                self._pair(a, b)[0]
                for chain in self._chains.values()
                for a, b in pairwise(chain)
                if not (is_diagonal(a) or is_diagonal(b))
            )
            most = max(counts.values(), default=1)
            if most == 1:
                self._chains.update(self._products)
                return
            least = max(2, FREQUENT * most)
            frequent = [product for product, number in counts.items() if number >= least]
            for product in frequent:
                self._products[product] = [item(arg) for arg in product.args]
            for chain in self._chains.values():
                self._replace(chain, frozenset(frequent))

    def _replace(self, chain: list[Item], frequent: frozenset[Expr]) -> None:
        """Put frequent pairs in the places of their factors.

        Where two overlap, the older wins, so that all chains choose alike; what is older is computed
        for the function itself.
        """
        pairs = [self._pair(a, b) for a, b in pairwise(chain)]
        taken: set[int] = set()
        chosen: set[int] = set()
        places = [k for k, (product, _) in enumerate(pairs) if product in frequent]
        for place in sorted(places, key=lambda k: (self._ages[pairs[k][0]], k)):
            if not taken & {place, place + 1}:
                chosen.add(place)
                taken |= {place, place + 1}
        chain[:] = [
            pairs[k] if k in chosen else one
            for k, one in enumerate(chain)
            if k in chosen or k not in taken
        ]

    def _pair_of(self, left: Item, right: Item) -> Item:
        """The product of two neighbours: of it and its transpose the one with fewer transposes."""
        straight, turned = (left, right), flipped((left, right))
        first, second = min(straight, turned, key=self._rank)
        product = MATMUL(plain(first), plain(second))
        self._ages.setdefault(product, len(self._ages))
        return product, (first, second) != straight and not is_symmetric(product)

    def _rank(self, pair: Sequence[Item]) -> tuple[int, int]:
        return sum(turned for _, turned in pair), self._ages[pair[0][0]]
