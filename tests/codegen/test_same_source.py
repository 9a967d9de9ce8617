"""The source for a question is the same in every process, whatever was asked before."""

import json
import os
import subprocess
import sys

#: Every so manieth case of the corpus.
STEP = 4

PROGRAM = """
import json, sys
from tests.corpus.cases import load
from tests.corpus.score import differentiate

cases = load()[:: int(sys.argv[2])][:: int(sys.argv[1])]
print(json.dumps({
    case.id: [differentiate(case).source(backend, value=value)
              for backend in ("numpy", "jax") for value in (False, True)]
    for case in cases
}))
"""


def test_order_of_questions():
    forwards, backwards = sources(1, 1), sources(-1, 2)
    assert len(forwards) > 100
    assert forwards == backwards


def sources(direction: int, seed: int) -> dict[str, list[str]]:
    """By case, asked in this direction in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(direction), str(STEP)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout)
