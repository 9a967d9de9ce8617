"""Random well-shaped expressions over the whole registry, in the form in which texts are read.

Whoever grows one says how to choose: Hypothesis, which shrinks, or a seeded generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Protocol, TypeVar

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY
from matcalc.ops.constant import COMMUTATION, ONES, PI, UNIT, ZEROS
from matcalc.ops.elementwise import ABS, EXP, SIGN, SQRT
from matcalc.ops.reduction import SUM
from matcalc.passes import construct
from matcalc.passes.translate import apply_operation

T = TypeVar("T")


class Choose(Protocol):
    """Picks one of several; the first is the simplest."""

    def __call__(self, options: Sequence[T], /) -> T: ...


SIZES = tuple(map(Dim.of, "mnpq"))

#: What expressions are drawn from: all kinds, and shapes that only kron and vec have.
SHAPES: tuple[Shape, ...] = (
    SCALAR,
    (Dim.of("n"), ONE),
    (ONE, Dim.of("m")),
    (Dim.of("m"), Dim.of("n")),
    (Dim.of("p"), Dim.of("p")),
    (Dim.of("m") * Dim.of("p"), Dim.of("n") * Dim.of("q")),
    (Dim.of("m") * Dim.of("n"), Dim.of("m") * Dim.of("n")),
    (Dim.of("n") * Dim.of("n"), Dim.of("n") * Dim.of("n")),
    (Dim.of("m") * Dim.of("n"), ONE),
    (Dim.of("n") * Dim.of("n"), ONE),
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

#: How the names begin of the operations chosen less often: there are many, and many points are ties.
RARE = ("max", "min", "arg")

COEFFICIENTS = tuple(map(Fraction, ("-1", "2", "-3", "1/2", "-3/2")))

#: Letters of the variables that have properties.
PROPERTIES = {
    "S": ("symmetric",),
    "K": ("skew",),
    "D": ("diagonal",),
    "P": ("spd",),
    "Q": ("orthogonal",),
    "L": ("lower_triangular",),
    "U": ("upper_triangular",),
    "T": ("toeplitz",),
    "R": ("symmetric", "invertible"),
}


class Grower:
    """Grows expressions of given shapes.

    Variables have one shape each, which their name tells: ``a``, ``x_n``, ``r_n`` (a row), ``A_mn``.

    Args:
        choose: how to choose.
        ops: names of the operations to use; by default all.
    """

    def __init__(self, choose: Choose, ops: frozenset[str] | None = None) -> None:
        self.choose = choose
        self.allowed = frozenset(REGISTRY) if ops is None else ops
        self.grown: dict[Shape, list[Expr]] = {}

    def grow(self, shape: Shape, leaves: int) -> Expr:
        """An expression with up to so many leaves, apart from what it shares with earlier ones."""
        if leaves <= 1:
            return self._leaf(shape)
        if shape in self.grown and self.choose(range(8)) == 7:
            return self.choose(self.grown[shape])
        result = self._application(shape, leaves)
        self.grown.setdefault(shape, []).append(result)
        return result

    def _application(self, shape: Shape, leaves: int) -> Expr:
        structural = [name for name in STRUCTURAL if name in self.allowed and _admits(name, shape)]
        called = [
            op
            for name, op in REGISTRY.items()
            if name in self.allowed and name not in STRUCTURAL and _match(op, shape) is not None
        ]
        functions = [op for op in called if not op.elementwise]
        elementwise = [op for op in called if op.elementwise]
        # There are many more functions than operators, and most act entry by entry; what is most
        # apt to go wrong are the others.
        kinds = ["structural"] * 4 * bool(structural)
        kinds += ["function"] * 3 * bool(functions) + ["elementwise"] * bool(elementwise)
        if not kinds:
            return self._leaf(shape)
        match self.choose(kinds):
            case "function":
                return self._call(self._common(functions), shape, leaves)
            case "elementwise":
                return self._call(self._common(elementwise), shape, leaves)
        name = self._common([REGISTRY[name] for name in structural]).name
        return self._structural(name, shape, leaves)

    def _common(self, ops: list[Operation]) -> Operation:
        """One of the operations."""
        return self.choose([op for op in ops for _ in range(1 if op.name.startswith(RARE) else 4)])

    # ------------------------------------------------------------------ leaves

    def _leaf(self, shape: Shape) -> Expr:
        rows, columns = shape
        plain = [variable(shape, which) for which in range(3)]
        if shape == SCALAR:
            numbers = [Constant(2), Constant(Fraction(1, 2)), Size(SIZES[0]), PI()]
            return self.choose([*plain, *numbers])
        kinds = ["plain"] * 4 + ["special"] * (3 if rows == columns else 1) + ["constant"]
        match self.choose(kinds):
            case "special":
                return self.choose(_special(shape))
            case "constant":
                return self.choose(self._constants(rows, columns))
        return self.choose(plain)

    def _constants(self, rows: Dim, columns: Dim) -> list[Expr]:
        constants: list[Expr] = [ONES(Size(rows), Size(columns))]
        if "zeros" in self.allowed:
            constants.append(ZEROS(Size(rows), Size(columns)))
        if rows == columns:
            constants.append(construct.eye(rows))
            if len(rows.symbols) == 2:
                m, n = map(Dim.of, rows.symbols)
                constants.append(COMMUTATION(Size(m), Size(n)))
        if columns.is_unit:
            constants.append(UNIT(Size(rows), Size(Dim.of(2))))
        return constants

    # ------------------------------------------------------------------ functions

    def _call(self, op: Operation, shape: Shape, leaves: int) -> Expr:
        sizes = dict(_match(op, shape) or {})
        args: list[Expr] = []
        for position, pattern in enumerate(op.rule.parameters):
            assert not isinstance(pattern, str)
            if op.parameters[position] == "k":
                # It counts: which eigenvalue, which power.
                args.append(Constant(self.choose([1, 0])))
                continue
            for dim in pattern:
                for symbol in dim.symbols:
                    if symbol not in sizes:
                        sizes[symbol] = self.choose(SIZES)
            rows, columns = (dim.substitute(sizes) for dim in pattern)
            budget = (leaves - 1) // len(op.parameters) or 1
            args.append(self._argument(op, (rows, columns), budget))
        return apply_operation(op, tuple(args))

    def _argument(self, op: Operation, shape: Shape, leaves: int) -> Expr:
        """One that is in the operation's domain, more often than chance would have it."""
        if op.domain == "symmetric":
            return self._symmetric(shape, leaves)
        makers = DOMAINS.get(op.domain)
        if makers is None or not shape[0].symbols or self.choose(range(3)) == 0:
            return self.grow(shape, leaves)
        return self.choose(makers)(self, shape, leaves)

    def _symmetric(self, shape: Shape, leaves: int) -> Expr:
        match self.choose(["variable", "sum", "product", "as it comes"]):
            case "sum":
                e = self.grow(shape, leaves // 2)
                return construct.add([e, construct.transpose(e)])
            case "product":
                return self._gram(shape, leaves)
            case "variable":
                return self.choose([e for e in _special(shape) if "symmetric" in e.properties])
        return self.grow(shape, leaves)

    def _gram(self, shape: Shape, leaves: int) -> Expr:
        e = self.grow((self.choose(SIZES), shape[1]), leaves // 2)
        return construct.multiply((construct.transpose(e), e))

    def _definite(self, shape: Shape, leaves: int) -> Expr:
        return construct.add([construct.eye(shape[0]), self._gram(shape, leaves)])

    def _raised(self, shape: Shape, leaves: int) -> Expr:
        square = construct.power(self._not_number(shape, leaves), Constant(2))
        one = Constant(1) if shape == SCALAR else ONES(*map(Size, shape))
        return construct.add([one, square])

    def _applied(self, name: str, shape: Shape, leaves: int) -> Expr:
        return REGISTRY[name](self.grow(shape, leaves))

    # ------------------------------------------------------------------ operators

    def _structural(self, name: str, shape: Shape, leaves: int) -> Expr:
        half = leaves // 2
        op = REGISTRY[name]
        match name:
            case "add":
                first = self.grow(shape, half)
                if shape != SCALAR and shape[0] != shape[1] and self.choose([False, True]):
                    ones = ONES(Size(shape[0]), Size(shape[1]))
                    return construct.add([self._scaled(ones), first])
                return construct.add([first, self._scaled(self.grow(shape, leaves - half))])
            case "times":
                return self._times(shape, leaves)
            case "matmul":
                inner = self.choose(SIZES)
                left, right = (shape[0], inner), (inner, shape[1])
                args = [self.grow(left, half), self.grow(right, leaves - half)]
                return apply_operation(op, tuple(args))
            case "transpose":
                return apply_operation(op, (self.grow(shape[::-1], leaves - 1),))
            case "power":
                exponents = [Constant(k) for k in (2, 3, -1, -2, Fraction(1, 2))]
                exponent = self.choose([*exponents, variable(SCALAR, 0)])
                return apply_operation(op, (self._not_number(shape, leaves - 1), exponent))
            case "matpow":
                exponent = Constant(self.choose((2, 3, -1, -2)))
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
        kinds = ["scaled", "by a scalar", "over a scalar", "over a size", "entrywise", "quotient",
                 "softmax", "root", "sums"]  # fmt: skip
        kind = self.choose(kinds)
        left = self.grow(shape, half)
        match kind:
            # What simplification has rules for would be rare otherwise.
            case "softmax":
                z = EXP(self.grow(shape, leaves - half))
                return construct.divide(construct.hadamard((left, z)), SUM(z))
            case "root":
                u = variable(shape, 0)
                function = self.choose([lambda e: SQRT(ABS(e)), ABS, SIGN])
                return construct.hadamard((left, u, function(u)))
            case "sums":
                first = construct.add([left, self._scaled(variable(shape, 1))])
                second = construct.add([variable(shape, 0), self._scaled(self.grow(shape, half))])
                return construct.hadamard((first, second))
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
        return construct.multiply((Constant(self.choose(COEFFICIENTS)), e))

    def _not_number(self, shape: Shape, leaves: int) -> Expr:
        e = self.grow(shape, leaves)
        return variable(shape, 0) if isinstance(e, Constant) else e


Maker = Callable[[Grower, Shape, int], Expr]


def _by(name: str) -> Maker:
    return lambda grower, shape, leaves: grower._applied(name, shape, leaves)


#: What is sure to lie in the domain of an operation.
DOMAINS: dict[str, tuple[Maker, ...]] = {
    "positive": (Grower._raised, _by("exp"), _by("sigmoid")),
    "unit": (_by("sigmoid"), _by("tanh")),
    "invertible": (Grower._definite,),
    "posdet": (Grower._definite, _by("expm")),
}


def variable(shape: Shape, which: int) -> Symbol:
    """One of the three variables of this shape that have no properties."""
    rows, columns = shape
    if shape == SCALAR:
        return Symbol("abc"[which], SCALAR)
    if columns.is_unit:
        return Symbol(f"{'xyz'[which]}_{_tag(rows)}", shape)
    if rows.is_unit:
        return Symbol(f"{'rst'[which]}_{_tag(columns)}", shape)
    return Symbol(f"{'ABC'[which]}_{_tag(rows)}{_tag(columns)}", shape)


def replaced(root: Expr, old: Expr, new: Expr) -> Expr:
    """``root`` with one node replaced, in the form in which texts are read."""
    done = {old: new}
    for node in postorder(root):
        if node not in done:
            args = tuple(done[arg] for arg in node.args)
            changed = isinstance(node, Apply) and args != node.args
            done[node] = apply_operation(node.op, args) if changed else node
    return done[root]


def _special(shape: Shape) -> list[Symbol]:
    """The variables of this shape that have properties."""
    rows, columns = shape
    letter = "w" if columns.is_unit else "v" if rows.is_unit else "W"
    tags = "".join(_tag(dim) for dim in shape if not dim.is_unit)
    found = [Symbol(f"{letter}_{tags}", shape, ("positive",))]
    if rows == columns:
        found += [Symbol(f"{name}_{tags}", shape, words) for name, words in PROPERTIES.items()]
    return found


def _tag(dim: Dim) -> str:
    """Capitals for a product, so that (n n, n) and (n, n n) are told apart."""
    letters = "".join(dim.symbols)
    return letters.upper() if len(letters) > 1 else letters


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
