"""The array libraries that code is written for, and what they spell differently.

Code is written with NumPy's names, in the writer and in the templates of the records, and a dialect
says it in its library's. A record has templates of its own where another library does it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from matcalc.core.operation import Operation
from matcalc.record import EMPTY, Record

#: The prefix of SciPy's functions.
SCIPY = r"(?<![\w.])scipy\."

#: What stands in the name of a function of linear algebra, which more than multiplies.
LINEAR_ALGEBRA = re.compile(r"linalg\.(?!multi_dot)")

#: Functions of Python's own numbers, by the name of the operation.
MATH = frozenset(
    {"exp", "log", "sqrt", "erf"}
    | {"sin", "cos", "tan", "asin", "acos", "atan"}
    | {"sinh", "cosh", "tanh"}
)


class Dialect(Record):
    """An array library.

    Attributes:
        name: as the user says it.
        module: the prefix of its functions.
        imports: import line by the prefix that needs it.
        own: the template that a record has for this library only, ``""`` where it has none.
        renamed: its names for functions that have others in NumPy.
        keywords: its words for keywords and methods that have others in NumPy.
        scipy: the module that it has in SciPy's place, ``""`` where it has none.
        like: arguments that give a new array the type, and the device, of the given ones.
        prologue: the statement that reads these off an array ``{0}``.
        takes_numbers: whether its functions take Python's numbers in the place of arrays.
        stored: a function that makes the library compute a transposed array before it multiplies
            by it. XLA would contract the first axes instead, which on a CPU is twice as slow.
        why_stored: a comment that says so at the head of the code.
        einsum_path: the argument with which ``einsum`` of two arrays multiplies matrices.
        assigns: whether blocks of a new array are written in place.
        squares: whether it computes ``Z' Z`` in half the time of other products.
        fuses: whether a compiler joins entry by entry operations to one pass over their result.
    """

    name: str
    module: str
    imports: Mapping[str, str]
    own: Callable[[Operation], str]
    renamed: Mapping[str, str] = EMPTY
    keywords: Mapping[str, str] = EMPTY
    scipy: str = ""
    like: str = ", dtype=dtype"
    prologue: str = ""
    takes_numbers: bool = True
    stored: str = ""
    why_stored: str = ""
    einsum_path: str = ""
    assigns: bool = False
    squares: bool = False
    fuses: bool = False

    def unspelt(self, op: Operation) -> str:
        """The template of an operation as its record has it."""
        return self.own(op) or op.numpy

    def template(self, op: Operation) -> str:
        """The template of an operation: its record's for this library, else NumPy's, respelled.

        ``""`` where there is none, or it needs SciPy and the library has nothing of the kind.
        """
        template = self.spell(self.unspelt(op))
        return "" if not self.scipy and re.search(SCIPY, template) else template

    def has_linear_algebra(self, op: Operation) -> bool:
        """Whether the library computes the operation by a decomposition."""
        return LINEAR_ALGEBRA.search(self.unspelt(op)) is not None

    def spell(self, code: str) -> str:
        """Code with NumPy's names in the names of this library."""
        code = re.sub(r"(?<![\w.])np\.([\w.]+)", self._function, code)
        for numpy, own in self.keywords.items():
            code = code.replace(numpy, own)
        return re.sub(SCIPY, self.scipy, code) if self.scipy else code

    def _function(self, match: re.Match[str]) -> str:
        return f"{self.module}.{self.renamed.get(match[1], match[1])}"


NUMPY = Dialect(
    name="numpy",
    module="np",
    imports={
        "np": "import numpy as np",
        "math": "import math",
        "scipy.linalg": "import scipy.linalg",
        "scipy.special": "import scipy.special",
    },
    own=lambda op: op.numpy,
    scipy="scipy.",
    prologue="dtype = np.result_type({0}, 1.0)",
    einsum_path="optimize=True",
    assigns=True,
    squares=True,
)

JAX = Dialect(
    name="jax",
    module="jnp",
    imports={
        "jax": "import jax",
        "jnp": "import jax.numpy as jnp",
        "math": "import math",
        "jax.scipy.linalg": "import jax.scipy.linalg",
        "jax.scipy.special": "import jax.scipy.special",
    },
    own=lambda op: op.jax,
    scipy="jax.scipy.",
    prologue="dtype = jnp.result_type({0}, 1.0)",
    fuses=True,
    stored="jax.lax.optimization_barrier",
    why_stored="# Behind barriers XLA stores transposes, by which it multiplies twice as fast.",
)

TORCH = Dialect(
    name="torch",
    module="torch",
    imports={"torch": "import torch", "math": "import math"},
    own=lambda op: op.torch,
    renamed={
        "max": "amax",
        "min": "amin",
        "concatenate": "cat",
        "expand_dims": "unsqueeze",
        "transpose": "permute",
    },
    keywords={"axis=": "dim=", "keepdims=": "keepdim=", ".astype(": ".to("},
    like=", dtype=dtype, device=device",
    prologue="dtype, device = torch.result_type({0}, 1.0), {0}.device",
    takes_numbers=False,
)

#: The array libraries by name. A further one is one more entry.
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (NUMPY, JAX, TORCH)}
