"""The order of the products in every chain, by cost.

Products with a vector start at the vector: every matrix is then read once, and no order reads less.
For that, sums and products that are only multiplied with vectors are not formed at all: ``(X' X + a I) w``
is ``X' (X w) + a w``. Products of matrices are shared among chains first, and then ordered
by their sizes (``pairs.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from matcalc.codegen import cost
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.items import (
    Item,
    flip,
    item,
    plain,
    replanned,
    stretches,
    times,
    transposed,
    whole_power,
)
from matcalc.codegen.pairs import Pairs
from matcalc.core.dim import ONE
from matcalc.core.expr import Apply, Constant, Expr, Size, postorder, users
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE
from matcalc.ops.reduction import SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, MATMUL, MATPOW, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.properties import properties

#: With more vectors than this a matrix is formed, and then multiplied with them.
FEW_VECTORS = 4

#: How many factors of a chain, from its vector, are compared with other chains: all beginnings
#: together are as long as the square of it. Chains that part later share what they have in common
#: all the same, since both begin at the vector; only where ``a' B c`` is cut is then a guess.
LONGEST_COMPARED = 32

#: Highest power of a matrix that is applied to a vector factor by factor. Squaring takes fewer steps
#: from there on, but of matrices; this only bounds how long the code gets.
MOST_APPLICATIONS = 8

#: What applying one node to a vector asks for: other nodes, applied to other vectors.
Steps = Generator[tuple[Item, Expr], Expr | None, Expr]


class Ordered(NamedTuple):
    """The same values with all products in pairs.

    Attributes:
        roots: the new forms of the roots.
        decided_by: the size symbols that decided what is multiplied once; others might decide otherwise.
    """

    roots: list[Expr]
    decided_by: set[str]


def order(roots: Sequence[Expr], dialect: Dialect, sizes: cost.Sizes) -> Ordered:
    """The expressions with all products in pairs, in the order that is best at these sizes.

    Args:
        roots: what is computed in one function.
        dialect: the array library.
        sizes: sizes that are usual.
    """
    ordering = _Ordering(roots, dialect, sizes)
    return Ordered(ordering.ordered(roots), ordering.decided_by)


class _Ordering:
    """Which products of a function are formed, and the new forms of its nodes that have been found.

    Attributes:
        decided_by: the size symbols that decided what is multiplied once.
    """

    def __init__(self, roots: Sequence[Expr], dialect: Dialect, sizes: cost.Sizes) -> None:
        self._nodes = list(postorder(*roots))
        self._users = users(self._nodes)
        self._implicit = _never_formed(self._nodes, self._users, roots)
        self._done: dict[Expr, Expr] = {}
        self._applied: dict[tuple[Item, Expr], Expr] = {}
        chains = {node: chain for node in self._nodes if (chain := self._matrix_chain(node))}
        self._pairs = Pairs(chains, self._done, sizes, dialect)
        self.decided_by = self._pairs.decided_by
        #: What takes entries or sums of a matrix that is not formed.
        self._taken: dict[Operation, Callable[[Apply], Expr]] = {
            TRACE: self._pairs.trace,
            DIAGONAL: self._pairs.diagonal,
            SUM: self._sum,
            SUM_1: self._sum_of_columns,
            SUM_2: self._sum_of_rows,
        }
        self._wanted = self._demanded_vectors()

    def ordered(self, roots: Sequence[Expr]) -> list[Expr]:
        """The new forms of the roots, for which those of all nodes below are found."""
        for node in self._nodes:
            if node not in self._implicit:
                self._done[node] = self._new(node)
        return [self._done[root] for root in roots]

    def _new(self, node: Expr) -> Expr:
        """The new form of a node, given those of its arguments that are formed."""
        if isinstance(node, Apply):
            if node.op is MATMUL:
                return self._product(node)
            if node.op is TIMES:
                return self._scaled(node)
            if node.op in self._taken and node.args[0] in self._implicit:
                return self._taken[node.op](node)
        return replanned(node, self._done)

    # -------------------------------------------------------------- chains of matrices

    def _matrix_chain(self, node: Expr) -> Sequence[Expr]:
        """The factors of a product of matrices that is formed, or whose trace or diagonal is taken."""
        if not isinstance(node, Apply):
            return ()
        if node.op is MATMUL and node not in self._implicit and not _has_vectors(node):
            return node.args
        if node.op in (TRACE, DIAGONAL) and node.args[0] in self._implicit:
            inner = node.args[0]
            return [plain(factor) for factor in _factors(inner)] if isinstance(inner, Apply) else ()
        return ()

    # -------------------------------------------------------------- chains with vectors

    def _product(self, node: Apply) -> Expr:
        if not _has_vectors(node):
            return self._pairs.product(node)
        first, *others = [self._stretch(stretch) for stretch in stretches(node.args)]
        if not others:
            return first
        *scalars, last = others
        if first.is_scalar or last.is_scalar:
            return times([*scalars, first, last] if last.is_scalar else [first, *scalars, last])
        return MATMUL(times([*scalars, first]), last)

    def _scaled(self, node: Apply) -> Expr:
        """Numbers that multiply an outer product multiply its column instead."""
        *scalars, array = node.args
        if array in self._implicit or not all(arg.is_scalar for arg in scalars):
            return replanned(node, self._done)
        new = self._done[array]
        # A minus costs nothing in a sum.
        is_term = scalars == [Constant(-1)] and all(user.op is ADD for user in self._users[node])
        if not _is_outer_product(new) or array.is_scalar or (is_term and self._users[node]):
            return replanned(node, self._done)
        column, row = new.args
        return MATMUL(times([*(self._done[arg] for arg in scalars), column]), row)

    def _stretch(self, factors: Sequence[Expr]) -> Expr:
        """A product that has a vector at one end, or at both."""
        if len(factors) == 1:
            return self._done[factors[0]]
        is_column, is_row = factors[-1].shape[1].is_unit, factors[0].shape[0].is_unit
        if not is_row:
            return self._folded(factors[:-1], self._done[factors[-1]])
        left = transposed(self._done[factors[0]])
        if not is_column:
            matrices = [flip(item(factor)) for factor in factors[:0:-1]]
            return transposed(self._folded(matrices, left))
        cut = self._best_cut(factors)
        left = self._folded([flip(item(factor)) for factor in factors[cut - 1 : 0 : -1]], left)
        right = self._folded(factors[cut:-1], self._done[factors[-1]])
        return _dot(left, right)

    def _folded(self, matrices: Sequence[Expr | Item], vector: Expr) -> Expr:
        for matrix in reversed(matrices):
            vector = self._apply(matrix if isinstance(matrix, tuple) else item(matrix), vector)
        return vector

    def _demanded_vectors(self) -> set[tuple[Item, ...]]:
        """The beginnings, from the vector, of all chains that have one vector only."""
        found: set[tuple[Item, ...]] = set()
        for node in self._nodes:
            if not (isinstance(node, Apply) and node.op is MATMUL and _has_vectors(node)):
                continue
            for stretch in stretches(node.args):
                is_column, is_row = stretch[-1].shape[1].is_unit, stretch[0].shape[0].is_unit
                if is_column != is_row:
                    found.update(_beginnings(_from_vector(stretch, is_column)))
        return found

    def _best_cut(self, factors: Sequence[Expr]) -> int:
        """How many factors of ``a' B c`` belong to the row: those that another chain needs as well."""
        from_left = _beginnings(_from_vector(factors[:-1], False))
        from_right = _beginnings(_from_vector(factors[1:], True))
        if not any(beginning in self._wanted for beginning in from_right):
            return len(factors) - 1
        return 1 + sum(beginning in self._wanted for beginning in from_left)

    def _sum(self, node: Apply) -> Expr:
        return SUM(self._sum_of_rows(node))

    def _sum_of_rows(self, node: Apply) -> Expr:
        (matrix,) = node.args
        return self._apply(item(matrix), _ones(matrix, 1))

    def _sum_of_columns(self, node: Apply) -> Expr:
        (matrix,) = node.args
        return transposed(self._apply(flip(item(matrix)), _ones(matrix, 0)))

    # -------------------------------------------------------------- a matrix applied to a vector

    def _apply(self, matrix: Item, vector: Expr) -> Expr:
        """The matrix times the vector; with a stack of its own, since sums nest as deep as one likes."""
        running = [self._steps(matrix, vector)]
        answer: Expr | None = None
        while running:
            try:
                task = running[-1].send(answer)
            except StopIteration as stop:
                running.pop()
                answer = stop.value
            else:
                running.append(self._steps(*task))
                answer = None
        assert answer is not None
        return answer

    def _steps(self, matrix: Item, vector: Expr) -> Steps:
        """Asks for the products that it needs, and returns its own."""
        if (matrix, vector) not in self._applied:
            self._applied[matrix, vector] = yield from self._linear_form(*matrix, vector)
        return self._applied[matrix, vector]

    def _linear_form(self, node: Expr, flipped: bool, vector: Expr) -> Steps:
        if node not in self._implicit:
            return _times_vector(self._done[node], flipped, vector)
        assert isinstance(node, Apply)
        if node.op is ADD:
            terms = []
            for term in node.args:
                applied = yield _turned(term, flipped), vector
                terms.append(_given(applied))
            return ADD(*terms)
        if node.op is TIMES:
            *scalars, array = node.args
            applied = yield _turned(array, flipped), vector
            return times([*(self._done[arg] for arg in scalars), _given(applied)])
        for factor in _factors(node) if flipped else _factors(node)[::-1]:
            vector = _given((yield flip(factor) if flipped else factor, vector))
        return vector


# ------------------------------------------------------------------ what is formed and what is not


def _never_formed(
    nodes: Sequence[Expr], used_by: dict[Expr, list[Apply]], roots: Sequence[Expr]
) -> dict[Expr, int]:
    """Matrices that are only multiplied with few vectors, with the number of vectors.

    Products of which the trace or the diagonal is taken count as none: their factors are formed.
    """
    formed = set(roots)
    found: dict[Expr, int] = {}
    for node in reversed(nodes):
        if node in formed or not _is_linear_form(node):
            continue
        others = [user for user in used_by[node] if not _takes_few_entries(user)]
        is_taken_from = len(others) < len(used_by[node])
        if is_taken_from and node.op not in (MATMUL, MATPOW):
            continue
        count = sum(_vectors(node, user, found) for user in others)
        if count <= FEW_VECTORS:
            found[node] = 0 if is_taken_from else count
    return found


def _is_linear_form(node: Expr) -> bool:
    """Whether applying the matrix to a vector can be left to its parts."""
    if not isinstance(node, Apply) or _has_unit_axis(node):
        return False
    if node.op is TIMES:
        return all(arg.is_scalar for arg in node.args[:-1])
    if node.op is MATPOW:
        exponent = whole_power(node, least=0)
        return exponent is not None and exponent <= MOST_APPLICATIONS
    return node.op in (ADD, MATMUL, TRANSPOSE, EYE)


def _takes_few_entries(user: Apply) -> bool:
    return user.op in (TRACE, DIAGONAL)


def _vectors(node: Expr, user: Apply, implicit: dict[Expr, int]) -> int:
    """The number of vectors that a user multiplies the matrix with; beyond all bounds for an array."""
    if implicit.get(user):
        return implicit[user] * user.args.count(node)
    if user.op in (SUM, SUM_1, SUM_2):
        return 1
    if user.op is MATMUL and _has_vectors(user):
        return sum(s.count(node) for s in stretches(user.args) if len(s) > 1)
    return FEW_VECTORS + 1


def _factors(node: Apply) -> list[Item]:
    """The matrices that a product, a power or an identity is the product of."""
    if node.op is MATPOW:
        exponent = whole_power(node, least=0)
        assert exponent is not None
        return [item(node.args[0])] * exponent
    return [item(arg) for arg in node.args] if node.op is MATMUL else []


def _given(answer: Expr | None) -> Expr:
    """What a step was sent; only the first call of a generator sends nothing."""
    assert answer is not None
    return answer


def _turned(node: Expr, flipped: bool) -> Item:
    return flip(item(node)) if flipped else item(node)


def _has_unit_axis(e: Expr) -> bool:
    return any(dim.is_unit for dim in e.shape)


# ------------------------------------------------------------------ parts of a product


def _has_vectors(product: Apply) -> bool:
    """Whether vectors stand in it or at its ends, so that it is multiplied from there."""
    return any(_has_unit_axis(factor) for factor in product.args)


def _from_vector(stretch: Sequence[Expr], is_column: bool) -> list[Item]:
    """A chain as it is multiplied, a column first: that of the transpose where it is a row."""
    if is_column:
        return [item(factor) for factor in reversed(stretch)]
    return [flip(item(factor)) for factor in stretch]


def _beginnings(chain: Sequence[Item]) -> list[tuple[Item, ...]]:
    return [tuple(chain[:length]) for length in range(2, min(len(chain), LONGEST_COMPARED) + 1)]


def _times_vector(matrix: Expr, flipped: bool, vector: Expr) -> Expr:
    """The product with a column; the matrix may itself be a vector, and the column a number."""
    if flipped and _is_outer_product(matrix):
        matrix = MATMUL(*map(transposed, reversed(matrix.args)))
    elif flipped:
        matrix = transposed(matrix)
    if vector.is_scalar or matrix.is_scalar:
        return construct.hadamard([vector, matrix])
    if "diagonal" in properties(matrix):
        diagonal = matrix.args[0] if is_op(matrix, DIAG) else DIAGONAL(matrix)
        return times([diagonal, vector])
    if is_op(matrix, ONES):
        total = Size(vector.shape[0]) if is_op(vector, ONES) else SUM(vector)
        return total if matrix.shape[0].is_unit else times([total, ONES(matrix.args[0], Size(ONE))])
    if matrix.shape[0].is_unit:
        return SUM(matrix) if is_op(vector, ONES) else MATMUL(matrix, vector)
    if _is_outer_product(matrix):
        column, row = matrix.args
        return construct.hadamard([_times_vector(row, False, vector), column])
    if is_op(vector, ONES):
        return SUM_2(matrix) if not is_op(matrix, TRANSPOSE) else transposed(SUM_1(matrix.args[0]))
    return MATMUL(matrix, vector)


def _dot(left: Expr, right: Expr) -> Expr:
    """The scalar product of two columns, each of which may be a number."""
    if left.is_scalar or right.is_scalar:
        return times([left, right])
    for one, other in ((left, right), (right, left)):
        if is_op(one, ONES):
            return SUM(other)
    return MATMUL(transposed(left), right)


def _ones(matrix: Expr, axis: int) -> Expr:
    """The column of ones that goes with an axis of a matrix."""
    return ONES(Size(matrix.shape[axis]), Size(ONE))


def _is_outer_product(e: Expr) -> bool:
    return is_op(e, MATMUL) and len(e.args) == 2 and e.args[0].shape[1].is_unit
