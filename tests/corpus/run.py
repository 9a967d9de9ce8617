"""The scoreboard: every case of the corpus against JAX's derivative.

python -m tests.corpus.run [--only PATTERN] [--failures] [--json]
"""

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatch

from tests.corpus.cases import Case, load
from tests.corpus.score import Outcome, run_case

STATUSES = ("right", "refused", "wrong", "crashed")

#: How many of the slowest and of the longest answers are listed.
LISTED = 20


def main() -> None:
    """Run the cases that the options select and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="cases whose id matches, mc-*"
    )
    parser.add_argument("--failures", action="store_true", help="list all that is not right")
    parser.add_argument("--answers", action="store_true", help="list answers beside the source's")
    parser.add_argument("--json", action="store_true", help="every outcome, one JSON object a line")
    parser.add_argument("--limit", type=int, default=60, metavar="SECONDS", help="time for a case")
    options = parser.parse_args()
    cases = {case.id: case for case in load() if fnmatch(case.id, options.only)}
    outcomes = [run_case(case, options.limit) for case in cases.values()]
    lines: list[str] = []
    if options.failures:
        lines += failures(outcomes, cases)
    if options.answers:
        lines += answers(outcomes, cases)
    if options.json:
        lines += (json.dumps(asdict(outcome), ensure_ascii=False) for outcome in outcomes)
    else:
        lines += scoreboard(outcomes, cases)
    print("\n".join(lines))  # noqa: T201


def failures(outcomes: list[Outcome], cases: dict[str, Case]) -> Iterator[str]:
    """Every case that is not right, with its text."""
    for outcome in outcomes:
        if outcome.status != "right":
            case = cases[outcome.id]
            yield f"{outcome.status:8} {case.id}: {case.text}  by {case.wrt}, order {case.order}"
            yield f"         {outcome.reason}"
            if outcome.answer:
                yield f"         answer {outcome.answer}"


def answers(outcomes: list[Outcome], cases: dict[str, Case]) -> Iterator[str]:
    """Every right answer beside the closed form of the source."""
    for outcome in outcomes:
        if outcome.status == "right":
            case = cases[outcome.id]
            yield f"{case.id}: {case.text}  by {case.wrt}, order {case.order}"
            yield f"  {outcome.size or 0:4} {outcome.answer}"
            yield f"  {outcome.expected_size or 0:4} {case.expected}"


def scoreboard(outcomes: list[Outcome], cases: dict[str, Case]) -> Iterator[str]:
    """Counts, reasons of refusals, forms, sizes and times."""
    counts = Counter(outcome.status for outcome in outcomes)
    yield f"{len(outcomes)} cases: " + ", ".join(f"{counts[s]} {s}" for s in STATUSES)
    reasons = Counter(o.reason for o in outcomes if o.status == "refused")
    yield from (f"  {count:4} refused: {reason}" for reason, count in reasons.most_common())
    right = [outcome for outcome in outcomes if outcome.status == "right"]
    # The source prints a matrix form where its layout is that of a gradient or a Jacobian.
    wanted = [o for o in right if cases[o.id].expected_layout in ("gradient", "jacobian")]
    matrices = sum(o.matrix for o in wanted)
    yield f"matrix form: {matrices} of {len(wanted)} that have one in the source"
    yield from sizes(right)
    yield "slowest:"
    for outcome in sorted(right, key=lambda o: -o.seconds)[:LISTED]:
        yield f"  {outcome.seconds:7.2f} s  {outcome.id}"
    yield f"total {sum(o.seconds for o in right):.1f} s"


def sizes(right: list[Outcome]) -> Iterator[str]:
    """Printed size of the answers against that of the source's closed forms."""
    compared = [o for o in right if o.size is not None and o.expected_size]
    ratios = {o.id: o.size / o.expected_size for o in compared}
    if not ratios:
        return
    shorter = sum(ratio < 1 for ratio in ratios.values())
    longer = sum(ratio > 1 for ratio in ratios.values())
    yield (
        f"printed size against the source: {shorter} shorter, {len(ratios) - shorter - longer} equal, "
        f"{longer} longer; ratio {statistics.median(ratios.values()):.2f} (median), "
        f"{statistics.mean(ratios.values()):.2f} (mean)"
    )
    for outcome in sorted(compared, key=lambda o: -ratios[o.id])[:LISTED]:
        if ratios[outcome.id] > 1:
            yield f"  {ratios[outcome.id]:5.2f}  {outcome.id}: {outcome.answer}"


if __name__ == "__main__":
    main()
