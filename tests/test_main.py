"""The command as a process: streams that are closed or full, interrupts, encodings."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matcalc

COMMAND = [sys.executable, "-m", "matcalc"]


def process(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, **options
    )


def test_module_can_be_run():
    assert process("--version").stdout == f"matcalc {matcalc.__version__}\n"


def test_closed_pipe_is_no_traceback():
    pipeline = f"{sys.executable} -m matcalc rules | head -n 1"
    result = subprocess.run(pipeline, shell=True, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("add(")
    assert result.stderr == ""


def test_closed_input_is_no_traceback():
    command = f"{sys.executable} -m matcalc diff - x <&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: standard input is closed\n")


def test_closed_output_is_no_traceback():
    command = f"{sys.executable} -m matcalc --version >&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_full_disk_is_no_traceback():
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*COMMAND, "rules"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 2
    assert result.stderr.startswith("error: cannot write: ")
    assert "Traceback" not in result.stderr


def test_interrupt_is_no_traceback():
    child = subprocess.Popen(
        [*COMMAND, "diff", "-", "x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    time.sleep(1)  # it waits for input by then
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (130, "", "")


def test_output_without_unicode_is_no_traceback():
    result = process(
        "diff", "W x", "W", "--no-check", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert result.returncode == 0
    assert "\\u03b4[i,j]" in result.stdout


def test_no_colour_when_not_on_a_terminal():
    assert "\033" not in process("diff", "x x", "x").stderr
