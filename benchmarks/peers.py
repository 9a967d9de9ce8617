"""matcalc, SymPy and tensorgrad on the cases of the corpus, judged by JAX's derivatives.

    python -m benchmarks.peers [--only PATTERN] [--peer NAME] [--failures]

Each package is asked in its own notation, which is generated from matcalc's reading of a case. A case
that a package has no notation for does not count for it. Its answers are evaluated with NumPy at two
sets of sizes; any layout is accepted. Where users of a package have a choice of spelling, the best
answer counts. A package that is not installed is left out; ``pip install '.[benchmarks]'`` installs them.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch

from benchmarks.environment import circumstances
from benchmarks.peer_adapters import ADAPTERS, load
from benchmarks.peer_adapters.base import Adapter
from benchmarks.peer_adapters.judge import NOT_EXPRESSIBLE, NOT_JUDGED, Verdict, judge
from tests.corpus.cases import Case
from tests.corpus.cases import load as load_corpus

#: Verdicts by the number of the case in the corpus.
Column = dict[str, Verdict]

#: How much of an answer ``--failures`` shows.
SHOWN = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask every package about every case that the options select."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="cases whose id matches, mc-*"
    )
    parser.add_argument("--peer", action="append", choices=tuple(ADAPTERS), help="only this one")
    parser.add_argument("--failures", action="store_true", help="list all that is not right")
    parser.add_argument("--limit", type=int, default=20, metavar="SECONDS", help="time for a case")
    options = parser.parse_args(arguments)
    cases = [case for case in load_corpus() if fnmatch(case.id, options.only)]
    adapters = installed(options.peer or ADAPTERS)
    warnings.simplefilter("ignore")  # after SymPy's import, which sets filters of its own
    columns: dict[str, Column] = {name: {} for name in adapters}
    for case in cases:  # one package after the other, so that each meets the same load
        for name, adapter in adapters.items():
            columns[name][case.id] = judge(adapter, case, options.limit)
    if options.failures:
        for name, column in columns.items():
            for line in failures(name, column, cases):
                print(line)
    packages = ["matcalc", *(name for each in adapters.values() for name in each.packages)]
    print("\n".join((*table(columns, options.limit), "", f"{len(cases)} cases")))
    print("\n".join(circumstances(packages)))


def installed(names: Iterable[str]) -> dict[str, Adapter]:
    """The adapters of these names, without those whose package is missing; says so."""
    adapters = {}
    for name in names:
        try:
            adapters[name] = load(name)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return adapters


def failures(name: str, column: Column, cases: Sequence[Case]) -> Iterator[str]:
    """Every case that a package does not get right."""
    for case in cases:
        verdict = column[case.id]
        if verdict.status not in ("right", NOT_EXPRESSIBLE):
            false_zero = " (zero)" if verdict.zero else ""
            yield f"{name}: {verdict.status}{false_zero}  {case.id}: {case.text}  by {case.wrt}, order {case.order}"
            yield f"    {' '.join(verdict.detail.split())[:SHOWN]}"


def table(columns: dict[str, Column], limit: int) -> Iterator[str]:
    """The counts as a Markdown table, a column for each package."""
    yield "| | " + " | ".join(columns) + " |"
    yield "|---|" + "---:|" * len(columns)
    rows = {name: counts(column, limit) for name, column in columns.items()}
    for label in next(iter(rows.values()), {}):
        yield f"| {label} | " + " | ".join(row[label] for row in rows.values()) + " |"
    common = set.intersection(*map(right, columns.values())) if columns else set()
    times = [median_time(column, common) for column in columns.values()]
    yield (
        f"| median processor time, the {len(common)} cases right in all columns | "
        + " | ".join(times)
        + " |"
    )


def counts(column: Column, limit: int) -> dict[str, str]:
    """The rows of one column."""
    found = Counter(verdict.status for verdict in column.values())
    asked = len(column) - found[NOT_EXPRESSIBLE]
    rows = {
        "can be expressed": asked,
        "**right**": found["right"],
        "silently wrong": found["wrong"],
        "… of these a false zero": sum(v.zero for v in column.values() if v.status == "wrong"),
        "left unevaluated": found["unevaluated"],
        "exception": found["exception"],
        f"no answer in {limit} s": found["no answer"],
        "silently wrong in some spelling": sum(v.misleads for v in column.values()),
        "in matrix form, of the right": sum(
            v.matrix for v in column.values() if v.status == "right"
        ),
    }
    if found[NOT_JUDGED]:
        rows["not judged"] = found[NOT_JUDGED]
    shown = {label: str(number) for label, number in rows.items()}
    return shown | {"median processor time, right answers": median_time(column, right(column))}


def right(column: Column) -> set[str]:
    """The cases that a package gets right."""
    return {case for case, verdict in column.items() if verdict.status == "right"}


def median_time(column: Column, cases: set[str]) -> str:
    """Median time over some cases."""
    if not cases:
        return "–"
    return f"{1000 * statistics.median(column[case].seconds for case in cases):.1f} ms"


if __name__ == "__main__":
    main()
