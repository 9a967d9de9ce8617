"""Every text of the corpus, and what matrixcalculus.org documents, elaborates."""

import pytest

from matcalc.errors import NameProblem
from tests.corpus.cases import Case, load
from tests.passes.readings import read

CASES = list({(case.text, str(case.vars), str(case.structure)): case for case in load()}.values())
UNKNOWN = ("toepgrad",)

#: Texts of which letters alone do not give the kinds of the source.
OTHER_KINDS = ("sum(a.*x.*b)", "a.*x.*b")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_with_shapes(case: Case) -> None:
    if case.text.startswith(UNKNOWN):
        with pytest.raises(NameProblem):
            read(case.text, shapes=case.shapes, assume=case.assume)
        return
    reading = read(case.text, shapes=case.shapes, assume=case.assume)
    assert {n: [str(d) for d in s.axes] for n, s in reading.variables.items()} == case.vars


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_with_nothing_but_the_scalars_declared(case: Case) -> None:
    if case.text.startswith(UNKNOWN):
        return
    scalars = {name: () for name, dims in case.vars.items() if not dims and name > "g"}
    reading = read(case.text, shapes=scalars)
    kinds = {name: len(symbol.axes) for name, symbol in reading.variables.items()}
    if case.text not in OTHER_KINDS:
        assert kinds == {name: len(case.vars[name]) for name in kinds if name in case.vars}


@pytest.mark.parametrize(
    "text",
    [
        "0.5*x'*A*x",
        "A*exp(x)",
        "(y.*v)'*x",
        "a^b",
        "norm1(A*x-y)",
        "norm2(A*x-y)^2",
        "sum(log(exp(-y.*(X*w)) + vector(1)))",
        "tr(A*X'*B*X*C)",
        "log(det(inv(X)))",
        "x'*A*x + c*sin(y)'*x",
        "tr(X + matrix(1))",
    ],
)
def test_the_inputs_that_matrixcalculus_org_documents(text: str) -> None:
    assert read(text).expr is not None
