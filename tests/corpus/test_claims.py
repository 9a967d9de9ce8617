"""Claims about derivatives, right ones rearranged and wrong ones of every kind: ``claims.jsonl``.

Every verdict must be right; every counterexample must hold when JAX evaluates it, which knows nothing
of how it was found; and the likely mistake must be named for most of the wrong ones.
"""

import itertools
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import matcalc as mc
from matcalc.core.expr import Expr
from tests.jax_reference import evaluate, slope

ARGUMENTS = ("shapes", "assume", "layout", "order", "structured")

#: Of the wrong claims, how many must have a likely mistake named.
NAMED = 0.8


@cache
def claims():
    lines = Path(__file__).with_name("claims.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def verdict(number):
    claim = claims()[number]
    given = {name: claim[name] for name in ARGUMENTS if name in claim}
    return mc.check(claim["text"], claim["wrt"], claim["claim"], **given)


def numbers(*, ok):
    return [
        pytest.param(k, id=f"{claim['text']} | {claim['claim']}")
        for k, claim in enumerate(claims())
        if claim["ok"] is ok
    ]


@pytest.mark.parametrize("number", numbers(ok=True))
def test_right_claim_is_accepted(number):
    found, claim = verdict(number), claims()[number]
    assert found.ok is True, str(found)
    assert found.layout == claim["right_in"]
    assert found.counterexample is None
    assert found.cause is None


@pytest.mark.parametrize("number", numbers(ok=False))
def test_wrong_claim_is_refuted(number):
    found, claim = verdict(number), claims()[number]
    assert found.ok is False, str(found)
    assert (found.counterexample is None) == (found.wrong_shape is not None), str(found)
    if claim["cause"]:
        assert found.cause == claim["cause"]


def test_enough_claims():
    assert len(numbers(ok=True)) >= 30
    assert len(numbers(ok=False)) >= 30


def test_likely_mistake_is_named():
    wrong = [param.values[0] for param in numbers(ok=False)]
    named = [k for k in wrong if verdict(k).cause and claims()[k]["cause"]]
    assert len(named) >= NAMED * len(wrong)


REFUTED = [
    param
    for param in numbers(ok=False)
    if "L:" not in claims()[param.values[0]]["text"]  # JAX cannot evaluate an abstract function
]


@pytest.mark.parametrize("number", REFUTED)
def test_counterexample_holds_in_jax(number):
    found = verdict(number)
    wrong = found.counterexample
    if wrong is None:
        assert found.wrong_shape
        return
    arrays = {name: np.array(value, dtype=float) for name, value in wrong.point.items()}
    place = tuple(k - 1 for k in wrong.index)
    claimed = _claimed(found.claim, arrays, wrong.sizes)
    np.testing.assert_allclose(claimed[place], float(wrong.claimed), rtol=1e-9, atol=1e-12)
    assert abs(float(wrong.claimed) - float(wrong.expected)) > 1e-9
    if found.answer.structured == "ambient":
        expected = _in_layout(_tensor(found.answer, arrays, wrong.sizes), found)
        np.testing.assert_allclose(expected[place], float(wrong.expected), rtol=1e-9, atol=1e-12)


def _claimed(claim, arrays, sizes):
    if isinstance(claim, Expr):
        return _value(claim, arrays, sizes)
    number = {index: k for k, index in enumerate({*claim.free, *_indices(claim)})}
    ones = [(np.ones(index.dim.evaluate(sizes)), [number[index]]) for index in claim.free]
    total = 0
    for term in claim.terms:
        operands = list(ones)
        for factor in term.factors:
            value = _value(factor.expr, arrays, sizes)
            operands.append((value, [number[index] for index in factor.slots]))
        flat = [part for operand in operands for part in operand]
        total += float(term.coefficient) * np.einsum(*flat, [number[i] for i in claim.free])
    return total


def _indices(claim):
    return (index for term in claim.terms for index in term.indices())


def _value(e, arrays, sizes):
    """The value, without axes of size 1."""
    return np.reshape(evaluate(e, arrays, sizes)[e], [dim.evaluate(sizes) for dim in e.axes])


def _tensor(answer, arrays, sizes):
    """The derivative by JAX, entry of the variable by entry."""
    x = arrays[answer.wrt.name]
    units = [unit.reshape(x.shape) for unit in np.eye(x.size)]
    columns = [
        slope(answer.f, answer.wrt, arrays, sizes, directions)
        for directions in itertools.product(units, repeat=answer.order)
    ]
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + x.shape * answer.order)


def _in_layout(tensor, found):
    """The tensor as the layout of the claim arranges it, see the table in passes/layout.py."""
    if found.layout == "vec":
        cut = len(found.answer.f.axes)
        sides = [int(np.prod(side)) for side in (tensor.shape[:cut], tensor.shape[cut:]) if side]
        return tensor.reshape(sides, order="F")
    is_gradient = not found.answer.f.axes and found.answer.order == 1
    turned = found.layout == ("numerator" if is_gradient else "denominator")
    return tensor.T if turned else tensor


def test_random_points_do_not_deceive_at_singular_matrices():
    # X'AX is singular for wide X: the values are rounding errors at half of the sizes.
    found = mc.check(
        "tr(inv(X' C X) (X' B X))", "X", TRACE_RATIO, assume={"C": "symmetric", "B": "symmetric"}
    )
    assert found.ok is True


TRACE_RATIO = "-2 C X inv(X' C X) X' B X inv(X' C X) + 2 B X inv(X' C X)"
