"""What is known of the values of an expression: symmetric, definite, orthogonal, positive, ...

Inferred bottom-up by the rules in the records of the operations (``keeps`` and ``infers``), by what
follows for sums and products that are their own transposes, and by the exponents of powers. Claims
hold wherever the expression is defined; what is not claimed is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.core.properties import Properties, closed
from matcalc.ops.constant import ONES
from matcalc.ops.elementwise import COS, ERF, SIGMOID, SIN, TANH
from matcalc.ops.reduction import SOFTMAX, SOFTMAX_1, SOFTMAX_2
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes.mirror import mirrored, negated
from matcalc.passes.runs import pieces

NOTHING: Properties = frozenset()

#: Properties of a matrix that its multiples share, and differences of two that have them.
LINEAR = frozenset(
    {"symmetric", "skew", "diagonal", "lower_triangular", "upper_triangular", "toeplitz"}
)
ZERO_PATTERNS = frozenset({"diagonal", "lower_triangular", "upper_triangular"})


def properties(e: Expr) -> Properties:
    """Everything that is known of an expression. Costs one visit a node, once."""
    found: Properties | None = e.memo.get(properties)
    if found is not None:
        return found
    for node in postorder(e, without=properties):
        node.memo[properties] = _infer(node)
    result: Properties = e.memo[properties]
    return result


def is_symmetric(e: Expr) -> bool:
    """Whether the matrix provably equals its transpose."""
    return e.is_square and "symmetric" in properties(e)


def is_skew(e: Expr) -> bool:
    """Whether the matrix provably equals minus its transpose."""
    return "skew" in properties(e)


def is_nonnegative(e: Expr) -> bool:
    """Whether every entry is provably at least 0."""
    return "nonnegative" in properties(e)


def _infer(node: Expr) -> Properties:
    if isinstance(node, Symbol):
        return closed(node.properties, node.shape)
    if isinstance(node, Constant):
        return closed(_of_number(node), node.shape)
    if isinstance(node, Size):
        return closed(frozenset({"positive"}), node.shape)
    assert isinstance(node, Apply)
    if node.op.meaning is not None:
        return properties(node.op.meaning(*node.args))
    found = node.op.properties([arg.memo[properties] for arg in node.args])
    if node.op in FURTHER:
        found |= FURTHER[node.op](node)
    found = closed(found, node.shape)
    if node.is_square and _may_mirror(node) and not found & {"symmetric", "skew"}:
        found |= closed(_by_comparison(node), node.shape)
    return found


def _of_number(e: Constant) -> Properties:
    if e.value > 0:
        return frozenset({"positive"})
    return frozenset({"nonzero" if e.value else "nonnegative"})


def _may_mirror(node: Apply) -> bool:
    """Whether it may be its own transpose though its arguments are not."""
    return node.op in (ADD, MATMUL, TIMES, KRON)


def _by_comparison(node: Apply) -> Properties:
    plain, turned = mirrored(node)
    if plain is turned:
        return frozenset({"symmetric"})
    return frozenset({"skew"}) if turned is negated(plain) else NOTHING


# ------------------------------------------------------------------ sums

#: Values between which functions lie.
BOUNDS: dict[Operation, tuple[int, int]] = {
    SIGMOID: (0, 1), TANH: (-1, 1), ERF: (-1, 1), SIN: (-1, 1), COS: (-1, 1),
    SOFTMAX: (0, 1), SOFTMAX_1: (0, 1), SOFTMAX_2: (0, 1),
}  # fmt: skip
#: Those that may have the values at the ends; the softmax of one entry is 1.
REACHING = (SIN, COS, SOFTMAX, SOFTMAX_1, SOFTMAX_2)


def _of_sum(node: Apply) -> Properties:
    """``1 - tanh(x)^2`` is positive: a sum of lower bounds bounds the sum."""
    lowest, is_attained = Fraction(0), True
    for term in node.args:
        bound = _lower_bound(term)
        if bound is None:
            return NOTHING
        lowest, is_attained = lowest + bound[0], is_attained and bound[1]
    if lowest < 0:
        return NOTHING
    return frozenset({"nonnegative"} if lowest == 0 and is_attained else {"positive"})


def _lower_bound(term: Expr) -> tuple[Fraction, bool] | None:
    """A number that every entry is at least, and whether it may be equal to it."""
    coefficient, rest = _split_coefficient(term)
    if rest is None or (isinstance(rest, Apply) and rest.op is ONES):
        return coefficient, True
    base, k = _whole_power(rest)
    if isinstance(base, Apply) and base.op in BOUNDS:
        low, high = BOUNDS[base.op]
        ends = [coefficient * low**k, coefficient * high**k]
        # An even power is 0 inside of an interval around 0.
        turns = low < 0 < high and k % 2 == 0
        if turns and coefficient > 0:
            return Fraction(0), True
        return min(ends), base.op in REACHING
    known: Properties = rest.memo[properties]
    if coefficient > 0 and "nonnegative" in known:
        return Fraction(0), "positive" not in known
    return None


def _whole_power(e: Expr) -> tuple[Expr, int]:
    """Base and exponent of a positive whole power."""
    if isinstance(e, Apply) and e.op is POWER and isinstance(e.args[1], Constant):
        k = e.args[1].value
        if k > 0 and k.denominator == 1:
            return e.args[0], int(k)
    return e, 1


def _split_coefficient(term: Expr) -> tuple[Fraction, Expr | None]:
    """Number and the one other factor; several factors are a product that is known as a whole."""
    if isinstance(term, Constant):
        return term.value, None
    if isinstance(term, Apply) and term.op is TIMES and len(term.args) == 2:
        number, rest = term.args
        if isinstance(number, Constant):
            return number.value, rest
    return Fraction(1), term


# ------------------------------------------------------------------ products and powers


def _of_product(node: Apply) -> Properties:
    """``V' V``, ``V V'`` are psd, and so is ``V' S V`` if S is; with V invertible ``spd`` carries over."""
    if not (node.is_square or node.is_scalar):
        return NOTHING
    return _of_chain(node.args) or (_of_chain(_opened(node)) if _is_nested(node) else NOTHING)


def _is_nested(node: Apply) -> bool:
    """Whether products stand in the product, as in generated code, where they are in pairs."""
    inside = {arg.args[0].op if arg.op is TRANSPOSE else arg.op for arg in node.args}
    return any(op is MATMUL or (op is not None and op.meaning is not None) for op in inside)


def _opened(node: Apply) -> list[Expr]:
    """The factors, those of products among them too: ``V', S, V`` for ``(S V)' V``."""
    return [piece for arg in node.args for piece in pieces(MATMUL, mirrored(arg)[0])]


def _of_chain(factors: Sequence[Expr]) -> Properties:
    half = len(factors) // 2
    left, right = factors[:half], factors[: -half - 1 : -1]
    centre = factors[half] if len(factors) % 2 else None
    inner = frozenset({"spd", "psd"}) if centre is None else properties(centre)
    # Shapes first: transposes of what cannot match need not be built.
    if "psd" not in inner or any(
        a.shape != b.shape[::-1] for a, b in zip(left, right, strict=True)
    ):
        return NOTHING
    if any(mirrored(a)[0] is not mirrored(b)[1] for a, b in zip(left, right, strict=True)):
        return NOTHING
    regular = all("invertible" in properties(factor) for factor in left)
    return inner & ({"psd", "spd"} if regular else {"psd"})


def _of_multiple(node: Apply) -> Properties:
    """What a matrix shares with its multiples, beyond what holds for element-wise products."""
    *scalars, last = node.args
    known: Properties = last.memo[properties]
    if not all(arg.is_scalar for arg in scalars):
        return NOTHING
    found = known & LINEAR
    if all("nonzero" in arg.memo[properties] for arg in scalars):
        found |= known & {"invertible"}
    if scalars == [Constant(-1)]:
        found |= known & {"orthogonal"}
    return found


def _of_power(node: Apply) -> Properties:
    """Element-wise powers; those with other than whole exponents are defined for positive bases."""
    base, exponent = node.args
    known: Properties = base.memo[properties]
    if not isinstance(exponent, Constant):
        return known & {"positive"} | {"nonnegative"}
    k = exponent.value
    found = known & {"positive", "nonnegative", "nonzero"}
    if k.denominator != 1 or k % 2 == 0:
        found |= {"nonnegative"}
    if k > 0:
        found |= known & ZERO_PATTERNS
    if k < 0:
        found |= {"nonzero"}
    elif k > 0 and k.denominator == 1:
        # A product with itself: Schur's product theorem.
        found |= known & {"psd", "spd"}
    return found


def _of_matrix_power(node: Apply) -> Properties:
    base, exponent = node.args
    known: Properties = base.memo[properties]
    found = known & {"orthogonal", "psd", "spd"} | known & ZERO_PATTERNS
    if isinstance(exponent, Constant):
        if exponent.value % 2 and exponent.value.denominator == 1:
            found |= known & {"skew"}
        elif exponent.value % 2 == 0 and "symmetric" in known:
            found |= {"psd"}
        if exponent.value >= 0:
            found |= known & {"nonnegative"}
        else:
            found |= {"invertible"}
    return found


#: Rules that look at more than the properties of the arguments.
FURTHER: dict[Operation, Callable[[Apply], Properties]] = {
    ADD: _of_sum,
    MATMUL: _of_product,
    TIMES: _of_multiple,
    POWER: _of_power,
    MATPOW: _of_matrix_power,
}
