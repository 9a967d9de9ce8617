"""What NumPy, JAX and PyTorch do differently when a generated function is called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, reduce
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from matcalc.codegen.kernels import LU_FACTOR
from matcalc.codegen.library import Array, Library, has_float_type
from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem

#: What ``isbuiltin`` says of a type of numbers that another library has added to NumPy.
ADDED = 2


class Numpy(Library):
    """NumPy. The results are never views of the arguments, nor of each other."""

    module = np

    def results(self, values: tuple[Any, ...], arguments: Collection[Array]) -> tuple[Array, ...]:
        """As arrays that are their own, even where the function returns an argument."""
        # Mostly they are; without calls, as in ``kinds``.
        for value in values:
            if type(value) is not np.ndarray or value.base is not None:
                break
        else:
            own = {*map(id, values)}
            if len(own) == len(values) and own.isdisjoint(map(id, arguments)):
                return values
        if {*map(type, values)} != {np.ndarray}:
            values = tuple(map(np.asarray, super().results(values, arguments)))
        return _unshared(values, arguments, _owner, np.copy)

    def modules(self, operations: Collection[Operation]) -> dict[str, Any]:
        """SciPy only warns of what NumPy refuses.

        To make errors of warnings for a while would do so in all other threads too.
        """
        if LU_FACTOR not in operations:
            return {}
        linalg = _Changed(import_module("scipy.linalg"), lu_factor=_strict_lu_factor)
        return {"scipy": _Changed(import_module("scipy"), linalg=linalg)}

    def convert(self, value: Any) -> Array:
        """Integers as floating point numbers of the default type."""
        array = _real(value)
        return array if array.dtype.kind == "f" else array.astype(float)

    def number(self, value: float, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        return np.asarray(value, dtype=np.result_type(1.0 if like is None else like, value, 1.0))


class Jax(Library):
    """JAX. Tracers are arrays like others: only their shapes are looked at."""

    def __init__(self) -> None:
        self.module = import_module("jax.numpy")
        self._Array = import_module("jax").Array
        self._Tracer = import_module("jax.core").Tracer

    def repeat(
        self, step: Callable[[Any], Any], goes_on: Callable[[Any], Array], state: Any
    ) -> Any:
        """In a loop that can be traced."""
        return import_module("jax.lax").while_loop(goes_on, step, state)

    def is_traced(self, arrays: Iterable[Array]) -> bool:
        """Under ``jax.jit`` and the like."""
        return any(isinstance(array, self._Tracer) for array in arrays)

    def register(self, pytree: type) -> None:
        """Once, as JAX wants it."""
        _register_with_jax(pytree)

    def convert(self, value: Any) -> Array:
        """Integers as floating point numbers of the default type."""
        jnp = self.module
        # Lists may hold tracers, which only JAX can make arrays of.
        is_foreign = hasattr(value, "__array__") and not isinstance(value, self._Array)
        array = jnp.asarray(_portable(value) if is_foreign else value)
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise TypeError(f"its entries are of type {array.dtype}")
        return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)

    def number(self, value: float, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        jnp = self.module
        return jnp.asarray(value, dtype=jnp.result_type(1.0 if like is None else like, value, 1.0))


@cache
def _register_with_jax(pytree: type) -> None:
    import_module("jax.tree_util").register_pytree_node_class(pytree)


class Torch(Library):
    """PyTorch. Tensors of several types, which it does not multiply, are made one, as NumPy would.

    What is no tensor goes to the device of the first tensor. The results are never views of the
    arguments, nor of each other.
    """

    # Of a singular matrix lu_factor raises a RuntimeError, of an empty one amax an IndexError.
    errors = (*Library.errors, RuntimeError, IndexError)

    def __init__(self) -> None:
        self.module = import_module("torch")

    def is_undefined(self, error: Exception) -> bool:
        """It has a LinAlgError of its own."""
        return isinstance(error, self.module.linalg.LinAlgError) or super().is_undefined(error)

    def kinds(self, given: Mapping[str, Any]) -> object:
        """What matters of tensors is their device too."""
        devices = [getattr(value, "device", None) for value in given.values()]
        kinds = super().kinds(given)
        return None if kinds is None else (kinds, devices)

    def arrays(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """As tensors of one type on one device."""
        torch = self.module
        tensors = super().arrays(given)
        typed = [tensors[name] for name, value in given.items() if has_float_type(value)]
        dtype = self.result_type(typed) if typed else torch.get_default_dtype()
        devices = [value.device for value in given.values() if torch.is_tensor(value)]
        device = devices[0] if devices else None
        return {name: tensor.to(device=device, dtype=dtype) for name, tensor in tensors.items()}

    def cast(self, array: Array, dtype: Any) -> Array:
        """The tensor as one of this type."""
        return array.to(dtype)

    def beside(self, name: str, value: Any, arrays: Sequence[Array]) -> Array:
        """Of their type and on their device."""
        tensor = super().beside(name, value, arrays)
        return tensor.to(arrays[0]) if arrays else tensor

    def results(self, values: tuple[Any, ...], arguments: Collection[Array]) -> tuple[Array, ...]:
        """As tensors that are their own, even where the function returns an argument."""
        tensors = super().results(values, arguments)
        return _unshared(tensors, arguments, _base, self.module.clone)

    def result_type(self, arrays: Sequence[Array]) -> Any:
        """Of any number of arrays, as the others know it."""
        return reduce(self.module.promote_types, (array.dtype for array in arrays))

    def convert(self, value: Any) -> Array:
        """Integers as floating point numbers of double precision, of which ``arrays`` makes less."""
        torch = self.module
        tensor = value if torch.is_tensor(value) else torch.from_numpy(_portable(value))
        if tensor.is_complex():
            raise TypeError(f"its entries are of type {tensor.dtype}")
        return tensor if tensor.is_floating_point() else tensor.double()

    def number(self, value: float, like: Array | None) -> Array:
        """Without ``like`` of the default type."""
        torch = self.module
        if like is None:
            return torch.tensor(value, dtype=torch.result_type(torch.tensor(1.0), value))
        return torch.tensor(value, dtype=torch.result_type(like, value), device=like.device)


class _Changed:
    """A module in which some names stand for something else."""

    def __init__(self, module: ModuleType, **names: Any) -> None:
        self._module = module
        self.__dict__ |= names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _strict_lu_factor(matrix: np.ndarray, **_: bool) -> tuple[np.ndarray, np.ndarray]:
    """SciPy's ``lu_factor`` without a check for infinite entries, and no factorisation of a singular matrix."""
    linalg = import_module("scipy.linalg")
    if not matrix.size:
        found: tuple[np.ndarray, np.ndarray] = linalg.lu_factor(matrix)
        return found
    (getrf,) = linalg.get_lapack_funcs(("getrf",), (matrix,))
    factors, pivots, singular = getrf(matrix)
    if singular:
        raise np.linalg.LinAlgError("Singular matrix")
    return factors, pivots


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


def _real(value: Any) -> np.ndarray:
    """What is no array of another library as one of NumPy's.

    Raises:
        TypeError: its entries are no real numbers, or some are missing.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("entries that are masked have no value; its filled() gives them one")
    array = np.asarray(value)
    # Types such as bfloat16 are added to NumPy by other libraries, which may be able to take them.
    if array.dtype.kind not in "fiub" and array.dtype.isbuiltin != ADDED:
        is_array = array.ndim > 0 or isinstance(value, np.ndarray)
        what = f"its entries are of type {array.dtype}" if is_array else f"it is {value!r:.40}"
        raise TypeError(what)
    return array


def _portable(value: Any) -> np.ndarray:
    """The same as JAX and PyTorch take it: in the machine's byte order, of double precision at most,
    in memory that is written to and runs forwards.
    """
    array = _real(value)
    dtype = array.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize > np.dtype(float).itemsize:
        dtype = np.dtype(float)
    is_odd = not array.flags.writeable or any(stride < 0 for stride in array.strides)
    return array.astype(dtype, copy=is_odd)


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
    # The memory of other libraries has an owner that is none.
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _base(tensor: Array) -> Array:
    """The tensor whose memory a tensor is a view of."""
    # PyTorch documents addresses of storages only, which tensors under torch.func and torch.compile have none of.
    base: Array = tensor._base  # noqa: SLF001
    return tensor if base is None else base
