"""Every notebook runs, and gives the outputs that are stored in it."""

import nbformat
import pytest

from tests.shown import NOTEBOOKS, execute


def outputs(notebook):
    """What a reader sees below each cell: streams and the plain text of results."""
    return ["".join(map(_text, cell.get("outputs", []))) for cell in notebook.cells]


def _text(output):
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return output.data["text/plain"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_what_is_stored(path):
    assert outputs(execute(path)) == outputs(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_of_one_run_from_top_to_bottom(path):
    cells = nbformat.read(path, as_version=4).cells
    numbers = [cell.execution_count for cell in cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))


def test_there_is_a_quickstart():
    assert NOTEBOOKS[0].stem == "01_quickstart"
