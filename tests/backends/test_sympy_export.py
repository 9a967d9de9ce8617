import numpy as np
import pytest
import sympy

import matcalc as mc
from matcalc.backends.sympy_entries import entries, entries_index
from matcalc.backends.sympy_export import entry, to_sympy
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Size, Symbol
from matcalc.core.index import Composite, Index
from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem, LimitProblem
from matcalc.ops import REGISTRY
from tests.backends.sympy_cases import (
    A,
    B,
    X,
    Y,
    a,
    evaluated,
    index,
    inv,
    m,
    n,
    ops,
    prod,
    t,
    total,
    x,
)
from tests.conformance.instances import instances

SIZES = {"n": 2, "m": 3}
i, j, k, l = (Index(n) for _ in range(4))
inverse_by_x = index(i, j, k, l, terms=[(-1, [(inv(X), (i, k)), (inv(X), (l, j))])])

SHOWN = {
    "2*Trace(x.T*A*x)": prod(2, t(x), A, x),
    "A + A.T": total(A, t(A)),
    "(X**(-1)).T": t(inv(X)),
    "log(Determinant(X))": ops["logdet"](X),
    "a*(HadamardProduct(Y, B))": prod(a, ops["times"](Y, B)),
    "HadamardPower(Y, -2)": ops["power"](Y, Constant(-2)),
    "KroneckerProduct(A, Y)": ops["kron"](A, Y),
    "DiagMatrix(x)": ops["diag"](x),
    "diag(A)": ops["diagonal"](A),
    "A**3": ops["matpow"](A, Constant(3)),
    "Lambda(_x, tanh(_x)).(Y)": ops["tanh"](Y),
    "sqrt(Trace(x.T*x))": ops["norm2"](x),
    "softmax(Y, 1)": ops["softmax_1"](Y),
    "max(Y)": ops["max"](Y),
    "n*Trace(A)": prod(Size(n), ops["tr"](A)),
    "pi": ops["pi"](),
    "a**2": ops["power"](a, Constant(2)),
}


@pytest.mark.parametrize("text", SHOWN)
def test_expressions_look_as_sympy_writes_them(text):
    assert str(to_sympy(SHOWN[text])) == text


def test_shapes_are_kept():
    size = sympy.Symbol("n", integer=True, positive=True)
    assert to_sympy(x).shape == (size, 1)
    assert to_sympy(t(x)).shape == (1, size)
    assert to_sympy(ops["vec"](Y)).shape == (
        size * sympy.Symbol("m", integer=True, positive=True),
        1,
    )
    assert not hasattr(to_sympy(prod(t(x), x)), "shape")
    assert to_sympy(Symbol("R", (Dim.of(2), Dim.of(3)))).shape == (2, 3)
    assert to_sympy(inverse_by_x).shape == (size,) * 4


SUBJECTS = [
    instance for op in REGISTRY.values() if op.sympy is not None for instance in instances(op)
]


@pytest.mark.parametrize("instance", SUBJECTS, ids=str)
def test_every_operation_has_the_entries_of_its_image(instance):
    """Numbers are put in for variables and sizes after the translation."""
    arrays = instance.arrays()
    values = {}
    for symbol in instance.symbols:
        shape = [dim.evaluate(instance.sizes) for dim in symbol.shape]
        numbers = [sympy.Rational(int(64 * e), 64) for e in np.ravel(arrays[symbol.name])]
        values[symbol] = sympy.Matrix(*shape, numbers)
    expected = entries(instance.expr, instance.sizes, values)
    found = evaluated(to_sympy(instance.expr), instance.sizes, values)
    shape = [dim.evaluate(instance.sizes) for dim in instance.expr.shape]
    difference = sympy.Matrix(*shape, list(found) if shape != [1, 1] else [found]) - expected
    assert all(abs(sympy.N(e, 30)) < 1e-20 for e in difference)


def test_an_operation_without_image_stays_as_it_is():
    found = to_sympy(Operation("f", "(n, n) -> (n, n)")(A))
    assert str(found) == "f(A)"
    assert found.doit() == found
    i_ = sympy.Symbol("i")
    assert str(found[i_, 0]) == "f(A)[i, 0]"


def test_what_is_too_deep_for_sympy_is_an_error():
    e = x
    for _ in range(5000):
        e = ops["add"](e, e)
    with pytest.raises(LimitProblem, match="the expression is nested too deeply for SymPy"):
        to_sympy(e)
    with pytest.raises(LimitProblem):
        entry(index(i, terms=[(1, [(e, (i,))])]), 0)


def test_a_sum_of_many_terms_is_translated():
    e = ops["add"](*(prod(k, x) for k in range(1, 2000)))
    assert len(to_sympy(e).args) == 1999


# -------------------------------------------------------------------------- arrays and entries


def test_an_array_of_four_axes_evaluates():
    array = to_sympy(inverse_by_x)
    numbers = sympy.Matrix([[1, 2], [3, 5]])
    found = evaluated(array, {"n": 2}, {X: numbers})
    assert isinstance(found, sympy.ImmutableDenseNDimArray)
    expected = entries_index(inverse_by_x, {"n": 2}, {X: numbers})
    assert {place: found[place] for place in expected} == expected


def test_an_array_of_three_axes_with_sums_and_deltas():
    """The derivative of W x by W, times a sum."""
    p, q, r, s = Index(m), Index(m), Index(n), Index(n)
    eye = ops["eye"](Size(m))
    e = index(p, q, r, terms=[(2, [(eye, (p, q)), (x, (r,)), (A, (r, s)), (x, (s,))])])
    array = to_sympy(e)
    values = {x: sympy.Matrix([1, 2]), A: sympy.Matrix([[1, -1], [4, 7]])}
    found = evaluated(array, SIZES, values)
    expected = entries_index(e, SIZES, values)
    assert found.shape == (3, 3, 2)
    assert {place: found[place] for place in expected} == expected
    assert str(array[0, 0, 1]) == "Sum(2*A[1, l]*x[1, 0]*x[l, 0], (l, 0, n - 1))"
    with pytest.raises(IndexError):
        array[0, 0]


def test_arrays_of_fewer_axes_are_matrices_and_scalars():
    square = index(i, terms=[(1, [(x, (i,)), (x, (i,)), (x, (i,))])])
    values = {x: sympy.Matrix([2, -3])}
    assert evaluated(to_sympy(square), {"n": 2}, values) == sympy.Matrix([8, -27])
    outer = index(i, j, terms=[(1, [(x, (i,)), (x, (j,)), (x, (j,))])])
    assert evaluated(to_sympy(outer), {"n": 2}, values) == sympy.Matrix([[8, 18], [-12, -27]])
    cube = index(terms=[(1, [(x, (i,))] * 3)])
    assert str(to_sympy(cube)) == "Sum(x[i, 0]**3, (i, 0, n - 1))"
    assert evaluated(to_sympy(cube), {"n": 2}, values) == -19


def test_entries_have_deltas_and_sums():
    p, q, r = Index(m), Index(m), Index(n)
    eye = ops["eye"](Size(m))
    by_weight = index(p, q, r, terms=[(1, [(eye, (p, q)), (x, (r,))])])
    assert str(entry(by_weight, "i", "k", "l")) == "KroneckerDelta(i, k, (0, m - 1))*x[l, 0]"
    assert entry(by_weight, 0, 0, "l") == to_sympy(x)[sympy.Symbol("l", integer=True), 0]
    assert entry(by_weight, 0, 1, "l") == 0
    assert str(entry(inverse_by_x, "i", "j", 0, 1)) == "-(X**(-1))[1, j]*(X**(-1))[i, 0]"


def test_bound_letters_avoid_those_in_use():
    s = Index(n)
    e = index(j, terms=[(1, [(A, (j, s)), (x, (s,)), (Symbol("j", (ONE, ONE)), ())])])
    assert str(entry(e, "i")) == "Sum(j*A[i, k]*x[k, 0], (k, 0, n - 1))"


def test_composite_indices_are_computed():
    p, q = Index(m), Index(n)
    e = index(p, q, terms=[(1, [(ops["vec"](B), (Composite((q, p)),))])])
    assert str(entry(e, "i", "j")) == "vec(B)[i + j*m, 0]"
    assert str(entry(e, 2, 1)) == "vec(B)[m + 2, 0]"


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (("i",), "1 indices for 4 axes"),
        (("i", "j", "k", -1), "index -1 is out of range"),
        (("i", "j", "k", 1.5), "1.5 is not an index"),
        (("i", "j", "k", True), "True is not an index"),
        (("i", "j", "k", ""), "'' is not an index"),
    ],
)
def test_bad_indices_are_errors(indices, message):
    with pytest.raises(ArgumentProblem, match=message):
        entry(inverse_by_x, *indices)


def test_an_index_beyond_a_known_size_is_an_error():
    v = Symbol("v", (Dim.of(3), ONE))
    s = Index(Dim.of(3))
    with pytest.raises(ArgumentProblem, match="index 3 is out of range") as caught:
        entry(index(s, terms=[(1, [(v, (s,))])]), 3)
    assert caught.value.details == ("the axis has the size 3, and SymPy's indices start at 0",)


@pytest.mark.parametrize(
    "text",
    [
        "vec(softmax(X, 1))",
        "vec(X)",
        "vec(X')",
        "sum(X, 1) ⊗ X x",
        "vec(X ⊗ X)",
        "vec(vec(X) x')",
    ],
)
def test_composite_indices_evaluate_at_explicit_matrices(text):
    """SymPy reached entries beyond the matrix where it summed over a part of a composite index."""
    d = mc.diff(f"X: (m, n); x: n; {text}", "X")
    X, x = Symbol("X", (m, n)), Symbol("x", (n, ONE))
    values = {X: sympy.Matrix(3, 2, range(1, 7)) / 7, x: sympy.Matrix([2, -5])}
    image = evaluated(d.sympy, SIZES, values)
    expected = d.function()(X=np.array(values[X], float), x=np.array([2.0, -5.0]))
    np.testing.assert_allclose(np.array(image, float).reshape(expected.shape), expected, rtol=1e-12)
