"""Arrays that are written in place: never over what another result is, or is a view of."""

import numpy as np
import pytest

from matcalc.codegen.arguments import Names
from matcalc.codegen.arrays import embed
from matcalc.codegen.cases import write_cases
from matcalc.codegen.choose import Case, Condition
from matcalc.codegen.dialects import NUMPY
from matcalc.codegen.writer import Writer
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Symbol
from matcalc.ops.structural import ADD, MATMUL, TRANSPOSE

n, k = Dim.of("n"), Dim.of("k")
B, C = Symbol("B", (n, k)), Symbol("C", (k, n))
x, z = Symbol("x", (n, ONE)), Symbol("z", (n, ONE))
A = MATMUL(B, C)

on_diagonal = embed("i", "ii", (n, n))


def body(*ways):
    """The lines of a function that returns the first of two tuples where n < k."""
    cases = [Case(Condition("n", ("k",)), ways[0]), Case(None, ways[-1])][-len(ways) :]
    writer = Writer(NUMPY, Names(), {symbol: symbol.name for symbol in (B, C, x, z)})
    widths = [48] * len(ways[0])
    return write_cases(
        writer, cases, widths, lambda codes: [f"return {', '.join(code.text for code in codes)}"]
    )


def values(lines, arrays):
    text = "\n    ".join(["def f(B, C, x, z):", "n, k = B.shape", *lines])
    namespace = {"np": np}
    exec(text, namespace)
    return namespace["f"](**arrays)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(
    ("first", "rest", "computed"),
    [
        (A, [TRANSPOSE(A)], lambda A, d: (A + d, A.T)),
        (A, [A], lambda A, d: (A + d, A)),
        (A, [], lambda A, d: (A + d,)),
        (TRANSPOSE(A), [A], lambda A, d: (A.T + d, A)),
        (ADD(A, TRANSPOSE(A)), [A], lambda A, d: (A + A.T + d, A)),
        (A, [on_diagonal(x, A), A], lambda A, d: (A + d, None, A)),
    ],
)
def test_what_is_computed_before_the_sizes_decide_is_not_written_to(first, rest, computed, k):
    rng = np.random.default_rng(k)
    shapes = {"B": (2, k), "C": (k, 2), "x": 2, "z": 2}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    lines = body((on_diagonal(x, first), *rest), (on_diagonal(z, first), *rest))
    found = values(lines, arrays)
    found = found if rest else (found,)
    diagonal = np.diag(arrays["x" if k > 2 else "z"])
    for value, wanted in zip(found, computed(arrays["B"] @ arrays["C"], diagonal), strict=False):
        if wanted is not None:
            np.testing.assert_allclose(value, wanted)


def test_what_has_no_other_user_is_written_to():
    assert body((on_diagonal(x, A),)) == [
        "t1 = B @ C",
        "i = np.arange(n)",
        "t1[i, i] += x",
        "return t1",
    ]
