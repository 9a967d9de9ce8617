"""What is particular to the libraries: names, types, devices, tracing; and what is refused."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.codegen import libraries
from matcalc.codegen.dialects import DIALECTS, JAX, NUMPY, TORCH
from matcalc.codegen.generate import compile_function, source
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY
from tests.conformance.instances import Instance, instances
from tests.reference import assert_close
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

OTHERS = [name for name in DIALECTS if name != "numpy"]
INSTANCES = [instance for op in REGISTRY.values() for instance in instances(op)]


def given(backend: str, arrays: dict[str, np.ndarray]) -> dict:
    return {k: torch.tensor(a) for k, a in arrays.items()} if backend == "torch" else arrays


def body(text: str) -> str:
    """The lines of the function after its docstring."""
    return "\n".join(line.strip() for line in text.rpartition('"""')[2].strip().splitlines())


# ---------------------------------------------------------------------- every operation


def test_every_operation_has_code_for_every_library():
    without = {
        (op.name, dialect.name)
        for op in REGISTRY.values()
        for dialect in DIALECTS.values()
        if op.numpy and not dialect.template(op)
    }
    assert not without


@pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
def test_every_operation_has_the_value_of_numpy(op: Operation):
    for instance in instances(op):
        arrays = instance.arrays()
        sizes = {} if instance.symbols else instance.sizes
        wanted = compile_function(instance.expr)(**arrays, **sizes)
        tensor = compile_function(instance.expr, "torch")(**given("torch", arrays), **sizes)
        # Without arrays, PyTorch's default type is that of single precision.
        assert_close(tensor.numpy(), wanted, rtol=1e-12 if instance.symbols else 1e-7)
        assert_close(traced(instance, arrays, sizes), wanted, rtol=1e-10)


def traced(instance: Instance, arrays: dict[str, np.ndarray], sizes: dict[str, int]):
    """The value of JAX code, of tracers as under ``jax.jit``."""
    function = compile_function(instance.expr, "jax")

    def positional(*values):
        return function(**dict(zip(arrays, values, strict=True)), **sizes)

    return uncompiled(positional, *arrays.values())[0]


@pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
def test_every_operation_keeps_single_precision(op: Operation):
    for instance in instances(op):
        if not instance.symbols:
            continue
        arrays = {k: a.astype(np.float32) for k, a in instance.arrays().items()}
        assert compile_function(instance.expr)(**arrays).dtype == np.float32
        assert compile_function(instance.expr, "torch")(**given("torch", arrays)).dtype == (
            torch.float32
        )
        assert traced(instance, arrays, {}).dtype == np.float32


# ---------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("text", "numpy", "jax_", "torch_"),
    [
        ("sum(X, 1)", "np.sum(X, axis=0)", "jnp.sum(X, axis=0)", "torch.sum(X, dim=0)"),
        ("max(X)", "np.max(X)", "jnp.max(X)", "torch.amax(X)"),
        ("softmax(x)", "softmax(x)", "jax.nn.softmax(x)", "torch.softmax(x, dim=0)"),
        ("X' y", "y @ X", "y @ X", "y @ X"),
        ("y' X", "y @ X", "y @ X", "y @ X"),
        ("x' X'", "X @ x", "X @ x", "X @ x"),
        ("X' X", "X.T @ X", "jax.lax.optimization_barrier(X.T) @ X", "X.T @ X"),
        (
            "X' diag(y) X",
            "(X.T * y) @ X",
            "jax.lax.optimization_barrier(X.T * y) @ X",
            "(X.T * y) @ X",
        ),
        ("diag(y) X", "y[:, None] * X", "y[:, None] * X", "y[:, None] * X"),
        ("X diag(x) z", "X @ (x * z)", "X @ (x * z)", "X @ (x * z)"),
        ("X[2,:]'", "X[1]", "X[1]", "X[1]"),
        ("x[3]", "x[2]", "x[2]", "x[2]"),
        ("X - y ones(1, n)", "X - y[:, None]", "X - y[:, None]", "X - y[:, None]"),
        ("X - 2 ones(m) x'", "X - 2 * x", "X - 2 * x", "X - 2 * x"),
        ("X .* (y ones(1, n))", "X * y[:, None]", "X * y[:, None]", "X * y[:, None]"),
        ("y ones(1, n) + ones(m) x'", "y[:, None] + x", "y[:, None] + x", "y[:, None] + x"),
        ("sqrt(n) x", "math.sqrt(n) * x", "math.sqrt(n) * x", "math.sqrt(n) * x"),
        ("inv(A)", "np.linalg.inv(A)", "jnp.linalg.inv(A)", "torch.linalg.inv(A)"),
    ],
)
def test_each_library_in_its_own_words(text, numpy, jax_, torch_):
    shapes = {"X": ("m", "n"), "A": ("n", "n"), "B": ("n", "n"), "x": "n", "y": "m", "z": "n"}
    e = mc.parse(text, shapes={k: v for k, v in shapes.items() if k in text})
    for backend, wanted in (("numpy", numpy), ("jax", jax_), ("torch", torch_)):
        assert body(source(e, backend)).endswith(f"return {wanted}")


@pytest.mark.parametrize("rows", [3, 50])
def test_the_smaller_transpose_is_stored(rows):
    """The other one is as large as the data where few columns meet many."""
    e = mc.parse("X' Y", shapes={"X": ("k", "m"), "Y": ("k", "n")})
    assert body(source(e, "jax")).endswith("return product_of_transpose(X.T, Y)")
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, rows)), rng.standard_normal((40, 4))
    function = compile_function(e, "jax")
    np.testing.assert_allclose(function(X=X, Y=Y), X.T @ Y, rtol=1e-12)
    program = str(jax.make_jaxpr(lambda X, Y: function(X=X, Y=Y))(X, Y))
    stored = "f64[3,40]" if rows == 3 else "f64[4,40]"
    assert f"{stored} = optimization_barrier" in program


def test_why_transposes_are_stored_is_said_once():
    text = source(mc.parse("norm2(A' A) + norm2(B' B)"), "jax")
    assert text.count("jax.lax.optimization_barrier(") == 2
    assert body(text).startswith("# Behind barriers XLA stores transposes")
    assert text.count("#") == 1
    assert "#" not in source(mc.parse("A' x"), "jax")


def test_new_arrays_take_type_and_device_from_the_given_ones():
    d = mc.diff("a x' x", "x", order=2)
    assert body(d.source("torch")) == (
        "n = x.shape[0]\n"
        "dtype, device = torch.result_type(x, 1.0), x.device\n"
        "return 2 * a * torch.eye(n, dtype=dtype, device=device)"
    )
    assert "dtype = jnp.result_type(x, 1.0)\n" in d.source("jax")


def test_names_of_functions_and_keywords():
    assert TORCH.spell("np.max(x, axis=0, keepdims=True)") == "torch.amax(x, dim=0, keepdim=True)"
    assert JAX.spell("scipy.linalg.expm(np.eye(3))") == "jax.scipy.linalg.expm(jnp.eye(3))"
    assert NUMPY.spell("np.cosh(X)") == "np.cosh(X)"
    unknown = Operation("mystery", "(n, n) -> scalar", numpy="scipy.linalg.mystery({0})")
    assert TORCH.template(unknown) == ""


@pytest.mark.parametrize("backend", OTHERS)
def test_the_source_runs_by_itself(backend, tmp_path):
    text = mc.diff("sum(gelu(W x + b))", "W").source(backend)
    array = "jax.numpy" if backend == "jax" else "torch"
    script = tmp_path / "generated.py"
    script.write_text(
        f"import {array}\n{text}\nones = {array}.ones\n"
        "print(derivative(ones((2, 3)), ones(3), ones(2)).tolist()[1][2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", script], check=True, capture_output=True, text=True
    )
    assert float(done.stdout) == pytest.approx(1.0005, abs=1e-3)


# ---------------------------------------------------------------------- tracing

#: Functions, and the variable by which their gradients are taken.
SELECTION = [
    ("sum(log(1 + exp(-y .* (X w))))", "w", {"X": (5, 3), "w": (3,), "y": (5,)}),
    ("x' A x + b' x", "x", {"A": (4, 4), "b": (4,), "x": (4,)}),
    ("tr((T - U V')' (T - U V'))", "U", {"T": (4, 3), "U": (4, 2), "V": (3, 2)}),
    ("log(sum(exp(A x + b)))", "x", {"A": (5, 3), "x": (3,), "b": (5,)}),
    ("sum(tanh(W x + b))", "W", {"W": (3, 2), "x": (2,), "b": (3,)}),
]
each_selected = pytest.mark.parametrize(("text", "wrt", "shapes"), SELECTION)


def selected(text, wrt, shapes, order=1):
    rng = np.random.default_rng(5)
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    symbolic = {name: tuple(f"{name}{k}" for k in range(len(s))) for name, s in shapes.items()}
    known = {name: dims for name, dims in symbolic.items() if name == "A" and text[0] != "x"}
    return mc.diff(text, wrt, order=order, shapes=known), arrays


@each_selected
@pytest.mark.parametrize("order", [1, 2])
def test_jit_gives_the_same_and_vmap_one_for_each(text, wrt, shapes, order):
    d, arrays = selected(text, wrt, shapes, order)
    wanted = d.function()(**arrays)
    function = d.function("jax")
    assert_close(jax.jit(lambda a: function(**a))(arrays), wanted, 1e-12)
    several = {name: np.stack([array, 2 * array]) for name, array in arrays.items()}
    mapped = jax.vmap(lambda a: function(**a))(several)
    assert_close(mapped[0], wanted, 1e-12)
    assert_close(mapped[1], d.function()(**{k: 2 * a for k, a in arrays.items()}), 1e-12)


@each_selected
def test_the_code_can_be_differentiated(text, wrt, shapes):
    d, arrays = selected(text, wrt, shapes)
    hessian, _ = selected(text, wrt, shapes, order=2)
    function = d.function("jax")
    found = jax.jacfwd(lambda x: function(**{**arrays, wrt: x}))(arrays[wrt])
    assert_close(found, hessian.function()(**arrays), 1e-12)
    tensors = given("torch", arrays)
    by_torch = d.function("torch")
    found = torch.func.jacrev(lambda x: by_torch(**{**tensors, wrt: x}))(tensors[wrt])
    assert_close(found.numpy(), hessian.function()(**arrays), 1e-12)


@each_selected
def test_torch_can_map_over_a_batch(text, wrt, shapes):
    d, arrays = selected(text, wrt, shapes)
    function = d.function("torch")
    several = {k: torch.tensor(np.stack([a, a / 2])) for k, a in arrays.items()}
    found = torch.func.vmap(lambda a: function(**a))(several)
    assert_close(found[1].numpy(), d.function()(**{k: a / 2 for k, a in arrays.items()}), 1e-12)


# ---------------------------------------------------------------------- types and devices


@pytest.mark.parametrize("backend", DIALECTS)
@each_selected
def test_single_precision_in_and_out(backend, text, wrt, shapes):
    for order in (1, 2):
        d, arrays = selected(text, wrt, shapes, order)
        single = {k: a.astype(np.float32) for k, a in arrays.items()}
        found = d.function(backend)(**given(backend, single))
        assert str(found.dtype).endswith("float32")
        assert_close(found, d.function()(**arrays), 1e-4)


@pytest.mark.parametrize("backend", DIALECTS)
def test_numbers_take_the_type_of_the_arrays(backend):
    d = mc.diff("a sum(exp(b x))", "x")
    x = np.ones(3, dtype=np.float32)
    found = d.function(backend)(x=given(backend, {"x": x})["x"], a=2, b=0.1)
    assert str(found.dtype).endswith("float32")
    found = d.function(backend)(x=given(backend, {"x": x.astype(float)})["x"], a=2, b=0.1)
    np.testing.assert_allclose(found, 0.2 * np.exp(0.1) * np.ones(3), rtol=1e-15)


@pytest.mark.parametrize("backend", DIALECTS)
def test_integers_become_floating_point(backend):
    x = np.array([2, 4])
    found = mc.diff("sum(log(x))", "x").function(backend)(**given(backend, {"x": x}))
    np.testing.assert_allclose(found, [0.5, 0.25])


def test_tensors_stay_on_their_device():
    """The device ``meta`` has shapes and no numbers: what is made elsewhere cannot be mixed in."""
    for text, order in [("x' A x", 2), ("sum(softmax(A x))", 1), ("logdet(A) + tr(A)", 1)]:
        d = mc.diff(text, "x" if "x" in text else "A", order=order)
        arrays = {
            name: torch.ones([4] * len(shape), device="meta") for name, shape in d.variables.items()
        }
        found = d.function("torch")(**arrays)
        assert found.device.type == "meta"
        assert found.shape == (4,) * found.ndim


def test_what_is_no_tensor_goes_to_the_device_of_those_that_are():
    d = mc.diff("a x' x", "x")
    found = d.function("torch")(x=torch.ones(3, device="meta"), a=np.array(2.0))
    assert found.device.type == "meta"


def test_results_of_the_libraries_are_their_arrays():
    x = np.ones(2)
    constant = mc.diff("2 b' x", "x")
    assert isinstance(constant.function("jax")(b=x), jax.Array)
    assert isinstance(constant.function("torch")(b=x), torch.Tensor)
    assert isinstance(mc.diff("3 a", "a").function("torch")(), torch.Tensor)
    assert isinstance(mc.diff("3 a", "a").function("jax")(), jax.Array)


def test_several_formulas_are_a_tuple():
    d = mc.diff("x' A x", "x")
    function = compile_function([d.f, d.expr], "jax", variables=list(d.symbols.values()))
    value, gradient = function(A=np.eye(2), x=np.ones(2))
    assert (value, gradient.tolist()) == (2, [2, 2])
    assert "Returns: a tuple: a scalar, array of shape (n,)" in function.source


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("backend", OTHERS)
def test_shapes_are_checked_of_tracers_too(backend):
    function = mc.diff("||W x - y||^2", "W").function(backend)
    arrays = {"W": np.ones((2, 3)), "x": np.ones(4), "y": np.ones(2)}
    transform = jax.jit if backend == "jax" else torch.func.vmap
    called = transform(lambda a: function(**a))
    batch = arrays if backend == "jax" else {k: torch.tensor(a)[None] for k, a in arrays.items()}
    with pytest.raises(mc.ShapeProblem) as caught:
        called(batch)
    assert str(caught.value) == (
        "error: x and W disagree on the size n\n"
        "  x is (n,); the array is (4,)\n"
        "  W is (m, n); the array is (2, 3)"
    )


@pytest.mark.parametrize("backend", DIALECTS)
@pytest.mark.parametrize("value", [["u", "v"], None, {}, "x", [[1], [2, 3]]])
def test_what_is_no_array_is_refused(backend, value):
    with pytest.raises(mc.ArgumentProblem, match="x is not an array of"):
        mc.diff("x' x", "x").function(backend)(x=value)


@pytest.mark.parametrize("text", ["a' inv(X) b", "logdet(X)", "det(X)", "det(X)^2", "tr(adj(X))"])
def test_a_singular_matrix_is_refused_but_not_finite_in_jax(text):
    d = mc.diff(text, "X")
    arrays = {"a": np.ones(2), "b": np.ones(2), "X": np.zeros((2, 2))}
    arrays = {name: arrays[name] for name in d.variables}
    for backend in ("numpy", "torch"):
        with pytest.raises(mc.ArgumentProblem, match="not defined at these arrays"):
            d.function(backend)(**given(backend, arrays))
    assert not jnp.isfinite(d.function("jax")(**arrays)).any()


@pytest.mark.parametrize("text", ["A X B", "inv(X)", "C tanh(X B)"])
def test_tensors_in_any_order_of_memory_have_kronecker_products(text):
    d = mc.diff(text, "X", layout="vec", shapes={"X": ("n", "n")})
    assert "torch.kron" in d.source("torch")
    arrays = {name: np.random.default_rng(1).standard_normal((3, 3)) for name in d.variables}
    for turned in arrays:
        tensors = {n: torch.tensor(a if n != turned else a.T.copy()) for n, a in arrays.items()}
        tensors[turned] = tensors[turned].T
        assert_close(d.function("torch")(**tensors), d.function()(**arrays), 1e-10)


@pytest.mark.parametrize("backend", OTHERS)
def test_a_library_that_is_not_installed(backend, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(libraries, "import_module", missing)
    with pytest.raises(mc.UnsupportedProblem) as caught:
        mc.diff("x' x", "x").function(backend)
    assert str(caught.value) == (
        f"error: this function needs {backend}, which is not installed\n"
        f"  help: pip install {backend}"
    )
