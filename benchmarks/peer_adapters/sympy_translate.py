"""matcalc expressions in SymPy's notation for matrix expressions, as its documentation writes them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagonalOf

from benchmarks.peer_adapters.base import lacking, translate
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.elementwise import ABS, EXP, LOG, RELU, SIGN, STEP
from matcalc.ops.linalg import ADJ, DET, DIAG, DIAGONAL, INV, LOGDET, TRACE
from matcalc.ops.reduction import LOGSUMEXP, MEAN, NORM1, NORM2, SOFTMAX, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE

#: How the scalar that a product such as ``x' A x`` is may be written. SymPy's tests leave it a 1 x 1 matrix
#: (``x.T*A*x``), which can be neither added to a number nor put into a function as it stands.
SPELLINGS = ("1 x 1 matrices", "traces")


def to_sympy(f: Expr, spelling: str) -> Any:
    """The function as a SymPy scalar or matrix expression. Raises NotExpressible."""
    apply = _with_traces if spelling == "traces" else _application
    return translate(_spelled_out(f), leaf, apply)[_spelled_out(f)]


def leaf(node: Symbol | Constant | Size) -> Any:
    """The image of a variable, number or size."""
    match node:
        case Symbol() if node.is_scalar:
            return sympy.Symbol(node.name, real=True)
        case Symbol():
            return sympy.MatrixSymbol(node.name, *map(size, node.shape))
        case Constant():
            return sympy.Rational(node.value.numerator, node.value.denominator)
        case Size():
            return size(node.dim)


def size(dim: Dim) -> Any:
    """A size as a positive integer."""
    names = (sympy.Symbol(name, integer=True, positive=True) for name in dim.symbols)
    return sympy.Mul(dim.coefficient, *names)


# ------------------------------------------------------------ functions that SymPy spells out


def _ones(rows: Dim, columns: Dim) -> Expr:
    return ONES(Size(rows), Size(columns))


def _reciprocal(x: Expr) -> Expr:
    return POWER(x, Constant(-1))


def _sum(X: Expr) -> Expr:
    rows, columns = X.shape
    left = [] if rows.is_unit else [_ones(ONE, rows)]
    right = [] if columns.is_unit else [_ones(columns, ONE)]
    return MATMUL(*left, X, *right) if left or right else X


def _norm(X: Expr) -> Expr:
    square = MATMUL(TRANSPOSE(X), X) if X.shape[1].is_unit else TRACE(MATMUL(TRANSPOSE(X), X))
    return POWER(square, Constant(Fraction(1, 2)))


#: Matrix expressions have sums as products with ones, no norms and no softmax.
_IN_TERMS_OF_OTHERS: dict[Operation, Callable[[Expr], Expr]] = {
    SUM: _sum,
    SUM_1: lambda X: MATMUL(_ones(ONE, X.shape[0]), X),
    SUM_2: lambda X: MATMUL(X, _ones(X.shape[1], ONE)),
    MEAN: lambda X: TIMES(_reciprocal(TIMES(*map(Size, X.shape))), _sum(X)),
    NORM1: lambda X: _sum(ABS(X)),
    NORM2: _norm,
    LOGSUMEXP: lambda x: LOG(_sum(EXP(x))),
    SOFTMAX: lambda x: TIMES(_reciprocal(_sum(EXP(x))), EXP(x)),
    LOGDET: lambda X: LOG(DET(X)),
    ADJ: lambda X: TIMES(DET(X), INV(X)),
}


def _spelled_out(f: Expr) -> Expr:
    """The function in terms of what SymPy has."""
    images: dict[Expr, Expr] = {}
    for node in postorder(f):
        args = [images[arg] for arg in node.args]
        if isinstance(node, Apply):
            images[node] = _IN_TERMS_OF_OTHERS.get(node.op, node.op)(*args)
        else:
            images[node] = node
    return images[f]


# ------------------------------------------------------------ nodes


def is_matrix(value: Any) -> bool:
    """Whether it is a matrix expression and not a scalar."""
    return isinstance(value, sympy.MatrixExpr)


def _with_traces(node: Apply, args: list[Any]) -> Any:
    value = _application(node, args)
    return sympy.Trace(value) if node.is_scalar and is_matrix(value) else value


def _application(node: Apply, args: list[Any]) -> Any:
    op = node.op
    if op is ADD:
        return _sum_of(args)
    if op is TIMES:
        return _entrywise_product(node, args)
    if op is POWER:
        return _power(*args)
    if op is TRANSPOSE:
        return args[0].T if is_matrix(args[0]) else args[0]
    if op.elementwise:
        return _elementwise(op, args)
    if op in (EYE, ONES, ZEROS) or (op in _IMAGES and all(map(is_matrix, args[:1]))):
        return _IMAGES[op](*args)
    raise lacking(op)


_IMAGES: dict[Operation, Callable[..., Any]] = {
    EYE: sympy.Identity,
    ONES: sympy.OneMatrix,
    ZEROS: sympy.ZeroMatrix,
    MATMUL: sympy.MatMul,
    KRON: sympy.KroneckerProduct,
    MATPOW: sympy.MatPow,
    INV: sympy.Inverse,
    TRACE: sympy.Trace,
    DET: sympy.Determinant,
    DIAG: sympy.DiagMatrix,
    DIAGONAL: DiagonalOf,
}


def _sum_of(terms: list[Any]) -> Any:
    """Where a 1 x 1 matrix is among the terms, the scalars become such matrices too."""
    if not any(map(is_matrix, terms)):
        return sympy.Add(*terms)
    unit = sympy.Identity(1)
    return sympy.MatAdd(*(term if is_matrix(term) else term * unit for term in terms))


def _entrywise_product(node: Apply, factors: list[Any]) -> Any:
    """Scalars, 1 x 1 matrices and arrays of one shape."""
    scalars = sympy.Mul(*(factor for factor in factors if not is_matrix(factor)))
    units = [factor for factor in factors if is_matrix(factor) and factor.shape == (1, 1)]
    arrays = [factor for factor in factors if is_matrix(factor) and factor.shape != (1, 1)]
    if not arrays:
        return sympy.MatMul(scalars, *units) if units else scalars
    product = sympy.HadamardProduct(*arrays) if len(arrays) > 1 else arrays[0]
    rows, columns = node.shape
    if columns.is_unit:
        return sympy.MatMul(scalars, product, *units)
    if rows.is_unit:
        return sympy.MatMul(scalars, *units, product)
    return sympy.MatMul(scalars, *map(sympy.Trace, units), product)


def _power(base: Any, exponent: Any) -> Any:
    if is_matrix(exponent) and exponent.shape == (1, 1):
        exponent = sympy.Trace(exponent)
    if is_matrix(base) and base.shape == (1, 1) and not is_matrix(exponent):
        return base**exponent
    if is_matrix(base):
        return sympy.HadamardPower(base, exponent)
    if is_matrix(exponent):
        x = sympy.Dummy("x", real=True)
        return exponent.applyfunc(sympy.Lambda(x, base**x))
    return base**exponent


#: SymPy's own functions, where matcalc's images of its operations are other ones.
_NATIVE: dict[Operation, Callable[..., Any]] = {
    ABS: sympy.Abs,
    SIGN: sympy.sign,
    STEP: lambda x: sympy.Heaviside(x, 0),
    RELU: lambda x: sympy.Max(x, 0),
}


def _elementwise(op: Operation, args: list[Any]) -> Any:
    """A function of one array and scalars; SymPy maps no functions over two arrays."""
    arrays = [arg for arg in args if is_matrix(arg)]
    if len(arrays) > 1 or op.sympy is None:
        raise lacking(op)
    image = _NATIVE.get(op, partial(op.sympy, sympy))
    if not arrays:
        return image(*args)
    x = sympy.Dummy("x", real=True)
    body, inner = _as_map(arrays[0], x)
    return inner.applyfunc(
        sympy.Lambda(x, image(*(body if is_matrix(arg) else arg for arg in args)))
    )


def _as_map(array: Any, x: Any) -> tuple[Any, Any]:
    """An array as a function of ``x``, entry by entry, of another array.

    SymPy derives ``log(1 + exp(x))`` as one map and fails where the maps are nested, so its users write
    one.
    """
    match array:
        case ElementwiseApplyFunction():
            return array.function(x), array.expr
        case sympy.HadamardPower() if getattr(array.exp, "is_number", False):
            body, inner = _as_map(array.base, x)
            return body**array.exp, inner
        case sympy.MatMul():
            factor, rest = _coefficient(array)
            if factor.is_number and factor != 1:
                body, inner = _as_map(rest, x)
                return factor * body, inner
        case sympy.MatAdd():
            return _sum_as_map(array, x)
    return x, array


def _sum_as_map(array: Any, x: Any) -> tuple[Any, Any]:
    """Of numbers times ``ones``, and of maps of one array."""
    parts = []
    for term in array.args:
        factor, rest = _coefficient(term)
        number = factor.is_number and isinstance(rest, sympy.OneMatrix)
        parts.append((factor, None) if number else _as_map(term, x))
    inner = {array for _, array in parts if array is not None}
    if len(inner) != 1:
        return x, array
    return sympy.Add(*(body for body, _ in parts)), inner.pop()


def _coefficient(array: Any) -> tuple[Any, Any]:
    """The scalar factor of a product, and the rest."""
    if not isinstance(array, sympy.MatMul):
        return sympy.S.One, array
    factor, matrices = array.as_coeff_matrices()
    return factor, matrices[0] if len(matrices) == 1 else sympy.MatMul(*matrices)
