"""Contraction and the vec form, at composite indices and at numeric sizes."""

import re

import numpy as np
import pytest

import matcalc as mc
from matcalc.backends.text import format_index
from matcalc.codegen.generate import compile_function, generate
from matcalc.core.expr import Expr, symbols
from matcalc.core.index import IndexExpr
from tests.reference import assert_close, finite_difference, generator

SIZES = {"m": 2, "n": 3, "p": 4, "q": 5}

#: Text and variable; derivatives are compared with finite differences, vec forms with the tensor.
COMPOSITE = [
    ("X: (m, n); vec(X)", "X"),
    ("X: (m, n); X'", "X"),
    ("X: (m, n); Y: (n, m); vec(X)' vec(Y)", "X"),
    ("X: (m, n); Y: (n, m); vec(X)' vec(Y)", "Y"),
    ("A: (m, m); B: (n, n); X: (n, m); kron(A, B) vec(X)", "A"),
    ("A: (m, m); B: (n, n); X: (n, m); kron(A, B) vec(X)", "B"),
    ("A: (m, m); B: (n, n); X: (m, n); kron(A, B) vec(X)", "A"),
    ("A: (m, m); B: (n, n); X: (m, n); a: m n; a' kron(A, B) vec(X)", "A"),
    ("A: (m, n); B: (p, q); kron(A, B)", "A"),
    ("A: (m, n); B: (p, q); kron(A, B)", "B"),
    ("x: m; y: n; kron(x, y)", "x"),
    ("x: m; y: n; kron(x', y)", "y"),
    ("A: (m, n); X: (n, m); tr(kron(A, X) kron(X, A))", "X"),
    ("X: (m, m); C: (m, m); X' C X", "X"),
    ("X: (m, m); X^-T", "X"),
    ("X: (m, n); diag(vec(X)) vec(X)", "X"),
    ("x: m; diag(x)", "x"),
    ("x: n; A: (n, n); diag(x) A diag(x)", "x"),
    ("X: (m, m); X .* X' .* I", "X"),
]  # fmt: skip


def _numeric(text: str) -> str:
    """The same text with numbers for the sizes."""
    declarations, _, body = text.rpartition(";")
    pairs = [part.partition(":") for part in declarations.split(";")]
    numbers = [
        (name, re.sub(r"\b[mnpq]\b", lambda m: str(SIZES[m[0]]), dims)) for name, _, dims in pairs
    ]
    return "; ".join(f"{name.strip()}: {_multiplied(dims)}" for name, dims in numbers) + f";{body}"


def _multiplied(dims: str) -> str:
    """``2 3`` as ``6``."""
    words = dims.split()
    return dims if "," in dims else str(int(np.prod([int(word) for word in words])))


@pytest.mark.parametrize(("text", "wrt"), COMPOSITE)
@pytest.mark.parametrize("numeric", [False, True])
def test_composite_indices(text: str, wrt: str, numeric: bool) -> None:
    text = _numeric(text) if numeric else text
    tensor = mc.diff(text, wrt, layout="tensor")
    arrays = {name: _array(name, dims) for name, dims in tensor.variables.items()}
    value = compile_function(mc.parse(text), variables=symbols(mc.parse(text)))
    jacobian = _call(tensor.index, text, arrays)
    assert_close(
        jacobian, finite_difference(lambda x: value(**arrays | {wrt: x}), arrays[wrt]), rtol=1e-6
    )
    vec = mc.diff(text, wrt, layout="vec")
    if vec.layout == "vec" and vec.expr is not None:
        flat = _call(vec.expr, text, arrays)
        count = arrays[wrt].size
        assert_close(flat.reshape(-1, count), jacobian.reshape(-1, count, order="F"), rtol=1e-10)


def _call(e: Expr | IndexExpr, text: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
    variables = symbols(mc.parse(text))
    sizes = generate(e, variables=variables).sizes
    known = {name: SIZES[size] for name, size in sizes.items()}
    return compile_function(e, variables=variables)(**arrays, **known)


def _array(name: str, dims: tuple[int | str, ...]) -> np.ndarray:
    shape = [_number(dim) for dim in dims]
    array = generator("contract", name).standard_normal(shape)
    return array + 2 * np.eye(*shape) if len(shape) == 2 else array


def _number(dim: int | str) -> int:
    if isinstance(dim, int):
        return dim
    return int(np.prod([SIZES[part] for part in dim.split()]))


def test_vec_is_not_split_against_its_own_shape() -> None:
    # vec(Y) is indexed by the pairs of X, whose shape is the transpose of Y's.
    d = mc.diff("X: (m, n); Y: (n, m); vec(X)' vec(Y)", "X")
    assert d.expr is None
    assert format_index(d.index) == "vec(Y)[(j,i)]"
