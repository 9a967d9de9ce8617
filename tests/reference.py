"""Numeric ground truth that knows nothing of matcalc: sizes, samples, finite differences.

Arrays follow the convention of generated code: axes of size 1 are dropped.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

#: Sizes that are handed out, none twice, all different from 1. A product of two is no other size.
SIZES = (3, 2, 5, 4, 7)


def distinct_sizes(symbols: Iterable[str], shift: int = 0) -> dict[str, int]:
    """A size for each size symbol, pairwise distinct."""
    names = sorted(set(symbols))
    assert len(names) <= len(SIZES)
    return {name: SIZES[(k + shift) % len(SIZES)] for k, name in enumerate(names)}


def generator(*seed: object) -> np.random.Generator:
    """Random numbers that depend on the seed only, the same in every run."""
    return np.random.default_rng(zlib.crc32(repr(seed).encode()))


def sample(
    rng: np.random.Generator, shape: Sequence[int], *, domain: str = "", structure: str = ""
):
    """A random array in the domain, with the structure."""
    array = _in_domain(rng, tuple(shape), domain)
    return impose(array, structure, definite=domain == "spd") if structure else array


def _in_domain(rng: np.random.Generator, shape: tuple[int, ...], domain: str) -> np.ndarray:
    if domain in ("", "real"):
        return rng.standard_normal(shape)
    if domain == "separated":
        # No two entries close to each other, where a maximum has its kink, and none close to zero.
        grid = np.arange(np.prod(shape, dtype=int)) + rng.uniform(0.25, 0.75)
        return rng.permutation(grid * rng.choice([-1, 1])).reshape(shape) / 4
    if domain == "positive":
        return rng.uniform(0.5, 2, shape)
    if domain == "nonzero":
        return rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape)
    if domain == "unit":
        return rng.uniform(0.1, 0.9, shape)
    if domain == "pm1":
        return rng.choice([-1.0, 1.0], shape)
    if domain == "simplex":
        array = rng.uniform(0.5, 2, shape)
        return array / array.sum(axis=0)
    if domain == "symmetric":
        return impose(rng.standard_normal(shape), "symmetric")
    n = shape[0] if shape else 1
    if domain == "spd":
        return _spd(rng.standard_normal((n, n))).reshape(shape)
    if domain in ("invertible", "posdet"):
        return _well_conditioned(rng, n, positive=domain == "posdet").reshape(shape)
    if domain == "orthogonal":
        return _orthogonal(rng.standard_normal((n, n)))
    raise ValueError(f"unknown domain {domain}")


def _well_conditioned(rng: np.random.Generator, n: int, *, positive: bool) -> np.ndarray:
    """A matrix with singular values between 0.5 and 2."""
    left, right = (_orthogonal(rng.standard_normal((n, n))) for _ in range(2))
    array = left * rng.uniform(0.5, 2, n) @ right
    if positive and np.linalg.det(array) < 0:
        array[0] *= -1
    return array


def _spd(array: np.ndarray) -> np.ndarray:
    return array @ array.T / len(array) + np.eye(len(array)) / 2


def _orthogonal(array: np.ndarray) -> np.ndarray:
    return np.linalg.qr(array)[0]


def impose(array: np.ndarray, structure: str, *, definite: bool = False) -> np.ndarray:
    """The nearest thing to a square array that has the structure."""
    if structure == "spd" or definite:
        symmetric = (array + array.T) / 2
        lowest = np.linalg.eigvalsh(symmetric)[0]
        return symmetric + max(0.0, 0.5 - lowest) * np.eye(len(array))
    if structure == "orthogonal":
        return _orthogonal(array)
    basis = structure_basis(structure, len(array))
    projector = basis.T @ np.linalg.inv(basis @ basis.T) @ basis
    return (projector @ array.reshape(-1)).reshape(array.shape)


def structure_basis(structure: str, n: int) -> np.ndarray:
    """How the entries of an n x n matrix depend on its free parameters, one row a parameter."""
    rows: dict[object, np.ndarray] = {}
    for i in range(n):
        for j in range(n):
            sign, key = _parameter(structure, i, j)
            if sign:
                rows.setdefault(key, np.zeros(n * n))[i * n + j] = sign
    return np.array(list(rows.values()))


#: Linear structures: properties, separated by blanks or by an underscore.
LINEAR = (
    "symmetric",
    "spd",
    "skew",
    "diagonal",
    "toeplitz",
    "lower_triangular",
    "upper_triangular",
)


def _parameter(structure: str, i: int, j: int) -> tuple[float, object]:
    """Sign, and a name for the free parameter that an entry is."""
    present = {name for name in LINEAR if name in structure}
    if not present:
        raise ValueError(f"{structure} is no linear structure")
    mirrors = bool({"symmetric", "spd", "skew"} & present)
    vanishes = (
        ("diagonal" in present and i != j)
        or ("lower_triangular" in present and (i < j or (mirrors and i != j)))
        or ("upper_triangular" in present and (i > j or (mirrors and i != j)))
    )
    sign = float(np.sign(j - i)) if "skew" in present else 1.0
    if mirrors:
        i, j = min(i, j), max(i, j)
    return (0.0 if vanishes else sign), (j - i if "toeplitz" in present else (i, j))


#: What it means for an array to have a property.
PROPERTIES: dict[str, Callable[[np.ndarray], bool]] = {
    "symmetric": lambda A: _equal(A, A.T),
    "skew": lambda A: _equal(A, -A.T),
    "diagonal": lambda A: _equal(A, np.diag(np.diagonal(A))),
    "lower_triangular": lambda A: _equal(A, np.tril(A)),
    "upper_triangular": lambda A: _equal(A, np.triu(A)),
    "toeplitz": lambda A: _equal(A[1:, 1:], A[:-1, :-1]),
    "orthogonal": lambda A: _equal(A.T @ A, np.eye(len(A))),
    "psd": lambda A: _equal(A, A.T) and np.linalg.eigvalsh(A)[0] > -_tolerance(A),
    "spd": lambda A: _equal(A, A.T) and np.linalg.eigvalsh(A)[0] > 0,
    "invertible": lambda A: np.linalg.cond(A) < 1e12,
    "positive": lambda A: bool(np.all(A > 0)),
    "nonnegative": lambda A: bool(np.all(-_tolerance(A) <= A)),
    "nonzero": lambda A: bool(np.all(A != 0)),
}


def has_property(array: np.ndarray, name: str) -> bool:
    """Whether an array has a property; a number is a matrix of one entry."""
    matrix = array.reshape(1, 1) if array.ndim == 0 else array
    return PROPERTIES[name](matrix)


def _equal(A: np.ndarray, B: np.ndarray) -> bool:
    return np.allclose(A, B, rtol=0, atol=_tolerance(A))


def _tolerance(A: np.ndarray) -> float:
    return 1e-9 * max(1.0, float(np.abs(A).max(initial=0.0)))


def restrict(derivative: np.ndarray, structure: str, mode: str, order: int = 1) -> np.ndarray:
    """Turn a derivative by independent entries into one by a matrix of the given structure.

    ``independent``: each entry holds the derivative by the free parameter that stands there (Matrix
    Cookbook 2.8). ``tangent``: projected on the structure. Applies to the last ``2 * order`` axes.
    """
    n = derivative.shape[-1]
    basis = structure_basis(structure, n)
    operator = basis.T @ basis
    if mode == "tangent":
        operator = basis.T @ np.linalg.inv(basis @ basis.T) @ basis
    operator = operator.reshape(n, n, n, n)
    for k in range(order):
        axes = (derivative.ndim - 2 * k - 2, derivative.ndim - 2 * k - 1)
        moved = np.tensordot(derivative, operator, axes=(axes, (2, 3)))
        derivative = np.moveaxis(moved, (-2, -1), axes)
    return derivative


def finite_difference(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, step: float = 1e-3
) -> np.ndarray:
    """Derivative by central differences of fourth order: axes of f, then axes of x."""
    x = np.asarray(x, dtype=float)
    columns = []
    for position in np.ndindex(x.shape):
        bump = np.zeros(x.shape)
        bump[position] = step
        near = np.asarray(f(x + bump)) - np.asarray(f(x - bump))
        far = np.asarray(f(x + 2 * bump)) - np.asarray(f(x - 2 * bump))
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def assert_close(actual: np.ndarray, wanted: np.ndarray, rtol: float) -> None:
    """Equal shapes, and entries equal relative to the largest."""
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    assert actual.shape == wanted.shape, f"shape {actual.shape} instead of {wanted.shape}"
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=rtol * scale)
