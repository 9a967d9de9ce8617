"""What calls of generated functions have in common, whatever the array library.

A number of Python's takes the type of the arrays that are given with it, as everywhere in these
libraries. So do integers and lists, such as labels: they do not make single precision double.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem

#: An array of any of the libraries.
Array = Any

#: What the libraries, and Python's own functions of numbers, say of arguments at which a function is not
#: defined, in errors that have no class of their own.
UNDEFINED = re.compile(
    "math domain error|expected a .* input|zero-size array to reduction|must not contain infs or NaNs"
    "|Expected reduction dim|U\\[\\d+,\\d+\\] is zero"
)

#: Bytes of the numbers that linear algebra is done with: LAPACK has single and double precision.
PRECISIONS = (4, 8)


class Library(ABC):
    """An array library at run time.

    Attributes:
        module: its functions, by NumPy's names.
        errors: what these raise where they are not defined, and where they are called wrongly too.
    """

    module: Any
    errors: tuple[type[Exception], ...] = (ArithmeticError, ValueError)

    def kinds(self, given: Mapping[str, Any]) -> object:
        """All that matters of the arguments for their check; None where only looking at them tells."""
        # One loop without calls: behind a product that has filled the caches every call counts.
        kinds: list[object] = []
        try:
            for name, value in given.items():
                kind = type(value)
                if kind is int:  # which may be a size
                    kinds += (name, value)
                elif kind is float:
                    kinds += (name, kind)
                elif shape := value.shape:
                    kinds += (name, kind, value.dtype, shape)
                else:  # an integer of NumPy's may be a size too
                    size = int(value) if isinstance(value, Integral) else None
                    kinds += (name, kind, value.dtype, shape, size)
        except AttributeError:
            return None
        return kinds

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """The arguments as arrays of floating point numbers.

        Raises:
            ArgumentProblem: one is no array of real numbers.
        """
        arrays = self.arrays({n: v for n, v in given.items() if not _is_number(v)})
        if len(arrays) == len(given):
            return arrays
        like = _model(arrays.values())
        return {
            name: arrays[name] if name in arrays else self.number(_as_float(name, value), like)
            for name, value in given.items()
        }

    def beside(self, name: str, value: Any, arrays: Sequence[Array]) -> Array:
        """An argument as an array that can be multiplied by these.

        Raises:
            ArgumentProblem: it is no array of real numbers.
        """
        # As in every step of an iteration: then nothing is to be done.
        if type(value) is type(arrays[0]) and value.dtype == arrays[0].dtype:
            return value
        others = {str(place): array for place, array in enumerate(arrays)}
        return self.arguments({name: value, **others})[name]

    def arrays(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """What is given otherwise than as numbers of Python's."""
        arrays = {name: self._array(name, value) for name, value in given.items()}
        typed = [array for name, array in arrays.items() if has_float_type(given[name])]
        if typed and len(typed) < len(arrays):
            dtype = self.result_type(typed)
            for name, value in given.items():
                if not has_float_type(value):
                    arrays[name] = self.cast(arrays[name], dtype)
        return arrays

    def cast(self, array: Array, dtype: Any) -> Array:
        """The array as one of this type."""
        return array.astype(dtype)

    def blank(self, shape: tuple[int, ...], given: Collection[Array]) -> Array:
        """An array of which only the shape matters, and the type, which is that of the given ones."""
        return self.module.broadcast_to(self.number(0.0, _model(given)), shape)

    def results(self, values: tuple[Any, ...], arguments: Collection[Array]) -> tuple[Array, ...]:
        """The results as arrays."""
        if not any(map(_is_number, values)):
            return values
        like = _model(arguments)
        return tuple(self.number(v, like) if _is_number(v) else v for v in values)

    def result_type(self, arrays: Sequence[Array]) -> Any:
        """The type of what is computed from these arrays."""
        return self.module.result_type(*arrays)

    def repeat(
        self, step: Callable[[Any], Any], goes_on: Callable[[Any], Array], state: Any
    ) -> Any:
        """The state after as many steps as it takes until it does not go on."""
        while goes_on(state):
            state = step(state)
        return state

    def is_traced(self, arrays: Iterable[Array]) -> bool:
        """Whether some are tracers, whose values nothing can be made to depend on."""
        del arrays
        return False

    def register(self, pytree: type) -> None:
        """Let functions that the library transforms take and return objects of a class."""
        del pytree

    def is_undefined(self, error: Exception) -> bool:
        """Whether one of ``errors`` says that a function is not defined at its arguments.

        So do Python's own numbers, such as sizes, where arrays would be infinite or NaN: 1/0, math.log(-1).
        """
        is_known = isinstance(error, (ArithmeticError, np.linalg.LinAlgError))
        return is_known or UNDEFINED.search(str(error)) is not None

    def refuse_precision(self, arrays: Iterable[Array]) -> None:
        """Half and extended precision are not for linear algebra.

        Raises:
            ArgumentProblem: an array has entries of another precision.
        """
        for array in arrays:
            if array.dtype.itemsize not in PRECISIONS:
                raise ArgumentProblem(
                    f"there is no linear algebra with numbers of type {array.dtype}",
                    help="give arrays of single or of double precision",
                )

    def modules(self, operations: Collection[Operation]) -> dict[str, Any]:
        """What names of modules stand for in the code of these operations, if not for the modules."""
        del operations
        return {}

    def _array(self, name: str, value: Any) -> Array:
        try:
            return self.convert(value)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentProblem(f"{name} is not an array of real numbers: {reason}") from error

    @abstractmethod
    def convert(self, value: Any) -> Array:
        """An array of floating point numbers.

        Forms that do not overflow, and factorisations, are those of real functions.

        Raises:
            TypeError, ValueError, RuntimeError, OverflowError: it holds no real numbers, or the library
                cannot take it.
        """

    @abstractmethod
    def number(self, value: float, like: Array | None) -> Array:
        """An array of no axes, of the type of another array."""


def _as_float(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ArgumentProblem(f"{name} is too large for a floating point number") from None


def _model(arrays: Iterable[Array]) -> Array | None:
    """The array whose type numbers take: that with most axes, the least likely to be a number."""
    return max(arrays, key=lambda array: array.ndim, default=None)


def has_float_type(value: Any) -> bool:
    """Whether it is an array of floating point numbers."""
    return "float" in str(getattr(value, "dtype", ""))


def _is_number(value: Any) -> bool:
    # In this order: arrays are the rule, and asking whether they are numbers is slow.
    return not hasattr(value, "ndim") and isinstance(value, int | float)
