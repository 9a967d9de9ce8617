"""The command line of ``hessians`` and ``gradients``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.comparison import compare, speeds, verdicts, wrong
from benchmarks.environment import circumstances
from benchmarks.methods import BACKENDS, derive
from benchmarks.problem import Problem

PACKAGES = ("matcalc", "numpy", "scipy", "jax", "torch")


def run(problems: Sequence[Problem], arguments: Sequence[str] | None, description: str) -> None:
    """Compare on the problems that are selected, and print the tables."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("problem", nargs="*", help="only these")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this one")
    parser.add_argument("--small", action="store_true", help="at sizes of a few entries")
    parser.add_argument("--seconds", type=float, default=8, help="for each problem, about")
    parser.add_argument("--source", action="store_true", help="print the generated code, no times")
    options = parser.parse_args(arguments)
    backends = tuple(options.backend or BACKENDS)
    unknown = set(options.problem) - {problem.name for problem in problems}
    if unknown:
        parser.error(f"no problem {', '.join(sorted(unknown))}")
    selected = [p for p in problems if not options.problem or p.name in options.problem]
    if options.source:
        print(
            "\n".join(
                derive(p).source(backend, value=p.with_value)
                for p in selected
                for backend in backends
            )
        )
        return
    rows = [compare(p, backends, options.seconds, small=options.small) for p in selected]
    print("\n".join((*speeds(rows, backends), "", *verdicts(rows, backends), "", *wrong(rows))))
    print("\n".join(circumstances(PACKAGES)))
