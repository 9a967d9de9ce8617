"""The command line of ``hessians`` and ``gradients``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from benchmarks.comparison import Row, compare, speeds, uses, verdicts, wrong
from benchmarks.environment import circumstances
from benchmarks.in_turn import Times
from benchmarks.methods import BACKENDS, derive
from benchmarks.problem import Problem

PACKAGES = ("matcalc", "numpy", "scipy", "jax", "torch")

Measured = tuple[Times, Mapping[str, float]]


def run(module: str, arguments: Sequence[str] | None, description: str) -> None:
    """Compare on the problems of a module that are selected, and print the tables."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("problem", nargs="*", help="only these")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this one")
    parser.add_argument("--small", action="store_true", help="at sizes of a few entries")
    parser.add_argument("--seconds", type=float, default=8, help="for each problem, about")
    parser.add_argument("--source", action="store_true", help="print the generated code, no times")
    options = parser.parse_args(arguments)
    backends = tuple(options.backend or BACKENDS)
    problems = problems_of(module)
    if unknown := sorted(set(options.problem) - problems.keys()):
        parser.error(f"no problem {', '.join(unknown)}")
    selected = [problems[name] for name in options.problem or problems]
    if options.source:
        for problem in selected:
            for backend in backends:
                print(derive(problem).source(backend, value=problem.with_value))
        return
    rows = []
    for problem in selected:
        times, errors = in_fresh_process(
            module, problem.name, backends, options.seconds, options.small
        )
        rows.append(Row(problem, times, errors))
    tables = [speeds(rows, backends), verdicts(rows, backends)]
    if any(row.problem.order == 2 for row in rows):
        tables.insert(1, uses(rows, backends))
    below = "\n".join(circumstances(PACKAGES))
    for table in tables:
        print("\n".join(table), below, sep="\n\n", end="\n\n")
    print("\n".join(wrong(rows)))


def problems_of(module: str) -> dict[str, Problem]:
    """The problems by name."""
    return {problem.name: problem for problem in import_module(module).PROBLEMS}


def in_fresh_process(*arguments: Any) -> Measured:
    """``measure`` where no problem was measured before.

    What large arrays cost depends on the memory that a process has taken and given back before: the
    same code was seen to take five times as long after other problems.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def measure(
    module: str, name: str, backends: tuple[str, ...], budget: float, small: bool
) -> Measured:
    """The times of the methods that are right, and the errors of the others."""
    row = compare(problems_of(module)[name], backends, budget, small=small)
    return row.times, row.wrong
