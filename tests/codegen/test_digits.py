"""Values, gradients and Hessians where plain formulas overflow or cancel, against 1600 digits."""

import re

import jax
import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.generate import compile_function
from tests import digits

jax.config.update("jax_enable_x64", True)

X = {
    "large": np.array([1000.0, -1000.0, 3.0]),
    # Of what is less than 1 by 1e-868, a Hessian takes more digits than the reference has.
    "saturated": np.array([300.0, -40.0, 0.5]),
    "small": np.array([1e-9, -2e-9, 3e-9]),
    "negative": np.array([-1000.0, -1001.0, -999.0]),
}
W = np.array([[1.0, 0.5, 0.2], [0.3, 1.2, 0.7], [0.1, 0.4, 2.0]])
GIVEN = {
    "a": np.array([0.5, -2.0, 4.0]),
    "b": np.array([1.5, 0.25, 3.0]),
    "c": np.array([0.1, 0.0, 0.2]),
    "W": W,
}
SHAPES = {"x": "n", "a": "n", "b": "n", "c": "n", "W": ("n", "n")}

#: By the places at which they are evaluated.
FORMULAS = {
    "large negative small": [
        "log(c' exp(x))",
        "log(sum(c .* exp(x)))",
        "log(exp(x)' W exp(x))",
        "log(exp(x)' c + exp(-x)' b)",
        "log(1 + c' exp(x))",
        "(a' exp(x)) / (b' exp(x))",
        "log(b' exp(log(W exp(x))))",
        "log(1 + b' exp(log(b' exp(x)) a))",
        "(exp(x)' W exp(x)) / (exp(x)' exp(x))",
        "(exp(x)' W exp(x)) / sum(exp(x))^2",
        "a' (exp(x) / (ones(n)' exp(x)))",
        "a' exp(x) / sum(exp(x))",
        "a' exp(x - log(sum(exp(x))) ones(n))",
        "sum((1 - exp(x)) ./ (1 + exp(x)))",
        "sum((exp(x) - exp(-x)) ./ (exp(x) + exp(-x)))",
        "sum(1 - sigmoid(x))",
        "sum(sigmoid(x) .* (1 - sigmoid(x)))",
        "sum(log(exp(x) + exp(-x)))",
        "sum(log(cosh(x)))",
        "sum(1 ./ cosh(x))",
    ],
    "saturated small": [
        "sum(log(1 - tanh(x).^2))",
        "b' log(b .* (3 + 3 tanh(x)))",
        "sum(log(1/2 (1 - tanh(x))))",
    ],
    "small": [
        "sum(exp(x) - 1)",
        "sum(1 - cos(x))",
        "sum(exp(x) - exp(-x))",
        "sum(1 + erf(x - 5))",
        "b' log(1/2 (1 + erf(x/sqrt(2))))",
        "sum(log(1 - erf(x + 9 ones(n))))",
        "sum(log(1 - exp(-x .* x)))",
        "sum(sqrt(1 + x.^2) - 1)",
        "sum(sqrt(4 + 3 x.^2) - 2)",
    ],
    "negative": [
        "sqrt(c' exp(x)) / sqrt(b' exp(x))",
        "b' log(b ./ softmax(x))",
        "sum(log(b .* (exp(x) + b .* exp(-x))))",
        "sum(log(1 - exp(x)))",
        "sum(exp(x) ./ (exp(x) - 1).^2)",
    ],
}
CASES = [
    (text, place)
    for places, texts in FORMULAS.items()
    for text in texts
    for place in places.split()
]


@pytest.mark.parametrize(("text", "place"), CASES)
def test_the_digits_of(text, place):
    arrays = {"x": X[place], **{name: a for name, a in GIVEN.items() if occurs(name, text)}}
    shapes = {name: SHAPES[name] for name in arrays}
    f = mc.parse(text, shapes=shapes)
    for order in (0, 1, 2):
        wanted = digits.derivative(f, "x", order, arrays) if order else digits.value(f, arrays)
        for backend in DIALECTS:
            found = value(text, shapes, order, backend, arrays)
            scale = np.max(np.abs(wanted))
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10 * scale or 1e-15)


#: Sums in which exponentials grow, all positive.
GROWING = [
    "sum(exp(x))",
    "c' exp(x)",
    "b' exp(-x)",
    "b' exp(W x)",
    "exp(x)' W exp(x)",
    "exp(a' x)",
    "(1 + b' exp(x))^2",
    "sum(sqrt(exp(x)))",
    "sum(cosh(x))",
]


@pytest.mark.parametrize("first", GROWING)
def test_sums_and_quotients_of_what_grows(first):
    for second in GROWING:
        quotients = [f"({first}) / ({first} + 2 {second})"] if first != second else []
        for text in (f"log({first} + {second})", *quotients):
            for x in X.values():
                arrays = {"x": x, **{name: a for name, a in GIVEN.items() if occurs(name, text)}}
                shapes = {name: SHAPES[name] for name in arrays}
                wanted = digits.value(mc.parse(text, shapes=shapes), arrays)
                found = value(text, shapes, 0, "numpy", arrays)
                np.testing.assert_allclose(found, wanted, 1e-9, 1e-15, err_msg=f"{text} at {x}")
                gradient = value(text, shapes, 1, "numpy", arrays)
                assert np.isfinite(gradient).all(), f"{text} at {x}"


def occurs(name, text):
    return re.search(rf"\b{name}\b", text)


def value(text, shapes, order, backend, arrays):
    if order:
        function = mc.diff(text, "x", shapes=shapes, order=order).function(backend)
    else:
        function = compile_function(mc.parse(text, shapes=shapes), backend)
    given = {name: torch.tensor(a) if backend == "torch" else a for name, a in arrays.items()}
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        return np.asarray(function(**given))
