"""Unification of sizes: unknowns are solved for until two shapes are equal.

An unknown is a size symbol that starts with ``?``; it stands for a size other than 1. Sizes are
products, so an equation can be ``?1 ?2 = n ?3``. Equations with one solution are solved at once; the
others wait until more is known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.errors import LimitProblem

#: Longest product that a size can be: sizes double when kron is nested.
MAX_FACTORS = 1000


def bounded(size: Dim) -> Dim:
    """The size itself. Raises LimitProblem where it is too long."""
    if len(size.symbols) > MAX_FACTORS or size.coefficient.bit_length() > 4 * MAX_FACTORS:
        raise LimitProblem(
            f"a size that is a product of more than {MAX_FACTORS} factors",
            help="use fewer Kronecker products, or declare shorter sizes",
        )
    return size


class MismatchError(Exception):
    """Two sizes that cannot be equal."""

    def __init__(self, left: Dim, right: Dim) -> None:
        super().__init__(f"{left} = {right}")
        self.left = left
        self.right = right


class Sizes:
    """The unknown sizes and what is known about them."""

    def __init__(self) -> None:
        self._solution: dict[str, Dim] = {}
        self._trail: list[str] = []
        self._waiting: list[tuple[Dim, Dim]] = []
        self._count = 0

    def fresh(self) -> Dim:
        """A new unknown. Unknowns sort in the order of their creation."""
        self._count += 1
        return Dim(1, (f"?{self._count:09}",))

    def resolve(self, dim: Dim) -> Dim:
        """The size with everything known put in."""
        while any(symbol in self._solution for symbol in dim.symbols):
            dim = dim.substitute(self._solution)
        return dim

    def shape(self, shape: Shape) -> Shape:
        """A shape with everything known put in."""
        return tuple([dim if dim.is_unit else self.resolve(dim) for dim in shape])

    def unify(self, left: Dim, right: Dim) -> None:
        """Make two sizes equal.

        Raises:
            MismatchError: they cannot be.
        """
        self._equate(left, right)
        waiting, self._waiting = self._waiting, []
        for a, b in waiting:
            self._equate(a, b)

    def agree(self, left: Shape, right: Shape) -> None:
        """Make two shapes equal. Raises MismatchError; then neither is changed."""
        before = self._mark()
        try:
            for a, b in zip(left, right, strict=True):
                self.unify(a, b)
        except MismatchError:
            self._undo(before)
            raise

    def could_agree(self, left: Shape, right: Shape) -> bool:
        """Whether two shapes can be made equal; nothing is changed."""
        before = self._mark()
        try:
            self.agree(left, right)
        except MismatchError:
            return False
        self._undo(before)
        return True

    def settle(self, fitted: Iterable[Dim] = ()) -> tuple[Dim, Dim] | None:
        """Solve what waits by pairing unknowns in order: square factors for ``tr(kron(A, B))``.

        Args:
            fitted: sizes of what takes the size that fits. One on either side takes the rest of the
                other side: those of ``I`` in the Kronecker sum ``I ⊗ A + B ⊗ I``.

        Returns:
            An equation that cannot be solved so, if there is one.

        Raises:
            MismatchError: with what is solved so, another equation has no solution.
        """
        fitted = tuple(fitted)
        while self._waiting:
            left, right = self._cancelled(*self._waiting[0])
            if crossed := _crossed(left, right, {self.resolve(dim) for dim in fitted}):
                for unknown, rest in crossed:
                    self.unify(unknown, rest)
                continue
            if len(left.symbols) != len(right.symbols) or left.coefficient != right.coefficient:
                return left, right
            if any(not is_unknown(s) for s in (*left.symbols, *right.symbols)):
                return left, right
            for a, b in zip(left.symbols, right.symbols, strict=True):
                self.unify(Dim.of(a), Dim.of(b))
        return None

    def _equate(self, left: Dim, right: Dim) -> None:
        a, b = self._cancelled(left, right)
        if a == b:
            return
        # Of two unknowns the older one stays, which keeps the chains of solutions short.
        for one, other in ((b, a), (a, b)) if a.symbols < b.symbols else ((a, b), (b, a)):
            root = _single_unknown(one)
            if root and not any(symbol == root for symbol in other.symbols):
                self._solve(root, len(one.symbols), other, (left, right))
                return
        if not any(is_unknown(symbol) for symbol in (*a.symbols, *b.symbols)):
            raise MismatchError(self.resolve(left), self.resolve(right))
        if a.is_unit or b.is_unit or not _may_have_solution(a, b):
            raise MismatchError(self.resolve(left), self.resolve(right))
        self._waiting.append((left, right))

    def _solve(self, unknown: str, power: int, other: Dim, equation: tuple[Dim, Dim]) -> None:
        """``unknown^power = other``. An unknown is not 1."""
        value = _root(other, power)
        if value is None:
            if any(is_unknown(symbol) for symbol in other.symbols):
                self._waiting.append(equation)
                return
            raise MismatchError(*map(self.resolve, equation))
        if value.is_unit:
            raise MismatchError(*map(self.resolve, equation))
        self._solution[unknown] = value
        self._trail.append(unknown)

    def _mark(self) -> tuple[int, list[tuple[Dim, Dim]]]:
        return len(self._trail), list(self._waiting)

    def _undo(self, mark: tuple[int, list[tuple[Dim, Dim]]]) -> None:
        length, self._waiting = mark
        while len(self._trail) > length:
            del self._solution[self._trail.pop()]

    def _cancelled(self, left: Dim, right: Dim) -> tuple[Dim, Dim]:
        """Both sides resolved, without their common factors."""
        left, right = self.resolve(left), self.resolve(right)
        if (
            left.coefficient == right.coefficient == 1
            and len(left.symbols) == len(right.symbols) == 1
        ):
            return (left, right) if left.symbols != right.symbols else (ONE, ONE)
        common = Counter(left.symbols) & Counter(right.symbols)
        divisor = math.gcd(left.coefficient, right.coefficient)

        def rest(dim: Dim) -> Dim:
            symbols = Counter(dim.symbols) - common
            return Dim(dim.coefficient // divisor, tuple(sorted(symbols.elements())))

        return rest(left), rest(right)


def is_unknown(symbol: str) -> bool:
    """Whether a size symbol is an unknown."""
    return symbol.startswith("?")


def _single_unknown(dim: Dim) -> str | None:
    """The unknown that the size is a power of."""
    if dim.coefficient == 1 and dim.symbols and len(set(dim.symbols)) == 1:
        return dim.symbols[0] if is_unknown(dim.symbols[0]) else None
    return None


def _crossed(left: Dim, right: Dim, fitted: Collection[Dim]) -> list[tuple[Dim, Dim]] | None:
    """``i a = b j`` solved by i = b and j = a, where i and j alone are ``fitted``."""
    sides = []
    for dim in (left, right):
        own = [symbol for symbol in dim.symbols if Dim.of(symbol) in fitted]
        rest = Dim(dim.coefficient, tuple(symbol for symbol in dim.symbols if symbol not in own))
        if len(own) != 1 or rest.is_unit:
            return None
        sides.append((Dim.of(own[0]), rest))
    (i, a), (j, b) = sides
    return [(i, b), (j, a)]


def _root(dim: Dim, power: int) -> Dim | None:
    """The size whose power the size is, or None."""
    if power == 1:
        return dim
    coefficient = round(dim.coefficient ** (1 / power))
    counts = Counter(dim.symbols)
    if coefficient**power != dim.coefficient or any(n % power for n in counts.values()):
        return None
    symbols = [symbol for symbol, count in counts.items() for _ in range(count // power)]
    return Dim(coefficient, tuple(sorted(symbols)))


def _may_have_solution(a: Dim, b: Dim) -> bool:
    """Whether the side without unknowns has as many factors as the other, each of which is not 1."""
    for known, other in ((a, b), (b, a)):
        if not any(is_unknown(symbol) for symbol in known.symbols):
            if known.symbols == () and other.symbols and known.coefficient < 2:
                return False
            rigid = [symbol for symbol in other.symbols if not is_unknown(symbol)]
            if rigid or known.coefficient % other.coefficient:
                return False
    return True
