"""Interned expressions: ``Symbol``, ``Constant``, ``Size`` and ``Apply``, and nothing else.

Nodes are immutable and hash-consed: structurally equal nodes are the same object, so equality is
identity and a dictionary keyed by nodes never hashes a tree. Constructors check shapes and do
nothing else; rewriting lives in the passes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from weakref import WeakValueDictionary

from matcalc.core.dim import ONE, SCALAR, Dim, Shape

if TYPE_CHECKING:
    from matcalc.core.operation import Operation

_nodes: WeakValueDictionary[Hashable, Expr] = WeakValueDictionary()
_lock = threading.Lock()
_uids = itertools.count(1)


class Expr:
    """A typed expression. Do not subclass: the set of node types is closed.

    Attributes:
        shape: (rows, columns); more axes only for derivatives of abstract functions.
        uid: number of the node in order of creation; never used twice.
        memo: results of passes for this node, keyed by pass. It lives and dies with the node.
    """

    __slots__ = ("__weakref__", "memo", "shape", "uid")

    shape: Shape
    uid: int
    memo: dict[Any, Any]

    #: Set by the printer's floor, so that ``str`` works without the core importing it.
    printer: ClassVar[Callable[[Expr], str] | None] = None

    args: tuple[Expr, ...]

    @property
    def axes(self) -> tuple[Dim, ...]:
        """Sizes of the axes that carry an index: all but those of size 1."""
        return tuple(dim for dim in self.shape if not dim.is_unit)

    @property
    def is_scalar(self) -> bool:
        """Whether no axis carries an index."""
        return all(dim.is_unit for dim in self.shape)

    @property
    def is_square(self) -> bool:
        """Whether it is a matrix with as many rows as columns (a scalar is not)."""
        return len(self.shape) == 2 and self.shape[0] == self.shape[1] != ONE

    def __str__(self) -> str:
        return Expr.printer(self) if Expr.printer else repr(self)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("expressions are interned in one process; pickle str(e) instead")

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: object) -> Expr:
        return self


def _intern(key: Hashable, build: Callable[[], Expr]) -> Expr:
    with _lock:
        node = _nodes.get(key)
        if node is None:
            node = build()
            node.uid = next(_uids)
            node.memo = {}
            _nodes[key] = node
        return node


class Symbol(Expr):
    """A variable, with its shape and its assumed properties."""

    __slots__ = ("name", "properties")
    args: tuple[Expr, ...] = ()

    name: str
    properties: frozenset[str]

    def __new__(cls, name: str, shape: Shape, properties: Iterable[str] = ()) -> Self:
        """The variable of this name, shape and properties."""
        assumed = frozenset(properties)

        def build() -> Expr:
            node = object.__new__(cls)
            node.name, node.shape, node.properties = name, shape, assumed
            return node

        return cast("Self", _intern((cls, name, shape, assumed), build))

    def __repr__(self) -> str:
        return f"Symbol({self.name})"


class Constant(Expr):
    """An exact rational number."""

    __slots__ = ("value",)
    args: tuple[Expr, ...] = ()

    value: Fraction

    def __new__(cls, value: Fraction | int) -> Self:
        """The number ``value``."""
        exact = Fraction(value)

        def build() -> Expr:
            node = object.__new__(cls)
            node.value, node.shape = exact, SCALAR
            return node

        return cast("Self", _intern((cls, exact), build))

    def __repr__(self) -> str:
        return f"Constant({self.value})"


class Size(Expr):
    """The number that a size is: ``n`` in ``(1/n) sum(x)``, and the argument of ``eye(n)``."""

    __slots__ = ("dim",)
    args: tuple[Expr, ...] = ()

    dim: Dim

    def __new__(cls, dim: Dim) -> Self:
        """The number ``dim``."""

        def build() -> Expr:
            node = object.__new__(cls)
            node.dim, node.shape = dim, SCALAR
            return node

        return cast("Self", _intern((cls, dim), build))

    def __repr__(self) -> str:
        return f"Size({self.dim})"


class Apply(Expr):
    """An operation applied to arguments. Build it by calling the operation."""

    __slots__ = ("args", "op")

    op: Operation
    args: tuple[Expr, ...]

    def __new__(cls, op: Operation, args: tuple[Expr, ...], shape: Shape) -> Self:
        """The application; ``shape`` must be what the operation says."""

        def build() -> Expr:
            node = object.__new__(cls)
            node.op, node.args, node.shape = op, args, shape
            return node

        # The operation is kept alive by the node, so that its id stays unique while the key is in use.
        key = (cls, id(op), tuple(arg.uid for arg in args))
        return cast("Self", _intern(key, build))

    def __repr__(self) -> str:
        return f"{self.op.name}({', '.join(f'#{arg.uid}' for arg in self.args)})"


def postorder(*roots: Expr, without: object = None) -> Iterator[Expr]:
    """Every node below the roots once, arguments before the nodes that use them; no recursion.

    Args:
        roots: where to start.
        without: key of ``memo``; nodes that have an entry for it are neither visited nor entered, so
            that a memoised pass costs only the nodes that are new.
    """
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if node in seen or without in node.memo:
            continue
        if ready:
            seen.add(node)
            yield node
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if arg not in seen)


def symbols(*roots: Expr) -> list[Symbol]:
    """The variables below the roots, in order of first appearance."""
    return [node for node in postorder(*roots) if isinstance(node, Symbol)]


def substitute(root: Expr, replacements: dict[Expr, Expr]) -> Expr:
    """``root`` with nodes replaced; shapes of replacements must be those of what they replace."""
    done = dict(replacements)
    for node in postorder(root):
        if node not in done:
            args = tuple(done[arg] for arg in node.args)
            done[node] = node.op(*args) if isinstance(node, Apply) and args != node.args else node
    return done[root]
