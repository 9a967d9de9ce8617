"""Why a line of a derivation follows from the one before: rules by their names in the field.

A rule is a name, an equation, or both. Equations are expressions like any other, over variables that
stand for anything (``d(log(u)) = du / u``), so that every printer can write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from matcalc.core.dim import SCALAR, Shape
from matcalc.core.expr import Apply, Expr, Symbol, memoised, substitute, symbols
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.passes.expand import put_in
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.pending import PARTIAL
from matcalc.passes.pull_back import elementwise_derivative, pull_back
from matcalc.passes.rulebook import deltas

#: Both sides of a rule; two arrays have the same free indices.
Equation = tuple[Expr, Expr] | tuple[IndexExpr, IndexExpr]


@dataclass(frozen=True)
class Rule:
    """What led to a line.

    Attributes:
        name: in words; empty where the equation says it all.
        equation: the rule as a formula, if it has one.
    """

    name: str = ""
    equation: Equation | None = None


PRODUCT_RULE = Rule("product rule")
QUOTIENT_RULE = Rule("quotient rule")
LINEARITY = Rule("constant factors stay")
CONSTANTS_VANISH = Rule("constants vanish")
COLLECT = Rule("collect")
SIMPLIFY = Rule("simplify")
CONTRACT = Rule("contract the deltas")
IN_INDEX_NOTATION = Rule("in index notation")


def generic(shape: Shape, letter: str = "u") -> Symbol:
    """A variable that stands for anything of this shape; that for a matrix has a capital letter."""
    is_matrix = not any(dim.is_unit for dim in shape)
    name = letter[:-1] + letter[-1].upper() if is_matrix else letter
    return Symbol(name, shape)


def at_generic(u: Apply, position: int) -> tuple[Apply, Symbol]:
    """The operation with a variable for one of its arguments, and that variable."""
    point = generic(u.args[position].shape)
    at = u.op(*u.args[:position], point, *u.args[position + 1 :])
    return at, point


# ------------------------------------------------------------------ rules of the rule book


@memoised
def partial_rule(u: Apply, position: int) -> Rule:
    """``∂tanh(u)/∂u = 1 - tanh(u)^2``, ``∂(U^-1)[i,j]/∂U[k,l] = -(U^-1)[i,k] (U^-1)[l,j]``."""
    at, point = at_generic(u, position)
    if at.op.elementwise:
        point = generic(SCALAR)
        others = [arg if arg.is_scalar else generic(SCALAR, "v") for arg in at.args]
        at = at.op(*others[:position], point, *others[position + 1 :])
        value = elementwise_derivative(at, position)
        return Rule("chain rule", (_entries(PARTIAL(at, point), ()), _entries(value, ())))
    outer = tuple(Index(dim) for dim in at.axes)
    inner = tuple(Index(dim) for dim in at.axes)
    seed = IndexExpr((*outer, *inner), (Term(Fraction(1), deltas(outer, inner)),))
    local = pull_back(at, position, seed)
    return Rule("chain rule", (_entries(PARTIAL(at, point), local.free), local))


@memoised
def delta_rule(wrt: Symbol) -> Rule:
    """``∂X[i,j]/∂X[k,l] = δ[i,k] δ[j,l]``."""
    own = tuple(Index(dim) for dim in wrt.axes)
    other = tuple(Index(dim) for dim in wrt.axes)
    free = (*own, *other)
    identity = IndexExpr(free, (Term(Fraction(1), deltas(own, other)),))
    return Rule("", (_entries(PARTIAL(wrt, wrt), free), identity))


@memoised
def definition_rule(u: Apply) -> Rule:
    """``mean(U) = 1/(m n) sum(U)``, ``U^2 = U U``: an operation in terms of others."""
    at, _ = at_generic(u, 0)
    value = put_in(at)
    assert value is not None
    return Rule("", (at, value))


def _entries(e: Expr, free: tuple[Index, ...]) -> IndexExpr:
    return IndexExpr(free, (Term(Fraction(1), (Factor(e, free),)),))


# ------------------------------------------------------------------ what a step has made use of


def properties_used(
    before: Expr, after: Expr, step: Callable[[Expr], Expr | None]
) -> Iterator[Rule]:
    """``A is symmetric`` where the step would have led elsewhere if that were not known."""
    for symbol in symbols(before):
        if symbol.properties & STRUCTURAL:
            plain: dict[Expr, Expr] = {symbol: unstructured(symbol)}
            if step(substitute(before, plain)) is not substitute(after, plain):
                yield Rule(f"{symbol.name} is {structure_in_words(symbol)}")


def unstructured(symbol: Symbol) -> Symbol:
    """The variable without the properties that tie its entries together."""
    return Symbol(symbol.name, symbol.shape, symbol.properties - STRUCTURAL)


def structure_in_words(symbol: Symbol) -> str:
    """What is known of the entries of a variable: definite matrices are symmetric."""
    words = {"spd": "symmetric", "psd": "symmetric", "skew": "skew-symmetric"}
    found = sorted(symbol.properties & STRUCTURAL)
    return " and ".join(dict.fromkeys(words.get(p, p.replace("_", " ")) for p in found))
