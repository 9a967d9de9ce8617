"""JAX's traces evaluated by NumPy.

JAX compiles every primitive for every shape that it meets, which takes 20 to 80 ms each: minutes for
random expressions. Here JAX differentiates, and NumPy computes. A primitive without an entry in
``NUMPY`` is left to JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

Array = np.ndarray


def uncompiled(f: Callable[..., Any], *args: Array) -> list[Array]:
    """The arrays that ``f`` returns at these arguments, flat."""
    closed = jax.make_jaxpr(f)(*args)
    with np.errstate(all="ignore"):
        return _run(closed.jaxpr, closed.consts, args)


def _run(jaxpr: core.Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for eqn in jaxpr.eqns:
        results = _apply(eqn, [read(atom) for atom in eqn.invars])
        known.update(zip(eqn.outvars, results, strict=True))
    return [np.asarray(read(atom)) for atom in jaxpr.outvars]


def _apply(eqn: Any, args: list[Any]) -> list[Any]:
    name, params = eqn.primitive.name, eqn.params
    inner = params.get("jaxpr") or params.get("call_jaxpr")
    if inner is not None and name in CALLS:
        return _run(inner.jaxpr, inner.consts, args)
    if name in NUMPY:
        result = NUMPY[name](*map(np.asarray, args), **params)
        aval = eqn.outvars[0].aval
        array = np.asarray(result, dtype=aval.dtype)
        assert array.shape == aval.shape, name
        return [array]
    if name in ITERATIVE and not np.isfinite(args[0]).all():
        return [np.full(var.aval.shape, np.nan, var.aval.dtype) for var in eqn.outvars]
    found = eqn.primitive.bind(*args, **params)
    return list(map(np.asarray, found if eqn.primitive.multiple_results else [found]))


#: Primitives that only run a trace of their own.
CALLS = ("pjit", "jit", "custom_jvp_call", "custom_vjp_call", "closed_call", "core_call")

#: Decompositions that LAPACK may never return from if an entry is infinite.
ITERATIVE = ("svd", "eigh", "eig", "schur")


def _plain(f: Callable[..., Any]) -> Callable[..., Any]:
    """A primitive whose parameters say nothing but how to compute it."""
    return lambda *args, **_: f(*args)


def _dot_general(x: Array, y: Array, *, dimension_numbers: Any, **_: Any) -> Array:
    """Batch axes come first, then the free axes of either."""
    (left, right), (left_batch, right_batch) = dimension_numbers
    letters = iter(range(x.ndim + y.ndim))
    x_axes = [next(letters) for _ in range(x.ndim)]
    y_axes = [-1] * y.ndim
    for i, j in zip((*left, *left_batch), (*right, *right_batch), strict=True):
        y_axes[j] = x_axes[i]
    y_axes = [next(letters) if axis < 0 else axis for axis in y_axes]
    batch = [x_axes[i] for i in left_batch]
    free = [axis for i, axis in enumerate(x_axes) if i not in (*left, *left_batch)]
    free += [axis for j, axis in enumerate(y_axes) if j not in (*right, *right_batch)]
    return np.einsum(x, x_axes, y, y_axes, [*batch, *free])


def _broadcast(x: Array, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Array:
    spread = [1] * len(shape)
    for length, place in zip(x.shape, broadcast_dimensions, strict=True):
        spread[place] = length
    return np.broadcast_to(x.reshape(spread), shape)


def _reshape(x: Array, *, new_sizes: Any, dimensions: Any, **_: Any) -> Array:
    return np.reshape(x if dimensions is None else np.transpose(x, dimensions), new_sizes)


def _slice(x: Array, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Array:
    steps = strides or [1] * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _pad(x: Array, value: Array, *, padding_config: Any, **_: Any) -> Array:
    """Negative padding cuts; the third number spreads entries out."""
    shape = [
        low + high + length + max(length - 1, 0) * inner
        for length, (low, high, inner) in zip(x.shape, padding_config, strict=True)
    ]
    result = np.full(shape, value)
    for source in np.ndindex(x.shape):
        place = tuple(
            low + k * (1 + inner) for k, (low, _, inner) in zip(source, padding_config, strict=True)
        )
        if all(0 <= k < length for k, length in zip(place, shape, strict=True)):
            result[place] = x[source]
    return result


def _iota(*, shape: Any, dimension: int, **_: Any) -> Array:
    lengths = [1] * len(shape)
    lengths[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension]).reshape(lengths), shape)


def _reduction(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, **_: f(x, axis=tuple(axes))


#: JAX's primitives in NumPy.
NUMPY: dict[str, Callable[..., Any]] = {
    **{name: _plain(f) for name, f in {
        "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply,
        "div": lambda x, y: x / y if x.dtype.kind in "fc" else x // y,
        "neg": np.negative, "sign": np.sign, "abs": np.abs, "max": np.maximum, "min": np.minimum,
        "exp": np.exp, "exp2": np.exp2, "log": np.log, "log1p": np.log1p, "expm1": np.expm1,
        "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "square": np.square, "pow": np.power,
        "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
        "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
        "logistic": lambda x: 1 / (1 + np.exp(-x)),
        "erf": np.vectorize(math.erf, otypes=[float]),
        "erfc": np.vectorize(math.erfc, otypes=[float]), "rem": np.fmod,
        "gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal,
        "eq": np.equal, "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or,
        "not": np.logical_not, "is_finite": np.isfinite,
        "select_n": lambda which, *cases: np.choose(which.astype(int), cases),
        "copy": np.copy, "copy_p": np.copy, "stop_gradient": np.copy, "convert_element_type": np.copy,
    }.items()},
    "integer_pow": lambda x, *, y: x ** float(y),
    "dot_general": _dot_general,
    "broadcast_in_dim": _broadcast,
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "reshape": _reshape,
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, tuple(dimensions)),
    "concatenate": lambda *arrays, dimension: np.concatenate(arrays, dimension),
    "stack": lambda *arrays, axis: np.stack(arrays, axis),
    "slice": _slice,
    "pad": _pad,
    "iota": _iota,
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "reduce_sum": _reduction(np.sum),
    "reduce_prod": _reduction(np.prod),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_and": _reduction(np.all),
    "reduce_or": _reduction(np.any),
}  # fmt: skip
