import pytest
import sympy

from matcalc.backends.sympy_entries import Entries, entries, entries_index
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Size, Symbol
from matcalc.core.index import Composite, Index
from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem
from matcalc.ops import REGISTRY
from tests.backends.sympy_cases import A, B, X, a, index, inv, m, n, ops, prod, t, x

SIZES = {"n": 2, "m": 3}
NUMBERS = sympy.Matrix([[1, 2], [3, 5]])


def test_entries_are_real_symbols_named_by_their_indices():
    matrix = entries(A, SIZES)
    assert matrix.shape == (2, 2)
    assert str(matrix[0, 1]) == "A[0,1]"
    assert matrix[0, 1].is_real
    assert [str(e) for e in entries(x, SIZES)] == ["x[0]", "x[1]"]
    assert str(entries(a, SIZES)[0, 0]) == "a"


def test_a_quadratic_form_is_written_out():
    written = entries(prod(2, t(x), A, x), SIZES)
    A_, x_ = entries(A, SIZES), entries(x, SIZES)
    assert written.shape == (1, 1)
    assert sympy.expand(written[0, 0] - 2 * (x_.T * A_ * x_)[0, 0]) == 0


def test_values_replace_symbols():
    assert entries(inv(A), SIZES, {A: NUMBERS}) == NUMBERS.inv()


def test_scalars_spread_over_products_and_sizes_are_numbers():
    e = prod(Size(n), a, B)
    assert entries(e, SIZES, {B: sympy.ones(3, 2), a: sympy.Matrix([[4]])}) == sympy.ones(3, 2) * 8


def test_the_inverse_of_symbols_is_the_inverse():
    matrix = entries(A, {"n": 3})
    product = (entries(inv(A), {"n": 3}) * matrix).applyfunc(sympy.cancel)
    assert product == sympy.eye(3)


def test_a_shared_node_is_computed_once():
    e = x
    for _ in range(3000):
        e = ops["add"](e, e)
    calls = []

    def count(matrix):
        calls.append(matrix)
        return matrix

    values = {x: sympy.Matrix([1, 0])}
    assert Entries(SIZES, values, count).of(e)[0] == 2**3000
    assert len(calls) == 3000


def test_an_operation_without_image_is_named():
    with pytest.raises(UnsupportedProblem, match="f has no SymPy image"):
        entries(Operation("f", "(n, n) -> (n, n)")(A), SIZES)


def test_matrix_functions_are_of_numbers():
    diagonal = entries(ops["expm"](A), SIZES, {A: sympy.diag(1, 2)})
    assert all(abs(e) < 1e-50 for e in diagonal - sympy.diag(sympy.E, sympy.E**2).evalf(60))
    with pytest.raises(UnsupportedProblem, match="SymPy has cosm of numbers only"):
        entries(ops["cosm"](A), SIZES)


@pytest.mark.parametrize("name", ["relu", "step", "abs", "sign"])
def test_functions_with_a_kink_have_their_value_on_it(name):
    image = entries(ops[name](x), SIZES, {x: sympy.Matrix([0, -3])})
    assert list(image) == [0, {"relu": 0, "step": 0, "abs": 3, "sign": -1}[name]]


def test_extrema_are_found_by_steps_only():
    values = {X: sympy.Matrix([[1, 7], [4, -2]])}
    assert entries(ops["max"](X), SIZES, values)[0, 0] == 7
    assert entries(ops["min_1"](X), SIZES, values) == sympy.Matrix([[1, -2]])
    assert entries(ops["argmax_2"](X), SIZES, values) == sympy.Matrix([[0, 1], [1, 0]])


# -------------------------------------------------------------------------- index notation


def test_an_array_is_the_sum_of_its_terms():
    j, k = Index(n), Index(n)
    gradient = index(k, terms=[(1, [(A, (k, j)), (x, (j,))]), (1, [(A, (j, k)), (x, (j,))])])
    A_, x_ = entries(A, SIZES), entries(x, SIZES)
    found = entries_index(gradient, SIZES)
    assert list(found) == [(0,), (1,)]
    for place, value in found.items():
        assert sympy.expand(value - ((A_ + A_.T) * x_)[place[0]]) == 0


def test_an_index_may_occur_three_times():
    i = Index(n)
    assert entries_index(index(terms=[(3, [(x, (i,))] * 3)]), SIZES, {x: sympy.Matrix([2, 1])}) == {
        (): 27
    }


def test_a_free_index_that_does_not_occur_is_broadcast():
    i, j = Index(n), Index(m)
    table = entries_index(index(i, j, terms=[(1, [(x, (i,))])]), SIZES, {x: sympy.Matrix([2, 1])})
    assert table == {(0, 0): 2, (0, 1): 2, (0, 2): 2, (1, 0): 1, (1, 1): 1, (1, 2): 1}


def test_the_first_part_of_a_composite_index_varies_slowest():
    i, j = Index(m), Index(n)
    vec = ops["vec"](B)
    table = entries_index(index(i, j, terms=[(1, [(vec, (Composite((j, i)),))])]), SIZES)
    B_ = entries(B, SIZES)
    assert table == {(p, q): B_[p, q] for p in range(3) for q in range(2)}


def test_deltas_and_disconnected_factors():
    i, j, k = Index(n), Index(n), Index(m)
    eye = REGISTRY["eye"](Size(n))
    table = entries_index(
        index(i, j, terms=[(2, [(eye, (i, j)), (REGISTRY["ones"](Size(m), Size(ONE)), (k,))])]),
        SIZES,
    )
    assert table == {(0, 0): 6, (0, 1): 0, (1, 0): 0, (1, 1): 6}


def test_a_constant_term_has_no_indices():
    assert entries_index(index(terms=[(5, [])]), SIZES) == {(): 5}
    assert entries_index(index(terms=[]), SIZES) == {(): 0}


def test_sizes_may_be_products():
    v = Symbol("v", (Dim.of(2) * m, ONE))
    assert entries(v, SIZES).shape == (6, 1)
    assert entries(Constant(3), SIZES) == sympy.Matrix([[3]])
