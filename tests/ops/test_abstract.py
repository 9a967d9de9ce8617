"""Functions of which only the shapes are known: by their argument, and by every column of it."""

import pytest

import matcalc as mc
from matcalc.backends.text import format_expr

BATCH = "W: (p, n); X: (n, m); b: p; l: p -> scalar; Z = W X + b ones(m)'; "


def gradient(text, wrt, **options):
    """The answer as printed, its entries having been compared with SymPy's."""
    d = mc.diff(text, wrt, **options)
    report = d.check()
    assert report.ok, report
    assert mc.parse(str(d.expr)) is d.expr
    return format_expr(d.expr)


def test_functions_of_slices_are_functions_of_every_column():
    loop = mc.parse("l: p -> scalar; Z: (p, m); sum(k, l(Z[:,k]))")
    assert loop is mc.parse("l: p -> scalar; Z: (p, m); sum(l(Z))")
    assert mc.parse(str(loop)) is loop


def test_that_a_function_is_taken_of_every_column_is_noted():
    assert mc.diff("l: p -> scalar; Z: (p, m); sum(l(Z))", "Z").notes == [
        "l(Z) is l of every column"
    ]


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        ("W", "1/m ∇l(W X + b ones(1, m)) X'"),
        ("X", "1/m W' ∇l(W X + b ones(1, m))"),
        ("b", "mean(∇l(W X + b ones(1, m)), 2)"),
    ],
)
def test_means_over_samples(wrt, expected):
    assert gradient(BATCH + "1/m sum(k, l(Z[:,k]))", wrt) == expected


@pytest.mark.parametrize(
    ("text", "wrt", "expected"),
    [
        # several arguments, of which some are the same for all columns
        (
            "X: (m, n); W: (p, n); t: p; l: p, p -> scalar; sum(k, l(W X[k,:]', t))",
            "W",
            "∂1l(W X', t) X",
        ),
        (
            "X: (m, n); W: (p, n); t: p; l: p, p -> scalar; sum(k, l(W X[k,:]', t))",
            "t",
            "∂2l(W X', t) ones(m)",
        ),
        # numbers, one for each sample
        (
            "X: (n, m); w: n; y: m; l: scalar, scalar -> scalar; sum(k, l(w' X[:,k], y[k]))",
            "w",
            "X ∂1l(w' X, y')'",
        ),
        ("f: scalar -> scalar; x: n; sum(i, f(x[i]))", "x", "∇f(x')'"),
        # one fixed column
        (
            "l: p -> scalar; Z: (p, m); l(Z[:,1])",
            "Z",
            "∇l(Z unit(m, 1)) unit(m, 1)'",
        ),
    ],
)
def test_what_varies_with_the_slice_is_taken_by_columns(text, wrt, expected):
    assert gradient(text, wrt) == expected


def test_the_hessian_of_a_mean_over_samples():
    assert (
        gradient("l: scalar -> scalar; w: n; X: (n, m); 1/m sum(k, l(w' X[:,k]))", "w", order=2)
        == "1/m X diag(∇²l(w' X)') X'"
    )
    d = mc.diff(BATCH + "1/m sum(k, l(Z[:,k]))", "W", order=2)
    assert str(d).splitlines()[2] == (
        "  D[i,j,k,l] = 1/m ∇²l(W X + b ones(1, m))[i,k,q] X[j,q] X[l,q]"
    )
    assert d.check().ok


def test_functions_with_vectors_for_values():
    d = mc.diff("F: n -> q; X: (n, m); a: q; sum(k, a' F(X[:,k]))", "X")
    assert str(d).splitlines()[1:3] == ["∂f/∂X = D", "  D[i,j] = ∂F(X)[k,i,j] a[k]"]
    assert d.check().ok


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("l: p -> scalar; Z: (q, m); l(Z)", "l takes a vector of length p"),
        ("F: n -> (n, n); Z: (n, m); F(Z)", "F takes a vector of length n"),
        ("l: p, p -> scalar; Z: (p, m); Y: (p, n); l(Z, Y)", "l takes (p, m)"),
        (
            "f: scalar -> scalar; X: (n, m); sum(i, sum(k, f(X[i,k])))",
            "f cannot be mapped over slices",
        ),
    ],
)
def test_what_cannot_be_taken_by_columns_is_refused(text, problem):
    with pytest.raises(mc.MatcalcError) as raised:
        mc.diff(text, "Z" if "Z" in text else "X")
    assert raised.value.problem == problem


@pytest.mark.parametrize("wrt", ["x", "b"])
def test_second_derivatives_have_a_symbol_of_their_own(wrt):
    expected = {"x": "W' ∇²L(W x + b) W", "b": "∇²L(W x + b)"}[wrt]
    assert gradient("L: p -> scalar; W: (p, n); z = W x + b; L(z)", wrt, order=2).endswith(expected)
