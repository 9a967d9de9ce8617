"""What has to hold of the values of expressions, taken apart into what decides it.

``(m - tr(X))^2`` is not zero where ``m - tr(X)`` is not, ``x' x`` is positive where ``x`` is not zero,
``2 A B`` is invertible where ``A`` and ``B`` are. Expressions are taken apart as they were written,
so that what is left is in the words of the text; only what cannot be is brought to normal form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder
from matcalc.ops.elementwise import ABS, SQRT, SQUARE
from matcalc.ops.linalg import ADJ, DET, DIAG, INV, TRACE, VEC
from matcalc.ops.reduction import MEAN, NORM1, NORM2, SUM
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import (
    as_power,
    is_op,
    is_zero,
    power,
    scaled,
    split_coefficient,
    times,
)
from matcalc.passes.collect import total
from matcalc.passes.equal import canonical, same
from matcalc.passes.expand import expand
from matcalc.passes.properties import properties
from matcalc.passes.shorten import shorten
from matcalc.passes.simplify import simplify
from matcalc.record import Record

POSITIVE, NONNEGATIVE, NONZERO, INVERTIBLE = "positive", "nonnegative", "nonzero", "invertible"

#: Of an array: some entry is not zero. Not a property, since no operation would hand it on.
NOT_ALL_ZERO = "not all zero"

#: The rank stays the same nearby.
CONSTANT_RANK = "{0} of constant rank"

#: Properties each of which is enough for a claim that is none itself.
ENOUGH = {NOT_ALL_ZERO: {NONZERO, INVERTIBLE}, CONSTANT_RANK: {INVERTIBLE}}

#: Absolute value below 1, in every entry.
INSIDE = "|{0}| < 1"


class Claim(Record):
    """What has to hold of some expressions, as a rule one.

    Attributes:
        what: a property, ``NOT_ALL_ZERO``, or any other statement as a template of its arguments.
        args: what it is said of.
    """

    what: str
    args: tuple[Expr, ...]

    @property
    def subject(self) -> Expr:
        """What the claim is about."""
        return self.args[0]


def reduced(claim: Claim) -> list[Claim]:
    """The claims, as simple as possible, that hold together where this one does; none if it always does.

    What holds wherever the subject is defined is left out: its parts make claims of their own.
    """
    found: dict[Claim, None] = {}
    stack = [claim]
    while stack:
        current = stack.pop()
        if _is_known(current):
            continue
        parts = _parts(current.what, current.subject)
        if parts is None and current.what in _RULES:
            parts = _parts(current.what, expand(current.subject))
        if parts is None:
            found[current] = None
        else:
            stack.extend(reversed(parts))
    return list(found)


def is_refuted(claim: Claim) -> bool:
    """Whether it provably holds nowhere."""
    if claim.what not in _RULES:
        return False
    e = expand(claim.subject)
    if claim.what in (NONZERO, NOT_ALL_ZERO, INVERTIBLE):
        return is_zero(e)
    known = properties(scaled(-1, e))
    return POSITIVE in known or (claim.what == POSITIVE and NONNEGATIVE in known)


def key(claim: Claim) -> Hashable:
    """The same for claims that say the same in other words."""
    if claim.what not in _RULES:
        return claim.what, tuple(canonical(_normal(arg)) for arg in claim.args)
    memo = claim.subject.memo
    if (key, claim.what) not in memo:
        memo[key, claim.what] = claim.what, _key(claim.what, claim.subject)
    found: Hashable = memo[key, claim.what]
    return found


def _key(what: str, subject: Expr) -> Hashable:
    coefficient, e = split_coefficient(_normal(subject))
    e = _without_denominators(e)
    if what in (POSITIVE, NONNEGATIVE):
        return canonical(e if coefficient > 0 else scaled(-1, e))
    forms = [e] if what == NONZERO else [e, simplify(TRANSPOSE(e))]
    return frozenset(canonical(form) for e in forms for form in (e, _negative(e)))


def consequences(claim: Claim) -> Iterator[Claim]:
    """Weaker claims that follow from a claim."""
    e = claim.subject
    if claim.what == POSITIVE:
        yield Claim(NONNEGATIVE, (e,))
        yield from reduced(Claim(NONZERO, (e,)))
        # What is said of a quotient says that there is one.
        for base, exponent in map(as_power, e.args if is_op(e, TIMES) else ()):
            if exponent < 0:
                yield from reduced(Claim(NONZERO, (base,)))
    elif claim.what in (NONZERO, INVERTIBLE):
        yield Claim(NOT_ALL_ZERO, (e,))
    elif claim.what == INSIDE:
        square = construct.negate(POWER(e, Constant(2)))
        yield Claim(POSITIVE, (construct.add((construct.filled(Constant(1), e.shape), square)),))


def assume(known: Iterable[Claim], claims: Iterable[Claim]) -> dict[Claim, Claim]:
    """The claims about expressions of variables that have the properties claimed to be known."""
    claims = tuple(claims)
    put_in: dict[Expr, Expr] = {}
    for claim in known:
        symbol = claim.subject
        if isinstance(symbol, Symbol) and claim.what in _RULES and claim.what != NOT_ALL_ZERO:
            so_far = put_in.get(symbol, symbol)
            assert isinstance(so_far, Symbol)
            put_in[symbol] = Symbol(symbol.name, symbol.shape, {*so_far.properties, claim.what})
    if not put_in:
        return {claim: claim for claim in claims}
    for node in postorder(*(arg for claim in claims for arg in claim.args)):
        if node not in put_in:
            args = tuple(put_in[arg] for arg in node.args)
            put_in[node] = node.op(*args) if isinstance(node, Apply) else node
    return {c: Claim(c.what, tuple(put_in[arg] for arg in c.args)) for c in claims}


def _normal(e: Expr) -> Expr:
    """The shortest form, which most spellings of an expression share, without definitions."""
    return simplify(expand(shorten(expand(e))))


def _negative(e: Expr) -> Expr:
    """Multiplied by -1 term by term: ``b - a`` for ``a - b``."""
    if is_op(e, ADD):
        return ADD(*(scaled(-1, term) for term in e.args))
    return scaled(-1, e)


def _without_denominators(e: Expr) -> Expr:
    """A positive multiple of a sum whose terms are not divided by numbers: ``n c + y' y`` for ``c + y' y / n``."""
    if not is_op(e, ADD):
        return e
    numbers = [split_coefficient(term)[0] for term in e.args]
    content = Fraction(gcd(*(c.numerator for c in numbers)), lcm(*(c.denominator for c in numbers)))
    divisors: dict[Expr, Fraction] = {}
    for term in e.args:
        for factor in term.args if is_op(term, TIMES) else (term,):
            base, exponent = as_power(factor)
            if exponent < 0 and base.is_scalar and POSITIVE in properties(base):
                divisors[base] = max(-exponent, divisors.get(base, Fraction(0)))
    if content == 1 and not divisors:
        return e
    scale = [power(base, Constant(k)) for base, k in divisors.items()]
    return total(*(times(Constant(1 / content), *scale, term) for term in e.args))


def _is_known(claim: Claim) -> bool:
    enough = ENOUGH.get(claim.what, {claim.what})
    e = claim.subject
    return not enough.isdisjoint(properties(e)) or (
        claim.what in _RULES and not enough.isdisjoint(properties(expand(e)))
    )


# ------------------------------------------------------------------ taking apart

#: The claims that together amount to one claim; None where it cannot be taken apart.
Parts = list[Claim] | None


def _parts(what: str, e: Expr) -> Parts:
    if not isinstance(e, Apply) or what not in _RULES:
        return None
    if e.op is TRANSPOSE or (e.op is VEC and what != INVERTIBLE):
        return [Claim(what, e.args)]
    return _RULES[what](e)


def _positive(e: Apply) -> Parts:
    if NONNEGATIVE in properties(e):
        return [Claim(NONZERO, (e,))]
    return _signed(POSITIVE, e)


def _nonnegative(e: Apply) -> Parts:
    return _signed(NONNEGATIVE, e)


def _signed(what: str, e: Apply) -> Parts:
    """Odd powers have the sign of their base, products with one factor of unknown sign that factor's."""
    if e.op is POWER and isinstance(e.args[1], Constant):
        # Reciprocals are never zero.
        return [Claim(what if e.args[1].value > 0 else POSITIVE, e.args[:1])]
    if e.op is not TIMES:
        return None
    signless = [f for f in e.args if NONNEGATIVE in properties(f)]
    rest = [f for f in e.args if f not in signless]
    if len(rest) != 1 or not signless:
        return None
    others = (Claim(NONZERO, (f,)) for f in signless if what == POSITIVE)
    return [*others, Claim(what, tuple(rest))]


def _nonzero(e: Apply) -> Parts:
    op, args = e.op, e.args
    if op is TIMES:
        return [Claim(NONZERO, (factor,)) for factor in args]
    if op is POWER:
        exponent = args[1]
        # Of a power that is no constant the base is positive.
        vanishes = isinstance(exponent, Constant) and exponent.value > 0
        return [Claim(NONZERO, args[:1])] if vanishes else []
    if op in (SQRT, SQUARE, ABS):
        return [Claim(NONZERO, args)]
    if op is DET:
        return [Claim(INVERTIBLE, args)]
    if op in (NORM1, NORM2):
        return [Claim(NOT_ALL_ZERO, args)]
    # A sum of what is never negative is zero if every term is.
    if op in (SUM, MEAN) and NONNEGATIVE in properties(args[0]):
        return [Claim(NOT_ALL_ZERO, args)]
    if op is TRACE and "psd" in properties(args[0]):
        return [Claim(NOT_ALL_ZERO, args)]
    return _gram(e) if e.is_scalar else None


def _not_all_zero(e: Apply) -> Parts:
    if e.is_scalar:
        return [Claim(NONZERO, (e,))]
    op, args = e.op, e.args
    if op is TIMES:
        return _of_multiple(NOT_ALL_ZERO, e)
    if op in (SQRT, SQUARE, ABS, DIAG):
        return [Claim(NOT_ALL_ZERO, args)]
    if op is POWER and isinstance(args[1], Constant) and args[1].value > 0:
        return [Claim(NOT_ALL_ZERO, args[:1])]
    return _gram(e)


def _invertible(e: Apply) -> Parts:
    if e.is_scalar:
        return [Claim(NONZERO, (e,))]
    op, args = e.op, e.args
    if op in (INV, ADJ, MATPOW):
        return [Claim(INVERTIBLE, args[:1])]
    if op is DIAG:
        return [Claim(NONZERO, args)]
    if op is TIMES:
        return _of_multiple(INVERTIBLE, e)
    if op in (MATMUL, KRON) and all(arg.is_square for arg in args):
        return [Claim(INVERTIBLE, (arg,)) for arg in args]
    return None


def _of_multiple(what: str, e: Apply) -> Parts:
    """Of scalars times one array: of the array, if no scalar is zero."""
    *scalars, array = e.args
    if not all(scalar.is_scalar for scalar in scalars):
        return None
    return [*(Claim(NONZERO, (scalar,)) for scalar in scalars), Claim(what, (array,))]


def _gram(e: Apply) -> Parts:
    """``V' V`` and, with S positive definite, ``V' S V`` are zero only if V is."""
    if e.op is not MATMUL:
        return None
    half = len(e.args) // 2
    left, right = e.args[:half], e.args[-half:]
    centre = e.args[half:-half]
    if not all("spd" in properties(arg) for arg in centre):
        return None
    v, turned = _product(right), _product(left)
    if turned.shape != v.shape[::-1] or not same(simplify(TRANSPOSE(turned)), simplify(v)):
        return None
    return [Claim(NOT_ALL_ZERO, (v,))]


def _product(factors: tuple[Expr, ...]) -> Expr:
    return factors[0] if len(factors) == 1 else MATMUL(*factors)


_RULES: dict[str, Callable[[Apply], Parts]] = {
    POSITIVE: _positive,
    NONNEGATIVE: _nonnegative,
    NONZERO: _nonzero,
    NOT_ALL_ZERO: _not_all_zero,
    INVERTIBLE: _invertible,
}
