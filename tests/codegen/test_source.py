"""Source text as it is printed: copied into a file it runs, with nothing of matcalc around it."""

import inspect

import jax
import numpy as np
import pytest
import torch

from tests.corpus.cases import SIZE_SETS, load
from tests.corpus.score import RTOL, differentiate
from tests.corpus.store import points
from tests.reference import assert_close
from tests.uncompiled import uncompiled

jax.config.update("jax_enable_x64", True)

#: Every seventh case: 62 of all kinds.
SAMPLE = load()[::7]


VALUE = {
    "numpy": lambda function, given: function(*given),
    "jax": lambda function, given: uncompiled(function, *given)[0],
    "torch": lambda function, given: function(*map(torch.tensor, given)).numpy(),
}


@pytest.mark.parametrize("backend", VALUE)
def test_printed_source_runs_as_it_stands(backend):
    for case in SAMPLE:
        source = differentiate(case).source(backend)
        assert "matcalc" not in source
        namespace = {}
        exec(source, namespace)
        function = namespace["derivative"]
        for which in range(len(SIZE_SETS)):
            arrays, wanted = points()[case.id, which]
            given = [arrays[name] for name in inspect.signature(function).parameters]
            try:
                found = VALUE[backend](function, given)
            except Exception as error:
                error.add_note(f"{case.id}: {case.text}\n{source}")
                raise
            assert_close(np.asarray(found), wanted, RTOL)
