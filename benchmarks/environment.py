"""What timings depend on: threads, load, commit, versions."""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import matcalc

#: How the libraries that numerical packages are built on are told their number of threads.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: XLA has a pool of its own, which these flags keep to one thread.
XLA_SINGLE = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def single_thread() -> None:
    """Keep NumPy, PyTorch and JAX to one thread and one processor; to be called before their import."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA_SINGLE}".strip()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def circumstances(packages: Sequence[str]) -> Iterator[str]:
    """The lines below a table: date, load, threads, commit, versions."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    commit = f", commit {found}" if (found := _commit()) else ""
    yield f"{dt.datetime.now(tz=dt.UTC):%d %B %Y}, {load}, threads: {threads()}{commit}"
    yield ", ".join(
        [f"Python {platform.python_version()}", *map(_version, dict.fromkeys(packages))]
    )


def _commit() -> str:
    """That of the clone which this is run in, if it is one."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(
        command, cwd=Path(__file__).parent, check=False, capture_output=True, text=True
    )
    return found.stdout.strip()


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:  # matcalc in a checkout that is not installed
        return f"{name} {matcalc.__version__ if name == 'matcalc' else '(not installed)'}"
