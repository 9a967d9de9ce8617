"""The benchmarks of derivation and start-up run and print their tables."""

import math

import pytest

from benchmarks import derivation, startup
from benchmarks.growing import FAMILIES


def test_tables(capsys, monkeypatch):
    monkeypatch.setattr(derivation, "single_thread", lambda: None)
    derivation.main(
        ["--only", "mc-8[0-3]", "--cases", "--rounds", "1", "--sizes", "2,4", "--layers", "3"]
    )
    printed = capsys.readouterr().out
    assert "cases that sympy gets right | matcalc | sympy | sympy / matcalc |" in printed
    assert "mc-81: " in printed
    assert all(f"| {name} | " in printed for name in FAMILIES)
    assert "| JAX: trace and compile | " in printed


def test_power():
    assert derivation.power([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0]) == pytest.approx(2)
    assert math.isnan(derivation.power([1], [1.0]))


def test_startup(capsys):
    startup.main(["--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:7]] == [f"| `{p}`" for p in startup.PROCESSES]
    assert lines[6].endswith("| 1.00 | 1.00 |")
