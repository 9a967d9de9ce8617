"""Generated code, automatic differentiation and code by hand, in one table of ratios for a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.automatic import NAMES, PRODUCT, SOLUTION
from benchmarks.in_turn import Times, time_in_turn
from benchmarks.methods import Method, methods
from benchmarks.problem import Problem, Target


@dataclass(frozen=True)
class Row:
    """What is known of one problem: the times of the methods that are right."""

    problem: Problem
    times: Times
    wrong: Mapping[str, float]

    @property
    def reference(self) -> str:
        """The method that the others are compared with."""
        return NAMES[self.problem.order][0]

    def speed(self, method: str, than: str) -> float | None:
        """How many times as fast a method is; None where one of the two is missing."""
        known = self.times.seconds
        return self.times.speed(method, than) if method in known and than in known else None


def compare(problem: Problem, backends: tuple[str, ...], budget: float, *, small: bool) -> Row:
    """Compute the derivative with every method, compare the results, time what is right."""
    right: dict[str, Method] = {}
    wrong = {}
    reference: dict[str, np.ndarray] = {}
    for method in methods(problem, problem.arrays(small=small), backends):
        result = method.run()
        if method.numbers is not None:
            value = method.numbers(result)
            error = difference(value, reference.setdefault(method.what, value))
            if not error <= method.tolerance:
                wrong[method.name] = error
                continue
        right[method.name] = method
    return Row(problem, time_in_turn({n: m.run for n, m in right.items()}, budget), wrong)


def difference(value: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference, relative to the largest entry; infinite for another shape."""
    if value.shape != reference.shape:
        return np.inf
    return float(np.abs(value - reference).max() / np.abs(reference).max())


# ------------------------------------------------------------------ tables


def speeds(rows: Sequence[Row], backends: tuple[str, ...]) -> Iterator[str]:
    """How many times as fast as JAX's automatic differentiation everything is."""
    ours = [f"matcalc {backend}" for backend in backends]
    hand = [f"by hand {backend}" for backend in ("numpy", "jax")]
    torch = NAMES[rows[0].problem.order][1]
    operators = [f"operator {backend}" for backend in backends]
    columns = [*ours, torch, *hand, *operators, "core by hand numpy", "core by hand jax"]
    columns = [name for name in columns if any(name in row.times.seconds for row in rows)]
    yield from _table(
        [f"times as fast as {rows[0].reference}", *columns],
        [[_label(row.problem), *(_cell(row, name) for name in columns)] for row in rows],
    )


def uses(rows: Sequence[Row], backends: tuple[str, ...]) -> Iterator[str]:
    """How many times as fast as what is usual in JAX products and solutions are, the core included."""
    columns = [
        (f"{name} {backend}", usual)
        for name, usual in (("H @ v", PRODUCT), ("H.solve(v)", SOLUTION))
        for backend in backends
    ]
    yield from _table(
        [f"times as fast as {PRODUCT}, or {SOLUTION}", *(name for name, _ in columns)],
        [
            [_label(row.problem), *(_cell(row, name, usual) for name, usual in columns)]
            for row in rows
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _label(problem: Problem) -> str:
    return f"({problem.name}) {problem.title}"


def _cell(row: Row, method: str, than: str | None = None) -> str:
    if method in row.wrong:
        return "**wrong**"
    return show(row.speed(method, than or row.reference))


def show(ratio: float | None) -> str:
    """Two digits: the next is noise."""
    if ratio is None:
        return "–"
    return f"{ratio:.2f}" if ratio < 10 else f"{float(f'{ratio:.2g}'):,.0f}"


def verdicts(rows: Sequence[Row], backends: tuple[str, ...]) -> Iterator[str]:
    """Whether the generated code reaches what it is to reach."""
    head = [
        "times as fast as",
        *(f"matcalc {backend}" for backend in backends),
        "wanted",
        "reached in",
    ]
    yield from _table(
        head, [_judged(row, t, backends) for row in rows for t in row.problem.targets]
    )


def _judged(row: Row, target: Target, backends: tuple[str, ...]) -> list[str]:
    reached = {backend: _against(row, target, backend) for backend in backends}
    counted = {b: r for b, r in reached.items() if b in target.backends and r is not None}
    # One library is enough: which it is, is said.
    enough = [backend for backend, ratio in counted.items() if ratio >= target.factor]
    return [
        f"({row.problem.name}) {target.than}",
        *map(show, reached.values()),
        f"{show(target.factor)} in {' or '.join(target.backends)}",
        "–" if not counted else " and ".join(enough) or "**no**",
    ]


def _against(row: Row, target: Target, backend: str) -> float | None:
    than = f"by hand {backend}" if target.than == "by hand" else target.than
    return row.speed(f"matcalc {backend}", than)


def wrong(rows: Sequence[Row]) -> Iterator[str]:
    """The methods whose results are not those of the reference."""
    for row in rows:
        for method, error in row.wrong.items():
            yield f"({row.problem.name}) {method} differs by {error:.1e}: not timed"
