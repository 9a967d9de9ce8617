"""A piece of Python source, and how tightly it binds."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from matcalc.errors import LimitProblem

#: How tightly Python's operators bind, the loosest first. A reader does not know that ``*`` and ``@``
#: bind equally: ``x * y @ A`` is written with parentheses, and so ``@`` counts as tighter.
SUM, SCALE, PRODUCT, UNARY, RAISE, ATOM = range(6)


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of Python.

    Attributes:
        text: the piece.
        level: the precedence of its outermost operator.
        is_atomic: whether it is a name or a number, with a sign or transposed at most: to write it
            again costs nothing.
    """

    text: str
    level: int = ATOM
    is_atomic: bool = False

    def at(self, level: int) -> str:
        """The text, in parentheses where it binds looser than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


def number(value: Fraction) -> Code:
    """A non-negative number: an integer, a short decimal, or a quotient."""
    if value.denominator == 1 and value.numerator < 2**53:
        return Code(str(value.numerator), is_atomic=True)
    try:
        decimal = repr(float(value))
    except OverflowError:
        raise LimitProblem("a number in the expression is too large for floating point") from None
    is_short = Fraction(decimal) == value and len(decimal) <= 8
    if is_short or max(value.as_integer_ratio()) >= 2**53:
        return Code(decimal, is_atomic=True)
    return Code(f"{value.numerator} / {value.denominator}", SCALE)


def fill(template: str, args: Sequence[Code]) -> Code:
    """A template with its arguments put in, in parentheses where it does not bring its own."""
    texts = []
    for position, code in enumerate(args):
        enclosed = re.search(rf"[(,[] ?\{{{position}\}}(?=[],)])", template)
        texts.append(code.text if enclosed else code.at(ATOM))
    return Code(template.format(*texts), _level(template), is_atomic=not args)


@cache
def _level(template: str) -> int:
    """Precedence of a template's outermost operator."""
    body = ast.parse(re.sub(r"\{\d\}", "x", template), mode="eval").body
    if isinstance(body, ast.BinOp):
        if isinstance(body.op, ast.Add | ast.Sub):
            return SUM
        if isinstance(body.op, ast.Mult | ast.Div):
            return SCALE
        return RAISE if isinstance(body.op, ast.Pow) else PRODUCT
    if isinstance(body, ast.UnaryOp):
        return UNARY
    return ATOM if isinstance(body, ast.Call | ast.Attribute | ast.Subscript | ast.Name) else SUM
