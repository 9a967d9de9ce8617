"""The stored reference: for every case and set of sizes the arrays and JAX's derivative there.

JAX takes minutes for the whole corpus, so its values are kept in ``reference.npz``; a fixed part of
them is computed anew in every test run. The arrays are stored too, because a random generator or a
QR factorisation may give others on another machine. After a change of the corpus:

    python -m tests.corpus.store
"""

import json
from functools import cache
from pathlib import Path

import numpy as np

from tests.corpus.cases import SIZE_SETS, Case, load

PATH = Path(__file__).with_name("reference.npz")

#: Arrays by variable, and the derivative: axes of f, then of the variable.
Point = tuple[dict[str, np.ndarray], np.ndarray]


@cache
def points() -> dict[tuple[str, int], Point]:
    """The stored points by case and number of the set of sizes."""
    stored = np.load(PATH)
    values, position = stored["values"], 0

    def take(shape: list[int]) -> np.ndarray:
        nonlocal position
        start, position = position, position + int(np.prod(shape, dtype=int))
        return values[start:position].reshape(shape)

    result = {}
    for case, which, shapes, shape in json.loads(str(stored["index"])):
        arrays = {name: take(dims) for name, dims in shapes.items()}
        result[case, which] = arrays, take(shape)
    assert position == len(values)
    return result


def write(cases: tuple[Case, ...]) -> None:
    """Compute and store the points of all cases."""
    # Only here: reading needs no JAX.
    from tests.corpus.oracle import reference

    index, values = [], []
    for case in cases:
        for which in range(len(SIZE_SETS)):
            arrays = case.arrays(which)
            derivative = reference(case, arrays)
            shapes = {name: array.shape for name, array in arrays.items()}
            index.append((case.id, which, shapes, derivative.shape))
            values += [*arrays.values(), derivative]
    flat = np.concatenate([np.ravel(value) for value in values])
    np.savez_compressed(PATH, index=np.array(json.dumps(index)), values=flat)


if __name__ == "__main__":
    write(load())
