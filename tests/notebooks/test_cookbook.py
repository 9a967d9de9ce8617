"""What the notebook on the Matrix Cookbook decides with: verdicts, counterexamples, coverage."""

import re
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from notebooks.cookbook import Claim, Comparison, compare, counterexample
from notebooks.cookbook.numeric import free_parameters, is_close, structure_matrices
from tests.corpus.cases import load
from tests.reference import structure_basis
from tests.shown import ROOT

NOTEBOOK = nbformat.read(ROOT / "notebooks" / "02_matrix_cookbook.ipynb", as_version=4)
CASES = [case for case in load() if case.source.startswith("Matrix Cookbook (")]

#: Of (94) to (95) the notebook shows the last member, of (136) to (137) likewise.
STEPS = {"94", "136"}


def number(case):
    return re.search(r"\((\d+)\)", case.source)[1]


def test_every_equation_of_the_corpus_has_a_claim():
    source = "\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code")
    claimed = set(re.findall(r'Claim\(\s*"(\d+)[",]', source))
    assert {number(case) for case in CASES} - STEPS == claimed


def test_the_claims_found_wrong_are_those_that_the_corpus_knows():
    cell = next(cell for cell in NOTEBOOK.cells if cell.source.endswith("chapter.false"))
    shown = cell.outputs[-1].data["text/plain"]
    found = re.findall(r"^\((\d+).* wrong", shown, re.MULTILINE)
    assert set(found) == {number(case) for case in CASES if case.source_printed}


@pytest.mark.parametrize(
    "claim",
    [
        Claim("101", "tr(A X B)", "X", "A' B'"),
        Claim("60", "X^-1", "X", "D[k,l,i,j] = -(X^-1)[k,i] (X^-1)[j,l]"),
        Claim("40", "X^-1", "X", "-X^-1 dX X^-1"),
        Claim("50", "det(X)", "X", "det(X) eye(n)", of="D X'"),
        Claim("98", "x' A x", "x", "A + A'", order=2),
        Claim(
            "144", "tr(T)", "T", "n eye(n)", {"T": "symmetric toeplitz"}, structured="independent"
        ),
        Claim("142", "tr(A X)", "X", "A .* I", {"X": "diagonal"}, structured="independent"),
        Claim("67", "tr(A A)", "A", "2 tr(A dA)", {"A": "symmetric"}, structured="tangent"),
    ],
    ids=lambda claim: claim.number,
)
@pytest.mark.parametrize("factor", ["1", "-1", "2"])
def test_a_claim_holds_if_and_only_if_it_is_right(claim, factor):
    left, sign, right = claim.book.rpartition("] = ")
    scaled = replace(
        claim, book=f"{left}{sign}{factor} * ({right})" if factor != "1" else claim.book
    )
    assert Comparison(scaled).holds == (factor == "1")


def test_a_transposed_claim_is_wrong():
    assert not Comparison(Claim("101", "tr(A X B)", "X", "B A")).holds


def test_the_book_is_not_judged_by_a_wrong_answer():
    comparison = Comparison(Claim("106", "tr(X^2)", "X", "2 X'"))
    comparison.answer = Comparison(Claim("106", "tr(X^2 + X)", "X", "2 X'")).answer
    with pytest.raises(AssertionError, match=r"a wrong answer to \(106\)"):
        _ = comparison.holds


def test_a_counterexample_is_small_and_is_one():
    row = Comparison(Claim("81", "x' B x", "x", "2 B x"))
    values = row.counterexample()
    assert {array.shape for array in values.at.values()} == {(2,), (2, 2)}
    assert is_close(values.matcalc, values.differences)
    assert not is_close(values.book, values.differences)


def test_there_is_no_counterexample_to_what_is_right():
    with pytest.raises(ArithmeticError, match=r"no counterexample to \(81\)"):
        Comparison(Claim("81", "x' x", "x", "2 x")).counterexample()


@pytest.mark.parametrize("structure", ["symmetric", "diagonal", "toeplitz", "symmetric toeplitz"])
def test_free_parameters_are_those_of_the_reference(structure):
    properties = frozenset(structure.split())
    parameters = free_parameters(4, properties)
    patterns = {tuple((parameters == p).reshape(-1)) for p in np.unique(parameters) if p >= 0}
    assert patterns == {tuple(row != 0) for row in structure_basis(structure, 4)}


def test_points_with_an_unknown_property_are_refused():
    with pytest.raises(ValueError, match="no random matrices that are spd"):
        free_parameters(2, frozenset({"spd"}))


def test_a_structure_matrix_is_zero_where_there_is_no_parameter():
    above = list(structure_matrices((2, 2), frozenset({"diagonal"})))[1]
    assert not above.any()


def test_a_table_says_what_is_wrong_in_text_and_in_latex():
    table = compare(
        Claim("53", "X: (m, n); tr(X' A X)", "X", "2 A X", {"A": "symmetric"}),
        Claim("50", "det(X)", "X", "det(X) X", of="D X'"),
    )
    assert str(table) == (
        "      f           by  the book         matcalc          verdict\n"
        "(53)  tr(X' A X)  X   2 A X            2 A X            right for symmetric A\n"
        "(50)  det(X)      X   D X' = det(X) X  D X' = det(X) I  wrong"
    )
    latex = table._repr_latex_()
    assert r"2 A X & 2 A X & \text{right for symmetric A} \\[6pt]" in latex
    assert r"D X^\top = \det(X) X & D X^\top = \det(X) I & \textbf{wrong}" in latex


def test_assumptions_of_constants_can_be_dropped():
    symmetric = {"A": "symmetric"}
    table = compare(
        Claim("81", "x' A x", "x", "2 A x", symmetric),
        Claim("139", "tr(A)", "A", "eye(n)", symmetric, structured="independent"),
    )
    (row,) = table.without_assumptions().comparisons
    assert (row.claim.number, row.holds) == ("81", False)
    assert "the book, assuming nothing" in str(table.without_assumptions())


def test_a_table_says_whose_claims_it_holds():
    table = compare(Claim("81", "x' x", "x", "2 x"), source="corrected")
    assert str(table + table).splitlines()[0] == "      f     by  corrected  matcalc  verdict"


def test_a_counterexample_shows_its_numbers():
    row = Comparison(Claim("81", "x' B x", "x", "2 B x"))
    shown = counterexample(row)
    assert str(shown).startswith("(81) at\nx = [")
    assert r"\text{the book} & = & \begin{bmatrix}" in shown._repr_latex_()
