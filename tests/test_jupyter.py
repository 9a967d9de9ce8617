"""The notebook magics, in IPython's own shell."""

import pytest
from IPython.testing.globalipapp import start_ipython

import matcalc as mc
from matcalc.jupyter import load_ipython_extension


@pytest.fixture(scope="module")
def shell():
    instance = start_ipython()
    load_ipython_extension(instance)
    return instance


def test_line_magic_takes_the_arguments_of_diff(shell):
    d = shell.run_line_magic("matcalc", '"x\' A x" x --layout numerator')
    assert d.shape == (1, "n")


def test_cell_magic_takes_the_expression_from_the_cell(shell):
    d = shell.run_cell_magic("matcalc", "x", "A: (n, n) symmetric\nx' A x\n")
    assert d.to_dict()["expr"] == "2 A x"


def test_several_variables_come_back_by_name(shell):
    assert list(shell.run_line_magic("matcalc", '"W x + b"')) == ["W", "x", "b"]


def test_result_is_displayed_as_a_formula(shell):
    d = shell.run_line_magic("matcalc", '"x\' A x" x')
    data, _ = shell.display_formatter.format(d)
    assert data["text/plain"] == str(d)
    assert data["text/latex"] == f"$\\displaystyle {d.latex()}$"
    assert "application/json" not in data


def test_mistakes_are_errors_of_matcalc(shell):
    with pytest.raises(mc.ArgumentProblem, match="the quotes of x' A x x are not closed"):
        shell.run_line_magic("matcalc", "x' A x x")
    with pytest.raises(mc.NameProblem):
        shell.run_line_magic("matcalc", '"x\' A x" y')
