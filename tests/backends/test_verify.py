from fractions import Fraction

import mpmath
import pytest
import sympy

import matcalc as mc
from matcalc.backends.verify import check_derivative, choose_sizes
from matcalc.core.dim import ONE, SCALAR, Dim
from matcalc.core.expr import Constant, Size, Symbol
from matcalc.core.index import Composite, Index, IndexExpr
from matcalc.errors import CheckProblem, ShapeProblem
from matcalc.ops.abstract import abstract_function, partial_derivative
from tests.backends.sympy_cases import A, B, X, Y, a, index, inv, m, n, ops, prod, t, total, x, y

i, j, k, l = (Index(n) for _ in range(4))
quadratic = prod(t(x), A, x)
gradient = index(k, terms=[(1, [(A, (k, j)), (x, (j,))]), (1, [(A, (j, k)), (x, (j,))])])


def diag(e):
    return ops["diag"](e)


def power(e, exponent):
    return ops["power"](e, Constant(exponent))


def ones(dim):
    return ops["ones"](Size(dim), Size(ONE))


inverse_by_x = index(i, j, k, l, terms=[(-1, [(inv(X), (i, k)), (inv(X), (l, j))])])
norm = ops["norm2"](prod(B, x))
tanh = ops["tanh"](prod(B, x))
gram = inv(prod(t(Y), Y))

RIGHT = {
    "x'Ax": (quadratic, x, 1, gradient, "symbolically"),
    "x'Ax, matrix form": (quadratic, x, 1, prod(total(A, t(A)), x), "symbolically"),
    "x'Ax twice": (quadratic, x, 2, total(A, t(A)), "symbolically"),
    "x'Ax three times": (quadratic, x, 3, index(i, j, k, terms=[]), "symbolically"),
    "Bx": (prod(B, x), x, 1, B, "symbolically"),
    "det": (ops["det"](X), X, 1, prod(ops["det"](X), t(inv(X))), "symbolically"),
    "logdet": (ops["logdet"](X), X, 1, t(inv(X)), "in exact rational arithmetic"),
    "logdet twice": (
        ops["logdet"](X), X, 2, index(i, j, k, l, terms=[(-1, [(inv(X), (l, i)), (inv(X), (j, k))])]),
        "in exact rational arithmetic",
    ),
    "inv": (inv(X), X, 1, inverse_by_x, "in exact rational arithmetic"),
    "norm": (norm, x, 1, prod(power(norm, -1), t(B), B, x), "to 50 digits"),
    "tanh": (
        tanh, x, 1, prod(diag(total(ones(m), prod(-1, power(tanh, 2)))), B), "to 50 digits"
    ),
    "relu": (
        ops["relu"](prod(B, x)), x, 1, prod(diag(ops["step"](prod(B, x))), B),
        "in exact rational arithmetic",
    ),
    "max": (
        ops["max"](prod(B, x)), x, 1, prod(t(B), ops["argmax"](prod(B, x))),
        "in exact rational arithmetic",
    ),
    "projector": (
        ops["tr"](prod(A, gram)), Y, 1,
        prod(-1, Y, gram, total(A, t(A)), gram), "in exact rational arithmetic",
    ),
    "log of a form": (
        ops["log"](quadratic), x, 1, prod(power(quadratic, -1), total(A, t(A)), x),
        "in exact rational arithmetic",
    ),
    "asin": (ops["asin"](a), a, 1, ops["power"](
        total(Constant(1), prod(-1, power(a, 2))), Constant(Fraction(-1, 2))), "to 50 digits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_derivative_is_accepted(case):
    f, wrt, order, answer, method = RIGHT[case]
    report = check_derivative(f, wrt, order, answer)
    assert (report.ok, report.method) == (True, method)
    assert report.counterexample is None
    assert report.points == (0 if method == "symbolically" else 2)
    assert len(set(report.sizes.values())) == len(report.sizes)


def scaled(answer, factor):
    if isinstance(answer, IndexExpr):
        terms = tuple(term.replace(coefficient=term.coefficient * factor) for term in answer.terms)
        return IndexExpr(answer.free, terms)
    return prod(factor, answer)


@pytest.mark.parametrize("factor", [-1, 2])
@pytest.mark.parametrize("case", [case for case in RIGHT if case != "x'Ax three times"])
def test_a_wrong_sign_or_factor_is_refuted(case, factor):
    f, wrt, order, answer, _ = RIGHT[case]
    report = check_derivative(f, wrt, order, scaled(answer, factor))
    assert report.ok is False
    wrong = report.counterexample
    assert abs(wrong.found - factor * wrong.expected) < 1e-40 * max(1, abs(wrong.expected))


REFUTED = {
    "transposed": (ops["logdet"](X), X, 1, inv(X)),
    "a term is missing": (quadratic, x, 1, prod(2, A, x)),
    "transposed in index notation": (
        inv(X), X, 1, index(i, j, k, l, terms=[(-1, [(inv(X), (i, l)), (inv(X), (k, j))])]),
    ),
    "zero": (ops["logdet"](X), X, 1, ops["zeros"](Size(n), Size(n))),
    "wrong order of a product": (ops["tr"](prod(A, X, X)), X, 1, prod(2, t(X), t(A))),
    "only true for 2 x 2": (ops["det"](X), X, 1, total(
        prod(ops["tr"](X), ops["eye"](Size(n))), prod(-1, t(X)))),
    "an irrational factor": (ops["exp"](a), a, 1, ops["exp"](prod(1 + 1e-12, a))),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUTED)
def test_a_wrong_derivative_is_refuted(case):
    assert check_derivative(*REFUTED[case]).ok is False


def test_the_counterexample_can_be_recomputed():
    wrong = check_derivative(quadratic, x, 1, prod(2, A, x)).counterexample
    A_, x_ = (sympy.Matrix(wrong.point[name]) for name in "Ax")
    (row,) = wrong.index
    assert wrong.expected == ((A_ + A_.T) * x_)[row - 1]
    assert wrong.found == (2 * A_ * x_)[row - 1]


def test_the_counterexample_is_small():
    report = check_derivative(prod(B, x), x, 1, prod(2, B))
    assert report.sizes == {"m": 2, "n": 2}
    assert all(
        abs(e) <= 4 and e.is_Integer for e in sympy.flatten(report.counterexample.point["B"])
    )


def test_reports_read_as_sentences():
    good = check_derivative(quadratic, x, 1, gradient)
    assert str(good) == "entries agree with SymPy's for n = 3, compared symbolically"
    points = check_derivative(ops["logdet"](X), X, 1, t(inv(X)))
    assert str(points) == (
        "entries agree with SymPy's for n = 3, compared in exact rational arithmetic"
        " at 2 random points"
    )
    bad = check_derivative(power(a, 2), a, 1, a)
    assert str(bad).startswith("the value is ")
    assert str(bad).endswith(", in exact rational arithmetic")


# --------------------------------------------------------------------------- layouts and sizes


def test_axes_say_how_a_matrix_form_is_laid_out():
    numerator = ((1,), (0,))
    assert check_derivative(ops["logdet"](X), X, 1, inv(X), axes=numerator).ok
    assert check_derivative(ops["logdet"](X), X, 1, t(inv(X)), axes=numerator).ok is False


def test_a_vec_form_has_composite_axes():
    vec = prod(-1, ops["kron"](t(inv(X)), inv(X)))
    assert check_derivative(inv(X), X, 1, vec, axes=((1, 0), (3, 2))).ok
    assert check_derivative(inv(X), X, 1, vec, axes=((0, 1), (2, 3))).ok is False


def test_composite_indices_in_an_answer():
    p, q = Index(m), Index(n)
    stacked = ops["vec"](B)
    answer = index(p, q, terms=[(1, [(stacked, (Composite((q, p)),))])])
    assert check_derivative(prod(a, B), a, 1, answer).ok


def test_sizes_are_changed_where_all_matrices_are_singular():
    """With m = 3, n = 2 the product Y Y' is singular."""
    for product, derivative in (
        (prod(Y, t(Y)), prod(2, inv(prod(Y, t(Y))), Y)),
        (prod(t(Y), Y), prod(2, Y, inv(prod(t(Y), Y)))),
    ):
        assert check_derivative(ops["logdet"](product), Y, 1, derivative).ok


def test_large_determinants_are_followed():
    """Written out in its 25 entries, a determinant has 120 terms."""
    report = check_derivative(ops["logdet"](X), X, 1, t(inv(X)), sizes={"n": 5})
    assert (report.ok, report.method) == (True, "in exact rational arithmetic")
    large = Symbol("L", (Dim.of(7), Dim.of(7)))
    assert check_derivative(ops["logdet"](large), large, 1, t(inv(large))).ok


def test_another_shape_is_an_error():
    with pytest.raises(
        ShapeProblem, match=r"the derivative has the shape \(m, n\), the answer is \(n, m\)"
    ):
        check_derivative(prod(B, x), x, 1, t(B))
    with pytest.raises(ShapeProblem):
        check_derivative(quadratic, x, 1, index(i, j, terms=[]))


def test_sizes_are_small_and_different_and_can_be_given():
    assert next(choose_sizes([Y], [m, n, m])) == {"m": 3, "n": 2}
    assert next(choose_sizes([Y], [m, n] * 5)) == {"m": 2, "n": 3}
    assert next(choose_sizes([A, Size(Dim.of("p"))], [])) == {"n": 3, "p": 4}
    assert check_derivative(quadratic, x, 1, gradient, sizes={"n": 4}).sizes == {"n": 4}


# ------------------------------------------------------------------------ structured variables

S = Symbol("S", (n, n), ["symmetric"])
K = Symbol("K", (n, n), ["skew"])


def off_diagonal_doubled(G):
    return total(prod(2, G), prod(-1, ops["times"](G, ops["eye"](Size(n)))))


def test_conventions_for_a_symmetric_variable():
    f, G = ops["logdet"](S), inv(S)
    assert check_derivative(f, S, 1, G).ok
    assert check_derivative(f, S, 1, G, structured="tangent").ok
    assert check_derivative(f, S, 1, off_diagonal_doubled(G), structured="independent").ok
    assert check_derivative(f, S, 1, G, structured="independent").ok is False


def test_the_ambient_derivative_is_not_projected():
    f = ops["tr"](prod(A, S))
    assert check_derivative(f, S, 1, t(A)).ok
    assert check_derivative(f, S, 1, t(A), structured="tangent").ok is False
    symmetric = prod(Constant(Fraction(1, 2)), total(A, t(A)))
    assert check_derivative(f, S, 1, symmetric, structured="tangent").ok


def test_conventions_for_a_skew_variable():
    f = ops["tr"](prod(A, K))
    difference = total(t(A), prod(-1, A))
    assert check_derivative(f, K, 1, difference, structured="independent").ok
    half = prod(Constant(Fraction(1, 2)), difference)
    assert check_derivative(f, K, 1, half, structured="tangent").ok


def test_a_form_that_holds_at_structured_points_only():
    Q = Symbol("Q", (n, n), ["orthogonal"])
    assert check_derivative(prod(t(x), t(Q), Q, x), x, 1, prod(2, x)).ok
    assert check_derivative(prod(t(x), S, x), x, 1, prod(2, S, x)).method == "symbolically"


def test_orthogonal_variables_have_no_linear_structure():
    Q = Symbol("Q", (n, n), ["orthogonal"])
    report = check_derivative(ops["tr"](Q), Q, 1, ops["eye"](Size(n)), structured="tangent")
    assert report.ok is None
    assert "orthogonal matrices are not a linear space" in report.reason


# ------------------------------------------------------------------------ points and large cases


def test_points_are_found_in_the_domain():
    """A logarithm of a root of a difference: most random points are outside."""
    inner = total(Constant(1), prod(-1, t(x), x))
    f = ops["log"](ops["sqrt"](inner))
    assert check_derivative(f, x, 1, prod(-1, power(inner, -1), x)).ok


def test_nothing_is_claimed_where_there_is_no_point():
    negative = prod(-1, t(x), x)
    report = check_derivative(ops["log"](negative), x, 1, prod(2, power(prod(t(x), x), -1), x))
    assert report.ok is None
    assert str(report).startswith("not decided: no suitable point was found: a value is ")


def network(depth):
    z = x
    factors = []
    for _ in range(depth):
        z = ops["tanh"](prod(A, z))
        slope = total(ones(n), prod(-1, power(z, 2)))
        factors = [diag(slope), A, *factors]
    return z, prod(*factors)


def test_a_deep_network_is_followed_along_lines():
    z, jacobian = network(8)
    assert check_derivative(z, x, 1, jacobian, sizes={"n": 2}).ok
    wrong = check_derivative(z, x, 1, prod(-1, jacobian), sizes={"n": 2})
    assert (wrong.ok, wrong.method) == (False, "to 50 digits")


def test_second_derivatives_are_followed_along_two_lines():
    z = prod(Constant(Fraction(1, 64)), quadratic)
    for _ in range(18):
        z = ops["tanh"](z)
    wrong = check_derivative(z, x, 2, total(A, t(A)), sizes={"n": 2}).counterexample
    A_, x_ = (sympy.Matrix(wrong.point[name]) for name in "Ax")

    def chain(s):
        for _ in range(18):
            s = mpmath.tanh(s)
        return s

    with mpmath.workdps(60):
        at = (x_.T * A_ * x_)[0, 0] / 64
        slope, curvature = (mpmath.diff(chain, mpmath.mpf(at.p) / at.q, k) for k in (1, 2))
    v = (A_ + A_.T) * x_ / 64
    expected = sympy.Float(curvature, 50) * v * v.T + sympy.Float(slope, 50) * (A_ + A_.T) / 64
    place = tuple(k - 1 for k in wrong.index)
    assert abs(wrong.expected) > 1e-12
    assert abs(expected[place] - wrong.expected) < 1e-40


def test_what_is_too_large_is_not_decided():
    z, jacobian = network(160)
    report = check_derivative(z, x, 1, jacobian)
    assert report.ok is None
    assert "too large to be followed" in report.reason
    assert (
        check_derivative(X, X, 6, ops_zero(14)).reason == "an array of 16384 entries is too large"
    )


def ops_zero(axes):
    return index(*(Index(n) for _ in range(axes)), terms=[])


def test_a_point_on_a_kink_is_not_used():
    """At every point the step function's argument is 0."""
    f = ops["relu"](total(prod(t(x), x), prod(-1, t(x), x)))
    assert check_derivative(f, x, 1, prod(Constant(0), x)).ok


def test_a_matrix_function_is_followed_along_lines():
    f = ops["tr"](ops["sinm"](X))
    report = check_derivative(f, X, 1, t(ops["cosm"](X)))
    assert str(report) == (
        "entries agree with SymPy's for n = 3, compared to 50 digits at 2 random points"
    )
    assert check_derivative(f, X, 1, ops["cosm"](X)).ok is False


def test_an_operation_without_image_is_named():
    S = Symbol("S", (n, n), ["symmetric"])
    report = check_derivative(ops["eigval"](S, Constant(0)), S, 1, S)
    assert str(report) == "not decided: eigval has no SymPy image for n = 3"


def test_a_matrix_function_of_constants_is_a_constant():
    e = ops["expm"](A)
    assert (
        check_derivative(prod(t(x), e, x), x, 1, prod(total(e, t(e)), x)).method == "to 50 digits"
    )


def test_nothing_depends_on_sympys_matrix_derivative(monkeypatch):
    def refuse(*_):
        raise AssertionError("MatrixExpr.diff is no witness")

    monkeypatch.setattr(sympy.MatrixExpr, "diff", refuse)
    assert check_derivative(ops["logdet"](X), X, 1, t(inv(X))).ok
    assert check_derivative(prod(t(y), B, x), x, 1, prod(t(B), y)).ok


# ---------------------------------------------------------------------------- abstract functions

L = abstract_function("L", ((m, ONE),), SCALAR)
F = abstract_function("F", ((m, ONE),), (n, ONE))
G = abstract_function("G", ((m, ONE), (n, ONE)), SCALAR)
grad_l = partial_derivative(L, 0)
hess_l = partial_derivative(grad_l, 0)
affine = total(prod(B, x), y)
r, s = Index(m), Index(m)
second_f = partial_derivative(partial_derivative(F, 0), 0)

ABSTRACT = {
    "gradient": (L(affine), x, 1, prod(t(B), grad_l(affine))),
    "Hessian": (L(affine), x, 2, prod(t(B), hess_l(affine), B)),
    "Jacobian": (F(affine), x, 1, prod(partial_derivative(F, 0)(affine), B)),
    "three axes": (
        F(y), y, 2, index(i, r, s, terms=[(1, [(second_f(y), (i, r, s))])]),
    ),
    "of two arguments": (
        G(affine, x), x, 1, total(
            prod(t(B), partial_derivative(G, 0)(affine, x)), partial_derivative(G, 1)(affine, x)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ABSTRACT)
def test_a_derivative_with_an_abstract_function_is_accepted(case):
    report = check_derivative(*ABSTRACT[case])
    assert (report.ok, report.method) == (True, "in exact rational arithmetic")
    assert report.reason == f"{ABSTRACT[case][0].op.name} taken as a random polynomial"


@pytest.mark.parametrize("case", ABSTRACT)
def test_a_wrong_one_is_refuted(case):
    f, wrt, order, answer = ABSTRACT[case]
    if isinstance(answer, IndexExpr):
        wrong = index(*answer.free, terms=[(2, [(second_f(y), answer.free)])])
    else:
        wrong = prod(2, answer)
    assert check_derivative(f, wrt, order, wrong).ok is False


def test_derivatives_of_an_abstract_function_are_taken_at_the_right_place():
    assert check_derivative(L(affine), x, 1, prod(t(B), grad_l(prod(B, x)))).ok is False
    other = abstract_function("K", ((m, ONE),), SCALAR)
    wrong = prod(t(B), partial_derivative(other, 0)(affine))
    assert check_derivative(L(affine), x, 1, wrong).ok is False


# -------------------------------------------------------------------------------- broken answers


def test_an_index_at_another_axis_is_a_defect():
    p = Index(m)
    answer = index(k, terms=[(1, [(A, (k, p)), (y, (p,))])])
    with pytest.raises(CheckProblem) as caught:
        check_derivative(quadratic, x, 1, answer)
    assert str(caught.value) == (
        "error: the answer addresses (n, n) by indices over (n, m)\n"
        "  in the factor A: (n, n); A\n"
        "  help: this is a defect of matcalc: please report it"
    )


def test_a_skew_matrix_of_odd_size_is_singular():
    report = check_derivative(prod(t(x), inv(K), x), x, 1, prod(Constant(0), x))
    assert (report.ok, report.sizes) == (True, {"n": 4})


def test_many_sizes_share_small_numbers():
    dims = [Dim.of(f"n_{k}") for k in range(300)]
    sizes = next(
        choose_sizes([Symbol(f"b_{k}", (dim, ONE)) for k, dim in enumerate(dims)], dims[:1])
    )
    assert sizes["n_0"] == 3
    assert set(sizes.values()) == {2, 3, 4, 5, 6}


def test_an_array_that_is_too_large_is_never_made():
    large = Dim.of(10**9)
    x, A = Symbol("x", (large, ONE)), Symbol("A", (large, large))
    report = check_derivative(prod(t(x), A, x), x, 1, prod(total(A, t(A)), x))
    assert report.reason == f"an array of {10**18} entries is too large"


#: Answers that a rule wrong on one side of a kink would give, at 12 seeds each.
WRONG_ON_ONE_SIDE = {
    "abs' = 1": (ops["abs"](a), a, Constant(1)),
    "abs' = 1, in a sum": (ops["sum"](ops["abs"](x)), x, ones(n)),
    "relu' = 1": (ops["relu"](a), a, Constant(1)),
    "relu' = 0": (ops["relu"](a), a, Constant(0)),
    "relu' = 0, far away": (ops["relu"](total(a, Constant(-10))), a, Constant(0)),
    "sqrt(u^2) = u": (power(power(a, 2), Fraction(1, 2)), a, Constant(1)),
}


@pytest.mark.parametrize("case", WRONG_ON_ONE_SIDE)
def test_an_answer_that_is_wrong_on_one_side_of_a_kink_is_refuted(case):
    f, wrt, answer = WRONG_ON_ONE_SIDE[case]
    assert all(check_derivative(f, wrt, 1, answer, seed=seed).ok is False for seed in range(12))


def test_a_side_of_a_kink_that_no_point_was_on_is_named():
    f = ops["relu"](total(ops["cos"](a), Constant(-2)))
    report = check_derivative(f, a, 1, Constant(0))
    assert report.ok
    assert report.reason == "no point was found where cos(a) - 2 > 0"


def test_kronecker_products_of_four_sizes_are_decided():
    """At four different sizes the vec form has arrays of more entries than are written out."""
    report = mc.diff("A: (m, n); X: (p, q); A ⊗ X", "X").check()
    assert report.is_proof
    assert sorted(report.sizes) == ["m", "n", "p", "q"]
