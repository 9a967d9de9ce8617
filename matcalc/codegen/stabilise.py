"""Forms that do not overflow, of expressions in which exponentials do.

``log(1 + exp(z))`` is ``softplus(z)``, ``exp(x) / sum(exp(x))`` is ``softmax(x)``: a logarithm is written
as what ``logarithms.py`` knows of its argument, and a quotient of exponentials as the exponential of a
difference. A divisor moves to where the exponentials are that it divides: ``a' exp(x) / sum(exp(x))``
is ``a' softmax(x)``. Where both forms are defined they have the same value; the new one is meant to be
differentiated too, since the rules of ``softplus``, ``sigmoid``, ``softmax`` and ``logsumexp`` are as stable as
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcalc.codegen.logarithms import EXPONENTIALS, exponential, logarithm, spread
from matcalc.core.dim import ONE
from matcalc.core.expr import Apply, Expr, operations, postorder
from matcalc.ops.elementwise import COSH, EXP, LOG, SINH
from matcalc.ops.linalg import DIAG, DIAGONAL, VEC
from matcalc.ops.reduction import SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE
from matcalc.passes import build
from matcalc.passes.collect import total
from matcalc.passes.products import product
from matcalc.passes.simplify import simplify

#: Operations through which a scalar factor moves.
LINEAR = (MATMUL, TRANSPOSE, DIAG, DIAGONAL, VEC, SUM, SUM_1, SUM_2)

#: How deep a divisor moves inwards.
DEEPEST = 16


def stabilise(e: Expr) -> Expr:
    """The expression itself where nothing in it overflows."""
    return stabilise_all([e])[0]


def stabilise_all(roots: Sequence[Expr]) -> list[Expr]:
    """Each of them in a form that does not overflow."""
    if EXPONENTIALS.isdisjoint(operations(*roots)):
        return list(roots)
    return [_rewritten(_rewritten(root, _merged), _settled) for root in roots]


def may_overflow(e: Expr) -> bool:
    """Whether an exponential in it, or the inverse or the logarithm of one, can be infinite."""
    return any(isinstance(node, Apply) and _may_overflow(node) for node in postorder(e))


def _may_overflow(e: Apply) -> bool:
    if e.op in (EXP, COSH, SINH):
        return True
    base, exponent = build.as_power(e)
    inverted = base if exponent < 0 else e.args[0] if e.op is LOG else None
    return inverted is not None and logarithm(inverted) is not None


def _rewritten(e: Expr, rewrite: Callable[[Expr], Expr]) -> Expr:
    """Every node rewritten, arguments first."""
    for node in postorder(e, without=rewrite):
        _grows(node)
        rebuilt = node
        if isinstance(node, Apply):
            args = tuple(arg.memo[rewrite] for arg in node.args)
            rebuilt = node if args == node.args else node.op(*args)
        node.memo[rewrite] = rewrite(rebuilt)
    found: Expr = e.memo[rewrite]
    return found


def _merged(e: Expr) -> Expr:
    """Logarithms and quotients of exponentials."""
    if not isinstance(e, Apply):
        return e
    if e.op is LOG:
        found = logarithm(e.args[0])
        return e if found is None else found
    if e.op is TIMES:
        return _merged_product(e)
    return _merged_scaling(e) if e.op is MATMUL else e


def _merged_product(e: Apply) -> Expr:
    """A product in which exponentials meet what divides them, with one exponential."""
    made, others = _split(e.args)
    growing = next((factor for factor in others if _grows(factor)), None)
    if growing is not None and any(map(_divides, made)):
        inside = [f for f in made if f.is_scalar or f.shape == growing.shape]
        outside = [f for f in e.args if f is not growing and f not in inside]
        return build.times(*outside, _divided(growing, _log_product(inside)))
    if len(made) > 1 and any(map(_grows, made)):
        return build.times(*others, exponential(_log_product(made)))
    return e


def _merged_scaling(e: Apply) -> Expr:
    """``exp(X) diag(1 ./ sum(exp(X), 1))`` as ``exp(X)`` with its columns divided."""
    factors = list(e.args)
    for k, factor in enumerate(factors):
        if not build.is_op(factor, DIAG):
            continue
        (scale,) = factor.args
        made, others = _split(scale.args if build.is_op(scale, TIMES) else (scale,))
        if not any(map(_divides, made)):
            continue
        for neighbour in (k - 1, k + 1):
            if 0 <= neighbour < len(factors) and _grows(factors[neighbour]):
                array, exponent = factors[neighbour], spread(_log_product(made), scale.shape)
                rows, columns = array.shape
                spread_out = (
                    product(build.ones((rows, ONE)), build.transposed(exponent))
                    if neighbour < k
                    else product(exponent, build.ones((ONE, columns)))
                )
                factors[neighbour] = _divided(array, spread_out)
                factors[k] = build.diag(build.times(build.ones(scale.shape), *others))
                return product(*factors)
    return e


def _split(factors: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """What has a logarithm, and the rest."""
    made = [factor for factor in factors if logarithm(factor) is not None]
    return made, [factor for factor in factors if factor not in made]


def _log_product(made: Sequence[Expr]) -> Expr:
    shape = next((factor.shape for factor in made if not factor.is_scalar), build.UNIT.shape)
    logarithms = (logarithm(factor) for factor in made)
    return total(*(spread(l, shape) for l in logarithms if l is not None))


def _divided(e: Expr, exponent: Expr, deepest: int = DEEPEST) -> Expr:
    """``e exp(exponent)``, the exponential moved inwards to those in ``e``."""
    l = logarithm(e)
    if l is not None:
        return exponential(total(l, spread(exponent, e.shape)))
    if isinstance(e, Apply) and deepest and _grows(e):
        if e.op is ADD:
            return total(*(_divided(term, exponent, deepest - 1) for term in e.args))
        position = next((k for k, arg in enumerate(e.args) if _grows(arg)), None)
        moves = e.op is TIMES or (exponent.is_scalar and e.op in LINEAR)
        if (
            moves
            and position is not None
            and (exponent.is_scalar or e.args[position].shape == exponent.shape)
        ):
            args = list(e.args)
            args[position] = _divided(args[position], exponent, deepest - 1)
            return simplify(e.op(*args))
    return build.times(e, exponential(exponent))


def _settled(e: Expr) -> Expr:
    """What divides no exponential: ``sqrt(sum(exp(x)))`` is small where ``sum(exp(x))`` overflows."""
    base, exponent = build.as_power(e)
    if exponent >= 1 or not _grows(base):
        return e
    l = logarithm(base)
    return e if l is None else exponential(build.scaled(exponent, l))


def _divides(e: Expr) -> bool:
    """Whether it is a negative power of exponentials."""
    base, exponent = build.as_power(e.args[0] if build.is_op(e, TRANSPOSE) else e)
    return exponent < 0 and _grows(base)


def _grows(e: Expr) -> bool:
    """Whether an exponential in it can overflow that is only added to and multiplied."""
    if _grows not in e.memo:
        e.memo[_grows] = False
        if isinstance(e, Apply):
            base, exponent = build.as_power(e)
            if base is not e:
                e.memo[_grows] = exponent > 0 and _grows(base)
            else:
                e.memo[_grows] = e.op in (EXP, COSH) or (
                    e.op in (ADD, TIMES, *LINEAR) and any(map(_grows, e.args))
                )
    found: bool = e.memo[_grows]
    return found
