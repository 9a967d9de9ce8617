"""Identities that derivations make use of, as equations between expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.index import Factor, IndexExpr, Slot
from matcalc.core.operation import Operation
from matcalc.ops import REGISTRY
from matcalc.ops.constant import COMMUTATION, ONES
from matcalc.ops.elementwise import COS, COSH, EXP, LOG, SIGMOID, SIN, SINH, TAN, TANH
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import LOGSUMEXP, NORM2, SOFTMAX, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, TIMES
from matcalc.passes import construct
from matcalc.passes.build import as_power, is_op, ones, scaled
from matcalc.passes.commuting import commute
from matcalc.passes.lower import entries, lower
from matcalc.passes.reasons import Rule, definition_rule
from matcalc.passes.rulebook import commuting_form, placeholders

m, n, p, q = (Dim.of(name) for name in "mnpq")
x, one = Symbol("x", (ONE, ONE)), Constant(1)
u, v, w = (Symbol(name, (n, ONE)) for name in "uvw")
#: Matrices that agree in shape, or in what a product asks of them.
A, B, C = (Symbol(name, (m, n)) for name in "ABC")
S, turned = Symbol("A", (n, n)), Symbol("B", (n, m))
left, X, right = Symbol("A", (m, p)), Symbol("X", (p, q)), Symbol("B", (q, n))


def _t(e: Expr) -> Expr:
    return construct.transpose(e)


def _product(*factors: Expr) -> Expr:
    return construct.multiply(factors)


def _ones(size: Dim) -> Expr:
    return ONES(Size(size), Size(ONE))


def _row_of_ones(size: Dim) -> Expr:
    return ONES(Size(ONE), Size(size))


def _exponential_sum(e: Expr) -> Expr:
    return SUM(EXP(e))


SCALAR_TRANSPOSE = Rule("a scalar is its own transpose")
SCALAR_TRACE = Rule("", (_product(_t(u), S, v), TRACE(_product(v, _t(u), S))))
CYCLIC = Rule("cyclic permutation", (TRACE(_product(A, turned)), TRACE(_product(turned, A))))
TRACE_OF_TRANSPOSE = Rule("", (TRACE(S), TRACE(_t(S))))

SUM_OF_VECTOR = Rule("", (SUM(u), _product(_row_of_ones(n), u)))
SUM_OF_MATRIX = Rule("", (SUM(A), _product(_row_of_ones(m), A, _ones(n))))
SUM_OF_VECTORS = Rule("", (SUM(TIMES(u, v)), _product(_t(u), v)))
SUM_OF_MATRICES = Rule("", (SUM(TIMES(A, B)), TRACE(_product(_t(A), B))))
COLUMN_SUMS = Rule("", (SUM_1(A), _product(_row_of_ones(m), A)))
ROW_SUMS = Rule("", (SUM_2(A), _product(A, _ones(n))))

SCALED_VECTOR = Rule("", (_product(_t(u), TIMES(v, w)), _product(_t(TIMES(u, v)), w)))
SCALED_MATRIX = Rule("", (TRACE(_product(_t(A), TIMES(B, C))), TRACE(_product(_t(TIMES(A, B)), C))))
OUTER_PRODUCT = Rule("", (_product(_t(u), v, w), MATMUL(w, _t(u), v)))
DIAGONAL_FACTOR = Rule("", (TIMES(u, v), _product(DIAG(u), v)))
DIAGONALS_COMMUTE = Rule("", (_product(DIAG(u), v), _product(DIAG(v), u)))
TRACE_OF_DIAGONAL = Rule("", (TRACE(_product(S, DIAG(u))), _product(_t(DIAGONAL(S)), u)))
PRODUCT_WITH_DIAGONAL = Rule("", (_product(_t(u), DIAGONAL(S)), TRACE(_product(DIAG(u), S))))

PRODUCT_OF_VECS = Rule("", (_product(_t(VEC(A)), VEC(B)), TRACE(_product(_t(A), B))))
VEC_OF_PRODUCT = Rule("", (VEC(_product(left, X, right)), _product(KRON(_t(right), left), VEC(X))))
VEC_OF_TRANSPOSE = Rule("", (VEC(_t(A)), _product(COMMUTATION(Size(m), Size(n)), VEC(A))))
VEC_OF_HADAMARD = Rule("", (VEC(TIMES(A, B)), _product(DIAG(VEC(A)), VEC(B))))
VEC_OF_KRON = Rule("vec of a Kronecker product (Magnus and Neudecker)")

SQUARED_NORM = Rule("", (construct.power(NORM2(u), Constant(2)), _product(_t(u), u)))
SQUARED_FROBENIUS = Rule("", (construct.power(NORM2(A), Constant(2)), TRACE(_product(_t(A), A))))

TIMES_EXP = Rule("", (_product(EXP(construct.negate(x)), SIGMOID(x)), SIGMOID(construct.negate(x))))

#: Functions that the engine recognises by what they are made of; others have a definition in their record.
FOLDED = {
    SOFTMAX: (construct.divide(EXP(u), _exponential_sum(u)), SOFTMAX(u)),
    LOGSUMEXP: (LOG(_exponential_sum(u)), LOGSUMEXP(u)),
    SIGMOID: (construct.divide(one, construct.add((one, EXP(x)))), SIGMOID(construct.negate(x))),
    TANH: (construct.divide(SINH(x), COSH(x)), TANH(x)),
    TAN: (construct.divide(SIN(x), COS(x)), TAN(x)),
}


@cache
def rule_of_applied(op: Operation) -> Rule | None:
    """``vec(expm_frechet(A, B)) = expm_kronecker(A) vec(B)``; None for what is no such map."""
    for matrix in REGISTRY.values():
        if matrix.applied == op.name:
            point, exponent, direction = S, Symbol("k", (ONE, ONE)), Symbol("B", S.shape)
            args = (point,) if len(matrix.parameters) == 1 else (point, exponent)
            return Rule("", (VEC(op(*args, direction)), _product(matrix(*args), VEC(direction))))
    return None


@cache
def adjoint_rule(op: Operation) -> Rule:
    """``tr(B L(A, E)) = tr(L(A, B) E)``: under a trace, a Fréchet derivative changes places with its direction."""
    *at, direction = placeholders(op)
    other = Symbol("B", direction.shape)
    turned = TRACE(_product(op(*at, other), direction))
    return Rule("under the trace", (TRACE(_product(other, op(*at, direction))), turned))


def maps_resolved(before: Iterable[Expr], after: Expr) -> Iterator[Rule]:
    """How the directions of Fréchet derivatives came to the end, and what these are if they commute."""
    found = [node for node in postorder(*before) if isinstance(node, Apply)]
    maps = [node for node in found if node.op.commuting and after.is_scalar]
    turned = [node.op for node in maps if not commute(node.args[0], node.args[-1])]
    yield from map(adjoint_rule, dict.fromkeys(turned))
    left = {node.op for node in postorder(after) if isinstance(node, Apply)}
    known = set(left)
    for node in found:
        if node.op not in known:
            known.add(node.op)
            function = REGISTRY.get(node.op.applied, node.op)
            if node.op.applied:
                rule = rule_of_applied(function)
                yield from () if rule is None else (rule,)
            if function.commuting and function not in left:
                equation = (function(*placeholders(function)), commuting_form(function))
                yield Rule("in a direction that commutes", equation)


def joined(e: Expr | IndexExpr) -> Iterator[Rule]:
    """What factors of one term, at the same indices, make together: ``det(X) / det(X) = 1``."""
    arrays = [e] if isinstance(e, IndexExpr) else [lower(node) for node in _sums(e)]
    for term in (term for array in arrays for term in array.terms):
        above: set[_Place] = set()
        below: dict[_Place, None] = {}
        for factor in _opened(term.factors):
            base, exponent = as_power(factor.expr)
            if exponent > 0:
                above.add((base, factor.slots))
            else:
                below[base, factor.slots] = None
        for base, slots in below:
            if (base, slots) in above:
                yield Rule("", (construct.divide(base, base), ones(base.shape)))
        for base, slots in above:
            if is_op(base, EXP) and (SIGMOID(scaled(-1, base.args[0])), slots) in above:
                yield TIMES_EXP


_Place = tuple[Expr, tuple[Slot, ...]]


def _sums(e: Expr) -> Iterator[Expr]:
    """The expression, and the sums in it: ``lower`` leaves those whole that are factors."""
    yield e
    yield from (node for node in postorder(e) if node is not e and is_op(node, ADD))


def _opened(found: Iterable[Factor]) -> Iterator[Factor]:
    """The factors, products of numbers and entries taken apart."""
    for factor in found:
        opened = entries(factor.expr, factor.slots)
        yield from opened[0].factors if len(opened) == 1 else (factor,)


def names_folded_back(before: Iterable[Expr], after: Expr) -> Iterator[Rule]:
    """The definitions of the functions that are in the one and not yet in the others."""
    known = {node.op for node in postorder(*before) if isinstance(node, Apply)}
    for node in postorder(after):
        if isinstance(node, Apply) and node.op not in known:
            known.add(node.op)
            if node.op.definition:
                yield definition_rule(node)
            elif node.op in FOLDED:
                yield Rule("", FOLDED[node.op])
