"""Every operation against numbers, without a test of its own.

Each instance of each operation: the shape rule against the generated code, the derivatives of orders
1 and 2 against finite differences, the SymPy image against the generated code, print and parse, and
the two layouts against each other.
"""

import numpy as np
import pytest
import sympy

from matcalc.backends.sympy_entries import entries
from matcalc.backends.text import format_program
from matcalc.codegen.generate import compile_function
from matcalc.core.expr import Symbol
from matcalc.core.index import IndexExpr
from matcalc.errors import UnsupportedProblem
from matcalc.ops import REGISTRY
from matcalc.ops.matrix_functions import FUNCTIONS
from matcalc.passes.differentiate import derivative
from matcalc.passes.elaborate import parse
from matcalc.passes.layout import arrange
from tests.conformance.instances import Instance, has_rule, instances, is_constant, is_writable
from tests.reference import assert_close, finite_difference, restrict

INSTANCES = [instance for op in REGISTRY.values() for instance in instances(op)]
DIFFERENTIABLE = [i for i in INSTANCES if has_rule(i.op) and i.symbols]
WITHOUT_RULE = [i for i in INSTANCES if not has_rule(i.op) and not is_constant(i.op)]
WITH_IMAGE = [i for i in INSTANCES if i.op.sympy is not None]

#: Operations without a SymPy image: roots of a characteristic polynomial have no derivative by SymPy
#: that would not be as long as a page.
WITHOUT_IMAGE = {"eigval", "eigvec"}

#: Those whose first derivative has a Kronecker form, which is not differentiated again.
ONCE = [i for i in DIFFERENTIABLE if i.op in FUNCTIONS and not i.expr.args[0].is_scalar]
TWICE = [i for i in DIFFERENTIABLE if i not in ONCE]

each_instance = pytest.mark.parametrize("instance", INSTANCES, ids=str)
each_differentiable = pytest.mark.parametrize("instance", DIFFERENTIABLE, ids=str)


def value(
    instance: Instance, arrays: dict[str, np.ndarray], sizes: dict[str, int] | None = None
) -> np.ndarray:
    known = {} if instance.symbols else sizes or instance.sizes
    return compile_function(instance.expr)(**arrays, **known)


def test_every_operation_has_an_instance():
    assert {instance.op.name for instance in INSTANCES} == set(REGISTRY)


@each_instance
def test_the_value_has_the_shape_of_the_rule(instance: Instance):
    shape = tuple(dim.evaluate(instance.sizes) for dim in instance.expr.axes)
    assert value(instance, instance.arrays()).shape == shape


@each_differentiable
def test_the_first_derivative_agrees_with_finite_differences(instance: Instance):
    arrays = instance.arrays()
    for symbol in instance.symbols:

        def f(x, symbol=symbol):
            return value(instance, {**arrays, symbol.name: instance.project(x)})

        check(instance, symbol, arrays, derivative(instance.expr, symbol), f, order=1)


@pytest.mark.parametrize("instance", TWICE, ids=str)
def test_the_second_derivative_agrees_with_finite_differences(instance: Instance):
    arrays = instance.arrays()
    for symbol in instance.symbols:
        first = compiled(instance, derivative(instance.expr, symbol))

        def f(x, symbol=symbol, first=first):
            at = first(**{**arrays, symbol.name: instance.project(x)})
            return along_structure(instance, symbol, at, order=1)

        check(instance, symbol, arrays, derivative(instance.expr, symbol, 2), f, order=2)


@pytest.mark.parametrize("instance", ONCE, ids=str)
def test_the_second_derivative_of_a_matrix_function_is_refused(instance: Instance):
    with pytest.raises(UnsupportedProblem) as caught:
        derivative(instance.expr, instance.symbols[0], 2)
    assert f"{instance.op.name}_kronecker" in caught.value.problem


def compiled(instance: Instance, expr: IndexExpr):
    return compile_function(expr, variables=instance.symbols)


def along_structure(instance: Instance, symbol: Symbol, array: np.ndarray, order: int):
    if not instance.structure or len(symbol.axes) != 2:
        return array
    return restrict(array, instance.structure, "tangent", order)


def check(instance, symbol, arrays, derived: IndexExpr, f, *, order: int):
    actual = along_structure(instance, symbol, compiled(instance, derived)(**arrays), order)
    assert_close(actual, finite_difference(f, arrays[symbol.name]), rtol=1e-7)


@pytest.mark.parametrize("instance", WITHOUT_RULE, ids=str)
def test_an_operation_without_a_rule_says_so(instance: Instance):
    with pytest.raises(UnsupportedProblem) as caught:
        derivative(instance.expr, instance.symbols[0])
    assert instance.op.spelling in caught.value.problem


def test_every_operation_has_a_sympy_image():
    """Answers with one that has none could not be checked."""
    assert {op.name for op in REGISTRY.values() if op.sympy is None} == WITHOUT_IMAGE


@pytest.mark.parametrize("instance", WITH_IMAGE, ids=str)
def test_the_sympy_image_has_the_value_of_the_code(instance: Instance):
    sizes = instance.small_sizes
    # Sixteenths: SymPy factors what stands under a root, which takes hours for long numerators.
    arrays = {name: np.round(16 * array) / 16 for name, array in instance.arrays(sizes).items()}
    matrices = {symbol: explicit(arrays[symbol.name], symbol, sizes) for symbol in instance.symbols}
    image = entries(instance.expr, sizes, matrices)
    numbers = np.array(image.evalf(30).tolist(), dtype=complex)
    shape = tuple(dim.evaluate(sizes) for dim in instance.expr.axes)
    assert_close(numbers.reshape(shape), value(instance, arrays, sizes), rtol=1e-9)


def explicit(array: np.ndarray, symbol: Symbol, sizes: dict[str, int]) -> sympy.Matrix:
    rows, columns = (dim.evaluate(sizes) for dim in symbol.shape)
    exact = [sympy.Rational(float(x)) for x in np.reshape(array, -1)]
    return sympy.Matrix(rows, columns, exact)


@pytest.mark.parametrize("instance", list(filter(is_writable, INSTANCES)), ids=str)
def test_print_and_parse_give_the_same_node(instance: Instance):
    assert parse(format_program(instance.expr)).expr is instance.expr


@each_differentiable
def test_layouts_are_transposes_of_each_other(instance: Instance):
    for symbol in instance.symbols:
        index = derivative(instance.expr, symbol)
        if len(index.free) > 2:
            continue
        shapes = instance.expr.shape, symbol.shape
        numerator, denominator = (
            arrange(index, *shapes, 1, layout).expr for layout in ("numerator", "denominator")
        )
        if numerator is None or denominator is None:
            continue
        assert numerator.shape == denominator.shape[::-1]
        arrays = instance.arrays()
        left, right = (
            compile_function(e, variables=instance.symbols)(**arrays)
            for e in (numerator, denominator)
        )
        assert_close(left, right.T, rtol=1e-12)
