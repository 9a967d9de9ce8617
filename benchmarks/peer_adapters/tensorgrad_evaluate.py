"""Values of tensorgrad's tensors, by NumPy alone.

Its own evaluator works in single precision, with PyTorch's named tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import erf
from tensorgrad import functions
from tensorgrad.tensor import Delta, Function, Product, Rename, Sum, Tensor, Variable, Zero

from benchmarks.peer_adapters.base import Array, Malformed, Point
from benchmarks.peer_adapters.tensorgrad_translate import COLUMN, ROW


def children(tensor: Any) -> tuple[Tensor, ...]:
    """The tensors that a tensor is made of."""
    match tensor:
        case Product():
            return tuple(tensor.factors)
        case Sum():
            return tuple(tensor.terms)
        case Function():
            return tuple(tensor.inputs)
    inner = getattr(tensor, "tensor", None)
    return () if inner is None else (inner,)


def postorder(tensor: Tensor) -> Iterator[Tensor]:
    """Every tensor object in this one once, parts before what they are part of."""
    seen: set[int] = set()
    stack = [(tensor, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in seen:
            continue
        if ready:
            seen.add(id(node))
            yield node
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in children(node))


def evaluate(tensor: Tensor, point: Point, order: tuple[str, ...]) -> Array:
    """The array that a tensor is, its axes in the order of the edges named.

    Raises:
        Malformed: its edges are others.
        NotImplementedError: it has a part that is missing here.
    """
    if set(order) != set(tensor.edges):
        raise Malformed(f"edges {sorted(tensor.edges)} instead of {sorted(order)}")
    done: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in postorder(tensor):
            value = _value(node, [done[id(child)] for child in children(node)], point)
            expected = tuple(point.sizes[str(size)] for size in node.shape.values())
            assert value.shape == expected, f"{type(node).__name__}: {value.shape}, not {expected}"
            done[id(node)] = value
    return _aligned(done[id(tensor)], tuple(tensor.edges), order)


def _aligned(array: Array, edges: tuple[str, ...], order: tuple[str, ...]) -> Array:
    return np.transpose(array, [edges.index(edge) for edge in order])


def _value(node: Tensor, parts: list[Array], point: Point) -> Array:
    """The array with the axes as in ``node.edges``, from those of its children."""
    sizes = [point.sizes[str(size)] for size in node.shape.values()]
    match node:
        case Variable():
            own = tuple(edge for edge in (ROW, COLUMN) if edge in node.edges)
            return _aligned(np.asarray(point.arrays[node.name]), own, tuple(node.edges))
        case Rename():
            return parts[0]
        case Zero():
            return np.zeros(sizes)
        case Delta():
            return _delta(point.sizes[str(node.size)], node.order)
        case Sum():
            return _weighted_sum(node, parts, sizes)
        case Product():
            return _contraction(node, parts)
        case Function():
            return _function(node, parts)
    raise NotImplementedError(f"a value of {type(node).__name__}")


def _delta(size: int, order: int) -> Array:
    """Ones where all indices are equal; without edges the size itself."""
    if order == 0:
        return np.asarray(float(size))
    array = np.zeros((size,) * order)
    array[(np.arange(size),) * order] = 1
    return array


def _weighted_sum(node: Sum, parts: list[Array], sizes: list[int]) -> Array:
    total = np.zeros(sizes)
    for weight, term, part in zip(node.weights, node.terms, parts, strict=True):
        total = total + float(weight) * _aligned(part, tuple(term.edges), tuple(node.edges))
    return total


def _contraction(node: Product, parts: list[Array]) -> Array:
    numbers: dict[str, int] = {}
    operands: list[Any] = []
    for factor, part in zip(node.factors, parts, strict=True):
        operands += [part, [numbers.setdefault(edge, len(numbers)) for edge in factor.edges]]
    if not operands:
        return np.asarray(1.0)
    return np.asarray(np.einsum(*operands, [numbers[edge] for edge in node.edges], optimize=True))


# ------------------------------------------------------------ functions

_ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "erf": erf,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "gt0": lambda x: np.where(x > 0, 1.0, 0.0),
    "abs": np.abs,
    "sign": np.sign,
}


def _function(node: Function, parts: list[Array]) -> Array:
    """The function's value; a matrix function leaves the axes alone that it does not consume."""
    signature, edges, wanted = node.signature, tuple(node.inputs[0].edges), tuple(node.edges)
    if isinstance(signature, functions._PowerFunction):  # noqa: SLF001  # there is no public name
        return _aligned(parts[0] ** float(signature.k), edges, wanted)
    if signature.name in _ELEMENTWISE:
        return _aligned(_ELEMENTWISE[signature.name](parts[0]), edges, wanted)
    if signature.name in ("det", "inv"):
        first, second = signature.inputs[0]
        kept = tuple(edge for edge in edges if edge not in (first, second))
        matrices = _aligned(parts[0], edges, (*kept, first, second))
        if signature.name == "det":
            return _aligned(np.linalg.det(matrices), kept, wanted)
        # Edges of the same name cancel, so the rows of the inverse bear the name of the columns.
        return _aligned(np.linalg.inv(matrices), (*kept, second, first), wanted)
    raise NotImplementedError(f"a value of the function {signature.name}")
