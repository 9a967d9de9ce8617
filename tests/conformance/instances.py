"""Every operation of the registry applied to variables, at all the shapes that it admits."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.errors import ShapeProblem
from matcalc.ops.linalg import DIAGONAL, INV
from matcalc.ops.reduction import EXTREMES
from matcalc.ops.structural import MATMUL, MATPOW, TIMES, TRANSPOSE
from tests.reference import distinct_sizes, generator, impose, sample

#: Domains whose arrays have a structure: derivatives are compared along that structure only.
STRUCTURED = {"symmetric": "symmetric", "spd": "symmetric"}


@dataclass(frozen=True)
class Instance:
    """An operation applied to variables of definite shapes."""

    op: Operation
    expr: Apply
    symbols: tuple[Symbol, ...]

    def __str__(self) -> str:
        shapes = " ".join("x".join(map(str, arg.shape)) for arg in self.expr.args)
        return f"{self.op.name}[{shapes}]".replace(" ", ",")

    @property
    def size_symbols(self) -> list[str]:
        """Its size symbols, those of size arguments included."""
        dims = [dim for arg in self.expr.args for dim in arg.shape]
        dims += [arg.dim for arg in self.expr.args if isinstance(arg, Size)]
        return [name for dim in dims for name in dim.symbols]

    @property
    def sizes(self) -> dict[str, int]:
        """Pairwise distinct numbers for its size symbols; square matrices are 3 x 3."""
        return distinct_sizes(self.size_symbols)

    @property
    def small_sizes(self) -> dict[str, int]:
        """Others, with 2 x 2 matrices: exact functions of larger ones take SymPy minutes."""
        return distinct_sizes(self.size_symbols, shift=1)

    def arrays(self, sizes: dict[str, int] | None = None) -> dict[str, np.ndarray]:
        """An array in the operation's domain for each variable."""
        sizes = sizes or self.sizes
        return {
            symbol.name: sample(
                generator(str(self), symbol.name),
                [dim.evaluate(sizes) for dim in symbol.axes],
                domain="separated" if self.op.kink and self.op.domain == "real" else self.op.domain,
            )
            for symbol in self.symbols
        }

    @property
    def structure(self) -> str:
        """The structure that its arrays have, if any."""
        return STRUCTURED.get(self.op.domain, "")

    def project(self, array: np.ndarray) -> np.ndarray:
        """The nearest array with that structure."""
        return impose(array, self.structure) if self.structure and array.ndim == 2 else array


def has_rule(op: Operation) -> bool:
    """Whether its derivative is known. A whole power of a matrix is written out as a product."""
    return bool(op.index_form or op.partial or op.definition) or op is MATPOW


def is_constant(op: Operation) -> bool:
    """Whether it takes no arrays, so that there is nothing to differentiate by."""
    return all(isinstance(pattern, str) for pattern in op.rule.parameters)


def instances(op: Operation) -> list[Instance]:
    """The operation at every admitted choice of axes of size 1, of scalars, and of arity."""
    found: dict[Expr, Instance] = {}
    for patterns in _arities(op):
        for shapes in _shapes(patterns):
            instance = _instance(op, shapes)
            if instance is not None:
                found.setdefault(instance.expr, instance)
    return list(found.values())


def is_writable(instance: Instance) -> bool:
    """Whether the language has a text for it: it reads ``a'`` of a scalar as ``a``, and so on.

    ``min(x, 1)`` of anything but a matrix compares with the number 1.
    """
    first = instance.expr.args[0] if instance.expr.args else None
    if first is None or isinstance(first, Size):
        return True
    if first.is_scalar and instance.op in (TRANSPOSE, INV, MATPOW, DIAGONAL):
        return False
    return not (instance.op in EXTREMES and instance.op.tail and len(first.axes) < 2)


def _arities(op: Operation) -> Iterator[tuple[Shape | str, ...]]:
    """The parameters' patterns; an associative operation takes three as well."""
    yield op.rule.parameters
    if op.variadic:
        left, right = op.rule.parameters
        # The third continues the second: (m, k), (k, n), (n, r) for a product.
        assert not isinstance(right, str)
        if left == right:
            yield (left, right, right)
        elif left[1] == right[0]:
            yield (left, right, (right[1], Dim.of("r")))
        else:
            yield (left, right, (Dim.of("r"), ONE))


def _shapes(patterns: tuple[Shape | str, ...]) -> Iterator[tuple[Shape | str, ...]]:
    symbols = sorted(
        {name for p in patterns if p and not isinstance(p, str) for d in p for name in d.symbols}
    )
    for units in itertools.product((False, True), repeat=len(symbols)):
        replaced = {name: ONE for name, unit in zip(symbols, units, strict=True) if unit}
        shapes = tuple(
            pattern
            if isinstance(pattern, str)
            else tuple(dim.substitute(replaced) for dim in pattern)
            for pattern in patterns
        )
        yield shapes
        for position, shape in enumerate(shapes):
            if not isinstance(shape, str) and len(shapes) > 1:
                yield (*shapes[:position], SCALAR, *shapes[position + 1 :])


def _instance(op: Operation, shapes: tuple[Shape | str, ...]) -> Instance | None:
    args: list[Expr] = []
    for position, shape in enumerate(shapes):
        name = f"A_{position + 1}"
        if isinstance(shape, str):
            args.append(Size(Dim.of(shape)))
        elif _takes_whole_number(op, position):
            args.append(Constant(Fraction(3 if op is MATPOW else 1)))
        else:
            args.append(Symbol(name, shape, {op.domain} & set(STRUCTURED)))
    try:
        expr = op(*args)
    except ShapeProblem:
        return None
    if not _is_conventional(expr):
        return None
    if op.domain in STRUCTURED and expr.args[0].is_scalar:
        return None
    return Instance(op, expr, tuple(arg for arg in args if isinstance(arg, Symbol)))


def _is_conventional(expr: Apply) -> bool:
    """Whether elaboration builds it: scalars first, and no scalar within a matrix product."""
    scalars = [arg.is_scalar for arg in expr.args]
    if expr.op is TIMES:
        return scalars == sorted(scalars, reverse=True)
    if expr.op is MATMUL:
        stretches = (expr.args[i:j] for i, j in itertools.combinations(range(len(scalars) + 1), 2))
        partial = [MATMUL(*stretch) for stretch in stretches if len(stretch) < len(scalars)]
        return not any(product.is_scalar for product in partial)
    return True


def _takes_whole_number(op: Operation, position: int) -> bool:
    """Whether an argument only counts: exponents of matrix powers and numbers of eigenvalues."""
    if op is MATPOW:
        return position == 1
    return len(op.partial) == len(op.rule.parameters) and op.partial[position] == ""
