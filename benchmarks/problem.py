"""What is timed: a function, its arrays, and the best code for its derivative that one writes by hand.

A function is written twice: as the text that matcalc reads, and as Python for the libraries that
differentiate programs. Both are as their users write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

Array = Any
Arrays = dict[str, Array]
Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Target:
    """What the generated code is to reach: so many times as fast as ``than``.

    Attributes:
        factor: ratio of the two times.
        than: the method compared with, or ``by hand`` for the code by hand of the same library.
        backends: whose generated code is to reach it; one of them is enough.
    """

    factor: float
    than: str
    backends: tuple[str, ...] = ("numpy", "jax")


@dataclass(frozen=True)
class Problem:
    """A scalar function and its derivative by one variable.

    Attributes:
        name: short name, by which it is selected.
        title: what it is.
        text: the function as matcalc reads it.
        wrt: the variable.
        order: 1 for the gradient, 2 for the Hessian.
        sizes: sizes for the timing.
        small: sizes at which everything takes no time.
        draw: the arrays, by name.
        function: the function in Python: of a library (see ``automatic``) and the arrays by name.
        by_hand: by library, the best code for the derivative; it takes the arrays by name and
            ignores those that it does not need.
        core_by_hand: the same for the derivative in compressed form.
        targets: what is to be reached.
        with_value: whether the value of the function is wanted too, before the derivative.
        is_singular: whether a Hessian is, so that systems are not solved with it.
    """

    name: str
    title: str
    text: str
    wrt: str
    order: int
    sizes: Sizes
    small: Sizes
    draw: Callable[[np.random.Generator, Sizes], Arrays]
    function: Callable[..., Array]
    by_hand: Mapping[str, Callable[..., Array]]
    core_by_hand: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    with_value: bool = False
    is_singular: bool = False

    def arrays(self, *, small: bool = False) -> Arrays:
        """The same arrays at every call."""
        return self.draw(np.random.default_rng(1), self.small if small else self.sizes)


def one_hot(rng: np.random.Generator, classes: int, samples: int) -> Array:
    """Labels as columns of the identity."""
    return np.eye(classes)[:, rng.integers(classes, size=samples)]


def transposed(xp: Any, A: Array) -> Array:
    """What a product begins with; without the barrier XLA's takes twice as long on a CPU."""
    if xp is np:
        return A.T
    import jax

    return jax.lax.optimization_barrier(A.T)


def in_both(code: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Code by hand that is the same for NumPy and JAX, whose module is its first argument."""

    def with_jax(**arrays: Array) -> Any:
        import jax.numpy as jnp

        return code(jnp, **arrays)

    return {"numpy": partial(code, np), "jax": with_jax}
