"""Generated JAX functions run as they are where the samples are spread over several devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded.py")
ROOT = PROGRAM.parents[2]


@pytest.fixture(scope="module")
def runs():
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(PROGRAM)]
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, timeout=120, text=True
    )
    return json.loads(done.stdout)


CASES = ["logistic 1", "logistic 2", "network 1", "network 2"]


@pytest.mark.parametrize("case", CASES)
def test_eight_devices_give_what_one_gives(runs, case):
    assert runs[case]["devices"] == 8
    assert runs[case]["difference"] < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_only_the_result_is_communicated(runs, case):
    # Each device sums over its own samples; the sums are added up. No samples are sent.
    kinds, sizes = zip(*runs[case]["communication"], strict=True)
    assert {*kinds} <= {"all-reduce", "reduce-scatter"}
    assert sum(sizes) <= runs[case]["size"]
