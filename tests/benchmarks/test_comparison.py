import dataclasses

import numpy as np
import pytest

from benchmarks import run_comparison
from benchmarks.comparison import compare, speeds, uses, verdicts, wrong
from benchmarks.gradient_problems import PROBLEMS as GRADIENTS
from benchmarks.hessian_problems import PROBLEMS as HESSIANS
from benchmarks.in_turn import Times
from benchmarks.methods import derive, numbers

ALL = [*HESSIANS, *GRADIENTS]
NAMES = [f"{problem.name}-{problem.order}" for problem in ALL]


@pytest.mark.parametrize("problem", ALL, ids=NAMES)
def test_code_by_hand_is_right(problem):
    arrays = problem.arrays(small=True)
    generated = derive(problem).function("numpy", value=problem.with_value)
    expected = numbers(generated(**arrays))
    for code in problem.by_hand.values():
        np.testing.assert_allclose(numbers(code(**arrays)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("problem", ALL, ids=NAMES)
def test_arrays_are_the_same_at_every_call_and_have_the_sizes_said(problem):
    small, large = problem.arrays(small=True), problem.arrays()
    assert small.keys() == large.keys()
    assert all((small[name] == again).all() for name, again in problem.arrays(small=True).items())
    assert set(small[problem.wrt].shape) <= set(problem.small.values())
    assert set(large[problem.wrt].shape) <= set(problem.sizes.values())


def test_all_methods_agree_and_are_timed():
    row = compare(HESSIANS[0], ("numpy",), budget=0, small=True)
    assert not row.wrong
    assert row.times.seconds.keys() >= {
        "jax.hessian", "torch.func.hessian", "by hand numpy", "by hand jax", "matcalc numpy",
    }  # fmt: skip


def test_wrong_results_are_not_timed():
    problem = next(p for p in GRADIENTS if p.name == "quadratic")
    by_hand = {"numpy": lambda A, x: 2 * A @ x, "jax": lambda A, x: A @ x}
    row = compare(dataclasses.replace(problem, by_hand=by_hand), ("numpy",), 0, small=True)
    assert row.wrong.keys() == {"by hand numpy", "by hand jax"}
    assert row.times.seconds.keys() == {"jax.grad", "torch.autograd", "matcalc numpy"}
    assert [line.split(" differs")[0] for line in wrong([row])] == [
        "(quadratic) by hand numpy",
        "(quadratic) by hand jax",
    ]
    head, _, line = speeds([row], ("numpy",))
    assert head.endswith(" | matcalc numpy | torch.autograd |")
    assert "wrong" not in line


@pytest.mark.parametrize("problem", HESSIANS, ids=[problem.name for problem in HESSIANS])
def test_cores_by_hand_hold_no_more_than_operators(problem):
    arrays = problem.arrays(small=True)
    H = derive(problem).operator()(**arrays)
    for code in problem.core_by_hand.values():
        assert numbers(code(**arrays)).size <= sum(np.size(array) for array in H.core)


@pytest.mark.parametrize("problem", HESSIANS, ids=[problem.name for problem in HESSIANS])
def test_what_hessians_are_for_is_timed(problem):
    row = compare(problem, ("numpy",), budget=0, small=True)
    assert not row.wrong
    head, _, line = uses([row], ("numpy",))
    assert head.endswith(" | H @ v numpy | H.solve(v) numpy |")
    assert line.endswith("| – |") == problem.is_singular
    dense = np.asarray(derive(problem).function()(**problem.arrays(small=True)))
    size = round(dense.size**0.5)
    is_singular = np.linalg.matrix_rank(dense.reshape(size, size)) < size
    assert is_singular == problem.is_singular


def test_speed_is_the_ratio_of_medians():
    times = Times({"slow": [4.0, 90.0, 8.0], "fast": [1.0, 2.0, 4.0]})
    assert times.speed("fast", "slow") == 4
    assert times.speed("slow", "fast") == 1 / 4


def test_targets_are_judged():
    problem = HESSIANS[0]
    row = compare(problem, ("numpy",), budget=0, small=True)
    row.times.seconds.update({"by hand numpy": [8.0] * 3, "matcalc numpy": [10.0] * 3})
    line = "| (a) by hand | 0.80 | 0.90 in numpy or jax | **no** |"
    assert list(verdicts([row], ("numpy",)))[2] == line
    row.times.seconds["matcalc numpy"] = [8.5] * 3
    line = "| (a) by hand | 0.94 | 0.90 in numpy or jax | numpy |"
    assert list(verdicts([row], ("numpy",)))[2] == line


def test_command_line(capsys, monkeypatch):
    hessians, gradients = "benchmarks.hessian_problems", "benchmarks.gradient_problems"
    with pytest.raises(SystemExit):
        run_comparison.run(hessians, ["nonsense"], "Hessians")
    assert "no problem nonsense" in capsys.readouterr().err
    run_comparison.run(hessians, ["b", "--source", "--backend", "numpy"], "Hessians")
    assert "def derivative(V):" in capsys.readouterr().out
    monkeypatch.setattr(run_comparison, "in_fresh_process", run_comparison.measure)
    options = ["quadratic", "--small", "--seconds", "0", "--backend", "numpy"]
    run_comparison.run(gradients, options, "Gradients")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| (quadratic) x' A x, by x | ")
    # Below each of the two tables.
    assert sum(", threads: " in line for line in lines) == 2
