"""Random well-shaped expressions over the whole registry, in the form in which texts are read."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.core.expr import Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY
from matcalc.ops.constant import ONES, PI, ZEROS
from matcalc.passes import construct
from matcalc.passes.translate import apply_operation

SIZES = tuple(map(Dim.of, "mnpq"))

#: What expressions are drawn from: all kinds, and shapes that only kron and vec have.
SHAPES: tuple[Shape, ...] = (
    SCALAR,
    (Dim.of("n"), ONE),
    (ONE, Dim.of("m")),
    (Dim.of("m"), Dim.of("n")),
    (Dim.of("p"), Dim.of("p")),
    (Dim.of("m") * Dim.of("p"), Dim.of("n") * Dim.of("q")),
    (Dim.of("m") * Dim.of("n"), ONE),
)

#: Operations without a signature that says it all, and how they are applied.
STRUCTURAL = (
    "add",
    "times",
    "matmul",
    "transpose",
    "power",
    "matpow",
    "kron",
    "maximum",
    "minimum",
)

COEFFICIENTS = tuple(map(Fraction, ("-1", "2", "-3", "1/2", "-3/2")))


@st.composite
def expressions(
    draw: st.DrawFn,
    max_leaves: int = 8,
    ops: frozenset[str] | None = None,
    shape: Shape | None = None,
) -> Expr:
    """An expression with up to so many leaves, made of these operations (by default, of all).

    Variables have one shape each, which their name tells: ``a``, ``x_n``, ``r_n`` (a row), ``A_mn``.
    """
    allowed = frozenset(REGISTRY) if ops is None else ops
    if shape is None:
        shape = draw(st.sampled_from(SHAPES))
    return _Grower(draw, allowed).grow(shape, draw(st.integers(1, max_leaves)))


class _Grower:
    def __init__(self, draw: st.DrawFn, allowed: frozenset[str]) -> None:
        self.draw = draw
        self.allowed = allowed

    def grow(self, shape: Shape, leaves: int) -> Expr:
        if leaves <= 1:
            return self._leaf(shape)
        structural = [name for name in STRUCTURAL if name in self.allowed and _admits(name, shape)]
        called = [
            op
            for name, op in REGISTRY.items()
            if name in self.allowed and name not in STRUCTURAL and _match(op, shape) is not None
        ]
        # There are many more functions than operators; operators have the notation.
        kinds = ["structural"] * 2 * bool(structural) + ["call"] * bool(called)
        if not kinds:
            return self._leaf(shape)
        if self.draw(st.sampled_from(kinds)) == "call":
            return self._call(self.draw(st.sampled_from(called)), shape, leaves)
        return self._structural(self.draw(st.sampled_from(structural)), shape, leaves)

    def _leaf(self, shape: Shape) -> Expr:
        rows, columns = shape
        if shape == SCALAR:
            numbers = [Constant(2), Constant(Fraction(1, 2)), Size(SIZES[0]), PI()]
            return self.draw(st.sampled_from([_variable(shape, 0), _variable(shape, 1), *numbers]))
        arrays = [ONES(Size(rows), Size(columns)), ZEROS(Size(rows), Size(columns))]
        if rows == columns:
            arrays.append(construct.eye(rows))
        return self.draw(
            st.sampled_from(
                [_variable(shape, 0), _variable(shape, 1), _variable(shape, 2), *arrays]
            )
        )

    def _call(self, op: Operation, shape: Shape, leaves: int) -> Expr:
        sizes = dict(_match(op, shape) or {})
        args: list[Expr] = []
        for position, pattern in enumerate(op.rule.parameters):
            assert not isinstance(pattern, str)
            if op.partial[position : position + 1] == ("",) and pattern == SCALAR:
                # It has no derivative, since it counts: which eigenvalue.
                args.append(Constant(self.draw(st.sampled_from([0, 1]))))
                continue
            for dim in pattern:
                for symbol in dim.symbols:
                    if symbol not in sizes:
                        sizes[symbol] = self.draw(st.sampled_from(SIZES))
            rows, columns = (dim.substitute(sizes) for dim in pattern)
            args.append(self.grow((rows, columns), (leaves - 1) // len(op.parameters) or 1))
        return apply_operation(op, tuple(args))

    def _structural(self, name: str, shape: Shape, leaves: int) -> Expr:
        half = leaves // 2
        op = REGISTRY[name]
        match name:
            case "add":
                first = self.grow(shape, half)
                if shape != SCALAR and shape[0] != shape[1] and self.draw(st.booleans()):
                    ones = ONES(Size(shape[0]), Size(shape[1]))
                    return construct.add([self._scaled(ones), first])
                return construct.add([first, self._scaled(self.grow(shape, leaves - half))])
            case "times":
                return self._times(shape, leaves)
            case "matmul":
                inner = self.draw(st.sampled_from(SIZES))
                left, right = (shape[0], inner), (inner, shape[1])
                args = [self.grow(left, half), self.grow(right, leaves - half)]
                return apply_operation(op, tuple(args))
            case "transpose":
                return apply_operation(op, (self.grow(shape[::-1], leaves - 1),))
            case "power":
                exponents = [Constant(k) for k in (2, -1, -2, Fraction(1, 2))]
                exponent = self.draw(st.sampled_from([*exponents, _variable(SCALAR, 0)]))
                return apply_operation(op, (self._not_number(shape, leaves - 1), exponent))
            case "matpow":
                exponent = Constant(self.draw(st.sampled_from((2, 3, -1, -2))))
                return apply_operation(op, (self.grow(shape, leaves - 1), exponent))
            case "kron":
                (m, p), (n, q) = (
                    (Dim.of(s) for s in dim.symbols) if dim.symbols else (ONE, ONE) for dim in shape
                )
                return apply_operation(op, (self.grow((m, n), half), self.grow((p, q), half or 1)))
            case _:
                # max(x, 2) would be the largest along an axis.
                args = [self.grow(shape, half), self._not_number(shape, leaves - half)]
                return op(*args)

    def _times(self, shape: Shape, leaves: int) -> Expr:
        half = leaves // 2
        kinds = ["scaled", "by a scalar", "over a scalar", "over a size", "entrywise", "quotient"]
        kind = self.draw(st.sampled_from(kinds))
        left = self.grow(shape, half)
        match kind:
            case "scaled":
                return self._scaled(left)
            case "by a scalar":
                return construct.multiply((self.grow(SCALAR, leaves - half), left))
            case "over a scalar":
                return construct.divide(left, self._not_number(SCALAR, leaves - half))
            case "over a size":
                return construct.divide(left, Size(SIZES[0]))
            case "entrywise":
                return construct.hadamard((left, self.grow(shape, leaves - half)))
            case _:
                return construct.divide(left, self._not_number(shape, leaves - half))

    def _scaled(self, e: Expr) -> Expr:
        return construct.multiply((Constant(self.draw(st.sampled_from(COEFFICIENTS))), e))

    def _not_number(self, shape: Shape, leaves: int) -> Expr:
        e = self.grow(shape, leaves)
        return _variable(shape, 0) if isinstance(e, Constant) else e


def _variable(shape: Shape, which: int) -> Symbol:
    rows, columns = shape
    if shape == SCALAR:
        return Symbol("abc"[which], SCALAR)
    if columns.is_unit:
        return Symbol(f"{'xyz'[which]}_{_tag(rows)}", shape)
    if rows.is_unit:
        return Symbol(f"{'rst'[which]}_{_tag(columns)}", shape)
    properties = ["symmetric"] if which == 2 and rows == columns else []
    return Symbol(f"{'ABC'[which]}_{_tag(rows)}{_tag(columns)}", shape, properties)


def _tag(dim: Dim) -> str:
    return "".join(dim.symbols)


def _admits(name: str, shape: Shape) -> bool:
    rows, columns = shape
    match name:
        case "matpow":
            return rows == columns != ONE
        case "transpose":
            return shape != SCALAR
        case "kron":
            pairs = [len(dim.symbols) == 2 or dim.is_unit for dim in shape]
            return shape != SCALAR and all(pairs)
        case _:
            return True


def _match(op: Operation, shape: Shape) -> dict[str, Dim] | None:
    """Sizes that give the operation's result this shape; None if nothing does."""
    if any(isinstance(pattern, str) for pattern in op.rule.parameters) or not op.parameters:
        return None
    sizes: dict[str, Dim] = {}
    for pattern, dim in zip(op.rule.result, shape, strict=True):
        parts = [Dim.of(symbol) for symbol in dim.symbols] or [dim]
        if not pattern.symbols:
            if not dim.is_unit:
                return None
            continue
        if len(pattern.symbols) == 1:
            parts = [dim]
        # An axis of size 1 fits element-wise functions; others would change their meaning.
        if len(pattern.symbols) != len(parts) or (dim.is_unit and not op.elementwise):
            return None
        for symbol, part in zip(pattern.symbols, parts, strict=True):
            if sizes.setdefault(symbol, part) != part:
                return None
    return sizes
