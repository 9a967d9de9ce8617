"""Walks over the syntax tree without recursion: input may be nested a thousand levels deep."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from operator import attrgetter
from typing import Any

from matcalc.syntax import tree

#: Spellings of the Kronecker delta, where they name nothing else.
DELTA = ("δ", "delta")


def _none(_: tree.Node) -> tuple[tree.Node, ...]:
    return ()


#: The parts of a node that are expressions, by its type.
_PARTS: dict[type, Callable[[Any], tuple[tree.Node, ...]]] = {
    tree.Number: _none,
    tree.Name: _none,
    tree.Call: attrgetter("args"),
    tree.Juxtapose: attrgetter("factors"),
    tree.Sum: lambda node: tuple([term for _, term in node.terms]),
    tree.Binary: attrgetter("left", "right"),
    tree.Inner: attrgetter("left", "right"),
    tree.Power: attrgetter("base", "exponent"),
    tree.Indexed: lambda node: (node.base,),
    tree.IndexSum: lambda node: (node.value,),
    tree.Negate: lambda node: (node.operand,),
    tree.Transpose: lambda node: (node.operand,),
    tree.Norm: lambda node: (node.operand,),
    tree.Bars: lambda node: (node.operand,),
}


def children(node: tree.Node) -> tuple[tree.Node, ...]:
    """The parts of a node that are expressions, from left to right; subscripts are not."""
    return _PARTS[type(node)](node)


def postorder(
    root: tree.Node, parts: Callable[[tree.Node], tuple[tree.Node, ...]] = children
) -> Iterator[tree.Node]:
    """Every node below ``root``, parts before wholes, left before right."""
    # Backwards it is wholes before parts, right before left, which takes one look at a node.
    backwards: list[tree.Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        backwards.append(node)
        stack.extend(parts(node))
    return reversed(backwards)


def is_row_of_ones(node: tree.Node) -> bool:
    """Whether this is ``1'``, a row of ones as long as fits: transposed, a number would be itself."""
    return isinstance(node, tree.Transpose) and is_one(node.operand)


def is_one(node: tree.Node) -> bool:
    """Whether this is the numeral ``1``."""
    return isinstance(node, tree.Number) and node.value == 1


def is_delta(node: tree.Indexed, names: Container[str]) -> bool:
    """Whether this is ``δ[i,j]``, and not an entry of something that is called so."""
    base = node.base
    return isinstance(base, tree.Name) and base.name in DELTA and base.name not in names


def names_of(node: tree.Indexed) -> list[tree.Name]:
    """The letters among the subscripts, in order."""
    names = (name for subscript in node.subscripts for name in subscript.names)
    return [name for name in names if isinstance(name, tree.Name)]


def letters_of(node: tree.Indexed) -> frozenset[str]:
    """The letters among the subscripts, as a set."""
    return frozenset(name.name for name in names_of(node))


def has_slice(node: tree.Indexed) -> bool:
    """Whether this is an array, ``X[:,k]``, and not an entry."""
    return any(not subscript.names for subscript in node.subscripts)


def open_letters(root: tree.Node) -> dict[int, frozenset[str]]:
    """The letters of index notation in every node that has any, but for those that ``sum(k, ...)`` binds."""
    found: dict[int, frozenset[str]] = {}
    for node in postorder(root):
        letters = frozenset[str]().union(*(found.get(id(part), ()) for part in children(node)))
        if isinstance(node, tree.Indexed):
            letters |= letters_of(node)
        elif isinstance(node, tree.IndexSum):
            letters -= {node.letter.name}
        if letters:
            found[id(node)] = letters
    return found


def numerals(root: tree.Node) -> set[int]:
    """Ids of the nodes that are made of numerals alone, such as ``1/2``."""
    found: set[int] = set()
    for node in postorder(root):
        match node:
            case tree.Number():
                found.add(id(node))
            case tree.Negate() | tree.Juxtapose() | tree.Binary() | tree.Sum() | tree.Power():
                if all(id(part) in found for part in children(node)):
                    found.add(id(node))
    return found


def is_raised(name: str, root: tree.Node) -> bool:
    """Whether this name is the base of a power that is not a numeral."""
    powers = (node for node in postorder(root) if isinstance(node, tree.Power))
    return any(
        isinstance(power.base, tree.Name)
        and power.base.name == name
        and id(power.exponent) not in numerals(power.exponent)
        for power in powers
    )
