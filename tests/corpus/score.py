"""What matcalc makes of one case of the corpus."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import matcalc as mc
from tests.corpus.cases import SIZE_SETS, Case
from tests.corpus.store import points
from tests.reference import assert_close

RTOL = 1e-8

#: Seconds from one interruption of what takes too long to the next.
AGAIN = 0.5

#: Tokens that count: names, numbers with their exponents, operators. Not parentheses, commas and
#: signs of the plain product, which one notation needs where another does not.
TOKEN = re.compile(
    r"[.]?\^-?(?:\d+|[^\W\d]\w*)|[^\W\d]\w*|\d+(?:[.]\d+)?|[.][*/]|['+\-/^⊗⊙]|[⁰¹²³⁴-⁹⁻ᵀ]+"
)


@dataclass(frozen=True)
class Outcome:
    """The verdict on one case.

    Attributes:
        status: ``right``, ``refused``, ``wrong`` or ``crashed``.
        reason: first line of the refusal or failure.
        answer: the answer as printed.
        matrix: whether it has a matrix form.
        size: tokens of the answer, ``None`` without one.
        expected_size: tokens of the source's closed form, if it has one.
        seconds: time to differentiate, arrange, print and compile.
    """

    id: str
    status: str
    reason: str = ""
    answer: str = ""
    matrix: bool = False
    size: int | None = None
    expected_size: int | None = None
    seconds: float = 0.0


def run_case(case: Case, limit: int = 60) -> Outcome:
    """Differentiate and compare at every stored point; never raises."""
    start = time.perf_counter()
    try:
        with time_limit(limit):
            derivative = differentiate(case)
            function = derivative.function("numpy")
            answer = printed(case, derivative)
            seconds = time.perf_counter() - start
            compare(case, function)
    except mc.CheckProblem as error:
        return Outcome(case.id, "crashed", error.problem)
    except mc.MatcalcError as error:
        return Outcome(case.id, "refused", f"{type(error).__name__}: {error.problem}")
    except AssertionError as error:
        return Outcome(case.id, "wrong", str(error).strip().replace("\n", " ")[:200], answer)
    except Exception as error:  # noqa: BLE001  # the scoreboard counts crashes, of whatever kind
        return Outcome(case.id, "crashed", f"{type(error).__name__}: {error}"[:200])
    return Outcome(
        case.id,
        "right",
        answer=answer,
        matrix=derivative.expr is not None,
        size=token_count(answer),
        expected_size=token_count(right_side(case.expected)) if case.expected else None,
        seconds=seconds,
    )


def differentiate(case: Case) -> mc.Derivative:
    """The derivative as a user would ask for it."""
    return mc.diff(
        case.text,
        case.wrt,
        shapes=case.shapes,
        assume=case.assume,
        order=case.order,
        structured=case.structure_mode or "ambient",
    )


def compare(case: Case, function) -> None:
    """Compare with the reference. In mixed layout the axes are those of the tensor convention."""
    for which in range(len(SIZE_SETS)):
        arrays, wanted = points()[case.id, which]
        assert_close(function(**arrays), wanted, RTOL)


def printed(case: Case, derivative: mc.Derivative) -> str:
    """The form of the answer that corresponds to the source's: matrix, vec or index form."""
    form = derivative.to_dict()
    if case.tensor_form == "kron" and form["vec"]:
        return form["vec"]
    return form["expr"] if form["expr"] is not None else right_side(form["index"])


def right_side(text: str) -> str:
    """An index formula without its left side, anything else as it is."""
    return re.sub(r"^\w+\[[^]]*\] = ", "", text)


def token_count(text: str) -> int:
    """The size of a formula."""
    # The bars of a norm or absolute value come in pairs, and a pair is one function.
    return len(TOKEN.findall(text)) + len(re.findall(r"\|+", text)) // 2


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread when the time is over, and again where it is swallowed.

    Not by processor time: while a timer of that runs, Linux tells the processor time in ticks.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
