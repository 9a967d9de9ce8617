"""Texts that differ from one whose shapes do not agree in a transpose, an order, a kind of product, a term."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from matcalc.errors import MatcalcError, Span
from matcalc.passes.walk import children, is_row_of_ones, postorder
from matcalc.syntax import tree

#: Longest product of which every order is tried.
SHUFFLED = 3

#: Most texts that are offered.
OFFERED = 120

#: Reads a text.
Parse = Callable[[str], tree.Program]


def repairs(text: str, parse: Parse) -> Iterator[str]:
    """The nearest texts: those with one change in the last statement first, then those with two."""
    seen, edge = {text}, [text]
    for _ in range(2):
        found: list[str] = []
        for start in edge:
            for changed in _changed_once(start, parse):
                if changed not in seen:
                    seen.add(changed)
                    found.append(changed)
                    yield changed
                if len(seen) > OFFERED:
                    return
        edge = found


def _changed_once(text: str, parse: Parse) -> Iterator[str]:
    try:
        last = parse(text).statements[-1]
    except MatcalcError:
        return
    if not isinstance(last, tree.Expression | tree.Definition):
        return
    nodes = list(postorder(last.value))
    for rule in (_transposed, _reordered, _by_entries, _with_a_term_less):
        for node in nodes:
            for span, other in rule(node, text):
                yield text[: span.start] + other + text[span.end :]


def _of(node: tree.Node, text: str) -> str:
    return text[node.span.start : node.span.end]


def _transposed(node: tree.Node, text: str) -> Iterator[tuple[Span, str]]:
    """A factor transposed, or not transposed."""
    if isinstance(node, tree.Transpose) and not is_row_of_ones(node):
        yield node.span, _of(node.operand, text)
    elif isinstance(node, tree.Juxtapose):
        for factor in node.factors:
            if not isinstance(factor, tree.Number | tree.Transpose):
                yield factor.span, f"{_of(factor, text)}'"
    elif isinstance(node, tree.Sum | tree.Binary):
        for part in children(node):
            if isinstance(part, tree.Name | tree.Call | tree.Power):
                yield part.span, f"{_of(part, text)}'"
            elif isinstance(part, tree.Juxtapose):
                yield part.span, f"({_of(part, text)})'"


def _reordered(node: tree.Node, text: str) -> Iterator[tuple[Span, str]]:
    """The factors of a product in another order, numbers staying in front."""
    if not isinstance(node, tree.Juxtapose):
        return
    factors = [factor for factor in node.factors if not isinstance(factor, tree.Number)]
    if len(factors) < 2 or len(node.factors) - len(factors) > 1:
        return
    orders = itertools.permutations(factors)
    if len(factors) > SHUFFLED:
        orders = (  # type: ignore[assignment]
            (*factors[:k], factors[k + 1], factors[k], *factors[k + 2 :])
            for k in range(len(factors) - 1)
        )
    span = factors[0].span.join(factors[-1].span)
    for order in orders:
        if list(order) != factors:
            yield span, " ".join(_of(factor, text) for factor in order)


def _by_entries(node: tree.Node, text: str) -> Iterator[tuple[Span, str]]:
    """``a .* b`` for ``a b``, ``a ./ b`` for ``a / b``; the Hadamard product as a matrix product."""
    if isinstance(node, tree.Juxtapose):
        for left, right in itertools.pairwise(node.factors):
            if not isinstance(left, tree.Number):
                yield Span(left.span.end, right.span.start), " .* "
    elif isinstance(node, tree.Binary) and node.operator in ("/", ".*"):
        yield node.operator_span, "./" if node.operator == "/" else " "
        if node.operator == ".*":
            for part in (node.left, node.right):
                other = node.right if part is node.left else node.left
                inside = _of(part, text)
                argument = inside if inside.startswith("(") else f"({inside})"
                yield node.span, f"diag{argument} {_of(other, text)}"


def _with_a_term_less(node: tree.Node, text: str) -> Iterator[tuple[Span, str]]:
    """A sum without one of its terms."""
    if isinstance(node, tree.Sum):
        for left_out in range(len(node.terms)):
            rest = [term for k, term in enumerate(node.terms) if k != left_out]
            other = " ".join(f"{'-' if sign < 0 else '+'} {_of(part, text)}" for sign, part in rest)
            yield node.span, other.removeprefix("+ ")
