"""The long mode: laws over thousands of random problems.

    python -m tests.laws --examples 20000 --seed 1

prints what every law was tried on, and each failure with a smaller one of its kind.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from matcalc.errors import LimitProblem, MatcalcError, UnsupportedProblem
from tests.laws.laws import LAWS, Law
from tests.laws.problem import RANGES, Discarded, Problem, Violation, random_problem
from tests.laws.shrink import shrink

#: Examples between two lines of progress, and in one task of a process.
CHUNK = 100


@dataclass
class Outcome:
    """What became of one law."""

    held: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Outcome) -> None:
        """Take in what another process found."""
        self.held += other.held
        self.discarded += other.discarded
        self.refused += other.refused
        self.failures += other.failures
        self.seconds += other.seconds


Outcomes = dict[str, Outcome]


def example(seed: int, number: int, leaves: int) -> Problem:
    """Problem of this number; of the points tried, the first at which the expression is defined."""
    rng = random.Random(f"{seed}/{number}")
    problem = random_problem(rng.choice, leaves)
    reason = ""
    for name in [problem.range, *RANGES]:
        try:
            candidate = Problem(problem.expr, problem.wrt, name)
            candidate.value  # noqa: B018 - discards
        except Discarded as why:
            reason = reason or str(why)
        else:
            return candidate
    raise Discarded(reason)


def run(seed: int, leaves: int, numbers: Sequence[int], laws: Sequence[Law]) -> Outcomes:
    """All laws on the examples of these numbers."""
    outcomes: Outcomes = {law.name: Outcome() for law in laws}
    for number in numbers:
        try:
            problem = example(seed, number, leaves)
        except Discarded as reason:
            for outcome in outcomes.values():
                outcome.discarded[str(reason)] += 1
            continue
        for law in laws:
            if number % law.every == 0:
                start = time.perf_counter()
                _try(law, problem, outcomes[law.name], f"{seed}/{number}")
                outcomes[law.name].seconds += time.perf_counter() - start
    return outcomes


def _try(law: Law, problem: Problem, outcome: Outcome, name: str) -> None:
    try:
        law.holds(problem)
    except Discarded as reason:
        outcome.discarded[str(reason)] += 1
    except (UnsupportedProblem, LimitProblem) as refusal:
        outcome.refused[refusal.problem] += 1
    # Whatever else is raised is what the long mode looks for.
    except Exception as error:  # noqa: BLE001
        kind = type(error)
        smaller = shrink(problem, lambda p: kind in _failure(law, p))
        outcome.failures.append(
            f"{law.name}, example {name}\n  {smaller}\n  {_report(law, smaller)}"
        )
    else:
        outcome.held += 1


def _failure(law: Law, problem: Problem) -> tuple[type[Exception], ...]:
    """The kind of failure, if the law fails at a point that is none's edge."""
    try:
        problem.value  # noqa: B018 - discards
        law.holds(problem)
    except (Discarded, UnsupportedProblem, LimitProblem):
        return ()
    except Exception as error:  # noqa: BLE001
        return (type(error),)
    return ()


def _report(law: Law, problem: Problem) -> str:
    try:
        law.holds(problem)
    except (Violation, MatcalcError) as error:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001
        return "\n  ".join(traceback.format_exc().splitlines()[-3:])
    return "fails on the way here only"


def table(outcomes: Outcomes) -> Iterator[str]:
    """What was found, a line for every law, with the reasons below."""
    yield f"{'law':20} {'held':>7} {'failed':>7} {'refused':>8} {'discarded':>10} {'ms each':>8}"
    for name, o in outcomes.items():
        refused, discarded = o.refused.total(), o.discarded.total()
        tried = o.held + len(o.failures) + refused + discarded
        each = 1000 * o.seconds / max(tried, 1)
        yield f"{name:20} {o.held:7} {len(o.failures):7} {refused:8} {discarded:10} {each:8.1f}"
    for title in ("refused", "discarded"):
        reasons: Counter[str] = Counter()
        for outcome in outcomes.values():
            for reason, count in getattr(outcome, title).items():
                # Names and sizes do not matter.
                reasons[re.sub(r"\b\d+\b", "#", reason)] += count
        yield f"\n{title}, over all laws"
        yield from (f"{count:7}  {reason}" for reason, count in reasons.most_common(30))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and say by the exit status whether all laws hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.laws", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leaves", type=int, default=16, help="of the largest expressions")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--only", metavar="NUMBER", type=int, help="one example, by its number")
    parser.add_argument("--law", action="append", choices=[law.name for law in LAWS])
    chosen = parser.parse_args(arguments)
    laws = [law for law in LAWS if not chosen.law or law.name in chosen.law]
    numbers = range(chosen.examples) if chosen.only is None else range(chosen.only, chosen.only + 1)
    chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
    outcomes: Outcomes = {law.name: Outcome() for law in laws}
    start = time.perf_counter()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        work = partial(run, chosen.seed, chosen.leaves, laws=laws)
        for done, part in enumerate(pool.map(work, chunks), 1):
            for name, outcome in part.items():
                outcomes[name].add(outcome)
                for failure in outcome.failures:
                    sys.stdout.write(f"\nFAILED {failure}\n")
                    sys.stdout.flush()
            progress = f"{min(done * CHUNK, len(numbers))} of {len(numbers)} examples"
            sys.stderr.write(f"{progress}, {time.perf_counter() - start:.0f} s\n")
    sys.stdout.write("\n".join(["", *table(outcomes), ""]))
    return any(outcome.failures for outcome in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
