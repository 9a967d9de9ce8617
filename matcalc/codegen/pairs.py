"""Products of matrices in pairs: what several chains share is multiplied once, the rest by size.

Sharing is found as in grammar compression (Re-Pair, Larsson and Moffat 1999): the pair of neighbours
that occurs most often, transposed or not, becomes one factor, until no pair occurs twice. The k
products of 2k - 1 factors in the gradient of tr(X A1 X A2 ... X Ak) cost O(k log k) products so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise

from matcalc.codegen import cost
from matcalc.codegen.kernels import DIAGONAL_OF_PRODUCT, TRACE_OF_PRODUCT, multi_dot
from matcalc.core.expr import Apply, Constant, Expr
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE
from matcalc.ops.elementwise import SQRT
from matcalc.ops.linalg import DIAG, DIAGONAL, INV, TRACE
from matcalc.ops.reduction import SUM
from matcalc.ops.structural import MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes.properties import is_nonnegative, is_symmetric, properties

#: Longest chain of which every order is looked at.
LONGEST = 10

#: The share of the count of the most frequent pair that makes a pair frequent.
FREQUENT = 0.75

#: Highest power of an inverse that is taken apart: each factor is one more system to solve.
LOW_POWER = 3

#: A node, and whether its transpose is meant.
Item = tuple[Expr, bool]


def item(node: Expr) -> Item:
    """The node without transposes around it; a symmetric matrix is its own."""
    flipped = False
    while is_op(node, TRANSPOSE):
        node, flipped = node.args[0], not flipped
    return node, flipped and not is_symmetric(node)


def flip(one: Item) -> Item:
    """The transpose."""
    node, flipped = one
    return node, not (flipped or is_symmetric(node))


def is_op(e: Expr, op: Operation) -> bool:
    """Whether ``e`` is an application of the operation."""
    return isinstance(e, Apply) and e.op is op


def transposed(e: Expr) -> Expr:
    """``e'``."""
    if is_op(e, TRANSPOSE):
        return e.args[0]
    return e if e.is_scalar else TRANSPOSE(e)


def times(factors: Sequence[Expr]) -> Expr:
    """The entry by entry product of one or more."""
    return factors[0] if len(factors) == 1 else TIMES(*factors)


def is_inverse(e: Expr) -> bool:
    """Whether it is an inverse or the transpose of one, so that its products are solutions."""
    return is_op(e.args[0] if is_op(e, TRANSPOSE) else e, INV)


class Pairs:
    """Chains of matrices that are multiplied in one function."""

    def __init__(
        self, chains: Mapping[Expr, Sequence[Expr]], done: dict[Expr, Expr], squares: bool
    ) -> None:
        """Takes the factors of every chain; what becomes of each node is looked up in ``done``."""
        self._done = done
        self._squares = squares
        self._chains = {node: _opened(factors) for node, factors in chains.items()}
        _share(self._chains)

    def product(self, node: Expr) -> Expr:
        """The product of a chain."""
        return self._multiplied(self._chains[node])

    def diagonal(self, node: Expr) -> Expr:
        """The diagonal of the product of a chain, without the product."""
        items = list(self._chains[node])
        scales: list[Expr] = []
        while len(items) > 1 and (_is_diagonal(items[0]) or _is_diagonal(items[-1])):
            one, _ = items.pop(0 if _is_diagonal(items[0]) else -1)
            self._finish(one)
            scales.append(self._done[one].args[0])
        if len(items) == 1:
            diagonal = DIAGONAL(self._multiplied(items))
        else:
            diagonal = DIAGONAL_OF_PRODUCT(*self._halves(items))
        return times([*scales, diagonal])

    def trace(self, node: Expr) -> Expr:
        """The trace of the product of a chain, without the product."""
        items = self._chains[node]
        if any(map(_is_diagonal, items)) and len(items) > 1:
            return SUM(self.diagonal(node))
        if len(items) == 1:
            return TRACE(self._multiplied(items))
        return TRACE_OF_PRODUCT(*self._halves(items))

    def _halves(self, items: Sequence[Item]) -> tuple[Expr, Expr]:
        return self._multiplied(items[:-1]), self._multiplied(items[-1:])

    # -------------------------------------------------------------- one chain

    def _multiplied(self, items: Sequence[Item]) -> Expr:
        half = len(items) // 2
        is_palindrome = all(
            items[k] == flip(items[-1 - k]) and not is_op(items[k][0], DIAG) for k in range(half)
        )
        if is_palindrome and len(items) > 1:
            centre = items[half][0] if len(items) % 2 else None
            root = self._root(centre, self._factors(items[-half:]))
            if root is not None:
                return MATMUL(transposed(root), root)
        return self._ordered(self._factors(items))

    def _root(self, centre: Expr | None, right: list[Expr]) -> Expr | None:
        """``Z`` with ``Z' Z`` the product of ``P' D P``: ``sqrt(D) P``, where it is worth it."""
        if centre is None:
            return self._ordered(right)
        if self._squares and is_op(centre, DIAG) and is_nonnegative(centre.args[0]):
            self._finish(centre)
            return MATMUL(DIAG(SQRT(self._done[centre].args[0])), self._ordered(right))
        return None

    def _factors(self, items: Iterable[Item]) -> list[Expr]:
        found = []
        for node, flipped in items:
            self._finish(node)
            found.append(transposed(self._done[node]) if flipped else self._done[node])
        return found

    def _finish(self, shared: Expr) -> None:
        """Multiply the pairs that a shared product is made of, and those that these are made of."""
        stack = [shared]
        while stack:
            node = stack[-1]
            missing = [] if node in self._done else [a for a in node.args if a not in self._done]
            stack.extend(missing)
            if missing:
                continue
            stack.pop()
            if node not in self._done:
                args = [self._done[arg] for arg in node.args]
                self._done[node] = node.op(*args) if isinstance(node, Apply) else node

    def _ordered(self, factors: Sequence[Expr]) -> Expr:
        """The factors multiplied in the best order that is known, or left to the call."""
        arrays, scales = _scales_apart(factors)
        if len(arrays) < 3:
            return _joined(arrays, scales, {(0, 2): 1})
        splits, is_sure = _best_splits(arrays)
        if is_sure or any(map(is_inverse, arrays)):
            return _joined(arrays, scales, splits)
        first, *others = arrays
        scaled = [_scaled(scales[0], first, scales[1])]
        scaled += [
            _scaled(None, array, scale) for array, scale in zip(others, scales[2:], strict=True)
        ]
        return multi_dot(len(scaled))(*scaled)


def _opened(factors: Sequence[Expr]) -> list[Item]:
    """Factors without identities, low powers of inverses written out, diagonal matrices as such."""
    found: list[Item] = []
    for factor in factors:
        node, flipped = item(factor)
        if is_op(node, EYE):
            continue
        if is_op(node, MATPOW) and is_op(node.args[0], INV):
            exponent = node.args[1]
            if isinstance(exponent, Constant) and exponent.value <= LOW_POWER:
                base = item(node.args[0])
                found += [flip(base) if flipped else base] * int(exponent.value)
                continue
        if "diagonal" in properties(node) and not is_op(node, DIAG):
            node = DIAG(_diagonal(node))
        found.append((node, flipped))
    return found or [item(factors[0])]


def _diagonal(e: Expr) -> Expr:
    """The entries of a matrix that is known to be diagonal."""
    if is_op(e, INV):
        return POWER(DIAGONAL(e.args[0]), Constant(-1))
    return DIAGONAL(e)


# ------------------------------------------------------------------ what chains share


def _share(chains: Mapping[Expr, list[Item]]) -> None:
    """Replace, in all chains, every pair of neighbours that occurs twice by one factor.

    All pairs that occur about as often as the most frequent one are replaced in one round, so that
    the rounds are few.
    """
    pair = cache(_pair)
    while True:
        counts = Counter(
            pair(a, b)[0]
            for chain in chains.values()
            for a, b in pairwise(chain)
            if not (_is_diagonal(a) or _is_diagonal(b))
        )
        most = max(counts.values(), default=1)
        if most == 1:
            return
        frequent = {found for found, count in counts.items() if count >= max(2, FREQUENT * most)}
        for chain in chains.values():
            _replace(chain, [pair(a, b) for a, b in pairwise(chain)], frequent)


def _replace(chain: list[Item], pairs: list[Item], frequent: set[Expr]) -> None:
    """Put frequent pairs, given for every factor and the next, in the places of their factors.

    Where two overlap, the older wins, so that all chains choose alike; what is older is computed for
    the function itself.
    """
    taken: set[int] = set()
    chosen: set[int] = set()
    places = [k for k, (product, _) in enumerate(pairs) if product in frequent]
    for place in sorted(places, key=lambda k: (pairs[k][0].uid, k)):
        if not taken & {place, place + 1}:
            chosen.add(place)
            taken |= {place, place + 1}
    chain[:] = [
        pairs[k] if k in chosen else one
        for k, one in enumerate(chain)
        if k in chosen or k not in taken
    ]


def _pair(left: Item, right: Item) -> Item:
    """The product of two neighbours: of it and its transpose the one with fewer transposes."""
    straight, turned = (left, right), (flip(right), flip(left))
    first, second = min(straight, turned, key=lambda two: (two[0][1] + two[1][1], two[0][0].uid))
    product = MATMUL(_plain(first), _plain(second))
    return product, (first, second) != straight and not is_symmetric(product)


def _plain(one: Item) -> Expr:
    node, flipped = one
    return TRANSPOSE(node) if flipped else node


def _is_diagonal(one: Item) -> bool:
    return is_op(one[0], DIAG)


# ------------------------------------------------------------------ the order in one chain

#: Where each stretch of factors, from the first up to before the second number, is cut in two.
Splits = Mapping[tuple[int, int], int]


def _best_splits(arrays: Sequence[Expr]) -> tuple[Splits, bool]:
    """The cheapest order, and whether it is so whatever the sizes."""
    count = len(arrays)
    dims = [*(array.shape[0] for array in arrays), arrays[-1].shape[1]]
    if len(set(dims)) == 1 or count > LONGEST:
        return {(0, stop): stop - 1 for stop in range(2, count + 1)}, True
    splits: dict[tuple[int, int], int] = {}
    costs: dict[tuple[int, int], cost.Cost] = {(k, k + 1): Counter() for k in range(count)}
    is_sure = True
    for width in range(2, count + 1):
        for start in range(count - width + 1):
            stop = start + width
            choices = {
                cut: cost.total(
                    (
                        costs[start, cut],
                        costs[cut, stop],
                        cost.of_product(dims[start], dims[cut], dims[stop]),
                    )
                )
                for cut in range(start + 1, stop)
            }
            best = min(choices, key=lambda cut: cost.typical(choices[cut]))
            is_sure &= all(cost.at_most(choices[best], other) for other in choices.values())
            splits[start, stop], costs[start, stop] = best, choices[best]
    return splits, is_sure


def _scales_apart(factors: Sequence[Expr]) -> tuple[list[Expr], list[Expr | None]]:
    """The matrices of a chain, and the diagonal ones before each of them and after the last."""
    arrays: list[Expr] = []
    scales: list[list[Expr]] = [[]]
    for factor in factors:
        if is_op(factor, DIAG):
            scales[-1].append(factor.args[0])
        else:
            arrays.append(factor)
            scales.append([])
    joined: list[Expr | None] = [DIAG(times(scale)) if scale else None for scale in scales]
    if arrays:
        return arrays, joined
    [only] = joined
    assert only is not None
    return [only], [None, None]


def _joined(arrays: Sequence[Expr], scales: Sequence[Expr | None], splits: Splits) -> Expr:
    """The products in the order of the splits, each diagonal matrix where it meets an array first.

    Beside an inverse a diagonal matrix waits for the other factor: that product is a solution.
    """
    products = {(k, k + 1): array for k, array in enumerate(arrays)}
    stack = [(0, len(arrays))]
    while stack:
        start, stop = stack[-1]
        if (start, stop) in products:
            stack.pop()
            continue
        cut = splits[start, stop]
        missing = [part for part in ((start, cut), (cut, stop)) if part not in products]
        stack.extend(missing)
        if not missing:
            left, right = products[start, cut], products[cut, stop]
            products[start, stop] = _product(left, scales[cut], right)
    return _scaled(scales[0], products[0, len(arrays)], scales[-1])


def _product(left: Expr, scale: Expr | None, right: Expr) -> Expr:
    if scale is None:
        return MATMUL(left, right)
    if is_inverse(right):
        return MATMUL(MATMUL(left, scale), right)
    if is_inverse(left):
        return MATMUL(left, MATMUL(scale, right))
    return MATMUL(left, scale, right)


def _scaled(left: Expr | None, array: Expr, right: Expr | None) -> Expr:
    factors = [factor for factor in (left, array, right) if factor is not None]
    return MATMUL(*factors) if len(factors) > 1 else array
