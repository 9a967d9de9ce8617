"""SymPy nodes for what SymPy has no node for: further functions of matrices, and arrays by their entries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.array_expressions import _ArrayExpr

from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY


def _image(name: Str, args: tuple[Any, ...]) -> Any:
    """The value of an operation on explicit matrices; None where some are not explicit yet."""
    op = REGISTRY.get(name.name)
    if op is None or op.sympy is None:
        return None
    explicit = [_explicit(arg) for arg in args]
    sizes = (sympy.sympify(arg) for k, arg in enumerate(args) if k in op.size_positions)
    if not all(map(_is_explicit, explicit)) or not all(size.is_Integer for size in sizes):
        return None
    return apply_image(op, explicit)


def apply_image(op: Operation, args: Sequence[Any]) -> Any:
    """An operation's image on explicit matrices and scalars, entry by entry if it acts so."""
    assert op.sympy is not None
    arrays = [arg for arg in args if isinstance(arg, sympy.MatrixBase)]
    if not op.elementwise or not arrays:
        return op.sympy(sympy, *args)
    rows, columns = max(array.shape for array in arrays)

    def entry(i: int, j: int) -> Any:
        return op.sympy(sympy, *(_spread(arg, i, j) for arg in args))  # type: ignore[misc]

    return sympy.Matrix(rows, columns, entry)


def _spread(arg: Any, i: int, j: int) -> Any:
    if not isinstance(arg, sympy.MatrixBase):
        return arg
    return arg[0, 0] if arg.shape == (1, 1) else arg[i, j]


def _explicit(arg: Any) -> Any:
    """A matrix with numbers as sizes, written out; anything else as it is."""
    if isinstance(arg, sympy.MatrixExpr) and all(
        isinstance(size, int | sympy.Integer) for size in arg.shape
    ):
        return arg.as_explicit()
    return arg


def _is_explicit(arg: Any) -> bool:
    return isinstance(arg, sympy.MatrixBase) or not isinstance(arg, sympy.MatrixExpr)


class MatrixFunction(sympy.MatrixExpr):  # type: ignore[misc]
    """A matrix-valued operation that SymPy lacks, as ``softmax(X, 1)``; explicit arguments evaluate it.

    Its arguments are the operation's name as a ``Str``, the numbers of rows and columns, and the
    operands: SymPy rebuilds nodes from their arguments.
    """

    @property
    def shape(self) -> tuple[Any, Any]:
        """Numbers of rows and columns."""
        return self.args[1], self.args[2]

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        image = _image(self.args[0], self.args[3:])
        return MatrixElement(self, i, j) if image is None else image[i, j]

    def doit(self, **hints: Any) -> Any:
        """The explicit matrix, once the operands are explicit."""
        operands = [arg.doit(**hints) for arg in self.args[3:]]
        image = _image(self.args[0], tuple(operands))
        return (
            self.func(*self.args[:3], *operands) if image is None else sympy.ImmutableMatrix(image)
        )

    def _sympystr(self, printer: Any) -> str:
        return _called(self.args[0], self.args[3:], printer)


class ScalarFunction(sympy.Expr):  # type: ignore[misc]
    """A scalar-valued operation of matrices that SymPy lacks, as ``max(x)``; evaluates likewise.

    Its arguments are the operation's name as a ``Str``, and the operands.
    """

    is_commutative = True

    def doit(self, **hints: Any) -> Any:
        """The number, once the operands are explicit."""
        operands = [arg.doit(**hints) for arg in self.args[1:]]
        image = _image(self.args[0], tuple(operands))
        if image is None:
            return self.func(self.args[0], *operands)
        return image[0, 0] if isinstance(image, sympy.MatrixBase) else image

    def _sympystr(self, printer: Any) -> str:
        return _called(self.args[0], self.args[1:], printer)


def _called(name: Str, operands: tuple[Any, ...], printer: Any) -> str:
    op = REGISTRY.get(name.name)
    spelling, tail = (op.spelling, op.tail) if op else (name.name, ())
    return f"{spelling}({', '.join([*map(printer.doprint, operands), *tail])})"


class EntryArray(_ArrayExpr):  # type: ignore[misc]
    """An array of any number of axes, given by the formula of its entries.

    SymPy's tensor products and contractions keep axes of length 1 and have no broadcasting; a formula
    with KroneckerDelta and Sum says the same and evaluates faithfully. ``A[0, i, j]`` is an entry,
    ``as_explicit()`` the array, once the sizes are numbers. Its arguments are a ``Lambda`` of the
    indices, and the sizes.
    """

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes of the axes."""
        return tuple(self.args[1:])

    def __getitem__(self, place: Any) -> Any:
        indices = place if isinstance(place, tuple) else (place,)
        if len(indices) != len(self.shape):
            raise IndexError(f"{len(self.shape)} indices are needed, not {len(indices)}")
        return self.args[0](*indices)

    def as_explicit(self) -> sympy.ImmutableDenseNDimArray:
        """All entries; sums are carried out."""
        ranges = [range(int(size)) for size in self.shape]
        entries = [self.args[0](*place).doit() for place in itertools.product(*ranges)]
        return sympy.ImmutableDenseNDimArray(entries, self.shape)

    def doit(self, **hints: Any) -> Any:
        """The explicit array if the sizes are numbers, else the formula with sums carried out."""
        if all(size.is_Integer for size in self.shape):
            return self.as_explicit()
        formula = self.args[0]
        return self.func(sympy.Lambda(formula.variables, formula.expr.doit(**hints)), *self.shape)
