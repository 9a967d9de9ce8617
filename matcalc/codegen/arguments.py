"""Parameters of a generated function: their Python names, and how sizes are read off the arrays."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from matcalc.core.dim import Dim
from matcalc.core.expr import Symbol

#: Names that generated code uses itself; a variable of that name gets a trailing underscore.
RESERVED = frozenset(
    {
        *keyword.kwlist,
        *dir(builtins),
        "np",
        "jnp",
        "jax",
        "torch",
        "math",
        "scipy",
        "dtype",
        "device",
    }
)


class Names:
    """Gives out Python identifiers, none of them twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._temporaries = 0

    def claim(self, name: str) -> str:
        """The name itself where it can be a Python identifier, else the nearest that can.

        Characters that cannot stand in an identifier become underscores; a keyword or a name that
        generated code uses itself gets an underscore at its end: ``in`` becomes ``in_``.
        """
        candidate = re.sub(r"\W", "_", name)
        if not candidate.isidentifier():
            candidate = f"_{candidate}"
        while candidate in RESERVED or candidate in self._taken:
            candidate += "_"
        self._taken.add(candidate)
        return candidate

    def temporary(self) -> str:
        """``t1``, ``t2``, ...: the next that no variable has."""
        while True:
            self._temporaries += 1
            if (name := f"t{self._temporaries}") not in self._taken:
                self._taken.add(name)
                return name


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an argument: the ``position``-th of the array of ``symbol``."""

    symbol: Symbol
    position: int
    dim: Dim


def axes_of(symbols: Iterable[Symbol]) -> Iterator[Axis]:
    """The axes that arrays for these variables have; axes of size 1 are dropped."""
    for symbol in symbols:
        for position, dim in enumerate(symbol.axes):
            yield Axis(symbol, position, dim)


@dataclass(frozen=True, slots=True)
class Reading:
    """How to get a size: ``size^power`` is the length of ``axis`` divided by ``divisor``."""

    size: str
    axis: Axis
    divisor: Dim
    power: int


def read_sizes(wanted: Iterable[str], symbols: Iterable[Symbol]) -> tuple[list[Reading], list[str]]:
    """How to read the wanted sizes off the arrays, in an order that works, and those that cannot be.

    An axis of length ``m n`` yields ``n`` once ``m`` is known, and ``"m n"`` where neither is.
    """
    axes = sorted(axes_of(symbols), key=lambda axis: (len(axis.dim.symbols), axis.dim.coefficient))
    missing = list(dict.fromkeys(wanted))
    readings: dict[str, Reading] = {}
    products: dict[str, Reading] = {}
    progress = True
    while progress:
        progress = False
        for axis in axes:
            unknown = {name for name in axis.dim.symbols if name not in readings}
            if len(unknown) != 1:
                continue
            (size,) = unknown
            power = axis.dim.symbols.count(size)
            if power <= 2:
                rest = tuple(name for name in axis.dim.symbols if name != size)
                readings[size] = Reading(size, axis, Dim(axis.dim.coefficient, rest), power)
                progress = True
    for axis in axes:
        product = product_name(name for name in axis.dim.symbols if name not in readings)
        rest = tuple(name for name in axis.dim.symbols if name in readings)
        if product:
            products.setdefault(product, Reading(product, axis, Dim(axis.dim.coefficient, rest), 1))
    readings |= products
    return _needed(missing, readings), [size for size in missing if size not in readings]


def unread_products(symbols: Sequence[Symbol]) -> list[tuple[str, ...]]:
    """Sizes that the axes tell as products only, in the order of the axes."""
    names = {name for axis in axes_of(symbols) for name in axis.dim.symbols}
    unread = set(read_sizes(sorted(names), symbols)[1])
    products = (
        tuple(name for name in axis.dim.symbols if name in unread) for axis in axes_of(symbols)
    )
    return list(dict.fromkeys(product for product in products if product))


def product_name(product: Iterable[str]) -> str:
    """What a product of sizes is called among the sizes: ``m n``."""
    return " ".join(product)


def with_products(symbols: tuple[str, ...], products: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The factors of a size, those that are known as a product only as one factor."""
    remaining = Counter(symbols)
    found: list[str] = []
    for product in products:
        while Counter(product) <= remaining:
            remaining -= Counter(product)
            found.append(product_name(product))
    return (*found, *remaining.elements())


def _needed(wanted: list[str], readings: dict[str, Reading]) -> list[Reading]:
    """The readings of the wanted sizes and of the sizes these rest on, in the order of reading."""
    needed: set[str] = set()
    stack = [size for size in wanted if size in readings]
    while stack:
        size = stack.pop()
        if size not in needed:
            needed.add(size)
            stack.extend(readings[size].divisor.symbols)
    return [reading for size, reading in readings.items() if size in needed]
