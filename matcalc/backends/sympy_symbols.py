"""Matrices of SymPy symbols, and of random rational numbers, that have a variable's structure.

Symmetric, skew, diagonal, triangular and Toeplitz matrices form linear spaces: every entry is plus
or minus one free parameter, or zero. ``parameter`` says which. Positive definite and orthogonal
matrices do not; they are only sampled.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from matcalc.core.expr import Symbol
from matcalc.errors import UnsupportedProblem

#: Properties that a matrix loses with its sign, and by any factor.
SIGNED = frozenset({"positive", "nonnegative", "spd", "psd"})
RIGID = frozenset({"orthogonal"})

_SYMMETRIC = frozenset({"symmetric", "spd", "psd"})


@dataclass(frozen=True)
class Manner:
    """How to draw the entries of a variable.

    Attributes:
        positive: whether all entries are to be positive.
        denominator: of all entries.
        largest: the largest numerator, unless more are needed for all entries to differ.
        dominant: whether square matrices are made diagonally dominant, with a positive diagonal:
            they are invertible then, with a positive determinant, and definite if symmetric.
    """

    positive: bool = False
    denominator: int = 16
    largest: int = 40
    dominant: bool = False


def parameter(properties: frozenset[str], i: int, j: int) -> tuple[int, tuple[int, int]]:
    """Sign (0, 1 or -1) and place of the free parameter that entry (i, j) is."""
    symmetric = bool(properties & _SYMMETRIC)
    skew = "skew" in properties
    lower, upper = "lower_triangular" in properties, "upper_triangular" in properties
    vanishes = (
        (i != j and "diagonal" in properties)
        or (i < j and (lower or (upper and (symmetric or skew))))
        or (i > j and (upper or (lower and (symmetric or skew))))
        or (skew and (symmetric or i == j))
    )
    if vanishes:
        return 0, (i, j)
    sign = -1 if skew and i > j else 1
    if symmetric or skew:
        i, j = min(i, j), max(i, j)
    if "toeplitz" in properties:
        i, j = i - min(i, j), j - min(i, j)
    return sign, (i, j)


def symbolic_matrix(symbol: Symbol, sizes: Mapping[str, int]) -> sympy.Matrix:
    """A variable's matrix of real symbols ``A[0,1]``, equal or opposite where its structure says so."""
    rows, columns = (dim.evaluate(sizes) for dim in symbol.shape)
    positive = True if "positive" in symbol.properties else None

    def entry(i: int, j: int) -> sympy.Expr:
        sign, (k, l) = parameter(symbol.properties, i, j)
        return sign * sympy.Symbol(entry_name(symbol, k, l), real=True, positive=positive)

    return sympy.Matrix(rows, columns, entry)


def entry_name(symbol: Symbol, i: int, j: int) -> str:
    """Name of an entry's SymPy symbol, with the indices of the axes that carry one."""
    places = [str(k) for k, dim in zip((i, j), symbol.shape, strict=True) if not dim.is_unit]
    return f"{symbol.name}[{','.join(places)}]" if places else symbol.name


def sampled_matrix(
    symbol: Symbol, sizes: Mapping[str, int], rng: random.Random, manner: Manner
) -> sympy.Matrix:
    """A variable's value: random small rationals, no two alike, with all of its properties.

    Raises:
        UnsupportedProblem: an orthogonal matrix with a further structure that is not sampled.
    """
    rows, columns = (dim.evaluate(sizes) for dim in symbol.shape)
    if "orthogonal" in symbol.properties:
        return _orthogonal(symbol, rows, rng)
    positive = manner.positive or "positive" in symbol.properties
    pool = rng.sample(range(1, 1 + max(manner.largest, rows * columns)), rows * columns)
    signs = [1 if positive else rng.choice((-1, 1)) for _ in pool]

    def entry(i: int, j: int) -> sympy.Rational:
        sign, (k, l) = parameter(symbol.properties, i, j)
        place = k * columns + l
        return sign * signs[place] * sympy.Rational(pool[place], manner.denominator)

    matrix = sympy.Matrix(rows, columns, entry)
    definite = bool(symbol.properties & {"spd", "psd"})
    dominant = manner.dominant and rows > 1 and "skew" not in symbol.properties
    if rows == columns and (definite or dominant):
        bound = max(sum(map(abs, matrix.row(i))) for i in range(rows))
        matrix += (bound + sympy.Rational(16, manner.denominator)) * sympy.eye(rows)
    return matrix


def _orthogonal(symbol: Symbol, n: int, rng: random.Random) -> sympy.Matrix:
    """A rational orthogonal matrix: a Cayley transform, or a reflection where it is symmetric."""
    further = symbol.properties - {"orthogonal", "invertible", "nonzero"}
    numbers = sympy.Matrix(n, n, [sympy.Rational(rng.randint(1, 9), 4) for _ in range(n * n)])
    if not further:
        upper = numbers.upper_triangular(1)
        skew = upper - upper.T
        return (sympy.eye(n) - skew) * (sympy.eye(n) + skew).inv()
    if further == {"symmetric"}:
        normal = numbers[:, 0]
        return sympy.eye(n) - 2 * normal * normal.T / normal.dot(normal)
    if "diagonal" in further and further <= {"diagonal", "symmetric"}:
        return sympy.diag(*(rng.choice((-1, 1)) for _ in range(n)))
    raise UnsupportedProblem(
        f"no samples of {symbol.name}, which is declared {' and '.join(sorted(symbol.properties))}"
    )
