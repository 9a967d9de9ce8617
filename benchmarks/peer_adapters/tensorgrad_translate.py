"""matcalc expressions as tensorgrad's tensors with named edges."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
import tensorgrad as tg
from tensorgrad import functions
from tensorgrad.tensor import Ones, Tensor

from benchmarks.peer_adapters.base import NotExpressible, lacking, translate
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.elementwise import (
    ABS,
    ERF,
    EXP,
    GELU,
    LOG,
    RECIPROCAL,
    RELU,
    SIGMOID,
    SIGN,
    SOFTPLUS,
    SQRT,
    SQUARE,
    STEP,
    TANH,
)
from matcalc.ops.linalg import ADJ, DET, DIAG, DIAGONAL, INV, LOGDET, TRACE
from matcalc.ops.reduction import (
    LOGSUMEXP,
    MEAN,
    NORM1,
    NORM2,
    SOFTMAX,
    SOFTMAX_1,
    SOFTMAX_2,
    SUM,
    SUM_1,
    SUM_2,
)
from matcalc.ops.structural import ADD, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE

#: Edges of every tensor, in so far as it has them: rows, columns.
ROW, COLUMN = "r", "c"


def to_tensorgrad(f: Expr) -> Tensor:
    """The function as a tensor. Raises NotExpressible."""
    return translate(f, leaf, _application)[f]


def leaf(node: Symbol | Constant | Size) -> Tensor:
    """The image of a variable, number or size."""
    match node:
        case Symbol():
            return tg.Variable(node.name, **edges(node.shape))
        case Constant():
            return Tensor(_number(node.value))
        case Size():
            return Tensor(1) if node.dim.is_unit else tg.Delta(_size(node.dim))


def edges(shape: Shape) -> dict[str, Any]:
    """Sizes of the edges; axes of size 1 have none."""
    named = zip((ROW, COLUMN), shape, strict=True)
    return {name: _size(dim) for name, dim in named if not dim.is_unit}


def _size(dim: Dim) -> Any:
    if dim.coefficient != 1 or len(dim.symbols) != 1:
        raise NotExpressible(f"no edge of size {dim}")
    return sympy.Symbol(dim.symbols[0])


def _number(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


def _application(node: Apply, args: list[Tensor]) -> Tensor:
    op = node.op
    if op is ADD:
        return tg.Sum(args)
    if op is TIMES:
        return reduce(operator.mul, args)
    if op is MATMUL:
        return _matrix_product(args)
    if op is POWER:
        return _power(args[0], args[1], node.args[1])
    if op is MATPOW:
        return _matrix_power(args[0], node.args[1])
    if op in (EYE, ONES, ZEROS):
        return _CONSTANTS[op](edges(node.shape))
    if op in _IMAGES:
        return _IMAGES[op](*args)
    raise lacking(op)


def _matrix_product(factors: list[Tensor]) -> Tensor:
    """The columns of each factor share an edge with the rows of the next."""
    last = len(factors)
    renamed = [
        factor.rename(**{ROW: f"e{k}", COLUMN: f"e{k + 1}"}) for k, factor in enumerate(factors)
    ]
    return tg.Product(renamed).rename(**{"e0": ROW, f"e{last}": COLUMN})


def _power(base: Tensor, exponent: Tensor, written: Expr) -> Tensor:
    """``F.pow`` takes numbers as exponents."""
    if isinstance(written, Constant):
        return functions.pow(base, _number(written.value))
    return functions.exp(exponent * functions.log(base))


def _matrix_power(base: Tensor, written: Expr) -> Tensor:
    if not isinstance(written, Constant) or written.value.denominator != 1 or not written.value:
        raise lacking(MATPOW)
    factor = base if written.value > 0 else _inverse(base)
    return _matrix_product([factor] * abs(int(written.value)))


def _transpose(X: Tensor) -> Tensor:
    return X.rename(**{ROW: COLUMN, COLUMN: ROW})


def _inverse(X: Tensor) -> Tensor:
    """``F.inverse`` names the axes so that edges of the same name cancel: columns first."""
    return _transpose(functions.inverse(X, frozenset((ROW, COLUMN))))


_CONSTANTS: dict[Operation, Callable[[dict[str, Any]], Tensor]] = {
    EYE: lambda sizes: tg.Delta(sizes[ROW], ROW, COLUMN),
    ONES: lambda sizes: Ones(**sizes),
    ZEROS: lambda sizes: tg.Zero(**sizes),
}

_IMAGES: dict[Operation, Callable[..., Tensor]] = {
    TRANSPOSE: _transpose,
    TRACE: functions.trace,
    DET: functions.det,
    LOGDET: lambda X: functions.log(functions.det(X)),
    INV: _inverse,
    ADJ: lambda X: functions.det(X) * _inverse(X),
    DIAG: lambda x: functions.diag(x, [ROW, COLUMN]),
    DIAGONAL: lambda X: functions.diag(X, [ROW]),
    SUM: functions.sum,
    SUM_1: lambda X: functions.sum(X, [ROW]),
    SUM_2: lambda X: functions.sum(X, [COLUMN]),
    MEAN: functions.mean,
    NORM1: lambda X: functions.sum(functions.abs(X)),
    NORM2: lambda X: functions.sqrt(functions.frobenius2(X)),
    LOGSUMEXP: lambda x: functions.log(functions.sum(functions.exp(x))),
    SOFTMAX: lambda x: functions.softmax(x, list(x.edges)),
    SOFTMAX_1: lambda X: functions.softmax(X, [ROW]),
    SOFTMAX_2: lambda X: functions.softmax(X, [COLUMN]),
    EXP: functions.exp,
    LOG: functions.log,
    SQRT: functions.sqrt,
    TANH: functions.tanh,
    SIGMOID: functions.sigmoid,
    RELU: functions.relu,
    STEP: functions.gt0,
    ABS: functions.abs,
    SIGN: functions.sign,
    ERF: functions.erf,
    GELU: functions.gelu,
    SOFTPLUS: lambda x: functions.log(1 + functions.exp(x)),
    SQUARE: lambda x: functions.pow(x, 2),
    RECIPROCAL: lambda x: functions.pow(x, -1),
}
