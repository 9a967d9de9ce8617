"""What is planned has the value of what was written, in every library."""

import random

import jax
import numpy as np
import pytest
import torch

from matcalc.codegen.generate import compile_function
from matcalc.core.expr import Expr
from matcalc.passes.simplify import simplify
from tests.laws.problem import RANGES, Discarded, Problem
from tests.random_expressions import SHAPES, Grower
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

#: Operations that planning knows, and a few that it does not.
OPS = frozenset(
    ("add", "times", "matmul", "transpose", "matpow", "inv", "logdet", "diag", "diagonal", "tr",
     "sum", "sum_1", "sum_2", "eye", "ones", "kron", "norm2", "tanh", "power")
)  # fmt: skip

#: Random expressions of one test.
BATCH = 20


@pytest.mark.parametrize("start", range(0, 100, BATCH))
def test_random_expressions(start: int) -> None:
    tried = sum(map(holds, range(start, start + BATCH)))
    # The others have no variables, or are defined nowhere near.
    assert tried >= 0.6 * BATCH


def holds(seed: int) -> bool:
    """Whether the expression of this number is defined at a point; the values there then agree."""
    chance = random.Random(seed)
    choose = chance.choice
    expr = Grower(choose, OPS).grow(choose(SHAPES), choose(range(4, 17)))
    planned = simplify(expr) if choose([False, True]) else expr
    return any(agree(expr, planned, near) for near in chance.sample(list(RANGES), len(RANGES)))


def agree(expr: Expr, planned: Expr, near: str) -> bool:
    """Whether the expression is defined at a point of this kind; the values there then agree."""
    problem = Problem(expr, None, near)
    if not problem.variables:
        return False
    try:
        wanted = problem.value
        for found in values(planned, problem):
            problem.agree(found, wanted, lambda near: near.value)
    except Discarded:
        return False
    return True


def values(expr: Expr, problem: Problem):
    """By the code for NumPy, for JAX traced and not compiled, and for PyTorch."""
    names = list(problem.arrays)
    arrays = list(problem.arrays.values())
    for backend in ("numpy", "jax", "torch"):
        function = compile_function(expr, backend, variables=problem.variables)
        sizes = {size: problem.sizes[size] for size in function._generated.sizes.values()}

        def call(*given, function=function, sizes=sizes):
            return function(**dict(zip(names, given, strict=True)), **sizes)

        with np.errstate(all="ignore"):
            if backend == "numpy":
                yield call(*arrays)
            elif backend == "jax":
                yield uncompiled(call, *arrays)[0]
            else:
                yield call(*map(torch.tensor, arrays)).numpy()
