"""The laws over a few hundred random problems; ``python -m tests.laws`` takes thousands."""

import pytest
from hypothesis import HealthCheck, assume, given, settings

from matcalc.errors import LimitProblem, UnsupportedProblem
from tests.laws.laws import LAWS, Law
from tests.laws.problem import Discarded, Problem
from tests.strategies import problems

#: Examples of a law that is quick, and of one that the long mode thins out.
EXAMPLES, FEW = 40, 6


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name.replace(" ", "-"))
def test_law(law: Law) -> None:
    @settings(
        max_examples=EXAMPLES if law.every <= 2 else FEW,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(problems())
    def holds(problem: Problem) -> None:
        try:
            law.holds(problem)
        except Discarded:
            assume(False)
        except (UnsupportedProblem, LimitProblem):
            # To refuse is no wrong answer. The long mode counts how often.
            return

    holds()
