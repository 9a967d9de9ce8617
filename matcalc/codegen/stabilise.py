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
from fractions import Fraction

from matcalc.codegen.logarithms import exponential, has_exponentials, logarithm, spread
from matcalc.codegen.scaling import LINEAR, grows, scaled
from matcalc.core.expr import Apply, Constant, Expr, postorder, rebuilt
from matcalc.ops.elementwise import LOG, SIGMOID, TANH
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE
from matcalc.passes import build
from matcalc.passes.collect import total
from matcalc.passes.products import product
from matcalc.passes.simplify import simplify

#: How deep a divisor moves inwards.
DEEPEST = 16


def stabilise(e: Expr) -> Expr:
    """The expression itself where nothing in it overflows."""
    return stabilise_all([e])[0]


def stabilise_all(roots: Sequence[Expr]) -> list[Expr]:
    """Each of them in a form that does not overflow."""
    if not has_exponentials(roots):
        return list(roots)
    return [_rewritten(_rewritten(root, _merged), _settled) for root in roots]


def _rewritten(e: Expr, rewrite: Callable[[Expr], Expr]) -> Expr:
    """Every node rewritten, arguments first."""
    for node in postorder(e, without=rewrite):
        grows(node)
        node.memo[rewrite] = rewrite(rebuilt(node, {arg: arg.memo[rewrite] for arg in node.args}))
    found: Expr = e.memo[rewrite]
    return found


def _merged(e: Expr) -> Expr:
    """Logarithms and quotients of exponentials."""
    if not isinstance(e, Apply):
        return e
    if e.op is LOG:
        return _log(e)
    if e.op is TIMES:
        return _merged_product(e)
    return _merged_scaling(e) if e.op is MATMUL else e


def _log(e: Apply) -> Expr:
    (x,) = e.args
    found = logarithm(x)
    if found is not None:
        return found
    if x.op is TIMES:
        # What has a logarithm here is positive, and so is the rest where the function is defined.
        made, others = _split(x.args)
        if made:
            return total(
                spread(_log_product(made), x.shape),
                spread(_log(LOG(build.times(*others))), x.shape),
            )
    if _adds_growing(x) and (parts := scaled(x)) is not None:
        t, s = parts
        return total(t, LOG(s))
    return e


def _adds_growing(e: Expr) -> bool:
    """Whether what grows is not only taken away: ``1 - exp(x)`` is positive where ``exp(x)`` is small."""
    terms = [build.split_coefficient(term) for term in (e.args if build.is_op(e, ADD) else (e,))]
    return any(coefficient > 0 and grows(rest) for coefficient, rest in terms)


def _merged_product(e: Apply) -> Expr:
    """A product in which exponentials meet what divides them, with one exponential."""
    taken = [_taken_apart(factor) for factor in e.args]
    exponents = [exponent for exponent, _ in taken if exponent is not None]
    made, others = _split([rest for _, rest in taken])
    growing = [factor for factor in others if grows(factor)]
    if growing and (exponents or any(map(_divides, made))):
        multiplied = build.times(*growing)
        inside = [f for f in made if f.is_scalar or f.shape == multiplied.shape]
        outside = [f for f in (*made, *others) if f not in growing and f not in inside]
        return build.times(*outside, _divided(multiplied, _log_product(inside, exponents)))
    if len(made) + len(exponents) > 1 and any(map(grows, made)):
        return build.times(*others, exponential(_log_product(made, exponents)))
    return e


def _taken_apart(e: Expr) -> tuple[Expr | None, Expr]:
    """What divides with coefficients of any sign in it as ``exp(t) .* s``: t and s; anything else as it is."""
    base, exponent = build.as_power(e)
    if exponent < 0 and grows(base) and logarithm(base) is None:
        parts = scaled(base)
        if parts is not None:
            t, s = parts
            return build.scaled(exponent, t), build.power(s, Constant(exponent))
    return None, e


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
            if 0 <= neighbour < len(factors) and grows(factors[neighbour]):
                array, exponent = factors[neighbour], spread(_log_product(made), scale.shape)
                line = build.transposed(exponent) if neighbour < k else exponent
                factors[neighbour] = _divided(array, spread(line, array.shape))
                factors[k] = build.diag(build.times(build.ones(scale.shape), *others))
                return product(*factors)
    return e


def _split(factors: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """What has a logarithm, and the rest."""
    made = [factor for factor in factors if logarithm(factor) is not None]
    return made, [factor for factor in factors if factor not in made]


def _log_product(made: Sequence[Expr], exponents: Sequence[Expr] = ()) -> Expr:
    """The logarithm of a product of what has logarithms, and of exponentials."""
    logarithms = [l for l in map(logarithm, made) if l is not None] + [*exponents]
    shape = next((l.shape for l in logarithms if not l.is_scalar), build.UNIT.shape)
    return total(*(spread(l, shape) for l in logarithms))


def _divided(e: Expr, exponent: Expr, deepest: int = DEEPEST) -> Expr:
    """``e exp(exponent)``, the exponential moved inwards to those in ``e``."""
    l = logarithm(e)
    if l is not None:
        return exponential(total(l, spread(exponent, e.shape)))
    base, power = build.as_power(e)
    if base is not e and deepest and grows(e):
        inside = _divided(base, build.scaled(1 / power, exponent), deepest - 1)
        return build.power(inside, Constant(power))
    if isinstance(e, Apply) and deepest and grows(e):
        if e.op is ADD:
            return total(*(_divided(term, exponent, deepest - 1) for term in e.args))
        places = [k for k, arg in enumerate(e.args) if grows(arg)]
        if _moves(e, exponent, [e.args[k] for k in places]):
            args = list(e.args)
            share = build.scaled(Fraction(1, len(places)), exponent)
            for place in places:
                args[place] = _divided(args[place], share, deepest - 1)
            return simplify(e.op(*args))
        if len(places) > 1 and (parts := scaled(e)) is not None:
            t, s = parts
            return build.times(s, exponential(total(t, spread(exponent, e.shape))))
    return build.times(e, exponential(exponent))


def _moves(e: Apply, exponent: Expr, growing: Sequence[Expr]) -> bool:
    """Whether the factor ``exp(exponent)`` can be shared out among the growing arguments.

    That is safe where they are alike: what each is divided by is then as large as it is.
    """
    if not (e.op is TIMES or (exponent.is_scalar and e.op in LINEAR)):
        return False
    if not exponent.is_scalar and any(arg.shape != exponent.shape for arg in growing):
        return False
    first = growing[0]
    return all(arg in (first, build.transposed(first)) for arg in growing)


def _settled(e: Expr) -> Expr:
    """Differences of sigmoids, and what divides no exponential: ``sqrt(sum(exp(x)))`` is small where ``sum(exp(x))`` overflows."""
    if isinstance(e, Apply) and e.op is ADD and len(e.args) == 2:
        return _difference(e)
    base, exponent = build.as_power(e)
    if exponent >= 1 or not grows(base):
        return e
    l = logarithm(base)
    return e if l is None else exponential(build.scaled(exponent, l))


def _difference(e: Apply) -> Expr:
    """``sigmoid(z) - sigmoid(-z) = tanh(z/2)``."""
    (c, first), (d, second) = map(build.split_coefficient, e.args)
    if c == -d and build.is_op(first, SIGMOID) and build.is_op(second, SIGMOID):
        (z,) = first.args
        if second.args[0] is build.scaled(-1, z):
            return build.scaled(c, TANH(build.scaled(build.HALF, z)))
    return e


def _divides(e: Expr) -> bool:
    """Whether it is a negative power of exponentials."""
    base, exponent = build.as_power(e.args[0] if build.is_op(e, TRANSPOSE) else e)
    return exponent < 0 and grows(base)
