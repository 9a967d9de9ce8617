from fractions import Fraction

import pytest
import sympy
from sympy import MatrixSymbol, symbols

from matcalc.backends.sympy_entries import entries
from matcalc.backends.sympy_export import to_sympy
from matcalc.backends.sympy_import import from_sympy
from matcalc.core.dim import Dim
from matcalc.core.expr import Constant, Size, Symbol
from matcalc.errors import ArgumentProblem, DeclarationProblem, ShapeProblem, UnsupportedProblem
from matcalc.ops import REGISTRY
from tests.backends.sympy_cases import A, B, Y, a, inv, n, ops, prod, t, total, x
from tests.conformance.instances import instances

N, M = symbols("n m", integer=True, positive=True)
A_, Y_, B_ = MatrixSymbol("A", N, N), MatrixSymbol("Y", M, N), MatrixSymbol("B", M, N)
x_, y_ = MatrixSymbol("x", N, 1), MatrixSymbol("y", M, 1)
a_ = sympy.Symbol("a")
z = sympy.Dummy("z")

SAME = {
    "product": (2 * Y_ * x_, prod(2, Y, x)),
    "quadratic form": (x_.T * A_ * x_, prod(t(x), A, x)),
    "its entry": ((x_.T * A_ * x_)[0, 0], prod(t(x), A, x)),
    "its trace": (sympy.Trace(x_.T * A_ * x_), prod(t(x), A, x)),
    "sum": (A_ + A_.T, total(A, t(A))),
    "difference": (Y_ - B_, total(prod(-1, B), Y)),
    "inverse": (A_.I, inv(A)),
    "negative power": (A_**-2, ops["matpow"](inv(A), Constant(2))),
    "power": (A_**3, ops["matpow"](A, Constant(3))),
    "logdet": (sympy.log(sympy.det(A_)), ops["log"](ops["det"](A))),
    "trace": (a_ * sympy.Trace(A_), prod(a, ops["tr"](A))),
    "Hadamard product": (sympy.HadamardProduct(Y_, B_), ops["times"](Y, B)),
    "Hadamard power": (sympy.HadamardPower(Y_, 2), ops["power"](Y, Constant(2))),
    "Kronecker product": (sympy.KroneckerProduct(A_, Y_), ops["kron"](A, Y)),
    "identity": (A_ + sympy.Identity(N), total(ops["eye"](Size(n)), A)),
    "diagonal matrix": (sympy.DiagMatrix(x_), ops["diag"](x)),
    "a size as a number": (x_ / N, prod(ops["power"](Size(n), Constant(-1)), x)),
    "root": (sympy.sqrt(a_), ops["sqrt"](a)),
    "quotient": (a_ / 2, prod(Fraction(1, 2), a)),
    "decimal": (0.1 * a_, prod(Fraction(1, 10), a)),
    "map": (Y_.applyfunc(sympy.tanh), ops["tanh"](Y)),
    "exponential": (sympy.exp(-a_), ops["exp"](prod(-1, a))),
    "pi": (sympy.pi * a_, prod(ops["pi"](), a)),
}


@pytest.mark.parametrize("case", SAME)
def test_an_expression_is_read_in_canonical_form(case):
    given, expected = SAME[case]
    assert from_sympy(given)[0] is expected


def test_variables_are_given_by_name():
    _, variables = from_sympy(a_ * Y_ * x_ / M)
    assert variables == {"a": a, "Y": Y, "x": x}


def test_sizes_are_numbers_symbols_and_products():
    _, variables = from_sympy(MatrixSymbol("C", 3, 2 * N * M))
    assert variables["C"].shape == (Dim.of(3), Dim(2, ("m", "n")))
    assert from_sympy(MatrixSymbol("C", N**2, 1))[0].shape[0] == Dim(1, ("n", "n"))


def test_greek_names_are_letters():
    lam = sympy.Symbol("lambda")
    assert list(from_sympy(lam * A_)[1]) == ["λ", "A"]


@pytest.mark.parametrize(
    "function",
    [
        1 + z,
        sympy.log(1 + sympy.exp(-z)),
        1 / (1 + sympy.exp(-z)),
        sympy.Max(z, 0) + z**2,
        a_ * z * sympy.Heaviside(z),
        sympy.sqrt(z**2 + 1) + sympy.pi,
    ],
    ids=str,
)
def test_maps_are_read_entry_by_entry(function):
    e, _ = from_sympy(Y_.applyfunc(sympy.Lambda(z, function)))
    sizes = {"m": 2, "n": 2}
    values = {
        Y: sympy.Matrix(2, 2, [1, -2, 3, sympy.Rational(1, 2)]),
        a: sympy.Matrix([[5]]),
    }
    expected = values[Y].applyfunc(lambda v: function.subs({z: v, a_: 5}))
    assert all(abs(sympy.N(d)) < 1e-12 for d in entries(e, sizes, values) - expected)


ROUND_TRIP = [
    instance for op in REGISTRY.values() if op.sympy is not None for instance in instances(op)
]


@pytest.mark.parametrize("instance", ROUND_TRIP, ids=str)
def test_what_was_exported_is_read_back(instance):
    back, _ = from_sympy(to_sympy(instance.expr))
    assert back.shape == instance.expr.shape
    values = {
        symbol: sympy.Matrix(
            *(dim.evaluate(instance.sizes) for dim in symbol.shape),
            [sympy.Rational(int(64 * e), 64) for e in instance.arrays()[symbol.name].ravel()],
        )
        for symbol in instance.symbols
    }
    difference = entries(back, instance.sizes, values) - entries(
        instance.expr, instance.sizes, values
    )
    assert all(abs(sympy.N(e, 30)) < 1e-20 for e in difference)


REFUSED = {
    "Integral of SymPy is not supported": sympy.Integral(a_, a_),
    "BlockMatrix of SymPy is not supported": sympy.BlockMatrix([[A_, A_]]),
    "the size n + 1 is not supported": MatrixSymbol("C", N + 1, 2),
    "the single entry A[0, 0] is not supported": A_[0, 0],
    "a matrix of 2 x 1 given entries is not supported": sympy.ImmutableMatrix([a_, 1]),
    "Infinity of SymPy is not supported": sympy.oo * a_,
    "sin(A) of a matrix can be read in two ways": sympy.sin(A_),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_what_is_not_supported_is_named(problem):
    with pytest.raises(UnsupportedProblem) as caught:
        from_sympy(REFUSED[problem])
    assert caught.value.problem == problem


def test_a_sum_must_run_over_whole_axes():
    i = sympy.Symbol("i")
    with pytest.raises(UnsupportedProblem, match="does not start at 0"):
        from_sympy(sympy.Sum(x_[i, 0], (i, 1, N - 1)))
    with pytest.raises(UnsupportedProblem, match="does not run over a whole axis"):
        from_sympy(sympy.Sum(x_[i, 0] * y_[i, 0], (i, 0, N - 1)))
    with pytest.raises(UnsupportedProblem, match="in a sum over entries is not supported"):
        from_sympy(sympy.Sum(i * x_[i, 0], (i, 0, N - 1)))


def test_a_name_for_two_variables_is_an_error():
    with pytest.raises(DeclarationProblem, match="x stands for two variables") as caught:
        from_sympy(sympy.Symbol("x") * x_)
    assert set(caught.value.details) == {"x is a scalar", "x is a vector of length n"}


@pytest.mark.parametrize("given", ["x", 3, None, sympy.Matrix([[1]]), {"x": 1}])
def test_what_is_not_a_symbolic_expression_is_an_error(given):
    with pytest.raises(ArgumentProblem, match="not a SymPy expression"):
        from_sympy(given)


def test_shapes_are_checked():
    misfit = sympy.HadamardProduct(A_, MatrixSymbol("C", N, N)).xreplace(
        {MatrixSymbol("C", N, N): Y_}
    )
    with pytest.raises(ShapeProblem):
        from_sympy(misfit)


def test_deep_expressions_are_read_without_recursion():
    e = x_
    for _ in range(400):
        e = sympy.MatAdd(e, sympy.MatMul(2, e))
    assert isinstance(from_sympy(e)[1]["x"], Symbol)
