"""Conditions of validity: where a function is defined and differentiable, and its derivative's form holds.

They are collected from the operations as claims, taken apart (``passes/claims.py``), stated once and in the
order of the text, and left out where properties prove them or others imply them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.core.properties import ENTRYWISE
from matcalc.errors import MatcalcError, Span, UnsupportedProblem
from matcalc.ops.elementwise import ABS, COS, MAXIMUM, MINIMUM, RELU
from matcalc.ops.linalg import DET
from matcalc.ops.reduction import NORM2
from matcalc.ops.structural import ADD, MATPOW, POWER
from matcalc.passes import exponents
from matcalc.passes.build import is_op, is_zero, scaled, split_coefficient
from matcalc.passes.claims import (
    CONSTANT_RANK,
    INVERTIBLE,
    NONNEGATIVE,
    NONZERO,
    NOT_ALL_ZERO,
    POSITIVE,
    Claim,
    assume,
    consequences,
    is_refuted,
    key,
    reduced,
)
from matcalc.passes.expand import expand
from matcalc.passes.kinks import difference, smooth_kinks
from matcalc.record import Record

#: The conditions of the records as claims; others are said as they stand.
CLAIMS: dict[str, Callable[[Expr], Claim]] = {
    "{0} > 0": lambda x: Claim(POSITIVE, (x,)),
    "{0} >= 0": lambda x: Claim(NONNEGATIVE, (x,)),
    "{0} != 0": lambda x: Claim(NONZERO, (x,)),
    "{0} invertible": lambda x: Claim(INVERTIBLE, (x,)),
    "det({0}) > 0": lambda x: Claim(POSITIVE, (DET(x),)),
    "cos({0}) != 0": lambda x: Claim(NONZERO, (COS(x),)),
}

#: How claims are said, and how that they do not hold.
SAID = {
    POSITIVE: "{0} > 0",
    NONNEGATIVE: "{0} >= 0",
    NONZERO: "{0} != 0",
    NOT_ALL_ZERO: "{0} != 0",
    INVERTIBLE: "{0} invertible",
}
DENIED = {NONZERO: "{0} = 0", NOT_ALL_ZERO: "{0} = 0", INVERTIBLE: "det({0}) = 0"}

#: The same of an argument with the other sign.
TURNED = {"{0} > 0": "{0} < 0", "{0} >= 0": "{0} <= 0"}

#: The condition that excludes a kink.
EXCLUDED_BY = {
    "eigenvalue number {1} of {0} is multiple": "eigenvalue number {1} of {0} is simple",
    "the rank of {0} changes": CONSTANT_RANK,
}

#: More conditions of one kind that stem from one operation are stated as one: a network has one a layer.
SEVERAL = 6


class Rank(IntEnum):
    """What a condition is needed for; the function exists on a larger set than where it is smooth."""

    DEFINED = 0
    DIFFERENTIABLE = 1
    FORM = 2


class Condition(Record):
    """A claim, what it is needed for, and how it is to be said.

    Attributes:
        claim: what has to hold.
        rank: what it is needed for.
        op: the operation that it stems from.
        sides: both sides of a kink ``x = y``.
    """

    claim: Claim
    rank: Rank
    op: Operation
    sides: tuple[Expr, ...] = ()

    @property
    def is_kink(self) -> bool:
        """Whether it is said by where it does not hold."""
        return self.rank is Rank.DIFFERENTIABLE and self.claim.what not in EXCLUDED_BY.values()


class Words(Record):
    """How the text that was read speaks of its parts.

    Attributes:
        show: prints a part; None if it is too long to be read.
        place: where a part stands, and in which text; None where that is not known.
    """

    show: Callable[[Expr], str | None]
    place: Callable[[Expr], tuple[Span, str] | None]


def conditions(
    f: Iterable[Expr], answer: Iterable[Expr], wrt: Symbol, order: int, words: Words
) -> list[str]:
    """Where a function and its derivative exist, such as ``X invertible``, each once.

    Args:
        f: the function, in the words of the text.
        answer: the derivative as it is shown.
        wrt: the variable.
        order: how many times.
        words: how it is said.

    Raises:
        UnsupportedProblem: the function is defined nowhere.
    """
    function = tuple(f)
    found = [*_of_function(function, _kinks(function, wrt, order), words), *_of_form(answer)]
    varying = _depending((expand(arg) for c in found for arg in c.claim.args), wrt)
    needed = (c for c in found if c.rank is not Rank.DIFFERENTIABLE or _varies(c.claim, varying))
    return _said(_each_once(needed), words.show)


def where_defined(roots: Iterable[Expr], words: Words) -> list[str]:
    """Where expressions have values. Arguments and errors as for ``conditions``."""
    return _said(_each_once(_of_function(tuple(roots), {}, words)), words.show)


def may_be_nowhere(f: Iterable[Expr]) -> bool:
    """Whether ``conditions`` might find that a function is defined nowhere.

    It costs one visit a node, once, whatever the variable.
    """
    roots = tuple(f)
    for node in postorder(*roots, without=may_be_nowhere):
        node.memo[may_be_nowhere] = any(arg.memo[may_be_nowhere] for arg in node.args) or (
            isinstance(node, Apply) and _is_contradiction(node)
        )
    return any(root.memo[may_be_nowhere] for root in roots)


def _is_contradiction(node: Apply) -> bool:
    """Whether what it needs to exist, and to be smooth there, is impossible."""
    needed = list(_existence(node, Rank.DEFINED))
    claims = [c.claim for c in (*needed, *_joined([*needed, *_smoothness(node)]))] if needed else ()
    return any(is_refuted(part) for claim in claims for part in reduced(claim))


# ------------------------------------------------------------------ what operations need


def _kinks(roots: Sequence[Expr], wrt: Symbol, order: int) -> dict[Expr, list[Condition]]:
    """What excludes the kinks of those parts that vary."""
    smooth = smooth_kinks(roots, order)
    nodes = (node for node in postorder(*roots) if isinstance(node, Apply) and node not in smooth)
    kinked: dict[Expr, list[Condition]] = {
        node: found for node in nodes if (found := _smoothness(node))
    }
    varying = _depending((expand(arg) for node in kinked for arg in node.args), wrt)
    return {
        node: found
        for node, found in kinked.items()
        if any(expand(arg) in varying for arg in node.args)
    }


def _of_function(
    roots: Sequence[Expr], kinks: Mapping[Expr, list[Condition]], words: Words
) -> Iterator[Condition]:
    """Conditions of the text: all of its parts exist, and are not at their kinks."""
    for node in postorder(*roots):
        if not isinstance(node, Apply):
            continue
        for condition in _joined([*_existence(node, Rank.DEFINED), *kinks.get(node, ())]):
            for claim in reduced(condition.claim):
                if condition.rank is Rank.DEFINED and is_refuted(claim):
                    raise _nowhere(node, condition.claim, words)
                sides = condition.sides if claim == condition.claim else ()
                yield Condition(claim, condition.rank, node.op, sides)


def _of_form(roots: Iterable[Expr]) -> Iterator[Condition]:
    for node in postorder(*roots):
        if isinstance(node, Apply):
            for condition in _existence(node, Rank.FORM):
                for claim in reduced(condition.claim):
                    yield Condition(claim, Rank.FORM, node.op)


def _existence(node: Apply, rank: Rank) -> Iterator[Condition]:
    """Where the value of a node is defined, given its arguments."""
    op, args = node.op, node.args
    if op.condition:
        make = CLAIMS.get(op.condition)
        yield Condition(make(args[0]) if make else Claim(op.condition, args), rank, op)
    elif op is MATPOW and _may_be_negative(args[1]):
        yield Condition(Claim(INVERTIBLE, args[:1]), rank, op)
    elif op is POWER:
        what = _needed_for_power(args[1])
        if what:
            yield Condition(Claim(what, args[:1]), rank, op)


def _needed_for_power(exponent: Expr) -> str:
    """What the base of an element-wise power has to be."""
    if exponents.is_whole(exponent):
        return NONZERO if _may_be_negative(exponent) else ""
    is_root = isinstance(exponent, Constant) and exponent.value > 0
    return NONNEGATIVE if is_root else POSITIVE


def _may_be_negative(exponent: Expr) -> bool:
    """Whether a size is subtracted in a whole exponent; ``k - 1`` is none, sizes being at least 1."""
    if isinstance(exponent, Constant):
        return exponent.value < 0
    terms = exponent.args if is_op(exponent, ADD) else (exponent,)
    return any(split_coefficient(term)[0] < 0 for term in terms if not isinstance(term, Constant))


def _smoothness(node: Apply) -> list[Condition]:
    """What excludes the kink of a node, if it has one."""
    op, args = node.op, node.args
    if op in (ABS, RELU) and not reduced(Claim(NONNEGATIVE, args)):
        return []
    if op in (MAXIMUM, MINIMUM):
        return [_crossing(node)]
    if op is POWER and _needed_for_power(args[1]) == NONNEGATIVE:
        claim = Claim(NONZERO, args[:1])
    elif op.kink in ("{0} = 0", "{0} = 0 in some entry"):
        claim = Claim(NOT_ALL_ZERO if op is NORM2 else NONZERO, args)
    elif op.kink:
        claim = Claim(EXCLUDED_BY.get(op.kink, op.kink), args)
    else:
        return []
    return [Condition(claim, Rank.DIFFERENTIABLE, op)]


def _crossing(node: Apply) -> Condition:
    """Where the larger of two is now the one, now the other."""
    sides = node.args
    if any(map(is_zero, sides)):
        sides = tuple(side for side in sides if not is_zero(side))[:1] or sides[:1]
        return Condition(Claim(NONZERO, sides), Rank.DIFFERENTIABLE, node.op)
    return Condition(Claim(NONZERO, (difference(node),)), Rank.DIFFERENTIABLE, node.op, sides)


def _joined(found: list[Condition]) -> list[Condition]:
    """``x >= 0`` and no kink at 0 are ``x > 0``, unless the one is known."""
    claims = {condition.claim for condition in found}
    for condition in found:
        e = condition.claim.args
        at_zero = condition.claim == Claim(NONNEGATIVE, e) and Claim(NONZERO, e) in claims
        if at_zero and reduced(condition.claim):
            return [Condition(Claim(POSITIVE, e), condition.rank, condition.op)]
    return found


def _depending(roots: Iterable[Expr], wrt: Symbol) -> set[Expr]:
    """The nodes that contain the variable."""
    found: set[Expr] = {wrt}
    for node in postorder(*roots):
        if not found.isdisjoint(node.args):
            found.add(node)
    return found


def _varies(claim: Claim, varying: Container[Expr]) -> bool:
    """Whether it is about the variable, once what cancels is gone."""
    return any(expand(arg) in varying for arg in claim.args)


def _nowhere(node: Apply, claim: Claim, words: Words) -> MatcalcError:
    shown = [words.show(arg) or f"the argument of {node.op.spelling}" for arg in claim.args]
    needed = SAID.get(claim.what, claim.what).format(*shown)
    # A quotient holds the power of its divisor, which is no part of the text.
    place = next(filter(None, map(words.place, (node, *node.args))), (None, None))
    return UnsupportedProblem(
        "the function is defined nowhere",
        details=(f"{words.show(node) or 'a part of it'} needs {needed}",),
        help="check its constants and signs",
    ).at(*place)


# ------------------------------------------------------------------ each once


def _each_once(found: Iterable[Condition]) -> list[Condition]:
    return _without_consequences(_without_implied(_united(_once(found))))


def _once(found: Iterable[Condition]) -> dict[Hashable, Condition]:
    """By what they say: in the place where that is first said, for the sake of existence if so anywhere."""
    kept: dict[Hashable, Condition] = {}
    for condition in found:
        said = key(condition.claim)
        if said not in kept or condition.rank < kept[said].rank:
            kept[said] = condition
    return kept


def _united(found: dict[Hashable, Condition]) -> dict[Hashable, Condition]:
    """``x >= 0`` and ``x != 0``, needed in different places, are ``x > 0``."""
    united: dict[Hashable, Condition] = {}
    for said, c in found.items():
        what, args = c.claim.what, c.claim.args
        nonzero = found.get(key(Claim(NONZERO, args))) if what == NONNEGATIVE else None
        if nonzero and nonzero.rank is not Rank.FORM:
            positive = Claim(POSITIVE, args)
            united.setdefault(key(positive), Condition(positive, c.rank, c.op))
        else:
            united.setdefault(said, c)
    return united


def _without_implied(found: dict[Hashable, Condition]) -> list[Condition]:
    """What follows from a condition that is needed for no less is left out."""
    implied: dict[Hashable, Rank] = {}
    for condition in found.values():
        for claim in consequences(condition.claim):
            said = key(claim)
            implied[said] = min(condition.rank, implied.get(said, condition.rank))
    return [c for said, c in found.items() if implied.get(said, Rank.FORM + 1) > c.rank]


def _without_consequences(found: list[Condition]) -> list[Condition]:
    """What properties prove of an expression once the conditions on its variables hold is left out."""
    kept: set[Condition] = set()
    for rank in Rank:
        asked = [c for c in found if c.rank is rank]
        given = {c.claim for c in found if c.rank <= rank and isinstance(c.claim.subject, Symbol)}
        assumed = assume(given, [c.claim for c in asked])
        kept.update(c for c in asked if c.claim in given or reduced(assumed[c.claim]))
    return [c for c in found if c in kept]


# ------------------------------------------------------------------ in words


def _said(found: list[Condition], show: Callable[[Expr], str | None]) -> list[str]:
    kinds = Counter(map(_kind, found))
    texts: dict[str, None] = {}
    for c in found:
        template = _template(c)
        args = c.sides or c.claim.args
        if template in TURNED and split_coefficient(args[0])[0] < 0:
            template, args = TURNED[template], (scaled(-1, args[0]),)
        shown = [show(arg) for arg in args] if kinds[_kind(c)] <= SEVERAL else []
        if not shown or None in shown:
            template, shown = _template(c), [_place(c)] * len(args)
        texts[_statement(c, template.format(*shown))] = None
    return list(texts)


def _place(c: Condition) -> str:
    """Arguments that are not shown, by what they are arguments of."""
    quantifier = "some" if c.is_kink else "every"
    if c.op is POWER:
        return f"{quantifier} {'divisor' if c.claim.what == NONZERO else 'base of a power'}"
    return f"{quantifier} argument of {c.op.spelling}"


def _kind(c: Condition) -> Hashable:
    return c.op, c.claim.what, c.rank, c.claim.subject.is_scalar


def _template(c: Condition) -> str:
    if c.sides:
        return "{0} = {1}"
    return (DENIED if c.is_kink else SAID).get(c.claim.what, c.claim.what)


def _statement(c: Condition, said: str) -> str:
    what = c.claim.what
    entrywise = what in ENTRYWISE or (what not in SAID and c.op.elementwise)
    of_entries = entrywise and not c.claim.subject.is_scalar
    if c.is_kink:
        return f"not differentiable where {said}{' in some entry' if of_entries else ''}"
    form = " (for this form)" if c.rank is Rank.FORM else ""
    return f"{said}{' in every entry' if of_entries else ''}{form}"
