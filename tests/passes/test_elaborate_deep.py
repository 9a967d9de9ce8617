"""Deep and long inputs: nothing recurses, nothing grows exponentially."""

import pytest

from matcalc.errors import LimitProblem
from tests.passes.readings import read


def chain(first: str, step: str, last: str, count: int) -> str:
    """Definitions that use each other in turn."""
    steps = [step.format(new=k, old=k - 1) for k in range(1, count + 1)]
    return "; ".join([f"h0 = {first}", *steps, last.format(last=count)])


@pytest.mark.parametrize(
    "text",
    [
        chain("x", "h{new} = tanh(W{new} h{old} + b{new})", "||h{last}||^2", 1000),
        chain("x", "h{new} = W{new} h{old}", "h{last}", 1000),
        chain("a", "h{new} = h{old} h{old}", "h{last}", 200),
        chain("x", "h{new} = h{old} + h{old}", "h{last}", 200),
        "(" * 1000 + "x" + ")" * 1000,
        "tanh(" * 1000 + "x" + ")" * 1000,
        "(x + " * 1000 + "y" + ")" * 1000,
        "x" + "'" * 5000,
        " + ".join(f"A{k} x{k}" for k in range(3000)),
        " ".join(f"A{k}" for k in range(3000)),
        " * ".join(f"A{k}" for k in range(3000)),
        " .* ".join(f"x{k}" for k in range(3000)),
        "f[i] = " + "tanh(" * 300 + "W[i,j] x[j]" + ")" * 300,
        "f[i] = " + " + ".join(f"W{k}[i,j] x{k}[j]" for k in range(300)),
    ],
    ids=range(14),
)
def test_deep_and_long_inputs(text: str) -> None:
    assert read(text).expr is not None


@pytest.mark.parametrize(
    "text",
    [
        chain("A", "h{new} = kron(h{old}, h{old})", "h{last}", 60),
        "f[i,j,k] = " + " ".join(["(A[i,j] b[k] + c[i] D[j,k])"] * 40),
        "A^1001",
    ],
)
def test_limits(text: str) -> None:
    with pytest.raises(LimitProblem):
        read(text)
