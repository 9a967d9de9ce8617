"""The answer to a question does not depend on what was asked before."""

import matcalc as mc
from matcalc.core.expr import forget
from tests.corpus.cases import load
from tests.corpus.score import differentiate


def asked(case):
    try:
        d = differentiate(case)
        return d, str(d)
    except mc.MatcalcError as error:
        return None, str(error)


def test_answers_do_not_depend_on_what_was_asked_before():
    cases = load()[::3]
    alone = [asked(case)[1] for case in cases]
    # Numbers of nodes are in the order of creation: now the last question has the lowest.
    kept = [asked(case)[0] for case in reversed(cases)]
    forget()
    again = [asked(case)[1] for case in cases]
    assert len(kept) == len(again)
    assert {
        case.id: pair for case, *pair in zip(cases, alone, again, strict=True) if pair[0] != pair[1]
    } == {}
