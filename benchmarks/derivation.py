"""The time that derivatives take to be found: against SymPy, tensorgrad and JAX, and as problems grow.

    python -m benchmarks.derivation [--only PATTERN] [--cases] [--rounds N] [--sizes N,N,...] [--layers N]

Cases of the corpus that a peer gets right, each in the spelling in which it does: processor time from what a
user hands over to the printed answer. For matcalc that is a text, which it has to read; for the others
the expression in their own notation, which is built before the clock starts. All forget what
they know of earlier questions. A peer has two seconds for an answer; what takes long is timed in fewer rounds.

Growth: from the text to all gradients, as expressions that code can be generated from, with the power of the
size that fits the times.

A deep network: the same, and the source for JAX, against tracing and compiling ``jax.grad`` of all weights.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

import matcalc as mc
from benchmarks.environment import circumstances, single_thread
from benchmarks.growing import FAMILIES, Family, network
from benchmarks.peer_adapters.base import Adapter, Question
from benchmarks.peer_adapters.judge import question, verdict
from benchmarks.peers import installed
from benchmarks.timing import interleaved, medians, milliseconds
from tests.corpus.cases import Case
from tests.corpus.cases import load as load_corpus
from tests.corpus.score import time_limit

PEERS = ("sympy", "tensorgrad")

#: Seconds after which a peer has no answer.
LIMIT = 2

#: Seconds after which no further round of a case begins, or of a row of the growth table.
CASE_BUDGET = 1.0
ROW_BUDGET = 30.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables, line by line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases whose id matches")
    parser.add_argument("--cases", action="store_true", help="a line for every case")
    parser.add_argument("--rounds", type=int, default=5, help="at most; fewer of what takes long")
    parser.add_argument("--sizes", default="125,250,500,1000", help="depths, factors, terms")
    parser.add_argument("--layers", type=int, default=1000, help="of the network, 0 for none")
    options = parser.parse_args(arguments)
    for line in _lines(options):
        print(line, flush=True)


def _lines(options: argparse.Namespace) -> Iterator[str]:
    single_thread()
    adapters = installed(["matcalc", *PEERS])
    warnings.simplefilter("ignore")  # after SymPy's import, which sets filters of its own
    cases = [case for case in load_corpus() if fnmatch(case.id, options.only)]
    with _imports_aside():
        for name in PEERS:
            if name in adapters:
                times = compare(adapters["matcalc"], adapters[name], cases, options.rounds)
                yield from against(name, times, options.cases)
                yield ""
        sizes = [int(size) for size in options.sizes.split(",")]
        yield from growth(sizes, options.rounds)
        yield ""
        if options.layers:
            yield from deep_network(options.layers)
            yield ""
    yield from circumstances(["matcalc", *PEERS, "jax"])


@contextmanager
def _imports_aside() -> Iterator[None]:
    """The garbage collector does not look through what has been imported, most of which is not used."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


# ------------------------------------------------------------------ cases

#: A case with the median seconds of matcalc and of the peer.
Pair = tuple[Case, float, float]


def compare(own: Adapter, peer: Adapter, cases: Sequence[Case], rounds: int) -> Iterator[Pair]:
    """The times for the cases that the peer gets right."""
    for case in cases:
        asked = question(case)
        spelling = next((s for s in peer.spellings if _is_right(peer, asked, s, case)), None)
        if spelling is None or not _is_right(own, asked, "", case):
            continue
        ways = {"own": _printed(own, asked, ""), "peer": _printed(peer, asked, spelling)}
        forgetting = {"own": own.forget, "peer": peer.forget}
        try:
            times = interleaved(ways, rounds, time.process_time, forgetting, CASE_BUDGET)
        except TimeoutError:  # to print takes longer than to find
            continue
        found = medians(times)
        yield case, found["own"], found["peer"]


def _is_right(adapter: Adapter, asked: Question, spelling: str, case: Case) -> bool:
    return verdict(adapter, asked, spelling, case, LIMIT).status == "right"


def _printed(adapter: Adapter, asked: Question, spelling: str) -> Callable[[], str]:
    ask = adapter.pose(asked, spelling)

    def answer() -> str:
        with time_limit(2 * LIMIT):
            return str(ask())

    return answer


def against(name: str, times: Iterator[Pair], every: bool) -> Iterator[str]:
    """Medians, quartiles and ratios, as a Markdown table."""
    yield f"| cases that {name} gets right | matcalc | {name} | {name} / matcalc |"
    yield "|---|---:|---:|---:|"
    found: list[tuple[float, float]] = []
    for case, own, peer in times:
        found.append((own, peer))
        if every:
            yield _row(f"{case.id}: {case.text} by {case.wrt}", own, peer)
    if len(found) > 1:
        columns = list(zip(*found, strict=True))
        for label, quarter in (("lower quartile", 1), ("median", 2), ("upper quartile", 3)):
            yield _row(label, *(statistics.quantiles(c, n=4)[quarter - 1] for c in columns))
        ratio = statistics.median(peer / own for own, peer in found)
        yield f"| median of the ratios in {len(found)} cases | | | {ratio:.1f} |"


def _row(label: str, own: float, peer: float) -> str:
    return f"| {label} | {milliseconds(own)} | {milliseconds(peer)} | {peer / own:.1f} |"


# ------------------------------------------------------------------ growth


def growth(sizes: Sequence[int], rounds: int) -> Iterator[str]:
    """Times by size, the fitted power, and the nodes of the answers for each node of the function."""
    heads = " | ".join(map(str, sizes))
    yield f"| text to gradients | {heads} | power | nodes |"
    yield "|---|" + "---:|" * (len(sizes) + 2)
    mc.grad("x' A x").forms  # noqa: B018  # reads grammar and rules
    for name, family in FAMILIES.items():
        ways = {str(size): _gradients_of(family, size) for size in sizes}
        found = medians(interleaved(ways, rounds, time.process_time, budget=ROW_BUDGET))
        seconds = [found[str(size)] for size in sizes]
        shown = " | ".join(map(milliseconds, seconds))
        yield f"| {name} | {shown} | {power(sizes, seconds):.2f} | {nodes(family, sizes[-1]):.1f} |"


def _gradients_of(family: Family, size: int) -> Callable[[], Any]:
    text, names = family(size)
    return lambda: mc.grad(text, names).forms


def power(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the line through the logarithms that has the least squares."""
    if len(sizes) < 2:
        return math.nan
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    ).slope


def nodes(family: Family, size: int) -> float:
    """Nodes of the function and all gradients together, for each of the function's."""
    from matcalc.core.expr import postorder
    from matcalc.report import factors

    found = mc.grad(*family(size))
    own = factors(found.f)
    gradients = [e for form in found.forms.values() for e in factors(form)]
    return len(list(postorder(*own, *gradients))) / len(list(postorder(*own)))


# ------------------------------------------------------------------ a deep network


def deep_network(layers: int) -> Iterator[str]:
    """All gradients of a network, derived and written as code, against JAX's trace and compilation."""
    text, names = network(layers)
    ways: dict[str, Callable[[], Any]] = {
        "matcalc: text to gradients": lambda: mc.grad(text, names).forms,
        "matcalc: text to source for JAX": lambda: mc.grad(text, names).source("jax"),
    }
    try:
        lowered = _lowering(layers)
    except ImportError as error:
        yield f"JAX is left out: {error}"
    else:
        ways["JAX: trace"] = lowered
        ways["JAX: trace and compile"] = lambda: lowered().compile()
    mc.grad(*network(2)).source("jax")  # reads grammar and rules
    processor: dict[str, float] = {}
    wall: dict[str, float] = {}
    for name, way in ways.items():
        times = [_both_clocks(way) for _ in range(3)]
        processor[name], wall[name] = (
            statistics.median(clock) for clock in zip(*times, strict=True)
        )
    yield f"| all gradients, {layers} layers | processor time | wall time | in matcalc's to the source |"
    yield "|---|---:|---:|---:|"
    own = processor["matcalc: text to source for JAX"]
    for name, seconds in processor.items():
        yield f"| {name} | {seconds:.2f} s | {wall[name]:.2f} s | {seconds / own:.1f} |"


def _lowering(layers: int) -> Callable[[], Any]:
    """A call that traces the gradients anew."""
    import jax
    import jax.numpy as jnp

    def lowered() -> Any:
        def loss(weights: list[Any], x: Any, y: Any) -> Any:
            for weight in weights:
                x = jnp.tanh(weight @ x)
            return jnp.sum((x - y) ** 2)

        arguments = ([jnp.eye(4) for _ in range(layers)], jnp.ones(4), jnp.ones(4))
        return jax.jit(jax.grad(loss, argnums=(0, 1, 2))).lower(*arguments)

    return lowered


def _both_clocks(work: Callable[[], Any]) -> tuple[float, float]:
    """Processor and wall seconds."""
    gc.collect()
    processor, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - wall


if __name__ == "__main__":
    main()
