"""Times of several ways to do the same, measured so that they can be compared."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def interleaved(
    ways: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    before: Mapping[str, Callable[[], None]] | None = None,
    budget: float = math.inf,
) -> dict[str, list[float]]:
    """Seconds of every way in every round; the ways take turns, so that each meets the same load.

    Args:
        ways: what to time.
        rounds: how often each.
        clock: what tells the time.
        before: what to do before each, unwatched.
        budget: seconds after which no other round begins.

    Call each once before, where the first call compiles or fills caches that are not to count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + budget
    for done in range(rounds):
        if done and time.perf_counter() > end:
            break
        for name, way in ways.items():
            if before is not None:
                before[name]()
            gc.collect()
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of every way."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def milliseconds(seconds: float) -> str:
    """Three digits of a time."""
    value = 1000 * seconds
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"
