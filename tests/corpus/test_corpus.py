"""The corpus: every case right, except those whose refusal is listed."""

import numpy as np
import pytest

from matcalc.errors import MatcalcError
from tests.corpus.cases import SIZE_SETS, Case, load
from tests.corpus.closed_forms import BEYOND_LANGUAGE, as_arranged, evaluate_closed_form
from tests.corpus.oracle import reference
from tests.corpus.score import RTOL, Outcome, differentiate, run_case, token_count
from tests.corpus.store import points
from tests.reference import assert_close

#: Identically zero on purpose.
ZERO = {"mc-33", "mc-33-path", "nn-act-sign", "nn-relu-2", "st-skew-quad"}

CASES = load()
WITH_FORM = [case for case in CASES if case.expected and case.id not in BEYOND_LANGUAGE]
FALSE_FORMS = [
    (case, text) for case in CASES for text in (case.source_printed, case.fails_if_assumed) if text
]


OUTCOMES: dict[str, Outcome] = {}


def outcome(case: Case) -> Outcome:
    """How the case comes out; found once, as two tests want it."""
    if case.id not in OUTCOMES:
        OUTCOMES[case.id] = run_case(case)
    return OUTCOMES[case.id]


def identity(value: object) -> str:
    return value.id if isinstance(value, Case) else ""


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_case_is_right(case):
    found = outcome(case)
    assert (found.status, found.reason) == ("right", "")


def test_there_are_434_cases():
    assert len(CASES) == 434


@pytest.mark.parametrize("case", [c for c in CASES if c.id in ZERO], ids=identity)
def test_a_true_zero_is_known_as_one(case):
    assert differentiate(case).is_zero


@pytest.mark.parametrize("case", CASES[::20], ids=identity)
def test_the_stored_reference_is_that_of_jax(case):
    arrays, stored = points()[case.id, 1]
    assert_close(reference(case, arrays), stored, rtol=1e-10)


@pytest.mark.parametrize("case", WITH_FORM, ids=identity)
def test_the_closed_form_of_the_source_agrees(case):
    for which in range(len(SIZE_SETS)):
        arrays, derivative = points()[case.id, which]
        value = evaluate_closed_form(case, case.expected, arrays)
        assert_close(value, as_arranged(case, arrays, derivative), RTOL)


@pytest.mark.parametrize(("case", "text"), FALSE_FORMS, ids=identity)
def test_a_false_form_fails(case, text):
    arrays, derivative = points()[case.id, 0]
    value = evaluate_closed_form(case, text, arrays)
    assert not np.allclose(value, as_arranged(case, arrays, derivative), rtol=1e-3)


@pytest.mark.parametrize("case", [c for c in CASES if c.id in BEYOND_LANGUAGE], ids=identity)
def test_what_the_language_cannot_say_is_refused(case):
    with pytest.raises(MatcalcError):
        evaluate_closed_form(case, case.expected, points()[case.id, 0][0])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2*A*x", 3),
        ("2 A x", 3),
        ("(A + A')*x", 5),
        ("-X^-T*a*b'*X^-T", 8),
        ("x.^2 ./ ||x||", 5),
        ("diag(exp(z))", 3),
        ("0.5*x", 2),
    ],
)
def test_sizes_do_not_depend_on_notation(text, count):
    assert token_count(text) == count
