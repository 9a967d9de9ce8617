"""Sums, products, powers and transposes: the operations with a notation of their own."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import mul
from typing import Any

from matcalc.core.dim import ONE, Shape, describe_shape
from matcalc.core.operation import Operation
from matcalc.errors import NumbersOnlyProblem, ShapeProblem

#: Largest power of a matrix of symbols; the entries of such a power are long.
WRITTEN_OUT = 6


def _same_shape(shapes: tuple[Shape, ...]) -> Shape:
    for shape in shapes[1:]:
        if shape != shapes[0]:
            raise ShapeProblem(f"a sum of {describe_shape(shapes[0])} and {describe_shape(shape)}")
    return shapes[0]


def _broadcast_scalars(shapes: tuple[Shape, ...]) -> Shape:
    """Scalars combine with anything; everything else must have one shape."""
    arrays = [shape for shape in shapes if not (shape[0].is_unit and shape[1].is_unit)]
    for shape in arrays[1:]:
        if shape != arrays[0]:
            raise ShapeProblem(
                "an element-wise product of "
                f"{describe_shape(arrays[0])} and {describe_shape(shape)}"
            )
    return arrays[0] if arrays else shapes[0]


def _matrix_product(shapes: tuple[Shape, ...]) -> Shape:
    for left, right in pairwise(shapes):
        if left[1] != right[0]:
            raise ShapeProblem(f"a product of {describe_shape(left)} and {describe_shape(right)}")
    return shapes[0][0], shapes[-1][1]


def _kronecker(shapes: tuple[Shape, ...]) -> Shape:
    rows, columns = ONE, ONE
    for shape in shapes:
        rows, columns = rows * shape[0], columns * shape[1]
    return rows, columns


def _matrix_power(shapes: tuple[Shape, ...]) -> Shape:
    base, exponent = shapes
    if base[0] != base[1] or not all(dim.is_unit for dim in exponent):
        raise ShapeProblem(f"a matrix power of {describe_shape(base)}")
    return base


def _power_of_matrix(_: Any, X: Any, k: Any) -> Any:
    largest = WRITTEN_OUT if all(entry.is_Atom for entry in X) else WRITTEN_OUT // 3
    if k > largest and not all(entry.is_number for entry in X):
        raise NumbersOnlyProblem(f"powers above {largest} are taken of numbers only")
    return X**k


def _entrywise(sp: Any, combine: Any, *arrays: Any) -> Any:
    """SymPy image of an entry by entry combination in which a 1x1 matrix stands for all entries."""
    rows, columns = max(array.shape for array in arrays)

    def entry(i: int, j: int) -> Any:
        return combine(*(a[0, 0] if a.shape == (1, 1) else a[i, j] for a in arrays))

    return sp.Matrix(rows, columns, entry)


ADD = Operation(
    "add",
    "(m, n), (m, n) -> (m, n)",
    ("A", "B"),
    index_form="add(A, B)[i,j] = A[i,j] + B[i,j]",
    variadic=True,
    shape_rule=_same_shape,
    symbolic=True,
    keeps="symmetric skew diagonal lower_triangular upper_triangular toeplitz psd nonnegative",
    infers=("psd, some spd -> spd", "nonnegative, some positive -> positive"),
    sympy=lambda sp, *terms: _entrywise(sp, sp.Add, *terms),
)

TIMES = Operation(
    "times",
    "(m, n), (m, n) -> (m, n)",
    ("A", "B"),
    index_form="times(A, B)[i,j] = A[i,j] B[i,j]",
    variadic=True,
    shape_rule=_broadcast_scalars,
    call="hadamard",
    symbolic=True,
    # Definite matrices: Schur's product theorem.
    keeps="symmetric toeplitz psd spd positive nonnegative nonzero",
    infers=(
        "some diagonal -> diagonal",
        "some lower_triangular -> lower_triangular",
        "some upper_triangular -> upper_triangular",
    ),
    sympy=lambda sp, *factors: _entrywise(sp, sp.Mul, *factors),
)
"""The entry by entry product, in which scalars count as constant arrays: ``2 A``, ``a x``, ``A .* B``."""

MATMUL = Operation(
    "matmul",
    "(m, k), (k, n) -> (m, n)",
    ("A", "B"),
    index_form="matmul(A, B)[i,j] = A[i,k] B[k,j]",
    variadic=True,
    shape_rule=_matrix_product,
    symbolic=True,
    keeps="diagonal lower_triangular upper_triangular orthogonal invertible positive nonnegative",
    infers=("diagonal spd -> spd", "diagonal psd -> psd"),
    sympy=lambda sp, *factors: reduce(mul, factors),
)

TRANSPOSE = Operation(
    "transpose",
    "(m, n) -> (n, m)",
    ("A",),
    index_form="transpose(A)[i,j] = A[j,i]",
    symbolic=True,
    keeps="symmetric skew diagonal toeplitz orthogonal invertible psd spd positive nonnegative nonzero",
    infers=("lower_triangular -> upper_triangular", "upper_triangular -> lower_triangular"),
    sympy=lambda sp, A: A.T,
)

POWER = Operation(
    "power",
    "(m, n), (m, n) -> (m, n)",
    ("x", "y"),
    partial=("power(x, y)' = y x^(y - 1)", "power(x, y)' = power(x, y) log(x)"),
    elementwise=True,
    shape_rule=_broadcast_scalars,
    symbolic=True,
    sympy=lambda sp, x, y: x**y,
    domain="positive",
    keeps="symmetric toeplitz",
)
"""Powers of scalars and element-wise powers ``x .^ y``; quotients are powers with exponent -1."""

MATPOW = Operation(
    "matpow",
    "(n, n), scalar -> (n, n)",
    ("X", "k"),
    partial=("∂matpow(X, k)[i,j]/∂X[p,q] = matpow_kronecker(X, k)[(j,i),(q,p)]", ""),
    shape_rule=_matrix_power,
    symbolic=True,
    keeps="symmetric invertible",
    numpy="np.linalg.matrix_power({0}, {1})",
    sympy=_power_of_matrix,
)
"""A matrix to a whole power; with a numeral as exponent it is differentiated as a product (passes/expand.py)."""

KRON = Operation(
    "kron",
    "(m, n), (p, q) -> (m p, n q)",
    ("A", "B"),
    index_form="kron(A, B)[(i,k),(j,l)] = A[i,j] B[k,l]",
    variadic=True,
    shape_rule=_kronecker,
    symbolic=True,
    keeps="symmetric diagonal lower_triangular upper_triangular orthogonal invertible psd spd"
    " positive nonnegative nonzero",
    latex=r"{0} \otimes {1}",
    numpy="np.kron({0}, {1})",
    # It refuses arguments of which one is stored by rows and the other by columns.
    torch="torch.kron({0}.contiguous(), {1}.contiguous())",
    sympy=lambda sp, *factors: sp.kronecker_product(*factors),
)

OPERATIONS = (ADD, TIMES, MATMUL, TRANSPOSE, POWER, MATPOW, KRON)
