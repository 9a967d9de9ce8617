"""Functions of square matrices (not entry by entry), with their Fréchet derivatives.

f(X + E) = f(X) + L(X, E) + o(E) defines the Fréchet derivative L of f at X in the direction E. It is
linear in E, and so vec L(X, E) = K(X) vec E with the Kronecker form K of order n². Where E commutes
with X it is f'(X) E. (N. J. Higham, Functions of Matrices, SIAM 2008, chapter 3.)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from matcalc.core.operation import Operation
from matcalc.errors import NumbersOnlyProblem

_HIGHAM = "Higham, Functions of Matrices (2008), {0}"


def _evaluate(sp: Any, name: str, X: Any) -> Any:
    """60 digits by mpmath, SymPy's arithmetic; SymPy's Jordan form takes minutes at 3 x 3."""
    if not all(entry.is_number for entry in X):
        raise NumbersOnlyProblem(f"SymPy has {name} of numbers only")
    mpmath = import_module("mpmath")
    with mpmath.workdps(60):
        value = getattr(mpmath, name)(mpmath.matrix(X.evalf(60).tolist()))
        # The cosine comes by way of complex numbers.
        return sp.Matrix(X.rows, X.cols, [sp.Float(mpmath.re(entry), 60) for entry in value])


def _direction(sp: Any, function: Any, X: Any, E: Any) -> Any:
    """L(X, E) is the upper right block of f([X, E; 0, X]) (Higham, (3.16))."""
    n = X.rows
    blocks = sp.Matrix(sp.BlockMatrix([[X, E], [sp.zeros(n, n), X]]))
    return function(blocks)[:n, n:]


def _kronecker_form(sp: Any, function: Any, X: Any) -> Any:
    """Its columns are vec L(X, E) for the unit matrices E."""
    n = X.rows
    units = [sp.Matrix(n, n, lambda i, j, k=k: int(i + n * j == k)) for k in range(n * n)]
    return sp.Matrix.hstack(*(_direction(sp, function, X, unit).vec() for unit in units))


def _columns(frechet: str) -> str:
    """Code of the Kronecker form, given that of L(X, E) with E in the place of ``{E}``."""
    column = frechet.replace("{E}", "np.reshape(e, {0}.shape).T")
    units = "units = np.diag(np.ones_like(np.ravel({0})))"
    return f"{units}\nnp.stack([np.ravel({column}.T) for e in units], axis=1)"


def _traced_columns(frechet: str) -> str:
    """The same for JAX, which would write a loop out when it traces it."""
    column = frechet.replace("{E}", "np.reshape(e, {0}.shape).T")
    units = "units = np.diag(np.ones_like(np.ravel({0})))"
    return f"{units}\njax.vmap(lambda e: np.ravel({column}.T), out_axes=1)(units)"


def _upper_right(function: str) -> str:
    """Code of L(X, E) from that of the function, with ``{B}`` for its argument."""
    blocks = "np.vstack([np.hstack([{0}, {E}]), np.hstack([np.zeros_like({0}), {0}])])"
    return function.replace("{B}", blocks) + "[: len({0}), len({0}) :]"


def _family(
    name: str,
    symbol: str,
    commuting: str,
    *,
    numpy: str,
    jax: str,
    torch: str,
    frechet: str = "",
    keeps: str = "",
    infers: tuple[str, ...] = (),
) -> tuple[Operation, ...]:
    """A function, its Fréchet derivative and the Kronecker form of that.

    The code of the function has its argument in the place of ``{B}``; ``frechet`` is that of its
    derivative where NumPy and JAX have one.
    """
    by_numpy = frechet or _upper_right(numpy)
    by_jax = frechet or _upper_right(jax)
    by_torch = _upper_right(torch)

    def of_numbers(sp: Any) -> Any:
        return lambda X: _evaluate(sp, name, X)

    function = Operation(
        name,
        "(n, n) -> (n, n)",
        partial=(f"∂{name}(X)[i,j]/∂X[k,l] = {name}_kronecker(X)[(j,i),(l,k)]",),
        latex=symbol,
        numpy=numpy.replace("{B}", "{0}"),
        jax=jax.replace("{B}", "{0}"),
        torch=torch.replace("{B}", "{0}"),
        sympy=lambda sp, X: _evaluate(sp, name, X),
        keeps=f"{keeps} symmetric diagonal lower_triangular upper_triangular",
        infers=infers,
        source=_HIGHAM.format("(3.9)"),
    )
    derivative = Operation(
        f"{name}_frechet",
        "(n, n), (n, n) -> (n, n)",
        ("X", "E"),
        partial=("", f"∂{name}_frechet(X, E)[i,j]/∂E[k,l] = {name}_kronecker(X)[(j,i),(l,k)]"),
        latex=f"L_{{{symbol}}}",
        numpy=by_numpy.replace("{E}", "{1}"),
        jax=by_jax.replace("{E}", "{1}"),
        torch=by_torch.replace("{E}", "{1}"),
        sympy=lambda sp, X, E: _direction(sp, of_numbers(sp), X, E),
        commuting=f"{name}_frechet(X, E) = {commuting} E",
        keeps="symmetric",
        source=_HIGHAM.format("(3.16)"),
    )
    kronecker = Operation(
        f"{name}_kronecker",
        "(n, n) -> (n n, n n)",
        latex=f"K_{{{symbol}}}",
        numpy=_columns(by_numpy),
        jax=_traced_columns(by_jax),
        torch=_columns(by_torch),
        sympy=lambda sp, X: _kronecker_form(sp, of_numbers(sp), X),
        applied=f"{name}_frechet",
        keeps="symmetric",
        source=_HIGHAM.format("(3.17)"),
    )
    return function, derivative, kronecker


EXPM, EXPM_FRECHET, EXPM_KRONECKER = _family(
    "expm", r"\operatorname{expm}", "expm(X)",
    numpy="scipy.linalg.expm({B})", jax="scipy.linalg.expm({B})", torch="torch.linalg.matrix_exp({B})",
    frechet="scipy.linalg.expm_frechet({0}, {E}, compute_expm=False).astype({0}.dtype)",
    keeps="nonnegative", infers=("-> invertible", "symmetric -> spd", "skew -> orthogonal"),
)  # fmt: skip
# Where a library lacks the sine and the cosine: exp(i X) = cos(X) + i sin(X).
SINM, SINM_FRECHET, SINM_KRONECKER = _family(
    "sinm", r"\operatorname{sinm}", "cosm(X)",
    numpy="scipy.linalg.sinm({B})", jax="scipy.linalg.expm(1j * {B}).imag",
    torch="torch.linalg.matrix_exp(1j * {B}).imag", keeps="skew",
)  # fmt: skip
COSM, COSM_FRECHET, COSM_KRONECKER = _family(
    "cosm", r"\operatorname{cosm}", "-sinm(X)",
    numpy="scipy.linalg.cosm({B})", jax="scipy.linalg.expm(1j * {B}).real",
    torch="torch.linalg.matrix_exp(1j * {B}).real", infers=("skew -> spd",),
)  # fmt: skip

_MATPOW_FRECHET = _upper_right("np.linalg.matrix_power({B}, {1})")

MATPOW_FRECHET = Operation(
    "matpow_frechet",
    "(n, n), scalar, (n, n) -> (n, n)",
    ("X", "k", "E"),
    partial=(
        "",
        "",
        "∂matpow_frechet(X, k, E)[i,j]/∂E[p,q] = matpow_kronecker(X, k)[(j,i),(q,p)]",
    ),
    latex=r"L_{\operatorname{pow}}",
    numpy=_MATPOW_FRECHET.replace("{E}", "{2}"),
    sympy=lambda sp, X, k, E: _direction(sp, lambda B: B**k, X, E),
    commuting="matpow_frechet(X, k, E) = k matpow(X, k - 1) E",
    source=_HIGHAM.format("problem 3.6"),
)
"""The sum of X^r E X^(k - 1 - r) for r from 0 to k - 1."""

MATPOW_KRONECKER = Operation(
    "matpow_kronecker",
    "(n, n), scalar -> (n n, n n)",
    ("X", "k"),
    partial=("", ""),
    latex=r"K_{\operatorname{pow}}",
    numpy=_columns(_MATPOW_FRECHET),
    jax=_traced_columns(_MATPOW_FRECHET),
    sympy=lambda sp, X, k: _kronecker_form(sp, lambda B: B**k, X),
    applied="matpow_frechet",
    source=_HIGHAM.format("problem 3.6"),
)

#: Functions of one matrix that turn a direction into an upper right block, as ``_direction`` says.
FUNCTIONS = (EXPM, SINM, COSM)

OPERATIONS = (
    *FUNCTIONS, EXPM_FRECHET, SINM_FRECHET, COSM_FRECHET, MATPOW_FRECHET,
    EXPM_KRONECKER, SINM_KRONECKER, COSM_KRONECKER, MATPOW_KRONECKER,
)  # fmt: skip
