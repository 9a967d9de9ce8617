"""The Python interface: results, their attributes, and what bad arguments raise."""

import inspect
import json

import numpy as np
import pytest
import sympy

import matcalc as mc

# ---------------------------------------------------------------------- results


def test_gradient():
    d = mc.diff("x' A x", "x")
    assert str(d.expr) == "(A + A') x"
    assert d.layout == "mixed"
    assert d.shape == ("n",)
    assert d.variables == {"x": ("n",), "A": ("n", "n")}
    assert d.conditions == []


def test_declarations_are_used():
    d = mc.diff("x' A x", "x", shapes={"A": ("p", "p")}, assume={"A": "symmetric"})
    assert d.shape == ("p",)
    assert d.to_dict()["expr"] == "2 A x"
    assert d.to_dict()["properties"] == {"A": ["symmetric"]}


@pytest.mark.parametrize(
    ("text", "wrt", "layout", "shape", "answer"),
    [
        ("x' A x", "x", "mixed", ("n",), "(A + A') x"),
        ("x' A x", "x", "numerator", (1, "n"), "x' (A + A')"),
        ("x' A x", "x", "denominator", ("n", 1), "(A + A') x"),
        ("x' A x", "x", "tensor", ("n",), "(A + A') x"),
        ("x' A x", "x", "vec", (1, "n"), "x' (A + A')"),
        ("tr(A X B)", "X", "mixed", ("m", "n"), "A' B'"),
        ("tr(A X B)", "X", "numerator", ("n", "m"), "B A"),
        ("tr(A X B)", "X", "denominator", ("m", "n"), "A' B'"),
        ("W x + b", "x", "mixed", ("m", "n"), "W"),
        ("W x + b", "x", "numerator", ("m", "n"), "W"),
        ("W x + b", "x", "denominator", ("n", "m"), "W'"),
        ("W x + b", "b", "mixed", ("m", "m"), "I"),
        ("a x", "a", "mixed", ("n",), "x"),
        ("a x", "a", "numerator", ("n", 1), "x"),
        ("a x", "a", "denominator", (1, "n"), "x'"),
        ("a X", "a", "mixed", ("m", "n"), "X"),
        ("a^2", "a", "mixed", (), "2 a"),
        ("a^2", "a", "numerator", (), "2 a"),
    ],
)
def test_layout_shape_and_form(text, wrt, layout, shape, answer):
    shapes = {"X": ("m", "n"), "A": ("p", "m"), "B": ("n", "p")} if "X" in text else None
    shapes = {"X": ("m", "n")} if text == "a X" else shapes
    d = mc.diff(text, wrt, shapes=shapes, layout=layout)
    assert (d.layout, d.shape) == (layout, shape)
    assert d.to_dict()["expr"] == answer


def test_tensor_where_two_axes_do_not_suffice():
    d = mc.diff("W x + b", "W", layout="numerator")
    assert d.expr is None
    assert (d.layout, d.shape) == ("tensor", ("m", "m", "n"))
    assert d.to_dict()["index"] == "D[i,j,k] = δ[i,j] x[k]"
    assert d.to_dict()["vec"] == "x' ⊗ I"


def test_tensor_where_there_is_no_vec_form():
    d = mc.diff("Q: (m, k); K: (n, k); V: (n, p); softmax(Q K', 2) V", "Q", order=2, layout="vec")
    assert (d.expr, d.layout) == (None, "tensor")
    assert d.notes[-1] == "no vec form was found; this is the tensor"


def test_sizes_may_be_numbers():
    d = mc.diff("A x", "x", shapes={"A": (3, 2)})
    assert d.shape == (3, 2)
    assert d.variables == {"A": (3, 2), "x": (2,)}


def test_shapes_may_be_lists_and_single_sizes():
    given = {"A": ["m", "n"], "x": "n", "y": 3, "a": ()}
    d = mc.diff("A x", "x", shapes=given)
    assert d.variables == {"A": ("m", "n"), "x": ("n",), "y": (3,), "a": ()}


def test_rows_are_reported_as_rows():
    assert mc.diff("r x", "x", shapes={"r": (1, "n")}).variables["r"] == (1, "n")


def test_several_variables_come_back_by_name():
    found = mc.diff("W x + b", ["W", "x", "b"])
    assert list(found) == ["W", "x", "b"]
    assert [d.shape for d in found.values()] == [("m", "m", "n"), ("m", "n"), ("m", "m")]


def test_one_name_in_a_list_is_still_a_dict():
    assert list(mc.diff("x' x", ["x"])) == ["x"]


def test_none_means_the_default():
    d = mc.diff("x' x", "x", shapes=None, assume=None, layout=None, order=None, structured=None)
    assert (d.layout, d.order, d.structured) == ("mixed", 1, "ambient")


def test_names_may_be_spelled_as_in_the_text():
    assert mc.diff("lambda x' x", "lambda").to_dict()["expr"] == "x' x"
    assert mc.diff("x₁' x_1", "x_{1}").to_dict()["expr"] == "2 x_1"
    assert list(mc.diff("lambda x' x", ["lambda"])) == ["lambda"]


def test_declared_variable_that_does_not_occur_gives_a_zero_said_as_such():
    d = mc.diff("x' x", "B", shapes={"B": ("p", "q")})
    assert d.is_zero
    assert d.shape == ("p", "q")
    assert "zero everywhere: f does not contain B" in str(d)


def test_true_zero_of_a_variable_that_occurs():
    d = mc.diff("x' A x", "x", assume={"A": "skew"})
    assert d.is_zero
    assert "zero everywhere: f is constant in x" in str(d)
    d = mc.diff("x' A x", "x", order=3)
    assert "zero everywhere: ∂²f/∂x² is constant in x" in str(d)


def test_hessian():
    d = mc.diff("x' A x", "x", order=2)
    assert d.to_dict()["expr"] == "A + A'"
    assert d.shape == ("n", "n")


def test_higher_orders():
    assert mc.diff("x' A x", "x", order=3).is_zero
    assert mc.diff("a^5", "a", order=4).to_dict()["expr"] == "120 a"
    assert mc.diff("a^12", "a", order=12).to_dict()["expr"] == "479001600"


def test_structured_variables_say_what_is_meant():
    gradients = {
        how: mc.diff("tr(A X)", "X", assume={"X": "symmetric"}, structured=how)
        for how in ("ambient", "tangent", "independent")
    }
    assert gradients["ambient"].to_dict()["expr"] == "A'"
    assert gradients["tangent"].to_dict()["expr"] == "1/2 (A + A')"
    assert "tangent derivative: X varies within its structure, 1/2 (G + G')" in str(
        gradients["tangent"]
    )


def test_conditions():
    assert mc.diff("a' X^-1 b", "X").conditions == ["X invertible"]


# ---------------------------------------------------------------------- report


def test_report_of_a_gradient():
    assert str(mc.diff("a' X^-1 b", "X")).splitlines() == [
        "f = a' X^-1 b    a: n, X: (n, n), b: n",
        "∂f/∂X = -X^-T a b' X^-T",
        "shape (n, n), mixed layout (the shape of X)",
        "conditions: X invertible",
        "note: a is read as a vector",
        "note: b is read as a vector",
    ]


def test_report_of_a_tensor():
    assert str(mc.diff("W x + b", "W")).splitlines() == [
        "f = W x + b    W: (m, n), x: n, b: m",
        "∂f/∂W = D",
        "  D[i,j,k] = δ[i,j] x[k]",
        "shape (m, m, n), tensor layout (axes of f, then of W)",
        "vec form, shape (m, m n)",
        "  ∂vec(f)/∂vec(W)' = x' ⊗ I",
        "linear map, length m",
        "  df: dW -> dW x",
    ]


def test_report_avoids_names_of_the_problem():
    report = str(mc.diff("D f", "D", shapes={"D": ("m", "n"), "f": "n"}))
    assert report.startswith("f_1 = D f ")
    assert "D_1[i,j,k] = δ[i,j] f[k]" in report


def test_repr_is_one_short_line():
    d = mc.diff("x' A x", "x", order=2)
    assert repr(d) == "<Derivative ∂²f/∂x², mixed layout, shape ('n', 'n')>"


def test_latex_is_an_equation():
    assert mc.diff("x' A x", "x", assume={"A": "symmetric"}).latex() == (
        r"\frac{\partial f}{\partial x} = 2 A x"
    )


def test_mime_bundle_has_no_plain_json():
    d = mc.diff("x' A x", "x")
    bundle = d._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "text/latex", "application/vnd.matcalc+json"}
    assert bundle["text/latex"] == f"$\\displaystyle {d.latex()}$" == d._repr_latex_()
    assert json.loads(json.dumps(bundle["application/vnd.matcalc+json"])) == d.to_dict()


# ---------------------------------------------------------------------- code, SymPy, check


@pytest.mark.parametrize("layout", ["mixed", "numerator", "denominator", "tensor", "vec"])
def test_function_has_the_axes_of_the_layout(layout):
    rng = np.random.default_rng(1)
    W, x = rng.normal(size=(3, 2)), rng.normal(size=2)
    d = mc.diff("tanh(W x)", "x", layout=layout)
    jacobian = (1 - np.tanh(W @ x) ** 2)[:, None] * W
    expected = jacobian.T if layout == "denominator" else jacobian
    np.testing.assert_allclose(d.function("numpy")(W=W, x=x), expected)


def test_function_takes_variables_that_do_not_matter():
    value = mc.diff("W x + b", "x").function()(W=np.ones((2, 3)), x=np.ones(3), b=np.ones(2))
    np.testing.assert_array_equal(value, np.ones((2, 3)))


def test_the_signature_of_a_generated_function_names_what_must_and_what_may_be_given() -> None:
    function = mc.diff("A: (m, n); 1/m tr(X' A) + x' X y", "X").function()
    parameters = inspect.signature(function).parameters.values()
    assert [str(parameter) for parameter in parameters] == ["A", "x", "y", "X=None"]
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_source_runs_on_its_own():
    namespace = {}
    exec(mc.diff("x' A x", "x").source("numpy"), namespace)
    value = namespace["derivative"](x=np.array([1.0, 2.0]), A=np.eye(2))
    np.testing.assert_array_equal(value, [2.0, 4.0])


@pytest.mark.parametrize("backend", ["fortran", "", None, 3, ["numpy"]])
def test_other_code_is_refused(backend):
    with pytest.raises(mc.UnsupportedProblem, match="there is no code for"):
        mc.diff("x' x", "x").source(backend)


def test_sympy_form_has_the_shape_of_the_answer():

    gradient = mc.diff("x' A x", "x", layout="numerator").sympy
    assert gradient.shape == (1, sympy.Symbol("n", integer=True, positive=True))
    assert mc.diff("a^2", "a").sympy == 2 * sympy.Symbol("a")
    assert len(mc.diff("W x", "W").sympy.shape) == 3


def test_entry_of_a_tensor():

    entry = mc.diff("W x + b", "W").entry("i", "k", "l")
    assert entry.has(sympy.KroneckerDelta)
    assert {str(symbol) for symbol in entry.free_symbols} == {"i", "k", "l", "m", "x"}


def test_sympy_expressions_are_accepted():

    n = sympy.Symbol("n", integer=True, positive=True)
    A, x = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("x", n, 1)
    assert mc.diff(x.T * A * x, "x", assume={"A": "symmetric"}).to_dict()["expr"] == "2 A x"
    with pytest.raises(mc.DeclarationProblem, match="declared twice"):
        mc.diff(x.T * A * x, "x", shapes={"x": "p"})


def test_parsed_expressions_are_accepted():
    e = mc.parse("x' A x", assume={"A": "symmetric"})
    assert mc.diff(e, "x").to_dict()["expr"] == "2 A x"
    assert mc.parse(str(e)) is e


@pytest.mark.parametrize("layout", ["mixed", "numerator", "denominator", "tensor", "vec"])
@pytest.mark.parametrize(
    ("text", "wrt"), [("x' A x", "x"), ("A x", "x"), ("tr(A X B)", "X"), ("A X", "X"), ("a x", "a")]
)
def test_check_agrees_in_every_layout(text, wrt, layout):
    report = mc.diff(text, wrt, layout=layout).check()
    assert report.ok, report


def test_check_compares_what_is_printed():
    """A wrong matrix form, a wrong vec form: either is refuted."""
    d = mc.diff("A x", "x")
    wrong = d.arranged.replace(expr=mc.parse("2 A", shapes={"A": ("m", "n")}))
    assert d.replace(given=wrong).check().ok is False
    d = mc.diff("W x", "W", shapes={"W": ("m", "n")})
    wrong = d.arranged.replace(vec=mc.parse("2 kron(x', eye(m))", shapes={"x": "n"}))
    assert d.replace(given=wrong).check().ok is False


# ---------------------------------------------------------------------- index notation


def test_function_without_matrix_form():
    d = mc.diff("f[i,j,k] = X[i,j] y[k]", "y")
    assert d.shape == ("m", "n", "p", "p")
    assert "D[i,j,k,l] = δ[k,l] X[i,j]" in str(d)
    assert mc.diff("f[i,j,k] = X[i,j] y[k]", "y", layout="vec").layout == "tensor"
    with pytest.raises(mc.UnsupportedProblem):
        mc.diff("X: (n, n) symmetric; f[i,j,k] = X[i,j] y[k]", "X")
    with pytest.raises(mc.UnsupportedProblem):
        mc.parse("f[i,j,k] = X[i,j] y[k]")
    assert d.function()(X=np.ones((2, 3)), y=np.ones(4)).shape == (2, 3, 4, 4)


def test_function_is_called_by_its_definition():
    assert "∂z/∂x = W" in str(mc.diff("z = W x + b", "x"))


@pytest.mark.parametrize("text", ["x[1]^2 + x[2]", "exp(x[1]) x", "X[1,2] X[2,1]", "f[j] = X[1,j]"])
def test_fixed_entries_are_differentiated_and_checked(text: str) -> None:
    wrt = "X" if "X" in text else "x"
    derivative = mc.diff(text, wrt)
    assert derivative.check().ok
    assert str(derivative.sympy)
