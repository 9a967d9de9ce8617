"""Generated code as a function that checks its arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from numbers import Integral
from typing import Any

from matcalc.codegen.arguments import Axis, axes_of, read_sizes
from matcalc.codegen.generate import Generated
from matcalc.codegen.libraries import library, not_installed
from matcalc.codegen.library import Array, Library
from matcalc.core.expr import Symbol
from matcalc.errors import ArgumentProblem, ShapeProblem
from matcalc.syntax.names import normal_name


@dataclass(frozen=True, slots=True)
class _Call:
    """What all calls with arguments of the same kinds have in common.

    Attributes:
        kinds: what ``Library.kinds`` says of the arguments.
        given: the arguments that are arrays, by their names in the call.
        names: those among them that the function takes, in the order of its parameters.
        sizes: every size of the problem that the arguments tell.
        is_ready: whether all arguments are arrays of the library as they are.
    """

    kinds: object
    given: tuple[str, ...]
    names: tuple[str, ...]
    sizes: dict[str, int]
    is_ready: bool


class GeneratedFunction:
    """A callable that takes arrays by name; vectors and rows are 1-d, scalars 0-d.

    Every variable of the problem may be given, whether the result depends on it or not. In the place
    of one of which only the shape matters, sizes will do.

    Attributes:
        source: the source text, free-standing.
    """

    def __init__(self, generated: Generated) -> None:
        self.source = generated.source
        self.__name__ = generated.name
        self._generated = generated
        self._library = library(generated.backend)
        self._function = load(generated, self._library)
        self._python_names = {s.name: python for python, s in generated.variables.items()}
        dims = (dim for s in generated.variables.values() for dim in s.shape)
        self._sizes = {name for dim in dims for name in dim.symbols} | {*generated.sizes.values()}
        # Calls come with the same kinds of arrays again and again, and to check them takes longer
        # than many a function.
        self._last = _Call(None, (), (), {}, is_ready=False)
        self.__signature__ = _signature(generated)

    def __repr__(self) -> str:
        parameters = ", ".join([*self._generated.arrays, *self._generated.sizes])
        return f"<generated function {self.__name__}({parameters})>"

    def __call__(self, /, *unnamed: Any, **arrays: Any) -> Array:
        """The value at these arrays, which are given by name; a tuple or a dict where there are several.

        Raises:
            ArgumentProblem: an argument is missing, unknown or not numeric, or a matrix is singular.
            ShapeProblem: an array has the wrong number of axes, or arrays disagree on a size.
        """
        if unnamed:
            raise ArgumentProblem("arrays are given by name", help=f"the function is {self!r}")
        return self._in_their_places(self.with_sizes(arrays)[0])

    def with_sizes(self, arrays: Mapping[str, Any]) -> tuple[tuple[Array, ...], dict[str, int]]:
        """All results one after the other, none of them a view of an argument, and the sizes.

        Raises as a call does.
        """
        kinds = self._library.kinds(arrays)
        call, arguments = self._last, arrays  # read once, since other threads may call too
        if kinds is None or kinds != call.kinds:
            call, arguments = self._checked(arrays, kinds)
            self._last = call
        elif not call.is_ready:
            arguments = self._library.arguments({name: arrays[name] for name in call.given})
        positional = [arguments[name] for name in call.names]
        if self._generated.sizes:
            positional += [call.sizes[size] for size in self._generated.sizes.values()]
        try:
            found = self._function(*positional)
        except self._library.errors as error:
            if not self._library.is_undefined(error):
                raise
            raise ArgumentProblem(f"not defined at these arrays: {error}") from error
        results = (found,) if self._generated.is_one else tuple(_flat(found, self._generated))
        return self._library.results(results, arguments.values()), call.sizes

    def _checked(
        self, arrays: Mapping[str, Any], kinds: object
    ) -> tuple[_Call, Mapping[str, Array]]:
        """What is common to calls like this one, and its arguments as arrays.

        Raises as a call does.
        """
        generated = self._generated
        given, sizes = self._sort(arrays)
        absent = {name: s for name, s in generated.arrays.items() if name not in given}
        self._refuse_missing(
            [
                *(name for name in absent if name not in generated.shapes_only),
                *(name for name in generated.sizes if generated.sizes[name] not in sizes),
            ]
        )
        values = self._library.arguments({name: arrays[name] for name in given.values()})
        arguments = {generated.variables[python]: values[name] for python, name in given.items()}
        if generated.has_linear_algebra:
            self._library.refuse_precision(arguments.values())
        sizes = _check_sizes(arguments, sizes)
        _check_entries(generated, sizes)
        names = tuple(given.get(python, s.name) for python, s in generated.arrays.items())
        if absent:
            values |= self._blanks(absent, sizes, arguments.values())
            return _Call(None, (), names, sizes, is_ready=False), values
        is_ready = len(values) == len(arrays) and all(
            value is arrays[name] for name, value in values.items()
        )
        return _Call(kinds, tuple(values), names, sizes, is_ready), values

    def _refuse_missing(self, names: Sequence[str], *details: str) -> None:
        if names:
            raise ArgumentProblem(
                f"missing argument: {', '.join(names)}",
                details=details,
                help=f"the function is {self!r}",
            )

    def _blanks(
        self, absent: Mapping[str, Symbol], sizes: Mapping[str, int], given: Collection[Array]
    ) -> dict[str, Array]:
        """Arrays for variables of which only the shape matters, by the variables' names."""
        found = {}
        for name, symbol in absent.items():
            if unknown := {n for dim in symbol.axes for n in dim.symbols} - sizes.keys():
                self._refuse_missing([name], _will_do(sorted(unknown)))
            shape = tuple(dim.evaluate(sizes) for dim in symbol.axes)
            found[symbol.name] = self._library.blank(shape, given)
        return found

    def _in_their_places(self, results: tuple[Array, ...]) -> Any:
        """The results as the generated function returned them."""
        if self._generated.is_one:
            return results[0]
        keys = self._generated.keys
        if not keys:
            return results
        cut = len(results) - len(keys)
        by_name = dict(zip(keys, results[cut:], strict=True))
        return (*results[:cut], by_name) if cut else by_name

    def _python_name(self, name: str) -> str:
        """What the function calls a variable or a size, by its name in any spelling: ``alpha``, ``α``."""
        for spelling in (name, normal_name(name)):
            if spelling in self._python_names:
                return self._python_names[spelling]
            if spelling in self._sizes:
                return spelling
        return name

    def _sort(self, arrays: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, int]]:
        """The names of the arrays in the call, by their Python names, and the sizes."""
        given: dict[str, str] = {}
        sizes: dict[str, int] = {}
        for name, value in arrays.items():
            python = self._python_name(name)
            if python in given:
                raise ArgumentProblem(f"{given[python]} and {name} are the same argument")
            if python in self._generated.variables:
                given[python] = name
                continue
            size = self._generated.sizes.get(python, python)
            if size not in self._sizes:
                raise ArgumentProblem(f"unknown argument {name}", help=f"the function is {self!r}")
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
                raise ArgumentProblem(f"{name} is a size: a non-negative integer is wanted")
            sizes[size] = int(value)
        return given, sizes


def _flat(found: Any, generated: Generated) -> Iterator[Any]:
    """All results of a call that has several, one after the other."""
    if isinstance(found, dict):
        yield from found.values()
    elif generated.keys:
        *others, by_name = found
        yield from (*others, *by_name.values())
    else:
        yield from found


def _signature(generated: Generated) -> Signature:
    """What must be given and, with a default, what may be."""
    needed = [*generated.arrays, *generated.sizes]
    optional = [name for name in generated.variables if name not in generated.arrays]
    return Signature(
        [
            *(Parameter(name, Parameter.KEYWORD_ONLY) for name in needed),
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in optional),
        ]
    )


def load(generated: Generated, library: Library) -> Callable[..., Any]:
    """Run the generated module text and take the function out of it, for calls with arrays of a library.

    ``exec`` is safe here: the text was written by our own code writer from typed nodes; nothing the
    user typed reaches it except names that ``Names.claim`` has made identifiers, and the docstring,
    which cannot end its quotes.
    """
    namespace: dict[str, Any] = {}
    try:
        exec(compile(generated.source, f"<matcalc {generated.name}>", "exec"), namespace)  # noqa: S102
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
    namespace |= library.modules(generated.operations)
    function: Callable[..., Any] = namespace[generated.name]
    return function


def _check_sizes(arrays: Mapping[Symbol, Array], given: Mapping[str, int]) -> dict[str, int]:
    """Every array has the axes of its variable, and every size one value: these values."""
    for symbol, array in arrays.items():
        if array.ndim != len(symbol.axes):
            raise _wrong_axes(symbol, tuple(array.shape))
    values = dict(given)
    origin: dict[str, Axis] = {}
    names = {name for symbol in arrays for dim in symbol.axes for name in dim.symbols}
    readings, unsolved = read_sizes(sorted(names - set(given)), arrays)
    for reading in readings:
        if reading.size in values:
            continue
        length = arrays[reading.axis.symbol].shape[reading.axis.position]
        divisor = reading.divisor.evaluate(values)
        if divisor == 0:
            raise ShapeProblem(
                f"{reading.axis.symbol.name} is empty and does not tell the size {reading.size}"
            )
        values[reading.size] = round((length // divisor) ** (1 / reading.power))
        origin[reading.size] = reading.axis
    for axis in axes_of(arrays):
        length = arrays[axis.symbol].shape[axis.position]
        if any(name in unsolved for name in axis.dim.symbols):
            continue
        if axis.dim.evaluate(values) != length:
            raise _disagreement(axis, arrays, values, origin)
    return values


def _wrong_axes(symbol: Symbol, shape: tuple[int, ...]) -> ShapeProblem:
    """The complaint about the number of axes, with the remedy where some of length 1 are too many."""
    name, wanted = symbol.name, len(symbol.axes)
    longer = tuple(length for length in shape if length != 1)
    fits = len(longer) == wanted < len(shape)
    return ShapeProblem(
        f"{name} has {len(shape)} {'axis' if len(shape) == 1 else 'axes'} instead of {wanted}",
        details=(f"{_expected(symbol)}; the array is {shape}",),
        help="axes of size 1 are dropped: "
        + (f"give {name}.reshape({longer})" if fits else "vectors and rows are 1-d, scalars 0-d"),
    )


def _will_do(sizes: Sequence[str]) -> str:
    which = f"size {sizes[0]}" if len(sizes) == 1 else f"sizes {', '.join(sizes)}"
    return f"only its shape matters: the {which} will do"


def _check_entries(generated: Generated, sizes: Mapping[str, int]) -> None:
    """Every axis of which a fixed entry is taken has it."""
    for dim, entry in generated.entries:
        if all(name in sizes for name in dim.symbols) and dim.evaluate(sizes) < entry:
            raise ShapeProblem(f"there is no entry {entry} where {dim} = {dim.evaluate(sizes)}")


def _disagreement(
    axis: Axis,
    arrays: Mapping[Symbol, Array],
    values: Mapping[str, int],
    origin: Mapping[str, Axis],
) -> ShapeProblem:
    name = axis.symbol.name
    others = {origin[size].symbol for size in axis.dim.symbols if size in origin}
    concerned = [axis.symbol, *sorted(others - {axis.symbol}, key=lambda symbol: symbol.name)]
    if not axis.dim.symbols:
        problem = f"{name} has the wrong size"
    elif len(concerned) > 1:
        problem = f"{name} and {concerned[1].name} disagree on the size {axis.dim}"
    else:
        problem = f"{name} has a size that is not {axis.dim} with " + ", ".join(
            f"{size} = {values[size]}" for size in dict.fromkeys(axis.dim.symbols)
        )
    return ShapeProblem(
        problem,
        details=tuple(
            f"{_expected(symbol)}; the array is {tuple(arrays[symbol].shape)}"
            for symbol in concerned
        ),
    )


def _expected(symbol: Symbol) -> str:
    axes = symbol.axes
    inside = ", ".join(map(str, axes)) + ("," if len(axes) == 1 else "")
    return f"{symbol.name} is a scalar" if not axes else f"{symbol.name} is ({inside})"
