"""Expressions that differ from a given one in one place: what a slip of the pen makes of a formula."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, postorder
from matcalc.core.index import Factor, IndexExpr, Term
from matcalc.errors import ShapeProblem
from matcalc.ops.linalg import INV
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes.build import is_op, power, scaled, times, transposed
from matcalc.passes.products import matrix_power, product

#: Most terms that a product of sums is multiplied out into.
TERMS = 40

#: Most places of an expression that are looked at.
PLACES = 120

#: Longest product of which every order is tried.
SHUFFLED = 4

#: What a rule makes of a node, and the parts that say what it did.
Change = tuple[tuple[Expr, ...], Expr]


def summands(e: Expr) -> list[Expr]:
    """The terms of a sum, products of sums multiplied out as long as they stay few."""
    done: dict[Expr, list[Expr]] = {}
    for node in postorder(e):
        done[node] = _summands(node, done)
    return done[e]


def _summands(node: Expr, done: dict[Expr, list[Expr]]) -> list[Expr]:
    if not isinstance(node, Apply) or node.op not in (ADD, TIMES, MATMUL, TRANSPOSE):
        return [node]
    parts = [done[arg] for arg in node.args]
    if node.op is ADD:
        found = [term for part in parts for term in part]
        return found if len(found) <= TERMS else [node]
    if node.op is TRANSPOSE:
        return [transposed(term) for term in parts[0]]
    count = 1
    for part in parts:
        count *= len(part)
    if count == 1 or count > TERMS:
        return [node]
    join = times if node.op is TIMES else product
    return [join(*factors) for factors in itertools.product(*parts)]


def index_summands(e: IndexExpr) -> list[IndexExpr]:
    """The terms of an array in index notation, one by one."""
    return [IndexExpr(e.free, (term,)) for term in e.terms]


def places_of(e: Expr, part: Expr, most: int) -> list[tuple[int, ...]]:
    """Where a part stands, each place as the numbers of the arguments that lead there, in reading order."""
    found: list[tuple[int, ...]] = []
    holding = {part}
    for node in postorder(e):
        if any(arg in holding for arg in node.args):
            holding.add(node)
    stack: list[tuple[Expr, tuple[int, ...]]] = [(e, ())]
    while stack and len(found) < most:
        node, path = stack.pop()
        if node is part:
            found.append(path)
        stack += [
            (arg, (*path, k)) for k, arg in reversed(list(enumerate(node.args))) if arg in holding
        ]
    return found


def changed_once(e: Expr, rule: Callable[[Expr], Iterable[Change]]) -> Iterator[Change]:
    """Everything that a rule makes of an expression by a change in one place.

    A shared part counts once for each place where it stands. What does not fit is left out.
    """
    places: list[tuple[Expr, tuple[int, ...]]] = [(e, ())]
    for node, path in places:
        if len(places) > PLACES:
            break
        if isinstance(node, Apply):
            kept = node.op.size_positions
            places += [(arg, (*path, k)) for k, arg in enumerate(node.args) if k not in kept]
    for node, path in places[:PLACES]:
        for about, other in rule(node):
            changed = replaced(e, path, other)
            if changed is not None:
                yield about, changed


def replaced(e: Expr, path: tuple[int, ...], other: Expr) -> Expr | None:
    """The expression with another in one place; None where its shape does not fit."""
    above: list[Apply] = []
    node = e
    for k in path:
        assert isinstance(node, Apply)
        above.append(node)
        node = node.args[k]
    for parent, k in zip(reversed(above), reversed(path), strict=True):
        try:
            other = parent.op(*(other if i == k else arg for i, arg in enumerate(parent.args)))
        except ShapeProblem:
            return None
    return other


# ------------------------------------------------------------------ rules for one place


def with_transpose(node: Expr) -> Iterator[Change]:
    """``A'`` for ``A``, and the reverse; ``a b'`` for ``b a'`` within a longer product."""
    if is_op(node, TRANSPOSE):
        yield (node, node.args[0]), node.args[0]
    elif not node.is_scalar and not is_op(node, ADD, TIMES):
        yield (node, transposed(node)), TRANSPOSE(node)
    if is_op(node, MATMUL) and len(node.args) > 2:
        for start, end in itertools.combinations(range(len(node.args) + 1), 2):
            if end - start > 1:
                part = product(*node.args[start:end])
                for other in _products((*node.args[:start], transposed(part), *node.args[end:])):
                    yield (part, transposed(part)), other


def in_other_order(node: Expr) -> Iterator[Change]:
    """The factors of a product in every other order; of a long one, neighbours exchanged."""
    if not is_op(node, MATMUL, KRON):
        return
    args = node.args
    orders: Iterable[tuple[Expr, ...]] = itertools.permutations(args)
    if len(args) > SHUFFLED:
        orders = ((*args[:k], args[k + 1], args[k], *args[k + 2 :]) for k in range(len(args) - 1))
    for order in orders:
        if order != args:
            for other in (KRON(*order),) if is_op(node, KRON) else _products(order):
                yield (node, other), other


def with_other_kron(node: Expr) -> Iterator[Change]:
    """The two factors of a Kronecker product exchanged, transposed, or both."""
    if is_op(node, KRON) and len(node.args) == 2:
        left, right = node.args
        for first, second in ((left, right), (right, left)):
            for a, b in itertools.product((first, transposed(first)), (second, transposed(second))):
                other = KRON(a, b)
                if other is not node:
                    yield (node, other), other


def with_other_product(node: Expr) -> Iterator[Change]:
    """``A .* B`` for ``A B``, and the reverse."""
    if is_op(node, MATMUL):
        for k, (a, b) in enumerate(itertools.pairwise(node.args)):
            for left, right in ((a, b), (transposed(a), b), (a, transposed(b))):
                if left.shape == right.shape:
                    for other in _products(
                        (*node.args[:k], times(left, right), *node.args[k + 2 :])
                    ):
                        yield (node, other), other
    elif is_op(node, TIMES):
        arrays = [arg for arg in node.args if not arg.is_scalar]
        scalars = [arg for arg in node.args if arg.is_scalar]
        if len(arrays) == 2:
            a, b = arrays
            for pair in ((a, b), (b, a), (transposed(a), b), (a, transposed(b))):
                for other in _products((*scalars, *pair)):
                    yield (node, other), other


def with_one_factor_less(node: Expr) -> Iterator[Change]:
    """A product without one of its factors."""
    if not is_op(node, TIMES, MATMUL):
        return
    join = _elementwise if is_op(node, TIMES) else _products
    for k, factor in enumerate(node.args):
        for other in join((*node.args[:k], *node.args[k + 1 :])):
            yield (factor, node, other), other


def with_two_factors_less(node: Expr) -> Iterator[Change]:
    """A product without two of its factors."""
    for about, rest in with_one_factor_less(node):
        for more, other in with_one_factor_less(rest):
            yield (about[0], more[0]), other


def with_other_power(node: Expr) -> Iterator[Change]:
    """Another exponent: off by one or two, of the other sign, none, or a forgotten inverse."""
    for other in _other_powers(node):
        yield (node, other), other


def _other_powers(node: Expr) -> Iterator[Expr]:
    if is_op(node, POWER, MATPOW) and isinstance(node.args[1], Constant):
        base, exponent = node.args[0], node.args[1].value
        raised = power if is_op(node, POWER) else matrix_power
        for other in (exponent + 1, exponent - 1, -exponent, exponent + 2, exponent - 2):
            if other:
                yield raised(base, Constant(other))
    elif is_op(node, INV):
        yield MATMUL(node, node)
        yield node.args[0]
    elif (
        isinstance(node, Apply)
        and node.op.elementwise
        and not node.is_scalar
        and not is_op(node, TIMES)
    ):
        yield from (power(node, Constant(k)) for k in (2, -1))
    elif node.is_square and not is_op(node, MATMUL, ADD, TIMES, TRANSPOSE):
        yield INV(node)
        yield MATMUL(node, node)
    elif node.is_scalar and not isinstance(node, Constant) and not is_op(node, ADD):
        yield from (power(node, Constant(k)) for k in (2, -1))


def with_other_sign(node: Expr) -> Iterator[Change]:
    """A term of an inner sum with the opposite sign."""
    if is_op(node, ADD):
        for k, term in enumerate(node.args):
            yield (term,), ADD(*node.args[:k], scaled(-1, term), *node.args[k + 1 :])


def with_other_coefficient(node: Expr) -> Iterator[Change]:
    """A number inside as its half, its double, its negative, or one more or less."""
    numbers = [k for k, arg in enumerate(node.args) if isinstance(arg, Constant) and arg.value]
    for k in numbers:
        number = node.args[k]
        assert isinstance(node, Apply)
        assert isinstance(number, Constant)
        c = number.value
        for other in map(Constant, dict.fromkeys((2 * c, c / 2, -c, c + 1, c - 1))):
            changed = node.op(*node.args[:k], other, *node.args[k + 1 :])
            yield (node, changed), changed


def _products(factors: tuple[Expr, ...]) -> Iterator[Expr]:
    """The matrix product, if there is one."""
    with suppress(ShapeProblem):
        yield product(*factors)


def _elementwise(factors: tuple[Expr, ...]) -> Iterator[Expr]:
    yield times(*factors)


# ------------------------------------------------------------------ index notation


def index_variations(e: IndexExpr) -> Iterator[tuple[Factor, IndexExpr]]:
    """One matrix transposed in one term of an array in index notation."""
    for n, term in enumerate(e.terms):
        for k, factor in enumerate(term.factors):
            if len(factor.slots) == 2 and factor.expr.is_square:
                turned = Factor(factor.expr, factor.slots[::-1])
                factors = (*term.factors[:k], turned, *term.factors[k + 1 :])
                terms = (*e.terms[:n], Term(term.coefficient, factors), *e.terms[n + 1 :])
                yield factor, IndexExpr(e.free, terms)


def with_one_index_factor_less(e: IndexExpr) -> Iterator[tuple[IndexExpr, IndexExpr]]:
    """A factor of an array in index notation, and the array without it."""
    for n, term in enumerate(e.terms):
        for k, factor in enumerate(term.factors):
            rest = Term(term.coefficient, (*term.factors[:k], *term.factors[k + 1 :]))
            terms = (*e.terms[:n], rest, *e.terms[n + 1 :])
            alone = IndexExpr(e.free, (Term(Fraction(1), (factor,)),))
            yield alone, IndexExpr(e.free, terms)


def reordered_axes(e: IndexExpr) -> Iterator[tuple[tuple[int, ...], IndexExpr]]:
    """The array with its axes in every other order, those numbers counted from 1."""
    places = range(len(e.free))
    for order in itertools.permutations(places):
        if order != tuple(places):
            free = tuple(e.free[k] for k in order)
            yield tuple(k + 1 for k in order), IndexExpr(free, e.terms)
