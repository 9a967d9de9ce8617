"""Values of SymPy's matrix and array expressions, by NumPy alone.

SymPy's own ``as_explicit`` and ``doit`` are part of what is judged. Axes of size 1 are kept, as SymPy
keeps them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
    ZeroArray,
)

from benchmarks.peer_adapters.base import Array, Malformed, Point

#: Values of symbols: sizes, scalars, the variables of functions.
Values = Mapping[Any, Any]


def evaluate(answer: Any, point: Point) -> Array:
    """The array that an answer is.

    Raises:
        Malformed: shapes in it do not fit.
        NotImplementedError: it has a node that is missing here.
    """
    values: dict[Any, Any] = dict(point.sizes)
    for name, array in point.arrays.items():
        values[name] = array.reshape(-1, 1) if array.ndim == 1 else array
    with np.errstate(all="ignore"):
        return np.asarray(_value(answer, values), dtype=float)


def _value(node: Any, values: Values) -> Array:
    """Recursive: answers to the questions of the corpus are shallow."""
    for kind in type(node).__mro__:
        if kind in _RULES:
            try:
                return np.asarray(_RULES[kind](node, values))
            except (ValueError, np.linalg.LinAlgError) as error:
                raise Malformed(str(error)) from None
    raise NotImplementedError(f"a value of {type(node).__name__}: {node}")


def _args(node: Any, values: Values) -> list[Array]:
    return [_value(arg, values) for arg in node.args]


def _symbol(node: Any, values: Values) -> Array:
    return np.asarray(values[node] if node in values else values[node.name])


def _shape(node: Any, values: Values) -> list[int]:
    return [int(_value(size, values)) for size in node.shape]


def _sum(node: Any, values: Values) -> Array:
    terms = _args(node, values)
    shapes = {term.shape for term in terms}
    if len(shapes) > 1:
        raise Malformed(f"a sum of arrays of shapes {sorted(shapes)}")
    return reduce(np.add, terms)


def _product(node: Any, values: Values) -> Array:
    """Scalars and matrices in order; what is a scalar SymPy knows by its lack of axes."""
    factors = _args(node, values)
    scalars = [factor for factor in factors if factor.ndim == 0]
    matrices = [factor for factor in factors if factor.ndim]
    product = reduce(np.matmul, matrices) if matrices else np.asarray(1.0)
    return np.asarray(np.prod(scalars) * product)


def _matrix_power(node: Any, values: Values) -> Array:
    base, exponent = _args(node, values)
    if base.shape in ((), (1, 1)):
        return base**exponent
    if base.ndim != 2 or exponent.ndim or exponent != round(float(exponent)):
        raise Malformed(f"power {node.exp} of an array of shape {base.shape}")
    return np.linalg.matrix_power(base, int(exponent))


def _entrywise(combine: Callable[[Array, Array], Array]) -> Callable[[Any, Values], Array]:
    def value(node: Any, values: Values) -> Array:
        args = _args(node, values)
        if len({arg.shape for arg in args if arg.ndim}) > 1:
            raise Malformed(f"entry by entry: shapes {[arg.shape for arg in args]}")
        return reduce(combine, args)

    return value


def _scalar_function(node: Any, values: Values) -> Array:
    """Of numbers; a derivative of a step is zero but at its kink, where there is no point."""
    args = _args(node, values)
    if any(arg.size != 1 for arg in args):
        raise Malformed(f"{type(node).__name__} of an array")
    if isinstance(node, sympy.DiracDelta):
        return np.asarray(0.0)
    return np.asarray(float(node.func(*(sympy.Float(float(arg.item()), 17) for arg in args))))


def _mapped(node: Any, values: Values) -> Array:
    function, array = node.function, _value(node.expr, values)
    (x,) = function.variables

    def of_entry(entry: float) -> float:
        return float(_value(function.expr, {**values, x: entry}))

    return np.asarray(np.vectorize(of_entry, otypes=[float])(array))


def _element(node: Any, values: Values) -> Array:
    array, *place = _args(node, values)
    return np.asarray(array[tuple(int(index) for index in place)])


def _summation(node: Any, values: Values) -> Array:
    ranges = [
        range(int(_value(low, values)), int(_value(high, values)) + 1)
        for _, low, high in node.limits
    ]
    indices = [limit[0] for limit in node.limits]
    terms = (
        _value(node.function, {**values, **dict(zip(indices, place, strict=True))})
        for place in itertools.product(*ranges)
    )
    return sum(terms, np.asarray(0.0))


def _diagonal_of(node: Any, values: Values) -> Array:
    return np.diagonal(_value(node.args[0], values)).reshape(-1, 1)


# ------------------------------------------------------------ array expressions


class _Network:
    """A tensor product whose axes are tied, summed and permuted: operands with labels, as for einsum.

    Carried out at once, since the product alone may have a dozen axes.
    """

    def __init__(self, operands: list[tuple[Array, list[int]]], axes: list[int]) -> None:
        self.operands, self.axes = operands, axes

    def tie(self, positions: Any) -> int:
        """Give axes one label, which is returned."""
        labels = {self.axes[int(position)] for position in positions}
        label = min(labels)
        for _, own in self.operands:
            own[:] = [label if each in labels else each for each in own]
        self.axes = [label if each in labels else each for each in self.axes]
        return label

    def contract(self) -> Array:
        sizes: dict[int, int] = {}
        for array, labels in self.operands:
            for label, size in zip(labels, array.shape, strict=True):
                if sizes.setdefault(label, size) != size:
                    raise Malformed(f"axes of sizes {sizes[label]} and {size} are tied")
        numbers = {label: number for number, label in enumerate(sizes)}
        operands: list[Any] = []
        for array, labels in self.operands:
            operands += [array, [numbers[label] for label in labels]]
        return np.asarray(
            np.einsum(*operands, [numbers[label] for label in self.axes], optimize=True)
        )


def _network(node: Any, values: Values, labels: itertools.count[int]) -> _Network:
    if isinstance(node, ArrayTensorProduct):
        parts = [_network(arg, values, labels) for arg in node.args]
        return _Network(
            [operand for part in parts for operand in part.operands],
            [axis for part in parts for axis in part.axes],
        )
    if isinstance(node, ArrayContraction | ArrayDiagonal):
        network = _network(node.expr, values, labels)
        groups = [[int(position) for position in group] for group in node.args[1:]]
        tied = [network.tie(group) for group in groups]
        gone = {position for group in groups for position in group}
        network.axes = [axis for k, axis in enumerate(network.axes) if k not in gone]
        if isinstance(node, ArrayDiagonal):
            network.axes += tied
        return network
    if isinstance(node, PermuteDims):
        network = _network(node.expr, values, labels)
        network.axes = [network.axes[k] for k in node.permutation.array_form]
        return network
    array = _value(node, values)
    own = [next(labels) for _ in array.shape]
    return _Network([(array, list(own))], own)


def _contracted(node: Any, values: Values) -> Array:
    return _network(node, values, itertools.count()).contract()


_RULES: dict[type, Callable[[Any, Values], Any]] = {
    sympy.Symbol: _symbol,
    sympy.MatrixSymbol: _symbol,
    sympy.Number: lambda node, _: float(node),
    sympy.NumberSymbol: lambda node, _: float(node),
    sympy.Add: _sum,
    sympy.Mul: _product,
    sympy.Pow: _matrix_power,
    sympy.Function: _scalar_function,
    sympy.Max: _scalar_function,
    sympy.Sum: _summation,
    sympy.matrices.expressions.matexpr.MatrixElement: _element,
    sympy.MatAdd: _sum,
    sympy.MatMul: _product,
    sympy.MatPow: _matrix_power,
    sympy.Inverse: lambda node, values: np.linalg.inv(_value(node.arg, values)),
    sympy.Transpose: lambda node, values: _value(node.arg, values).T,
    sympy.Trace: lambda node, values: np.trace(_value(node.arg, values)),
    sympy.Determinant: lambda node, values: np.linalg.det(_value(node.arg, values)),
    sympy.HadamardProduct: _entrywise(np.multiply),
    sympy.HadamardPower: _entrywise(np.power),
    sympy.KroneckerProduct: lambda node, values: reduce(np.kron, _args(node, values)),
    sympy.Identity: lambda node, values: np.eye(_shape(node, values)[0]),
    sympy.OneMatrix: lambda node, values: np.ones(_shape(node, values)),
    sympy.ZeroMatrix: lambda node, values: np.zeros(_shape(node, values)),
    sympy.DiagMatrix: lambda node, values: np.diag(np.ravel(_value(node.args[0], values))),
    DiagonalOf: _diagonal_of,
    ElementwiseApplyFunction: _mapped,
    ArrayElementwiseApplyFunc: _mapped,
    ArrayAdd: _sum,
    ArrayTensorProduct: _contracted,
    ArrayContraction: _contracted,
    ArrayDiagonal: _contracted,
    PermuteDims: _contracted,
    Reshape: lambda node, values: np.reshape(_value(node.expr, values), _shape(node, values)),
    ZeroArray: lambda node, values: np.zeros(_shape(node, values)),
    OneArray: lambda node, values: np.ones(_shape(node, values)),
}
