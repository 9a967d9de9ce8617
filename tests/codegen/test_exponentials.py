"""Exponentials that several functions begin with: computed once in NumPy, and as accurate as each alone."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function, source
from matcalc.core.expr import Expr

VECTOR = np.array([-800.0, -720.0, -30.0, -1.0, 0.0, 1e-9, 1.0, 30.0, 720.0, 800.0])
MATRIX = np.array([[1.0, 2.0, 4.0], [-900.0, 900.0, 0.0], [-np.inf, 0.0, 1.0], [7.0, 7.0, 7.0]])

#: Functions whose exponentials are shared, and how many calls of ``exp`` that leaves.
TOGETHER = [
    (["softplus(x)", "sigmoid(x)"], 1),
    (["softplus(-x)", "sigmoid(x)"], 1),
    (["softplus(-x)", "softplus(x)", "sigmoid(-x)"], 1),
    (["sigmoid(x) .* sigmoid(-x)", "sigmoid(x)"], 1),
    (["sigmoid(x) .* sigmoid(-x)", "x"], 1),
    (["x .* sigmoid(-x) .* sigmoid(x)", "sigmoid(-x)"], 1),
    (["sigmoid(2 x)", "sigmoid(-2 x)"], 1),
    (["sigmoid(2 x)", "sigmoid(-3 x)"], 1),
    (["logsumexp(x)", "softmax(x)"], 1),
    (["logsumexp(X, 1)", "softmax(X, 1)"], 1),
    (["logsumexp(X, 2)", "softmax(X, 2)"], 1),
    (["logsumexp(X, 2)", "softmax(X, 1)"], 2),
    (["logsumexp(X, 2)", "logsumexp(2 X, 2)"], 1),
]


def parsed(texts: list[str]) -> list[Expr]:
    return [
        mc.parse(text, shapes={"X": ("m", "n")} if "X" in text else {"x": "n"}) for text in texts
    ]


@pytest.mark.parametrize(("texts", "calls"), TOGETHER)
def test_together_as_alone(texts, calls):
    roots = parsed(texts)
    code = source(roots)
    assert code.count("np.exp(") == calls
    given = {"X": MATRIX} if "X" in texts[0] else {"x": VECTOR}
    with np.errstate(invalid="ignore"):
        together = compile_function(roots)(**given)
        for value, root, text in zip(together, roots, texts, strict=True):
            alone = compile_function(root)(**given)
            np.testing.assert_allclose(value, alone, rtol=4e-16, atol=0, err_msg=text)


def test_as_a_reader_would_write_it():
    d = mc.grad("sum(log(1 + exp(-y .* (X w))))", ["w"])
    lines = d.source("numpy", value=True).split('"""')[-1].strip().splitlines()
    assert [line.strip() for line in lines] == [
        "t1 = y * (X @ w)",
        "t2 = np.exp(-np.abs(t1))",
        "return np.sum(np.maximum(-t1, 0) + np.log1p(t2)), {",
        '"w": -((np.maximum(t2, t1 <= 0) / (1 + t2) * y) @ X),',
        "}",
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    values = compile_function(parsed(["sigmoid(x)", "sigmoid(-x)", "softplus(x)"]))(
        x=VECTOR.astype(dtype)
    )
    assert [value.dtype for value in values] == [dtype] * 3


def test_libraries_with_functions_of_their_own_use_these():
    roots = parsed(["softplus(x)", "sigmoid(x)"])
    assert "jax.nn.sigmoid(x)" in source(roots, "jax")
    assert "torch.sigmoid(x)" in source(roots, "torch")
