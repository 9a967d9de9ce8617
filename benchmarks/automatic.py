"""Derivatives of the problems' programs by the libraries that differentiate programs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import torch

from benchmarks.problem import Array, Arrays, Problem

jax.config.update("jax_enable_x64", True)  # as NumPy and PyTorch compute here

#: What is used of JAX, which is the reference, and of PyTorch, for each order.
NAMES = {1: ("jax.grad", "torch.autograd"), 2: ("jax.hessian", "torch.func.hessian")}

#: The same of products with a Hessian, and of systems.
PRODUCT, SOLUTION = "jax.jvp(jax.grad)", "solve(jax.hessian)"

JAX = SimpleNamespace(
    sum=jnp.sum,
    tanh=jnp.tanh,
    relu=jax.nn.relu,
    softplus=jax.nn.softplus,
    logsumexp=lambda Z: jax.nn.logsumexp(Z, axis=0),
    inv=jnp.linalg.inv,
    logdet=lambda X: jnp.linalg.slogdet(X)[1],
    solve=jnp.linalg.solve,
    cholesky=jnp.linalg.cholesky,
    cho_solve=lambda L, r: jax.scipy.linalg.cho_solve((L, True), r),
    diagonal=jnp.diagonal,
    log=jnp.log,
)

#: PyTorch under the same names.
TORCH = SimpleNamespace(
    sum=torch.sum,
    tanh=torch.tanh,
    relu=torch.relu,
    # Its own softplus is linear above 20, which costs 9 digits.
    softplus=lambda z: -torch.nn.functional.logsigmoid(-z),
    logsumexp=lambda Z: torch.logsumexp(Z, dim=0),
    inv=torch.linalg.inv,
    logdet=lambda X: torch.linalg.slogdet(X)[1],
    solve=torch.linalg.solve,
    cholesky=torch.linalg.cholesky,
    cho_solve=lambda L, r: torch.cholesky_solve(r[:, None], L)[:, 0],
    diagonal=torch.diagonal,
    log=torch.log,
)


def by_jax(problem: Problem) -> Callable[..., Any]:
    """The derivative of a problem as a function of the arrays, to be compiled."""
    plain = jax.value_and_grad if problem.with_value else jax.grad
    differentiate = plain if problem.order == 1 else jax.hessian

    def derivative(**arrays: Array) -> Any:
        variable = arrays.pop(problem.wrt)
        return differentiate(_program(problem, JAX, arrays))(variable)

    return derivative


def product_by_jax(problem: Problem) -> Callable[..., Any]:
    """The product of the Hessian and ``v``, forward over reverse; to be compiled."""

    def product(v: Array, **arrays: Array) -> Any:
        variable = arrays.pop(problem.wrt)
        gradient = jax.grad(_program(problem, JAX, arrays))
        return jax.jvp(gradient, (variable,), (v,))[1]

    return product


def solution_by_jax(problem: Problem) -> Callable[..., Any]:
    """The solution of the system with the Hessian and ``v``; to be compiled."""

    def solution(v: Array, **arrays: Array) -> Any:
        hessian = by_jax(problem)(**arrays)
        return jnp.linalg.solve(hessian.reshape(v.size, v.size), v.ravel()).reshape(v.shape)

    return solution


def by_torch(problem: Problem, arrays: Arrays) -> Callable[[], Any]:
    """The derivative of a problem at these arrays."""
    others = {name: array for name, array in arrays.items() if name != problem.wrt}
    program = _program(problem, TORCH, others)
    if problem.order == 2:
        return lambda: torch.func.hessian(program)(arrays[problem.wrt])
    variable = arrays[problem.wrt].clone().requires_grad_()

    def derivative() -> Any:
        value = program(variable)
        (gradient,) = torch.autograd.grad(value, variable)
        return (value.detach(), gradient) if problem.with_value else gradient

    return derivative


def _program(problem: Problem, lib: Any, others: Arrays) -> Callable[[Array], Array]:
    """The function of the variable alone."""
    return lambda variable: problem.function(lib, **{problem.wrt: variable}, **others)
