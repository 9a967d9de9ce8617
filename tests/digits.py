"""Expressions and their derivatives in arithmetic of 1600 digits, straight from the formula as it is written.

Nothing overflows there, and what cancels leaves digits enough; derivatives are central differences.
Arrays follow the convention of generated code: axes of size 1 are dropped.
"""

from collections.abc import Callable
from itertools import product

import mpmath
import numpy as np

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.ops import REGISTRY

DIGITS = 1600
#: Small beside any double, and its square still large beside what arithmetic leaves.
STEP = mpmath.mpf(10) ** -400


def value(e: Expr, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The value at these doubles, rounded to doubles."""
    with mpmath.workdps(DIGITS):
        return _rounded(_dropped(_value(e, _exact(e, arrays)), e))


def derivative(e: Expr, wrt: str, order: int, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The derivative of a scalar by all entries of a variable, in the tensor layout."""
    with mpmath.workdps(DIGITS):
        given = _exact(e, arrays)
        places = list(np.ndindex(given[wrt].shape))
        shape = np.shape(arrays[wrt])
        found = np.empty((len(places),) * order, dtype=object)
        cache: dict[tuple[int, ...], mpmath.mpf] = {}
        for at in product(range(len(places)), repeat=order):
            at_sorted = tuple(sorted(at))
            if at_sorted not in cache:
                cache[at_sorted] = _difference(e, given, wrt, [places[k] for k in at_sorted])
            found[at] = cache[at_sorted]
        return _rounded(found.reshape(shape * order))


def _difference(e: Expr, given: dict, wrt: str, places: list[tuple[int, ...]]) -> mpmath.mpf:
    total = mpmath.mpf(0)
    for signs in product((1, -1), repeat=len(places)):
        moved = given[wrt].copy()
        for sign, place in zip(signs, places, strict=True):
            moved[place] += sign * STEP
        total += int(np.prod(signs)) * _value(e, {**given, wrt: moved})[0, 0]
    return total / (2 * STEP) ** len(places)


def _exact(e: Expr, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Two axes for each; the sizes by their names."""
    found: dict = {}
    for symbol in (node for node in postorder(e) if isinstance(node, Symbol)):
        array = np.asarray(arrays[symbol.name], dtype=float)
        for dim, length in zip(symbol.axes, array.shape, strict=True):
            found[f"size {dim}"] = length
        is_row = symbol.shape[0].is_unit and not symbol.shape[1].is_unit
        rows = (1, array.size) if is_row else (array.size, 1)
        matrix = array if array.ndim == 2 else array.reshape(rows)
        found[symbol.name] = _entrywise(mpmath.mpf)(matrix)
    return found


def _value(e: Expr, given: dict) -> np.ndarray:
    values: dict[Expr, np.ndarray] = {}
    for node in postorder(e):
        values[node] = _node(node, values, given)
    return values[e]


def _node(node: Expr, values: dict[Expr, np.ndarray], given: dict) -> np.ndarray:
    if isinstance(node, Symbol):
        return given[node.name]
    if isinstance(node, Constant):
        fraction = node.value
        return np.array([[mpmath.mpf(fraction.numerator) / fraction.denominator]])
    if isinstance(node, Size):
        return np.array([[mpmath.mpf(_length(node.dim, given))]])
    assert isinstance(node, Apply)
    if node.op.name in ("ones", "zeros", "eye"):
        shape = tuple(_length(dim, given) for dim in node.shape)
        made = {"ones": np.ones, "zeros": np.zeros, "eye": np.eye}[node.op.name]
        return _entrywise(mpmath.mpf)(made(shape[0]) if node.op.name == "eye" else made(shape))
    return FUNCTIONS[node.op.name](*(values[arg] for arg in node.args))


def _length(dim, given: dict) -> int:
    return dim.evaluate({name: given.get(f"size {name}") for name in dim.symbols})


def _entrywise(function: Callable) -> Callable:
    return np.vectorize(function, otypes=[object])


def _folded(function: Callable) -> Callable:
    def all_of(*args):
        result = args[0]
        for arg in args[1:]:
            result = function(result, arg)
        return result

    return all_of


def _matrix(function: Callable) -> Callable:
    """A function of mpmath's matrices."""

    def of_array(X):
        found = function(mpmath.matrix(X.tolist()))
        is_matrix = isinstance(found, mpmath.matrix)
        return np.array(found.tolist() if is_matrix else [[found]], dtype=object)

    return of_array


def _whole(function: Callable) -> Callable:
    return lambda X: np.array([[function(X)]], dtype=object)


def _log_sum(X, axis=None):
    summed = np.sum(_entrywise(mpmath.exp)(X), axis=axis, keepdims=True)
    return _entrywise(mpmath.log)(summed)


def _softmax(X, axis=None):
    powers = _entrywise(mpmath.exp)(X)
    return powers / np.sum(powers, axis=axis, keepdims=True)


FUNCTIONS: dict[str, Callable] = {
    **{
        op.name: _entrywise(getattr(mpmath, op.name))
        for op in REGISTRY.values()
        if op.elementwise and hasattr(mpmath, op.name)
    },
    "abs": _entrywise(abs),
    "sigmoid": _entrywise(lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": _entrywise(lambda x: mpmath.log(1 + mpmath.exp(x))),
    "relu": _entrywise(lambda x: max(x, mpmath.mpf(0))),
    "gelu": _entrywise(lambda x: x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "maximum": _entrywise(max),
    "minimum": _entrywise(min),
    "pi": lambda: np.array([[+mpmath.pi]]),
    "add": _folded(lambda x, y: x + y),
    "times": _folded(lambda x, y: x * y),
    "matmul": _folded(lambda x, y: x @ y),
    "kron": _folded(np.kron),
    "transpose": lambda X: X.T,
    "diag": lambda x: np.diag(x[:, 0]) + mpmath.mpf(0),
    "diagonal": lambda X: np.diagonal(X)[:, None],
    "vec": lambda X: X.T.reshape(-1, 1),
    "tr": _whole(np.trace),
    "det": _matrix(mpmath.det),
    "logdet": _matrix(lambda X: mpmath.log(mpmath.det(X))),
    "inv": _matrix(lambda X: X**-1),
    "sum": _whole(np.sum),
    "sum_1": lambda X: np.sum(X, axis=0, keepdims=True),
    "sum_2": lambda X: np.sum(X, axis=1, keepdims=True),
    "mean": _whole(lambda X: np.sum(X) / X.size),
    "mean_1": lambda X: np.sum(X, axis=0, keepdims=True) / X.shape[0],
    "mean_2": lambda X: np.sum(X, axis=1, keepdims=True) / X.shape[1],
    "max": _whole(np.max),
    "min": _whole(np.min),
    "norm2": _whole(lambda X: mpmath.sqrt(np.sum(X * X))),
    "norm1": _whole(lambda X: np.sum(abs(X))),
    "logsumexp": _log_sum,
    "logsumexp_1": lambda X: _log_sum(X, 0),
    "logsumexp_2": lambda X: _log_sum(X, 1),
    "softmax": _softmax,
    "softmax_1": lambda X: _softmax(X, 0),
    "softmax_2": lambda X: _softmax(X, 1),
}


def _dropped(array: np.ndarray, e: Expr) -> np.ndarray:
    """Without the axes of length 1 in its type."""
    return array.reshape([n for n, d in zip(array.shape, e.shape, strict=True) if not d.is_unit])


def _rounded(array: np.ndarray) -> np.ndarray:
    return np.vectorize(float, otypes=[float])(array) if array.size else array.astype(float)
