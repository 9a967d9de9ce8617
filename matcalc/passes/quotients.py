"""``a / b c``: which of the two readings of what stands right of ``/`` is meant.

One factor is the divisor (``1/2 x' A x``) or the whole product is (``x' A x / x' x``). Shapes decide.
Where both readings have consistent shapes, a numeric divisor or a numeric dividend takes one factor, and
so does a divisor in brackets of its own; anything else is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcalc.core.dim import Shape
from matcalc.errors import AmbiguityProblem, ShapeProblem
from matcalc.passes.kinds import KnownKind, readings_of_quotient
from matcalc.passes.mistakes import Operand, Reporter, factor
from matcalc.passes.translate import in_brackets
from matcalc.syntax import tree

if TYPE_CHECKING:
    from matcalc.passes.shapes import Shapes


def quotient_shape(walk: Shapes, node: tree.Binary, parts: list[Operand]) -> Shape:
    """Shape of ``left / f1 f2 ...``; the reading that is taken is noted in ``walk``."""
    left, *divisor = parts
    if len(divisor) == 1:
        if not divisor[0].is_scalar:
            raise _no_division(walk.report, node, left, divisor[0])
        return left.shape
    first, whole = readings_of_quotient(_kind(left), [_kind(part) for part in divisor])
    if first is None and whole is None:
        head, whole_divisor = divisor[0], Operand(node.right, walk.product(divisor))
        by_name = isinstance(head.node, tree.Name) and head.is_matrix and whole_divisor.is_matrix
        raise _no_division(walk.report, node, left, head if by_name else whole_divisor)
    if first is not None and whole is not None:
        _check_clear(walk, node, parts)
    if not _is_number(walk, divisor[0].node):
        one, other = _written_out(walk.report, parts)
        taken = one if first is not None else other
        walk.note(f"{walk.report.text(node)} is read as {taken}")
    if first is not None:
        return walk.product([left, *divisor[1:]])
    walk.whole_divisors.add(id(node))
    walk.product(divisor)
    return left.shape


def _check_clear(walk: Shapes, node: tree.Binary, parts: list[Operand]) -> None:
    """Refuse a quotient of which nothing says which of two consistent readings is meant."""
    left, head = parts[0].node, parts[1].node
    if id(left) in walk.numerals or _is_number(walk, head) or in_brackets(head):
        return
    one, other = _written_out(walk.report, parts)
    raise AmbiguityProblem(
        f"{walk.report.text(node)} has two readings",
        span=node.span,
        details=(f"it can be {one} or {other}",),
        help="put brackets around what you divide by, or around the quotient",
    )


def _written_out(report: Reporter, parts: list[Operand]) -> tuple[str, str]:
    """Both readings, as the user would write them."""
    left, head = report.text(parts[0].node), report.text(parts[1].node)
    last = parts[-1].node.span
    tail = report.text(parts[2].node.span.join(last))
    divisor = report.text(parts[1].node.span.join(last))
    return f"({left} / {head}) {tail}", f"{left} / ({divisor})"


def _is_number(walk: Shapes, node: tree.Node) -> bool:
    """A numeral, or a size, which stands for one."""
    if isinstance(node, tree.Name):
        return node.name in walk.size_names and node.name not in walk.names
    return id(node) in walk.numerals


def _no_division(report: Reporter, node: tree.Binary, of: Operand, by: Operand) -> ShapeProblem:
    text, left = report.text(by.node), report.text(node.left)
    fits = of.is_scalar or report.sizes.could_agree(of.shape, by.shape)
    if by.is_matrix:
        inverse = f"inv{text}" if text.startswith("(") else f"inv({text})"
        kind, remedy = "matrix", f"write {factor(node.left, left)} {inverse}"
    elif by.is_row:
        kind, remedy = "row", f"put brackets around all that you divide by: {left} / ({text} ...)"
    elif fits:
        divisor = factor(by.node, text)
        kind, remedy = "vector", f"write {left} ./ {divisor} element by element"
    else:
        kind, remedy = "vector", "what you divide by must be a number"
    return ShapeProblem(
        f"division by a {kind}",
        span=node.span,
        details=(report.is_(by),),
        help=remedy + report.scalar_hint(by, joint="; ", matrices=True),
    )


def _kind(operand: Operand) -> KnownKind:
    return not operand.shape[0].is_unit, not operand.shape[1].is_unit
