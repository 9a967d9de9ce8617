"""What every expression means, in JAX float64: the reference that knows no rule of matcalc.

Arrays have two axes here, as in the expressions: a vector is ``(n, 1)``, a scalar ``(1, 1)``. Outside,
axes of size 1 are dropped, as in generated code.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

#: Frobenius norm of the largest argument of a matrix function.
LARGEST_NORM = 30

#: Suffixes of the operations that are derivatives of a matrix function.
DERIVED = ("_frechet", "_kronecker")

Array = jax.Array | np.ndarray
Meaning = Callable[..., Array]


def evaluate(
    root: Expr, arrays: Mapping[str, np.ndarray], sizes: Mapping[str, int]
) -> dict[Expr, np.ndarray]:
    """The values of all nodes below ``root``, with two axes each."""
    names = list(arrays)

    def f(*given: Array) -> list[Array]:
        return list(_interpret(root, dict(zip(names, given, strict=True)), sizes).values())

    found = uncompiled(f, *arrays.values())
    return dict(zip(postorder(root), found, strict=True))


def slope(
    root: Expr,
    wrt: Symbol,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
    directions: Sequence[np.ndarray],
) -> np.ndarray:
    """The derivative along one direction after the other in which ``wrt`` moves, by forward mode.

    A random direction meets every entry of the Jacobian, at the cost of one evaluation.
    """
    shape = [dim.evaluate(sizes) for dim in root.axes]

    def f(x: Array) -> Array:
        values = _interpret(root, {**arrays, wrt.name: x}, sizes)
        return jnp.reshape(values[root], shape)

    for direction in directions:
        f = partial(_along, f, direction)
    return uncompiled(f, arrays[wrt.name])[0]


def _along(f: Callable[[Array], Array], direction: np.ndarray, x: Array) -> Array:
    return jax.jvp(f, (x,), (jnp.asarray(direction),))[1]


def _interpret(
    root: Expr, arrays: Mapping[str, Array], sizes: Mapping[str, int]
) -> dict[Expr, Array]:
    found: dict[Expr, Array] = {}
    for node in postorder(root):
        match node:
            case Symbol():
                shape = [dim.evaluate(sizes) for dim in node.shape]
                found[node] = jnp.reshape(arrays[node.name], shape)
            # Numbers are never traced, so that sizes and counts can be read off them.
            case Constant():
                found[node] = np.full((1, 1), float(node.value))
            case Size():
                found[node] = np.full((1, 1), float(node.dim.evaluate(sizes)))
            case Apply():
                found[node] = MEANING[node.op.name](*(found[arg] for arg in node.args))
    return found


# ---------------------------------------------------------------------- operations


def _count(number: Array) -> int:
    """A size, or the number of an eigenvalue, as an integer."""
    return int(number[0, 0])


def _whole(scalar: Array) -> Array:
    return jnp.reshape(scalar, (1, 1))


def _matrix_power(X: Array, k: Array) -> Array:
    exponent = _count(k)
    base = X if exponent >= 0 else jnp.linalg.inv(X)
    return reduce(jnp.matmul, [base] * abs(exponent), jnp.eye(len(X)))


def _adjugate(X: Array) -> Array:
    """Transposed cofactors, by determinants of the minors."""
    n = len(X)

    def cofactor(i: int, j: int) -> Array:
        minor = jnp.delete(jnp.delete(X, i, axis=0), j, axis=1)
        return (-1) ** (i + j) * jnp.linalg.det(minor)

    return jnp.stack([jnp.stack([cofactor(i, j) for i in range(n)]) for j in range(n)])


def _log_determinant(X: Array) -> Array:
    sign, logarithm = jnp.linalg.slogdet(X)
    return _whole(jnp.where(sign > 0, logarithm, jnp.nan))


def _exponential(X: Array) -> Array:
    """Scaling and squaring with a plain Taylor series; good to rounding for norms up to 256."""
    X = X / 2**8
    term = total = jnp.eye(len(X))
    for k in range(1, 17):
        term = term @ X / k
        total = total + term
    for _ in range(8):
        total = total @ total
    return total


def _sine_and_cosine(X: Array) -> tuple[Array, Array]:
    """exp([[0, X], [-X, 0]]) = [[cos X, sin X], [-sin X, cos X]]."""
    n, zero = len(X), jnp.zeros_like(X)
    rotation = _exponential(jnp.block([[zero, X], [-X, zero]]))
    return rotation[:n, n:], rotation[:n, :n]


def _sine(X: Array) -> Array:
    return _sine_and_cosine(X)[0]


def _cosine(X: Array) -> Array:
    return _sine_and_cosine(X)[1]


def _kronecker_form(f: Meaning, X: Array, *parameters: Array) -> Array:
    """Its columns are vec of the derivatives of ``f`` along the unit matrices, column by column."""
    units = np.eye(X.size).reshape(-1, *X.shape).transpose(0, 2, 1)
    slopes = [_frechet(f, X, *parameters, unit) for unit in units]
    return jnp.stack([jnp.reshape(slope.T, -1) for slope in slopes], axis=1)


def _frechet(f: Meaning, X: Array, *parameters: Array) -> Array:
    """The derivative of a function of a matrix, along the last argument."""
    *fixed, E = parameters
    X, E = jnp.asarray(X, dtype=float), jnp.asarray(E, dtype=float)
    return jax.jvp(lambda Y: f(Y, *fixed), (X,), (E,))[1]


def _matrix_functions() -> dict[str, Meaning]:
    """With their derivatives along a matrix, and the Kronecker form of these."""
    functions = {"expm": _exponential, "sinm": _sine, "cosm": _cosine, "matpow": _matrix_power}
    found: dict[str, Meaning] = {**functions}
    for name, f in functions.items():
        found[f"{name}_frechet"] = partial(_frechet, f)
        found[f"{name}_kronecker"] = partial(_kronecker_form, f)
    return found


def _eigenvector(X: Array, k: Array) -> Array:
    v = jnp.linalg.eigh(X)[1][:, _count(k)]
    return jnp.where(v[0] < 0, -v, v)[:, None]


def _diagonal_sums(X: Array) -> Array:
    n = len(X)
    return jnp.stack([jnp.stack([jnp.trace(X, j - i) for j in range(n)]) for i in range(n)])


def _commutation(m: Array, n: Array) -> np.ndarray:
    rows, columns = _count(m), _count(n)
    K = np.zeros((rows * columns, rows * columns))
    for i in range(rows):
        for j in range(columns):
            # vec(A')[i n + j] = A[i,j] = vec(A)[j m + i].
            K[i * columns + j, j * rows + i] = 1
    return K


def _softmax(axis: int | None, X: Array) -> Array:
    powers = jnp.exp(X)
    return powers / jnp.sum(powers, axis=axis, keepdims=True)


def _log_sum_exp(axis: int | None, X: Array) -> Array:
    return jnp.log(jnp.sum(jnp.exp(X), axis=axis, keepdims=True))


def _attained(extremum: Meaning, axis: int | None, X: Array) -> Array:
    at = jnp.where(extremum(X, axis=axis, keepdims=True) == X, 1.0, 0.0)
    return at / jnp.sum(at, axis=axis, keepdims=True)


def _reductions() -> dict[str, Meaning]:
    """Over all entries, and with the suffixes _1 and _2 along the rows' and the columns' axis."""
    found: dict[str, Meaning] = {}
    for suffix, axis in (("", None), ("_1", 0), ("_2", 1)):
        found["softmax" + suffix] = partial(_softmax, axis)
        found["logsumexp" + suffix] = partial(_log_sum_exp, axis)
        for name in ("sum", "mean", "max", "min"):
            found[name + suffix] = partial(getattr(jnp, name), axis=axis, keepdims=True)
        for name, extremum in (("argmax", jnp.max), ("argmin", jnp.min)):
            found[name + suffix] = partial(_attained, extremum, axis)
    return found


#: Every operation of the registry by its name.
MEANING: dict[str, Meaning] = {
    "add": lambda *terms: reduce(jnp.add, terms),
    "times": lambda *factors: reduce(jnp.multiply, factors),
    "matmul": lambda *factors: reduce(jnp.matmul, factors),
    "transpose": jnp.transpose,
    "power": jnp.power,
    "kron": lambda *factors: reduce(jnp.kron, factors),
    "eye": lambda n: np.eye(_count(n)),
    "ones": lambda m, n: np.ones((_count(m), _count(n))),
    "zeros": lambda m, n: np.zeros((_count(m), _count(n))),
    "unit": lambda n, k: np.eye(_count(n))[:, [_count(k) - 1]],
    "commutation": _commutation,
    "pi": lambda: np.full((1, 1), np.pi),
    **{name: getattr(jnp, name) for name in (
        "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs", "sign", "square",
        "reciprocal", "maximum", "minimum",
    )},
    "asin": jnp.arcsin,
    "acos": jnp.arccos,
    "atan": jnp.arctan,
    "step": lambda x: jnp.where(x > 0, 1.0, 0.0),
    "relu": lambda x: jnp.where(x > 0, x, 0.0),
    "sigmoid": lambda x: 1 / (1 + jnp.exp(-x)),
    "softplus": lambda x: jnp.log1p(jnp.exp(x)),
    "erf": jax.scipy.special.erf,
    "gelu": lambda x: x * jax.scipy.stats.norm.cdf(x),
    **dict.fromkeys(("tr", "eigsum"), lambda X: _whole(jnp.trace(X))),
    **dict.fromkeys(("det", "eigprod"), lambda X: _whole(jnp.linalg.det(X))),
    "logdet": _log_determinant,
    "inv": jnp.linalg.inv,
    "adj": _adjugate,
    "pinv": jnp.linalg.pinv,
    "diag": lambda x: jnp.diag(x[:, 0]),
    "diagonal": lambda X: jnp.diagonal(X)[:, None],
    "vec": lambda X: jnp.reshape(X, (-1, 1), order="F"),
    "tril": jnp.tril,
    "triu": jnp.triu,
    **_matrix_functions(),
    "eigval": lambda X, k: _whole(jnp.linalg.eigh(X)[0][_count(k)]),
    "eigvec": _eigenvector,
    "toeplitz": _diagonal_sums,
    "norm2": lambda X: _whole(jnp.sqrt(jnp.sum(X**2))),
    "norm1": lambda X: _whole(jnp.sum(jnp.abs(X))),
    **_reductions(),
}  # fmt: skip


# ---------------------------------------------------------------------- edges


def distance_from_edge(node: Apply, args: Sequence[np.ndarray]) -> float:
    """How far the arguments are from where the operation has a kink or stops being defined."""
    measure = MARGINS.get(node.op.name)
    return float("inf") if measure is None else float(measure(*args))


def _smallest(x: np.ndarray) -> float:
    return np.min(np.abs(x))


def _condition(X: np.ndarray) -> float:
    """Smallest singular value in relation to the largest; that of zeros is 0."""
    singular = np.linalg.svd(X, compute_uv=False)
    return singular[-1] / singular[0] if singular[0] else 0.0


def _power_margin(x: np.ndarray, y: np.ndarray) -> float:
    """Whole powers are smooth, from the zeroth power on at 0 too."""
    return np.inf if y.size == 1 and y[0, 0] >= 0 and y[0, 0] % 1 == 0 else _smallest(x)


def _gaps(x: np.ndarray) -> float:
    """Smallest distance between two entries."""
    ordered = np.sort(np.ravel(x))
    return np.min(np.diff(ordered), initial=np.inf)


def _lead(sign: int, axis: int | None, X: np.ndarray) -> float:
    """How far the largest entry (smallest for -1), of each line along the axis, is from the next."""
    lines = [np.ravel(X)] if axis is None else np.moveaxis(X, axis, -1)
    return min(np.min(np.diff(np.sort(sign * line)[-2:]), initial=np.inf) for line in lines)


def _moderate(X: np.ndarray, *_: np.ndarray) -> float:
    """Exponentials of larger matrices lose their digits."""
    return np.inf if np.linalg.norm(X) < LARGEST_NORM else 0.0


def _eigen_gap(X: np.ndarray, k: np.ndarray) -> float:
    """Between the eigenvalues; and the first entry of the eigenvector, which fixes its sign."""
    if not np.allclose(X, X.T):
        return 0.0
    eigenvalues, eigenvectors = np.linalg.eigh(X)
    return min(_gaps(eigenvalues), _smallest(eigenvectors[0, _count(k)]))


MARGINS: dict[str, Callable[..., float]] = {
    **dict.fromkeys(("abs", "sign", "step", "relu", "norm1", "log", "reciprocal"), _smallest),
    "sqrt": np.min,
    "norm2": np.linalg.norm,
    "power": _power_margin,
    "tan": lambda x: _smallest(np.cos(x)),
    **dict.fromkeys(("asin", "acos"), lambda x: np.min(1 - np.abs(x))),
    **dict.fromkeys(("maximum", "minimum"), lambda x, y: _smallest(x - y)),
    **dict.fromkeys(("inv", "det", "eigprod", "logdet", "adj", "pinv"), _condition),
    "matpow": lambda X, k: _condition(X) if k[0, 0] < 0 else np.inf,
    **dict.fromkeys(("eigval", "eigvec"), _eigen_gap),
    **{f + form: _moderate for f in ("expm", "sinm", "cosm") for form in ("", *DERIVED)},
    **{
        prefix + name + suffix: partial(_lead, sign, axis)
        for name, sign in (("max", 1), ("min", -1))
        for suffix, axis in (("", None), ("_1", 0), ("_2", 1))
        for prefix in ("", "arg")
    },
}
