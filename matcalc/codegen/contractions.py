"""Index expressions as expressions over arrays: which products are formed, and in which order.

A sum of products of entries is first written with common factors outside, so that few terms have the
full size. In every term what is small is multiplied first: vectors before matrices, and the array of
the size of the result last. A Kronecker delta of two free indices is never multiplied: the rest, its
core, is written into the blocks where the indices are equal.

Source: Laue, Mitterreiter, Giesen, Computing higher order derivatives of matrix and tensor
expressions, NeurIPS 2018 (cross-country order, compression).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from matcalc.codegen.arrays import embed, reshape, stack, zeros
from matcalc.codegen.factor_out import Common, factor_out
from matcalc.codegen.products_of_entries import (
    last_product,
    letters_of,
    multiplied,
    rearranged,
    size_of,
)
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Expr, Size
from matcalc.core.index import MATRIX_AXES, Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.structural import ADD, TIMES, TRANSPOSE
from matcalc.passes.build import is_op, times
from matcalc.passes.contract import collect

#: How often common factors are pulled out of what is left when others have been.
DEEPEST = 8


def contraction(expr: IndexExpr, fuses: bool = False) -> Expr:
    """The array as one expression, with the free indices as its axes.

    Args:
        expr: the array.
        fuses: whether sums of entry by entry products cost one pass over the result.
    """
    # Terms of a diagonal, whose indices have been made equal, may be alike.
    terms = collect(expr.terms, expr.free)
    plain = (Term(term.coefficient, tuple(map(_plain, term.factors))) for term in terms)
    return _sum(IndexExpr(expr.free, tuple(plain)), fuses, DEEPEST)


def _plain(factor: Factor) -> Factor:
    """The factor with one axis for every index, a composite one taken apart, and no rows."""
    expr = factor.expr
    if any(not isinstance(slot, Index) for slot in factor.slots):
        expr = reshape(tuple(index.dim for index in factor.indices))(expr)
    is_row = len(factor.indices) == 1 and expr.shape[0].is_unit
    return Factor(TRANSPOSE(expr) if is_row else expr, factor.indices)


# ------------------------------------------------------------------ sums


@dataclass(frozen=True)
class _Product:
    """A term: one or two factors still to be multiplied, and the axes of their product.

    Attributes:
        factors: the factors, the scalars put into the smaller one.
        axes: one of each set of free indices that deltas make equal, if the product depends on it.
        free: for each free index the axis that it is equal to.
    """

    factors: tuple[Factor, ...]
    axes: tuple[Index, ...]
    free: tuple[Index, ...]

    @property
    def is_dense(self) -> bool:
        """Whether there is no delta."""
        return len(set(self.free)) == len(self.free)

    def value(self) -> Expr:
        """The product."""
        if len(self.factors) == 1:
            value = rearranged(self.factors[0], self.axes).expr
        else:
            left, right = self.factors
            value = multiplied(left, right, self.axes).expr
        is_row = len(self.axes) == 1 and value.shape[0].is_unit
        return TRANSPOSE(value) if is_row else value


def _sum(expr: IndexExpr, fuses: bool, depth: int) -> Expr:
    parts = factor_out(expr) if depth else list(expr.terms)
    products = [_product(_joined(part, fuses, depth), expr.free) for part in parts]
    dense = [product for product in products if product.is_dense]
    if not fuses and len(expr.free) > MATRIX_AXES:
        dense = _stacked(dense)
    values = [product.value() for product in dense]
    result = [ADD(*values)] if len(values) > 1 else values
    for product in products:
        if not product.is_dense:
            result = [_embedded(product, result)]
    return result[0] if result else zeros(expr.dims)()


def _joined(part: Term | Common, fuses: bool, depth: int) -> Term:
    if isinstance(part, Term):
        return part
    inside = Factor(_sum(part.rest, fuses, depth - 1), part.rest.free)
    return Term(Fraction(1), (*part.factors, inside))


def _stacked(products: Sequence[_Product]) -> list[_Product]:
    """Entry by entry products over the same axes as one matrix product with their number inside.

    ``A[j,k] B[i,l] + C[j,k] D[i,l]`` is written to memory once.
    """
    groups: dict[object, list[_Product]] = {}
    for product in products:
        sets = frozenset(frozenset(factor.indices) for factor in product.factors)
        groups.setdefault(sets if _is_outer(product) else product, []).append(product)
    result: list[_Product] = []
    for group in groups.values():
        first = group[0]
        if len(group) == 1:
            result.append(first)
            continue
        number = Index(Dim(len(group)))
        factors = []
        for factor in first.factors:
            axes = tuple(i for i in first.axes if i in factor.indices)
            alike = (
                next(f for f in product.factors if set(f.indices) == set(axes)) for product in group
            )
            # The last axis of the result is that of columns, for which the number is the row.
            is_right = axes[-1] is first.axes[-1]
            side_by_side = stack(-2 if is_right else -1)(*(rearranged(f, axes).expr for f in alike))
            placed = (*axes[:-1], number, axes[-1]) if is_right else (*axes, number)
            factors.append(Factor(side_by_side, placed))
        result.append(_Product(tuple(factors), first.axes, first.free))
    return result


def _is_outer(product: _Product) -> bool:
    """Whether it is a product of two arrays with separate indices, nothing summed."""
    indices = [index for factor in product.factors for index in factor.indices]
    return len(product.factors) == 2 and Counter(indices) == Counter(product.axes)


# ------------------------------------------------------------------ terms


def _product(term: Term, free: tuple[Index, ...]) -> _Product:
    """The term with its small factors multiplied and its deltas apart."""
    scalars: list[Expr] = [Constant(term.coefficient)] if term.coefficient != 1 else []
    scalars += [factor.expr for factor in term.factors if not factor.slots]
    arrays = [factor for factor in term.factors if factor.slots]
    same = _made_equal(arrays, free)
    cores = [_diagonal(f.rename(same)) for f in arrays if not _is_delta(f, same)]
    axes = list(dict.fromkeys(same[index] for index in free))
    occurring = {index for factor in cores for index in factor.indices}
    # A core that does not depend on the index of a diagonal is broadcast along it.
    repeated = {same[index] for index in free if same[index] is not index}
    lacking = [i for i in axes if i not in occurring and i not in repeated]
    if not occurring and not lacking:
        lacking = axes[:1]
    cores += [Factor(ONES(Size(i.dim), Size(ONE)), (i,)) for i in lacking]
    kept = tuple(i for i in axes if i in occurring or i in lacking)
    factors = last_product(_summed(cores, kept), kept)
    return _Product(tuple(_scaled(factors, scalars)), kept, tuple(same[i] for i in free))


def _made_equal(arrays: Iterable[Factor], free: Sequence[Index]) -> dict[Index, Index]:
    """For each free index the first that deltas make it equal to."""
    same = {index: index for index in free}
    for factor in arrays:
        if _is_delta(factor, same):
            first, second = sorted((same[i] for i in factor.indices), key=free.index)
            same = {i: first if other is second else other for i, other in same.items()}
    return same


def _is_delta(factor: Factor, free: Iterable[Index]) -> bool:
    return is_op(factor.expr, EYE) and set(factor.indices) <= set(free)


def _diagonal(factor: Factor) -> Factor:
    """The factor with every index once."""
    different = tuple(dict.fromkeys(factor.indices))
    return factor if different == factor.indices else rearranged(factor, different)


def _summed(factors: Sequence[Factor], kept: Sequence[Index]) -> list[Factor]:
    """The factors summed over the indices that only one of them has."""
    uses = Counter(index for factor in factors for index in factor.indices)
    return [
        rearranged(factor, [i for i in factor.indices if i in kept or uses[i] > 1])
        for factor in factors
    ]


def _scaled(factors: list[Factor], scalars: Sequence[Expr]) -> list[Factor]:
    """The factors with the scalars put into the smallest one."""
    if not scalars:
        return factors or [Factor(Constant(1))]
    if not factors:
        return [Factor(times(*scalars))]
    smallest = min(factors, key=lambda factor: size_of(factor.indices))
    scaled = Factor(TIMES(*scalars, smallest.expr), smallest.indices)
    return [scaled if factor is smallest else factor for factor in factors]


def _embedded(product: _Product, base: Sequence[Expr]) -> Expr:
    """The product in the blocks where indices are equal, and nothing or another array elsewhere."""
    letters = letters_of([*product.free, *product.axes])
    core = "".join(letters[index] for index in product.axes)
    output = "".join(letters[index] for index in product.free)
    dims = tuple(index.dim for index in product.free)
    return embed(core, output, dims)(product.value(), *base)
