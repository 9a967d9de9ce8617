"""Normalising constructors: the same operations, with the local identities of algebra applied.

Every function takes expressions that are in normal form themselves and returns one, by looking at
one or two levels only. ``simplify`` rebuilds an expression with them, ``recognise`` folds index
notation with them. The identities hold wherever both sides are defined; ``x / x = 1`` and
``X inv(X) = I`` are among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.elementwise import SQRT
from matcalc.ops.linalg import DIAG, DIAGONAL, INV, TRACE
from matcalc.ops.reduction import SUM
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes.equal import canonical, same
from matcalc.passes.properties import SYMMETRIC_PROPERTIES, is_skew, is_symmetric

UNIT = Constant(1)
MINUS = Constant(-1)


def is_op(e: Expr, *ops: Operation) -> bool:
    """Whether ``e`` is an application of one of the operations."""
    return isinstance(e, Apply) and e.op in ops


def eye(dim: Dim) -> Expr:
    """Identity matrix; the number 1 where the size is 1."""
    return UNIT if dim.is_unit else EYE(Size(dim))


def ones(shape: Shape) -> Expr:
    """Array of ones; the number 1 for a scalar shape."""
    rows, columns = shape
    return UNIT if rows.is_unit and columns.is_unit else ONES(Size(rows), Size(columns))


def zeros(shape: Shape) -> Expr:
    """Array of zeros; the number 0 for a scalar shape."""
    rows, columns = shape
    return Constant(0) if rows.is_unit and columns.is_unit else ZEROS(Size(rows), Size(columns))


def is_zero(e: Expr) -> bool:
    """Whether ``e`` is identically zero on its face."""
    return (isinstance(e, Constant) and e.value == 0) or is_op(e, ZEROS)


def size(dim: Dim) -> Expr:
    """A size as a number."""
    return Size(dim) if dim.symbols else Constant(dim.coefficient)


def split_coefficient(e: Expr) -> tuple[Fraction, Expr]:
    """Rational coefficient and the rest: ``-2 A x`` is (-2, ``A x``)."""
    if isinstance(e, Constant):
        return e.value, UNIT
    if is_op(e, TIMES) and isinstance(e.args[0], Constant):
        return e.args[0].value, _raw_times(e.args[1:])
    return Fraction(1), e


def scaled(coefficient: Fraction | int, e: Expr) -> Expr:
    """``coefficient e``."""
    return times(Constant(coefficient), e)


def _raw_times(args: tuple[Expr, ...]) -> Expr:
    return args[0] if len(args) == 1 else TIMES(*args)


# ------------------------------------------------------------------ element-wise products, powers


def times(*factors: Expr) -> Expr:
    """Element-wise product with scalars broadcast: constants first, then scalars, then arrays.

    Equal bases are merged (``x / x = 1``, ``x .* x = x.^2``), also under a square root.
    """
    coefficient = Fraction(1)
    powers: dict[Expr, tuple[Expr, Fraction]] = {}
    shape: Shape = UNIT.shape
    stack = list(reversed(factors))
    while stack:
        factor = stack.pop()
        if not factor.is_scalar:
            shape = factor.shape
        if isinstance(factor, Constant):
            coefficient *= factor.value
        elif is_op(factor, TIMES):
            stack.extend(reversed(factor.args))
        else:
            base, exponent = _as_power(factor)
            key = canonical(base)
            first, so_far = powers.get(key, (base, Fraction(0)))
            powers[key] = (first, so_far + exponent)
    if coefficient == 0:
        return zeros(shape)
    merged = [_power_of(base, exponent) for base, exponent in powers.values() if exponent]
    return _assemble(coefficient, merged, shape)


def _assemble(coefficient: Fraction, factors: list[Expr], shape: Shape) -> Expr:
    scalars: list[Expr] = []
    arrays: list[Expr] = []
    for factor in factors:
        inner, rest = split_coefficient(factor)
        coefficient *= inner
        if is_zero(rest):
            return zeros(shape)
        if rest is not UNIT and not is_op(rest, ONES):
            (scalars if rest.is_scalar else arrays).append(rest)
    if not arrays and not all(dim.is_unit for dim in shape):
        arrays.append(ones(shape))
    args = [*scalars, *arrays]
    if not args:
        return Constant(coefficient)
    if coefficient != 1:
        args.insert(0, Constant(coefficient))
    return _raw_times(tuple(args))


def _as_power(e: Expr) -> tuple[Expr, Fraction]:
    """Base and rational exponent."""
    if isinstance(e, Apply):
        if e.op is POWER and isinstance(e.args[1], Constant):
            return e.args[0], e.args[1].value
        if e.op is SQRT:
            return e.args[0], Fraction(1, 2)
    return e, Fraction(1)


def _power_of(base: Expr, exponent: Fraction) -> Expr:
    if exponent == 1:
        return base
    if exponent == Fraction(1, 2):
        return SQRT(base)
    return POWER(base, Constant(exponent))


def power(base: Expr, exponent: Expr) -> Expr:
    """Element-wise power.

    Whole exponents distribute over products and nest, since that holds for all real bases.
    """
    if isinstance(exponent, Constant):
        k = exponent.value
        if k == 1:
            return base
        if k == 0:
            return ones(base.shape)
        if isinstance(base, Constant) and k.denominator == 1 and (base.value or k > 0):
            return Constant(base.value ** int(k))
        if k.denominator == 1:
            if is_op(base, TIMES):
                return times(*(power(factor, exponent) for factor in base.args))
            if is_op(base, ONES):
                return base
            inner, inner_exponent = _as_power(base)
            if inner is not base:
                return _power_of(inner, inner_exponent * k) if inner_exponent * k else UNIT
        return _power_of(base, k)
    return POWER(base, exponent)


# ------------------------------------------------------------------ matrix products


def product(*factors: Expr) -> Expr:
    """Matrix product in which scalars may stand anywhere."""
    scalars: list[Expr] = []
    chain: list[Expr] = []
    for factor in _flatten(factors):
        if factor.is_scalar:
            scalars.append(factor)
            continue
        if is_op(factor, TIMES):
            scalars.extend(arg for arg in factor.args if arg.is_scalar)
            factor = _raw_times(tuple(arg for arg in factor.args if not arg.is_scalar))
        for piece in factor.args if is_op(factor, MATMUL) else (factor,):
            _append(chain, piece, scalars)
    return times(*scalars, _chain(chain)) if chain else times(*scalars)


def _flatten(factors: Iterable[Expr]) -> Iterable[Expr]:
    for factor in factors:
        if is_op(factor, MATMUL):
            yield from factor.args
        else:
            yield factor


def _append(chain: list[Expr], piece: Expr, scalars: list[Expr]) -> None:
    """Put one more factor at the right end, cancelling against what stands there."""
    if is_op(piece, EYE):
        if not chain or chain[-1].shape[1] == piece.shape[0]:
            if not chain:
                chain.append(piece)
            return
    if chain and is_op(chain[-1], EYE) and len(chain) == 1:
        chain.pop()
    if chain:
        last = chain[-1]
        joined = _join(last, piece)
        if joined is not None:
            chain.pop()
            if joined.is_scalar:
                scalars.append(joined)
                return
            inner = joined.args if is_op(joined, TIMES) else (joined,)
            scalars.extend(arg for arg in inner if arg.is_scalar)
            _append(chain, _raw_times(tuple(a for a in inner if not a.is_scalar)), scalars)
            return
    chain.append(piece)
    if len(chain) > 1 and chain[-1].shape[1].is_unit:
        _close_scalar(chain, scalars)


def _close_scalar(chain: list[Expr], scalars: list[Expr]) -> None:
    """Move a row ... column run at the end of the chain to the scalars, if one precedes more."""
    for start in range(len(chain) - 2, -1, -1):
        if chain[start].shape[0].is_unit:
            scalars.append(_scalar_chain(chain[start:]))
            del chain[start:]
            return
        if chain[start].shape[1].is_unit:
            return


def _join(left: Expr, right: Expr) -> Expr | None:
    """The product of two neighbours where it is simpler than the two, else None."""
    if is_op(left, DIAG):
        if is_op(right, DIAG):
            return DIAG(times(left.args[0], right.args[0]))
        if right.shape[1].is_unit:
            return times(left.args[0], right)
    if is_op(right, DIAG) and left.shape[0].is_unit:
        return transposed(times(transposed(left), right.args[0]))
    if _inverse_of(left, right):
        return eye(left.shape[0])
    if is_zero(left) or is_zero(right):
        return zeros((left.shape[0], right.shape[1]))
    if is_op(left, MATPOW, INV) or is_op(right, MATPOW, INV) or same(left, right):
        return _join_powers(left, right)
    return None


def _join_powers(left: Expr, right: Expr) -> Expr | None:
    if not (left.is_square and right.is_square):
        return None
    base, k = _as_matrix_power(left)
    other, j = _as_matrix_power(right)
    if not same(base, other):
        return None
    return _matrix_power_of(base, k + j)


def _as_matrix_power(e: Expr) -> tuple[Expr, int]:
    if is_op(e, MATPOW) and isinstance(e.args[1], Constant):
        base, inner = _as_matrix_power(e.args[0])
        return base, inner * int(e.args[1].value)
    return (e.args[0], -1) if is_op(e, INV) else (e, 1)


def _matrix_power_of(base: Expr, k: int) -> Expr:
    if k == 0:
        return eye(base.shape[0])
    if k < 0:
        base, k = INV(base), -k
    return base if k == 1 else MATPOW(base, Constant(k))


def matrix_power(base: Expr, exponent: Expr) -> Expr:
    """``base ^ exponent`` for a square matrix."""
    if isinstance(exponent, Constant) and exponent.value.denominator == 1:
        inner, k = _as_matrix_power(base)
        return _matrix_power_of(inner, k * int(exponent.value))
    return MATPOW(base, exponent)


def _inverse_of(left: Expr, right: Expr) -> bool:
    if not (left.is_square and right.is_square):
        return False
    for a, b in ((left, right), (right, left)):
        if is_op(a, INV) and same(a.args[0], b):
            return True
        if is_op(a, TRANSPOSE) and is_op(a.args[0], INV) and is_op(b, TRANSPOSE):
            if same(a.args[0].args[0], b.args[0]):
                return True
        if "orthogonal" in getattr(a, "properties", ()) and b is TRANSPOSE(a):
            return True
    return False


def _chain(chain: list[Expr]) -> Expr:
    if len(chain) == 1:
        return chain[0]
    if chain[0].shape[0].is_unit and chain[-1].shape[1].is_unit:
        return _scalar_chain(chain)
    return MATMUL(*chain)


def _scalar_chain(chain: list[Expr]) -> Expr:
    """A scalar ``a' A b``: sums for ones, and of the two ways to write it the plainer one."""
    if len(chain) == 1:
        return chain[0]
    if is_op(chain[0], ONES):
        return sum_of(_chain(chain[1:]))
    if is_op(chain[-1], ONES):
        return sum_of(_chain(chain[:-1]))
    flipped = [transposed(factor) for factor in reversed(chain)]
    if _orientation(flipped) < _orientation(chain):
        chain = flipped
    return MATMUL(*chain)


def _orientation(chain: list[Expr]) -> tuple[int, tuple[str, ...], tuple[int, ...]]:
    """Fewer transposes first; between equals any fixed order, so that equals coincide."""
    return (
        sum(is_op(factor, TRANSPOSE) for factor in chain),
        tuple(leading_name(factor) for factor in chain),
        tuple(canonical(factor).uid for factor in chain),
    )


def leading_name(e: Expr) -> str:
    """Name of the leftmost variable, for orders that do not depend on what was built before."""
    while isinstance(e, Apply) and e.args:
        e = next((arg for arg in e.args if not isinstance(arg, Constant)), e.args[0])
    return e.name if isinstance(e, Symbol) else ""


def sum_of(e: Expr) -> Expr:
    """Sum of all entries."""
    if e.is_scalar:
        return e
    if is_op(e, ONES):
        return size(e.shape[0] * e.shape[1])
    if is_op(e, TIMES) and any(arg.is_scalar for arg in e.args):
        scalars = [arg for arg in e.args if arg.is_scalar]
        arrays = tuple(arg for arg in e.args if not arg.is_scalar)
        return times(*scalars, sum_of(_raw_times(arrays)))
    if e.shape[0].is_unit:
        return sum_of(transposed(e))
    if e.shape[1].is_unit and is_op(e, TIMES):
        return product(transposed(_raw_times(e.args[:-1])), e.args[-1])
    if e.shape[1].is_unit and _as_power(e)[1] == 2:
        return product(transposed(_as_power(e)[0]), _as_power(e)[0])
    if is_op(e, MATMUL) and is_op(e.args[-1], ONES):
        return sum_of(_chain(list(e.args[:-1])))
    if is_op(e, MATMUL) and is_op(e.args[0], ONES):
        return sum_of(_chain(list(e.args[1:])))
    if is_op(e, DIAG, TRANSPOSE):
        return sum_of(e.args[0])
    if is_op(e, DIAGONAL):
        return trace(e.args[0])
    if is_op(e, EYE):
        return size(e.shape[0])
    return SUM(e)


# ------------------------------------------------------------------ transpose, inverse, trace


def transposed(e: Expr) -> Expr:
    """Transpose, pushed through matrix products, kept outside sums and Hadamard products.

    Symmetric matrices stay as they are. The recursion is two levels deep at most: in normal form a
    product has no product as a factor.
    """
    if e.is_scalar:
        return e
    if isinstance(e, Symbol):
        return _transposed_symbol(e)
    if not isinstance(e, Apply):
        return e
    op, args = e.op, e.args
    if op is TRANSPOSE:
        return args[0]
    if op is MATMUL:
        return MATMUL(*(transposed(arg) for arg in reversed(args)))
    if op is TIMES and sum(not arg.is_scalar for arg in args) == 1:
        return times(*(arg if arg.is_scalar else transposed(arg) for arg in args))
    if op is KRON and not any(is_op(arg, KRON) for arg in args):
        return KRON(*(transposed(arg) for arg in args))
    if op in (ONES, ZEROS):
        return op(args[1], args[0])
    if op in (ADD, TIMES) and all(_is_transpose(arg) for arg in args):
        return op(*(arg if arg.is_scalar else transposed(arg) for arg in args))
    if op in (EYE, DIAG) or is_symmetric(e):
        return e
    return scaled(-1, e) if is_skew(e) else TRANSPOSE(e)


def _transposed_symbol(e: Symbol) -> Expr:
    if e.properties & SYMMETRIC_PROPERTIES:
        return e
    return TIMES(MINUS, e) if "skew" in e.properties else TRANSPOSE(e)


def _is_transpose(e: Expr) -> bool:
    return e.is_scalar or is_op(split_coefficient(e)[1], TRANSPOSE)


def inverse(e: Expr) -> Expr:
    """Inverse; ``(A B)^-1 = B^-1 A^-1`` for square factors, which are then invertible too."""
    if e.is_scalar:
        return power(e, MINUS)
    if isinstance(e, Symbol) and "orthogonal" in e.properties:
        return transposed(e)
    if not isinstance(e, Apply):
        return INV(e)
    op, args = e.op, e.args
    if op is INV:
        return args[0]
    if op is EYE:
        return e
    if op is TRANSPOSE:
        return transposed(inverse(args[0]))
    if op is DIAG:
        return DIAG(power(args[0], MINUS))
    if op is TIMES and all(arg.is_scalar for arg in args[:-1]):
        return times(*(power(arg, MINUS) for arg in args[:-1]), inverse(args[-1]))
    if op is MATMUL and all(arg.is_square for arg in args):
        return product(*(inverse(arg) for arg in reversed(args)))
    if op is KRON and all(arg.is_square for arg in args):
        return KRON(*(inverse(arg) for arg in args))
    return INV(e)


def trace(e: Expr) -> Expr:
    """Trace; products start with the factor that makes them plainest."""
    if e.is_scalar:
        return e
    coefficient, rest = split_coefficient(e)
    if coefficient != 1:
        return scaled(coefficient, trace(rest))
    if not isinstance(e, Apply):
        return TRACE(e)
    op, args = e.op, e.args
    if op is TRANSPOSE:
        return trace(args[0])
    if op is EYE:
        return size(e.shape[0])
    if op is DIAG:
        return sum_of(args[0])
    if op is KRON and all(arg.is_square for arg in args):
        return times(*(trace(arg) for arg in args))
    if op is TIMES and any(arg.is_scalar for arg in args):
        scalars = [arg for arg in args if arg.is_scalar]
        return times(*scalars, trace(_raw_times(tuple(a for a in args if not a.is_scalar))))
    if op is MATMUL:
        return _trace_of_product(args)
    return TRACE(e)


def _trace_of_product(args: tuple[Expr, ...]) -> Expr:
    for start, factor in enumerate(args):
        if factor.shape[0].is_unit:
            return product(*args[start:], *args[:start])
    rotations = [args[k:] + args[:k] for k in range(len(args))]
    flipped = tuple(transposed(arg) for arg in reversed(args))
    rotations += [flipped[k:] + flipped[:k] for k in range(len(args))]
    best = min(rotations, key=lambda chain: _orientation(list(chain)))
    folded = product(*best)
    return TRACE(folded) if is_op(folded, MATMUL) else trace(folded)


def diagonal(e: Expr) -> Expr:
    """Diagonal of a square matrix as a vector."""
    if is_op(e, DIAG):
        return e.args[0]
    if is_op(e, EYE):
        return ones((e.shape[0], ONE))
    if is_op(e, TRANSPOSE):
        return diagonal(e.args[0])
    if is_op(e, TIMES):
        return times(*(arg if arg.is_scalar else diagonal(arg) for arg in e.args))
    if is_op(e, MATMUL) and len(e.args) == 2 and e.args[0].shape[1].is_unit:
        return times(e.args[0], transposed(e.args[1]))
    return DIAGONAL(e)


def diag(v: Expr) -> Expr:
    """Diagonal matrix of a vector, scalars pulled out."""
    if v.is_scalar:
        return v
    if is_zero(v):
        return zeros((v.shape[0], v.shape[0]))
    if is_op(v, ONES):
        return eye(v.shape[0])
    if is_op(v, TIMES) and any(arg.is_scalar for arg in v.args):
        scalars = [arg for arg in v.args if arg.is_scalar]
        return times(*scalars, diag(_raw_times(tuple(a for a in v.args if not a.is_scalar))))
    return DIAG(v)
