"""One question to one package: is the answer right?"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.peer_adapters.base import (
    Adapter,
    Array,
    Malformed,
    NotExpressible,
    Point,
    Question,
)
from matcalc.api import read
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Symbol
from matcalc.errors import MatcalcError
from tests.corpus.cases import SIZE_SETS, Case
from tests.corpus.score import RTOL, time_limit
from tests.corpus.store import points

#: Verdicts on a question that can be asked, the best first: among several spellings of a question
#: the first of these that is reached counts.
VERDICTS = ("right", "unevaluated", "exception", "no answer", "wrong")

#: An answer with something in it that the benchmark has no value for.
NOT_JUDGED = "not judged"

#: A question that the package has no notation for.
NOT_EXPRESSIBLE = "not expressible"


@dataclass(frozen=True)
class Verdict:
    """What came of one question.

    Attributes:
        status: one of ``VERDICTS``, ``NOT_JUDGED`` or ``NOT_EXPRESSIBLE``.
        detail: the answer, the exception, or what is lacking.
        zero: whether the answer is zero everywhere.
        matrix: whether it is in matrix form.
        seconds: processor time to the answer, which other work on the machine disturbs least.
        misleads: whether the answer is wrong in one of the spellings of the question.
    """

    status: str
    detail: str = ""
    zero: bool = False
    matrix: bool = False
    seconds: float = 0.0
    misleads: bool = False


def question(case: Case) -> Question:
    """The question that a case of the corpus asks."""
    dims = [Dim.of(dim) for dim in case.vars[case.wrt]]
    try:
        reading = read(case.text, case.shapes, case.assume)
        f, wrt = reading.expr, reading.variables[case.wrt]
    except MatcalcError:
        f, wrt = None, Symbol(case.wrt, (*dims, ONE, ONE)[:2])
    return Question(case.text, case.shapes, case.assume, f, wrt, case.order, case.structure_mode)


def judge(adapter: Adapter, case: Case, limit: int) -> Verdict:
    """Ask in every spelling; the best verdict counts, and whether another is silently wrong."""
    asked = question(case)
    found = [verdict(adapter, asked, spelling, case, limit) for spelling in adapter.spellings]
    misleads = any(one.status == "wrong" for one in found)
    return replace(min(found, key=_rank), misleads=misleads)


def _rank(verdict: Verdict) -> int:
    return (*VERDICTS, NOT_JUDGED, NOT_EXPRESSIBLE).index(verdict.status)


def verdict(adapter: Adapter, asked: Question, spelling: str, case: Case, limit: int) -> Verdict:
    """What comes of a question in one spelling."""
    adapter.forget()
    try:
        with time_limit(limit):
            ask = adapter.pose(asked, spelling)
            start = time.process_time()
            answer = ask()
            seconds = time.process_time() - start
    except NotExpressible as lack:
        return Verdict(NOT_EXPRESSIBLE, str(lack))
    except TimeoutError:
        return Verdict("no answer", f"more than {limit} s")
    except Exception as error:  # noqa: BLE001  # a package may fail in any way
        return Verdict("exception", f"{type(error).__name__}: {error}")
    if not adapter.is_evaluated(answer):
        return Verdict("unevaluated", str(answer))
    return _compared(adapter, answer, case, seconds)


def _compared(adapter: Adapter, answer: Any, case: Case, seconds: float) -> Verdict:
    """The verdict on an answer by its values at the points of the corpus."""
    values = []
    for which, sizes in enumerate(SIZE_SETS):
        arrays, wanted = points()[case.id, which]
        try:
            value = np.squeeze(adapter.value(answer, Point(sizes, arrays)))
        except Malformed as error:
            return Verdict("wrong", f"{answer}: {error}", seconds=seconds)
        except NotImplementedError as error:
            return Verdict(NOT_JUDGED, f"{answer}: {error}")
        if not _agree(value, wanted, case):
            return Verdict("wrong", str(answer), zero=not np.any(value), seconds=seconds)
        values.append(value)
    zero = not any(np.any(value) for value in values)
    return Verdict("right", str(answer), zero, adapter.matrix_form(answer), seconds)


def _agree(value: Array, wanted: Array, case: Case) -> bool:
    """Whether the value is the reference in some layout."""
    scale = RTOL * max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    return any(
        value.shape == arranged.shape
        and np.allclose(value, arranged, rtol=0, atol=scale, equal_nan=False)
        for arranged in layouts(wanted, len(case.vars[case.wrt]), case.order)
    )


def layouts(wanted: Array, axes: int, order: int) -> Iterator[Array]:
    """The reference in every layout: its blocks of axes in any order, each of them transposed or not.

    Args:
        wanted: axes of the function, then ``order`` times those of the variable.
        axes: the number of axes of the variable.
        order: of the derivative.
    """
    own = wanted.ndim - order * axes
    blocks = [tuple(range(own))]
    blocks += [tuple(range(own + k * axes, own + (k + 1) * axes)) for k in range(order)]
    for arrangement in itertools.permutations(blocks):
        for turned in itertools.product(*((block, block[::-1]) for block in arrangement)):
            yield np.transpose(wanted, [axis for block in turned for axis in block])
