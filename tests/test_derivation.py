"""Derivations: exact lines of some, and for the whole corpus that every line equals the one before."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function, generate
from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import IndexExpr
from matcalc.passes.derive_differential import derive_differential
from matcalc.passes.derive_index import derive_index
from matcalc.passes.derive_named import derive_named
from matcalc.passes.differentiate import derivative
from matcalc.passes.linear_map import linear_map
from matcalc.passes.lower import lower
from matcalc.passes.pending import taken, taken_index
from matcalc.passes.structure import STRUCTURAL
from tests.corpus.cases import load
from tests.corpus.score import differentiate
from tests.corpus.store import points
from tests.reference import assert_close, generator

CASES = [case for case in load() if case.order == 1]


def lines(text, wrt, style="index", **options):
    return str(mc.diff(text, wrt, **options).explain(style)).splitlines()


def test_a_quadratic_form_in_index_notation():
    assert lines("x' A x", "x") == [
        "f = x' A x",
        "f = x[i] A[i,j] x[j]                                            in index notation",
        "∂f/∂x[k] = ∂x[i]/∂x[k] A[i,j] x[j] + x[i] A[i,j] ∂x[j]/∂x[k]    product rule",
        "         = δ[i,k] A[i,j] x[j] + x[i] A[i,j] δ[j,k]              ∂x[i]/∂x[j] = δ[i,j]",
        "         = A[k,j] x[j] + x[i] A[i,k]                            contract the deltas",
        "∂f/∂x = (A + A') x                                              in matrix form, mixed layout",
    ]


def test_a_quadratic_form_by_differentials():
    assert lines("x' A x", "x", "differential") == [
        "f = x' A x",
        "df = dx' A x + x' A dx     product rule",
        "   = x' A' dx + x' A dx    a scalar is its own transpose",
        "   = x' (A + A') dx        collect",
        "∂f/∂x = (A + A') x         in matrix form, mixed layout",
    ]


def test_a_trace_by_differentials():
    assert lines("tr(X' A X B)", "X", "differential") == [
        "f = tr(X' A X B)",
        "df = tr(dX' A X B + X' A dX B)          product rule",
        "   = tr(B' X' A' dX) + tr(B X' A dX)    tr(A B) = tr(B A) and tr(A') = tr(A)",
        "   = tr((A X B + A' X B')' dX)          collect",
        "∂f/∂X = A' X B' + A X B                 in matrix form, mixed layout",
    ]


def test_a_residual_stays_whole():
    assert lines("(A x - b)' (A x - b)", "x")[1:3] == [
        "f = (A x - b)[i] (A x - b)[i]                    in index notation",
        "∂f/∂x[j] = 2 ∂(A x - b)[i]/∂x[j] (A x - b)[i]    product rule",
    ]


def test_the_question_of_the_first_source():
    assert lines("W x", "W")[1:4] == [
        "f[i] = W[i,j] x[j]                      in index notation",
        "∂f[i]/∂W[k,l] = ∂W[i,j]/∂W[k,l] x[j]    constant factors stay",
        "              = δ[i,k] δ[j,l] x[j]      ∂W[i,j]/∂W[k,l] = δ[i,k] δ[j,l]",
    ]
    assert lines("W x", "W", "differential")[2] == (
        "vec(df) = (x' ⊗ I) vec(dW)        vec(A X B) = (B' ⊗ A) vec(X)"
    )


def test_a_network_of_five_layers_names_its_intermediate_results():
    text = "x"
    for k in range(1, 6):
        text = f"tanh(W{k} {text})"
    found = lines(f"||{text} - y||^2", "W1")
    assert (
        found[1]
        == "u1 = tanh(W1 x)                                                 name the intermediate results"
    )
    assert "g4 = ∂f/∂u4 = W5' ((1 - u5.^2) .* g5)" in [line.split("    ")[0] for line in found]
    assert len(found) <= 16


def test_a_second_derivative_starts_from_the_first():
    assert lines("x' A x", "x", order=2)[0] == (
        "g = ∂f/∂x = (A + A') x                     to be differentiated once more"
    )


def test_steps_are_lines():
    d = mc.diff("x' A x", "x")
    assert d.steps == d.explain().steps
    assert d.steps[1].rule == "in index notation"
    assert d.steps[1].right == "x[i] A[i,j] x[j]"
    assert str(d.steps[1]) == "f = x[i] A[i,j] x[j]    in index notation"


def test_latex():
    assert mc.diff("a' x", "x").explain().latex() == (
        "\\begin{aligned}\n"
        "f &= a^\\top x \\\\\n"
        "f &= a_i x_i && \\text{in index notation} \\\\\n"
        "\\frac{\\partial f}{\\partial x_{j}} &= a_i \\frac{\\partial x_i}{\\partial x_j}"
        " && \\text{constant factors stay} \\\\\n"
        " &= a_i \\delta_{ij} && \\text{$\\partial$x[i]/$\\partial$x[j] = $\\delta$[i,j]} \\\\\n"
        " &= a_j && \\text{contract the deltas} \\\\\n"
        "\\frac{\\partial f}{\\partial x} &= a && \\text{in matrix form, mixed layout}\n"
        "\\end{aligned}"
    )


def test_in_a_notebook():
    found = mc.diff("a' x", "x").explain()
    bundle = found._repr_mimebundle_()
    assert bundle == {"text/plain": str(found), "text/latex": found._repr_latex_()}
    assert repr(found) == "<Derivation in index style, 6 lines>"


@pytest.mark.parametrize("style", ["index", "differential"])
@pytest.mark.parametrize("layer", ["A (x + B h)", "x .* (A h)", "tanh(A h)"])
def test_what_is_deeply_nested_is_no_trouble(style, layer):
    text = "h0 = x; " + "".join(
        f"h{k + 1} = {layer.replace('h', f'h{k}').replace(f'tanh{k}', 'tanh')}; "
        for k in range(200)
    )
    found = mc.diff(text.replace("tanh0", "tanh") + "sum(h200)", "x").explain(style)
    assert len(found) >= 2


@pytest.mark.parametrize(("text", "shapes"), [("pinv(r)", (1, "n")), ("A r'", (1, "n"))])
def test_a_vector_by_a_row(text, shapes):
    """The differential of the row stands behind the Jacobian as a column."""
    d = mc.diff(text, "r", shapes={"r": shapes})
    last = d.explain("differential").steps[-2]
    assert last.right.endswith("dr'")
    assert d.check().ok


def test_letters_of_indices_name_nothing_else():
    steps = mc.diff("tr(X^k)", "X").explain()
    assert not any("[k" in step.right or ",k]" in step.right for step in steps)


def test_an_unknown_style_is_refused():
    with pytest.raises(mc.MatcalcError, match="there is no style words of derivations"):
        mc.diff("x", "x").explain("words")


# ------------------------------------------------------------------ every line has the value of the one before


class Problem:
    """A case of the corpus with arrays, and a direction for the differential of its variable."""

    def __init__(self, case):
        d = differentiate(case)
        self.arrays = points()[case.id, 0][0]
        self.wrt = Symbol(d.wrt.name, d.wrt.shape, d.wrt.properties - STRUCTURAL)
        self.f = substitute(d.f, {d.wrt: self.wrt})
        self.along = Symbol(f"d{self.wrt.name}", self.wrt.shape)
        direction = generator(case.id).standard_normal(np.shape(self.arrays[self.wrt.name]))
        self.arrays = {**self.arrays, self.along.name: direction}
        self.variables = [
            self.wrt if symbol is d.wrt else symbol for symbol in d.symbols.values()
        ] + [self.along]

    def value(self, e: Expr | IndexExpr, extra=None) -> np.ndarray:
        extra = extra or {}
        variables = [*self.variables, *extra]
        arrays = {**self.arrays, **{symbol.name: value for symbol, value in extra.items()}}
        wanted = generate(e, variables=variables).sizes
        sizes = {name: self.size(symbol) for name, symbol in wanted.items()}
        return np.asarray(compile_function(e, variables=variables)(**arrays, **sizes))

    def size(self, name):
        for symbol in self.variables:
            for dim, length in zip(symbol.axes, np.shape(self.arrays[symbol.name]), strict=True):
                if str(dim) == name:
                    return length
        return 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_line_has_the_value_of_the_one_before(case):
    p = Problem(case)
    whole = derivative(p.f, p.wrt)
    jacobian = p.value(whole)
    for line in (derive_index(lower(p.f), p.wrt) or [])[1:]:
        assert_close(p.value(taken_index(line.value)), jacobian, rtol=1e-8)
    slope = p.value(linear_map(whole, 1, p.along, p.f.shape).value)
    for line in derive_differential(p.f, p.wrt, p.along) or []:
        found = p.value(taken(line.value, p.wrt, p.along))
        wanted = slope.reshape(-1, order="F") if line.stacked else slope
        assert_close(found.reshape(wanted.shape), wanted, rtol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_names_stand_for_what_they_say(case):
    p = Problem(case)
    named = derive_named(p.f, p.wrt, p.along)
    if named is None:
        return
    known = {}
    for line in (*named.definitions, *named.lines):
        known[line.symbol] = p.value(line.value, known)
    assert_close(p.value(named.body, known), p.value(p.f), rtol=1e-8)
    whole = derivative(p.f, p.wrt)
    result = p.value(named.result, known)
    if p.f.is_scalar:
        assert_close(result, p.value(whole), rtol=1e-8)
    else:
        assert_close(result, p.value(linear_map(whole, 1, p.along, p.f.shape).value), rtol=1e-8)


@pytest.mark.parametrize("case", load(), ids=lambda case: case.id)
@pytest.mark.parametrize("style", ["index", "differential"])
def test_every_case_is_explained(case, style):
    found = differentiate(case).explain(style)
    assert len(found) >= (2 if case.id == "mc-33" else 3)  # a constant
    assert len(found) <= 14
    assert str(found)
    assert found.latex().startswith("\\begin{aligned}")
