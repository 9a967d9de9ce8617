from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from matcalc.api import diff
from matcalc.backends.text import (
    format_dim,
    format_expr,
    format_index,
    format_index_left,
    format_program,
    format_shape,
    format_with_bindings,
    size_measure,
)
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Constant, Expr, Size, Symbol
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Term
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.structural import POWER, TIMES, TRANSPOSE
from matcalc.passes.elaborate import parse
from tests.strategies import expressions

M, N = Dim.of("m"), Dim.of("n")
A = Symbol("A", (N, N))
W = Symbol("W", (M, N))
x = Symbol("x", (N, ONE))
b = Symbol("b", SCALAR)


def read(text: str) -> Expr:
    return parse(text).expr


#: Texts that print as they stand, in the style for readers as in the exact one.
AS_WRITTEN = [
    "x",
    "-x",
    "2",
    "-1/2",
    "pi",
    "(A + A') x",
    "2 A^-T b",
    "x' A x / (x' x)",
    "1/2 x' A x",
    "-3/2 x' A x",
    "||A x - b||",
    "||X||_F",
    "||x||_1",
    "norm1(X)",
    "||x|| ||y||",
    "x / ||x||",
    "norm(x / ||x||)",
    "x' A x",
    "(x' y) z",
    "x y'",
    "(x' y) (x' A x)",
    "a A x",
    "2 (A + B) x",
    "a (b + c)",
    "A - 2 B",
    "-A + B",
    "A - (x' x) B",
    "c - (a + b) c",
    "A^3",
    "A^-2",
    "(A B)^-1",
    "(A')^-1",
    "(A^2)'",
    "(A B)'",
    "a^b",
    "a^-b",
    "a^(b + c)",
    "a^(b^2)",
    "(a^b)^c",
    "(-2)^a",
    "x.^2",
    "(A x).^2",
    "(x').^2",
    "2.^x",
    "x[1]",
    "x[2]^2 + 3 x[1] X[1,2]",
    "a unit(n, 1)' A x",
    "x ./ y",
    "1 ./ y",
    "1/a",
    "a / b",
    "a / (b c)",
    "a / (b / c)",
    "x .* y",
    "2 a x .* y",
    "y .* (X w)",
    "(X w) .* y ./ z",
    "x .* y / a",
    "-y .* (X w)",
    "diag(1 - tanh(x).^2)",
    "sum(log(1 + exp(-y .* (X w))))",
    "x - 1/2",
    "A + I",
    "A - 2 I",
    "a I + A",
    "A (a I + B)",
    "ones(3)",
    "A ⊗ B",
    "-(A ⊗ B)",
    "2 (A ⊗ B)",
    "(A B) ⊗ x'",
    "(2 A) ⊗ B",
    "A ⊗ B ⊗ C",
    "sum(X, 1)",
    "max(X, 2)",
    "max(0, x)",
    "logsumexp(x)",
    "a^((T))",
    "(σ) (a + b)",
]


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_prints_as_a_textbook_writes(text):
    e = read(text)
    assert format_expr(e) == text
    assert format_expr(e, exact=True) == text
    assert read(format_program(e)) is e


REWRITTEN = [
    ("A^-1'", "A^-T"),
    ("inv(A) b", "A^-1 b"),
    ("A \\ b", "A^-1 b"),
    ("x' * A * x", "x' A x"),
    ("2 (3 x)", "6 x"),
    ("A / 2", "1/2 A"),
    ("hadamard(x, y)", "x .* y"),
    ("kron(A, B)", "A ⊗ B"),
    ("<A, B>", "tr(A' B)"),
    ("|x|", "abs(x)"),
    ("σ(x)", "sigmoid(x)"),
    ("x / (2 b)", "x / (2 b)"),
    ("lambda/2 ||x||^2", "1/2 λ ||x||^2"),
]


@pytest.mark.parametrize(("text", "printed"), REWRITTEN)
def test_prints_other_notations_alike(text, printed):
    assert format_expr(read(text)) == printed


#: What reads better as a quotient or root, and how it must be written to be the same node again.
EXACT = [
    (TIMES(POWER(b, Constant(-2)), x), "x / b^2", "b^-2 x"),
    (TIMES(POWER(b, Constant(Fraction(-1, 2))), x), "x / sqrt(b)", "b^(-1/2) x"),
    (TIMES(POWER(b, Constant(-1)), b, x), "b x / b", "b^-1 b x"),
    (read("a / b / c"), "a / (b c)", "a b^-1 / c"),
    (EYE(Size(N)), "I", "eye(n)"),
    (TIMES(b, EYE(Size(N))), "b I", "b eye(n)"),
]


@pytest.mark.parametrize(("e", "plain", "exact"), EXACT)
def test_exact_style_reads_back(e, plain, exact):
    assert format_expr(e) == plain
    assert format_expr(e, exact=True) == exact
    assert read(format_program(e)) is e


def test_fraction_of_sizes_stands_in_front():
    e = read("r: m; 1/(2 m) ||r||^2")
    assert format_expr(e) == "1/(2 m) ||r||^2"
    assert format_program(e) == "r: m; 1/(2 m) ||r||^2"


def test_constant_arrays():
    assert format_expr(read("ones(n)")) == "ones(n)"
    assert format_expr(read("ones(m, 2 n)")) == "ones(m, 2 n)"
    assert format_expr(read("zeros(1, n)")) == "zeros(1, n)"
    assert format_expr(read("ones(n) + ones(n)")) == "ones(n) + ones(n)"


def test_ones_beside_a_square_matrix_are_no_numeral():
    assert format_expr(read("A: (n, n); A + ones(n, n)")) == "A + ones(n, n)"


def test_identity_is_spelled_out_where_a_variable_is_called_I():
    e = read("I: (n, n); I + eye(n)")
    assert format_expr(e) == "I + eye(n)"
    assert read(format_program(e)) is e


def test_a_new_operation_needs_no_printer():
    fresh = Operation("wiggle", "(m, n) -> scalar", tail=("1",))
    assert format_expr(TIMES(b, fresh(W))) == "b wiggle(W, 1)"


# ------------------------------------------------------------------ whole programs


@pytest.mark.parametrize(
    "text",
    [
        "W x + b",
        "A: (n, n) symmetric; x' A x",
        "A: (n, n) invertible symmetric; A x",
        "x, y: 3; x' y",
        "A: (2 n, n); A x",
        "r: (1, n); r",
        "weight: scalar; 2 weight (a + b)",
        "X: (n, n); X",
        "x: (m n); x",
        "a: n; a",
        "F: n -> (m, n); L: n -> scalar; L(x) F(x) x",
        "∇²L: p -> (p, p); ∂1F: p, m -> (q, p); ∂1F(x, y) ∇²L(x) z",
        "batch, d: scalar; X: (batch_1, d_1); x: 2*width*n; L: 2*width*n -> scalar; L(x) batch X",
    ],
)
def test_program_declares_what_a_reader_cannot_know(text):
    assert read(format_program(read(text))) is read(text)


@pytest.mark.parametrize(
    ("text", "order", "printed"),
    [
        ("L: p -> scalar; L(W x + b)", 1, "∇L: p -> p; W' ∇L(W x + b)"),
        ("L: p -> scalar; L(W x + b)", 2, "∇²L: p -> (p, p); W' ∇²L(W x + b) W"),
        ("F: n -> m; F(x)", 1, "∂F: n -> (m, n); ∂F(x)"),
        ("F: m, n -> scalar; F(y, x)", 2, "∂2∂2F: m, n -> (n, n); ∂2∂2F(y, x)"),
        ("F: 2*width -> scalar; F(x)", 1, "∇F: 2*width -> 2*width; ∇F(x)"),
    ],
)
def test_derivatives_of_unknown_functions_read_back(text, order, printed):
    derivative = diff(text, "x", order=order).expr
    assert str(derivative) == printed
    assert read(printed) is derivative


def test_program_declares_no_more_than_needed():
    assert format_program(read("A: (n, n) symmetric; x: n; x' A x")) == (
        "A: (n, n) symmetric; x' A x"
    )


def network(layers: int) -> Expr:
    definitions = ["z0 = W_0 x"]
    definitions += [f"z{k} = tanh(W_{k} z{k - 1} + tanh(z{k - 1}))" for k in range(1, layers + 1)]
    declarations = "".join(f"W_{k}: (n, n); " for k in range(layers + 1))
    return read(f"{declarations}{'; '.join(definitions)}; sum(z{layers})")


def test_deep_network_prints_in_linear_size():
    short, long = (format_program(network(layers)) for layers in (150, 300))
    assert len(long) < 2.5 * len(short)
    assert read(long) is network(300)


def test_deep_nesting_is_cut_by_definitions():
    text = "".join("tanh(" for _ in range(900)) + "x" + ")" * 900
    e = read(text)
    printed = format_program(e)
    assert max(part.count("(") for part in printed.split(";")) < 200
    assert read(printed) is e


def test_definitions_avoid_names_in_use():
    layers = "; ".join(f"z{k} = z{k - 1} z{k - 1} + t1" for k in range(1, 40))
    e = read(f"z0 = t1 A; t1: (n, n); {layers}; z39")
    printed = format_program(e)
    assert "t2 = " in printed
    assert "t1 = " not in printed
    assert read(printed) is e


def test_thousands_of_terms():
    e = read(" + ".join(f"a_{k} x" for k in range(3000)))
    assert read(format_program(e)) is e


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(max_leaves=10))
def test_every_expression_reads_back_as_itself(e):
    assert read(format_program(e)) is e


# ------------------------------------------------------------------ bindings


def test_bindings_name_what_is_repeated():
    e = read("tanh(A x + y) (1 + tanh(A x + y)' tanh(A x + y))")
    assert format_with_bindings(e) == ([("t1", "tanh(A x + y)")], "(1 + t1' t1) t1")


def test_bindings_are_in_order_of_dependency():
    inner, outer = "(A x + y)", "exp((A x + y) .* (A x + y) ./ w)"
    e = read(f"{outer} .* {outer} .* {inner}")
    bindings, body = format_with_bindings(e)
    assert bindings == [("t1", "A x + y"), ("t2", "exp(t1 .* t1 ./ w)")]
    assert body == "t2 .* t2 .* t1"


@pytest.mark.parametrize("text", ["A x + A x", "(A + B) x + (A + B) y", "x' x x' x"])
def test_short_repetitions_are_not_named(text):
    assert format_with_bindings(read(text))[0] == []


# ------------------------------------------------------------------ measure


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("x", 1),
        ("2 x", 2),
        ("(A + A') x", 5),
        ("1/2 x' A x", 7),
        ("A^-1", 3),
        ("A^-T", 3),
        ("-x", 2),
        ("a - b", 3),
        ("x .* y", 3),
        ("a / b", 3),
        ("tr(A)", 2),
        ("sum(X, 1)", 3),
        ("||x||", 2),
        ("A ⊗ B", 3),
        ("x.^2", 3),
        ("ones(m, n)", 3),
    ],
)
def test_size_counts_names_numbers_and_operators(text, size):
    assert size_measure(read(text)) == size


# ------------------------------------------------------------------ shapes and index notation


def test_sizes_and_shapes():
    assert format_dim(Dim(2, ("m", "n"))) == "2 m n"
    assert format_shape(SCALAR) == "scalar"
    assert format_shape((N, ONE)) == "n"
    assert format_shape((ONE, N)) == "(1, n)"
    assert format_shape((M, N)) == "(m, n)"


i, k = Index(M), Index(M)
j, l = Index(N), Index(N)


def term(*factors: tuple, coefficient: Fraction | int = 1) -> Term:
    return Term(Fraction(coefficient), tuple(Factor(e, slots) for e, slots in factors))


DELTA = EYE(Size(M))


@pytest.mark.parametrize(
    ("ix", "text"),
    [
        (IndexExpr((i, k, l), (term((DELTA, (i, k)), (x, (l,))),)), "D[i,j,k] = δ[i,j] x[k]"),
        (IndexExpr((i,), (term((W, (i, j)), (x, (j,))),)), "D[i] = W[i,j] x[j]"),
        (IndexExpr((i, l), (term((TRANSPOSE(W), (l, i))),)), "D[i,j] = W[i,j]"),
        (IndexExpr((), (term((x, (j,)), (x, (j,)), coefficient=-2),)), "D = -2 x[i] x[i]"),
        (IndexExpr((i,), ()), "D[i] = 0"),
        (
            IndexExpr(
                (j, l), (term((x, (j,)), (x, (l,))), term((EYE(Size(N)), (j, l)), coefficient=-1))
            ),
            "D[i,j] = x[i] x[j] - δ[i,j]",
        ),
        (
            IndexExpr((j,), (term((x, (j,)), (POWER(b, Constant(-2)), ())),)),
            "D[i] = x[i] / b^2",
        ),
        (
            IndexExpr(
                (j,),
                (
                    term(
                        (POWER(x, Constant(-1)), (j,)),
                    ),
                ),
            ),
            "D[i] = 1/x[i]",
        ),
        (IndexExpr((j,), (term((POWER(x, Constant(2)), (j,))),)), "D[i] = x[i]^2"),
        (
            IndexExpr((i, j), (term((Symbol("v", (M * N, ONE)), (Composite((i, j)),))),)),
            "D[i,j] = v[(i,j)]",
        ),
        (IndexExpr((), (term((ONES(Size(N), Size(ONE)), (j,))),)), "D = ones(n)[i]"),
        (
            IndexExpr((j,), (term((ONES(Size(N), Size(ONE)), (j,)), (x, (j,))),)),
            "D[i] = x[i]",
        ),
    ],
)
def test_index_notation(ix, text):
    assert format_index_left("D", ix) == text
    assert format_index(ix) == text.partition(" = ")[2]


def test_letters_avoid_names_in_use():
    v = Symbol("i", (Dim.of("j"), ONE))
    free = Index(Dim.of("j"))
    assert format_index(IndexExpr((free,), (term((v, (free,))),))) == "i[k]"


def test_letters_never_run_out():
    free = tuple(Index(N) for _ in range(4))
    ix = IndexExpr(free, (term(*((x, (index,)) for index in free)),))
    assert format_index(ix, "ab") == "x[a] x[c] x[a1] x[b1]".replace("[c]", "[b]")


def test_every_bound_index_of_a_term_has_its_own_letter():
    ix = IndexExpr((), (term((W, (i, j)), (W, (k, j)), (W, (k, l)), (W, (i, l))),))
    assert format_index(ix) == "W[i,j] W[i,l] W[k,j] W[k,l]"


def test_size_of_index_notation():
    assert size_measure(IndexExpr((i, k, l), (term((DELTA, (i, k)), (x, (l,))),))) == 5


def test_a_letter_has_one_range_in_all_terms():
    i, j = Index(M), Index(N)
    y = Symbol("y", (M, ONE))
    squares = [Term(Fraction(1), (Factor(e, (k,)),) * 2) for e, k in ((x, j), (y, i))]
    assert format_index_left("f", IndexExpr((), tuple(squares))) == "f = x[i] x[i] + y[j] y[j]"
