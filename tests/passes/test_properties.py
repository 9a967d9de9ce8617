"""What is claimed of the values of expressions: proved by rules here, confirmed by numbers below."""

import numpy as np
import pytest

from matcalc import parse
from matcalc.backends.text import format_expr
from matcalc.codegen.generate import compile_function
from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Symbol, symbols
from matcalc.core.properties import closed
from matcalc.errors import ArgumentProblem, ShapeProblem
from matcalc.ops import REGISTRY
from matcalc.ops.structural import ADD, MATMUL, TRANSPOSE
from matcalc.passes.properties import is_skew, is_symmetric, properties
from matcalc.passes.simplify import simplify
from tests.reference import assert_close, generator, has_property, impose, sample

DECLARED = (
    "A, B: (n, n); S: (n, n) symmetric; K: (n, n) skew; D, E: (n, n) diagonal; x, y: n; X: (m, n);"
    "P, R: (n, n) spd; N: (n, n) psd; Q, U: (n, n) orthogonal; L, M: (n, n) lower_triangular;"
    "T: (n, n) toeplitz; G: (n, n) invertible; a, b: scalar; c: scalar positive; v: n positive;"
    "w: n nonzero; d: scalar nonzero;"
)

CLAIMED = {
    "symmetric": [
        "S", "D", "P", "A + A'", "A' + A", "A' A", "A' S A", "(A' S A)^-1", "x x'", "S S", "eye(n)", "diag(x)",
        "S + A A'", "S .* (A + A')", "exp(S)", "kron(S, D)", "ones(n, n)", "S^3", "K K", "X' X", "pinv(S)",
        "expm(S)", "Q S Q'", "S - 2 D", "a S", "toeplitz(S)", "tril(A) + tril(A)'",
    ],
    "skew": ["K", "A - A'", "A' K A", "2 K", "Q' K Q", "K^-1", "K^3", "K + A - A'", "a K", "sinm(K)", "S K S", "tanh(K)"],
    "diagonal": [
        "D", "D^-1", "D E", "D + E", "a D", "A .* I", "diag(x)", "D^3", "D .* A", "kron(D, E)", "expm(D)", "D.^2",
        "pinv(D)", "L .* L'", "tanh(D)", "eye(n)", "tril(D)",
    ],
    "lower_triangular": [
        "L", "L M", "L^-1", "L + D", "L .* A", "L^3", "tril(A)", "kron(L, M)", "expm(L)", "sin(L)", "a L - M D", "D",
    ],
    "upper_triangular": ["L'", "(L M)'", "L^-T", "triu(A)", "L' D M'", "D"],
    "toeplitz": ["T", "T'", "T + 2 T'", "ones(n, n)", "eye(n)", "a T", "exp(T)", "toeplitz(A)", "T .* T", "tril(T)"],
    "orthogonal": ["Q", "Q'", "Q^-1", "Q U", "Q' U Q", "kron(Q, U)", "-Q", "Q^3", "expm(K)", "expm(A - A')", "eye(n)"],
    "spd": [
        "P", "P + N", "A' A + I", "P^-1", "c P", "expm(S)", "G' P G", "G G'", "Q' P Q", "P + A A'", "P + c I",
        "kron(P, R)", "P^2", "P .* R", "diag(v)", "diag(exp(x))", "P + x x'", "(A' A + I)^-1", "L L' + P",
        "cosm(K)", "I + X' X", "X' X + 2 c I",
    ],
    "psd": ["N", "A A'", "X' X", "X' X + N", "x x'", "A' P A", "S^2", "pinv(N)", "diag(abs(x))", "c N", "c^2 x x'",
            "N .* P", "A' B' N B A"],
    "invertible": ["G", "P", "Q", "G^-1", "Q G", "expm(A)", "2 G", "d G", "diag(w)", "kron(G, P)", "adj(G)", "G P G'"],
    "positive": [
        "c", "v", "exp(x)", "x' x + 1", "1 + exp(a)", "sum(exp(x))", "c v", "x' x + c", "softplus(a)", "||w||",
        "det(P)", "tr(P)", "v' v", "1 / c", "softmax(x)", "v.^-2", "c^a", "det(A' A + I)", "x.^2 + 1", "d^2", "||G||",
        "diag(P)", "cosh(a)", "vec(exp(A))", "1 - sigmoid(a)", "1 + erf(a)", "1 - tanh(x).^2", "2 - 2 tanh(a)^4",
        "2 + sin(a)", "3 + tanh(a) - cos(a)", "1 - sigmoid(a)^2 + a^2", "1 + sigmoid(a)^2",
    ],
    "nonnegative": [
        "x' x", "x' P x", "||x||", "exp(a)", "a^2", "x.^2", "c x.^2", "sum(abs(x))", "x' X' X x", "abs(X)", "sqrt(a)",
        "relu(x) .* exp(y)", "det(A' A)", "tr(N)", "x' (A' A + N) x", "max(0, x)", "a^2 b^2", "1 - cos(a)",
        "1 - softmax(x)", "1 - sin(x).^2",
    ],
    "nonzero": ["d", "w", "-c", "2 w", "det(G)", "1/d", "w.^3", "d c", "det(Q)"],
}  # fmt: skip

NOT_CLAIMED = {
    "symmetric": ["A", "S A", "A B", "K + S", "S P", "X' X A", "L", "T", "D S"],
    "skew": ["A", "S", "K K", "K + S", "abs(K)", "K S", "expm(K)"],
    "diagonal": ["S", "D + S", "exp(D)", "cos(D)", "D A", "D.^-1", "a ones(n, n)"],
    "lower_triangular": ["L'", "L + L'", "exp(L)", "A L"],
    "toeplitz": ["T T", "T^-1", "expm(T)", "S", "T D"],
    "orthogonal": ["2 Q", "Q + U", "Q .* U", "expm(S)", "a Q", "A", "expm(A)"],
    "spd": ["N", "A' A", "P - R", "-P", "a P", "P R", "A' P A", "X X'", "S^2", "P - N", "diag(w)" ],
    "psd": ["S", "A + A'", "-N", "A' S A", "P R", "A^2", "a^3 N"],
    "invertible": ["A", "A A'", "G + P", "N", "a G", "G .* P", "X X'", "L"],
    "positive": ["x' x", "a", "P", "abs(x)", "exp(a) - 1", "d", "det(G)", "tr(N)", "relu(a)", "||x||",
                 "1 - cos(a)", "1 - softmax(x)", "1 - 2 sigmoid(a)", "tanh(a) - 1", "tanh(a)^2 + erf(a)^2",
                 "1 + tanh(a)^3 - sigmoid(a)"],
    "nonnegative": ["x' y", "x' A x", "a", "a^3", "x", "X", "log(a)", "1 - x' x", "tr(A)", "-(x' x)", "a c", "x' P y",
                    "tanh(x)", "P"],
    "nonzero": ["a", "w - c w", "w + w", "w' w - 1", "w' x", "det(A)", "G", "min(x)"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, t) for name in CLAIMED for t in CLAIMED[name]])
def test_claimed_and_true(name: str, text: str) -> None:
    e = parse(DECLARED + text.replace("A' A + I", "A' A + eye(n)"))
    assert name in properties(e)
    # More may be claimed than what the case is about, and has to be true as well.
    check_claims(e, "claims", text)


@pytest.mark.parametrize(
    ("name", "text"), [(name, t) for name in NOT_CLAIMED for t in NOT_CLAIMED[name]]
)
def test_not_claimed(name: str, text: str) -> None:
    assert name not in properties(parse(DECLARED + text))


def check_claims(e: Expr, *seed: object) -> None:
    value = evaluate(e, *seed)
    if value.ndim == 2 and value.shape[0] != value.shape[1]:
        value = value.ravel()
    if is_tame(value):
        assert [name for name in sorted(properties(e)) if not has_property(value, name)] == []


def evaluate(e: Expr, *seed: object) -> np.ndarray:
    # X decides all sizes, also where no variable of the expression does.
    variables = [*symbols(e), *symbols(parse(DECLARED + "X"))]
    arrays = {s.name: value_of(s, *seed) for s in variables}
    with np.errstate(all="ignore"):
        return np.asarray(compile_function(e, variables=variables)(**arrays))


def is_tame(value: np.ndarray) -> bool:
    """Whether it is of a size at which rounding does not decide."""
    return bool(np.all(np.isfinite(value))) and np.abs(value).max(initial=0) < 1e6


def value_of(symbol: Symbol, *seed: object) -> np.ndarray:
    """A random value with the declared properties; the psd ones are singular."""
    rng = generator(*seed, symbol.name)
    shape = [dim.evaluate(SIZES) for dim in symbol.axes]
    array = sample(rng, shape)
    if "psd" in symbol.properties:
        factor = sample(rng, (SIZES["n"], 2))
        return factor @ factor.T
    for name in symbol.properties & {"positive", "nonzero", "invertible"}:
        array = sample(rng, shape, domain=name)
    for name in symbol.properties - {"positive", "nonzero", "invertible"}:
        array = impose(array, name)
    return array


#: Even, since skew matrices of odd size are singular.
SIZES = {"n": 4, "m": 2}

#: What random expressions are made of.
LEAVES = ["A", "S", "K", "D", "E", "P", "N", "Q", "U", "L", "T", "G", "eye(n)"]
UNARY = [
    "transpose",
    "inv",
    "tanh",
    "exp",
    "square",
    "abs",
    "tril",
    "triu",
    "toeplitz",
    "expm",
    "sinm",
    "pinv",
    "adj",
    "relu",
]
BINARY = ["add", "times", "matmul"]
SCALES = ["a", "c", "d", "(-1)", "(1/2)"]


def random_square(rng: np.random.Generator) -> Expr:
    """A random square matrix of up to five operations, most of them applied to what has structure."""
    pool = [parse(DECLARED + leaf) for leaf in rng.choice(LEAVES, 3)]
    for _ in range(rng.integers(1, 6)):
        kind = rng.integers(4)
        e, other = pool[rng.integers(len(pool))], pool[rng.integers(len(pool))]
        if kind == 0:
            pool.append(REGISTRY[rng.choice(UNARY)](e))
        elif kind == 1:
            pool.append(REGISTRY["times"](parse(DECLARED + rng.choice(SCALES)), e))
        elif kind == 2:
            pool.append(MATMUL(TRANSPOSE(e), other, e))
        else:
            pool.append(REGISTRY[rng.choice(BINARY)](e, other))
    return pool[-1]


@pytest.mark.parametrize("block", range(4))
def test_claims_and_simplifications_of_random_expressions_are_true(block: int) -> None:
    rng = generator("random", block)
    for number in range(30):
        e = random_square(rng)
        reduced = REGISTRY[rng.choice(["tr", "det", "sum", "norm2"])](e)
        try:
            expected = evaluate(reduced, block, number)
        except ArgumentProblem:
            continue  # the inverse of a matrix that is singular
        check_claims(e, block, number)
        check_claims(reduced, block, number)
        if is_tame(expected):
            assert_close(evaluate(simplify(reduced), block, number), expected, 1e-6)


SIMPLIFIED = [
    ("D'", "D"), ("D .* eye(n)", "D"), ("diag(diag(D))", "D"), ("D^-1 .* eye(n)", "D^-1"), ("D E - E D", "zeros(n, n)"),
    ("E D + D E", "2 D E"), ("D E D^-1", "E"), ("Q' Q", "I"), ("(Q U)' Q U", "I"), ("expm(K)' expm(K)", "I"),
    ("kron(Q, U)' kron(Q, U)", "I"), ("Q^-1", "Q'"), ("expm(K)^-1", "expm(K)'"), ("(2 Q)^-1", "1/2 Q'"),
    ("det(Q)^2", "1"), ("1 / det(Q)", "det(Q)"), ("det(Q)^3", "det(Q)"), ("(Q' K Q)'", "-Q' K Q"), ("x' Q' K Q x", "0"),
    ("tr(K)", "0"), ("tr(S K)", "0"), ("tr(A' K A S - A' K A S)", "0"), ("abs(tr(P))", "tr(P)"), ("relu(x' P x)", "x' P x"),
    ("sign(x' x + 1)", "1"), ("pinv(P)", "P^-1"), ("tril(L)", "L"), ("tril(L')", "L .* I"), ("triu(2 A)", "2 triu(A)"),
    ("tril(A) .* eye(n)", "A .* I"), ("A .* tril(ones(n, n))", "tril(A)"), ("tril(A')'", "triu(A)"),
    ("tril(S)'", "triu(S)"), ("tr(tril(A))", "tr(A)"), ("(P + A A')'", "P + A A'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SIMPLIFIED)
def test_used_in_simplification(text: str, expected: str) -> None:
    assert format_expr(simplify(parse(DECLARED + text))) == expected


NOT_SIMPLIFIED = ["A'", "(Q U)' U Q", "D A - A D", "tr(P K K)", "abs(tr(S))", "det(G)^2", "pinv(A)"]


@pytest.mark.parametrize("text", NOT_SIMPLIFIED)
def test_left_alone(text: str) -> None:
    e = simplify(parse(DECLARED + text))
    assert symbols(e)
    assert "I" not in format_expr(e)


@pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
def test_rules_name_properties(op) -> None:
    known = set(NOT_CLAIMED) | set(CLAIMED)
    rules = op._property_rules
    assert set(op.keeps.split()) <= known
    assert all(rule.every | rule.some | rule.conclusions <= known for rule in rules)
    assert all(rule.conclusions for rule in rules)


@pytest.mark.parametrize("name", sorted(set(CLAIMED) - {"nonnegative"}))
def test_declared_properties_with_what_they_imply(name: str) -> None:
    n = Dim.of("n")
    try:
        check_claims(Symbol("Z", (n, n), [name]), "declared", name)
    except ShapeProblem:
        pytest.fail("square matrices admit every property")


def test_a_scalar_is_a_matrix_of_one_entry_but_spreads_over_arrays() -> None:
    one = Dim()
    assert closed(frozenset({"spd"}), (one, one)) >= {"positive", "invertible"}
    assert "diagonal" not in closed(frozenset({"diagonal"}), (one, one))


def test_no_square_properties_of_a_vector() -> None:
    assert properties(parse(DECLARED + "v")) == {"positive", "nonnegative", "nonzero"}


def test_deep_networks_of_square_layers_cost_one_visit_a_node() -> None:
    n = Dim.of("n")
    h: Expr = Symbol("X", (n, n))
    for layer in range(2000):
        h = REGISTRY["tanh"](MATMUL(Symbol(f"W{layer}", (n, n)), h))
    assert not is_symmetric(h)
    assert is_symmetric(ADD(h, TRANSPOSE(h)))
    assert "psd" in properties(MATMUL(TRANSPOSE(h), h))
    assert not is_skew(h)


def test_products_in_pairs_are_known_as_whole_ones_are() -> None:
    m, n = map(Dim.of, "mn")
    P, G = Symbol("P", (m, m), ["spd"]), Symbol("G", (m, m), ["invertible"])
    X = Symbol("X", (m, n))
    for pair in (
        MATMUL(TRANSPOSE(X), MATMUL(P, X)),
        MATMUL(MATMUL(TRANSPOSE(X), P), X),
        MATMUL(TRANSPOSE(MATMUL(P, X)), X),
        MATMUL(TRANSPOSE(MATMUL(G, X)), MATMUL(P, MATMUL(G, X))),
    ):
        assert properties(pair) == properties(MATMUL(TRANSPOSE(X), P, X)) == {"psd", "symmetric"}
    assert "spd" in properties(MATMUL(TRANSPOSE(G), MATMUL(P, G)))
    assert not properties(MATMUL(TRANSPOSE(MATMUL(G, X)), X))
