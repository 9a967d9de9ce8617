"""Derivations: exact lines of some, and for the whole corpus that every line equals the one before."""

from math import prod

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function, generate
from matcalc.core.expr import Expr, Symbol, postorder, substitute, symbols
from matcalc.core.index import IndexExpr
from matcalc.ops.structural import POWER, TIMES
from matcalc.passes import identities
from matcalc.passes.build import is_op
from matcalc.passes.derive_differential import derive_differential
from matcalc.passes.derive_index import derive_index
from matcalc.passes.derive_named import derive_named
from matcalc.passes.differentiate import derivative
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.linear_map import linear_map
from matcalc.passes.lower import lower
from matcalc.passes.pending import DIFFERENTIAL, taken, taken_index
from matcalc.passes.reasons import Rule
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
        "∂f/∂x = (A + A') x         read off, mixed layout",
    ]


def test_a_trace_by_differentials():
    assert lines("tr(X' A X B)", "X", "differential") == [
        "f = tr(X' A X B)",
        "df = tr(dX' A X B + X' A dX B)          product rule",
        "   = tr(B' X' A' dX) + tr(B X' A dX)    tr(A) = tr(A'); cyclic permutation: tr(A B) = tr(B A)",
        "   = tr((A' X B' + A X B)' dX)          collect",
        "∂f/∂X = A' X B' + A X B                 read off, mixed layout",
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
    assert "g4 = ∂f/∂u4 = W5' (g5 .* (1 - u5.^2))" in [line.split("    ")[0] for line in found]
    assert len(found) <= 16


def test_a_second_derivative_follows_the_first():
    assert lines("x' A x", "x", "differential", order=2) == [
        "f = x' A x",
        "df = dx' A x + x' A dx     product rule",
        "   = x' A' dx + x' A dx    a scalar is its own transpose",
        "   = x' (A + A') dx        collect",
        "g = ∂f/∂x = (A + A') x     read off",
        "dg = (A + A') dx           constant factors stay",
        "∂²f/∂x² = A + A'           read off, mixed layout",
    ]


def test_a_derivative_of_high_order_starts_from_a_lower_one():
    found = lines("sum(exp(a .* x))", "x", order=5, shapes={"a": "n"})
    assert found[0].endswith("to be differentiated once more")
    assert len(found) <= 24


#: A step, and the name that it has in the field.
NAMES = [
    ("tr(A X B)", "tr(B A dX)", "cyclic permutation: tr(A B) = tr(B A)"),
    ("tr(X' A)", "tr(A' dX)", "tr(A) = tr(A')"),
    ("a' X b", "tr(b a' dX)", "u' A v = tr(v u' A)"),
    ("sum(A .* X)", "tr(A' dX)", "sum(A .* B) = tr(A' B)"),
    ("X'", "commutation(m, n) vec(dX)", "vec(A') = commutation(m, n) vec(A)"),
    ("A: (m, n); A .* X", "diag(vec(A)) vec(dX)", "vec(A .* B) = diag(vec(A)) vec(B)"),
    ("mean(X)", "1/(m n) sum(dX)", "mean(U) = 1/(m n) sum(U)"),
    ("X^2", "dX X + X dX", "U^2 = U U; product rule"),
    ("logdet(X)", "tr(X^-1 dX)", "d(logdet(U)) = tr(U^-1 dU)"),
    ("log(det(X))", "tr(X^-1 dX)", "det(X) / det(X) = 1"),
    ("inv(X)", "-X^-1 dX X^-1", "d(U^-1) = -U^-1 dU U^-1"),
    (
        "tr(expm(X))",
        "tr(expm(X) dX)",
        (
            "under the trace: tr(B expm_frechet(X, E)) = tr(expm_frechet(X, B) E); "
            "in a direction that commutes: expm_frechet(X, E) = expm(X) E"
        ),
    ),
    (
        "tr(A expm(X))",
        "tr(expm_frechet(X', A')' dX)",
        "under the trace: tr(B expm_frechet(X, E)) = tr(expm_frechet(X, B) E)",
    ),
]


@pytest.mark.parametrize(("text", "right", "rule"), NAMES)
def test_steps_by_differentials_have_their_names(text, right, rule):
    assert (right, rule) in [(s.right, s.rule) for s in mc.diff(text, "X").explain("differential")]


#: The same for vectors, in either style.
NAMES_OF_VECTORS = [
    ("log(sum(exp(x)))", "index", "exp(u) / sum(exp(u)) = softmax(u)"),
    ("log(sum(exp(x)))", "differential", "exp(u) / sum(exp(u)) = softmax(u)"),
    ("-y' log(softmax(x))", "index", "softmax(x) ./ softmax(x) = ones(n)"),
    ("-y' log(softmax(x))", "differential", "softmax(x) ./ softmax(x) = ones(n)"),
    ("sum(log(1 + exp(-x)))", "index", "exp(-x) sigmoid(x) = sigmoid(-x)"),
    ("sum(log(1 + exp(-x)))", "differential", "exp(-x) sigmoid(x) = sigmoid(-x)"),
    ("y' (x .* x)", "differential", "u' (v .* w) = (u .* v)' w"),
    ("sum(x .* y)", "differential", "sum(u .* v) = u' v"),
    ("diag(x) A x", "differential", "diag(u) v = diag(v) u"),
    ("x' A x / (x' x)", "differential", "quotient rule"),
    ("x' A x / (x' x)", "index", "quotient rule"),
    ("||A x - b||", "index", "chain rule: ∂||u||/∂u[i] = u[i] / ||u||"),
    ("A: (n, n) symmetric; x' A x", "differential", "A is symmetric"),
    ("A: (n, n) symmetric; x' A x", "index", "A is symmetric"),
    ("(a' x)^3", "index", "chain rule: ∂(u^3)/∂u = 3 u^2"),
]


@pytest.mark.parametrize(("text", "style", "rule"), NAMES_OF_VECTORS)
def test_steps_have_their_names(text, style, rule):
    rules = [step.rule for step in mc.diff(text, "x").explain(style)]
    assert any(rule in found.split("; ") for found in rules), rules


def test_the_names_of_the_text_are_used():
    text = "L: p -> scalar; z = W x + b; L(z)"
    assert lines(text, "W", keep="z") == [
        "z = W x + b",
        "f = L(z)",
        "∂f/∂W[i,j] = ∇L(z)[k] ∂z[k]/∂W[i,j]           chain rule: ∂L(u)/∂u[i] = ∇L(u)[i]",
        "           = ∇L(z)[k] ∂W[k,l]/∂W[i,j] x[l]    z = W x + b; constant factors stay; constants vanish",
        "           = ∇L(z)[k] δ[i,k] δ[j,l] x[l]      ∂W[i,j]/∂W[k,l] = δ[i,k] δ[j,l]",
        "           = ∇L(z)[i] x[j]                    contract the deltas",
        "∂f/∂W = ∇L(z) x'                              in matrix form, mixed layout",
    ]
    plain = lines(text, "W")
    assert plain[:-1] == lines(text, "W", keep="z")[:-1]
    assert plain[-1].endswith("in matrix form, mixed layout; z = W x + b")


@pytest.mark.parametrize("style", ["index", "differential"])
def test_the_first_line_of_sums_over_samples_is_what_was_typed(style):
    assert lines("(1/m) sum(k, (w' X[:,k] - y[k])^2)", "w", style)[:2] == [
        "f = (1/m) sum(k, (w' X[:,k] - y[k])^2)",
        f"  = (X' w - y)' (X' w - y) / m{' ' * (25 if style == 'index' else 24)}in matrix form",
    ]


def test_a_name_stands_for_all_forms_of_its_value():
    text = "W: (p, n); Z = W X + b ones(m)'; ||Z||^2"
    assert lines(text, "b", "differential") == [
        "Z = W X + b ones(m)'",
        "f = ||Z||_F^2",
        "df = tr((db ones(m)')' Z + Z' db ones(m)')    ||A||_F^2 = tr(A' A); product rule; constants vanish",
        "   = ones(1, m) Z' db + ones(1, m) Z' db      tr(A) = tr(A'); cyclic permutation: tr(A B) = tr(B A)",
        "   = 2 ones(1, m) Z' db                       collect",
        "∂f/∂b = 2 (W X + b ones(1, m)) ones(m)        read off, mixed layout; Z = W X + b ones(m)'",
    ]


def test_a_variable_that_a_name_is_the_transpose_of_keeps_its_own():
    assert "Y = X'" in lines("Y = X'; tr(A Y) + tr(B X)", "X")
    assert not any("Y'" in found for found in lines("Y = X'; tr(A Y) + tr(B X)", "X"))


def test_names_in_a_network():
    text = "h1 = tanh(W1 x); h2 = tanh(W2 h1); h3 = tanh(W3 h2); ||h3 - y||^2"
    assert lines(text, "W1")[3:6] == [
        "f = ||h3 - y||^2",
        "g3 = ∂f/∂h3 = 2 (h3 - y)                 chain rule",
        "g2 = ∂f/∂h2 = W3' (g3 .* (1 - h3.^2))    chain rule: ∂tanh(u)/∂u = 1 - tanh(u)^2",
    ]
    # A rule stands where it is used first.
    assert lines(text, "W1")[6].endswith("    chain rule")


def test_the_step_to_a_structure():
    d = mc.diff("A: (n, n) symmetric; x' A x", "A", structured="independent")
    assert [str(step) for step in d.explain("differential").steps[-3:]] == [
        "G = x x'    read off, as if the entries of A were independent",
        "∂f/∂A = G + G' - G .* I    A is symmetric: by the free parameters of A",
        "∂f/∂A = 2 x x' - diag(x.^2)    mixed layout",
    ]


def test_what_has_no_differential_form_is_said():
    d = mc.diff("W: (n, m); F: (n, m) -> (m, p); x: p; W F(W) x", "W")
    assert d.explain("differential").steps[1].rule.startswith("by indices: a differential")


def test_a_long_product_is_taken_apart():
    found = lines("tr(X A X B X C X D X E X F X G)", "X", "differential")
    assert found[1].split("    ")[0] == "u1 = X A X"
    assert all(len(line) < 100 for line in found)


def test_a_long_sum_is_derived_term_by_term():
    found = lines(" + ".join(f"x' A{k} x" for k in range(40)), "x")
    assert found[1].split("    ")[0] == "d(x' A0 x) = x' (A0 + A0') dx"
    assert len(found) == 16


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
        " &= a_i \\delta_{ij}"
        " && \\frac{\\partial x_i}{\\partial x_j} = \\delta_{ij} \\\\\n"
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


#: Sizes for rules, which are about variables of any size.
SIZES = {"m": 3, "n": 4, "p": 2, "q": 5}


def value_of(e: Expr | IndexExpr, arrays) -> np.ndarray:
    e = taken_index(e) if isinstance(e, IndexExpr) else e
    factors = [e] if isinstance(e, Expr) else [f.expr for t in e.terms for f in t.factors]
    variables = symbols(*factors)
    sizes = {name: SIZES.get(name, 4) for name in generate(e, variables=variables).sizes}
    known = {v.name: arrays[v] for v in variables}
    return np.asarray(compile_function(e, variables=variables)(**known, **sizes))


def sample(v: Symbol) -> np.ndarray:
    shape = [dim.coefficient * prod(SIZES.get(name, 4) for name in dim.symbols) for dim in v.shape]
    array = generator(v.name).uniform(0.2, 0.8, shape)
    if shape[0] == shape[1]:
        # Invertible, and with a logarithm of its determinant; symmetric if that is asked for.
        array = array @ array.T + np.eye(shape[0]) + ("symmetric" not in v.properties) * array / 8
    return array.reshape([k for k in shape if k > 1])


def assert_holds(left: Expr | IndexExpr, right: Expr | IndexExpr) -> None:
    if isinstance(left, Expr) and is_op(left, DIFFERENTIAL):
        [point] = [v for v in symbols(left) if v.name in ("u", "U")]
        along = Symbol(f"d{point.name}", point.shape)
        left = taken(left, point, along)
    sides = [left, right]
    if isinstance(left, IndexExpr):
        sides = [taken_index(side) for side in sides]
        exprs = [f.expr for side in sides for t in side.terms for f in t.factors]
    else:
        exprs = sides
    arrays = {v: np.asarray(2) if v.name == "k" else sample(v) for v in symbols(*exprs)}
    found, wanted = (value_of(side, arrays) for side in sides)
    assert_close(*np.broadcast_arrays(found, wanted), rtol=1e-8)


IDENTITIES = {
    name: rule.equation
    for name, rule in vars(identities).items()
    if isinstance(rule, Rule) and rule.equation is not None
} | {op.name: equation for op, equation in identities.FOLDED.items()}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_hold(name):
    assert_holds(*IDENTITIES[name])


def test_all_rules_of_the_corpus_hold():
    """What stands beside a line is a true equation: ``d(log(u)) = du / u``, ``∂tanh(u)/∂u = 1 - tanh(u)^2``."""
    rules = {}
    for case in CASES:
        d = differentiate(case)
        wrt = Symbol(d.wrt.name, d.wrt.shape, d.wrt.properties - STRUCTURAL)
        f = substitute(d.f, {d.wrt: wrt})
        steps = derive_index(lower(f), wrt) or []
        steps += derive_differential(f, wrt, Symbol(f"d{wrt.name}", wrt.shape)) or []
        rules |= dict.fromkeys(rule for step in steps for rule in step.rules)
    # In a direction that commutes: the sampled one does not.
    equations = [rule.equation for rule in rules if rule.equation and "commutes" not in rule.name]
    assert len(equations) > 100
    for equation in map(at_a_variable, equations):
        # Eigenvalues are those of symmetric matrices, abstract functions have no values.
        operations = {node.op for node in postorder(*_exprs(equation)) if node.args}
        if not any(op.requires or op.is_abstract for op in operations):
            assert_holds(*equation)


def at_a_variable(equation):
    """``u / u = 1`` for ``det(X X') / det(X X') = 1``: the sampled X has no inverse there."""
    left, right = equation
    if not isinstance(left, Expr) or not is_op(left, TIMES):
        return equation
    if not is_op(left.args[-1], POWER) or left.args[-1].args[0] is not left.args[0]:
        return equation
    return tuple(substitute(e, {left.args[0]: Symbol("u", right.shape)}) for e in (left, right))


def _exprs(equation):
    return [
        e
        for side in equation
        for e in (
            [side] if isinstance(side, Expr) else [f.expr for t in side.terms for f in t.factors]
        )
    ]


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
    assert len(found) <= 24
    assert str(found)
    assert found.latex().startswith("\\begin{aligned}")
