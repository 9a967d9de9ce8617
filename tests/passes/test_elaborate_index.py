"""Index notation as input."""

import pytest

from matcalc.core.dim import Dim
from matcalc.errors import ShapeProblem
from matcalc.ops.structural import TIMES
from matcalc.passes.simplify import simplify
from tests.passes.readings import read, shapes


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("f[i] = W[i,j] x[j]", "W x"),
        ("W[i,j] x[j]", "W x"),
        ("y[i] = a[i] b[i]", "a .* b"),
        ("a[i] b[i]", "a' b"),
        ("f = a[i] b[i]", "a' b"),
        ("x[i] y[j]", "x y'"),
        ("A[i,i]", "tr(A)"),
        ("C[i,j] = A[j,i]", "A'"),
        ("A[i,j] B[j,k] C[k,l]", "A B C"),
        ("f[i] = A[i,i]", "diag(A)"),
        ("D[i,j] = x[i] δ[i,j]", "diag(x)"),
        ("f[i] = δ[i,j] x[j]", "x"),
        ("f[i] = exp(x[i])", "exp(x)"),
        ("exp(x[i])", "exp(x)"),
        ("f = exp(x[i])", "sum(exp(x))"),
        ("f[i] = tanh(W[i,j] x[j] + b[i])", "tanh(W x + b)"),
        ("f = (W[i,j] x[j] - y[i])^2", "(W x - y)' (W x - y)"),
        ("f[i] = x[i] + 1", "x + 1"),
        ("f[i] = 1/x[i]", "1 ./ x"),
        ("f[i] = a/2 x[i]", "a/2 x"),
        ("f[i] = x[i] / (y[j] y[j])", "x / (y' y)"),
        ("J[i,k] = s[i] (δ[i,k] - s[k])", "diag(s) - s s'"),
        ("f[i] = norm2(X) x[i]", "norm2(X) x"),
        ("inv(X)[i,j] y[j]", "inv(X) y"),
        ("vec(X)[(j,i)] Y[i,j]", "tr(X Y')"),
        ("kron(A, B)[(i,k),(j,l)] C[j,l]", "A C B'"),
        ("z[i] = W[i,j] x[j]; z' z", "x' W' W x"),
        ("y[(i,j)] = X[j,i]", "vec(X)"),
        ("y[(j,i)] = X[j,i]", "vec(X')"),
        ("Z[(i,k),(j,l)] = A[i,j] B[k,l]", "A ⊗ B"),
        ("z[(i,j)] = x[i] u[j]; z' z", "(x ⊗ u)' (x ⊗ u)"),
        ("y[(i,j)] = A[i,k] B[j,l] x[(k,l)]", "(A ⊗ B) x"),
        ("y[(j,i)] = A[i,k] B[j,l] x[(k,l)]", "(B ⊗ A) commutation(q, n) x"),
        ("b[(i,j)] A[i,k] B[j,l] x[(k,l)]", "b' (A ⊗ B) x"),
        ("Y[c,(i,j)] = X[c,(k,l)] A[k,i] B[l,j]", "X (A ⊗ B)"),
        ("y[(i,j)] = K[(k,l),(i,j)] x[k] u[l]", "K' (x ⊗ u)"),
    ],
)
def test_index_notation_has_the_matrix_form(text: str, matrix: str) -> None:
    assert_same(text, matrix)


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("sum(i, x[i])", "sum(x)"),
        ("sum(i, x[i] y[i] z[i])", "sum(x .* y .* z)"),
        ("sum(i, A[i,i])", "tr(A)"),
        ("sum(i, sum(j, A[i,j] x[i] x[j]))", "x' A x"),
        ("sum(i, x[i]) sum(i, y[i])", "sum(x) sum(y)"),
        ("y[i] = sum(j, A[i,j] x[j])", "A x"),
        ("y[i] = exp(x[i]) / sum(j, exp(x[j]))", "exp(x) / sum(exp(x))"),
        ("f[i] = sum(k, A[i,k]) sum(k, A[k,i] x[i])", "x .* (A ones(n)) .* (A' ones(n))"),
        ("f = log(sum(i, exp(A[i,j] x[j])))", "log(sum(exp(A x)))"),
        ("log(sum(i, exp(A[i,j] x[j])))", "log(sum(exp(A x)))"),
        ("sum(k, a + x[k])", "a n + sum(x)"),
        ("sum(k, x[k]^2 + 1)", "x' x + n"),
        ("m = sum(k, x[k]); m y[i] y[i]", "sum(x) y' y"),
    ],
)
def test_a_sum_says_what_it_runs_over(text: str, matrix: str) -> None:
    assert_same(text, matrix)


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("X[:,1]", "X unit(n, 1)"),
        ("X[2,:]", "unit(m, 2)' X"),
        ("X: (1, n); X[1,:]", "X: (1, n); X"),
        ("X[:,:] x[:]", "X x"),
        ("f[i] = w' X[:,i]", "X' w"),
        ("1/a sum(k, (w' X[:,k] - y[k])^2)", "1/a (X' w - y)' (X' w - y)"),
        ("sum(i, (y[i] - X[i,:] w)^2) + λ ||w||^2", "(y - X w)' (y - X w) + λ ||w||^2"),
        ("sum(i, log(1 + exp(-y[i] w' X[:,i])))", "sum(log(1 + exp(-y .* X' w)))"),
        ("sum(k, max(0, 1 - y[k] w' X[:,k]))", "sum(max(0, 1 - y .* X' w))"),
        ("sum(k, ||W X[:,k] + b||^2)", "tr((W X + b ones(p)') (W X + b ones(p)')')"),
        ("sum(k, norm(X[:,k]))", "sum(sqrt(diag(X' X)))"),
        ("sum(k, ||X[:,k]||_1)", "sum(abs(X))"),
        ("sum(k, X[:,k] X[:,k]')", "X X'"),
        ("sum(k, (X[:,k] - u) (X[:,k] - u)')", "(X - u ones(n)') (X - u ones(n)')'"),
        ("f[i] = (A[i,j] + B[i,j]) (x[j] - y[j])", "(A + B) (x - y)"),
        (
            "sum(k, 1/2 (X[:,k] - u)' S (X[:,k] - u))",
            "1/2 tr((X - u ones(n)')' S (X - u ones(n)'))",
        ),
        ("sum(k, y[k] X[:,k])", "X y"),
        ("sum(k, x[k] A)", "sum(x) A"),
        ("sum(k, <X[:,k], Y[:,k]>)", "tr(X Y')"),
        ("sum(k, tr(A X[:,k] X[:,k]'))", "tr(A X X')"),
        ("sum(k, sum(X[:,k] .* u)^2)", "(X' u)' (X' u)"),
        ("sum(k, mean(X[:,k]) y[k])", "1/m sum(X y)"),
        ("X: (m, m); sum(k, X[k,:] * (A \\ X[:,k]))", "X: (m, m); tr(X A^-1 X)"),
    ],
)
def test_sums_over_slices(text: str, matrix: str) -> None:
    assert_same(text, matrix)


def assert_same(text: str, matrix: str) -> None:
    reading = read(text)
    declared = {name: [str(d) for d in s.axes] for name, s in reading.variables.items()}
    shapes = {} if ":" in matrix else declared
    assert simplify(reading.expr) is simplify(read(matrix, shapes=shapes).expr)
    assert reading.index is None


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("x[1]", "unit(n, 1)' x"),
        ("x[1]^2 + x[2]", "(unit(n, 1)' x)^2 + unit(n, 2)' x"),
        ("X[1,2]", "unit(m, 1)' X unit(n, 2)"),
        ("f[j] = X[1,j]", "X' unit(m, 1)"),
        ("x: 3; x[3]", "unit(3, 3)' x"),
        ("r: (1, n); r[2]", "r: (1, n); r unit(n, 2)"),
        ("a: scalar; a[1]", "a"),
        ("exp(x[1]) x", "exp(unit(n, 1)' x) x"),
        ("(A x)[2]", "unit(m, 2)' A x"),
        ("log(X[1,1] + X[i,i])", "log(unit(n, 1)' X unit(n, 1) + tr(X))"),
        ("f[i] = y[1] x[i]", "x (unit(m, 1)' y)"),
    ],
)
def test_a_fixed_entry_is_a_product_with_unit_vectors(text: str, matrix: str) -> None:
    reading = read(text)
    declared = {name: [str(d) for d in s.shape] for name, s in reading.variables.items()}
    assert simplify(reading.expr) is simplify(read(matrix, shapes=declared).expr)


def test_a_name_with_one_fixed_subscript_is_a_vector() -> None:
    assert shapes("a[1]") == {"a": "n"}
    assert shapes("b[2,2]") == {"b": "m x n"}


def test_subscripts_give_the_kind() -> None:
    assert shapes("W[i] A[i,j]") == {"W": "m", "A": "m x n"}
    assert shapes("a[i] e[i,j]") == {"a": "m", "e": "m x n"}


def test_three_free_indices_have_an_index_form_only() -> None:
    reading = read("T[i,j,k] = x[i] y[j] z[k]")
    assert reading.expr is None
    assert reading.index.dims == (Dim.of("m"), Dim.of("n"), Dim.of("p"))


def test_an_index_summed_within_a_function_is_free_of_the_others() -> None:
    text = "f[i] = tanh(W[i,j] x[j]) tanh(V[i,k] y[k])"
    assert read(text).expr.op is TIMES


def test_a_unit_axis_may_be_subscripted_with_1() -> None:
    assert read("x: n; x[i,1] y[i]").expr is read("x: n; x[i] y[i]").expr


def test_inferred_sizes_avoid_the_indices_of_the_text() -> None:
    assert read("x[n] y[n]").sizes == ("m",)
    assert read("A[m,n] B[n,p]").sizes == ("q", "r", "s")


def test_a_pair_whose_letters_nothing_else_has_is_an_error() -> None:
    with pytest.raises(ShapeProblem) as caught:
        read("D[i,j,k,l] = C[(j,i),(l,k)]", shapes={"C": ("m n", "m n")})
    assert caught.value.problem == "nothing says how far the indices of a pair run"
