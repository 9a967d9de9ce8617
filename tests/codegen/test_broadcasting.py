"""Copies of rows, columns and numbers, however deep they stand in products."""

import cProfile
import gc
from collections import Counter
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.generate import compile_function, source
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Size, Symbol, forget
from matcalc.ops.constant import ONES
from matcalc.ops.structural import ADD, MATMUL, TIMES

m, n = Dim.of("m"), Dim.of("n")
X = Symbol("X", (m, n))
y = Symbol("y", (m, ONE))
r = Symbol("r", (ONE, n))
a, b = Symbol("a", SCALAR), Symbol("b", SCALAR)

COLUMNS = MATMUL(y, ONES(Size(ONE), Size(n)))
ROWS = MATMUL(ONES(Size(m), Size(ONE)), r)

ARRAYS = {
    "X": np.arange(6.0).reshape(3, 2),
    "y": np.array([1.0, 2.0, 3.0]),
    "r": np.array([0.5, 4.0]),
    "a": 1.5,
    "b": -1.0,
}


def scaled(e, depth):
    """``b (a (b (a e)))``, each product a node of its own."""
    for k in range(depth):
        e = TIMES(b if k % 2 else a, e)
    return e


BASES = {
    "array": (X, ARRAYS["X"]),
    "columns": (COLUMNS, ARRAYS["y"][:, None]),
    "rows": (ROWS, ARRAYS["r"]),
    "number": (ONES(Size(m), Size(n)), 1.0),
}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_multiples_of_copies(base, depth):
    e, value = BASES[base]
    f = compile_function(ADD(X, scaled(e, depth)))
    factor = [1.0, 1.5, -1.5, -2.25][depth]
    given = {name: ARRAYS[name] for name in f._generated.arrays}
    np.testing.assert_allclose(f(**given), ARRAYS["X"] + factor * value)
    assert "ones" not in f.source


@pytest.mark.parametrize("base", BASES)
def test_products_nested_as_deep_as_one_likes(base):
    assert source(ADD(X, scaled(BASES[base][0], 3000))).count(" * ") >= 2999


def calls(work):
    forget()
    gc.collect()  # or nodes of other tests would be freed meanwhile
    with cProfile.Profile() as profile:
        work()
    return Counter({str(entry.code): entry.callcount for entry in profile.getstats()})


@pytest.mark.parametrize("base", BASES)
def test_code_is_written_in_proportion_to_the_depth(base):
    short, long = (
        calls(partial(source, ADD(X, scaled(BASES[base][0], depth)))) for depth in (150, 300)
    )
    assert [f for f, count in long.items() if count > max(2.5 * short[f], 1000)] == []


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize(
    ("power", "divisor"), [("-1", "v"), ("-2", "(v ** 2)"), ("(-1/2)", "sqrt(v)")]
)
def test_each_row_of_a_square_matrix_is_divided_by_its_own_number(power, divisor, backend):
    """Once its columns were: the shape was right, the value wrong."""
    e = mc.parse(f"A .* (v.^{power} ones(1, n))", shapes={"A": ("n", "n"), "v": "n"})
    assert source(e, backend).strip().endswith(f"{divisor}[:, None]")
    A, v = np.arange(9.0).reshape(3, 3), np.array([1.0, 4.0, 9.0])
    convert = torch.tensor if backend == "torch" else np.asarray
    value = compile_function(e, backend)(A=convert(A), v=convert(v))
    wanted = A * v[:, None] ** float(Fraction(power.strip("()")))
    np.testing.assert_allclose(np.asarray(value), wanted, rtol=1e-6)
