"""What README.md shows: its blocks, and how their outputs come about.

``python -m tests.shown`` writes the present outputs into README.md and the notebooks.
"""

import contextlib
import io
import os
import re
import shlex
from pathlib import Path

import nbclient
import nbformat

from matcalc.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ ", re.MULTILINE)


def blocks():
    """Language and text of every block of the README."""
    return BLOCK.findall(README.read_text(encoding="utf-8"))


def commands(text):
    """The commands of a console block, each with the output shown below it."""
    for part in PROMPT.split(text)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.rstrip()


def run_command(command):
    """What a ``matcalc`` command prints, on either stream."""
    program, *arguments = shlex.split(command)
    assert program == "matcalc"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        main(arguments)
    return printed.getvalue().rstrip()


def execute(path):
    """A notebook, run from its first cell to its last, in its folder as Jupyter runs it."""
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources=folder, coalesce_streams=True
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the time of day
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _console(text):
    return "\n".join(f"$ {command}\n{run_command(command)}\n" for command, _ in commands(text))


def _python(text):
    names, shown = {}, []
    for line in text.splitlines():
        if not line.startswith(">>> "):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(line.removeprefix(">>> "), "README.md", "single"), names)
        output = printed.getvalue().rstrip()
        shown.append(line)
        shown += [re.sub(r"^$", "<BLANKLINE>", output, flags=re.MULTILINE)] * bool(output)
    return "\n".join(shown) + "\n"


def _refresh(match):
    writers = {"console": _console, "python": _python}
    language, text = match.groups()
    return f"```{language}\n{writers.get(language, str)(text)}```"


if __name__ == "__main__":
    README.write_text(BLOCK.sub(_refresh, README.read_text(encoding="utf-8")), encoding="utf-8")
    for notebook_path in NOTEBOOKS:
        nbformat.write(execute(notebook_path), notebook_path)
