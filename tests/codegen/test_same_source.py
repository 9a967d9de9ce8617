"""The source for a question is the same in every process, whatever was asked before."""

import json
import os
import subprocess
import sys


def test_order_of_questions():
    forwards, backwards = sources(1, 1), sources(-1, 2)
    assert len(forwards) > 100
    assert forwards == backwards


def sources(direction: int, seed: int) -> dict[str, list[str]]:
    """By question, asked in this direction in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.codegen.asked", str(direction)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout)
