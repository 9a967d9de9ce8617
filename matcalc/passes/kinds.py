"""Which axes have size 1: scalars, vectors, rows and matrices told apart, before any size is known.

Every axis of every node is an unknown with three states. Rules of the operations join axes or force
their state; products and quotients wait until enough of their factors is decided. Where nothing
decides, the default for the letter does (``defaults``). Contradictions are ignored here: the pass
that computes sizes meets them again, in the order of the text, and knows what to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from matcalc.core.dim import Dim, Shape

Axes = tuple[int, int]

#: A kind known for certain: is the axis longer than 1, for rows and columns.
KnownKind = tuple[bool, bool]

#: Returns True when it has done all that it ever will.
Rule = Callable[[], bool]


class Axis:
    """Union-find over axes with a state each: longer than 1, of size 1, or unknown (None)."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._long: list[bool | None] = []
        self._waiting: list[list[Rule]] = []
        self._due: deque[Rule] = deque()
        self.unit = self.fresh(long=False)

    def fresh(self, long: bool | None = None) -> int:
        """A new axis."""
        self._parent.append(len(self._parent))
        self._long.append(long)
        self._waiting.append([])
        return len(self._parent) - 1

    def fresh_pair(self) -> Axes:
        """Rows and columns of something new."""
        return self.fresh(), self.fresh()

    def find(self, axis: int) -> int:
        """The representative of the axes joined with this one."""
        while self._parent[axis] != axis:
            self._parent[axis] = self._parent[self._parent[axis]]
            axis = self._parent[axis]
        return axis

    def long(self, axis: int) -> bool | None:
        """Whether the axis is longer than 1, or None."""
        return self._long[self.find(axis)]

    def known(self, axes: Axes) -> KnownKind | None:
        """The kind, if both axes are decided."""
        rows, columns = self.long(axes[0]), self.long(axes[1])
        return None if rows is None or columns is None else (rows, columns)

    def is_scalar(self, axes: Axes) -> bool | None:
        """Whether both axes have size 1, or None."""
        states = self.long(axes[0]), self.long(axes[1])
        if True in states:
            return False
        return None if None in states else True

    def force(self, axis: int, long: bool) -> None:
        """Decide an axis that is undecided."""
        root = self.find(axis)
        if self._long[root] is None:
            self._long[root] = long
            self._wake(root)

    def set_kind(self, axes: Axes, kind: KnownKind) -> None:
        """Decide both axes before any rule looks at them."""
        for axis, long in zip(axes, kind, strict=True):
            self.force(axis, long)

    def join(self, left: int, right: int) -> None:
        """Make two axes one, unless that is a contradiction."""
        a, b = self.find(left), self.find(right)
        if a == b or {self._long[a], self._long[b]} == {True, False}:
            return
        if len(self._waiting[a]) < len(self._waiting[b]):
            a, b = b, a
        state = self._long[a] if self._long[a] is not None else self._long[b]
        changed = [root for root in (a, b) if self._long[root] is None and state is not None]
        for root in changed:
            self._wake(root)
        self._long[a] = state
        self._parent[b] = a
        self._waiting[a] += self._waiting[b]
        self._waiting[b] = []

    def join_pairs(self, left: Axes, right: Axes) -> None:
        """Make two shapes the same kind."""
        self.join(left[0], right[0])
        self.join(left[1], right[1])

    def add_rule(self, rule: Rule, watched: Iterable[Axes]) -> None:
        """Apply a rule now, and again whenever a watched axis is decided, until it is done."""
        if rule():
            return
        for root in {self.find(axis) for axes in watched for axis in axes}:
            if self._long[root] is None:
                self._waiting[root].append(rule)

    def propagate(self) -> None:
        """Apply rules until nothing changes."""
        while self._due:
            self._due.popleft()()

    def _wake(self, root: int) -> None:
        self._due.extend(self._waiting[root])
        self._waiting[root] = []

    def of_shape(self, shape: Shape) -> Axes:
        """Axes of something whose shape is known."""
        return self.of_dim(shape[0]), self.of_dim(shape[1])

    def of_dim(self, dim: Dim) -> int:
        """An axis of a known size."""
        return self.unit if dim.is_unit else self.fresh(long=True)


# ------------------------------------------------------------------ kinds of results


def product_kind(factors: Sequence[KnownKind]) -> KnownKind | None:
    """Kind of the product from left to right, or None where two factors cannot be multiplied."""
    running: KnownKind = (False, False)
    for rows, columns in factors:
        if not (rows or columns):
            continue
        if running == (False, False):
            running = (rows, columns)
        elif running[1] != rows:
            return None
        else:
            running = (running[0], columns)
    return running


def readings_of_quotient(
    left: KnownKind, factors: Sequence[KnownKind]
) -> tuple[KnownKind | None, KnownKind | None]:
    """Kinds of ``(left / f1) f2 ...`` and of ``left / (f1 f2 ...)``; None for what is ill-shaped."""
    first = product_kind([left, *factors[1:]]) if factors[0] == (False, False) else None
    whole = left if product_kind(factors) == (False, False) else None
    return first, whole


# ------------------------------------------------------------------ rules


def multiply(axis: Axis, factors: Sequence[Axes], result: Axes) -> None:
    """``result`` is the matrix product of the factors, in which scalars may stand anywhere."""
    # Where the walk from the left has come to: a long product is walked once.
    position, running = 0, (axis.unit, axis.unit)

    def rule() -> bool:
        nonlocal position, running
        while position < len(factors):
            factor = factors[position]
            alone, skip = axis.is_scalar(running), axis.is_scalar(factor)
            if alone is None:
                return False
            if skip is None and position == len(factors) - 1 and not alone:
                skip = _last_is_scalar(axis, running, result)
            if (
                skip is None
                and alone
                and _starts_outer_product(axis, factors[position + 1 :], result)
            ):
                axis.force(factor[0], True)
                axis.force(factor[1], False)
                skip = False
            if skip is None and alone and all(axis.is_scalar(f) for f in factors[position + 1 :]):
                running, position = factor, len(factors)
                break
            if skip is None:
                return False
            if not skip:
                if not alone:
                    axis.join(running[1], factor[0])
                running = factor if alone else (running[0], factor[1])
            position += 1
        if position == len(factors):
            axis.join_pairs(result, running)
            position += 1
        return True

    axis.add_rule(rule, (*factors, result))


def _last_is_scalar(axis: Axis, running: Axes, result: Axes) -> bool | None:
    """False where the last factor of a product must be an array for the result to be as long as wanted.

    ``x' b + tr(A)`` makes b a vector. Nothing is concluded where the rows clash already.
    """
    rows, columns = (
        {axis.long(got), axis.long(wanted)} == {True, False}
        for got, wanted in zip(running, result, strict=True)
    )
    return False if columns and not rows else None


def _starts_outer_product(axis: Axis, others: Sequence[Axes], result: Axes) -> bool:
    """Whether a row follows where rows are wanted: ``b`` in ``A + b ones(m)'``."""
    if axis.long(result[0]) is not True or len(others) != 1:
        return False
    return axis.known(others[0]) == (False, True)


def broadcast(axis: Axis, operands: Sequence[Axes], result: Axes) -> None:
    """``result`` is an element-wise combination: scalars combine with anything."""
    waiting = dict(enumerate(operands))
    arrays = 0

    def rule_for(place: int, operand: Axes) -> Rule:
        def rule() -> bool:
            nonlocal arrays
            alone = axis.is_scalar(operand)
            if alone is None and axis.is_scalar(result):
                axis.join_pairs(result, operand)
                alone = True
            if alone is None or place not in waiting:
                return alone is not None
            del waiting[place]
            if not alone:
                arrays += 1
                axis.join_pairs(result, operand)
            elif not arrays and len(waiting) < 2:
                # Only scalars so far: the result is what the last operand is.
                last = next(iter(waiting.values()), operand)
                axis.join_pairs(result, last)
            return True

        return rule

    for place, operand in enumerate(operands):
        axis.add_rule(rule_for(place, operand), (operand, result))


def square(axis: Axis, operand: Axes) -> None:
    """``operand`` is a square matrix or a scalar, once it is known not to be left to a default."""

    def rule() -> bool:
        if axis.long(operand[0]) is None and axis.long(operand[1]) is None:
            return False
        axis.join(*operand)
        return True

    axis.add_rule(rule, (operand,))


def when_known(
    axis: Axis, operands: Sequence[Axes], conclude: Callable[[list[KnownKind]], None]
) -> None:
    """Call ``conclude`` with the kinds of the operands as soon as all are decided."""
    done = False

    def rule() -> bool:
        nonlocal done
        kinds = [axis.known(operand) for operand in operands]
        found = [kind for kind in kinds if kind is not None]
        if not done and len(found) == len(kinds):
            done = True
            conclude(found)
        return done

    axis.add_rule(rule, operands)


def quotient(axis: Axis, left: Axes, factors: Sequence[Axes], result: Axes, *, array: bool) -> None:
    """``left / f1 f2 ...`` in whichever reading is well-shaped.

    Both readings need rows of size 1 in the first factor, which is concluded unless it is written
    as an ``array``.
    """
    if not array:
        axis.join(factors[0][0], axis.unit)
    if len(factors) == 1:
        if not array:
            axis.join(factors[0][1], axis.unit)
        axis.join_pairs(left, result)
        return

    def conclude(kinds: list[KnownKind]) -> None:
        first, whole = readings_of_quotient(kinds[0], kinds[1:])
        if whole is None and first is not None:
            multiply(axis, [left, *factors[1:]], result)
        else:
            axis.join_pairs(left, result)

    def conclude_early(kinds: list[KnownKind]) -> None:
        """``n/2 x`` is what x is, in the one reading that x can have."""
        if not any(map(any, kinds)):
            axis.join_pairs(factors[-1], result)

    when_known(axis, [left, *factors[:-1]], conclude_early)
    when_known(axis, [left, *factors], conclude)


def size_product(axis: Axis, parts: Sequence[int], result: int) -> None:
    """``result`` is the product of sizes: 1 only if all are."""

    def rule() -> bool:
        states = [axis.long(part) for part in parts]
        if axis.long(result) is False:
            for part in parts:
                axis.force(part, False)
            return True
        if True in states:
            axis.force(result, True)
            return True
        if None in states:
            return False
        axis.force(result, False)
        return True

    axis.add_rule(rule, [(part, result) for part in parts])
