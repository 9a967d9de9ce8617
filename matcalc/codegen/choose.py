"""Which form of a function is computed, where the sizes decide, which are known at the call only.

Several forms are found, each the best one at some sizes: all alike, one small, one large. If one of
them is never much slower than any other it is taken; else the code asks at the call, by comparing sizes.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from matcalc.codegen import cost
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.distribute import distributable, distribute
from matcalc.codegen.fix_order import fix_order
from matcalc.codegen.order import order
from matcalc.codegen.share import share
from matcalc.codegen.traces import split_traces
from matcalc.codegen.work import Work
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, postorder
from matcalc.ops.linalg import INV, LOGDET
from matcalc.ops.structural import MATMUL
from matcalc.passes.build import is_op

#: Sizes that are much smaller and much larger than ``cost.USUAL_SIZE``: those of features and of samples.
SMALL_SIZE, LARGE_SIZE = 10, 1000

#: Sizes at which forms are compared, every one with every other. Of the 434 functions of the corpus one or two are
#: computed otherwise with (10, 100, 1000), with (8, 60, 400), or with two more sizes in between; with
#: two sizes only, 24.
GRID = (25, 150, 1000)

#: With more sizes than this that matter, no forms are compared: the form for usual sizes is taken. The
#: points of the grid are 81 for 4 sizes, and three times as many for each more.
MOST_SIZES = 4

#: Of more sums, or in larger functions, none is multiplied out. For each sum the whole function
#: is ordered once more, and all that again in up to 15 regimes of sizes: 0.15 s for 8 sums in 73
#: nodes with 3 sizes, some 2 s for as many in 400 with 4.
MOST_SUMS = 8
MOST_NODES = 400

#: How much slower than the best form one may be at the worst sizes, so that the code needs no
#: ``if``. 26 functions of the corpus have one; one more would with 1.1, and 5 only with 3.
TOLERANCE = 2.0

#: Where all sizes are alike, which is usual, the form must be faster still: there what it is slower by is
#: raised to this power, so that 1.2 is as bad as 2. Without, 12 of these functions would have no ``if``.
ALIKE = 4

#: How much slower two forms may be than the best one of all, before there are three. One function
#: of the corpus has three; with 2 there is a second one, with 5 none.
MUCH = 3.0


@dataclass(frozen=True)
class Condition:
    """``small < min(large)``: which of two forms costs less."""

    small: str
    large: tuple[str, ...]

    def holds(self, sizes: cost.Sizes) -> bool:
        """Whether it does at these sizes."""
        return sizes[self.small] < min(sizes[name] for name in self.large)


@dataclass(frozen=True)
class Case:
    """A form of the function and when it is computed; the last one needs no condition."""

    condition: Condition | None
    roots: tuple[Expr, ...]


def choose(roots: Sequence[Expr], dialect: Dialect, readable: Container[str]) -> list[Case]:
    """The forms in which a function is computed, the first whose condition holds.

    Args:
        roots: what is computed.
        dialect: the array library.
        readable: the size symbols that can be read off the arguments.
    """
    usual = dict.fromkeys(sorted(_symbols(roots)), cost.USUAL_SIZE)
    forms = _Forms(roots, dialect)
    first = forms.best_at(usual)
    deciding = sorted(forms.decided_by)
    if not 1 < len(deciding) <= MOST_SIZES:
        return [Case(None, first)]
    bounds = _bounds(roots)
    found = {first: None}
    for sizes in _regimes(deciding):
        if _is_possible(usual | sizes, bounds):
            found.setdefault(forms.best_at(usual | sizes))
    if len(found) == 1:
        return [Case(None, first)]
    points = (
        dict(zip(deciding, sizes, strict=True)) for sizes in product(GRID, repeat=len(deciding))
    )
    grid = [usual | sizes for sizes in points if _is_possible(usual | sizes, bounds)]
    conditions = _conditions([symbol for symbol in deciding if symbol in readable])
    different = list(found)
    return _cases(different, grid, _compared(different, grid, deciding, conditions, dialect))


def _conditions(symbols: Sequence[str]) -> Iterator[Condition]:
    for small in symbols:
        others = [symbol for symbol in symbols if symbol != small]
        for number in (1, 2):
            for large in combinations(others, number):
                yield Condition(small, large)


# ------------------------------------------------------------------ forms


class _Forms:
    """The forms that a function has, as other sums in it are multiplied out.

    Attributes:
        decided_by: the size symbols that decide which form is cheapest.
    """

    def __init__(self, roots: Sequence[Expr], dialect: Dialect) -> None:
        self._roots = roots
        self._dialect = dialect
        self._sums = _sums(roots)
        self._distributed: dict[frozenset[Expr], list[Expr]] = {}
        self.decided_by = _symbols(self._sums)

    def best_at(self, sizes: cost.Sizes) -> tuple[Expr, ...]:
        """The form that is cheapest at these sizes, all products in pairs.

        Sums are multiplied out one by one, where that pays.
        """
        chosen: frozenset[Expr] = frozenset()
        best = self._ordered(chosen, sizes)
        lowest = Work(best, self._dialect).at(sizes) if self._sums else 0.0
        for one in self._sums:
            form = self._ordered(chosen | {one}, sizes)
            if (work := Work(form, self._dialect).at(sizes)) < lowest:
                chosen, best, lowest = chosen | {one}, form, work
        return best

    def _ordered(self, chosen: frozenset[Expr], sizes: cost.Sizes) -> tuple[Expr, ...]:
        if chosen not in self._distributed:
            self._distributed[chosen] = share(split_traces(distribute(self._roots, chosen)))
        ordered = order(self._distributed[chosen], self._dialect, sizes)
        self.decided_by |= ordered.decided_by
        return tuple(ordered.roots)


def _sums(roots: Sequence[Expr]) -> list[Expr]:
    found = distributable(roots)
    if not 0 < len(found) <= MOST_SUMS:
        return []
    return found if sum(1 for _ in postorder(*roots)) <= MOST_NODES else []


def _symbols(nodes: Iterable[Expr]) -> set[str]:
    """The size symbols of the axes of nodes and of all below them."""
    return {symbol for node in postorder(*nodes) for dim in node.shape for symbol in dim.symbols}


# ------------------------------------------------------------------ sizes


def _regimes(symbols: Sequence[str]) -> Iterator[dict[str, int]]:
    """Sizes some of which are much smaller or larger than the others."""
    for one in symbols:
        yield {one: SMALL_SIZE}
        yield {one: LARGE_SIZE}
    # Of three, two small ones are as good as one large one.
    if len(symbols) > 3:
        yield from (dict.fromkeys(two, SMALL_SIZE) for two in combinations(symbols, 2))


def _bounds(roots: Sequence[Expr]) -> list[tuple[Dim, Dim]]:
    """Sizes that are at most others where the function is defined: ``inv(W' W)`` needs a tall ``W``."""
    found = []
    for node in postorder(*roots):
        if isinstance(node, Apply) and node.op in (INV, LOGDET) and is_op(node.args[0], MATMUL):
            rows, _ = node.args[0].shape
            found += [(rows, factor.shape[0]) for factor in node.args[0].args]
    return found


def _are_alike(sizes: Iterable[int]) -> bool:
    return len(set(sizes)) == 1


def _is_possible(sizes: cost.Sizes, bounds: Iterable[tuple[Dim, Dim]]) -> bool:
    return all(small.evaluate(sizes) <= large.evaluate(sizes) for small, large in bounds)


# ------------------------------------------------------------------ the choice


#: A condition, the number of a form, and the numbers of the points where it is computed.
_Found = tuple[Condition | None, int, frozenset[int]]


@dataclass(frozen=True)
class _Comparison:
    """How forms do at the points of a grid of sizes.

    Attributes:
        ratios: for each point, how much slower than the best form each one is.
        conditions: what the code can ask at the call, with the points where it holds.
    """

    ratios: Sequence[Sequence[float]]
    conditions: Mapping[Condition, frozenset[int]]

    def single(self, points: frozenset[int]) -> tuple[float, list[_Found]]:
        """The form that is best at the worst of these points, and how slow it is there."""
        forms = range(len(self.ratios[0]))
        worst = [max((self.ratios[k][form] for k in points), default=1.0) for form in forms]
        best = min(forms, key=worst.__getitem__)
        return worst[best], [(None, best, points)]

    def decided(self, points: frozenset[int], number: int) -> tuple[float, list[_Found]]:
        """The best forms after so many conditions."""
        best = self.single(points)
        if not number:
            return best
        for condition, holds in self.conditions.items():
            first, [(_, form, here)] = self.single(points & holds)
            if first >= best[0]:
                continue
            second, others = self.decided(points - holds, number - 1)
            if max(first, second) < best[0]:
                best = max(first, second), [(condition, form, here), *others]
        return best


def _compared(
    forms: Sequence[tuple[Expr, ...]],
    grid: Sequence[cost.Sizes],
    deciding: Sequence[str],
    conditions: Iterable[Condition],
    dialect: Dialect,
) -> _Comparison:
    works = [Work(form, dialect) for form in forms]
    ratios = []
    for sizes in grid:
        costs = [work.at(sizes) for work in works]
        power = ALIKE if _are_alike(sizes[name] for name in deciding) else 1
        ratios.append([(each / min(costs)) ** power for each in costs])
    holds = {
        condition: frozenset(k for k, sizes in enumerate(grid) if condition.holds(sizes))
        for condition in conditions
    }
    return _Comparison(ratios, holds)


def _cases(
    forms: Sequence[tuple[Expr, ...]], grid: Sequence[cost.Sizes], comparison: _Comparison
) -> list[Case]:
    """As few forms as are never much slower than the best one, and when each is computed."""
    everywhere = frozenset(range(len(grid)))
    worst, found = comparison.single(everywhere)
    for number, tolerance in ((1, TOLERANCE), (2, MUCH)):
        if worst > tolerance:
            worst, found = comparison.decided(everywhere, number)
    return [
        Case(condition, fix_order(forms[form], [grid[k] for k in sorted(points)]))
        for condition, form, points in found
    ]
