"""Definitions that keep their names: the answer in their terms, and equal to the one without."""

import pytest

import matcalc as mc
from matcalc.derivative import written_out

LAYER = "L: p -> scalar; W: (p, n); z = W x + b; L(z)"
BATCH = "l: p -> scalar; W: (p, n); X: (n, m); Z = W X + b ones(m)'; 1/m sum(k, l(Z[:,k]))"
NETWORK = "u = W x; h = tanh(u); r = V h - y; "


def answer(text, wrt, keep, **options):
    """The answer's own line, both forms having been compared with SymPy's."""
    d = mc.diff(text, wrt, keep=keep, **options)
    assert d.check().ok
    return next(line.partition(" = ")[2] for line in str(d).splitlines() if line[0] == "∂")


@pytest.mark.parametrize(
    ("text", "wrt", "keep", "expected"),
    [
        (LAYER, "W", "z", "∇L(z) x'"),
        (LAYER, "b", "z", "∇L(z)"),
        (LAYER, "x", "z", "W' ∇L(z)"),
        (BATCH, "W", "Z", "1/m ∇l(Z) X'"),
        (BATCH, "X", "Z", "1/m W' ∇l(Z)"),
        (BATCH, "b", "Z", "mean(∇l(Z), 2)"),
        # in a product that would be flattened, and in a sum that would be multiplied out
        ("z = W x; ||z||^2", "x", "z", "2 W' z"),
        ("z = W x + b; z' A z", "x", "z", "W' (A + A') z"),
        # of several definitions all, one, or one that only another one uses
        (NETWORK + "||r||^2", "W", ["u", "h", "r"], "2 ((V' r) .* (1 - h.^2)) x'"),
        (NETWORK + "||r||^2", "x", "r", "2 W' ((V' r) .* (1 - tanh(W x).^2))"),
        (NETWORK + "||r||^2", "x", ("h",), "2 W' ((V' (V h - y)) .* (1 - h.^2))"),
        # what is defined varies within a structure
        ("X: (n, n) symmetric; S = X X; logdet(S)", "X", "S", "X S^-1 + S^-1 X"),
        # the function's value is what is defined
        ("z = W x; z", "x", "z", "W"),
    ],
)
def test_answers_are_written_with_the_names_that_are_kept(text, wrt, keep, expected):
    assert answer(text, wrt, keep) == expected


@pytest.mark.parametrize(
    ("layout", "expected"),
    [("numerator", "x ∇L(z)'"), ("denominator", "∇L(z) x'"), ("vec", "x' ⊗ ∇L(z)'")],
)
def test_in_every_layout(layout, expected):
    assert answer(LAYER, "W", "z", layout=layout) == expected


def test_second_derivatives_go_through_the_names_too():
    assert answer(LAYER, "x", "z", order=2) == "W' ∇²L(z) W"
    assert answer("z = W x; sin(z' z)", "x", "z", order=2) == (
        "(2 cos(z' z) W' - 4 sin(z' z) W' z z') W"
    )


def test_a_structured_variable_in_another_convention():
    d = mc.diff("X: (n, n) symmetric; S = X X; tr(S A)", "X", keep="S", structured="independent")
    assert d.check().ok


def test_the_report_says_what_the_names_stand_for():
    d = mc.diff(NETWORK + "||r||", "x", keep=["u", "h", "r"])
    assert str(d).splitlines() == [
        "f = ||r||",
        "  where u = W x",
        "        h = tanh(u)",
        "        r = V h - y",
        "  W: (m, n), x: n, V: (p, m), y: p",
        "∂f/∂x = W' ((1 - h.^2) .* (V' r)) / ||r||",
        "length n, mixed layout (the shape of x)",
        "conditions: not differentiable where V tanh(W x) - y = 0",
    ]


def test_latex_and_dict_are_written_with_the_names():
    d = mc.diff(LAYER, "W", keep="z")
    assert d.latex() == (
        r"\begin{aligned} \frac{\partial f}{\partial W} &= \nabla L(z) x^\top \\"
        r" z &= W x + b \end{aligned}"
    )
    found = d.to_dict()
    assert (found["function"], found["expr"]) == ("L(z)", "∇L(z) x'")
    assert found["definitions"] == {"z": "W x + b"}
    assert found["variables"] == {"W": ["p", "n"], "x": ["n"], "b": ["p"]}


def test_the_expression_is_in_terms_of_variables_and_is_the_same_as_without():
    kept, plain = (
        mc.diff(NETWORK + "||r||^2", "W", **options) for options in ({"keep": ["u", "h"]}, {})
    )
    assert kept.expr is plain.expr
    assert kept.source() == plain.source()
    assert mc.parse(str(kept.expr)) is plain.expr


def test_arrays_are_written_with_the_names():
    d = mc.diff(LAYER, "W", keep="z", order=2)
    lines = str(d).splitlines()
    assert "  D[i,j,k,l] = x[j] ∇²L(z)[i,k] x[l]" in lines
    assert "  ∂vec(∂f/∂W)/∂vec(W)' = (x x') ⊗ ∇²L(z)" in lines
    assert "  d(∂f/∂W): dW -> ∇²L(z) dW x x'" in lines
    assert d.check().ok


def test_functions_in_index_notation():
    d = mc.diff("z[i] = W[i,j] x[j]; f[i,j,k] = z[i] z[j] x[k]", "x", keep="z")
    assert "  D[i,j,k,l] = δ[k,l] z[i] z[j] + W[i,l] z[j] x[k] + W[j,l] z[i] x[k]" in str(d)


def test_names_that_the_function_does_without_change_nothing():
    plain, kept = (
        mc.diff("z = W x; y = x' x; y^2", "x", **options) for options in ({}, {"keep": "z"})
    )
    assert str(kept) == str(plain)
    zero = mc.diff("z = W x; z - W x", "x", keep="z")
    assert "zeros(m, n)" in str(zero)


def test_a_kept_name_is_not_given_to_the_function():
    assert str(mc.diff("x: n; f = x' x; sin(f)", "x", keep="f")).startswith("f_1 = sin(f)")


def test_a_chain_of_many_names():
    layers = 200
    text = "; ".join(["z0 = x", *(f"z{k} = tanh(A z{k - 1})" for k in range(1, layers + 1))])
    d = mc.diff(f"{text}; sum(z{layers})", "x", keep=[f"z{k}" for k in range(1, layers + 1)])
    assert "∂f/∂x = " in str(d)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (
            "y",
            """error: y is not defined in the text
  its definitions are z
  help: keep names of definitions, as z in z = W x + b; L(z)""",
        ),
        (3, "error: keep must be a name or a list of names, not a value of type int"),
    ],
)
def test_only_definitions_are_kept(keep, message):
    with pytest.raises(mc.MatcalcError) as raised:
        mc.diff("z = W x; z' z", "x", keep=keep)
    assert str(raised.value) == message


def test_what_is_checked_is_what_is_written():
    d = mc.diff(LAYER, "W", keep="z")
    assert written_out(d.named).expr is not None
    assert not written_out(d.named).definitions
