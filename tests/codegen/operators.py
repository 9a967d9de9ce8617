"""What the tests of operators have in common: functions with regular Hessians, and their arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

import matcalc as mc
from tests.codegen.test_contractions import sample

jax.config.update("jax_enable_x64", True)

CONVERT = {"numpy": np.asarray, "jax": jnp.asarray, "torch": torch.tensor}

#: Functions of which the Jacobian is taken.
FIRST_ORDER = ("A: (n, n); A x", "A: (m, m); B: (n, n); A X B", "A: (n, n); A x + x.^3")

#: Functions with a regular Hessian or Jacobian, their variable, the shapes of all, and how a system is
#: solved: with the matrix as it is, or not.
REGULAR = {
    "matrix factorisation": (
        "norm2(T - U V')^2",
        "U",
        {"T": (4, 5), "U": (4, 3), "V": (5, 3)},
        False,
    ),
    "logistic regression": ("sum(log(1 + exp(-X w)))", "w", {"X": (7, 3), "w": (3,)}, True),
    "log det": ("logdet(X)", "X", {"X": (4, 4)}, False),
    "quadratic": ("x' A x", "x", {"A": (4, 4), "x": (4,)}, True),
    "separate": ("sum(exp(X))", "X", {"X": (3, 4)}, False),
    "columns": ("sum((A X).^4)", "X", {"A": (5, 3), "X": (3, 4)}, False),
    "diagonal and a product": ("sum(exp(x)) + (a' x)^2", "x", {"a": (4,), "x": (4,)}, False),
    "diagonal and two": (
        "sum(exp(X)) + (a' X b)^2 + exp(c' X b)",
        "X",
        {"X": (3, 2), "a": (3,), "b": (2,), "c": (3,)},
        False,
    ),
    "a number": ("x^4", "x", {"x": ()}, False),
    "a number, several terms": ("x^4 + exp(a x)", "x", {"x": (), "a": ()}, False),
    "a Jacobian": (FIRST_ORDER[0], "x", {"A": (4, 4), "x": (4,)}, False),
    "a Jacobian of a matrix": (FIRST_ORDER[1], "X", {"A": (4, 4), "X": (4, 3), "B": (3, 3)}, False),
    "no arrays": ("norm2(X)^2", "X", {"X": (2, 3)}, False),
}


def problem(text, wrt, shapes):
    arrays = sample(shapes)
    scalars = {name: shape for name, shape in shapes.items() if shape == ()}
    order = 1 if text in FIRST_ORDER else 2
    d = mc.diff(text, wrt, order=order, shapes=scalars)
    dense = d.function()(**arrays).reshape(arrays[wrt].size, arrays[wrt].size)
    return d, arrays, dense
