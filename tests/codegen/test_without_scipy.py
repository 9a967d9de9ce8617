"""Code for NumPy alone: the values of the code that uses SciPy."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import entrywise, kernels, without_scipy
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY


def kernel_operations():
    for value in vars(kernels).values():
        if isinstance(value, Operation):
            yield value
        elif isinstance(value, kernels.Solver):
            yield from (value.one, value.many)


def test_all_of_scipy_has_something_in_its_place():
    replaced = without_scipy.SOLVERS | without_scipy.TRIANGULAR | without_scipy.PLAIN.keys()
    factorisations = {kernels.LU_FACTOR, kernels.CHOLESKY}
    of_scipy = {op for op in kernel_operations() if "scipy." in op.numpy}
    assert of_scipy
    assert of_scipy <= replaced | factorisations


def test_all_special_functions_have_loops_in_their_place():
    operations = [*REGISTRY.values(), *vars(entrywise).values()]
    special = {o for o in operations if isinstance(o, Operation) and "scipy.special" in o.numpy}
    assert special == without_scipy.LOOPED.keys()


@pytest.mark.parametrize(
    "text",
    [
        "a' inv(X) b",
        "A: (n, n) spd; a' inv(A) x + b' inv(A) (x .* x) + logdet(A) x' x",
        "a' inv(X) b / (a' inv(X) a)",
        "L: (n, n) lower_triangular; (L^-1 x)' (L^-1 X a) + a' L^-T x",
        "x' erf(x) + sum(x .* gelu(x)) + b' log(1/2 - 1/2 erf(x))",
    ],
)
def test_values_without_scipy(text, monkeypatch):
    wrt = "X" if text.startswith("a' inv(X)") else "x"
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(3, 3))
    arrays = {
        "a": rng.normal(size=3),
        "b": rng.normal(size=3),
        "x": rng.normal(size=3),
        "B": rng.normal(size=(3, 2)),
        "C": rng.normal(size=(3, 2)),
        "A": matrix @ matrix.T + np.eye(3),
        "L": np.tril(matrix) + 3 * np.eye(3),
        "X": matrix @ matrix.T + np.triu(np.ones((3, 3))),
    }
    d = mc.diff(text, wrt)
    given = {name: arrays[name] for name in d.variables}
    usual = d.function()
    monkeypatch.setattr(without_scipy, "find_spec", lambda _: None)
    alone = d.function()
    assert "scipy" in usual.source
    assert "scipy" not in alone.source
    np.testing.assert_allclose(alone(**given), usual(**given), rtol=1e-10)
