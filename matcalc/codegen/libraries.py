"""What the array libraries do differently when a generated function is called.

A number of Python's takes the type of the arrays that are given with it, as everywhere in these
libraries; integers become floating point.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import import_module
from typing import Any

from matcalc.errors import ArgumentProblem, UnsupportedProblem

#: An array of any of the libraries.
Array = Any


class Library(ABC):
    """An array library at run time.

    Attributes:
        errors: what its functions raise where they are not defined.
    """

    # Python's own numbers, such as sizes, raise where arrays would be infinite or NaN: 1/0, math.log(-1).
    errors: tuple[type[Exception], ...] = (ArithmeticError, ValueError)

    def kinds(self, given: Mapping[str, Any]) -> object:
        """All that matters of the arguments for their check; None where only looking at them tells.

        An integer may be a size, so that its value matters.
        """
        try:
            return [
                (name, float)
                if type(value) is float
                else (name, int, value)
                if type(value) is int
                else (name, type(value), value.dtype, value.shape)
                for name, value in given.items()
            ]
        except AttributeError:
            return None

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """The arguments as arrays of floating point numbers.

        Raises:
            ArgumentProblem: one is no array of numbers.
        """
        numbers = [name for name, value in given.items() if _is_number(value)]
        if not numbers:
            return {name: self._array(name, value) for name, value in given.items()}
        arrays = {n: v if n in numbers else self._array(n, v) for n, v in given.items()}
        like = _model(array for name, array in arrays.items() if name not in numbers)
        return {n: self.number(v, like) if n in numbers else v for n, v in arrays.items()}

    def results(self, values: tuple[Any, ...], arguments: Mapping[str, Array]) -> tuple[Array, ...]:
        """The results as arrays."""
        if not any(map(_is_number, values)):
            return values
        like = _model(arguments.values())
        return tuple(self.number(v, like) if _is_number(v) else v for v in values)

    def raising(self, function: Callable[..., Any], source: str) -> Callable[..., Any]:
        """A function of this source text that raises one of ``errors`` where a matrix is singular."""
        del source
        return function

    def _array(self, name: str, value: Any) -> Array:
        try:
            array = self.convert(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentProblem(f"{name} is not an array of numbers: {error}") from error
        if array is None:
            raise ArgumentProblem(f"{name} is not an array of real numbers")
        return array

    @abstractmethod
    def convert(self, value: Any) -> Array | None:
        """An array of floating point numbers, or None where it holds no real numbers.

        Forms that do not overflow, and factorisations, are those of real functions.
        """

    @abstractmethod
    def number(self, value: Any, like: Array | None) -> Array:
        """An array of no axes, of the type of another array."""


class Numpy(Library):
    """NumPy. The results are never views of the arguments, nor of each other."""

    def __init__(self) -> None:
        self._np = import_module("numpy")
        self.errors = (*self.errors, self._np.linalg.LinAlgError)

    def results(self, values: tuple[Any, ...], arguments: Mapping[str, Array]) -> tuple[Array, ...]:
        """As arrays that are their own, even where the function returns an argument."""
        arrays = map(self._np.asarray, super().results(values, arguments))
        return _unshared(tuple(arrays), arguments.values(), _owner, self._np.copy)

    def raising(self, function: Callable[..., Any], source: str) -> Callable[..., Any]:
        """SciPy only warns of what NumPy refuses."""
        if "scipy.linalg.lu_factor" not in source:
            return function
        warning = import_module("scipy.linalg").LinAlgWarning
        self.errors = (*self.errors, warning)

        def strict(*arguments: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("error", warning)
                return function(*arguments)

        return strict

    def convert(self, value: Any) -> Array | None:
        """Integers as floating point numbers of the default type."""
        array = self._np.asarray(value)
        if array.dtype.kind in "biu":
            return array.astype(float)
        return array if array.dtype.kind == "f" else None

    def number(self, value: Any, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        np = self._np
        return np.asarray(value, dtype=np.result_type(1.0 if like is None else like, value, 1.0))


class Jax(Library):
    """JAX. Tracers are arrays like others: only their shapes are looked at."""

    def __init__(self) -> None:
        self._jnp = import_module("jax.numpy")

    def convert(self, value: Any) -> Array | None:
        """Integers as floating point numbers of the default type."""
        jnp = self._jnp
        array = jnp.asarray(value)
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            return None
        return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)

    def number(self, value: Any, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        jnp = self._jnp
        return jnp.asarray(value, dtype=jnp.result_type(1.0 if like is None else like, value, 1.0))


class Torch(Library):
    """PyTorch. What is no tensor goes to the device of the first tensor.

    The results are never views of the arguments, nor of each other.
    """

    def __init__(self) -> None:
        self._torch = import_module("torch")
        # LinAlgError is one, and of a singular matrix lu_factor raises another.
        self.errors = (*self.errors, RuntimeError)

    def kinds(self, given: Mapping[str, Any]) -> object:
        """What matters of tensors is their device too."""
        devices = [getattr(value, "device", None) for value in given.values()]
        kinds = super().kinds(given)
        return None if kinds is None else (kinds, devices)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """As tensors on one device."""
        arguments = super().arguments(given)
        tensors = [value for value in given.values() if self._torch.is_tensor(value)]
        if not tensors:
            return arguments
        return {name: array.to(tensors[0].device) for name, array in arguments.items()}

    def results(self, values: tuple[Any, ...], arguments: Mapping[str, Array]) -> tuple[Array, ...]:
        """As tensors that are their own, even where the function returns an argument."""
        tensors = super().results(values, arguments)
        return _unshared(tensors, arguments.values(), _base, self._torch.clone)

    def convert(self, value: Any) -> Array | None:
        """Integers as floating point numbers of the default type."""
        torch = self._torch
        tensor = torch.as_tensor(value)
        if tensor.is_complex():
            return None
        return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())

    def number(self, value: Any, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        torch = self._torch
        if like is None:
            return torch.tensor(value, dtype=torch.result_type(torch.tensor(1.0), value))
        return torch.tensor(value, dtype=torch.result_type(like, value), device=like.device)


#: The libraries by the name of their dialect.
LIBRARIES: dict[str, Callable[[], Library]] = {"numpy": Numpy, "jax": Jax, "torch": Torch}


def library(name: str) -> Library:
    """The library of a dialect.

    Raises:
        UnsupportedProblem: it is not installed.
    """
    try:
        return LIBRARIES[name]()
    except ModuleNotFoundError as error:
        raise not_installed(error) from error


def not_installed(error: ModuleNotFoundError) -> UnsupportedProblem:
    """The refusal where a module is missing."""
    module = (error.name or "").partition(".")[0]
    return UnsupportedProblem(
        f"this function needs {module}, which is not installed", help=f"pip install {module}"
    )


def _model(arrays: Iterable[Array]) -> Array | None:
    """The array whose type numbers take: that with most axes, the least likely to be a number."""
    return max(arrays, key=lambda array: array.ndim, default=None)


def _unshared(
    values: tuple[Array, ...],
    arguments: Collection[Array],
    owner: Callable[[Array], Array],
    copy: Callable[[Array], Array],
) -> tuple[Array, ...]:
    """The results, copied where their memory belongs to an argument or to an earlier result."""
    # Mostly no result is a view, nor an argument itself.
    own = {id(value) for value in values if owner(value) is value}
    if len(own) == len(values) and own.isdisjoint(map(id, arguments)):
        return values
    taken = {id(owner(array)) for array in arguments}
    found: list[Array] = []
    for value in values:
        array = copy(value) if id(owner(value)) in taken else value
        taken.add(id(owner(array)))
        found.append(array)
    return tuple(found)


def _owner(array: Array) -> Array:
    """The NumPy array whose memory an array is a view of."""
    while hasattr(array.base, "ndim"):
        array = array.base
    return array


def _base(tensor: Array) -> Array:
    """The tensor whose memory a tensor is a view of."""
    base: Array = tensor._base  # noqa: SLF001 (PyTorch documents no other way)
    return tensor if base is None else base


def _is_number(value: Any) -> bool:
    # In this order: arrays are the rule, and asking whether they are numbers is slow.
    return not hasattr(value, "ndim") and isinstance(value, int | float)
