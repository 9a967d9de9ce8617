"""Copies of rows, columns and numbers, which array libraries make of themselves.

``A - m ones(1, n)`` is ``A - m[:, None]``: a term or factor that repeats a column is written as the
column, as long as the others bring the axis along which it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, found_bottom_up
from matcalc.core.operation import Operation
from matcalc.ops.constant import ONES
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES


class Repeated(Enum):
    """What a term or factor repeats."""

    NOTHING = auto()
    NUMBER = auto()
    ROW = auto()
    COLUMN = auto()


@dataclass(frozen=True, slots=True)
class Operand:
    """A term or a factor: ``coefficient`` times copies of ``part``."""

    part: Expr
    repeated: Repeated = Repeated.NOTHING
    coefficient: Fraction = Fraction(1)

    @property
    def is_line(self) -> bool:
        """Whether a row or a column is repeated."""
        return self.repeated in (Repeated.ROW, Repeated.COLUMN)


def broadcasts(node: Apply) -> bool:
    """Whether its arguments need not have the shape of the whole."""
    several = node.op.elementwise and len(node.args) > 1 and node.op is not POWER
    return several or node.op in (ADD, TIMES)


def operands(node: Apply) -> list[Operand]:
    """The arguments of an operation that broadcasts, each as what it repeats."""
    if not node.is_scalar:
        found = [_operand(arg) for arg in node.args]
        if node.op not in (ADD, TIMES):
            # Only these take coefficients and numbers out of their arguments.
            found = [
                operand if operand.is_line and operand.coefficient == 1 else Operand(arg)
                for operand, arg in zip(found, node.args, strict=True)
            ]
        ways = [o.repeated for o, arg in zip(found, node.args, strict=True) if not arg.is_scalar]
        if Repeated.NOTHING in ways or (Repeated.ROW in ways and Repeated.COLUMN in ways):
            return found
    return list(map(Operand, node.args))


def _operand(e: Expr) -> Operand:
    """What a term or a factor repeats."""
    # Products nest as deep as they are long.
    return found_bottom_up(e, _operand, _repeating, _copies) or Operand(e)


def _repeating(e: Expr) -> list[Expr]:
    """The factors that decide whether a product repeats something."""
    if not isinstance(e, Apply) or e.is_scalar:
        return []
    if e.op is TIMES:
        arrays = [arg for arg in e.args if not arg.is_scalar]
        return arrays if len(arrays) == 1 else []
    if e.op is MATMUL and len(e.axes) == 2:
        return [end for end in (e.args[-1], e.args[0]) if len(end.axes) == 1]
    return []


def _copies(e: Expr) -> Operand | None:
    """What a node repeats, if anything, given that for its factors."""
    if isinstance(e, Apply) and e.op is ONES and not e.is_scalar:
        return Operand(Constant(1), Repeated.NUMBER)
    for factor in _repeating(e):
        inner: Operand | None = factor.memo[_operand]
        if inner is None or not isinstance(e, Apply):
            continue
        if e.op is TIMES:
            scalars = [arg for arg in e.args if arg.is_scalar]
            return _multiple(scalars, inner.part, inner.repeated, inner.coefficient)
        if inner.repeated is Repeated.NUMBER:
            is_column = factor is e.args[-1]
            way = Repeated.COLUMN if is_column else Repeated.ROW
            rest = _product(MATMUL, e.args[:-1] if is_column else e.args[1:])
            return _multiple([inner.part], rest, way, inner.coefficient)
    return None


def _multiple(
    scalars: Sequence[Expr], part: Expr, way: Repeated, coefficient: Fraction = Fraction(1)
) -> Operand:
    """Scalars times the part, the numbers among them as the coefficient."""
    factors = []
    for factor in (*scalars, part):
        if isinstance(factor, Constant):
            coefficient *= factor.value
        else:
            factors.append(factor)
    return Operand(_product(TIMES, factors) if factors else Constant(1), way, coefficient)


def _product(operation: Operation, factors: Sequence[Expr]) -> Expr:
    return factors[0] if len(factors) == 1 else operation(*factors)
