"""The canonical form of what is written: flat products and sums, numerals merged, nothing else.

``A (B x)`` and ``A B x`` are the same expression, as are ``2 (3 x)`` and ``6 x``. Simplification is
another pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size
from matcalc.errors import DivisionProblem, LimitProblem, UnsupportedProblem
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.elementwise import SQRT
from matcalc.ops.linalg import INV
from matcalc.ops.structural import ADD, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes.exponents import is_negative, is_whole
from matcalc.passes.runs import pieces

#: Largest exponent of a matrix: a power is differentiated as a product.
MAX_POWER = 1000

#: Longest numeral that a power of a numeral is written out as.
MAX_BITS = 4000

MINUS_ONE = Constant(-1)
HALF = Constant(Fraction(1, 2))


def size(dim: Dim) -> Expr:
    """A size as a number."""
    return Size(dim) if dim.symbols else Constant(dim.coefficient)


def filled(value: Expr, shape: Shape) -> Expr:
    """An array of this shape with all entries equal to a scalar."""
    rows, columns = shape
    if rows.is_unit and columns.is_unit:
        return value
    ones = ONES(Size(rows), Size(columns))
    return multiply((value, ones))


class _Product:
    """A product being collected: numerals, scalars, and what each kind of product does to arrays."""

    def __init__(self) -> None:
        self.coefficient = Fraction(1)
        self.scalars: list[Expr] = []

    def absorb(self, factor: Expr) -> tuple[Expr, ...]:
        """Take the scalars out of a factor; returns the arrays whose Hadamard product remains."""
        args = pieces(TIMES, factor)
        arrays = []
        for arg in args:
            if isinstance(arg, Constant):
                self.coefficient *= arg.value
            elif arg.is_scalar:
                self.scalars.append(arg)
            else:
                arrays.append(arg)
        return tuple(arrays)

    def finish(self, arrays: Sequence[Expr]) -> Expr:
        """The element-wise product of everything."""
        args = [*self.scalars, *arrays]
        if self.coefficient != 1 or not args:
            args.insert(0, Constant(self.coefficient))
        return _times(args)


def multiply(factors: Iterable[Expr]) -> Expr:
    """The matrix product in which scalars may stand anywhere; the shapes must agree."""
    product = _Product()
    chain: list[Expr] = []
    for factor in factors:
        arrays = product.absorb(factor)
        if not arrays:
            continue
        array = _times(arrays)
        for piece in pieces(MATMUL, array):
            chain.append(piece)
            _close_scalar(chain, product.scalars)
    if len(chain) > 1:
        return product.finish([MATMUL(*chain)])
    return product.finish(product.absorb(chain[0]) if chain else ())


def _close_scalar(chain: list[Expr], scalars: list[Expr]) -> None:
    """Take a row-to-column run off the end of the chain: a scalar. A column ends the search."""
    if not chain[-1].shape[1].is_unit:
        return
    for start in range(len(chain) - 2, -1, -1):
        rows, columns = chain[start].shape
        if columns.is_unit:
            return
        if rows.is_unit:
            scalars.append(MATMUL(*chain[start:]))
            del chain[start:]
            return


def hadamard(factors: Iterable[Expr]) -> Expr:
    """The entry by entry product in which scalars may stand anywhere; the shapes must agree."""
    product = _Product()
    arrays = [array for factor in factors for array in product.absorb(factor)]
    return product.finish(arrays)


def divide(numerator: Expr, denominator: Expr) -> Expr:
    """``numerator ./ denominator``; the numeral of the denominator joins that of the numerator."""
    return hadamard((numerator, reciprocal(denominator)))


def reciprocal(e: Expr) -> Expr:
    """``e .^ -1``. Raises ShapeProblem where a numeral 0 is divided by."""
    product = _Product()
    arrays = product.absorb(e)
    if product.coefficient == 0:
        raise DivisionProblem("division by zero", help="the number divided by must not be 0")
    coefficient = 1 / product.coefficient
    rest = [*product.scalars, *arrays]
    if not rest:
        return Constant(coefficient)
    inverse = POWER(_times(rest), MINUS_ONE)
    return inverse if coefficient == 1 else TIMES(Constant(coefficient), inverse)


def inverse(e: Expr) -> Expr:
    """The inverse of a square matrix, or of a number."""
    return reciprocal(e) if e.is_scalar else INV(e)


def negate(e: Expr) -> Expr:
    """``-e``."""
    return multiply((MINUS_ONE, e))


def add(terms: Iterable[Expr]) -> Expr:
    """The sum, with sums inside it written out; all terms of one shape."""
    args: list[Expr] = []
    for term in terms:
        args.extend(pieces(ADD, term))
    if len(args) == 1:
        return args[0]
    numerals = [arg.value for arg in args if isinstance(arg, Constant)]
    if len(numerals) == len(args):
        return Constant(sum(numerals, Fraction(0)))
    return ADD(*args)


def power(base: Expr, exponent: Expr) -> Expr:
    """The entry by entry power; ``sqrt`` for 1/2, and whole powers of numerals are numerals.

    Raises:
        ShapeProblem: the power of 0 is not defined.
    """
    if exponent is HALF:
        return SQRT(base)
    if isinstance(base, Constant) and isinstance(exponent, Constant):
        value, k = base.value, exponent.value
        if value == 0 and k < 0:
            raise DivisionProblem("division by zero", help="the number divided by must not be 0")
        bits = (value.numerator * value.denominator).bit_length()
        if k.denominator == 1 and abs(k) * bits <= MAX_BITS:
            return Constant(value ** int(k))
    return POWER(base, exponent)


def matrix_power(base: Expr, exponent: Expr) -> Expr:
    """``base ^ exponent`` of a square matrix.

    Raises:
        UnsupportedProblem: the exponent is not a whole number.
        LimitProblem: it is larger than ``MAX_POWER``.
    """
    if not is_whole(exponent):
        raise UnsupportedProblem(
            "a power of a matrix whose exponent is not a whole number",
            details=("roots of matrices are not supported",),
            help="write the exponent as a whole number or a name for one, such as A^3 or A^(k - 1)",
        )
    if isinstance(exponent, Constant) and abs(exponent.value) > MAX_POWER:
        raise LimitProblem(
            f"a power of a matrix above {MAX_POWER}",
            help=f"exponents of matrices go from -{MAX_POWER} to {MAX_POWER}",
        )
    if is_negative(exponent) and not _is(exponent, ADD):
        inverse, positive = INV(base), negate(exponent)
        return inverse if positive is Constant(1) else MATPOW(inverse, positive)
    return MATPOW(base, exponent)


def transpose(e: Expr) -> Expr:
    """``e'``; a scalar is its own transpose."""
    return e if e.is_scalar else TRANSPOSE(e)


def eye(dim: Dim) -> Expr:
    """The identity matrix; the number 1 where the size is 1."""
    return Constant(1) if dim == ONE else EYE(Size(dim))


def _is(e: Expr, op: object) -> bool:
    return isinstance(e, Apply) and e.op is op


def _times(args: Sequence[Expr]) -> Expr:
    return args[0] if len(args) == 1 else TIMES(*args)
