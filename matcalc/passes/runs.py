"""Runs of arguments: when a sum or a product inside another one is written out in it.

Associative operations are flat, ``A B C`` and not ``A (B C)``, but only up to a length. What is built
up layer by layer, ``h2 = h1 + u1; h3 = h2 + u2; ...``, and definitions which use each other twice,
``b = a a; c = b b; ...``, stay a graph: written out they would have arguments in the square of the number of
layers, or exponentially many.
"""

from __future__ import annotations

from matcalc.core.expr import Expr
from matcalc.core.operation import Operation

#: Longest run that is put into another one.
LONGEST_RUN = 16


def pieces(op: Operation, e: Expr) -> tuple[Expr, ...]:
    """What ``e`` contributes to a run of ``op``: its own arguments, or itself."""
    return e.args if is_open(op, e) else (e,)


def is_open(op: Operation, e: Expr) -> bool:
    """Whether ``e`` is an application of the operation that is taken apart."""
    return e.op is op and len(e.args) <= LONGEST_RUN


def in_blocks(op: Operation, args: tuple[Expr, ...]) -> Expr:
    """An associative operation of many arguments as a tree of short runs.

    What stands before and after each argument is then shared: the derivatives of a product of k factors
    take a number of steps in proportion to k.
    """
    while len(args) > LONGEST_RUN:
        width = LONGEST_RUN // 2
        runs = (args[start : start + width] for start in range(0, len(args), width))
        args = tuple([run[0] if len(run) == 1 else op(*run) for run in runs])
    return op(*args)
