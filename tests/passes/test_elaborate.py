"""Names, kinds and shapes: DESIGN section 4."""

import pytest

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Size, Symbol
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.structural import ADD, MATMUL
from tests.passes.readings import read, shapes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what is forced wins
        ("W x + b", {"W": "m x n", "x": "n", "b": "m"}),
        ("b + W x", {"b": "m", "W": "m x n", "x": "n"}),
        ("tr(A) + B", {"A": "n x n", "B": "scalar"}),
        ("x' b + tr(A)", {"x": "m", "b": "m", "A": "n x n"}),
        ("W X + b ones(m)'", {"W": "n x p", "X": "p x m", "b": "n"}),
        ("Y - u v'", {"Y": "m x n", "u": "m", "v": "n"}),
        ("1/m sum(x)", {"m": "scalar", "x": "n"}),
        ("1/(2 m) ||x||", {"m": "scalar", "x": "n"}),
        ("N: scalar; x / N", {"x": "n", "N": "scalar"}),
        # defaults: capitals, h to z, a to g and Greek
        ("tr(A X)", {"A": "m x n", "X": "n x m"}),
        ("Λ", {"Λ": "m x n"}),
        ("h", {"h": "n"}),
        ("z", {"z": "n"}),
        ("a", {"a": "scalar"}),
        ("g", {"g": "scalar"}),
        ("λ x", {"λ": "scalar", "x": "n"}),
        ("T x", {"T": "m x n", "x": "n"}),
        ("e^a", {"e": "scalar", "a": "scalar"}),
        ("W1 x_new", {"W1": "m x n", "x_new": "n"}),
        # a transposed lower-case name, and one that follows a matrix factor
        ("a' x", {"a": "n", "x": "n"}),
        ("a' X b", {"a": "m", "X": "m x n", "b": "n"}),
        ("A^-1 b", {"A": "n x n", "b": "n"}),
        ("A \\ b", {"A": "n x n", "b": "n"}),
        ("X β", {"X": "m x n", "β": "n"}),
        ("(A + B) b", {"A": "m x n", "B": "m x n", "b": "n"}),
        ("A * b", {"A": "m x n", "b": "n"}),
        ("x' a", {"x": "n", "a": "n"}),
        ("X / a B", {"X": "m x n", "a": "scalar", "B": "n x p"}),
        # defaults that meet: the larger kind wins
        ("x + a", {"x": "n", "a": "n"}),
        ("a + x", {"a": "n", "x": "n"}),
        ("x + A", {"x": "m x n", "A": "m x n"}),
        # at the head of a product that has one row, or raised to a power beside a matrix: numbers
        ("n/2 log(s^2) + r' r", {"n": "scalar", "s": "scalar", "r": "m"}),
        (
            "n log(σ) - ||y - X β||",
            {"n": "scalar", "σ": "scalar", "y": "m", "X": "m x p", "β": "p"},
        ),
        ("-n m/2 log(a) + tr(A)", {"n": "scalar", "m": "scalar", "a": "scalar", "A": "p x p"}),
        ("y' (S + s^2 I)^-1 y", {"y": "n", "S": "n x n", "s": "scalar"}),
        ("2 s^-2 A", {"s": "scalar", "A": "m x n"}),
        ("S + 1/2 s^2 I", {"S": "n x n", "s": "scalar"}),
        # functions force their arguments
        ("softmax(a)", {"a": "n"}),
        ("det(X) + a", {"X": "n x n", "a": "scalar"}),
        ("diag(a)", {"a": "n"}),
        ("A^2", {"A": "n x n"}),
        # Kronecker products
        ("tr(kron(A, X) B)", {"A": "m x n", "X": "p x q", "B": "n q x m p"}),
        ("kron(A, B) x", {"A": "m x n", "B": "p x q", "x": "n q"}),
        ("det(kron(A, B))", {"A": "m x m", "B": "n x n"}),
        ("I ⊗ A + X ⊗ I", {"A": "m x m", "X": "n x n"}),
        ("A: (p, p); X: (n, n); I ⊗ A + X ⊗ I", {"A": "p x p", "X": "n x n"}),
        ("A ⊗ B + C ⊗ D", {"A": "m x n", "B": "p x q", "C": "m x n", "D": "p x q"}),
        ("b' vec(X)", {"b": "m n", "X": "m x n"}),
        ("b: m n; X: (m, n); b' vec(X)", {"b": "m n", "X": "m x n"}),
    ],
)
def test_kinds_and_shapes(text: str, expected: dict[str, str]) -> None:
    assert shapes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x' A x", {"x": "n", "A": "n x n"}),  # one size is n
        ("A B C", {"A": "m x n", "B": "n x p", "C": "p x q"}),
        ("m' A x", {"m": "n", "A": "n x p", "x": "p"}),  # m is a variable
        ("eye(n) A", {"A": "n x m"}),  # n is taken
        ("n' x", {"n": "m", "x": "m"}),
    ],
)
def test_sizes_are_named_in_order_and_past_names_that_are_taken(
    text: str, expected: dict[str, str]
) -> None:
    assert shapes(text) == expected


def test_twenty_sizes_have_distinct_names() -> None:
    found = shapes(" ".join(f"A{k}" for k in range(20)))
    assert len({size for shape in found.values() for size in shape.split(" x ")}) == 21


def test_variables_come_in_order_of_first_appearance_then_declared_ones() -> None:
    reading = read("A: (n, n); z = W x + b; z' A z", shapes={"q": "k", "x": "m"})
    assert list(reading.variables) == ["A", "W", "x", "b", "q"]


def test_declared_sizes_and_integers_are_kept() -> None:
    assert shapes("A x", shapes={"A": ("p", 3)}) == {"A": "p x 3", "x": "3"}
    assert shapes("A: (2, 3); A x") == {"A": "2 x 3", "x": "3"}
    assert shapes("x: 1; x + 1") == {"x": "scalar"}


def test_a_size_may_stand_as_a_number() -> None:
    reading = read("x: n; 1/n sum(x)")
    assert reading.expr is read("1/n sum(x)", shapes={"x": "n"}).expr
    assert Size(Dim.of("n")) in reading.expr.args[0].args
    assert reading.sizes == ("n",)
    assert list(reading.variables) == ["x"]


def test_the_identity_takes_the_size_that_fits() -> None:
    n = Dim.of("n")
    a, x = Symbol("A", (n, n)), Symbol("x", (n, ONE))
    assert read("A + I").expr is ADD(a, EYE(Size(n)))
    assert read("I x + A x").expr is ADD(MATMUL(EYE(Size(n)), x), MATMUL(a, x))
    assert read("A + eye").expr is read("A + eye(n)", shapes={"A": ("n", "n")}).expr


def test_the_identity_may_be_declared_otherwise() -> None:
    assert shapes("I x", shapes={"I": ("m", "n")}) == {"I": "m x n", "x": "n"}


def test_constant_arrays_take_the_size_that_fits() -> None:
    n = Dim.of("n")
    x = Symbol("x", (n, ONE))
    assert read("x + vector(1)").expr is ADD(x, ONES(Size(n), Size(ONE)))
    assert read("A + matrix(c)").expr is read("A + c ones(m, n)", shapes={"A": ("m", "n")}).expr


def test_numerals_are_added_to_every_entry_of_vectors_and_of_matrices_that_are_not_square() -> None:
    n = Dim.of("n")
    x = Symbol("x", (n, ONE))
    assert read("1 + x").expr is ADD(ONES(Size(n), Size(ONE)), x)
    assert read("x - 2").expr is read("x - 2 ones(n)", shapes={"x": "n"}).expr
    assert read("X + 1/2").expr is read("X + 1/2 ones(m, n)", shapes={"X": ("m", "n")}).expr
    assert shapes("log(1 + exp(-z))") == {"z": "n"}


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("||X||", "||X|| is the Frobenius norm"),
        ("norm(X)", "norm(X) is the Frobenius norm"),
        ("||X||_1", "||X||_1 is the sum of the absolute values of all entries"),
        ("a' X", "a is read as a vector"),
        ("x' + y", "y is read as a row"),
        ("X + a", "a is read as a matrix"),
        ("2^x", "x is read as a scalar"),
        ("x + A", "x is read as a matrix"),
        ("x' A x / x' x", "x' A x / x' x is read as x' A x / (x' x)"),
        ("1/a x' x", "1/a x' x is read as (1 / a) x' x"),
        ("max(X, 1)", "max(X, 1) runs down the columns"),
        ("e .* (X w)", "e is read as a scalar; for an array declare it, as in e: m"),
        ("x ./ a", "a is read as a scalar; for an array declare it, as in a: n"),
        (
            "X: (p, q); X .* σ .* c",
            "c is read as a scalar; for an array declare it, as in c: (p, q)",
        ),
        (
            "hadamard(x', exp(-d))",
            "d is read as a scalar; for an array declare it, as in d: (1, n)",
        ),
        ("(1 - d.^2) .* x", "d is read as a scalar; for an array declare it, as in d: n"),
        ("f(x)", "f(x) is read as a product; for a function declare it, as in f: n -> scalar"),
    ],
)
def test_decisions_that_may_surprise_are_noted(text: str, note: str) -> None:
    assert note in read(text).notes


@pytest.mark.parametrize(
    "text",
    [
        *("||x||", "W x + b", "1/2 x' A x", "||X||_F", "2 (x + y)"),
        *("a x", "a: scalar; a .* x", "a: n; a .* x", "a .* b", "y .* x + a sum(x) y", "2 .* x"),
    ],
)
def test_nothing_is_noted_where_nothing_surprises(text: str) -> None:
    assert read(text).notes == ()


def test_properties_of_square_matrices_force_square_shapes() -> None:
    assert shapes("A x", assume={"A": "symmetric"}) == {"A": "n x n", "x": "n"}
    assert shapes("A: invertible; A x") == {"A": "n x n", "x": "n"}
    assert shapes("A x", assume={"A": "nonzero"}) == {"A": "m x n", "x": "n"}


def test_reading_twice_gives_the_same_expression() -> None:
    text = "z = tanh(W x + b); 1/2 ||z - y||^2"
    assert read(text).expr is read(text).expr


@pytest.mark.parametrize(("text", "noted"), [("e^(x' x)", True), ("e^2", False), ("e x", False)])
def test_the_letter_e_as_the_base_of_a_power(text: str, noted: bool) -> None:
    note = "e is read as a variable; exp(x) is the exponential"
    assert (note in read(text).notes) is noted


def test_row_of_ones() -> None:
    # As in the first line of a network: the same b for every sample.
    assert read("W X + b 1'").expr is read("W X + b ones(p)'").expr
    assert shapes("||W X + b 1' - Y||_F^2") == {
        "W": "m x n",
        "X": "n x p",
        "b": "m",
        "Y": "m x p",
    }
    assert read("1' x").expr is read("ones(n)' x").expr
    assert read("1^T A x").expr is read("ones(m)' A x").expr
    assert read("2 * 1' + x'").expr is read("2 ones(n)' + x'").expr
