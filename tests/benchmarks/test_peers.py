import time
from contextlib import suppress

import numpy as np
import pytest
import sympy
from sympy.tensor.array.expressions import ArrayContraction, ArrayDiagonal, ArrayTensorProduct

from benchmarks import peers
from benchmarks.peer_adapters import load
from benchmarks.peer_adapters.base import Adapter, Malformed, NotExpressible, Point
from benchmarks.peer_adapters.judge import judge, layouts
from benchmarks.peer_adapters.sympy_evaluate import evaluate
from tests.corpus.cases import load as corpus

CASES = {case.id: case for case in corpus()}


def verdict(peer, case):
    return judge(load(peer), CASES[case], limit=20)


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("mc-81", "right"),  # x'*B*x
        ("mc-37", "right"),  # X*Y, four axes
        ("ls-ridge-w-2", "right"),  # a Hessian
        ("nn-act-softplus", "right"),  # nested maps, which SymPy's users write as one
        ("mc-55-nopinv", "wrong"),  # logdet(X'*X)
        ("mc-49", "unevaluated"),  # det(X)
        ("ls-weighted-w", "exception"),  # (X*w - y)'*diag(v)*(X*w - y)
        ("mc-128", "not expressible"),  # tr(sinm(X))
        ("mc-142-logdet", "not expressible"),  # by the parameters of a symmetric matrix
    ],
)
def test_verdict_on_sympy(case, status):
    assert verdict("sympy", case).status == status


def test_false_zero_of_sympy_is_counted_as_one():
    found = verdict("sympy", "mc-55-nopinv")
    assert (found.status, found.zero, found.misleads, found.detail) == ("wrong", True, True, "0")


@pytest.mark.parametrize(
    "case", ["mc-81", "mc-37", "ls-ridge-w-2", "mc-55-nopinv", "mc-142-logdet"]
)
def test_matcalc_is_right(case):
    assert verdict("matcalc", case).status == "right"


def test_array_route_of_sympy():
    assert verdict("sympy-array", "mc-81").status == "right"
    assert verdict("sympy-array", "mc-55-nopinv").zero
    assert verdict("sympy-array", "mc-34-path").status == "not expressible"  # by a scalar


class Scripted(Adapter):
    """Gives a prepared answer in each spelling; an array is its own value."""

    packages = ()

    def __init__(self, **answers):
        self.answers, self.spellings = answers, tuple(answers)

    def pose(self, question, spelling):  # noqa: ARG002
        return self.answers[spelling]

    def is_evaluated(self, answer):
        return answer is not None

    def value(self, answer, point):
        return answer(point.arrays)

    def matrix_form(self, answer):  # noqa: ARG002
        return True


def right_answer():
    return lambda arrays: arrays["x"] @ (arrays["B"] + arrays["B"].T)


def wrong_answer():
    return lambda arrays: arrays["x"] @ arrays["B"]


def malformed_answer():
    def value(_arrays):
        raise Malformed("sizes 2 and 3")

    return value


def failing():
    raise RuntimeError("no such luck")


def inexpressible():
    raise NotExpressible("no notation")


def endless():
    """Works on, even where it is told once to stop."""
    with suppress(TimeoutError):
        work(10)
    work(10)


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def scripted(limit=20, **answers):
    return judge(Scripted(**answers), CASES["mc-81"], limit)


def test_each_verdict():
    assert scripted(a=right_answer).status == "right"
    assert scripted(a=wrong_answer).status == "wrong"
    assert scripted(a=malformed_answer).status == "wrong"
    assert scripted(a=lambda: None).status == "unevaluated"
    assert scripted(a=inexpressible).status == "not expressible"
    failed = scripted(a=failing)
    assert (failed.status, failed.detail) == ("exception", "RuntimeError: no such luck")
    assert scripted(a=endless, limit=1).status == "no answer"


def test_best_spelling_counts_and_the_wrong_one_is_remembered():
    found = scripted(a=wrong_answer, b=right_answer)
    assert (found.status, found.misleads) == ("right", True)
    found = scripted(a=inexpressible, b=failing)
    assert (found.status, found.misleads) == ("exception", False)


def test_layouts_keep_the_axes_of_a_block_together():
    wanted = np.zeros((2, 3, 4, 5))
    assert {array.shape for array in layouts(wanted, axes=2, order=1)} == {
        (2, 3, 4, 5), (3, 2, 4, 5), (2, 3, 5, 4), (3, 2, 5, 4),
        (4, 5, 2, 3), (5, 4, 2, 3), (4, 5, 3, 2), (5, 4, 3, 2),
    }  # fmt: skip
    assert {array.shape for array in layouts(np.zeros((2, 3)), axes=1, order=2)} == {(2, 3), (3, 2)}


N = sympy.Symbol("n", integer=True, positive=True)
A = sympy.MatrixSymbol("A", N, N)
X = sympy.MatrixSymbol("x", N, 1)
POINT = Point({"n": 3}, {"A": np.arange(9.0).reshape(3, 3), "x": np.array([1.0, 2.0, 4.0])})


def test_values_of_array_expressions():
    a, x = POINT.arrays["A"], POINT.arrays["x"]
    product = ArrayTensorProduct(A, X)
    np.testing.assert_allclose(
        evaluate(ArrayContraction(product, (1, 2)), POINT), (a @ x).reshape(3, 1)
    )
    np.testing.assert_allclose(evaluate(ArrayDiagonal(product, (0, 2)), POINT)[:, 0, :], a.T * x)
    np.testing.assert_allclose(
        evaluate(X.applyfunc(sympy.Lambda(N, N**2)), POINT), (x**2).reshape(3, 1)
    )


def test_shapes_that_do_not_fit_have_no_value():
    # Two sizes that SymPy takes for equal until they are numbers.
    point = Point({"n": 3}, {"A": np.ones((3, 2)), "x": np.ones(3)})
    with pytest.raises(Malformed, match="axes of sizes 2 and 3 are tied"):
        evaluate(ArrayContraction(ArrayTensorProduct(A, X), (1, 2)), point)
    with pytest.raises(Malformed, match="matmul"):
        evaluate(A * X, point)
    with pytest.raises(NotImplementedError, match="a value of Derivative"):
        evaluate(sympy.Derivative(sympy.Determinant(A), A), POINT)


def test_table(capsys):
    peers.main(["--only", "mc-[48][19]", "--peer", "matcalc", "--peer", "sympy", "--failures"])
    lines = capsys.readouterr().out.splitlines()
    assert "sympy: unevaluated  mc-49: det(X)  by X, order 1" in lines
    assert "| | matcalc | sympy |" in lines
    assert "| **right** | 3 | 1 |" in lines
    assert "| left unevaluated | 0 | 1 |" in lines
    assert lines[-3] == "3 cases"
    assert f"sympy {sympy.__version__}" in lines[-1]


def test_missing_package_is_left_out(capsys, monkeypatch):
    def missing(_name):
        raise ImportError("No module named 'tensorgrad'")

    monkeypatch.setattr(peers, "load", missing)
    peers.main(["--only", "mc-49", "--peer", "tensorgrad"])
    out = capsys.readouterr().out
    assert out.startswith("tensorgrad is left out: No module named 'tensorgrad'\n")


@pytest.mark.parametrize("case", ["mc-81", "mc-37", "mc-49", "mc-55-nopinv", "ls-weighted-w"])
def test_tensorgrad_is_right(case):
    assert verdict("tensorgrad", case).status == "right"
