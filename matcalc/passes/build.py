"""Normalising constructors: the same operations, with the local identities of algebra applied.

Every function takes expressions that are in normal form themselves and returns one, by looking at
one or two levels only. ``simplify`` rebuilds an expression with them, ``recognise`` folds index
notation with them. The identities hold wherever both sides are defined; ``x / x = 1`` and
``X inv(X) = I`` are among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import prod

from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.elementwise import ABS, SIGN, SQRT
from matcalc.ops.linalg import DET, DIAG, DIAGONAL, TRIL, TRIU
from matcalc.ops.structural import ADD, KRON, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes.equal import canonical
from matcalc.passes.properties import is_skew, is_symmetric, properties
from matcalc.passes.runs import is_open

UNIT = Constant(1)
MINUS = Constant(-1)

#: The exponent of what is no power, and the coefficient of what has none.
ONCE = Fraction(1)

#: The exponent of a square root.
HALF = Fraction(1, 2)


def is_op(e: Expr, *ops: Operation) -> bool:
    """Whether ``e`` is an application of one of the operations."""
    return e.op in ops


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


def is_one(e: Expr) -> bool:
    """Whether all entries of ``e`` are 1 on its face."""
    return e is UNIT or is_op(e, ONES)


def is_zero(e: Expr) -> bool:
    """Whether ``e`` is identically zero on its face."""
    return e.op is ZEROS or (isinstance(e, Constant) and not e.value)


def size(dim: Dim) -> Expr:
    """A size as a number; a product of sizes is one of numbers, so that its factors cancel."""
    if len(dim.symbols) == 1 and dim.coefficient == 1:
        return Size(dim)
    return times(Constant(dim.coefficient), *(Size(Dim.of(symbol)) for symbol in dim.symbols))


def split_coefficient(e: Expr) -> tuple[Fraction, Expr]:
    """Rational coefficient and the rest: ``-2 A x`` is (-2, ``A x``)."""
    if isinstance(e, Constant):
        return e.value, UNIT
    if e.op is TIMES and isinstance(e.args[0], Constant):
        return e.args[0].value, join_times(e.args[1:])
    return ONCE, e


def scaled(coefficient: Fraction | int, e: Expr) -> Expr:
    """``coefficient e``."""
    if coefficient is ONCE or coefficient == 1:
        return e
    return times(Constant(coefficient), e)


def without_scalars(array: Expr) -> tuple[tuple[Expr, ...], Expr]:
    """The scalar factors of an array, and what they multiply."""
    args = array.args if is_op(array, TIMES) else ()
    scalars = tuple(arg for arg in args if arg.is_scalar)
    if not scalars:
        return (), array
    return scalars, join_times(tuple(arg for arg in args if not arg.is_scalar))


def join_times(args: tuple[Expr, ...]) -> Expr:
    """The product of factors in normal form that need no merging."""
    return args[0] if len(args) == 1 else TIMES(*args)


# ------------------------------------------------------------------ element-wise products, powers


def times(*factors: Expr) -> Expr:
    """Element-wise product with scalars broadcast: constants first, then scalars, then arrays.

    Equal bases are merged (``x / x = 1``, ``x .* x = x.^2``), also under a square root.
    """
    if len(factors) == 1:
        return factors[0]
    if any(factor.op is EYE for factor in factors):
        # Only the diagonal counts, and that is the transpose's too.
        factors = tuple(f.args[0] if is_op(f, TRANSPOSE, TRIL, TRIU) else f for f in factors)
        if any("diagonal" in properties(f) for f in factors if not is_op(f, EYE)):
            factors = tuple(f for f in factors if not is_op(f, EYE))
    coefficient = ONCE
    shape: Shape = UNIT.shape
    flat: list[Expr] = []
    for factor in _flattened(factors):
        if isinstance(factor, Constant):
            coefficient = factor.value if coefficient is ONCE else coefficient * factor.value
        else:
            flat.append(factor)
            if not factor.is_scalar:
                shape = factor.shape
    if not coefficient:
        # 1 / 0 stays undefined beside a 0.
        return join_times(factors) if any(map(_divides_by_zero, flat)) else zeros(shape)
    merged = flat if _share_nothing(flat) else _merged(flat)
    return join_times(factors) if merged is None else _assemble(coefficient, merged, shape)


def _share_nothing(factors: list[Expr]) -> bool:
    """Whether no two factors can be merged, for which they need a common base."""
    bases: list[Expr] = []
    for factor in factors:
        op = factor.op
        if op is SIGN or (op is POWER and not isinstance(factor.args[1], Constant)):
            return len(factors) == 1
        if _divides_by_zero(factor):
            return False
        bases.append(factor.args[0] if op is POWER or op is SQRT else factor)
    # What differs in the order of arguments only has the same operation; most products end here.
    kinds = {base if base.op is None else (base.op, len(base.args)) for base in bases}
    return len(kinds) == len(bases) or len(set(map(canonical, bases))) == len(bases)


def _divides_by_zero(factor: Expr) -> bool:
    return factor.op is POWER and is_zero(factor.args[0]) and as_power(factor)[1] < 0


def _merged(factors: list[Expr]) -> list[Expr] | None:
    """The factors with those of equal bases merged; None for a division by zero, which is left as it is."""
    powers: dict[Expr, tuple[Expr, Fraction]] = {}
    exponents: dict[Expr, Expr] = {}
    # b^k beside a power of b^k, as in b^k / sqrt(b^k), is such a power itself.
    bases = {canonical(base) for base, exponent in map(as_power, factors) if exponent != 1}
    for factor in factors:
        if (
            is_op(factor, POWER)
            and not isinstance(factor.args[1], Constant)
            and canonical(factor) not in bases
        ):
            base, variable = factor.args
            key = canonical(base)
            powers.setdefault(key, (base, Fraction(0)))
            exponents[key] = (
                exponent_sum(exponents[key], variable) if key in exponents else variable
            )
        else:
            base, exponent = as_power(factor)
            if _divides_by_zero(factor):
                # Undefined, and to stay so: 0 / 0 is not 1.
                return None
            key = canonical(base)
            if key in powers:
                first, so_far = powers[key]
                powers[key] = (first, so_far + exponent)
            else:
                powers[key] = (base, exponent)
    _merge_signs(powers, frozenset(exponents))
    return [
        _power_of(base, exponent)
        if key not in exponents
        else _joined(base, exponent, exponents[key])
        for key, (base, exponent) in powers.items()
        if exponent or key in exponents
    ]


def _flattened(factors: Iterable[Expr]) -> Iterator[Expr]:
    """The factors, products among them taken apart."""
    stack = list(factors)[::-1]
    while stack:
        factor = stack.pop()
        if is_open(TIMES, factor):
            stack.extend(reversed(factor.args))
        else:
            yield factor


def _joined(base: Expr, exponent: Fraction, variable: Expr) -> Expr:
    """``x^2 x^(k - 1) = x^(k + 1)``."""
    if exponent:
        variable = exponent_sum(variable, scaled(exponent, ones(variable.shape)))
    return power(base, variable)


def exponent_sum(left: Expr, right: Expr) -> Expr:
    """The sum of two exponents, like terms collected, numbers last; a scalar counts for every entry."""
    if left.is_scalar != right.is_scalar:
        shape = right.shape if left.is_scalar else left.shape
        left, right = (times(e, ones(shape)) if e.is_scalar else e for e in (left, right))
    terms: dict[Expr, Fraction] = {}
    for exponent in (left, right):
        for term in exponent.args if is_op(exponent, ADD) else (exponent,):
            coefficient, rest = split_coefficient(term)
            terms[rest] = terms.get(rest, Fraction(0)) + coefficient
    unit = ones(left.shape)
    constant = terms.pop(unit, Fraction(0))
    parts = [scaled(coefficient, rest) for rest, coefficient in terms.items() if coefficient]
    if constant or not parts:
        parts.append(scaled(constant, unit))
    return parts[0] if len(parts) == 1 else ADD(*parts)


def _merge_signs(powers: dict[Expr, tuple[Expr, Fraction]], symbolic: frozenset[Expr]) -> None:
    """``sign(u) abs(u)^k = u^k`` and ``sign(u) u^k = abs(u)^k`` for odd k.

    Bases in ``symbolic`` have a further exponent, which is not known to be odd.
    """
    for key, (base, exponent) in list(powers.items()):
        if not is_op(base, SIGN) or not _is_odd(exponent) or key in symbolic:
            continue
        inner, magnitude = canonical(base.args[0]), canonical(ABS(base.args[0]))
        if {inner, magnitude} & symbolic:
            continue
        if magnitude in powers and _is_odd(powers[magnitude][1]):
            _, moved = powers.pop(magnitude)
            first, so_far = powers.get(inner, (base.args[0], Fraction(0)))
            powers[inner] = (first, so_far + moved)
            del powers[key]
        elif inner in powers and _is_odd(powers[inner][1]):
            _, moved = powers.pop(inner)
            first, so_far = powers.get(magnitude, (ABS(base.args[0]), Fraction(0)))
            powers[magnitude] = (first, so_far + moved)
            del powers[key]


def _is_odd(k: Fraction) -> bool:
    return k.denominator == 1 and k.numerator % 2 == 1


def _assemble(coefficient: Fraction, factors: list[Expr], shape: Shape) -> Expr:
    scalars: list[Expr] = []
    arrays: list[Expr] = []
    for factor in factors:
        inner, rest = split_coefficient(factor)
        if inner is not ONCE:
            coefficient *= inner
        if is_zero(rest):
            return zeros(shape)
        if rest is not UNIT and rest.op is not ONES:
            (scalars if rest.is_scalar else arrays).append(rest)
    if not arrays and not all(dim.is_unit for dim in shape):
        arrays.append(ones(shape))
    if len(scalars) > 1:
        scalars.sort(key=_place)
    args = [*scalars, *_masked(arrays)]
    if not args:
        return Constant(coefficient)
    if coefficient is not ONCE and coefficient != 1:
        args.insert(0, Constant(coefficient))
    return join_times(tuple(args))


def _place(scalar: Expr) -> tuple[int, str]:
    """``1/(m n) k det(X)``: sizes, then names, before what is computed."""
    base = as_power(scalar)[0]
    if isinstance(base, Size):
        return 0, str(base.dim)
    return (1 if base.op is None else 2), ""


def is_mask(e: Expr) -> bool:
    """Whether it is ``tril(ones(n, n))`` or ``triu(ones(n, n))``."""
    return (e.op is TRIL or e.op is TRIU) and e.args[0].op is ONES


def _masked(arrays: list[Expr]) -> list[Expr]:
    """``A .* tril(ones(n, n))`` is the triangular part of A."""
    if len(arrays) < 2:
        return arrays
    for mask in arrays:
        if isinstance(mask, Apply) and is_mask(mask):
            rest = tuple(array for array in arrays if array is not mask)
            return [triangular_part(mask.op, join_times(rest))]
    return arrays


def triangular_part(op: Operation, e: Expr) -> Expr:
    """``tril`` or ``triu``, with scalars pulled out."""
    known = properties(e)
    own, other = "lower_triangular", "upper_triangular"
    if op is TRIU:
        own, other = other, own
    if own in known or e.is_scalar:
        return e
    if other in known:
        return times(e, eye(e.shape[0]))
    scalars, array = without_scalars(e)
    return times(*scalars, op(array))


def as_power(e: Expr) -> tuple[Expr, Fraction]:
    """Base and rational exponent of an element-wise power."""
    if e.op is POWER and isinstance(e.args[1], Constant):
        return e.args[0], e.args[1].value
    if e.op is SQRT:
        return e.args[0], HALF
    return e, ONCE


def _power_of(base: Expr, exponent: Fraction) -> Expr:
    if exponent is ONCE or exponent == 1 or (exponent > 0 and (is_op(base, EYE) or is_mask(base))):
        return base
    if isinstance(base, Constant) and base.value and exponent.denominator == 1:
        return Constant(base.value ** int(exponent))
    if is_op(base, ABS) and exponent % 2 == 0:
        base = base.args[0]
    if is_op(base, DET) and exponent.denominator == 1 and "orthogonal" in properties(base.args[0]):
        # It is 1 or -1.
        return base if exponent % 2 else UNIT
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
            inner, inner_exponent = as_power(base)
            if inner is not base:
                return _power_of(inner, inner_exponent * k)
        return _power_of(base, k)
    return POWER(base, exponent)


# ------------------------------------------------------------------ transpose, diagonal matrix


def transposed(e: Expr) -> Expr:
    """Transpose, pushed through matrix products, kept outside sums and Hadamard products.

    Symmetric matrices stay as they are.
    """
    if e.op is not MATMUL:
        return _transposed(e)
    # Long products may stand in each other, layer by layer: inner ones first, each once.
    stack = [] if transposed in e.memo else [e]
    while stack:
        node = stack[-1]
        inner = [a for a in node.args if a.op is MATMUL and transposed not in a.memo]
        if inner:
            stack.extend(inner)
        else:
            node.memo[transposed] = _transposed(stack.pop())
    found: Expr = e.memo[transposed]
    return found


def _transposed(e: Expr) -> Expr:
    """The transpose; the recursion is two levels deep at most."""
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
        pairs = [split_coefficient(transposed(arg)) for arg in reversed(args)]
        sign = prod([number for number, _ in pairs if number is not ONCE])
        return scaled(sign, MATMUL(*[factor for _, factor in pairs]))
    scalars, array = without_scalars(e)
    if scalars:
        return times(*scalars, transposed(array))
    if op is KRON and not any(is_op(arg, KRON) for arg in args):
        return KRON(*(transposed(arg) for arg in args))
    if op in (ONES, ZEROS):
        return op(args[1], args[0])
    if op is ADD and all(_is_transpose(arg) for arg in args):
        return ADD(*map(transposed, args))
    if op is TIMES and all(map(_is_shallow, args)):
        flipped = [transposed(arg) for arg in args]
        if sum(map(transposes, flipped)) <= sum(map(transposes, args)):
            return times(*flipped)
    if is_symmetric(e):
        return e
    if op in (TRIL, TRIU) and (is_op(args[0], TRANSPOSE) or is_symmetric(args[0])):
        plain = args[0].args[0] if is_op(args[0], TRANSPOSE) else args[0]
        return (TRIU if op is TRIL else TRIL)(plain)
    return scaled(-1, e) if is_skew(e) else TRANSPOSE(e)


def _transposed_symbol(e: Symbol) -> Expr:
    if is_symmetric(e):
        return e
    return TIMES(MINUS, e) if is_skew(e) else TRANSPOSE(e)


def transposes(e: Expr) -> int:
    """How many transposes a product shows."""
    rest = split_coefficient(e)[1]
    factors = rest.args if is_op(rest, MATMUL, TIMES) else (rest,)
    return sum(is_op(factor, TRANSPOSE) for factor in factors)


def _is_shallow(e: Expr) -> bool:
    """Whether transposing goes no further down than the factors of a product of variables."""
    factors = e.args if is_op(e, MATMUL) else (e,)
    return not any(is_op(f, TIMES, MATMUL, KRON) for f in factors)


def _is_transpose(e: Expr) -> bool:
    return e.is_scalar or is_op(split_coefficient(e)[1], TRANSPOSE)


def diag(v: Expr) -> Expr:
    """Diagonal matrix of a vector, scalars pulled out."""
    if v.is_scalar:
        return v
    if is_zero(v):
        return zeros((v.shape[0], v.shape[0]))
    if is_op(v, ONES):
        return eye(v.shape[0])
    if is_op(v, DIAGONAL):
        return times(v.args[0], eye(v.shape[0]))
    scalars, array = without_scalars(v)
    return times(*scalars, diag(array)) if scalars else DIAG(v)
