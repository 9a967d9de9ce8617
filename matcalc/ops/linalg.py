"""Trace, determinant, inverse and their kin; diagonals and vec."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, le
from typing import Any

from matcalc.core.operation import Operation

#: Most rows of a matrix whose determinant is written out by minors.
SMALL = 4


def _minors(X: Any) -> Any:
    """The determinant by its first row, of small matrices.

    ``Matrix.det`` would cancel common factors of the entries, which takes minutes where these are sums of
    many products.
    """
    if X.rows == 1:
        return X[0, 0]
    signed = ((-1) ** j * X[0, j] * _minors(X.minor_submatrix(0, j)) for j in range(X.cols))
    return sum(signed)


def _adjugate_and_determinant(X: Any) -> tuple[Any, Any]:
    """Without divisions: SymPy's elimination would ask of every entry whether it is zero."""
    if X.rows == 1:
        return X**0, X[0, 0]
    if X.rows <= SMALL:
        cofactors = type(X)(
            X.rows, X.cols, lambda i, j: (-1) ** (i + j) * _minors(X.minor_submatrix(j, i))
        )
        return cofactors, _minors(X)
    adjugate, determinant = X.to_DM().adj_det()
    return adjugate.to_Matrix(), adjugate.domain.to_sympy(determinant)


def _determinant(X: Any) -> Any:
    if all(entry.is_Rational for entry in X):
        return X.det()
    if X.rows <= SMALL:
        return _minors(X)
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
    keeps="psd spd positive nonnegative",
)

DET = Operation(
    "det",
    "(n, n) -> scalar",
    partial=("∂det(X)/∂X[k,l] = det(X) inv(X)[l,k]",),
    aliases=("determinant",),
    latex=r"\det",
    numpy="np.linalg.det({0})",
    # So that it has the pivots of the inverse beside it: at a nearly singular matrix their errors cancel.
    torch="torch.linalg.det({0}.T.contiguous())",
    sympy=lambda sp, X: _determinant(X),
    domain="invertible",
    keeps="psd spd invertible",
    source="Matrix Cookbook (49); adj(X)[l,k] where X is singular",
)

LOGDET = Operation(
    "logdet",
    "(n, n) -> scalar",
    partial=("∂logdet(X)/∂X[k,l] = inv(X)[l,k]",),
    latex=r"\log\det",
    numpy="sign, value = np.linalg.slogdet({0})\nnp.where(sign < 0, np.nan, value)",
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
    keeps="symmetric skew diagonal lower_triangular upper_triangular orthogonal psd",
    infers=("-> invertible",),
    source="Matrix Cookbook (60)",
)

ADJ = Operation(
    "adj",
    "(n, n) -> (n, n)",
    definition="adj(X) = det(X) inv(X)",
    latex=r"\operatorname{adj}",
    numpy="np.linalg.det({0}) * np.linalg.inv({0})",
    torch="torch.linalg.det({0}.T.contiguous()) * torch.linalg.inv({0})",
    sympy=lambda sp, X: _adjugate_and_determinant(X)[0],
    domain="invertible",
    keeps="symmetric diagonal lower_triangular upper_triangular orthogonal psd invertible",
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
    # Rounding makes singular values that are 0 larger than NumPy's and PyTorch's default tolerance.
    numpy="np.linalg.pinv({0}, 10 * max({0}.shape) * np.finfo({0}.dtype).eps)",
    jax="jnp.linalg.pinv({0})",
    torch="torch.linalg.pinv({0}, rtol=10 * max({0}.shape) * torch.finfo({0}.dtype).eps)",
    sympy=lambda sp, X: _pseudo_inverse(X),
    kink="the rank of {0} changes",
    keeps="symmetric skew diagonal orthogonal psd invertible",
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
    keeps="nonnegative",
    infers=("-> diagonal", "nonzero -> invertible"),
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
    keeps="positive nonnegative nonzero",
    infers=(
        "psd -> nonnegative",
        "spd -> positive",
        "lower_triangular invertible -> nonzero",
        "upper_triangular invertible -> nonzero",
    ),
)
"""Diagonal of a square matrix, as a vector."""

VEC = Operation(
    "vec",
    "(m, n) -> (m n)",
    index_form="vec(X)[(j,i)] = X[i,j]",
    latex=r"\operatorname{vec}",
    numpy="np.ravel({0}.T)",
    sympy=lambda sp, X: X.vec(),
    keeps="positive nonnegative nonzero",
)
"""Columns of a matrix stacked on each other (Magnus and Neudecker)."""

EIGVAL = Operation(
    "eigval",
    "(n, n), scalar -> scalar",
    ("X", "k"),
    partial=("∂eigval(X, k)/∂X[i,j] = eigvec(X', k)[i] eigvec(X, k)[j]", ""),
    latex=r"\lambda",
    numpy="np.linalg.eigvalsh({0})[int({1})]",
    # Of the lower triangle only, as in the other libraries.
    jax="jnp.linalg.eigvalsh({0}, symmetrize_input=False)[jnp.asarray({1}, dtype=int)]",
    domain="symmetric",
    requires="symmetric",
    kink="eigenvalue number {1} of {0} is multiple",
    source="Matrix Cookbook (67)",
)
"""Eigenvalue number k of a symmetric matrix, counted from 0 in ascending order."""

EIGVEC = Operation(
    "eigvec",
    "(n, n), scalar -> n",
    ("X", "k"),
    partial=("∂eigvec(X, k)[m]/∂X[i,j] = pinv(eigval(X, k) I - X)[m,i] eigvec(X, k)[j]", ""),
    latex=r"\operatorname{eigvec}",
    numpy="v = np.linalg.eigh({0})[1][:, int({1})]\nnp.where(v[0] < 0, -v, v)",
    jax="v = jnp.linalg.eigh({0}, symmetrize_input=False)[1][:, jnp.asarray({1}, dtype=int)]\njnp.where(v[0] < 0, -v, v)",
    domain="symmetric",
    requires="symmetric",
    condition="eigenvalue number {1} of {0} is simple",
    source="Matrix Cookbook (68)",
)
"""Its eigenvector of length 1 with a positive first entry."""

EIGSUM = Operation(
    "eigsum",
    "(n, n) -> scalar",
    definition="eigsum(X) = tr(X)",
    numpy="np.trace({0})",
    sympy=lambda sp, X: X.trace(),
    source="Matrix Cookbook (65)",
)
"""Sum of the eigenvalues."""

EIGPROD = Operation(
    "eigprod",
    "(n, n) -> scalar",
    definition="eigprod(X) = det(X)",
    numpy="np.linalg.det({0})",
    sympy=lambda sp, X: _determinant(X),
    domain="invertible",
    source="Matrix Cookbook (66)",
)
"""Product of the eigenvalues."""

TOEPLITZ = Operation(
    "toeplitz",
    "(n, n) -> (n, n)",
    latex=r"\operatorname{toeplitz}",
    numpy=(
        "sums = [np.trace({0}, k) for k in range(1 - len({0}), len({0}))]\n"
        "np.stack([np.stack(sums[k : k + len({0})]) for k in range(len({0}))][::-1])"
    ),
    torch=(
        "sums = [torch.sum(torch.diagonal({0}, k)) for k in range(1 - len({0}), len({0}))]\n"
        "torch.stack([torch.stack(sums[k : k + len({0})]) for k in range(len({0}))][::-1])"
    ),
    sympy=_diagonal_sums,
    keeps="symmetric skew diagonal lower_triangular upper_triangular positive nonnegative",
    infers=("-> toeplitz",),
)
"""Toeplitz matrix of the sums along the diagonals: entry (i, j) sums the diagonal j - i."""


def _triangle(name: str, property_: str, keep: Callable[[int, int], bool]) -> Operation:
    """Entries on one side of the diagonal, and on it; the others are replaced by zeros."""
    return Operation(
        name,
        "(n, n) -> (n, n)",
        index_form=f"{name}(X)[i,j] = X[i,j] {name}(ones(n, n))[i,j]",
        latex=rf"\operatorname{{{name}}}",
        numpy=f"np.{name}({{0}})",
        sympy=lambda sp, X: sp.Matrix(*X.shape, lambda i, j: X[i, j] if keep(i, j) else 0),
        keeps="diagonal lower_triangular upper_triangular toeplitz nonnegative",
        infers=(f"-> {property_}",),
    )


TRIL = _triangle("tril", "lower_triangular", ge)
TRIU = _triangle("triu", "upper_triangular", le)

OPERATIONS = (
    TRACE, DET, LOGDET, INV, ADJ, PINV, DIAG, DIAGONAL, VEC, EIGVAL, EIGVEC, EIGSUM, EIGPROD, TOEPLITZ,
    TRIL, TRIU,
)  # fmt: skip
