"""The time that derivatives take to be found: against SymPy, tensorgrad and JAX, and as problems grow.

    python -m benchmarks.derivation [--only PATTERN] [--cases] [--rounds N] [--sizes N,N,...] [--layers N]

Cases of the corpus that a peer gets right, each in the spelling in which it does: processor time from what a
user hands over to the printed answer. For matcalc that is a text, which it has to read; for the others
the expression in their own notation, which is built before the clock starts. All forget what
they know of earlier questions.

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

PEERS = ("sympy", "tensorgrad")

#: Seconds after which a peer has no answer.
LIMIT = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases whose id matches")
    parser.add_argument("--cases", action="store_true", help="a line for every case")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="125,250,500,1000", help="depths, factors, terms")
    parser.add_argument("--layers", type=int, default=1000, help="of the network, 0 for none")
    options = parser.parse_args(arguments)
    single_thread()
    adapters = installed(["matcalc", *PEERS])
    warnings.simplefilter("ignore")  # after SymPy's import, which sets filters of its own
    cases = [case for case in load_corpus() if fnmatch(case.id, options.only)]
    for name in PEERS:
        if name in adapters:
            times = list(compare(adapters["matcalc"], adapters[name], cases, options.rounds))
            print("\n".join((*against(name, times, options.cases), "")))
    sizes = [int(size) for size in options.sizes.split(",")]
    print("\n".join((*growth(sizes, options.rounds), "")))
    if options.layers:
        print("\n".join((*deep_network(options.layers), "")))
    print("\n".join(circumstances(["matcalc", *PEERS, "jax"])))


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
        found = medians(interleaved(ways, rounds, time.process_time, forgetting))
        yield case, found["own"], found["peer"]


def _is_right(adapter: Adapter, asked: Question, spelling: str, case: Case) -> bool:
    return verdict(adapter, asked, spelling, case, LIMIT).status == "right"


def _printed(adapter: Adapter, asked: Question, spelling: str) -> Callable[[], str]:
    ask = adapter.pose(asked, spelling)
    return lambda: str(ask())


def against(name: str, times: Sequence[Pair], every: bool) -> Iterator[str]:
    """Medians, quartiles and ratios, as a Markdown table."""
    yield f"| the {len(times)} cases that {name} gets right | matcalc | {name} | {name} / matcalc |"
    yield "|---|---:|---:|---:|"
    if every:
        for case, own, peer in times:
            yield _row(f"{case.id}: {case.text} by {case.wrt}", own, peer)
    if len(times) > 1:
        columns = [sorted(column) for column in zip(*[pair[1:] for pair in times], strict=True)]
        for label, quarter in (("lower quartile", 1), ("median", 2), ("upper quartile", 3)):
            yield _row(label, *(statistics.quantiles(c, n=4)[quarter - 1] for c in columns))
        ratio = statistics.median(peer / own for _, own, peer in times)
        yield f"| median of the ratios | | | {ratio:.1f} |"


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
        found = medians(interleaved(ways, rounds, time.process_time))
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
    """All gradients of a network, derived, against JAX's trace and compilation of them."""
    text, names = network(layers)
    derived = statistics.median(_seconds(_gradients_of(network, layers)) for _ in range(3))
    yield f"| all gradients of a network of {layers} layers | seconds | for matcalc's |"
    yield "|---|---:|---:|"
    yield f"| matcalc: text to gradients | {derived:.2f} | 1.0 |"
    found = mc.grad(text, names)
    if hasattr(found, "source"):
        emitted = derived + _seconds(lambda: found.source("jax"))
        yield f"| matcalc: text to source for JAX | {emitted:.2f} | {emitted / derived:.1f} |"
    try:
        traced, compiled = _jax(layers)
    except ImportError as error:
        yield f"| JAX is left out: {error} | | |"
        return
    yield f"| JAX: trace | {traced:.2f} | {traced / derived:.1f} |"
    yield f"| JAX: trace and compile | {compiled:.2f} | {compiled / derived:.1f} |"


def _jax(layers: int) -> tuple[float, float]:
    """Seconds to trace, and to trace and compile."""
    import jax
    import jax.numpy as jnp

    def loss(weights: list[Any], x: Any, y: Any) -> Any:
        for weight in weights:
            x = jnp.tanh(weight @ x)
        return jnp.sum((x - y) ** 2)

    arguments = ([jnp.eye(4) for _ in range(layers)], jnp.ones(4), jnp.ones(4))
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    start = time.perf_counter()
    lowered = gradient.lower(*arguments)
    traced = time.perf_counter() - start
    lowered.compile()
    return traced, time.perf_counter() - start


def _seconds(work: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
