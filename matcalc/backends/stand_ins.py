"""The simplest functions in the places of abstract ones: a sum of entries, half a sum of squares.

A counterexample with ``L(t) = sum(t)`` says more than one with a polynomial of high degree; where a claim
is wrong for all functions, it mostly is for these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from matcalc.backends.refute import Dispute
from matcalc.backends.sympy_abstract import primitive
from matcalc.core.expr import Apply, Expr, postorder, rebuilt
from matcalc.core.operation import Operation
from matcalc.ops.reduction import SUM, SUM_1
from matcalc.passes.build import ones, scaled, times


@dataclass(frozen=True)
class StandIn:
    """A function that may stand for an abstract one of one argument.

    Attributes:
        text: the function of an array ``t``.
        of_number: the function of a number.
        summed: what its value is the sum of the entries of.
        gradient: its gradient, in the shape of the argument.
    """

    text: str
    of_number: str
    summed: Callable[[Expr], Expr]
    gradient: Callable[[Expr], Expr]


LINEAR = StandIn("sum(t)", "t", lambda u: u, lambda u: ones(u.shape))
QUADRATIC = StandIn(
    "1/2 sum(t.^2)", "1/2 t^2", lambda u: scaled(Fraction(1, 2), times(u, u)), lambda u: u
)


def with_stand_ins(dispute: Dispute) -> Iterator[tuple[Dispute, tuple[str, ...]]]:
    """The dispute with simple functions for all abstract ones, and what these are; the simplest first."""
    nodes = [
        node
        for node in postorder(*dispute.roots)
        if isinstance(node, Apply) and node.op.is_abstract
    ]
    for chosen in (LINEAR, QUADRATIC) if nodes else ():
        if all(_value(node.op, node.args[0], chosen) is not None for node in nodes):
            names = {primitive(node.op)[0]: None for node in nodes}
            texts = tuple(_text(function, chosen) for function in names)
            yield _replaced(dispute, chosen), texts


def _value(op: Operation, argument: Expr, chosen: StandIn) -> Expr | None:
    """A function of one argument with scalar values, or its gradient; None for anything else."""
    function, positions = primitive(op)
    if len(function.domain_shapes) != 1 or any(not dim.is_unit for dim in function.codomain):
        return None
    if not positions:
        return (SUM if op.on_column is None else SUM_1)(chosen.summed(argument))
    return chosen.gradient(argument) if len(positions) == 1 else None


def _text(function: Operation, chosen: StandIn) -> str:
    is_number = all(dim.is_unit for dim in function.domain_shapes[0])
    return f"{function.name}(t) = {chosen.of_number if is_number else chosen.text}"


def _replaced(dispute: Dispute, chosen: StandIn) -> Dispute:
    def put(e: Expr) -> Expr:
        done: dict[Expr, Expr] = {}
        for node in postorder(e):
            value = None
            if isinstance(node, Apply) and node.op.is_abstract:
                value = _value(node.op, done[node.args[0]], chosen)
            done[node] = rebuilt(node, done) if value is None else value
        return done[e]

    question = dispute.question and (put(dispute.question[0]), *dispute.question[1:])
    claim, answer = dispute.claim.mapped(put), dispute.answer.mapped(put)
    return replace(dispute, claim=claim, answer=answer, question=question)
