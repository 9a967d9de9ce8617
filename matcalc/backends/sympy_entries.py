"""Expressions entry by entry: explicit SymPy matrices whose entries are SymPy scalars.

Every operation brings its image on explicit matrices in its record. The images are written
independently of the rules of differentiation, so that what is computed here can bear witness
against them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import sympy

from matcalc.backends.sympy_abstract import abstract_image
from matcalc.backends.sympy_nilpotent import along_steps
from matcalc.backends.sympy_nodes import apply_image
from matcalc.backends.sympy_symbols import symbolic_matrix
from matcalc.core.dim import SCALAR
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.index import Composite, Index, IndexExpr, Slot, Term
from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem
from matcalc.ops.matrix_functions import FUNCTIONS
from matcalc.ops.structural import MATPOW

#: Sees the entries of every operation when they are new, and returns what is to be kept of them.
Hook = Callable[[sympy.Matrix], sympy.Matrix]

#: Functions of a matrix whose entries SymPy cannot, or had better not, write out.
OF_NUMBERS = (*FUNCTIONS, MATPOW)

#: Values of the entries of an array, by their indices counted from 0.
Table = dict[tuple[int, ...], Any]


def entries(
    e: Expr, sizes: Mapping[str, int], values: Mapping[Symbol, sympy.Matrix] | None = None
) -> sympy.Matrix:
    """The explicit matrix that ``e`` is, for numbers as sizes.

    Args:
        e: the expression.
        sizes: a number for every size symbol in it.
        values: matrices for its variables; one without a value gets real symbols as entries.

    Raises:
        UnsupportedProblem: an operation has no SymPy image.
    """
    return Entries(sizes, values or {}).of(e)


def entries_index(
    ix: IndexExpr, sizes: Mapping[str, int], values: Mapping[Symbol, sympy.Matrix] | None = None
) -> Table:
    """All entries of an array in index notation, in order, by indices counted from 0."""
    return Entries(sizes, values or {}).of_index(ix)


class Entries:
    """Evaluates expressions at one assignment of sizes and values; every node is computed once.

    An array with more than two axes, a derivative of an abstract function, is kept as a column, its
    last axis varying fastest.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        values: Mapping[Any, sympy.Matrix],
        hook: Hook | None = None,
        steps: Sequence[Any] = (),
    ) -> None:
        self.sizes = sizes
        #: Symbols with square zero: functions of matrices are needed to first order in each.
        self.steps = steps
        self.known: dict[Expr, sympy.Matrix] = dict(values)
        self.hook = hook

    def of(self, e: Expr) -> sympy.Matrix:
        """The explicit matrix of one expression."""
        for node in postorder(e):
            if node not in self.known:
                self.known[node] = self._node(node)
        return self.known[e]

    def of_index(self, ix: IndexExpr) -> Table:
        """All entries of an array in index notation; its bound indices are summed one by one."""
        ranges = [range(index.dim.evaluate(self.sizes)) for index in ix.free]
        tables = [self._term(term, ix.free) for term in ix.terms]
        return {
            place: sympy.Add(
                *(table.at(dict(zip(ix.free, place, strict=True))) for table in tables)
            )
            for place in itertools.product(*ranges)
        }

    def _node(self, node: Expr) -> sympy.Matrix:
        match node:
            case Symbol():
                return symbolic_matrix(node, self.sizes)
            case Constant():
                return _scalar(sympy.Rational(node.value.numerator, node.value.denominator))
            case Size():
                return _scalar(sympy.Integer(node.dim.evaluate(self.sizes)))
            case Apply():
                result = self._apply(node)
                return self.hook(result) if self.hook else result
        raise TypeError(f"unknown kind of expression: {node!r}")

    def _apply(self, node: Apply) -> sympy.Matrix:
        op = node.op
        args = [self.known[arg] for arg in node.args]
        if op.is_abstract:
            return abstract_image(node, args, self.sizes)
        if op.sympy is None:
            raise UnsupportedProblem(
                f"{op.spelling} has no SymPy image",
                help=f"give the record of {op.name} a `sympy` image",
            )
        if not (op.variadic or op.elementwise):
            args = [
                arg[0, 0] if isinstance(pattern, str) or pattern == SCALAR else arg
                for pattern, arg in zip(op.rule.parameters, args, strict=True)
            ]
        if op in OF_NUMBERS and self.steps and args[0].has(*self.steps):
            function = partial(_function_of_numbers, op, *args[1:])
            return along_steps(function, args[0], self.steps)
        image = apply_image(op, args)
        return image if isinstance(image, sympy.MatrixBase) else _scalar(image)

    def _term(self, term: Term, free: Iterable[Index]) -> _Sparse:
        """The product of the factors of a term, summed over its bound indices."""
        coefficient = sympy.Rational(term.coefficient.numerator, term.coefficient.denominator)
        tables = [_Sparse((), {(): coefficient})]
        tables += [self._factor(f.expr, f.slots) for f in term.factors]
        outside = set(free)
        bound = list(dict.fromkeys(i for i in term.indices() if i not in outside))
        while bound:
            # The index whose elimination leaves the smallest array, as for any tensor network.
            index = min(bound, key=lambda i: _joint_size(i, tables))
            bound.remove(index)
            touched = [table for table in tables if index in table.indices]
            tables = [table for table in tables if index not in table.indices]
            tables.append(_product(touched).sum_over(index))
        return _product(sorted(tables, key=lambda table: len(table.values)))

    def _factor(self, e: Expr, slots: tuple[Slot, ...]) -> _Sparse:
        matrix = self.of(e)
        axes = [k for k, dim in enumerate(e.shape) if not dim.is_unit]
        indices = tuple(dict.fromkeys(index for slot in slots for index in slot.parts))
        sizes = [index.dim.evaluate(self.sizes) for index in indices]
        values: Table = {}
        for place in itertools.product(*map(range, sizes)):
            at = dict(zip(indices, place, strict=True))
            if len(e.shape) == 2:
                position = [0, 0]
                for axis, slot in zip(axes, slots, strict=True):
                    position[axis] = self._flat(slot, at)
            else:
                position = [self._flat(Composite(tuple(i for s in slots for i in s.parts)), at), 0]
            value = matrix[tuple(position)]
            if value != 0:
                values[place] = value
        return _Sparse(indices, values)

    def _flat(self, slot: Slot, at: Mapping[Index, int]) -> int:
        """Place on the axis; of a composite index the first part varies slowest."""
        position = 0
        for part in slot.parts:
            position = position * part.dim.evaluate(self.sizes) + at[part]
        return position


class _Sparse:
    """An array over named indices; entries that are missing are 0."""

    def __init__(self, indices: tuple[Index, ...], values: Table) -> None:
        self.indices = indices
        self.values = values

    def at(self, place: Mapping[Index, int]) -> Any:
        return self.values.get(tuple(place[index] for index in self.indices), sympy.S.Zero)

    def sum_over(self, index: Index) -> _Sparse:
        axis = self.indices.index(index)
        sums: dict[tuple[int, ...], list[Any]] = {}
        for place, value in self.values.items():
            sums.setdefault(place[:axis] + place[axis + 1 :], []).append(value)
        remaining = self.indices[:axis] + self.indices[axis + 1 :]
        return _Sparse(remaining, {place: sympy.Add(*parts) for place, parts in sums.items()})

    def times(self, other: _Sparse) -> _Sparse:
        shared = [index for index in self.indices if index in other.indices]
        added = [k for k, index in enumerate(other.indices) if index not in self.indices]
        key = [other.indices.index(index) for index in shared]
        matching: dict[tuple[int, ...], list[tuple[tuple[int, ...], Any]]] = {}
        for place, value in other.values.items():
            rest = tuple(place[k] for k in added)
            matching.setdefault(tuple(place[k] for k in key), []).append((rest, value))
        own = [self.indices.index(index) for index in shared]
        values = {
            place + rest: value * factor
            for place, value in self.values.items()
            for rest, factor in matching.get(tuple(place[k] for k in own), ())
        }
        return _Sparse(self.indices + tuple(other.indices[k] for k in added), values)


def _function_of_numbers(op: Operation, *args: Any) -> sympy.Matrix:
    """An operation of its last argument, the matrix; what precedes that are its other arguments."""
    *rest, matrix = args
    return apply_image(op, (matrix, *rest))


def _product(tables: list[_Sparse]) -> _Sparse:
    result = tables[0]
    for table in tables[1:]:
        result = result.times(table)
    return result


def _joint_size(index: Index, tables: list[_Sparse]) -> int:
    """Number of indices of the array that summing over ``index`` leaves."""
    return len({i for table in tables if index in table.indices for i in table.indices})


def _scalar(value: Any) -> sympy.Matrix:
    return sympy.Matrix(1, 1, [value])
