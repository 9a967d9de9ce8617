"""Generated NumPy code: its text, its values, and what its functions refuse."""

import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen.generate import compile_function, source
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Constant, Expr, Size, Symbol
from matcalc.core.index import IndexExpr
from matcalc.errors import ArgumentProblem, LimitProblem, ShapeProblem, UnsupportedProblem
from matcalc.ops import REGISTRY
from matcalc.ops.abstract import abstract_function, partial_derivative
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from tests.reference import finite_difference

m, n, p = (Dim.of(name) for name in "mnp")
A = Symbol("A", (n, n))
X = Symbol("X", (m, n))
x = Symbol("x", (n, ONE))
y = Symbol("y", (m, ONE))
r = Symbol("r", (ONE, n))
a = Symbol("a", SCALAR)

ARRAYS = {
    "A": np.array([[1.0, 2.0], [3.0, 5.0]]),
    "X": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]),
    "x": np.array([1.5, -2.0]),
    "y": np.array([1.0, 2.0, 3.0]),
    "r": np.array([0.5, 4.0]),
    "a": np.array(3.0),
}


def negative(e: Expr) -> Expr:
    return TIMES(Constant(-1), e)


def transpose(e: Expr) -> Expr:
    return TRANSPOSE(e)


def body(e: Expr | IndexExpr, variables: Sequence[Symbol] = ()) -> str:
    """The lines of the function after its docstring."""
    text = source(e, variables=variables)
    return "\n".join(line.strip() for line in text.rpartition('"""')[2].strip().splitlines())


def call(e: Expr | IndexExpr, **arrays: np.ndarray) -> np.ndarray:
    function = compile_function(e, variables=[A, X, x, y, r, a])
    return function(**(arrays or ARRAYS))


op = REGISTRY.__getitem__


@pytest.mark.parametrize(
    ("e", "code"),
    [
        (MATMUL(A, x), "return A @ x"),
        (MATMUL(transpose(x), A), "return x @ A"),
        (MATMUL(transpose(x), A, x), "return x @ A @ x"),
        (MATMUL(A, A, x), "return A @ (A @ x)"),
        (MATMUL(x, transpose(y)), "return np.outer(x, y)"),
        (MATMUL(A, x, transpose(y), X), "return np.outer(A @ x, y @ X)"),
        (MATMUL(r, x), "return r @ x"),
        (MATMUL(x, transpose(x), x), "return x * (x @ x)"),
        (transpose(X), "return X.T"),
        (transpose(x), "return x"),
        (TIMES(Constant(2), ADD(A, transpose(A))), "return 2 * (A + A.T)"),
        (TIMES(Constant(Fraction(1, 2)), x), "return 0.5 * x"),
        (TIMES(Constant(Fraction(-2, 3)), x), "return -2 * x / 3"),
        (negative(MATMUL(A, x)), "return -(A @ x)"),
        (ADD(x, TIMES(Constant(-1), a, x)), "return x - a * x"),
        (ADD(x, TIMES(Constant(-2), x)), "return x - 2 * x"),
        (TIMES(x, POWER(a, Constant(-1)), POWER(x, Constant(-2))), "return x / (a * x ** 2)"),
        (POWER(x, Constant(Fraction(1, 2))), "return np.sqrt(x)"),
        (POWER(x, Constant(Fraction(-1, 2))), "return 1 / np.sqrt(x)"),
        (POWER(negative(a), Constant(2)), "return (-a) ** 2"),
        (ADD(ONES(Size(n), Size(ONE)), op("exp")(negative(x))), "return 1 + np.exp(-x)"),
        (ADD(x, TIMES(a, ONES(Size(n), Size(ONE)))), "return x + a"),
        (TIMES(POWER(Size(n), Constant(-1)), op("sum")(x)), "n = x.shape[0]\nreturn np.sum(x) / n"),
        (op("sum_1")(X), "return np.sum(X, axis=0)"),
        (op("sum_1")(x), "return np.sum(x[:, None], axis=0)[0]"),
        (op("det")(a), "return np.linalg.det(np.reshape(a, (1, 1)))"),
        (MATPOW(A, Constant(3)), "return np.linalg.matrix_power(A, 3)"),
        (KRON(A, transpose(x)), "return np.kron(A, x[None, :])"),
        (Constant(Fraction(1, 3)), "return 1 / 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_code_reads_as_one_would_write_it(e, code):
    assert body(e) == code


def test_a_shared_node_is_computed_once():
    z = op("tanh")(MATMUL(A, x))
    assert body(ADD(z, TIMES(z, z))) == "t1 = np.tanh(A @ x)\nreturn t1 + t1 * t1"


def test_temporaries_do_not_clash_with_variables():
    t1 = Symbol("t1", (n, ONE))
    z = op("tanh")(t1)
    assert body(TIMES(z, z)) == "t2 = np.tanh(t1)\nreturn t2 * t2"


def test_a_template_that_repeats_its_argument_becomes_a_function():
    text = source(op("sigmoid")(MATMUL(A, x)))
    assert "def sigmoid(x):\n" in text
    assert text.endswith("    return sigmoid(A @ x)\n")


def test_the_docstring_names_shapes():
    e = TIMES(a, MATMUL(X, x))
    assert source(e, name="f", doc="Scaled product.") == (
        "def f(a, X, x):\n"
        '    """Scaled product.\n'
        "\n"
        "    a: a scalar\n"
        "    X: array of shape (m, n)\n"
        "    x: array of shape (n,)\n"
        "\n"
        "    Returns: array of shape (m,)\n"
        '    """\n'
        "    return a * (X @ x)\n"
    )


def test_a_docstring_cannot_end_its_quotes():
    function = compile_function(x, doc='"""\nraise SystemExit\n"""')
    assert function(x=[1, 2]).tolist() == [1, 2]


def test_the_source_runs_by_itself(tmp_path):
    z = MATMUL(X, x)
    text = source(ADD(op("softplus")(z), TIMES(Size(m), op("erf")(z))))
    script = tmp_path / "generated.py"
    script.write_text(
        text + "\nprint(derivative(np.ones((2, 3)), np.zeros(3)))\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-I", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[0.69314718 0.69314718]\n"


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("λ", "λ"),
        ("x_1", "x_1"),
        ("lambda", "lambda_"),
        ("np", "np_"),
        ("x′", "x_"),
        ("len", "len_"),
    ],
)
def test_names_become_identifiers(name, python):
    function = compile_function(TIMES(Constant(2), Symbol(name, SCALAR)))
    assert function(**{name: 3}) == 6
    assert function(**{python: 3}) == 6


def test_names_that_become_equal_stay_apart():
    e = ADD(Symbol("in", SCALAR), Symbol("in_", SCALAR))
    assert "def derivative(in_, in__):" in source(e)


# ---------------------------------------------------------------------- values


def test_scalars_vectors_and_rows_come_back_without_unit_axes():
    assert call(MATMUL(r, x)).shape == ()
    assert call(MATMUL(r, A)).shape == (2,)
    assert call(MATMUL(y, r)).shape == (3, 2)


@pytest.mark.parametrize(
    ("e", "value"),
    [
        (EYE(Size(m)), np.eye(3)),
        (ONES(Size(m), Size(n)), np.ones((3, 2))),
        (ZEROS(Size(n), Size(ONE)), np.zeros(2)),
        (Constant(Fraction(1, 4)), np.array(0.25)),
        (Size(m * n), np.array(6)),
    ],
)
def test_constants_take_their_sizes_from_variables_that_do_not_occur(e, value):
    np.testing.assert_array_equal(call(e), value)


def test_a_size_is_read_off_a_product_of_sizes():
    v = Symbol("v", (m * n, ONE))
    e = TIMES(POWER(Size(n), Constant(-1)), v)
    function = compile_function(e, variables=[v, y])
    assert function(v=np.ones(6), y=np.ones(3)).tolist() == [0.5] * 6


def test_a_size_is_read_off_a_square():
    v = Symbol("v", (n * n, ONE))
    assert compile_function(Size(n), variables=[v])(v=np.ones(9)) == 3


def test_a_size_that_no_array_has_is_an_argument():
    function = compile_function(EYE(Size(p)))
    assert repr(function) == "<generated function derivative(p)>"
    assert function(p=3).shape == (3, 3)


def test_integers_and_lists_are_taken_as_floats():
    assert call(POWER(x, Constant(-1)), x=[2, 4]).tolist() == [0.5, 0.25]


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("value", [1j, [1j, 0]])
def test_complex_numbers_are_refused(backend, value):
    """log(1 + exp(z)) is computed as softplus, which is something else where z is complex."""
    f = compile_function(op("exp")(x), backend)
    with pytest.raises(ArgumentProblem, match="x is not an array of real numbers"):
        f(x=value)


def test_the_result_is_no_view_of_an_argument():
    array = np.ones(2)
    call(x, x=array)[0] = 5
    assert array[0] == 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_results_share_no_memory_with_arguments_nor_with_each_other(backend):
    function = compile_function([A, A, TRANSPOSE(A)], backend)
    given = np.ones((2, 2)) if backend == "numpy" else torch.ones((2, 2))
    results = function(A=given)
    for result in results:
        result[0, 1] += 1
    assert given[0, 1] == 1
    assert [result[0, 1] for result in results] == [2, 2, 2]
    assert [result[1, 0] for result in results] == [1, 1, 1]


def test_gradients_that_are_equal_are_two_arrays():
    found = mc.grad("(x + y)' A (x + y)", ["x", "y"]).function()
    gradients = found(x=np.ones(2), y=np.ones(2), A=np.eye(2))
    assert gradients["x"].tolist() == gradients["y"].tolist()
    assert not np.shares_memory(gradients["x"], gradients["y"])


def test_a_variable_named_self():
    function = mc.diff("self' self", "self", shapes={"self": "n"}).function()
    assert function(self=[1, 2]).tolist() == [2, 4]


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_numbers_that_are_no_floating_point_numbers(backend):
    function = mc.diff("a x' x", "x").function(backend)
    with pytest.raises(ArgumentProblem, match="a is not an array of"):
        function(a=Fraction(1, 2), x=[1.0, 2.0])


# ---------------------------------------------------------------------- size


def test_ten_thousand_terms():
    e = ADD(*(TIMES(Constant(c), op("exp")(x)) for c in range(2, 10_002)))
    np.testing.assert_allclose(call(e), 50_015_000 * np.exp(ARRAYS["x"]))


def test_products_nested_as_deep_as_one_likes():
    e = x
    for _ in range(2000):
        e = TIMES(e, x)
    np.testing.assert_allclose(call(e, x=np.ones(2)), [1, 1])


def test_a_network_of_a_thousand_layers():
    e: Expr = x
    for _ in range(1000):
        e = op("tanh")(MATMUL(A, e))
    assert call(e, x=[0.0, 0.0], A=np.eye(2)).tolist() == [0, 0]
    assert max(map(len, source(e).splitlines())) < 120


# ---------------------------------------------------------------------- refusals


def refused(error: type[Exception], e: Expr | IndexExpr, **arrays: object) -> str:
    with pytest.raises(error) as caught:
        compile_function(e, variables=[A, X, x, a])(**arrays)
    return str(caught.value)


def test_disagreeing_sizes_name_both_arrays():
    assert refused(ShapeProblem, MATMUL(X, x), X=np.ones((3, 2)), x=np.ones(4)) == (
        "error: x and X disagree on the size n\n"
        "  x is (n,); the array is (4,)\n"
        "  X is (m, n); the array is (3, 2)"
    )


def test_sizes_are_checked_of_variables_that_do_not_matter_too():
    assert "A is (n, n); the array is (2, 3)" in refused(ShapeProblem, a, a=1, A=np.ones((2, 3)))


def test_a_number_as_size_is_checked():
    v = Symbol("v", (Dim.of(3), ONE))
    with pytest.raises(ShapeProblem) as caught:
        compile_function(v)(v=[1, 2])
    assert str(caught.value) == "error: v has the wrong size\n  v is (3,); the array is (2,)"


def test_a_column_is_not_taken_for_a_vector():
    assert refused(ShapeProblem, x, x=np.ones((2, 1))) == (
        "error: x has 2 axes instead of 1\n"
        "  x is (n,); the array is (2, 1)\n"
        "  help: axes of size 1 are dropped: give x.reshape((2,))"
    )


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": [1, 2]}, "missing argument: A"),
        ({"A": np.eye(2), "x": [1, 2], "z": 1}, "unknown argument z"),
        ({"A": np.eye(2), "x": ["u", "v"]}, "x is not an array of real numbers"),
        ({"A": [[1], [2, 3]], "x": [1, 2]}, "A is not an array"),
        ({"A": np.eye(2), "x": None}, "x is not an array of real numbers"),
        ({"A": np.eye(2), "x": [1, 2], "n": -1}, "n is a size: a non-negative integer is wanted"),
    ],
)
def test_unusable_arguments(arrays, problem):
    assert problem in refused(ArgumentProblem, MATMUL(A, x), **arrays)


def test_a_singular_matrix():
    message = refused(ArgumentProblem, op("inv")(A), A=np.zeros((2, 2)))
    assert message == "error: not defined at these arrays: Singular matrix"


def test_an_unknown_library():
    with pytest.raises(ArgumentProblem, match="no code generation for 'fortran'"):
        source(x, backend="fortran")


def test_a_number_beyond_floating_point():
    with pytest.raises(LimitProblem, match="too large"):
        source(TIMES(Constant(10**400), x))


def test_an_operation_without_code():
    from matcalc.core.operation import Operation

    unknown = Operation("mystery", "n -> scalar", ("x",))
    with pytest.raises(UnsupportedProblem, match="there is no numpy code for mystery"):
        source(unknown(x))


def test_a_size_known_as_a_product_only_is_read_as_one():
    whole = Symbol("x", (m * n, ONE))
    e = TIMES(POWER(Size(m * n * Dim.of(2)), Constant(-1)), EYE(Size(m * n)))
    function = compile_function(e, variables=[whole])
    assert body(e, [whole]) == (
        "m_n = x.shape[0]\n"
        "dtype = np.result_type(x, 1.0)\n"
        "return np.eye(m_n, dtype=dtype) / (2 * m_n)"
    )
    assert function(x=np.zeros(6)).tolist() == (np.eye(6) / 12).tolist()


def test_an_abstract_function_has_no_code():
    L = abstract_function("L", ((n, ONE),), SCALAR)
    gradient = partial_derivative(L, 0)
    with pytest.raises(UnsupportedProblem) as caught:
        source(MATMUL(A, gradient(x)))
    assert str(caught.value) == (
        "error: there is no code for ∇L: only its shapes are known\n"
        "  help: write out the function that it stands for"
    )


def test_entries_that_tie_share_the_derivative_of_an_extremum():
    """In X X' they must: the entries (i, j) and (j, i) are one function of X."""
    d = mc.diff("max(X X')", "X")
    X = np.array([[0.1, 2.0], [0.2, 2.1]])
    found = d.function()(X=X)
    step = 1e-6 * np.array([[1.0, 0.0], [0.0, 0.0]])
    slope = (np.max((X + step) @ (X + step).T) - np.max((X - step) @ (X - step).T)) / 2e-6
    np.testing.assert_allclose(found[0, 0], slope, atol=1e-6)
    symmetric = mc.diff("max(S)", "S", assume={"S": "symmetric"}, structured="tangent")
    S = np.array([[1.0, 5.0], [5.0, 2.0]])
    np.testing.assert_allclose(symmetric.function()(S=S), [[0.0, 0.5], [0.5, 0.0]])


def test_arrays_are_given_by_name():
    with pytest.raises(mc.ArgumentProblem, match="arrays are given by name"):
        mc.diff("a' x", "x").function()(np.ones(2), np.ones(2))


def test_arrays_of_four_axes_inside_a_symmetric_matrix():
    """What is its own transpose is looked for in all parts of a matrix; these have none."""
    text = "y: q; A: (q, q); logdet(expm(diag(y.^2) A))"
    arrays = {"y": np.array([0.5, -0.3]), "A": np.array([[0.2, 0.7], [-0.4, 0.1]])}
    hessian = mc.diff(text, "y", order=2).function()(**arrays)
    gradient = mc.diff(text, "y").function()
    slope = finite_difference(lambda y: gradient(A=arrays["A"], y=y), arrays["y"])
    np.testing.assert_allclose(hessian, slope, atol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_a_fixed_entry_that_an_array_does_not_have(backend):
    """JAX would take the last one."""
    f = mc.diff("x[3] x' x", "x").function(backend)
    for _ in range(2):
        with pytest.raises(mc.MatcalcError, match="there is no entry 3 where n = 2"):
            f(x=np.ones(2))
    np.testing.assert_allclose(f(x=np.ones(3)), [2, 2, 5])


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_the_logarithm_of_a_determinant_does_not_overflow(backend):
    f = mc.diff("S: (n, n) spd; log(det(S))", "S").function(backend, value=True)
    value, _ = f(S=np.eye(400) * 1e-2)
    np.testing.assert_allclose(float(value), 400 * np.log(1e-2), rtol=1e-5)


def test_an_empty_array_that_does_not_tell_a_size():
    function = mc.diff("A: (n, n); v: (m n); sum(v)^2 + tr(A)", "v").function()
    with pytest.raises(ShapeProblem, match=r"^error: v is empty and does not tell the size m$"):
        function(A=np.ones((0, 0)), v=np.ones(0))
