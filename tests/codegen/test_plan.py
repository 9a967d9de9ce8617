"""What is planned has the value of what was written, in every library."""

import jax
import numpy as np
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matcalc.codegen.generate import compile_function
from matcalc.core.expr import Expr
from matcalc.errors import ArgumentProblem, LimitProblem
from matcalc.passes.simplify import simplify
from tests.laws.problem import RANGES, Discarded, Problem
from tests.strategies import expressions
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

#: Operations that planning knows, and a few that it does not.
OPS = frozenset(
    ("add", "times", "matmul", "transpose", "matpow", "inv", "logdet", "diag", "diagonal", "tr",
     "sum", "sum_1", "sum_2", "eye", "ones", "kron", "norm2", "tanh", "power")
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(expressions(max_leaves=16, ops=OPS), st.sampled_from(list(RANGES)), st.booleans())
def test_random_expressions(expr: Expr, points: str, normal: bool) -> None:
    problem = Problem(expr, None, points)
    planned = simplify(expr) if normal else expr
    try:
        wanted = problem.value
        for found in values(planned, problem):
            problem.agree(found, wanted, lambda near: near.value)
    except (Discarded, LimitProblem):
        assume(False)
    except ArgumentProblem as error:
        # Rounding makes a singular matrix regular, or the other way round.
        assume("ingular" not in str(error) and "not defined" not in str(error))
        raise


def values(expr: Expr, problem: Problem):
    """By the code for NumPy, for JAX traced and not compiled, and for PyTorch."""
    for backend in ("numpy", "jax", "torch"):
        function = compile_function(expr, backend, variables=problem.variables)
        names = list(problem.arrays)
        sizes = {size: problem.sizes[size] for size in function._generated.sizes.values()}

        def call(*arrays, function=function, names=names, sizes=sizes):
            return function(**dict(zip(names, arrays, strict=True)), **sizes)

        arrays = list(problem.arrays.values())
        with np.errstate(all="ignore"):
            if backend == "jax":
                yield uncompiled(call, *arrays)[0]
            else:
                yield np.asarray(
                    call(*map(torch.tensor if backend == "torch" else np.asarray, arrays))
                )
