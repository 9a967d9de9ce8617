"""The corpus as Python objects, with arrays to evaluate every case at."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from tests.reference import generator, sample

#: Two sets of pairwise distinct sizes. Both have m > n: some cases need a tall matrix of full rank.
SIZE_SETS = ({"m": 3, "n": 2, "p": 4, "q": 5}, {"m": 5, "n": 3, "p": 2, "q": 4})


@dataclass(frozen=True)
class Case:
    """One line of ``cases.jsonl``; the fields are described in the README beside it."""

    id: str
    source: str
    text: str
    vars: dict[str, list[str]]
    wrt: str
    order: int
    structure: dict[str, str]
    domain: dict[str, str]
    expected: str | None
    expected_layout: str | None
    oracle: str
    note: str = ""
    expected_origin: str = ""
    structure_mode: str = ""
    tensor_form: str = ""
    kind: str = ""
    source_erratum: str = ""
    source_printed: str = ""
    fails_if_assumed: str = ""
    expected_of: str = ""
    text_extensions: list[str] = field(default_factory=list)
    expected_extensions: list[str] = field(default_factory=list)

    @property
    def shapes(self) -> dict[str, tuple[str, ...]]:
        """The variables' shapes as matcalc takes them."""
        return {name: tuple(dims) for name, dims in self.vars.items()}

    @property
    def assume(self) -> dict[str, list[str]]:
        """Properties as matcalc takes them: ``symmetric_toeplitz`` is two."""
        return {name: words.split("_") for name, words in self.structure.items()}

    def arrays(self, which: int) -> dict[str, np.ndarray]:
        """An array for each variable, at one of the two sets of sizes."""
        sizes = SIZE_SETS[which]
        return {
            name: sample(
                generator(self.id, which, name),
                [sizes[dim] for dim in dims],
                domain=self.domain.get(name, ""),
                structure=self.structure.get(name, ""),
            )
            for name, dims in self.vars.items()
        }


@cache
def load() -> tuple[Case, ...]:
    """Every case, in the order of the file."""
    lines = Path(__file__).with_name("cases.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Case(**json.loads(line)) for line in lines)
