"""Times of several methods for one problem, taken in turn so that each meets the same load.

What is counted is processor time: with one thread on one processor it is the time that passes, less
what other programs take of that processor.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: A shorter run is repeated, since the clock and the call cost too.
SHORT = 2e-3

#: A longer run does not notice what the method before it has left behind: memory that is still
#: being given back, cold caches. A shorter one is run once more before the clock starts.
LONG = 0.1

ROUNDS = (3, 101)

Run = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Processor seconds for one run of each method in every round."""

    seconds: Mapping[str, list[float]]

    def speed(self, method: str, than: str) -> float:
        """How many times as fast a method is: the ratio of the medians of all rounds."""
        return statistics.median(self.seconds[than]) / statistics.median(self.seconds[method])


def time_in_turn(methods: Mapping[str, Run], budget: float) -> Times:
    """Time the methods round after round, for about ``budget`` seconds.

    Every method has run once before, so that nothing is compiled here.
    """
    first = {name: _fastest(run) for name, run in methods.items()}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    order = random.Random(1)  # no method always follows the same one, with its caches
    fewest, most = ROUNDS
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for done in range(most):
            elapsed = time.perf_counter() - start
            if done >= fewest and elapsed * (done + 1) / done > budget:
                break
            for name, run in order.sample(sorted(methods.items()), len(methods)):
                if first[name] < LONG:
                    run()
                seconds[name].append(_seconds(run, max(1, round(SHORT / first[name]))))
    finally:
        gc.enable()
    return Times(seconds)


def _seconds(run: Run, repeats: int) -> float:
    """Seconds for one run."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def _fastest(run: Run) -> float:
    """A first estimate: the faster of two runs."""
    return min(_seconds(run, 1), _seconds(run, 1))
