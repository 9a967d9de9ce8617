"""Products of matrices in pairs: what several chains share is multiplied once, the rest by size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matcalc.codegen import cost
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.items import (
    Item,
    flip,
    is_diagonal,
    is_inverse,
    item,
    times,
    transposed,
    whole_power,
)
from matcalc.codegen.kernels import DIAGONAL_OF_PRODUCT, STORED, TRACE_OF_PRODUCT, multi_dot
from matcalc.codegen.sharing import Sharing
from matcalc.core.expr import Apply, Constant, Expr
from matcalc.ops.constant import EYE
from matcalc.ops.elementwise import SQRT
from matcalc.ops.linalg import DIAG, DIAGONAL, INV, TRACE
from matcalc.ops.reduction import SUM
from matcalc.ops.structural import MATMUL, MATPOW, POWER, TRANSPOSE
from matcalc.passes.build import as_power, is_op
from matcalc.passes.properties import is_nonnegative, properties

#: Highest power of an inverse that is taken apart: each factor is one more system to solve. With more
#: of them the inverse is cheaper (``factorise.MANY``), and its power takes few products.
MOST_SOLUTIONS = 3


class Pairs:
    """Chains of matrices that are multiplied in one function."""

    def __init__(
        self,
        chains: Mapping[Expr, Sequence[Expr]],
        done: dict[Expr, Expr],
        sizes: cost.Sizes,
        dialect: Dialect,
    ) -> None:
        """Takes the factors of every chain; what becomes of each node is looked up in ``done``."""
        self._done = done
        self._dialect = dialect
        opened = {node: _opened(factors) for node, factors in chains.items()}
        self._sharing = Sharing(opened, sizes, dialect.squares)
        self._chains = self._sharing.chains
        #: The size symbols that decided what is shared.
        self.decided_by = self._sharing.decided_by

    def product(self, node: Expr) -> Expr:
        """The product of a chain."""
        return self._multiplied(self._chains[node])

    def diagonal(self, node: Expr) -> Expr:
        """The diagonal of the product of a chain, without the product."""
        items = list(self._chains[node])
        scales: list[Expr] = []
        while len(items) > 1 and (is_diagonal(items[0]) or is_diagonal(items[-1])):
            one, _ = items.pop(0 if is_diagonal(items[0]) else -1)
            self._finish(one)
            scales.append(self._done[one].args[0])
        if len(items) == 1:
            diagonal = DIAGONAL(self._multiplied(items))
        else:
            diagonal = DIAGONAL_OF_PRODUCT(*self._halves(node, items))
        return times([*scales, diagonal])

    def trace(self, node: Expr) -> Expr:
        """The trace of the product of a chain, without the product."""
        items = self._chains[node]
        if any(map(is_diagonal, items)) and len(items) > 1:
            return SUM(self.diagonal(node))
        if len(items) == 1:
            return TRACE(self._multiplied(items))
        return TRACE_OF_PRODUCT(*self._halves(node, items))

    def _halves(self, node: Expr, items: Sequence[Item]) -> list[Expr]:
        return [self._multiplied(half) for half in self._sharing.halves(node, items)]

    # -------------------------------------------------------------- one chain

    def _multiplied(self, items: Sequence[Item]) -> Expr:
        factors = self._factors(items)
        if self._dialect.squares and len(items) == 3 and items[0] == flip(items[-1]):
            centre, _ = items[1]
            if is_op(centre, DIAG) and is_nonnegative(centre.args[0]):
                # What becomes of a diagonal matrix is one (``order.py`` has no rule for them).
                assert is_op(factors[1], DIAG)
                root = MATMUL(DIAG(_root(factors[1].args[0])), factors[-1])
                return MATMUL(transposed(root), root)
        return self._ordered(factors)

    def _factors(self, items: Iterable[Item]) -> list[Expr]:
        found = []
        for node, turned in items:
            self._finish(node)
            found.append(transposed(self._done[node]) if turned else self._done[node])
        return found

    def _finish(self, shared: Expr) -> None:
        """Multiply the factors of a shared product, and of those that these are made of."""
        stack = [shared]
        while stack:
            node = stack[-1]
            chain = self._chains.get(node)
            below = node.args if chain is None else [factor for factor, _ in chain]
            missing = [] if node in self._done else [a for a in below if a not in self._done]
            stack.extend(missing)
            if missing:
                continue
            stack.pop()
            if node not in self._done:
                self._done[node] = self._finished(node)

    def _finished(self, node: Expr) -> Expr:
        if node in self._chains and is_op(node, MATMUL):
            return self._multiplied(self._chains[node])
        args = [self._done[arg] for arg in node.args]
        return node.op(*args) if isinstance(node, Apply) else node

    def _ordered(self, factors: Sequence[Expr]) -> Expr:
        """The factors multiplied in the best order that is known, or left to the call."""
        arrays, scales = _scales_apart(factors)
        if len(arrays) < 3:
            return in_pairs(arrays, {(0, 2): 1}, scales)
        splits, is_sure = _best_splits(arrays)
        if is_sure or any(map(is_inverse, arrays)):
            return in_pairs(arrays, splits, scales)
        first, *others = arrays
        scaled = [_scaled(scales[0], first, scales[1])]
        scaled += [
            _scaled(None, array, scale) for array, scale in zip(others, scales[2:], strict=True)
        ]
        if self._dialect.stored:
            # All but the last may come to stand on the left of another.
            scaled[:-1] = [STORED(e) if is_op(e, TRANSPOSE) else e for e in scaled[:-1]]
        return multi_dot(len(scaled))(*scaled)


def _root(e: Expr) -> Expr:
    """A column with the squares ``e``, which are not negative; its signs do not matter."""
    base, exponent = as_power(e)
    if exponent % 2:
        return SQRT(e)
    return base if exponent == 2 else POWER(base, Constant(exponent / 2))


def _opened(factors: Sequence[Expr]) -> list[Item]:
    """Factors without identities, low powers of inverses written out, diagonal matrices as such."""
    found: list[Item] = []
    for factor in factors:
        node, flipped = item(factor)
        if is_op(node, EYE):
            continue
        if is_op(node, MATPOW) and is_op(node.args[0], INV):
            exponent = whole_power(node, least=1)
            if exponent is not None and exponent <= MOST_SOLUTIONS:
                base = item(node.args[0])
                found += [flip(base) if flipped else base] * exponent
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


# ------------------------------------------------------------------ the order in one chain


def _best_splits(arrays: Sequence[Expr]) -> tuple[cost.Splits, bool]:
    """The cheapest order, and whether it is so whatever the sizes."""
    count = len(arrays)
    dims = [*(array.shape[0] for array in arrays), arrays[-1].shape[1]]
    if len(set(dims)) == 1 or count > cost.LONGEST_SEARCHED:
        return {(0, stop): stop - 1 for stop in range(2, count + 1)}, True
    is_sure = True

    def of_one(start: int, cut: int, stop: int) -> cost.Cost:
        return cost.of_product(dims[start], dims[cut], dims[stop])

    def pick(costs: Mapping[int, cost.Cost]) -> int:
        nonlocal is_sure
        best = min(costs, key=lambda cut: cost.typical(costs[cut]))
        is_sure &= all(cost.at_most(costs[best], other) for other in costs.values())
        return best

    _, splits = cost.best_splits(count, of_one, cost.total, pick)
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


def in_pairs(
    arrays: Sequence[Expr], splits: cost.Splits, scales: Sequence[Expr | None] = ()
) -> Expr:
    """The products in the order of the splits, each diagonal matrix where it meets an array first.

    Beside an inverse a diagonal matrix waits for the other factor: that product is a solution.
    """
    scales = scales or [None] * (len(arrays) + 1)
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
