"""Statements of a function that is computed in different ways, as the sizes are.

What all ways have in common is written first, then each way as the body of an ``if``, the last one without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcalc.codegen.choose import Case, Condition
from matcalc.codegen.code import Code
from matcalc.codegen.writer import Writer, parts
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr

INDENT = "    "


def write_cases(
    writer: Writer,
    cases: Sequence[Case],
    widths: Sequence[int],
    returned: Callable[[Sequence[Code]], list[str]],
) -> list[str]:
    """The lines of a function's body.

    Args:
        writer: where names and sizes are known.
        cases: the ways, the first whose condition holds.
        widths: how long each result may be to stand in the return statement.
        returned: the lines that return results.
    """
    common = _common(cases)
    writer.plan([*common, *common])  # twice, so that each gets a name
    writer.write([node for node in common if not writer.is_number(node)])
    lines = list(writer.statements)
    if len(cases) > 1:
        lines.append("# The sizes decide which of these costs less.")
        widths = [width - len(INDENT) for width in widths]
    for case in cases:
        block = writer.block()
        block.plan(case.roots)
        values = block.write(case.roots, widths)
        body = [*block.statements, *returned(values)]
        if case.condition is not None:
            lines.append(f"if {_written(writer, case.condition)}:")
            body = [INDENT + line for statement in body for line in statement.splitlines()]
        lines += body
    return lines


def _common(cases: Sequence[Case]) -> list[Expr]:
    """What all ways need that is part of something that not all need."""
    if len(cases) == 1:
        return []
    below = [_below(case.roots) for case in cases]
    shared = [node for node in below[0] if all(node in others for others in below[1:])]
    known = frozenset(shared)
    wanted = {
        part
        for nodes, case in zip(below, cases, strict=True)
        for node in (*nodes, *case.roots)
        if node not in known or node in case.roots
        for part in (node, *parts(node))
        if part in known
    }
    return [node for node in shared if node in wanted and isinstance(node, Apply)]


def _below(roots: Sequence[Expr]) -> dict[Expr, None]:
    """Every node that has code of its own, in the order in which they are met."""
    seen: dict[Expr, None] = {}
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            stack += reversed(parts(node))
    return seen


def _written(writer: Writer, condition: Condition) -> str:
    small, *large = (writer.size(Dim.of(name)).text for name in (condition.small, *condition.large))
    bound = large[0] if len(large) == 1 else f"min({', '.join(large)})"
    return f"{small} < {bound}"
