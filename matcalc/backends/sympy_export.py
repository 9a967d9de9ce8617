"""Expressions and index notation as SymPy expressions.

Names become ``MatrixSymbol`` (a vector is n x 1) and ``Symbol``, sizes positive integer symbols. Scalars
are SymPy scalars: a product such as ``x' A x`` is the trace of a 1 x 1 matrix, which SymPy neither
refuses to add to numbers nor expands into sums.

Indices are SymPy's own throughout: numbers count from 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sympy
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from matcalc.backends.sympy_nodes import EntryArray, MatrixFunction, ScalarFunction
from matcalc.core.dim import SCALAR, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.index import Index, IndexExpr, Slot, Term
from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem, LimitProblem, UnsupportedProblem
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.linalg import ADJ, DET, DIAG, INV, LOGDET, TRACE
from matcalc.ops.reduction import (
    LOGSUMEXP,
    MEAN,
    NORM1,
    NORM2,
    SOFTMAX,
    SUM,
)
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE


def to_sympy(e: Expr | IndexExpr) -> Any:
    """The SymPy expression of the same shape.

    A scalar is a SymPy scalar; a vector, row or matrix a ``MatrixExpr``; index notation with three or
    more axes an array expression with ``as_explicit``.

    Raises:
        UnsupportedProblem: an array with more than two axes occurs inside the expression.
        LimitProblem: it is too deep for SymPy, whose own functions are recursive.
    """
    with _limited():
        return _array(e) if isinstance(e, IndexExpr) else _Exporter().export(e)


def entry(ix: IndexExpr, *indices: str | int) -> Any:
    """One entry of an array as a SymPy scalar, with KroneckerDelta and Sum.

    Args:
        ix: the array.
        indices: one for each axis: a name, or a number counted from 0 as everywhere in SymPy.

    Raises:
        ArgumentProblem: there is another number of axes, or one is shorter.
        UnsupportedProblem, LimitProblem: as for ``to_sympy``.
    """
    if len(indices) != len(ix.free):
        raise ArgumentProblem(
            f"{len(indices)} indices for {len(ix.free)} axes",
            help="give a name or a number from 0 for every axis",
        )
    for given, index in zip(indices, ix.free, strict=True):
        _check_index(given, index.dim)
    places = [sympy.Symbol(i, integer=True) if isinstance(i, str) else i for i in indices]
    with _limited():
        return _formula(ix, places)


@contextmanager
def _limited() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise LimitProblem(
            "the expression is nested too deeply for SymPy", help="split it by definitions"
        ) from None


def _check_index(given: str | int, dim: Dim) -> None:
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise ArgumentProblem(f"{given!r} is not an index", help="a name, or a number from 0")
    if isinstance(given, int) and (given < 0 or (not dim.symbols and given >= dim.coefficient)):
        raise ArgumentProblem(
            f"index {given} is out of range",
            details=(f"the axis has the size {dim}, and SymPy's indices start at 0",),
        )


# --------------------------------------------------------------------------- index notation


def _array(ix: IndexExpr) -> Any:
    letters = _unused_letters(set())
    places = [
        sympy.Dummy(letter, integer=True) for letter, _ in zip(letters, ix.free, strict=False)
    ]
    formula = _formula(ix, places)
    if not places:
        return formula
    sizes = [_size(index.dim) for index in ix.free]
    if len(places) > 2:
        return EntryArray(sympy.Lambda(tuple(places), formula), *sizes)
    if len(places) == 1:
        return sympy.FunctionMatrix(sizes[0], 1, sympy.Lambda((*places, sympy.Dummy("j")), formula))
    return sympy.FunctionMatrix(*sizes, sympy.Lambda(tuple(places), formula))


def _formula(ix: IndexExpr, places: list[Any]) -> Any:
    exporter = _Exporter()
    taken = {place.name for place in places if isinstance(place, sympy.Symbol)}
    taken.update(
        node.name
        for term in ix.terms
        for factor in term.factors
        for node in postorder(factor.expr)
        if isinstance(node, Symbol)
    )
    free = dict(zip(ix.free, places, strict=True))
    return sympy.Add(*(_term(term, free, exporter, taken) for term in ix.terms))


def _term(term: Term, free: dict[Index, Any], exporter: _Exporter, taken: set[str]) -> Any:
    names = _unused_letters(taken)
    at = dict(free)
    for index in term.indices():
        if index not in at:
            at[index] = sympy.Symbol(next(names), integer=True)
    factors = [_rational(term.coefficient)]
    for factor in term.factors:
        if factor.expr.op is EYE and any(len(slot.parts) > 1 for slot in factor.slots):
            left, right = sorted(factor.slots, key=lambda slot: len(slot.parts))
            factors += _deltas(left, right, at)
            continue
        value = exporter.export(factor.expr)
        factors.append(value[_position(factor.expr, factor.slots, at)] if factor.slots else value)
    bound = [(at[index], 0, _size(index.dim) - 1) for index in at if index not in free]
    return sympy.Sum(sympy.Mul(*factors), *bound) if bound else sympy.Mul(*factors)


def _unused_letters(taken: set[str]) -> Iterator[str]:
    plain = "ijklpqrs"
    numbered = (f"i{number}" for number in itertools.count(1))
    return (name for name in itertools.chain(plain, numbered) if name not in taken)


def _deltas(left: Slot, right: Slot, at: dict[Index, Any]) -> list[Any]:
    """``δ[i,(j,k)]`` as one delta for each of j and k, which equal digits of i.

    For ``KroneckerDelta(i, n j + k)`` SymPy would put ``i - n j`` in the place of k, in range or not.
    """
    sizes = [_size(part.dim) for part in right.parts]
    if [_size(part.dim) for part in left.parts] == sizes:
        digits = [at[part] for part in left.parts]
    else:
        digits = _digits(_flat(left, at), sizes)
    return [
        sympy.KroneckerDelta(digit, at[part])
        for digit, part in zip(digits, right.parts, strict=True)
    ]


def _digits(place: Any, sizes: list[Any]) -> list[Any]:
    """A place on an axis as the parts of a composite index of these sizes, the first varying slowest."""
    found: list[Any] = []
    for size in reversed(sizes[1:]):
        found.insert(0, sympy.Mod(place, size))
        place = sympy.floor(place / size)
    return [place, *found]


def _flat(slot: Slot, at: dict[Index, Any]) -> Any:
    """Place on the axis; the first part of a composite index varies slowest."""
    place = sympy.S.Zero
    for part in slot.parts:
        place = place * _size(part.dim) + at[part]
    return place


def _position(e: Expr, slots: tuple[Slot, ...], at: dict[Index, Any]) -> tuple[Any, Any]:
    """Row and column of an entry."""
    position = [sympy.S.Zero, sympy.S.Zero]
    axes = [k for k, dim in enumerate(e.shape) if not dim.is_unit]
    for axis, slot in zip(axes, slots, strict=True):
        position[axis] = _flat(slot, at)
    return position[0], position[1]


# --------------------------------------------------------------------------- matrix expressions


class _Exporter:
    """Translates expressions; every node once."""

    def __init__(self) -> None:
        self._done: dict[Expr, Any] = {}

    def export(self, e: Expr) -> Any:
        for node in postorder(e):
            if node not in self._done:
                self._done[node] = _node(node, [self._done[arg] for arg in node.args])
        return self._done[e]


def _node(node: Expr, args: list[Any]) -> Any:
    if len(node.shape) != 2:
        raise UnsupportedProblem(f"SymPy has no expression with {len(node.shape)} axes for {node}")
    rows, columns = map(_size, node.shape)
    match node:
        case Symbol():
            if node.is_scalar:
                return sympy.Symbol(node.name)
            return sympy.MatrixSymbol(node.name, rows, columns)
        case Constant():
            return _rational(node.value)
        case Size():
            return _size(node.dim)
        case Apply():
            value = _application(node, args)
            return sympy.Trace(value) if node.is_scalar and _is_matrix(value) else value
    raise TypeError(f"unknown kind of expression: {node!r}")


def _application(node: Apply, args: list[Any]) -> Any:
    op = node.op
    if op.elementwise or op is TIMES:
        return _elementwise(op, args, node)
    if node.is_scalar and op in (ADD, MATMUL, KRON) and all(arg.is_scalar for arg in node.args):
        return (sympy.Add if op is ADD else sympy.Mul)(*args)
    args = _operands(op, args)
    if op in _IMAGES:
        return _IMAGES[op](*args)
    if not args and op.sympy is not None:
        return op.sympy(sympy)
    if node.is_scalar:
        return ScalarFunction(Str(op.name), *args)
    return MatrixFunction(Str(op.name), *map(_size, node.shape), *args)


def _elementwise(op: Operation, args: list[Any], node: Apply) -> Any:
    """Scalars stay scalars; of arrays SymPy has Hadamard products and powers, and maps."""
    arrays = [arg for arg in args if isinstance(arg, sympy.MatrixExpr)]
    scalars = [arg for arg in args if not isinstance(arg, sympy.MatrixExpr)]
    if op is TIMES:
        if not arrays:
            return sympy.Mul(*scalars)
        product = sympy.HadamardProduct(*arrays) if len(arrays) > 1 else arrays[0]
        return sympy.MatMul(sympy.Mul(*scalars), product) if scalars else product
    if not arrays:
        assert op.sympy is not None
        return op.sympy(sympy, *args)
    if op is POWER and isinstance(args[0], sympy.MatrixExpr):
        return sympy.HadamardPower(*args)
    if len(arrays) == 1 and op.sympy is not None:
        x = sympy.Dummy("x", real=True)
        image = op.sympy(sympy, *(x if arg is arrays[0] else arg for arg in args))
        return ElementwiseApplyFunction(sympy.Lambda(x, image), arrays[0])
    return MatrixFunction(Str(op.name), *map(_size, node.shape), *args)


def _operands(op: Operation, args: list[Any]) -> list[Any]:
    """Scalars as 1 x 1 matrices, but where the signature says scalar or size."""
    patterns = op.rule.parameters
    return [
        arg
        if _is_matrix(arg) or (not op.variadic and _takes_number(patterns[k]))
        else sympy.ImmutableMatrix([[arg]])
        for k, arg in enumerate(args)
    ]


def _takes_number(pattern: Shape | str) -> bool:
    return isinstance(pattern, str) or pattern == SCALAR


def _is_matrix(value: Any) -> bool:
    """Whether it is a symbolic or explicit matrix of SymPy's."""
    return isinstance(value, sympy.MatrixExpr | sympy.MatrixBase)


def _product(*factors: Any) -> Any:
    """SymPy leaves OneMatrix unmultiplied; at the ends of a scalar product it is a sum."""
    start = 1 if isinstance(factors[0], sympy.OneMatrix) and factors[0].rows == 1 else 0
    end = len(factors) - (isinstance(factors[-1], sympy.OneMatrix) and factors[-1].cols == 1)
    if (factors[0].rows, factors[-1].cols) != (1, 1) or end - start in (0, len(factors)):
        return sympy.MatMul(*factors)
    return _sum(sympy.MatMul(*factors[start:end]))


def _sum(X: Any) -> Any:
    return ScalarFunction(Str(SUM.name), X)


def _map(function: Callable[[Any], Any], X: Any) -> Any:
    x = sympy.Dummy("x", real=True)
    return ElementwiseApplyFunction(sympy.Lambda(x, function(x)), X)


def _exp(x: Any) -> Any:
    return _map(sympy.exp, x)


#: SymPy's nodes for operations on matrices; what is missing here becomes a node of sympy_nodes.
_IMAGES: dict[Operation, Callable[..., Any]] = {
    EYE: sympy.Identity,
    ONES: sympy.OneMatrix,
    ZEROS: sympy.ZeroMatrix,
    ADD: sympy.MatAdd,
    MATMUL: _product,
    TRANSPOSE: sympy.Transpose,
    KRON: sympy.KroneckerProduct,
    MATPOW: sympy.MatPow,
    INV: sympy.Inverse,
    TRACE: sympy.Trace,
    DET: sympy.Determinant,
    LOGDET: lambda X: sympy.log(sympy.Determinant(X)),
    ADJ: lambda X: sympy.MatMul(sympy.Determinant(X), sympy.Inverse(X)),
    DIAG: sympy.DiagMatrix,
    MEAN: lambda X: _sum(X) / (X.rows * X.cols),
    NORM2: lambda X: sympy.sqrt(sympy.Trace(X.T * X)),
    NORM1: lambda X: _sum(_map(sympy.Abs, X)),
    LOGSUMEXP: lambda x: sympy.log(_sum(_exp(x))),
    SOFTMAX: lambda x: _exp(x) / _sum(_exp(x)),
}


def _rational(value: Any) -> Any:
    return sympy.Rational(value.numerator, value.denominator)


def _size(dim: Dim) -> Any:
    return sympy.Mul(
        dim.coefficient,
        *(sympy.Symbol(name, integer=True, positive=True) for name in dim.symbols),
    )
