"""``matcalc check`` and ``matcalc equal``."""

import json


def test_right_claim(run):
    assert run("check", "x' A x", "x", "2 A x", "--assume", "A: symmetric") == (
        0,
        (
            "true: the derivative of f = x' A x by x is 2 A x\n"
            "  in mixed, denominator and tensor layout\n"
            "  entries agree with SymPy's for n = 3, compared symbolically;"
            " the same normal form as matcalc's own answer\n"
        ),
        "",
    )


def test_wrong_claim(run):
    assert run("check", "x' A x", "x", "2 A x") == (
        1,
        (
            "false: the derivative of f = x' A x by x is (A + A') x\n"
            "  true only if A is symmetric\n"
            "  for n = 2, A = [[0, 1], [0, 0]], x = [1, 0]:"
            " entry 2 is 0 in the claim and 1 in the derivative\n"
        ),
        "",
    )


def test_claim_of_the_wrong_shape(run):
    code, out, err = run("check", "W x", "W", "x'")
    assert (code, err) == (1, "")
    assert out.startswith(
        "false: the claim is a row of length n, and the derivative is an array of"
    )


def test_claim_options(run):
    claim = ["check", "log(det(X))", "X", "-", "--shapes", "X: (n, n)"]
    assert run(*claim, stdin="X^-1")[0] == 0
    assert run(*claim, "--layout", "mixed", stdin="X^-1")[0] == 1
    assert run("check", "x' x", "x", "2 I", "--order", "2")[0] == 0
    gradient = ["check", "tr(A X)", "X", "(A + A')/2", "--assume", "X: symmetric"]
    assert run(*gradient, "--structured", "tangent")[0] == 0
    assert run(*gradient)[0] == 1


def test_claim_as_json(run):
    code, out, _ = run("check", "x' A x", "x", "2 A x", "--format", "json")
    found = json.loads(out)
    assert (code, found["ok"], found["cause"]) == (1, False, "true only if A is symmetric")
    assert found["answer"]["expr"] == "(A + A') x"


def test_unreadable_claim(run):
    code, out, err = run("check", "x' A x", "x", "2 B x")
    assert (code, out) == (2, "")
    assert err.splitlines()[1:3] == ["  2 B x", "    ^"]


def test_equal_expressions(run):
    assert run("equal", "tr(A B)", "tr(B A)")[0] == 0
    code, out, _ = run("equal", "(A B)'", "A' B'", "--shapes", "A, B: (n, n)")
    assert code == 1
    assert out.splitlines()[:2] == ["false: (A B)' = A' B'", "  true if A and B commute"]
