"""Calls of generated functions: what they take, what they give back, what they refuse."""

import numpy as np
import pytest

import matcalc as mc

BACKENDS = ["numpy", "jax", "torch"]


# ---------------------------------------------------------------------- one call after another


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_call_is_checked_whatever_the_call_before_it_was(backend):
    """Calls with the same kinds of arguments share their checks."""
    f = mc.diff("a x' x", "x").function(backend)
    for a, x, wanted in [
        (2.0, np.array([1.0, 2.0]), [4, 8]),
        (3.0, np.array([1.0, 2.0]), [6, 12]),
        (3.0, np.array([1, 2]), [6, 12]),
        (3, np.array([1.0, 2.0]), [6, 12]),
        (np.array(3.0), np.array([1.0, 2.0, 4.0]), [6, 12, 24]),
        (3.0, [1, 2], [6, 12]),
        (3.0, [1, 2, 4], [6, 12, 24]),
    ]:
        assert f(a=a, x=x).tolist() == wanted
        assert f(x=x, a=a).tolist() == wanted
        with pytest.raises(mc.ShapeProblem, match="x has 2 axes instead of 1"):
            f(a=a, x=np.ones((2, 2)))
        with pytest.raises(mc.ArgumentProblem, match="missing argument: a"):
            f(x=x)


def test_sizes_that_are_given_may_change_from_call_to_call():
    f = mc.diff("a sum(ones(p))", "a").function()
    assert [float(f(p=size)) for size in (2, 3, 3, 2)] == [2, 3, 3, 2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constant_result_has_the_type_of_the_arrays_at_every_call(backend):
    f = mc.diff("a + b' x", "a").function(backend)
    single = np.ones(2, dtype=np.float32)
    for _ in range(2):
        assert "float32" in str(f(a=np.float32(1), b=single, x=single).dtype)
        assert "float32" in str(f(a=1.0, b=single, x=single).dtype)
