"""The reference derivative of a case: JAX in float64, by forward mode."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.cases import Case
from tests.reference import restrict

jax.config.update("jax_enable_x64", True)


def reference(case: Case, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Axes of f, then those of the variable, once for each order."""
    constants = {name: jnp.asarray(value) for name, value in arrays.items()}
    for name, dims in case.vars.items():
        constants |= dict(zip(dims, arrays[name].shape, strict=True))
    # The oracle is Python text of the corpus, which is part of this repository.
    code = compile(case.oracle, case.id, "eval")

    def derivative(x):
        return jnp.asarray(eval(code, {"jnp": jnp, **constants, case.wrt: x}))

    for _ in range(case.order):
        derivative = jax.jacfwd(derivative)
    value = np.asarray(derivative(constants[case.wrt]))
    if case.structure_mode:
        return restrict(value, case.structure[case.wrt], case.structure_mode, case.order)
    return value
