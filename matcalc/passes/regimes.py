"""Where functions behave differently: on either side of a kink, and where they are not nearly constant.

Formulas that agree at some points may differ where no point was: ``relu(x - 10)`` is 0 at all small x,
``sigmoid(1000 x)`` is 0 or 1 to many digits at all that are not. An equation that is only tried has been
tried enough when every argument has been seen in each of its regimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from matcalc.core.expr import Apply, Expr, postorder
from matcalc.ops.elementwise import (
    ABS,
    COSH,
    ERF,
    EXP,
    GELU,
    MAXIMUM,
    MINIMUM,
    RELU,
    SIGMOID,
    SIGN,
    SINH,
    SOFTPLUS,
    STEP,
    TANH,
)
from matcalc.ops.reduction import LOGSUMEXP, NORM1, SOFTMAX
from matcalc.passes import construct
from matcalc.passes.claims import NONNEGATIVE, Claim, reduced
from matcalc.passes.kinks import difference

#: Operations with a kink where an entry of their argument is 0.
KINKED = (ABS, NORM1, RELU, SIGN, STEP)

#: Operations that are constant, or one term of them nothing, to many digits where the argument is large.
SATURATING = (COSH, ERF, EXP, GELU, LOGSUMEXP, SIGMOID, SINH, SOFTMAX, SOFTPLUS, TANH)

#: How large that is.
LARGE = 30


@dataclass(frozen=True)
class Regime:
    """An interval that some entry of an argument is to lie in."""

    argument: Expr
    low: float
    high: float

    @property
    def is_side(self) -> bool:
        """Whether it is one side of a kink."""
        return inf in (-self.low, self.high)

    def said_of(self, argument: str) -> str:
        """``x > 0``: the interval, of the argument as it is printed."""
        if self.is_side:
            return f"{argument} > 0" if self.high == inf else f"{argument} < 0"
        return f"|{argument}| < {self.high:g}"


def regimes(roots: Iterable[Expr]) -> list[Regime]:
    """The regimes of all arguments, but for those that properties exclude."""
    return list(dict.fromkeys(r for node in postorder(*roots) for r in _of_node(node)))


def _of_node(node: Expr) -> Iterator[Regime]:
    if not isinstance(node, Apply):
        return
    if node.op in SATURATING:
        yield Regime(node.args[0], -LARGE, LARGE)
    if node.op in KINKED or node.op in (MAXIMUM, MINIMUM):
        u = node.args[0] if node.op in KINKED else difference(node)
        if reduced(Claim(NONNEGATIVE, (construct.negate(u),))):
            yield Regime(u, 0, inf)
        if reduced(Claim(NONNEGATIVE, (u,))):
            yield Regime(u, -inf, 0)
