"""The generated functions of the whole corpus, in every library, against the stored reference."""

import jax
import numpy as np
import pytest
import torch

from matcalc.codegen.dialects import DIALECTS
from tests.corpus.cases import SIZE_SETS, Case, load
from tests.corpus.score import RTOL, differentiate
from tests.corpus.store import points
from tests.reference import assert_close
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

#: Cases of one test, so that workers share them evenly.
BATCH = 32
CASES = load()


@pytest.mark.parametrize("start", range(0, len(CASES), BATCH))
def test_the_code_of_every_library_computes_the_derivative(start: int):
    for case in CASES[start : start + BATCH]:
        derivative = differentiate(case)
        for backend in DIALECTS:
            function = derivative.function(backend)
            for which in range(len(SIZE_SETS)):
                arrays, wanted = points()[case.id, which]
                try:
                    assert_close(VALUE[backend](function, arrays), wanted, RTOL)
                except Exception as error:
                    error.add_note(described(case, function))
                    raise


def described(case: Case, function) -> str:
    return f"{case.id}: {case.text}  by {case.wrt}, order {case.order}\n{function.source}"


def traced_value(function, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Of tracers, as under ``jax.jit``, computed without compiling."""

    def positional(*values):
        return function(**dict(zip(arrays, values, strict=True)))

    return uncompiled(positional, *arrays.values())[0]


def tensor_value(function, arrays: dict[str, np.ndarray]) -> np.ndarray:
    value = function(**{name: torch.tensor(array) for name, array in arrays.items()})
    assert value.dtype == torch.float64
    return value.numpy()


VALUE = {
    "numpy": lambda function, arrays: function(**arrays),
    "jax": traced_value,
    "torch": tensor_value,
}
