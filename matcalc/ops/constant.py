"""Constant arrays: the identity, ones, zeros, and the number pi."""

from __future__ import annotations

from matcalc.core.operation import Operation

EYE = Operation(
    "eye", "size n -> (n, n)", ("n",), latex="I_{{{0}}}", numpy="np.eye({0}{like})",
    sympy=lambda sp, n: sp.eye(n), infers=("-> diagonal toeplitz orthogonal spd nonnegative",),
)  # fmt: skip
"""Identity matrix; its entries are the Kronecker delta."""

ONES = Operation(
    "ones", "size m, size n -> (m, n)", ("m", "n"), latex=r"\mathbf{{1}}_{{{0}}}", numpy="np.ones(({0}, {1}){like})",
    sympy=lambda sp, m, n: sp.ones(m, n), infers=("-> toeplitz psd positive",),
)  # fmt: skip
"""Matrix of ones; a column of ones where the second size is 1."""

ZEROS = Operation(
    "zeros", "size m, size n -> (m, n)", ("m", "n"), latex=r"\mathbf{{0}}_{{{0}}}", numpy="np.zeros(({0}, {1}){like})",
    sympy=lambda sp, m, n: sp.zeros(m, n), infers=("-> diagonal skew toeplitz psd nonnegative",),
)  # fmt: skip
"""Matrix of zeros; a zero derivative is one."""

UNIT = Operation(
    "unit", "size n, size k -> n", ("n", "k"), latex=r"\mathbf{{e}}_{{{1}}}",
    numpy="np.eye({1}, {0}{like})[-1]",
    sympy=lambda sp, n, k: sp.Matrix(n, 1, lambda i, _: int(i + 1 == k)),
    infers=("-> nonnegative",),
)  # fmt: skip
"""The k-th unit vector: column k of the identity, counted from 1. ``x[k]`` is ``unit(n, k)' x``."""

COMMUTATION = Operation(
    "commutation",
    "size m, size n -> (m n, m n)",
    ("m", "n"),
    latex="K_{{{0},{1}}}",
    numpy="np.eye({0} * {1}{like})[np.ravel(np.reshape(np.arange({0} * {1}), ({1}, {0})).T)]",
    sympy=lambda sp, m, n: sp.Matrix(
        m * n, m * n, lambda i, j: int((i // n, i % n) == (j % m, j // m))
    ),
    infers=("-> orthogonal nonnegative",),
    source="Magnus and Neudecker, Matrix Differential Calculus, section 3.7",
)
"""Commutation matrix: ``commutation(m, n) vec(A) = vec(A')`` for A with m rows and n columns."""

PI = Operation(
    "pi", "-> scalar", (), latex=r"\pi", numpy="np.pi", sympy=lambda sp: sp.pi,
    infers=("-> positive",),
)  # fmt: skip

OPERATIONS = (EYE, ONES, ZEROS, UNIT, COMMUTATION, PI)
