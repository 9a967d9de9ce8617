"""Time of whole processes: what a command costs before it begins.

    python -m benchmarks.startup [--rounds N]

Bare Python, the import of the packages, and the command line, which take turns. matcalc's grammar is
compiled by the first run and cached; bytecode is written where Python may write it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.environment import circumstances
from benchmarks.timing import milliseconds

COMMAND = 'matcalc diff "x\' A x" x --no-check'

PROCESSES: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import lark": ["-c", "import lark"],
    "import matcalc": ["-c", "import matcalc"],
    COMMAND: ["-m", "matcalc", "diff", "x' A x", "x", "--no-check"],
    "import sympy": ["-c", "import sympy"],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    print("\n".join(table(measure(options.rounds))))
    print()
    print("\n".join(circumstances(["matcalc", "lark", "sympy"])))


def measure(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of every process in every round, after one that warms the caches."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PROCESSES}
    for turn in range(rounds + 1):
        for name, arguments in PROCESSES.items():
            used, start = _processor_seconds(), time.perf_counter()
            command = [sys.executable, *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            wall, processor = time.perf_counter() - start, _processor_seconds() - used
            if turn:
                found[name].append((wall, processor))
    return found


def _processor_seconds() -> float:
    """What all child processes have used so far; ``os.times`` counts in hundredths."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(found: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[str]:
    """Medians and ratios as a Markdown table."""
    yield "| process | wall time | processor time | wall time for SymPy's | processor time for SymPy's |"
    yield "|---|---:|---:|---:|---:|"
    medians = {name: _medians(times) for name, times in found.items()}
    sympy = medians["import sympy"]
    for name, (wall, processor) in medians.items():
        ratios = f"{wall / sympy[0]:.2f} | {processor / sympy[1]:.2f}"
        yield f"| `{name}` | {milliseconds(wall)} | {milliseconds(processor)} | {ratios} |"


def _medians(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    walls, processors = zip(*times, strict=True)
    return statistics.median(walls), statistics.median(processors)


if __name__ == "__main__":
    main()
