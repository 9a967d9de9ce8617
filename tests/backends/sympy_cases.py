"""Variables and functions that the tests of the SymPy backend share."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from matcalc.backends.sympy_export import to_sympy
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Constant, Expr, Symbol
from matcalc.core.index import Factor, Index, IndexExpr, Slot, Term
from matcalc.ops import REGISTRY
from matcalc.passes.construct import add, multiply

n, m = Dim.of("n"), Dim.of("m")
A = Symbol("A", (n, n))
B = Symbol("B", (m, n))
X = Symbol("X", (n, n))
Y = Symbol("Y", (m, n))
x = Symbol("x", (n, ONE))
y = Symbol("y", (m, ONE))
a = Symbol("a", (ONE, ONE))

ops = REGISTRY


def t(e: Expr) -> Expr:
    return REGISTRY["transpose"](e)


def inv(e: Expr) -> Expr:
    return REGISTRY["inv"](e)


def prod(*factors: Expr | float | Fraction) -> Expr:
    return multiply(f if isinstance(f, Expr) else Constant(Fraction(f)) for f in factors)


def total(*terms: Expr) -> Expr:
    return add(terms)


def index(*free: Index, terms: list[tuple[int, list[tuple[Expr, tuple[Slot, ...]]]]]) -> IndexExpr:
    """An array from (coefficient, factors)."""
    return IndexExpr(
        free,
        tuple(Term(Fraction(c), tuple(Factor(e, slots) for e, slots in fs)) for c, fs in terms),
    )


def evaluated(image: Any, sizes: Mapping[str, int], values: Mapping[Symbol, sympy.Matrix]) -> Any:
    """Put in sizes, then values, then evaluate.

    All values at once: SymPy overlooks a matrix in a sum that has an explicit one in it already.
    """
    numbers = {
        sized(to_sympy(symbol), sizes): matrix[0, 0]
        if symbol.is_scalar
        else sympy.ImmutableMatrix(matrix)
        for symbol, matrix in values.items()
    }
    image = sized(image, sizes).xreplace(numbers).doit()
    return image.as_explicit() if isinstance(image, sympy.MatrixExpr) else image


def sized(image: Any, sizes: Mapping[str, int]) -> Any:
    """Put in sizes; ``subs`` overlooks those of a matrix within a sum over another size."""
    symbols = {
        sympy.Symbol(s, integer=True, positive=True): sympy.Integer(k) for s, k in sizes.items()
    }
    return sympy.sympify(image).xreplace(symbols)
