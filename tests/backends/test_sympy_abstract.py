"""Abstract functions as random polynomials: the images of derivatives are SymPy's derivatives."""

import itertools

import pytest
import sympy

import matcalc as mc
from matcalc.backends.sympy_abstract import DEGREE, primitive
from matcalc.backends.sympy_entries import entries
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Symbol
from matcalc.ops.abstract import abstract_function, antiderivative, partial_derivative

m, n = Dim.of("m"), Dim.of("n")
x, y, X = Symbol("x", (m, ONE)), Symbol("y", (n, ONE)), Symbol("X", (m, n))
SIZES = {"m": 2, "n": 3}

FUNCTIONS = {
    "scalar of a vector": (abstract_function("L", (x.shape,), SCALAR), (x,)),
    "scalar of a matrix": (abstract_function("L", (X.shape,), SCALAR), (X,)),
    "vector of a vector": (abstract_function("F", (x.shape,), y.shape), (x,)),
    "row of a vector": (abstract_function("F", (x.shape,), (ONE, n)), (x,)),
    "matrix of two vectors": (abstract_function("H", (x.shape, y.shape), X.shape), (x, y)),
}


def chains(function):
    """The derivatives of orders 1 and 2 with the arguments they are by."""
    positions = range(len(function.domain_shapes))
    return [*itertools.product(positions, repeat=1), *itertools.product(positions, repeat=2)]


@pytest.mark.parametrize("case", FUNCTIONS)
def test_the_image_of_a_derivative_is_the_derivative_of_the_image(case):
    function, args = FUNCTIONS[case]
    expected = {(): list(entries(function(*args), SIZES))}
    for chain in chains(function):
        by = list(entries(args[chain[-1]], SIZES))
        expected[chain] = [e.diff(symbol) for e in expected[chain[:-1]] for symbol in by]
        derived = function
        for position in chain:
            derived = partial_derivative(derived, position)
        found = list(entries(derived(*args), SIZES))
        assert [sympy.expand(a - b) for a, b in zip(found, expected[chain], strict=True)] == (
            [0] * len(found)
        )


@pytest.mark.parametrize("case", FUNCTIONS)
def test_the_primitive_is_found_by_the_name(case):
    function, _ = FUNCTIONS[case]
    for chain in chains(function):
        derived = function
        for position in chain:
            derived = partial_derivative(derived, position)
        found, positions = primitive(derived)
        assert (found.name, positions) == (function.name, chain)


def test_a_hessian_is_invertible():
    L = FUNCTIONS["scalar of a vector"][0]
    hessian = partial_derivative(partial_derivative(L, 0), 0)
    values = {x: sympy.Matrix([1, 2])}
    assert entries(hessian(x), SIZES, values).det() != 0


def test_a_derivative_above_the_degree_is_zero():
    derived = abstract_function("g", (SCALAR,), SCALAR)
    for _ in range(DEGREE + 1):
        derived = partial_derivative(derived, 0)
    assert list(entries(derived(Symbol("a", SCALAR)), {})) == [0]


@pytest.mark.parametrize(
    ("name", "domain", "codomain"),
    [
        ("L", x.shape, SCALAR),
        ("∇L", x.shape, y.shape),
        ("∇L", x.shape, (m, n)),
        ("∂F", x.shape, x.shape),
        ("∂2F", x.shape, (n, m)),
    ],
)
def test_a_name_that_the_shapes_contradict_says_nothing(name, domain, codomain):
    assert antiderivative(abstract_function(name, (domain,), codomain)) is None


def test_second_derivatives_by_a_row():
    """The gradient of a function of a row is a row, whose derivative is the Hessian."""
    text = "W: (n, p); x: (1, n); b: (1, p); L: (1, p) -> scalar; L(x W + b)"
    for variable in ("x", "b"):
        assert mc.diff(text, variable, order=2).check().ok
