"""Rules of differentiation as they are misremembered, and what comes out where one of them is applied.

That dX moves to the end in the differential of an inverse, that a norm is differentiated like its
square, that softmax acts entry by entry: each is a rule for one node u of the function, which gives
an expression v of which the differential is what du is believed to be. In v, frozen parts do not
vary. ``derivative_with`` then differentiates the function with du replaced by dv.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder, substitute
from matcalc.core.index import IndexExpr
from matcalc.core.operation import Operation
from matcalc.errors import ShapeProblem
from matcalc.ops.elementwise import EXP, LOG
from matcalc.ops.linalg import DET, INV, LOGDET, TRACE
from matcalc.ops.reduction import NORM1, NORM2, SOFTMAX, SUM
from matcalc.ops.structural import ADD, MATMUL, MATPOW, POWER, TRANSPOSE
from matcalc.passes.build import MINUS, eye, is_op, ones, power, scaled, times, transposed
from matcalc.passes.collect import total
from matcalc.passes.products import matrix_power, product, sum_of
from matcalc.passes.structure import at_point, structured_derivative

#: What is said where factors have been moved.
LIKE_NUMBERS = "{0} is differentiated as if matrices could be exchanged like numbers"

AS_IF = "{0} is differentiated as if it were {1}"

#: What functions of a matrix are taken for.
CONFUSED: dict[Operation, tuple[Operation, ...]] = {
    TRACE: (SUM,),
    SUM: (TRACE,),
    DET: (TRACE,),
    LOGDET: (DET, TRACE),
}

#: Most nodes of a function that rules are tried at; a deep network has many.
NODES = 16


@dataclass
class Frozen:
    """Symbols in the places of parts that are not to vary."""

    values: dict[Expr, Expr] = field(default_factory=dict)

    def __call__(self, part: Expr) -> Symbol:
        """A symbol that stands for the value of a part."""
        symbol = Symbol(f"frozen {len(self.values)}", part.shape)
        self.values[symbol] = part
        return symbol


@dataclass(frozen=True)
class Misrule:
    """One belief about one node.

    Attributes:
        text: what is believed, with places for expressions.
        about: these expressions.
        value: what the node is taken for.
    """

    text: str
    about: tuple[Expr, ...]
    value: Expr


def dependent_nodes(f: Expr, x: Symbol) -> list[Apply]:
    """The operations whose value depends on a variable, the outermost first."""
    dependent: set[Expr] = {x}
    found: list[Apply] = []
    for node in postorder(f):
        if isinstance(node, Apply) and any(arg in dependent for arg in node.args):
            dependent.add(node)
            found.append(node)
    return found[::-1][:NODES]


def derivative_with(
    f: Expr, x: Symbol, node: Expr, value: Expr, frozen: Frozen, convention: str
) -> IndexExpr:
    """The derivative of a function in which one node varies as another expression does."""
    start, offset = frozen(node), frozen(value)
    varied = total(start, value, scaled(-1, offset))
    tensor = structured_derivative(substitute(f, {node: varied}), x, 1, convention)
    points: dict[Expr, Expr] = {}
    for symbol, part in frozen.values.items():
        points[symbol] = substitute(part, points)
    return at_point(tensor, points)


def misrules(node: Apply, x: Symbol, frozen: Frozen, *, inner: bool) -> Iterator[Misrule]:
    """Everything that may be believed of a node, which is ``inner`` to the function or all of it."""
    for rule in (_confused, _function, _norm, _power, _inverse, _softmax, _product):
        yield from rule(node, frozen)
    yield from _transpose(node)
    yield from _apart(node)
    yield from _exponential(node, x, frozen)
    yield from _chain_rule(node, x, frozen)
    if inner:
        yield from _inner_derivative(node, x)


def _confused(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    """A function of a matrix taken for another, or its derivative for the matrix."""
    if node.op not in CONFUSED:
        return
    argument = node.args[0]
    if node.op is DET:
        text = "{0} is differentiated as if it were {1}: the factor {0} is missing"
        yield Misrule(text, (node, LOGDET(argument)), LOGDET(argument))
    if argument.is_square:
        for other in CONFUSED[node.op]:
            yield Misrule(AS_IF, (node, other(argument)), other(argument))
    if node.op is LOGDET:
        inner = times(power(frozen(DET(argument)), MINUS), TRACE(argument))
        yield Misrule(AS_IF, (DET(argument), TRACE(argument)), inner)
    itself = sum_of(times(frozen(argument), argument))
    if node.op in (TRACE, SUM):
        slope = eye(argument.shape[0]) if node.op is TRACE else ones(argument.shape)
        text = "the derivative of {0} by {1} is {2}, not {1}"
        yield Misrule(text, (node, argument, slope), itself)
    else:
        text = "the derivative of {0} by {1} is taken to be {1} itself"
        yield Misrule(text, (node, argument), itself)


def _function(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    if not node.op.elementwise or len(node.args) != 1:
        return
    argument = node.args[0]
    same = "the derivative of {0} is taken to be {0} itself"
    yield Misrule(same, (node,), times(frozen(node), argument))
    yield Misrule(AS_IF, (node, argument), argument)


def _norm(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    if not is_op(node, NORM1, NORM2):
        return
    argument = node.args[0]
    added, itself = sum_of(argument), sum_of(times(frozen(argument), argument))
    if is_op(node, NORM2):
        square = power(node, Constant(2))
        yield Misrule(AS_IF, (node, square), square)
        slope = scaled(Fraction(1, 2), power(frozen(node), MINUS))
        text = "the inner derivative, of {1} by {2}, is left out in that of {0}, its root"
        yield Misrule(text, (node, square, argument), times(slope, added))
        text = "the derivative of {0} is taken to be {1}: it has to be divided by {0}"
        yield Misrule(text, (node, argument), itself)
    else:
        text = "the derivative of {0} is taken to be {1}, which is that of half the square"
        yield Misrule(text, (node, argument), itself)
        yield Misrule(AS_IF, (node, NORM2(argument)), NORM2(argument))
    text = "{0} is differentiated like {1}, as if the norm were the sum of the entries"
    yield Misrule(text, (node, added), added)


def _power(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    if not is_op(node, POWER, MATPOW) or not isinstance(node.args[1], Constant):
        return
    base, exponent = node.args[0], node.args[1].value
    if is_op(node, POWER):
        kept = times(Constant(exponent), frozen(node), base)
        yield Misrule("differentiating {0}, the exponent is not reduced", (node,), kept)
        lower = power(base, Constant(exponent - 1))
        bare = times(frozen(lower), base)
        yield Misrule("differentiating {0}, the exponent is not brought down", (node,), bare)
        return
    lower = frozen(matrix_power(base, Constant(exponent - 1)))
    for factors in ((lower, base), (base, lower)):
        yield Misrule(LIKE_NUMBERS, (node,), scaled(exponent, product(*factors)))


def _exponential(node: Apply, x: Symbol, frozen: Frozen) -> Iterator[Misrule]:
    """The power rule where the exponent varies, and the rule of exponentials where it does not."""
    if is_op(node, EXP):
        base, exponent = None, node.args[0]
        lower: Expr = EXP(total(exponent, scaled(-1, ones(node.shape))))
    elif is_op(node, POWER):
        base, exponent = node.args
        lower = power(base, total(exponent, MINUS))
    else:
        return
    if x in postorder(exponent):
        text = "the power rule is applied to {0}, of which the exponent varies"
        slope = times(frozen(exponent), frozen(lower))
        yield Misrule(text, (node,), times(slope, exponent))
        if x is not exponent and x.shape == node.shape:
            yield Misrule(f"{text}, without an inner derivative", (node,), times(slope, x))
    elif base is not None:
        text = "{0} is differentiated as if the exponent varied and not the base"
        yield Misrule(text, (node,), times(frozen(times(node, LOG(base))), base))


def _apart(node: Apply) -> Iterator[Misrule]:
    """A function taken apart along a sum or a product, as only some functions may be."""
    if len(node.args) != 1:
        return
    [argument] = node.args
    if is_op(argument, ADD) and (node.op.elementwise or node.op in (INV, DET, LOGDET, NORM2)):
        whole = total(*(node.op(term) for term in argument.args))
        yield Misrule(AS_IF, (node, whole), whole)
    elif node.op is SUM and isinstance(argument, Apply) and argument.op.elementwise:
        if len(argument.args) == 1:
            whole = argument.op(sum_of(argument.args[0]))
            yield Misrule(AS_IF, (node, whole), whole)
    elif is_op(argument, MATMUL) and all(factor.is_square for factor in argument.args):
        if node.op is TRACE:
            whole = times(*map(TRACE, argument.args))
            yield Misrule(AS_IF, (node, whole), whole)
        elif node.op in (INV, TRANSPOSE):
            whole = product(*map(node.op, argument.args))
            yield Misrule(AS_IF, (node, whole), whole)


def _chain_rule(node: Apply, x: Symbol, frozen: Frozen) -> Iterator[Misrule]:
    """A function of a function with its derivative taken elsewhere, or of each entry of the variable."""
    if not (node.op.elementwise and node.args) or any(isinstance(a, Symbol) for a in node.args[1:]):
        return
    inner, *rest = node.args
    if inner is x:
        return
    if inner.shape == x.shape:
        # d g(a + u - u0), with a for x and u0 for u, is g'(x) du.
        moved = node.op(total(frozen(x), inner, scaled(-1, frozen(inner))), *rest)
        text = "the derivative of {0} is taken at {2} in place of {1}"
        yield Misrule(text, (node, inner, x), moved)
    elif inner.is_scalar and x.axes:
        entrywise = sum_of(node.op(x, *rest))
        yield Misrule(AS_IF, (node, entrywise), entrywise)


def _inverse(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    if not is_op(node, INV):
        return
    argument, value = node.args[0], frozen(node)
    for factors in ((value, value, argument), (argument, value, value)):
        yield Misrule(LIKE_NUMBERS, (node,), product(MINUS, *factors))
    text = "the derivative of {0} is taken without its minus sign"
    yield Misrule(text, (node,), product(value, argument, value))
    text = "differentiating {0}, one of the two factors {0} is left out"
    for pair in ((value, argument), (argument, value)):
        yield Misrule(text, (node,), product(MINUS, *pair))


def _transpose(node: Apply) -> Iterator[Misrule]:
    if is_op(node, TRANSPOSE) and node.is_square:
        argument = node.args[0]
        yield Misrule(AS_IF, (node, argument), argument)


def _softmax(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    if is_op(node, SOFTMAX):
        argument, value = node.args[0], frozen(node)
        slope = times(value, total(ones(node.shape), scaled(-1, value)))
        text = "{0} is differentiated entry by entry, but each of its entries depends on all of {1}"
        yield Misrule(text, (node, argument), times(slope, argument))
        text = "{0} is differentiated like {1}: the derivative of the denominator is left out"
        yield Misrule(text, (node, EXP(argument)), times(value, argument))


def _product(node: Apply, frozen: Frozen) -> Iterator[Misrule]:
    """Every factor that varies moved to one end, as if they were numbers."""
    if not is_op(node, MATMUL):
        return
    for at_end in (True, False):
        terms = []
        with suppress(ShapeProblem):
            for k, factor in enumerate(node.args):
                rest = [frozen(arg) for arg in (*node.args[:k], *node.args[k + 1 :])]
                terms.append(product(*rest, factor) if at_end else product(factor, *rest))
        if len(terms) == len(node.args) and all(term.shape == node.shape for term in terms):
            yield Misrule(LIKE_NUMBERS, (node,), total(*terms))


def _inner_derivative(node: Apply, x: Symbol) -> Iterator[Misrule]:
    text = "the inner derivative, of {0} by {1}, is left out"
    if node.shape == x.shape:
        yield Misrule(text, (node, x), x)
    elif node.is_scalar:
        yield Misrule(text, (node, x), sum_of(x))
    elif node.shape == x.shape[::-1]:
        yield Misrule(text, (node, x), transposed(x))
