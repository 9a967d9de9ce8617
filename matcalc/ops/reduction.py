"""Sums, means, extrema, norms and the softmax family, over all entries or along one axis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from matcalc.core.operation import Operation

SUM = Operation(
    "sum", "(m, n) -> scalar", index_form="sum(X) = X[i,j]", latex=r"\operatorname{sum}",
    numpy="np.sum({0})", sympy=lambda sp, X: sp.Add(*X),
    keeps="positive nonnegative psd spd",
)  # fmt: skip
SUM_1 = Operation(
    "sum_1", "(m, n) -> (1, n)", index_form="sum(X, 1)[1,j] = X[i,j]", call="sum", tail=("1",),
    latex=r"\operatorname{sum}", numpy="np.sum({0}, axis=0)",
    sympy=lambda sp, X: _reduce_sympy(sp, X, 1, lambda line: sp.Add(*line)),
    keeps="positive nonnegative",
)  # fmt: skip
"""Sums down the columns: a row."""
SUM_2 = Operation(
    "sum_2", "(m, n) -> m", index_form="sum(X, 2)[i,1] = X[i,j]", call="sum", tail=("2",),
    latex=r"\operatorname{sum}", numpy="np.sum({0}, axis=1)",
    sympy=lambda sp, X: _reduce_sympy(sp, X, 2, lambda line: sp.Add(*line)),
    keeps="positive nonnegative",
)  # fmt: skip
"""Sums along the rows: a column."""

MEAN = Operation(
    "mean", "(m, n) -> scalar", definition="mean(X) = 1/(m n) sum(X)", latex=r"\operatorname{mean}",
    numpy="np.mean({0})", sympy=lambda sp, X: sp.Add(*X) / len(X),
    keeps="positive nonnegative psd spd",
)  # fmt: skip
MEAN_1 = Operation(
    "mean_1", "(m, n) -> (1, n)", definition="mean(X, 1) = 1/m sum(X, 1)", call="mean", tail=("1",),
    latex=r"\operatorname{mean}", numpy="np.mean({0}, axis=0)",
    sympy=lambda sp, X: _reduce_sympy(sp, X, 1, lambda line: sp.Add(*line) / len(line)),
    keeps="positive nonnegative",
)  # fmt: skip
MEAN_2 = Operation(
    "mean_2", "(m, n) -> m", definition="mean(X, 2) = 1/n sum(X, 2)", call="mean", tail=("2",),
    latex=r"\operatorname{mean}", numpy="np.mean({0}, axis=1)",
    sympy=lambda sp, X: _reduce_sympy(sp, X, 2, lambda line: sp.Add(*line) / len(line)),
    keeps="positive nonnegative",
)  # fmt: skip

NORM2 = Operation(
    "norm2",
    "(m, n) -> scalar",
    partial=("∂norm2(X)/∂X[k,l] = X[k,l] / norm2(X)",),
    aliases=("norm", "normF"),
    latex=r"\|{0}\|",
    numpy="np.sqrt(np.sum(np.square({0})))",
    sympy=lambda sp, X: sp.sqrt(sum(x**2 for x in X)),
    domain="nonzero",
    kink="{0} = 0",
    infers=("-> nonnegative", "nonzero -> positive", "invertible -> positive"),
)
"""Euclidean norm of a vector, Frobenius norm of a matrix."""

NORM1 = Operation(
    "norm1",
    "(m, n) -> scalar",
    definition="norm1(X) = sum(abs(X))",
    latex=r"\|{0}\|_1",
    numpy="np.sum(np.abs({0}))",
    sympy=lambda sp, X: sp.Add(*(x * (2 * sp.Heaviside(x) - 1) for x in X)),
    domain="nonzero",
    kink="{0} = 0 in some entry",
    infers=("-> nonnegative", "nonzero -> positive", "invertible -> positive"),
)
"""Sum of the absolute values of all entries."""

LOGSUMEXP = Operation(
    "logsumexp",
    "n -> scalar",
    ("x",),
    partial=("∂logsumexp(x)/∂x[k] = softmax(x)[k]",),
    latex=r"\operatorname{logsumexp}",
    numpy="top = np.max({0})\ntop = np.where(np.isfinite(top), top, 0)\ntop + np.log(np.sum(np.exp({0} - top)))",
    jax="jax.nn.logsumexp({0})",
    torch="torch.logsumexp({0}, dim=0)",
    sympy=lambda sp, x: sp.log(sum(sp.exp(e) for e in x)),
)
SOFTMAX = Operation(
    "softmax",
    "n -> n",
    ("x",),
    partial=("∂softmax(x)[i]/∂x[k] = softmax(x)[i] (δ[i,k] - softmax(x)[k])",),
    latex=r"\operatorname{softmax}",
    numpy="e = np.exp({0} - np.max({0}))\ne / np.sum(e)",
    jax="jax.nn.softmax({0})",
    torch="torch.softmax({0}, dim=0)",
    sympy=lambda sp, x: x.applyfunc(lambda e: sp.exp(e) / sum(sp.exp(f) for f in x)),
    infers=("-> positive",),
)


def _along(axis: int) -> tuple[Operation, Operation]:
    """The functions logsumexp and softmax along one axis, counted as in MATLAB."""
    reduced = "[1,j]" if axis == 1 else "[i,1]"
    tail, numpy_axis = (str(axis),), axis - 1
    same = "δ[j,l]" if axis == 1 else "δ[i,k]"
    other = "δ[i,k]" if axis == 1 else "δ[j,l]"
    logsumexp = Operation(
        f"logsumexp_{axis}",
        "(m, n) -> (1, n)" if axis == 1 else "(m, n) -> m",
        partial=(f"∂logsumexp(X, {axis}){reduced}/∂X[k,l] = softmax(X, {axis})[k,l] {same}",),
        call="logsumexp",
        tail=tail,
        latex=r"\operatorname{logsumexp}",
        numpy=f"top = np.max({{0}}, axis={numpy_axis}, keepdims=True)\n"
        "top = np.where(np.isfinite(top), top, 0)\n"
        f"np.squeeze(top + np.log(np.sum(np.exp({{0}} - top), axis={numpy_axis}, keepdims=True)), {numpy_axis})",
        jax=f"jax.nn.logsumexp({{0}}, axis={numpy_axis})",
        torch=f"torch.logsumexp({{0}}, dim={numpy_axis})",
        sympy=lambda sp, X: _reduce_sympy(sp, X, axis, lambda line: sp.log(sum(map(sp.exp, line)))),
    )
    softmax = Operation(
        f"softmax_{axis}",
        "(m, n) -> (m, n)",
        partial=(
            (
                f"∂softmax(X, {axis})[i,j]/∂X[k,l] ="
                f" softmax(X, {axis})[i,j] {same} ({other} - softmax(X, {axis})[k,l])"
            ),
        ),
        call="softmax",
        tail=tail,
        latex=r"\operatorname{softmax}",
        numpy=f"e = np.exp({{0}} - np.max({{0}}, axis={numpy_axis}, keepdims=True))\n"
        f"e / np.sum(e, axis={numpy_axis}, keepdims=True)",
        jax=f"jax.nn.softmax({{0}}, axis={numpy_axis})",
        torch=f"torch.softmax({{0}}, dim={numpy_axis})",
        sympy=lambda sp, X: sp.Matrix(
            *X.shape,
            lambda i, j: sp.exp(X[i, j]) / sum(map(sp.exp, X[:, j] if axis == 1 else X[i, :])),
        ),
        infers=("-> positive",),
    )
    return logsumexp, softmax


def _reduce_sympy(sp: Any, X: Any, axis: int, f: Callable[[list[Any]], Any]) -> Any:
    """SymPy image of a reduction along an axis, counted from 1."""
    rows, columns = X.shape
    if axis == 1:
        return sp.Matrix(1, columns, [f(list(X[:, j])) for j in range(columns)])
    return sp.Matrix(rows, 1, [f(list(X[i, :])) for i in range(rows)])


LOGSUMEXP_1, SOFTMAX_1 = _along(1)
LOGSUMEXP_2, SOFTMAX_2 = _along(2)


def _extreme(call: str, attained: str) -> tuple[Operation, ...]:
    """The functions max or min over all entries and along an axis, and where it is attained.

    Entries that tie share the 1 equally: where a structure forces them to, as in a symmetric matrix or in
    ``max(X X')``, that is the derivative; elsewhere it is a subgradient.
    """
    orientation = 1 if call == "max" else -1
    extreme = "largest" if call == "max" else "smallest"

    def attained_in(sp: Any, line: Any) -> list[Any]:
        """1 in the place of the extremum, else 0, as products of SymPy's step function."""
        return [
            sp.Mul(*(sp.Heaviside(orientation * (x - y)) for l, y in enumerate(line) if k != l))
            for k, x in enumerate(line)
        ]

    def extremum(sp: Any, line: Any) -> Any:
        return sp.Add(*map(sp.Mul, line, attained_in(sp, line)))

    found = Operation(
        attained,
        "(m, n) -> (m, n)",
        partial=(f"∂{attained}(X)[i,j]/∂X[k,l] = 0",),
        latex=rf"\operatorname{{{attained}}}",
        numpy=f"at = ({{0}} == np.{call}({{0}})).astype({{0}}.dtype)\nat / np.sum(at)",
        sympy=lambda sp, X: sp.Matrix(*X.shape, attained_in(sp, X)),
        kink=f"the {extreme} entry of {{0}} is not unique",
        infers=("-> nonnegative",),
    )
    whole = Operation(
        call,
        "(m, n) -> scalar",
        partial=(f"∂{call}(X)/∂X[k,l] = {attained}(X)[k,l]",),
        latex=rf"\{call}",
        numpy=f"np.{call}({{0}})",
        sympy=extremum,
        kink=f"the {extreme} entry of {{0}} is not unique",
        keeps="positive nonnegative nonzero",
    )
    operations = [found, whole]
    for axis in (1, 2):
        kink = f"the {extreme} entry of a {'column' if axis == 1 else 'row'} of {{0}} is not unique"
        reduced, same = ("[1,j]", "δ[j,l]") if axis == 1 else ("[i,1]", "δ[i,k]")
        line = Operation(
            f"{attained}_{axis}",
            "(m, n) -> (m, n)",
            partial=(f"∂{attained}(X, {axis})[i,j]/∂X[k,l] = 0",),
            call=attained,
            tail=(str(axis),),
            latex=rf"\operatorname{{{attained}}}",
            numpy=f"at = ({{0}} == np.{call}({{0}}, axis={axis - 1}, keepdims=True)).astype({{0}}.dtype)\n"
            f"at / np.sum(at, axis={axis - 1}, keepdims=True)",
            sympy=lambda sp, X, axis=axis: sp.Matrix(
                *X.shape,
                lambda i, j: (
                    attained_in(sp, X[:, j])[i] if axis == 1 else attained_in(sp, X[i, :])[j]
                ),
            ),
            kink=kink,
            infers=("-> nonnegative",),
        )
        value = Operation(
            f"{call}_{axis}",
            "(m, n) -> (1, n)" if axis == 1 else "(m, n) -> m",
            partial=(f"∂{call}(X, {axis}){reduced}/∂X[k,l] = {attained}(X, {axis})[k,l] {same}",),
            call=call,
            tail=(str(axis),),
            latex=rf"\{call}",
            numpy=f"np.{call}({{0}}, axis={axis - 1})",
            sympy=lambda sp, X, axis=axis: _reduce_sympy(sp, X, axis, partial(extremum, sp)),
            kink=kink,
            keeps="positive nonnegative nonzero",
        )
        operations += [line, value]
    return tuple(operations)


EXTREMES = (*_extreme("max", "argmax"), *_extreme("min", "argmin"))

OPERATIONS = (
    SUM, SUM_1, SUM_2, MEAN, MEAN_1, MEAN_2, NORM2, NORM1, LOGSUMEXP, SOFTMAX, LOGSUMEXP_1, SOFTMAX_1,
    LOGSUMEXP_2, SOFTMAX_2, *EXTREMES,
)  # fmt: skip
