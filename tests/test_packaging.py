"""Wheel, sdist and editable install: ``grammar/`` ships as ``matcalc.grammar`` in each."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: What a build needs. Building in the checkout itself would leave its traces there.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "matcalc", "grammar")

PROBE = """
import importlib.resources, importlib.util
import matcalc
assert importlib.util.find_spec("grammar") is None, "grammar is a top-level package"
assert importlib.resources.files("matcalc.grammar").joinpath("matcalc.lark").is_file()
assert matcalc.diff("x' A x", "x").shape == ("n",)
print(matcalc.__file__)
"""


@pytest.fixture
def checkout(tmp_path):
    """A copy of the sources."""
    target = tmp_path / "checkout"
    target.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return target


def run(*command, **environment):
    """Run a command away from the checkout, and return its output."""
    result = subprocess.run(
        list(map(str, command)),
        cwd="/",
        env={**os.environ, "PYTHONPATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


def test_wheel_built_from_the_sdist(checkout, tmp_path):
    out, unpacked = tmp_path / "dist", tmp_path / "unpacked"
    # Without options, build makes the sdist and then the wheel from what is in the sdist.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, checkout)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"grammar/matcalc.lark", "matcalc/py.typed", "LICENSE"} <= names
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(unpacked)
    assert {"matcalc/grammar/matcalc.lark", "matcalc/py.typed"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"matcalc"}
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("matcalc/**/*.py")}
    assert packages <= {str(Path(name).parent) for name in names}, "a package is not listed"
    assert run(sys.executable, "-P", "-c", PROBE, PYTHONPATH=str(unpacked)).startswith(
        str(unpacked)
    )


def test_editable_install(checkout, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    # The dependencies come from the environment of the tests, behind what is installed here:
    # nothing is downloaded, and a matcalc that is installed there does not get in the way.
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"),
        *("--no-deps", "--no-build-isolation", "--ignore-installed", "--editable", checkout),
    )
    assert run(python, "-P", "-c", PROBE).startswith(str(checkout))
    assert run(tmp_path / "venv" / "bin" / "matcalc", "--version").startswith("matcalc ")


def test_checkout_without_install(checkout):
    location = run(sys.executable, "-P", "-c", PROBE_UNINSTALLED, PYTHONPATH=str(checkout))
    assert location.startswith(str(checkout))


#: From its parent directory any folder can be imported, ``grammar`` too; nothing to be seen there.
PROBE_UNINSTALLED = """
import matcalc
assert matcalc.diff("x' A x", "x").shape == ("n",)
print(matcalc.__file__)
"""
