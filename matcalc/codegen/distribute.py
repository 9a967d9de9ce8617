"""Sums in products multiplied out: ``(X' R + R' X) W`` as ``X' (R W) + R' (X W)``.

Whether that costs less than adding first is decided in ``choose.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain, product
from math import prod

from matcalc.codegen.items import is_multiple, item, plain, replanned, transposed
from matcalc.core.expr import Apply, Expr, postorder, users
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import is_op, scaled, split_coefficient, zeros

#: Products of more terms are not multiplied out.
MOST_TERMS = 12


def distributable(roots: Sequence[Expr]) -> list[Expr]:
    """Sums of products and diagonal matrices that are only multiplied with matrices, users first."""
    nodes = list(postorder(*roots))
    used_by = users(nodes)
    only_multiplied: set[Expr] = set()
    found = []
    results = frozenset(roots)
    for node in reversed(nodes):
        if node in results or any(dim.is_unit for dim in node.shape):
            continue
        if all(_is_product(user) or user in only_multiplied for user in used_by[node]):
            if is_op(node, TRANSPOSE) or is_multiple(node):
                only_multiplied.add(node)
            elif is_op(node, ADD) and any(map(_is_low_rank, node.args)):
                found.append(node)
    return found


def distribute(roots: Sequence[Expr], chosen: frozenset[Expr]) -> list[Expr]:
    """The same values, with these sums multiplied out wherever they stand in a product."""
    done: dict[Expr, Expr] = {}
    opened: dict[Expr, list[Expr]] = {}
    for node in postorder(*roots):
        done[node] = replanned(node, done)
        terms = _terms(node, done, opened)
        if terms is not None and node.op in (ADD, MATMUL):
            done[node] = ADD(*terms) if len(terms) > 1 else terms[0]
        if terms is not None or node in chosen:
            opened[node] = list(done[node].args) if node in chosen else terms or []
    return [done[root] for root in roots]


def _terms(
    node: Expr, done: Mapping[Expr, Expr], opened: Mapping[Expr, list[Expr]]
) -> list[Expr] | None:
    """The terms of a node that has sums among its arguments which are multiplied out."""
    if not isinstance(node, Apply) or opened.keys().isdisjoint(node.args):
        return None
    parts = [opened.get(arg, [done[arg]]) for arg in node.args]
    if is_op(node, ADD):
        return _collected(chain.from_iterable(parts))
    if is_op(node, TRANSPOSE):
        return [_transposed(term) for term in parts[0]]
    if is_multiple(node):
        return [construct.hadamard((*node.args[:-1], term)) for term in parts[-1]]
    if _is_product(node) and prod(map(len, parts)) <= MOST_TERMS:
        return _collected(construct.multiply(factors) for factors in product(*parts))
    return None


def _collected(terms: Iterable[Expr]) -> list[Expr]:
    """Terms that are alike joined."""
    found: dict[Expr, Fraction] = {}
    for term in terms:
        coefficient, rest = split_coefficient(term)
        found[rest] = found.get(rest, Fraction(0)) + coefficient
    shape = next(iter(found)).shape
    return [scaled(number, rest) for rest, number in found.items() if number] or [zeros(shape)]


def _transposed(term: Expr) -> Expr:
    """The transpose of a term as a product of transposes."""
    if is_multiple(term):
        return construct.hadamard((*term.args[:-1], _transposed(term.args[-1])))
    if is_op(term, MATMUL):
        return MATMUL(*(plain(item(transposed(factor))) for factor in reversed(term.args)))
    return plain(item(transposed(term)))


def _is_product(e: Expr) -> bool:
    """Whether it is a product of matrices."""
    return is_op(e, MATMUL) and not any(dim.is_unit for arg in e.args for dim in arg.shape)


def _is_low_rank(term: Expr) -> bool:
    """Whether a term may be cheaper to multiply with than to form."""
    array = term.args[-1] if is_multiple(term) else term
    return is_op(array, MATMUL) or is_op(array, DIAG)
