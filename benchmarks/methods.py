"""The methods that are compared, each as a function without arguments that computes the derivative.

A method returns when its result is there: JAX computes in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import matcalc as mc
from benchmarks.problem import Array, Arrays, Problem, jax_library, torch_library

BACKENDS = ("numpy", "jax", "torch")

jax.config.update("jax_enable_x64", True)  # as NumPy and PyTorch compute here

NAMES = {1: ("jax.grad", "torch.autograd"), 2: ("jax.hessian", "torch.func.hessian")}


@dataclass(frozen=True)
class Method:
    """One way to the derivative.

    Attributes:
        name: what it is called in the table.
        run: computes it; the result is discarded by the timing.
        dense: makes an array of a result, for the comparison; None where it has no dense form.
    """

    name: str
    run: Callable[[], Any]
    dense: Callable[[Any], Array] | None = np.asarray


def methods(problem: Problem, arrays: Arrays, backends: tuple[str, ...]) -> Iterator[Method]:
    """All methods that there are, JAX's first: it is the reference."""
    inputs = {
        "numpy": arrays,
        "jax": {name: jnp.asarray(array) for name, array in arrays.items()},
        "torch": {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()},
    }
    named_jax, named_torch = NAMES[problem.order]
    differentiate = jax.grad if problem.order == 1 else jax.hessian
    yield Method(named_jax, _jax(_by_keyword(problem, differentiate, jax_library()), inputs["jax"]))
    yield Method(named_torch, _torch(problem, inputs["torch"]))
    for backend, code in problem.by_hand.items():
        yield Method(f"by hand {backend}", _runner(backend, code, inputs[backend]))
    for backend, code in problem.core_by_hand.items():
        yield Method(f"core by hand {backend}", _runner(backend, code, inputs[backend]), None)
    derivative = derive(problem)
    for backend in backends:
        if (function := generated(derivative, backend)) is not None:
            yield Method(f"matcalc {backend}", _runner(backend, function, inputs[backend]))


def derive(problem: Problem) -> mc.Derivative:
    """The derivative of a problem in symbols."""
    return mc.diff(problem.text, problem.wrt, order=problem.order)


def generated(derivative: mc.Derivative, backend: str) -> Callable[..., Array] | None:
    """The generated function; None where there is no such backend."""
    try:
        return derivative.function(backend)
    except mc.MatcalcError:
        return None


def _by_keyword(problem: Problem, differentiate: Any, lib: Any) -> Callable[..., Array]:
    def derivative(**arrays: Array) -> Array:
        variable = arrays.pop(problem.wrt)

        def function(value: Array) -> Array:
            return problem.function(lib, **{problem.wrt: value}, **arrays)

        return differentiate(function)(variable)

    return derivative


def _runner(backend: str, code: Callable[..., Any], arrays: Arrays) -> Callable[[], Any]:
    if backend == "jax":
        return _jax(code, arrays)
    return lambda: code(**arrays)


def _jax(code: Callable[..., Any], arrays: Arrays) -> Callable[[], Any]:
    compiled = jax.jit(code)
    return lambda: jax.block_until_ready(compiled(**arrays))


def _torch(problem: Problem, arrays: Arrays) -> Callable[[], Any]:
    lib = torch_library()
    others = {name: array for name, array in arrays.items() if name != problem.wrt}
    variable = arrays[problem.wrt].clone().requires_grad_(problem.order == 1)

    def function(value: Array) -> Array:
        return problem.function(lib, **{problem.wrt: value}, **others)

    if problem.order == 1:
        return lambda: torch.autograd.grad(function(variable), variable)[0]
    return lambda: torch.func.hessian(function)(variable)
