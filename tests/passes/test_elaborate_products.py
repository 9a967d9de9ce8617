"""Products, powers and quotients: the canonical form and the readings of ``/``."""

from fractions import Fraction

import pytest

from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Constant, Symbol
from matcalc.ops.elementwise import ABS, SQRT
from matcalc.ops.linalg import INV, TRACE
from matcalc.ops.reduction import NORM1, NORM2
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from tests.passes.readings import read

N = Dim.of("n")
A, B = Symbol("A", (N, N)), Symbol("B", (N, N))
X, Y, Z = (Symbol(name, (N, ONE)) for name in "xyz")
S, T = Symbol("a", SCALAR), Symbol("b", SCALAR)
SHAPES = {"A": ("n", "n"), "B": ("n", "n"), "x": "n", "y": "n", "z": "n", "a": (), "b": ()}
MINUS, TWO, HALF = Constant(-1), Constant(2), Constant(Fraction(1, 2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A B x", MATMUL(A, B, X)),
        ("A (B x)", MATMUL(A, B, X)),
        ("A * B * x", MATMUL(A, B, X)),
        ("A @ (2 B)", TIMES(TWO, MATMUL(A, B))),
        ("2 x' A x", TIMES(TWO, MATMUL(TRANSPOSE(X), A, X))),
        ("x' y z", TIMES(MATMUL(TRANSPOSE(X), Y), Z)),
        ("z x' y", TIMES(MATMUL(TRANSPOSE(X), Y), Z)),
        ("x' (y z')", TIMES(MATMUL(TRANSPOSE(X), Y), TRANSPOSE(Z))),
        ("x y'", MATMUL(X, TRANSPOSE(Y))),
        ("2 (3 x)", TIMES(Constant(6), X)),
        ("A a x b", TIMES(S, T, MATMUL(A, X))),
        ("-x", TIMES(MINUS, X)),
        ("-2 x", TIMES(Constant(-2), X)),
        ("A - B", ADD(A, TIMES(MINUS, B))),
        ("(A + B) + A", ADD(A, B, A)),
        ("x .* y .* z", TIMES(X, Y, Z)),
        ("a .* x", TIMES(S, X)),
        ("x / 2", TIMES(HALF, X)),
        ("x / a", TIMES(POWER(S, MINUS), X)),
        ("x / (2 a)", TIMES(HALF, POWER(S, MINUS), X)),
        ("x ./ y", TIMES(X, POWER(Y, MINUS))),
        ("x ./ A y", TIMES(X, POWER(MATMUL(A, Y), MINUS))),
        ("y .* A x", TIMES(Y, MATMUL(A, X))),
        ("A \\ x", MATMUL(INV(A), X)),
        ("2 A \\ x", MATMUL(INV(TIMES(TWO, A)), X)),
        ("A^-1", INV(A)),
        ("A^-T", TRANSPOSE(INV(A))),
        ("A^-1'", TRANSPOSE(INV(A))),
        ("A^3", MATPOW(A, Constant(3))),
        ("A^-3", MATPOW(INV(A), Constant(3))),
        ("A^2'", TRANSPOSE(MATPOW(A, TWO))),
        ("-A^2", TIMES(MINUS, MATPOW(A, TWO))),
        ("x .^ 2", POWER(X, TWO)),
        ("a^2", POWER(S, TWO)),
        ("a^(1/2)", SQRT(S)),
        ("a'", S),
        ("||x||", NORM2(X)),
        ("||x||_1", NORM1(X)),
        ("norm(x, 1)", NORM1(X)),
        ("norm(x, 2)", NORM2(X)),
        ("||A||_F", NORM2(A)),
        ("norm(A, F)", NORM2(A)),
        ("<A, B>", TRACE(MATMUL(TRANSPOSE(A), B))),
        ("⟨x, y⟩", MATMUL(TRANSPOSE(X), Y)),
        ("|x|", ABS(X)),
        ("|a|", ABS(S)),
        ("A ⊗ B ⊗ A", KRON(A, B, A)),
        ("kron(A, kron(B, A))", KRON(A, B, A)),
        ("1 + 2", Constant(3)),
        ("½ + 1e-1", Constant(Fraction(3, 5))),
    ],
)
def test_canonical_form(text: str, expected: object) -> None:
    assert read(text, shapes=SHAPES).expr is expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        # only one reading has consistent shapes
        ("A / a B", "(A / a) B"),
        ("x' A x / x' x", "(x' A x) / (x' x)"),
        ("1 / x' x", "1 / (x' x)"),
        ("x' / a y z", "((x' y) / a) z"),
        # a numeric divisor or dividend takes one factor
        ("1/2 x' A x", "(1/2) (x' A x)"),
        ("a/2 ||x||^2", "(a/2) ||x||^2"),
        ("1/a x' x", "(1/a) (x' x)"),
        ("1/n sum(x)", "(1/n) sum(x)"),
        ("a/n sum(x)", "(a/n) sum(x)"),
        ("1/(2 n) ||x||^2", "(1/(2 n)) ||x||^2"),
        # brackets leave no choice
        ("b/(2 a) ||x||^2", "(b/(2 a)) ||x||^2"),
        ("a / (b ||x||)", "a (b ||x||)^-1"),
        ("(a / b) ||x||", "||x|| .* (a / b)"),
    ],
)
def test_readings_of_a_quotient(text: str, same: str) -> None:
    found, expected = read(text, shapes=SHAPES).expr, read(same, shapes=SHAPES).expr
    assert found.shape == expected.shape
    assert sorted(a.uid for a in found.args) == sorted(a.uid for a in expected.args)


def test_many_quotients_in_one_text_are_read_one_by_one() -> None:
    text = " + ".join(f"a{k}/b{k} x" for k in range(200))
    assert read(text).expr.shape == (Dim.of("n"), ONE)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("diag(x)", "diag"),
        ("diag(A)", "diagonal"),
        ("sum(A)", "sum"),
        ("sum(A, 1)", "sum_1"),
        ("mean(A, 2)", "mean_2"),
        ("sum(x, 1)", "sum_1"),
        ("max(A)", "max"),
        ("max(A, 2)", "max_2"),
        ("max(x, 0)", "maximum"),
        ("max(x, y)", "maximum"),
        ("max(1, x)", "maximum"),
        ("max(a, 1)", "maximum"),
        ("min(A, B)", "minimum"),
        ("softmax(x)", "softmax"),
        ("softmax(A, 1)", "softmax_1"),
        ("logsumexp(A, 2)", "logsumexp_2"),
        ("ln(x)", "log"),
        ("trace(A)", "tr"),
        ("Tr(A)", "tr"),
        ("determinant(A)", "det"),
        ("σ(x)", "sigmoid"),
        ("transpose(A)", "transpose"),
        ("arcsin(x)", "asin"),
    ],
)
def test_overloads_and_aliases(text: str, name: str) -> None:
    assert read(text, shapes=SHAPES).expr.op.name == name


def test_the_sum_down_the_columns_of_a_vector_is_a_number() -> None:
    assert read("sum(x, 1)", shapes=SHAPES).expr.is_scalar
    assert read("sum(x, 2)", shapes=SHAPES).expr.shape == (N, ONE)
    assert read("sum(A, 1)", shapes=SHAPES).expr.shape == (ONE, N)
