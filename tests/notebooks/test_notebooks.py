"""Every notebook runs, and gives the outputs that are stored in it."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def outputs(notebook):
    """What a reader sees below each cell: streams and the plain text of results."""
    found = []
    for cell in notebook.cells:
        shown = []
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                shown.append(output.text)
            elif output.output_type in {"execute_result", "display_data"}:
                shown.append(output.data["text/plain"])
            else:
                shown.append(f"{output.ename}: {output.evalue}")
        found.append("".join(shown))
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_what_is_stored(path):
    notebook = nbformat.read(path, as_version=4)
    stored = outputs(notebook)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert outputs(notebook) == stored


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_numbered_in_order(path):
    notebook = nbformat.read(path, as_version=4)
    numbers = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))


def test_there_is_a_quickstart():
    assert NOTEBOOKS[0].stem == "01_quickstart"
