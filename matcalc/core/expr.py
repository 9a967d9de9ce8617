"""Interned expressions: ``Symbol``, ``Constant``, ``Size`` and ``Apply``, and nothing else.

Nodes are immutable and hash-consed: structurally equal nodes are the same object, so equality is
identity and a dictionary keyed by nodes never hashes a tree. Constructors check shapes and do
nothing else; rewriting lives in the passes.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache, update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar, cast
from weakref import WeakValueDictionary

from matcalc.core.dim import SCALAR, Dim, Shape

if TYPE_CHECKING:
    from matcalc.core.operation import Operation

E = TypeVar("E", bound="Expr")
P = ParamSpec("P")
T = TypeVar("T")

#: One object for all variables without properties.
NOTHING: frozenset[str] = frozenset()

_nodes: WeakValueDictionary[Hashable, Expr] = WeakValueDictionary()
_lock = threading.Lock()
_uids = itertools.count(1)


class Expr:
    """A typed expression. Do not subclass: the set of node types is closed.

    Attributes:
        shape: (rows, columns); more axes only for derivatives of abstract functions.
        axes: sizes of the axes that carry an index, which are all but those of size 1.
        is_scalar: whether no axis carries an index.
        uid: number of the node in order of creation; never used twice.
        memo: results of passes for this node, keyed by pass. It lives and dies with the node.
        args: what an operation is applied to; nothing for other nodes.
        op: the operation that is applied, if any.
    """

    __slots__ = ("__weakref__", "axes", "is_scalar", "memo", "shape", "uid")

    shape: Shape
    axes: tuple[Dim, ...]
    is_scalar: bool
    uid: int
    memo: dict[Any, Any]

    #: Set by the printer's floor, so that ``str`` works without the core importing it.
    printer: ClassVar[Callable[[Expr], str] | None] = None

    args: tuple[Expr, ...]
    op: Operation | None

    @property
    def is_square(self) -> bool:
        """Whether it is a matrix with as many rows as columns (a scalar is not)."""
        shape = self.shape
        return len(shape) == 2 and not shape[0].is_unit and shape[0] == shape[1]

    def __str__(self) -> str:
        return Expr.printer(self) if Expr.printer else repr(self)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("expressions are interned in one process; pickle str(e) instead")

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: object) -> Expr:
        return self


@lru_cache(maxsize=1 << 12)
def _shared(shape: Shape) -> tuple[Shape, tuple[Dim, ...]]:
    """A shape and its axes, one object for all nodes that have them."""
    return shape, tuple([dim for dim in shape if not dim.is_unit])


def _intern(key: Hashable, node: E, shape: Shape) -> E:
    """The node that is known by this key; if there is none, the one given, completed."""
    with _lock:
        known = _nodes.get(key)
        if known is not None:
            return cast("E", known)
        node.shape, node.axes = _shared(shape)
        node.is_scalar = not node.axes
        node.uid = next(_uids)
        node.memo = {}
        _nodes[key] = node
        return node


class Symbol(Expr):
    """A variable, with its shape and its assumed properties."""

    __slots__ = ("name", "properties")
    args: tuple[Expr, ...] = ()
    op = None

    name: str
    properties: frozenset[str]

    def __new__(cls, name: str, shape: Shape, properties: Iterable[str] = ()) -> Self:
        """The variable of this name, shape and properties."""
        assumed = frozenset(properties) or NOTHING
        node = object.__new__(cls)
        node.name, node.properties = name, assumed
        return _intern((cls, name, shape, assumed), node, shape)

    def __repr__(self) -> str:
        return f"Symbol({self.name})"


class Constant(Expr):
    """An exact rational number."""

    __slots__ = ("value",)
    args: tuple[Expr, ...] = ()
    op = None

    value: Fraction

    def __new__(cls, value: Fraction | int) -> Self:
        """The number ``value``."""
        # The hash of a fraction takes long; that of its parts does not.
        key = (cls, value.numerator, value.denominator)
        known = _nodes.get(key)
        if known is not None:
            return cast("Self", known)
        node = object.__new__(cls)
        node.value = Fraction(value)
        return _intern(key, node, SCALAR)

    def __repr__(self) -> str:
        return f"Constant({self.value})"


class Size(Expr):
    """The number that a size is: ``n`` in ``(1/n) sum(x)``, and the argument of ``eye(n)``."""

    __slots__ = ("dim",)
    args: tuple[Expr, ...] = ()
    op = None

    dim: Dim

    def __new__(cls, dim: Dim) -> Self:
        """The number ``dim``."""
        node = object.__new__(cls)
        node.dim = dim
        return _intern((cls, dim), node, SCALAR)

    def __repr__(self) -> str:
        return f"Size({self.dim})"


class Apply(Expr):
    """An operation applied to arguments. Build it by calling the operation."""

    __slots__ = ("args", "op")

    op: Operation
    args: tuple[Expr, ...]

    def __new__(cls, op: Operation, args: tuple[Expr, ...], shape: Shape | None = None) -> Self:
        """The application; its shape is what the operation says unless given.

        Raises:
            ShapeProblem: the operation does not take these arguments.
        """
        # The operation is kept alive by the node, so that its id stays unique while the key is in use.
        key = (id(op), *[arg.uid for arg in args])
        known = _nodes.get(key)
        if known is not None:
            return cast("Self", known)
        node = object.__new__(cls)
        node.op, node.args = op, args
        return _intern(key, node, op.shape(args) if shape is None else shape)

    def __repr__(self) -> str:
        return f"{self.op.name}({', '.join(f'#{arg.uid}' for arg in self.args)})"


def memoised(function: Callable[Concatenate[E, P], T]) -> Callable[Concatenate[E, P], T]:
    """Keep the results of a function in the memo of the node that is its first argument.

    Like ``functools.cache``, which would keep the nodes alive. Arguments are given by place.
    """

    def found(node: E, /, *args: P.args, **named: P.kwargs) -> T:
        key = (found, *args)
        if key not in node.memo:
            node.memo[key] = function(node, *args, **named)
        return cast("T", node.memo[key])

    update_wrapper(found, function)
    return found


def forget() -> None:
    """Drop what passes have found for all nodes, as if each were new; for measurements."""
    with _lock:
        for node in list(_nodes.values()):
            node.memo.clear()


def postorder(*roots: Expr, without: object = None) -> Iterator[Expr]:
    """Every node below the roots once, arguments before the nodes that use them; no recursion.

    Args:
        roots: where to start.
        without: key of ``memo``; nodes that have an entry for it are neither visited nor entered, so
            that a memoised pass costs only the nodes that are new.
    """
    seen: set[Expr] = set()
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        if node in seen or without in node.memo:
            continue
        waiting: list[Expr] = []
        for arg in node.args:
            if arg not in seen and without not in arg.memo:
                if waiting or arg.args:
                    waiting.append(arg)
                else:
                    seen.add(arg)
                    yield arg
        if waiting:
            stack.append(node)
            waiting.reverse()
            stack += waiting
        else:
            seen.add(node)
            yield node


def found_bottom_up(
    e: Expr, key: object, parts: Callable[[Expr], Iterable[Expr]], find: Callable[[Expr], T]
) -> T:
    """What a pass finds of a node and keeps in its memo, found first of some parts of it; no recursion.

    Args:
        e: the node.
        key: that of ``memo``.
        parts: the arguments on which it depends what is found of a node. Others are not looked at.
        find: what is found of a node, given that it has been found of these.
    """
    waiting = [e]
    while key not in e.memo:
        node = waiting[-1]
        missing = [part for part in parts(node) if key not in part.memo]
        waiting += missing
        if not missing:
            node.memo[key] = find(waiting.pop())
    return cast("T", e.memo[key])


def symbols(*roots: Expr) -> list[Symbol]:
    """The variables below the roots, in order of first appearance."""
    return [node for node in postorder(*roots) if isinstance(node, Symbol)]


def operations(*roots: Expr) -> set[Operation | None]:
    """The operations below the roots; None stands for the leaves.

    A pass asks this first where most expressions are none of its business.
    """
    seen: set[Expr] = set(roots)
    stack = list(roots)
    while stack:
        for arg in stack.pop().args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return {node.op for node in seen}


def users(nodes: Iterable[Expr]) -> dict[Expr, list[Apply]]:
    """Those among the nodes that each node is an argument of; none are those of a node that is nobody's."""
    found: dict[Expr, list[Apply]] = defaultdict(list)
    for node in nodes:
        if isinstance(node, Apply):
            for arg in dict.fromkeys(node.args):
                found[arg].append(node)
    return found


def rebuilt(node: Expr, done: Mapping[Expr, Expr]) -> Expr:
    """The node with the new forms of its arguments; the node itself where none is new."""
    if not isinstance(node, Apply):
        return node
    args = tuple([done[arg] for arg in node.args])
    return node if args == node.args else node.op(*args)


def substitute(root: Expr, replacements: Mapping[Expr, Expr]) -> Expr:
    """``root`` with nodes replaced; shapes of replacements must be those of what they replace."""
    return substitute_all([root], replacements)[0]


def substitute_all(roots: Sequence[Expr], replacements: Mapping[Expr, Expr]) -> list[Expr]:
    """``substitute`` for several expressions; what they share is looked at once."""
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        done[node] = replacements[node] if node in replacements else rebuilt(node, done)
    return [done[root] for root in roots]
