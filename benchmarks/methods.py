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
from benchmarks.automatic import (
    NAMES,
    PRODUCT,
    SOLUTION,
    by_jax,
    by_torch,
    product_by_jax,
    solution_by_jax,
)
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
        what: what it computes: results are compared with the first that is the same.
        tolerance: largest difference from that, relative to its largest entry.
    """

    name: str
    run: Callable[[], Any]
    numbers: Callable[[Any], Array] | None = numbers
    what: str = "derivative"
    tolerance: float = 1e-9


def in_libraries(arrays: Arrays) -> dict[str, Arrays]:
    """The arrays as those of each library."""
    return {
        "numpy": arrays,
        "jax": {name: jnp.asarray(array) for name, array in arrays.items()},
        "torch": {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()},
    }


def methods(problem: Problem, arrays: Arrays, backends: tuple[str, ...]) -> Iterator[Method]:
    """All methods that there are, JAX's first: it is the reference."""
    inputs = in_libraries(arrays)
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
    if problem.order == 2:
        yield from uses(problem, arrays, backends)


def uses(problem: Problem, arrays: Arrays, backends: tuple[str, ...]) -> Iterator[Method]:
    """What a Hessian is for: a product, and the solution of a system, from the arrays on.

    Those of the operator are computed with its core, the others as is usual in JAX.
    """
    v = np.random.default_rng(2).normal(size=arrays[problem.wrt].shape)
    inputs = in_libraries({**arrays, "v": v})
    kinds = [(PRODUCT, product_by_jax, "H @ v", 1e-9, lambda H, v: H @ v)]
    if not problem.is_singular:
        # Half of the digits, since the condition number may take as many.
        kinds.append((SOLUTION, solution_by_jax, "H.solve(v)", 1e-8, lambda H, v: H.solve(v)))
    derivative = derive(problem)
    for usual, by_jax_, name, tolerance, use in kinds:
        yield Method(usual, runner("jax", by_jax_(problem), inputs["jax"]), what=name)
        for backend in backends:
            function = derivative.operator(backend)
            code = partial(_used, function, use)
            run = runner(backend, code, inputs[backend])
            yield Method(f"{name} {backend}", run, what=name, tolerance=tolerance)


def _used(
    function: Callable[..., Any], use: Callable[[Any, Array], Array], /, v: Array, **arrays: Array
) -> Array:
    return use(function(**arrays), v)


def derive(problem: Problem) -> mc.Derivative:
    """The derivative of a problem in symbols."""
    return mc.diff(problem.text, problem.wrt, order=problem.order)


def runner(backend: str, code: Callable[..., Any], arrays: Arrays) -> Callable[[], Any]:
    """Code at these arrays, compiled where it is for JAX."""
    if backend != "jax":
        return lambda: code(**arrays)
    compiled = jax.jit(code)
    return lambda: jax.block_until_ready(compiled(**arrays))
