"""Every formula of two texts on derivatives in neural networks, asked of matcalc.

*Question*: "Derivative of a vector with respect to a matrix" (Mathematics Stack Exchange), with its three answers.
*Notes*: Wu Xiaojian, "Notes on Matrix Derivative in Neural Network" (2019), equations (1a) to (30).

Both write gradients in numerator layout, ∂L/∂W of shape (n, p), and the notes their transposes ∇_W L. Where they print
something else than they derive, the printed formula is tested as a claim that is false.
"""

import pytest

import matcalc as mc

VECTOR = "W: (n, m); x: m; W x"
ROW = "W: (n, p); x: (1, n); b: (1, p); L: (1, p) -> scalar; z = x W + b; "
LAYER = "W: (p, n); x: n; b: p; W x + b"
LOSS = "L: p -> scalar; W: (p, n); x: n; b: p; z = W x + b; L(z)"
BATCH = "W: (p, n); X: (n, m); b: p; "
LINEAR = BATCH + "Z = W X + b ones(m)'; "
MEAN = "l: p -> scalar; " + LINEAR + "1/m sum(k, l(Z[:,k]))"

#: Number of the formula: text, variable, layout, name to keep, and the answer as it is printed.
DERIVATIVES = {
    "question: a tensor of order 3": (VECTOR, "W", "mixed", None, "D[i,j,k] = δ[i,j] x[k]"),
    "question: vec form": (VECTOR, "W", "vec", None, "x' ⊗ I"),
    "answer 2: outer product in the chain rule": (ROW + "L(z)", "W", "mixed", "z", "x' ∇L(z)"),
    "answer 2: the factor ∂L/∂z": ("L: (1, p) -> scalar; z: (1, p); L(z)", "z", "mixed", None, "∇L(z)"),
    "answer 2: the factor ∂z/∂W": (ROW + "z", "W", "tensor", None, "D[i,j,k] = δ[i,k] x[j]"),
    "answer 3: what it computes, the derivative contracted with ones": (
        "t: scalar; W: (n, m); x: m; (W + t ones(n, m)) x", "t", "mixed", None, "sum(x) ones(n)",
    ),
    "answer 3: x depends on W": (
        "W: (n, m); F: (n, m) -> (m, p); x0: p; W F(W) x0", "W", "mixed", None,
        "D[i,j,k] = δ[i,j] (F(W) x0)[k] + ∂F(W)[l,q,j,k] x0[q] W[i,l]",
    ),
    "(1a)": ("L: n -> scalar; x: n; L(x)", "x", "numerator", None, "∇L(x)'"),
    "(1b)": ("x: scalar -> n; L: scalar; x(L)", "L", "numerator", None, "∂x(L)"),
    "(2)": ("y: n -> m; x: n; y(x)", "x", "numerator", None, "∂y(x)"),
    "(3)": ("L: (m, n) -> scalar; A: (m, n); L(A)", "A", "numerator", None, "∇L(A)'"),
    "(4)": ("L: n -> scalar; y: scalar -> n; t: scalar; L(y(t))", "t", "numerator", None, "∂y(t)' ∇L(y(t))"),
    "(10)": (LOSS, "W", "numerator", None, "x ∇L(W x + b)'"),
    "(11)": (
        "L: p -> scalar; z: (p, n) -> p; W: (p, n); L(z(W))", "W", "mixed", None,
        "D[i,j] = ∂z(W)[k,i,j] ∇L(z(W))[k]",
    ),
    "(12a)": ("L: p -> scalar; z: p; L(z)", "z", "numerator", None, "∇L(z)'"),
    "(12b)": ("z: scalar -> p; w: scalar; z(w)", "w", "numerator", None, "∂z(w)"),
    "(13)": (LAYER, "W", "mixed", None, "D[i,j,k] = δ[i,j] x[k]"),
    "(15)": (LOSS, "W", "numerator", "z", "x ∇L(z)'"),
    "(16)": (LOSS, "W", "mixed", "z", "∇L(z) x'"),
    "(18)": (LOSS, "b", "numerator", "z", "∇L(z)'"),
    "(19)": (LOSS, "b", "mixed", "z", "∇L(z)"),
    "(20)": ("L: p -> scalar; z: n -> p; x: n; L(z(x))", "x", "numerator", None, "∇L(z(x))' ∂z(x)"),
    "(22)": (LAYER, "x", "numerator", None, "W"),
    "(23)": (LOSS, "x", "numerator", "z", "∇L(z)' W"),
    "(24)": (LOSS, "x", "mixed", "z", "W' ∇L(z)"),
    "(27)": (MEAN, "W", "numerator", "Z", "1/m X ∇l(Z)'"),
    "(29)": (MEAN, "W", "mixed", "Z", "1/m ∇l(Z) X'"),
    "(30)": (MEAN, "X", "mixed", "Z", "1/m W' ∇l(Z)"),
}  # fmt: skip

#: Shapes that the texts state.
SHAPES = {
    "question: a tensor of order 3": ("n", "n", "m"),
    "(1a)": (1, "n"),
    "(1b)": ("n", 1),
    "(2)": ("m", "n"),
    "(3)": ("n", "m"),
    "(10)": ("n", "p"),
    "(12a)": (1, "p"),
    "(12b)": ("p", 1),
}

#: Two ways to write the same.
EQUATIONS = {
    "question: index notation": (VECTOR, "f[i] = W[i,j] x[j]"),
    "question: f = I W x": (VECTOR, "eye(n) W x"),
    "question: f = (x' ⊗ I) vec(W)": (VECTOR, "kron(x', eye(n)) vec(W)"),
    "answer 3: (x' 1) 1 is W x at a matrix of ones": (
        "W: (n, m); x: m; ones(n, m) x",
        "(x' ones(m)) ones(n)",
    ),
    "(5)": (BATCH + "W X + b ones(m)'", "Z[i,k] = W[i,j] X[j,k] + b[i] ones(m)[k]"),
    "(6a)": ("Z: (p, m); Z[:,1]", "Z unit(m, 1)"),
    "(6b)": ("b: p; X: (n, m); (b ones(m)')[:,1]", "b"),
    "(7)": (LINEAR + "Z[:,2]", "W X[:,2] + b"),
    "(8)": ("W: (p, n); X: (n, m); b: p; x = X[:,1]; W x + b", "(W X + b ones(m)')[:,1]"),
    "(9)": (LAYER, "z[i] = W[i,j] x[j] + b[i]"),
    "(25)": (LINEAR + "Z", "W X + b ones(m)'"),
    "(26)": ("l: p -> scalar; Z: (p, m); 1/m sum(k, l(Z[:,k]))", "mean(l(Z))"),
    "(28), the entry (i, j) in the sentence before it": ("x: n; g: p; x g'", "D[i,j] = g[j] x[i]"),
    "(28)": ("X: (n, m); G: (p, m); sum(k, X[:,k] G[:,k]')", "X G'"),
}

#: Lines of the derivation in index notation: the right sides in order.
DERIVATIONS = {
    "question: by deltas": (
        VECTOR, "W",
        ["W[i,j] x[j]", "∂W[i,j]/∂W[k,l] x[j]", "δ[i,k] δ[j,l] x[j]", "δ[i,k] x[l]", "δ[i,k] x[l]"],
    ),
    "(13)": (
        LAYER, "W",
        ["W[i,j] x[j] + b[i]", "∂W[i,j]/∂W[k,l] x[j]", "δ[i,k] δ[j,l] x[j]", "δ[i,k] x[l]", "δ[i,k] x[l]"],
    ),
    "(14)": (LOSS, "W", ["∇L(z)[k] δ[i,k] δ[j,l] x[l]", "∇L(z)[i] x[j]"]),
    "(17)": (
        LOSS, "b",
        ["∇L(z)[j] ∂z[j]/∂b[i]", "∇L(z)[j] δ[i,j]", "∇L(z)[i]"],
    ),
    "(21)": (LAYER, "x", ["W[i,j] ∂x[j]/∂x[k]", "W[i,j] δ[j,k]", "W[i,k]", "W"]),
}  # fmt: skip

#: What the texts claim in other words, or wrongly: text, variable, claim, layout, whether it is right.
CLAIMS = {
    "answer 3: (x' 1) 1": (VECTOR, "W", "(x' ones(m)) ones(n)", None, False),
    "(13)": (LAYER, "W", "D[h,i,j] = δ[h,i] x[j]", "tensor", True),
    "(13) as printed, δ_ih x_i": (
        "W: (n, n); x: n; b: n; W x + b", "W", "D[h,i,j] = δ[h,i] x[i] ones(n)[j]", "tensor", False,
    ),
    "(27)": (MEAN, "W", "1/m sum(k, X[:,k] ∇l(Z[:,k])')", "numerator", True),
    "(28) with ∂L/∂Z of the mean": (
        "l: p -> scalar; " + LINEAR + "sum(k, l(Z[:,k]))", "W", "X (1/m ∇l(Z))'", "numerator", False,
    ),
    "(29) with ∂L/∂Z of the mean": (MEAN, "W", "1/m (1/m ∇l(Z)) X'", "denominator", False),
    "(29) with ∂L/∂Z of the mean, and without 1/m": (MEAN, "W", "(1/m ∇l(Z)) X'", "denominator", True),
    "(30) with ∂L/∂Z of the mean": (MEAN, "X", "1/m W' (1/m ∇l(Z))", "denominator", False),
}  # fmt: skip


def printed(d):
    """The answer's right side; an array with its indices."""
    lines = str(d).splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("∂"))
    value = lines[at].partition(" = ")[2]
    return lines[at + 1].strip() if value == "D" else value


@pytest.mark.parametrize("number", DERIVATIVES)
def test_derivatives(number):
    text, wrt, layout, keep, expected = DERIVATIVES[number]
    d = mc.diff(text, wrt, layout=layout, keep=keep)
    assert printed(d) == expected
    assert d.check().ok
    if number in SHAPES:
        assert d.shape == SHAPES[number]


@pytest.mark.parametrize("number", EQUATIONS)
def test_equations(number):
    assert mc.equal(*EQUATIONS[number]).ok


@pytest.mark.parametrize("number", DERIVATIONS)
def test_derivations(number):
    text, wrt, expected = DERIVATIONS[number]
    found = [step.right for step in mc.diff(text, wrt).explain("index")]
    assert [line for line in found if line in expected] == expected


@pytest.mark.parametrize("number", CLAIMS)
def test_claims(number):
    text, wrt, claim, layout, right = CLAIMS[number]
    assert mc.check(text, wrt, claim, layout=layout).ok is right


def test_the_third_answer_is_recognised():
    verdict = mc.check(VECTOR, "W", "(x' ones(m)) ones(n)")
    assert verdict.cause == (
        "it is the derivative summed over all entries of W, contracted with ones"
    )


def test_every_equation_of_the_notes_is_here():
    tables = (DERIVATIVES, EQUATIONS, DERIVATIONS, CLAIMS)
    named = {key.split()[0].rstrip(",") for table in tables for key in table}
    numbers = {*map(str, range(1, 31)), "1a", "1b", "6a", "6b", "12a", "12b"} - {"1", "6", "12"}
    assert {f"({number})" for number in numbers} <= named
