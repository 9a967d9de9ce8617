"""Random points with structure, and derivatives by central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcalc.core.expr import Symbol

Array = NDArray[Any]

#: Pairwise different, so that no transposition goes unnoticed, and m > n, as X' X is to be invertible.
SIZES = {"m": 4, "n": 3, "p": 2, "q": 5, "r": 6}

#: For an example that a reader can follow.
SMALL = dict.fromkeys(SIZES, 2)

#: The properties that points can be given.
STRUCTURES = frozenset({"symmetric", "toeplitz", "diagonal"})

#: Of the central differences, whose error is of fourth order.
STEP = 1e-3

#: Largest difference of equal values, relative to the largest entry.
TOLERANCE = 1e-6


def size_names(symbol: Symbol) -> tuple[str, ...]:
    """The sizes of a variable's axes, as declarations name them."""
    return tuple(map(str, symbol.axes))


def central_difference(f: Callable[[Array], Array], x: Array, direction: Array) -> Array:
    """The derivative of f at x along a direction."""
    near, far = (f(x + h * direction) - f(x - h * direction) for h in (STEP, 2 * STEP))
    return np.asarray((8 * near - far) / (12 * STEP))


def is_close(value: Array, wanted: Array) -> bool:
    """Whether two arrays have one shape and, but for rounding, the same entries."""
    if value.shape != wanted.shape:
        return False
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    return bool(np.abs(value - wanted).max(initial=0.0) <= TOLERANCE * scale)


def sample(
    rng: np.random.Generator, symbol: Symbol, sizes: Mapping[str, int], *, whole: bool
) -> Array:
    """A random array with the shape and the linear structure of a variable."""
    shape = [sizes[name] for name in size_names(symbol)]
    array = rng.integers(-2, 4, shape).astype(float) if whole else rng.standard_normal(shape)
    if array.ndim < 2 or not symbol.properties:
        return array
    parameters = free_parameters(len(array), symbol.properties)
    return np.where(parameters < 0, 0.0, array.reshape(-1)[parameters])


def structure_matrices(shape: tuple[int, ...], properties: frozenset[str]) -> Iterator[Array]:
    """For every entry the matrix ``S`` of (134): how the array depends on the parameter there."""
    size = int(np.prod(shape))
    parameters = np.arange(size).reshape(shape)
    if properties:
        parameters = free_parameters(shape[0], properties)
    for parameter in parameters.reshape(-1):
        yield np.where(parameters < 0, 0.0, parameters == parameter)


def free_parameters(n: int, properties: frozenset[str]) -> Array:
    """For every entry of an n x n matrix the first that is equal to it; -1 where all are zero."""
    if not properties <= STRUCTURES:
        raise ValueError(f"no random matrices that are {', '.join(sorted(properties))}")
    i, j = np.indices((n, n))
    if "symmetric" in properties:
        i, j = np.minimum(i, j), np.maximum(i, j)
    if "toeplitz" in properties:
        i, j = i - np.minimum(i, j), j - np.minimum(i, j)
    if "diagonal" in properties:
        return np.where(i == j, i * n + j, -1)
    return i * n + j
