"""Trace, determinant, inverse and their kin; diagonals and vec; matrix functions."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem


def _adjugate_and_determinant(X: Any) -> tuple[Any, Any]:
    """Without divisions: SymPy's elimination would ask of every entry whether it is zero."""
    if X.rows <= 4:
        return X.adjugate(method="laplace"), X.det(method="laplace")
    adjugate, determinant = X.to_DM().adj_det()
    return adjugate.to_Matrix(), adjugate.domain.to_sympy(determinant)


def _determinant(X: Any) -> Any:
    if all(entry.is_Rational for entry in X):
        return X.det()
    if X.rows <= 4:
        return X.det(method="laplace")
    domain_matrix = X.to_DM()
    return (-1) ** X.rows * domain_matrix.domain.to_sympy(domain_matrix.charpoly()[-1])


def _inverse(X: Any) -> Any:
    if all(entry.is_Rational for entry in X):
        return X.inv()
    adjugate, determinant = _adjugate_and_determinant(X)
    return adjugate / determinant


def _pseudo_inverse(X: Any) -> Any:
    """For real entries and full rank; ``Matrix.pinv`` would conjugate."""
    rows, columns = X.shape
    if rows >= columns:
        return _inverse(X.T * X) * X.T
    return X.T * _inverse(X * X.T)


def _matrix_function(sp: Any, name: str, X: Any) -> Any:
    """60 digits by mpmath, SymPy's arithmetic; SymPy's Jordan form takes minutes at 3 x 3."""
    if not all(entry.is_number for entry in X):
        raise UnsupportedProblem(f"SymPy has {name} of numbers only")
    mpmath = import_module("mpmath")
    with mpmath.workdps(60):
        value = getattr(mpmath, name)(mpmath.matrix(X.evalf(60).tolist()))
        return sp.Matrix(X.rows, X.cols, [sp.Float(entry, 60) for entry in value])


def _diagonal_sums(sp: Any, X: Any) -> Any:
    n = X.rows
    sums = {k: sp.Add(*(X[i, i + k] for i in range(n) if 0 <= i + k < n)) for k in range(-n + 1, n)}
    return sp.Matrix(n, n, lambda i, j: sums[j - i])


TRACE = Operation(
    "tr",
    "(n, n) -> scalar",
    index_form="tr(X) = X[i,i]",
    aliases=("trace", "Tr"),
    latex=r"\operatorname{tr}",
    numpy="np.trace({0})",
    sympy=lambda sp, X: X.trace(),
)

DET = Operation(
    "det",
    "(n, n) -> scalar",
    partial=("∂det(X)/∂X[k,l] = det(X) inv(X)[l,k]",),
    aliases=("determinant",),
    latex=r"\det",
    numpy="np.linalg.det({0})",
    sympy=lambda sp, X: _determinant(X),
    domain="invertible",
    condition="{0} invertible",
    source="Matrix Cookbook (49); adj(X)[l,k] where X is singular",
)

LOGDET = Operation(
    "logdet",
    "(n, n) -> scalar",
    partial=("∂logdet(X)/∂X[k,l] = inv(X)[l,k]",),
    latex=r"\log\det",
    numpy="np.linalg.slogdet({0})[1]",
    sympy=lambda sp, X: sp.log(_determinant(X)),
    domain="posdet",
    condition="det({0}) > 0",
    source="Matrix Cookbook (57)",
)

INV = Operation(
    "inv",
    "(n, n) -> (n, n)",
    partial=("∂inv(X)[i,j]/∂X[k,l] = -inv(X)[i,k] inv(X)[l,j]",),
    latex="{0}^{{-1}}",
    numpy="np.linalg.inv({0})",
    sympy=lambda sp, X: _inverse(X),
    domain="invertible",
    condition="{0} invertible",
    source="Matrix Cookbook (60)",
)

ADJ = Operation(
    "adj",
    "(n, n) -> (n, n)",
    definition="adj(X) = det(X) inv(X)",
    latex=r"\operatorname{adj}",
    numpy="np.linalg.det({0}) * np.linalg.inv({0})",
    sympy=lambda sp, X: _adjugate_and_determinant(X)[0],
    domain="invertible",
    condition="{0} invertible",
)
"""Adjugate: the transposed matrix of cofactors."""

PINV = Operation(
    "pinv",
    "(m, n) -> (n, m)",
    partial=(
        (
            "∂pinv(X)[i,j]/∂X[k,l] = -pinv(X)[i,k] pinv(X)[l,j]"
            " + (pinv(X) pinv(X)')[i,l] (I - X pinv(X))[k,j]"
            " + (I - pinv(X) X)[i,l] (pinv(X)' pinv(X))[k,j]"
        ),
    ),
    latex="{0}^{{+}}",
    numpy="np.linalg.pinv({0})",
    sympy=lambda sp, X: _pseudo_inverse(X),
    condition="{0} of constant rank",
    source="Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973), (4.12)",
)

DIAG = Operation(
    "diag",
    "n -> (n, n)",
    ("x",),
    index_form="diag(x)[i,j] = x[i] δ[i,j]",
    latex=r"\operatorname{diag}",
    numpy="np.diag({0})",
    sympy=lambda sp, x: sp.diag(*x),
)
"""Diagonal matrix of a vector."""

DIAGONAL = Operation(
    "diagonal",
    "(n, n) -> n",
    index_form="diagonal(X)[i] = X[i,i]",
    call="diag",
    latex=r"\operatorname{diag}",
    numpy="np.diagonal({0})",
    sympy=lambda sp, X: X.diagonal().T,
)
"""Diagonal of a square matrix, as a vector."""

VEC = Operation(
    "vec",
    "(m, n) -> (m n)",
    index_form="vec(X)[(j,i)] = X[i,j]",
    latex=r"\operatorname{vec}",
    numpy="np.reshape({0}, -1, order='F')",
    sympy=lambda sp, X: X.vec(),
)
"""Columns of a matrix stacked on each other (Magnus and Neudecker)."""

EXPM = Operation(
    "expm", "(n, n) -> (n, n)", latex=r"\operatorname{expm}", numpy="scipy.linalg.expm({0})",
    sympy=lambda sp, X: _matrix_function(sp, "expm", X),
)  # fmt: skip
SINM = Operation(
    "sinm", "(n, n) -> (n, n)", latex=r"\operatorname{sinm}", numpy="scipy.linalg.sinm({0})",
    sympy=lambda sp, X: _matrix_function(sp, "sinm", X),
)  # fmt: skip
COSM = Operation(
    "cosm", "(n, n) -> (n, n)", latex=r"\operatorname{cosm}", numpy="scipy.linalg.cosm({0})",
    sympy=lambda sp, X: _matrix_function(sp, "cosm", X),
)  # fmt: skip

EIGVAL = Operation(
    "eigval",
    "(n, n), scalar -> scalar",
    ("X", "k"),
    partial=("∂eigval(X, k)/∂X[i,j] = eigvec(X, k)[i] eigvec(X, k)[j]", ""),
    latex=r"\lambda",
    numpy="np.linalg.eigvalsh({0})[int({1})]",
    domain="symmetric",
    requires="symmetric",
    condition="{0} symmetric, with a simple eigenvalue number {1}",
    source="Matrix Cookbook (67)",
)
"""Eigenvalue number k of a symmetric matrix, counted from 0 in ascending order."""

EIGVEC = Operation(
    "eigvec",
    "(n, n), scalar -> n",
    ("X", "k"),
    partial=("∂eigvec(X, k)[m]/∂X[i,j] = pinv(eigval(X, k) I - X)[m,i] eigvec(X, k)[j]", ""),
    latex=r"\operatorname{eigvec}",
    numpy="(lambda v: np.where(v[0] < 0, -v, v))(np.linalg.eigh({0})[1][:, int({1})])",
    domain="symmetric",
    requires="symmetric",
    condition="{0} symmetric, with a simple eigenvalue number {1}",
    source="Matrix Cookbook (68)",
)
"""Its eigenvector of length 1 with a positive first entry."""

TOEPLITZ = Operation(
    "toeplitz",
    "(n, n) -> (n, n)",
    latex=r"\operatorname{toeplitz}",
    numpy="scipy.linalg.toeplitz([np.trace({0}, -k) for k in range(len({0}))], [np.trace({0}, k) for k in range(len({0}))])",
    sympy=_diagonal_sums,
)
"""Toeplitz matrix of the sums along the diagonals: entry (i, j) sums the diagonal j - i."""

OPERATIONS = (
    TRACE, DET, LOGDET, INV, ADJ, PINV, DIAG, DIAGONAL, VEC, EXPM, SINM, COSM, EIGVAL, EIGVEC, TOEPLITZ,
)  # fmt: skip
