"""The sources' closed forms, read and evaluated by matcalc, as arrays in tensor convention."""

import re
from collections.abc import Mapping

import numpy as np

from matcalc.codegen.generate import compile_function
from matcalc.passes.elaborate import Reading, parse
from tests.corpus.cases import Case
from tests.reference import restrict

Arrays = Mapping[str, np.ndarray]

#: What the language cannot say: a formula whose indices do not occur, and a function of one source.
BEYOND_LANGUAGE = {"mc-33", "mc-143", "mc-143-b", "mc-144", "mc-144-b"}


def evaluate_closed_form(case: Case, text: str, arrays: Arrays) -> np.ndarray:
    """A closed form in the notation that ``tensor_form`` tells, arranged as that notation does."""
    if case.tensor_form == "index":
        reading = read(case, with_sizes(case, text))
        form = reading.index
        assert form is not None
    else:
        reading = read(case, text)
        form = reading.expr
    value = compile_function(form, variables=list(reading.variables.values()))(**arrays)
    # The sources give d v = ... dA v for a symmetric dA: a tensor is fixed by its symmetric part.
    if case.structure_mode == "tangent":
        return restrict(value, case.structure[case.wrt], "tangent")
    return value


def with_sizes(case: Case, text: str) -> str:
    """``delta(i,j)`` as an entry of an identity whose size is named: on its own it has none."""
    letters = re.match(r"\w+\[([^]]*)\]", text)
    assert letters is not None
    axes = [*read(case, case.text).expr.axes, *case.vars[case.wrt] * case.order]
    sizes = dict(zip(letters[1].split(","), axes, strict=True))
    return re.sub(r"\bdelta\((\w+),(\w+)\)", lambda d: f"eye({sizes[d[1]]})[{d[1]},{d[2]}]", text)


def as_arranged(case: Case, arrays: Arrays, derivative: np.ndarray) -> np.ndarray:
    """The reference derivative as the closed form arranges it.

    Either ``expected_of`` it, or in the vec form: both groups of axes stacked by columns.
    """
    if case.expected_of:
        reading = read(case, case.expected_of, D=case.shapes[case.wrt])
        return compile_function(reading.expr)(**arrays, D=derivative)
    if case.tensor_form == "kron":
        split = derivative.ndim - len(case.vars[case.wrt])
        rows = np.prod(derivative.shape[:split], dtype=int)
        return np.reshape(derivative, (rows, -1), order="F")
    return derivative


def read(case: Case, text: str, **shapes: tuple[str, ...]) -> Reading:
    """A text about the variables of a case."""
    return parse(text, {**case.shapes, **shapes}, case.assume)
