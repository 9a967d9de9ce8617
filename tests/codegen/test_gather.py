"""Factors that all terms of a sum have entry by entry: multiplied once, where that saves a product."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function, source

SHAPES = {"P": ("m", "n"), "S": ("m", "n"), "R": ("m", "n"), "d": "m", "c": "n", "a": ()}
RNG = np.random.default_rng(0)
P, S, R = RNG.standard_normal((3, 4, 4))
ARRAYS = {"P": P, "S": S, "R": R, "d": np.arange(4.0), "c": np.arange(1.0, 5.0), "a": 1.5}
COLUMN = ARRAYS["d"][:, None]


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        ("P .* S - diag(d) S", "(P - d[:, None]) * S", (P - COLUMN) * S),
        ("P .* S - a diag(d) S", "(P + (-a * d)[:, None]) * S", (P - 1.5 * COLUMN) * S),
        ("2 P .* S - R .* S", "(2 * P - R) * S", (2 * P - R) * S),
        ("P .* R .* S - R .* S .* P .* P", None, P * R * S * (1 - P)),
        ("P .* S + R .* S + diag(d) S", "(P + R + d[:, None]) * S", (P + R + COLUMN) * S),
        ("P .* S - S", "P * S - S", P * S - S),
        ("P .* S - a S", "P * S - a * S", P * S - 1.5 * S),
        ("P .* S - S diag(c)", "P * S - (S * c)", P * S - S * ARRAYS["c"]),
        ("P .* S - diag(d) R", "P * S - (d[:, None] * R)", P * S - COLUMN * R),
        ("P .* S + S .* S", None, P * S + S * S),
    ],
)
def test_common_factors(text, code, value):
    names = [name for name in SHAPES if name in text.replace("diag", "")]
    e = mc.parse(text, shapes={name: SHAPES[name] for name in names})
    assert code is None or source(e).strip().endswith(f"return {code}")
    found = compile_function(e)(**{name: ARRAYS[name] for name in names})
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-15)


def test_scores_of_attention():
    code = mc.grad("||softmax(Q K' / sqrt(d), 2) V - Y||_F^2", ["Q", "K", "V"]).source(
        "jax", value=True
    )
    assert "(t4 @ V.T - jnp.sum(t3 * t4, axis=1)[:, None]) * t2" in code
