"""Calls of generated functions: what they take, what they give back, what they refuse."""

import inspect
import re
from decimal import Decimal

import jax
import numpy as np
import pytest
import torch

import matcalc as mc

jax.config.update("jax_enable_x64", True)

BACKENDS = ["numpy", "jax", "torch"]
A = np.array([[2.0, 1.0], [1.0, 3.0]])
x = np.array([1.0, 2.0])


def readonly(array):
    array = array.copy()
    array.flags.writeable = False
    return array


# ---------------------------------------------------------------------- what is taken


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "kind",
    [
        np.ndarray.tolist,
        lambda array: array.astype(int).tolist(),
        lambda array: array.astype(np.int8),
        lambda array: array.astype(np.uint64),
        lambda array: array.astype(np.float32),
        lambda array: array.astype(">f8"),
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=0)[::2],
        lambda array: array[..., ::-1].copy()[..., ::-1],
        readonly,
        jax.numpy.asarray,
        torch.tensor,
        lambda array: [torch.tensor(row) for row in array],
    ],
)
def test_arrays_of_all_kinds(kind, backend):
    f = mc.diff("x' inv(A) x", "x").function(backend)
    wanted = 2 * np.linalg.solve(A, x)
    for arrays in ({"A": kind(A), "x": x}, {"A": A, "x": kind(x)}, {"A": kind(A), "x": kind(x)}):
        for _ in range(2):
            np.testing.assert_allclose(np.asarray(f(**arrays)), wanted, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_integers_do_not_overflow(backend):
    f = mc.diff("x' A x", "x").function(backend)
    found = f(A=np.full((2, 2), 100, np.int8), x=np.full(2, 100, np.int8))
    assert found.tolist() == [40000, 40000]


@pytest.mark.parametrize("backend", BACKENDS)
def test_lists_keep_their_digits_beside_arrays_of_double_precision(backend):
    f = mc.diff("a' x", "x").function(backend)
    assert f(a=[0.1, 0.2], x=torch.tensor(x) if backend == "torch" else x).tolist() == [0.1, 0.2]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "labels", [[1, -1], [1.0, -1.0], np.array([1, -1]), np.array([True, False])]
)
def test_integers_and_lists_take_the_type_of_the_other_arrays(backend, labels):
    f = mc.diff("sum(log(1 + exp(-y .* (X w))))", "w", order=2).function(backend)
    convert = torch.tensor if backend == "torch" else np.asarray
    for dtype in ("float32", "float64"):
        X, w = np.eye(2, dtype=dtype), np.ones(2, dtype=dtype)
        for y in (labels, convert(labels)) if isinstance(labels, np.ndarray) else (labels,):
            assert str(f(X=convert(X), y=y, w=convert(w)).dtype).endswith(dtype)


@pytest.mark.parametrize("backend", BACKENDS)
def test_single_beside_double_precision_is_double(backend):
    f = mc.diff("x' A x", "x").function(backend)
    convert = torch.tensor if backend == "torch" else np.asarray
    for types in (("float32", "float64"), ("float64", "float32")):
        A, x = (convert(np.ones((2, 2)[:k], dtype=t)) for k, t in zip((2, 1), types, strict=True))
        assert str(f(A=A, x=x).dtype).endswith("float64")


def test_tensors_of_several_types_are_made_one():
    f = mc.diff("x' A x", "x").function("torch")
    found = f(A=torch.tensor(A, dtype=torch.float32), x=torch.tensor(x))
    assert (found.dtype, found.tolist()) == (torch.float64, [8, 14])
    assert f(A=A.astype(np.float32), x=[1, 2]).dtype == torch.float32
    assert f(A=A.tolist(), x=[1, 2]).dtype == torch.get_default_dtype()


def test_tensors_that_require_gradients_have_one():
    f = mc.diff("x' A x", "x").function("torch")
    tensor = torch.tensor(x, requires_grad=True)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(f(A=torch.tensor(A), x=tensor).sum(), tensor)
        assert gradient.tolist() == [6, 8]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_a_number_stays_that(backend):
    f = mc.diff("x' A x", "x").function(backend)
    assert np.isnan(np.asarray(f(A=A * np.nan, x=x))).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_without_entries(backend):
    f = mc.diff("x' inv(A) x", "x").function(backend)
    assert tuple(f(A=np.zeros((0, 0)), x=np.zeros(0)).shape) == (0,)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_class_matrix_is_taken_for_its_array(backend):
    f = mc.diff("x' A x", "x").function(backend)
    assert f(A=np.matrix(A), x=x).tolist() == [8, 14]


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["lambda", "λ"])
@pytest.mark.parametrize("other", ["x_1", "x₁", "x_{1}"])
def test_names_in_every_spelling_of_the_language(name, other):
    f = mc.diff("lambda x_1' x_1", "x_1").function()
    assert f(**{name: 2, other: x}).tolist() == [4, 8]


def test_a_variable_given_under_two_names():
    f = mc.diff("lambda x' x", "x").function()
    with pytest.raises(mc.ArgumentProblem) as caught:
        f(**{"lambda": 2, "λ": 2, "x": x})
    assert str(caught.value) == "error: lambda and λ are the same argument"


# ---------------------------------------------------------------------- sizes instead of arrays


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_size_will_do_where_only_the_shape_of_an_array_matters(backend):
    f = mc.diff("W b + c", "W").function(backend)
    b = np.array([1.0, 2.0], dtype=np.float32)
    for _ in range(2):
        found = f(m=3, b=b)
        assert "float32" in str(found.dtype)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(f(W=np.ones((3, 2)), b=b)))
    with pytest.raises(mc.ArgumentProblem) as caught:
        f(b=b)
    assert str(caught.value) == (
        "error: missing argument: W\n"
        "  only its shape matters: the size m will do\n"
        "  help: the function is <generated function derivative(W, b)>"
    )
    gradient = mc.diff("sum(x)", "x").function(backend)
    assert gradient(n=3).tolist() == [1, 1, 1]


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (A.astype(object), "its entries are of type object"),
        (A.astype(str), "its entries are of type <U32"),
        (np.zeros((2, 2), "m8[s]"), "its entries are of type timedelta64[s]"),
        (
            np.ma.MaskedArray(A, mask=A > 2),
            "entries that are masked have no value; its filled() gives them one",
        ),
        (A * 1j, "its entries are of type complex128"),
    ],
)
def test_what_holds_no_real_numbers(value, reason, backend):
    f = mc.diff("x' A x", "x").function(backend)
    with pytest.raises(mc.ArgumentProblem) as caught:
        f(A=value, x=x)
    assert str(caught.value) == f"error: A is not an array of real numbers: {reason}"


def test_a_tensor_with_a_gradient_is_no_array_of_numpy():
    f = mc.diff("a' x", "x").function()
    with pytest.raises(mc.ArgumentProblem, match=r"Use tensor.detach\(\).numpy\(\) instead"):
        f(a=torch.tensor(x, requires_grad=True), x=x)


@pytest.mark.parametrize("other", [torch.tensor, jax.numpy.asarray])
def test_operators_of_numpy_take_the_memory_of_other_libraries(other):
    for operator in (mc.diff(f, "x", order=2).operator() for f in ("x' A x", "1/2 x' A x")):
        found = operator(A=other(np.eye(2)), x=other(x)).todense()
        assert found[0, 1] == found[1, 0] == 0


@pytest.mark.parametrize("value", [None, "abc", {}, Decimal("1.5"), 2j])
def test_what_is_no_array(value):
    f = mc.diff("x' A x", "x").function()
    with pytest.raises(mc.ArgumentProblem) as caught:
        f(A=value, x=x)
    assert str(caught.value) == f"error: A is not an array of real numbers: it is {value!r}"


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_integer_that_is_too_large(backend):
    f = mc.diff("a x' x", "x").function(backend)
    with pytest.raises(mc.ArgumentProblem) as caught:
        f(a=10**400, x=x)
    assert str(caught.value) == "error: a is too large for a floating point number"
    assert f(a=10**30, x=x).tolist() == [2e30, 4e30]
    with pytest.raises(mc.ArgumentProblem, match=r"^error: x is not an array of real numbers: "):
        f(a=1, x=[10**400, 1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"a": np.ones((1, 1)), "x": x},
            (
                "a has 2 axes instead of 0\n"
                "  a is a scalar; the array is (1, 1)\n"
                "  help: axes of size 1 are dropped: give a.reshape(())"
            ),
        ),
        (
            {"a": 1, "x": x[None]},
            (
                "x has 2 axes instead of 1\n"
                "  x is (n,); the array is (1, 2)\n"
                "  help: axes of size 1 are dropped: give x.reshape((2,))"
            ),
        ),
        (
            {"a": x, "x": x},
            (
                "a has 1 axis instead of 0\n"
                "  a is a scalar; the array is (2,)\n"
                "  help: axes of size 1 are dropped: vectors and rows are 1-d, scalars 0-d"
            ),
        ),
        (
            {"a": 1, "x": x, "n": 3},
            "x has a size that is not n with n = 3\n  x is (n,); the array is (2,)",
        ),
        ({"a": 1, "x": x, "n": 2.0}, "n is a size: a non-negative integer is wanted"),
        ({"a": 1, "x": x, "n": -1}, "n is a size: a non-negative integer is wanted"),
        (
            {"a": 1, "x": x, "y": 1},
            "unknown argument y\n  help: the function is <generated function derivative(a, x)>",
        ),
        (
            {},
            "missing argument: a, x\n  help: the function is <generated function derivative(a, x)>",
        ),
    ],
)
def test_what_does_not_fit(given, message):
    f = mc.diff("a x' x", "x").function()
    with pytest.raises(mc.MatcalcError) as caught:
        f(**given)
    assert str(caught.value) == f"error: {message}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ["logdet(A)", "a' inv(A) b + a' inv(A') b", "tr(expm(A))"])
def test_linear_algebra_in_half_precision(text, backend):
    f = mc.diff(text, "A", shapes={"A": ("n", "n"), "a": "n", "b": "n"}).function(backend)
    convert = torch.tensor if backend == "torch" else np.asarray
    half, single = (
        {n: convert(v.astype(t)) for n, v in {"A": A, "a": x, "b": x}.items() if n in text}
        for t in ("float16", "float32")
    )
    for _ in range(2):
        assert str(f(**single).dtype).endswith("float32")
        with pytest.raises(mc.ArgumentProblem) as caught:
            f(**half)
        assert str(caught.value) == (
            f"error: there is no linear algebra with numbers of type {half['A'].dtype}\n"
            "  help: give arrays of single or of double precision"
        )
    products = mc.diff("a' A A b", "A").function(backend)
    found = products(a=half["A"][0], b=half["A"][0], A=half["A"])
    assert found.dtype == half["A"].dtype


def test_extended_precision():
    extended = {"A": A.astype(np.longdouble), "x": x.astype(np.longdouble)}
    assert mc.diff("x' A x", "x").function()(**extended).dtype == np.longdouble
    inverse = mc.diff("x' inv(A) x", "x")
    if np.longdouble(0).itemsize > np.float64(0).itemsize:
        with pytest.raises(mc.ArgumentProblem, match="there is no linear algebra with numbers of"):
            inverse.function()(**extended)
    assert mc.diff("x' inv(A) x", "x").function("torch")(**extended).dtype == torch.float64


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_of_our_own_is_not_taken_for_one_of_the_arrays(monkeypatch, backend):
    f = mc.diff("x' A x", "x").function(backend)
    for error in (
        ValueError("matmul: Input operand 1 has a mismatch in its core dimension 0"),
        TypeError("sum() received an invalid combination of arguments"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
        IndexError("index 2 is out of bounds for axis 0 with size 2"),
    ):

        def wrong(*arrays, error=error):
            assert len(arrays) == 2
            raise error

        monkeypatch.setattr(f, "_function", wrong)
        with pytest.raises(type(error), match=re.escape(str(error))):
            f(A=A, x=x)


# ---------------------------------------------------------------------- where nothing is defined

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
MATRICES = "X, A, B: (n, n); x, a, b, c, d: n; "


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("a' inv(X) b", "X"),
        ("b' inv(A) erf(x)", "A"),
        ("a' inv(A) gelu(x) + b' inv(B) gelu(x)", "x"),
        ("a' inv(A) gelu(inv(A)' x)", "x"),
        ("logdet(A) + b' inv(A) x", "A"),
        ("b' inv(A) x + erf(x)' inv(A') c", "x"),
    ],
)
def test_systems_beside_special_functions(text, wrt, backend):
    """What stands in for functions of SciPy's linear algebra leaves the rest of SciPy as it is."""
    d = mc.diff(MATRICES + text, wrt)
    convert = torch.tensor if backend == "torch" else np.asarray
    regular = {name: convert(A if name in "XAB" else x) for name in d.symbols}
    printed = {}
    exec(d.source(backend), printed)
    f = d.function(backend)
    names = inspect.signature(printed["derivative"]).parameters
    wanted = printed["derivative"](*(regular[name] for name in names))
    np.testing.assert_array_equal(np.asarray(f(**regular)), np.asarray(wanted))
    for name in {"X", "A", "B"} & {*names}:
        with pytest.raises(mc.ArgumentProblem, match="not defined at these arrays: "):
            f(**regular | {name: convert(SINGULAR)})


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_largest_of_no_entries(backend):
    f = mc.diff("a, x: n; log(a' exp(x))", "x").function(backend)
    with pytest.raises(mc.ArgumentProblem, match="not defined at these arrays: "):
        f(a=np.zeros(0), x=np.zeros(0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_size_at_which_a_function_of_numbers_is_not_defined(backend):
    f = mc.diff("x: n; log(n - 2) x' x", "x").function(backend)
    assert f(x=np.ones(3)).tolist() == [0, 0, 0]
    with pytest.raises(mc.ArgumentProblem, match="not defined at these arrays: "):
        f(x=np.ones(1))


# ---------------------------------------------------------------------- one call after another


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_call_is_checked_whatever_the_call_before_it_was(backend):
    """Calls with the same kinds of arguments share their checks."""
    f = mc.diff("a x' x", "x").function(backend)
    for a, x, wanted in [
        (2.0, np.array([1.0, 2.0]), [4, 8]),
        (3.0, np.array([1.0, 2.0]), [6, 12]),
        (3.0, np.array([1, 2]), [6, 12]),
        (3, np.array([1.0, 2.0]), [6, 12]),
        (np.array(3.0), np.array([1.0, 2.0, 4.0]), [6, 12, 24]),
        (3.0, [1, 2], [6, 12]),
        (3.0, [1, 2, 4], [6, 12, 24]),
    ]:
        assert f(a=a, x=x).tolist() == wanted
        assert f(x=x, a=a).tolist() == wanted
        with pytest.raises(mc.ShapeProblem, match="x has 2 axes instead of 1"):
            f(a=a, x=np.ones((2, 2)))
        with pytest.raises(mc.ArgumentProblem, match="missing argument: a"):
            f(x=x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_sizes_that_are_given_may_change_from_call_to_call(backend, kind):
    for text in ("a sum(ones(p))", "a tr(eye(p))"):
        f = mc.diff(text, "a").function(backend)
        assert [float(f(p=kind(size))) for size in (2, 3, 3, 2, 0, 2)] == [2, 3, 3, 2, 0, 2]
    f = mc.diff("sum(x)", "x").function(backend)
    assert [f(n=kind(size)).tolist() for size in (2, 0, 1, 1)] == [[1, 1], [], [1], [1]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constant_result_has_the_type_of_the_arrays_at_every_call(backend):
    f = mc.diff("a + b' x", "a").function(backend)
    single = np.ones(2, dtype=np.float32)
    for _ in range(2):
        assert "float32" in str(f(a=np.float32(1), b=single, x=single).dtype)
        assert "float32" in str(f(a=1.0, b=single, x=single).dtype)
