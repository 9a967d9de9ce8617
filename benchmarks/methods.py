"""The methods that are compared, each as a function without arguments that computes the derivative.

A method returns when its result is there: JAX computes in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import matcalc as mc
from benchmarks.automatic import NAMES, by_jax, by_torch
from benchmarks.problem import Array, Arrays, Problem

BACKENDS = ("numpy", "jax", "torch")


def numbers(result: Any) -> Array:
    """All that a method returns, as one array."""
    if isinstance(result, tuple):
        return np.concatenate([np.ravel(part) for part in result])
    return np.asarray(result)


def written_out(operator: Any, axes: tuple[int, ...]) -> Array:
    """An operator, which acts on vectors, with the axes of the derivative."""
    return np.asarray(operator.todense()).reshape(axes)


@dataclass(frozen=True)
class Method:
    """One way to the derivative.

    Attributes:
        name: what it is called in the table.
        run: computes it; the result is discarded by the timing.
        numbers: makes an array of a result, for the comparison; None where that takes code that is
            no part of the method.
    """

    name: str
    run: Callable[[], Any]
    numbers: Callable[[Any], Array] | None = numbers


def methods(problem: Problem, arrays: Arrays, backends: tuple[str, ...]) -> Iterator[Method]:
    """All methods that there are, JAX's first: it is the reference."""
    inputs = {
        "numpy": arrays,
        "jax": {name: jnp.asarray(array) for name, array in arrays.items()},
        "torch": {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()},
    }
    named_jax, named_torch = NAMES[problem.order]
    yield Method(named_jax, runner("jax", by_jax(problem), inputs["jax"]))
    yield Method(named_torch, by_torch(problem, inputs["torch"]))
    for backend, code in problem.by_hand.items():
        yield Method(f"by hand {backend}", runner(backend, code, inputs[backend]))
    for backend, code in problem.core_by_hand.items():
        yield Method(f"core by hand {backend}", runner(backend, code, inputs[backend]), None)
    derivative = derive(problem)
    for backend in backends:
        function = derivative.function(backend, value=problem.with_value)
        yield Method(f"matcalc {backend}", runner(backend, function, inputs[backend]))
        if problem.core_by_hand:
            run = runner(backend, derivative.operator(backend), inputs[backend])
            axes = arrays[problem.wrt].shape * 2
            yield Method(f"operator {backend}", run, partial(written_out, axes=axes))


def derive(problem: Problem) -> mc.Derivative:
    """The derivative of a problem in symbols."""
    return mc.diff(problem.text, problem.wrt, order=problem.order)


def runner(backend: str, code: Callable[..., Any], arrays: Arrays) -> Callable[[], Any]:
    """Code at these arrays, compiled where it is for JAX."""
    if backend != "jax":
        return lambda: code(**arrays)
    compiled = jax.jit(code)
    return lambda: jax.block_until_ready(compiled(**arrays))
