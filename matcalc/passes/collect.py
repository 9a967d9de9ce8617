"""Sums in normal form: like terms collected, common factors pulled out where that is shorter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from matcalc.core.expr import Constant, Expr
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE
from matcalc.passes.build import (
    UNIT,
    as_power,
    diag,
    is_op,
    is_zero,
    power,
    scaled,
    split_coefficient,
    times,
    transposed,
    transposes,
    zeros,
)
from matcalc.passes.equal import canonical
from matcalc.passes.measure import measure
from matcalc.passes.products import product
from matcalc.passes.runs import is_open
from matcalc.record import Record

#: Factors are looked for in sums of up to this many terms; longer sums only collect like terms.
FACTOR_LIMIT = 64


def total(*terms: Expr) -> Expr:
    """Sum of expressions of one shape, in normal form."""
    collected = _collect(terms)
    if not collected:
        return zeros(terms[0].shape)
    if len(collected) == 1:
        return collected[0]
    collected = _plain_before_transposed(_join_diagonals(collected))
    if 1 < len(collected) <= FACTOR_LIMIT and _may_share(collected):
        collected = _factor([_Piece.of(term) for term in collected])
    return _transpose_outside(_sum(collected))


def _may_share(terms: Sequence[Expr]) -> bool:
    """Whether two terms have a factor in common, or all have a sign; most sums have nothing to pull out."""
    seen: set[object] = set()
    for term in terms:
        coefficient, rest = split_coefficient(term)
        keys: set[object] = set() if abs(coefficient) == 1 else {abs(coefficient)}
        for factor in rest.args if rest.op is TIMES else (rest,):
            ends = factor.args if factor.op is MATMUL else (factor,)
            keys.update(canonical(as_power(end)[0]) for end in (ends[0], ends[-1]))
        keys.discard(UNIT)
        if not seen.isdisjoint(keys):
            return True
        seen |= keys
    return all(split_coefficient(term)[0] < 0 for term in terms)


def _transpose_outside(e: Expr) -> Expr:
    """``B' X' + X' B'`` as ``(X B + B X)'`` where that is shorter."""
    if not is_op(e, ADD) or not any(transposes(term) > 1 for term in e.args):
        return e
    flipped = TRANSPOSE(_sum([transposed(term) for term in e.args]))
    return min(e, flipped, key=measure)


def _sum(terms: Sequence[Expr]) -> Expr:
    """A sum that starts with a positive term if it has one."""
    if len(terms) == 1:
        return terms[0]
    if split_coefficient(terms[0])[0] < 0:
        for position, term in enumerate(terms):
            if split_coefficient(term)[0] > 0:
                terms = [term, *terms[:position], *terms[position + 1 :]]
                break
    return ADD(*terms)


def _collect(terms: Sequence[Expr]) -> list[Expr]:
    """Flatten and add the rational coefficients of equal terms."""
    sums: dict[Expr, tuple[Expr, Expr, Fraction]] = {}
    if len(terms) == 1 and terms[0].op not in (ADD, TIMES, TRANSPOSE):
        return [] if is_zero(terms[0]) else list(terms)
    stack = list(reversed(list(terms)))
    while stack:
        term = stack.pop()
        if is_open(ADD, term):
            stack.extend(reversed(term.args))
            continue
        if is_zero(term):
            continue
        if is_op(term, TRANSPOSE) and is_open(ADD, term.args[0]):
            stack.extend(transposed(arg) for arg in reversed(term.args[0].args))
            continue
        coefficient, rest = split_coefficient(term)
        if coefficient != 1 and is_open(ADD, rest):
            stack.extend(scaled(coefficient, arg) for arg in reversed(rest.args))
            continue
        key = canonical(rest)
        if key in sums:
            first, _, so_far = sums[key]
            coefficient += so_far
            sums[key] = (first, scaled(coefficient, first), coefficient)
        else:
            sums[key] = (rest, term, coefficient)
    return [term for _, term, coefficient in sums.values() if coefficient]


def _join_diagonals(terms: list[Expr]) -> list[Expr]:
    """``diag(u) + diag(v) = diag(u + v)``, at the place of the first."""
    diagonals = [k for k, term in enumerate(terms) if is_op(split_coefficient(term)[1], DIAG)]
    if len(diagonals) < 2:
        return terms
    split = [split_coefficient(terms[k]) for k in diagonals]
    vector = total(*(scaled(c, rest.args[0]) for c, rest in split))
    rest = [term for k, term in enumerate(terms) if k not in diagonals[1:]]
    rest[diagonals[0]] = diag(vector)
    return [term for term in rest if not is_zero(term)] or [rest[0]]


def _plain_before_transposed(terms: list[Expr]) -> list[Expr]:
    """``A' + A`` as ``A + A'``: of two terms that are each other's transpose the plainer comes first."""
    if not terms[0].is_square:
        return terms
    place = {canonical(term): k for k, term in enumerate(terms)}
    result = list(terms)
    for k, term in enumerate(terms):
        twin = place.get(canonical(transposed(term)), k)
        if twin > k and transposes(terms[twin]) < transposes(term):
            result[k], result[twin] = terms[twin], term
    return result


class _Piece(Record):
    """A term taken apart: rational coefficient, scalar factors, and a chain of matrix factors."""

    coefficient: Fraction
    scalars: tuple[Expr, ...]
    chain: tuple[Expr, ...]

    @staticmethod
    def of(term: Expr) -> _Piece:
        coefficient, rest = split_coefficient(term)
        factors = rest.args if is_op(rest, TIMES) else (rest,)
        scalars = tuple(f for f in factors if f.is_scalar and f is not UNIT)
        arrays = tuple(f for f in factors if not f.is_scalar)
        if len(arrays) == 1 and is_op(arrays[0], MATMUL):
            arrays = arrays[0].args
        elif len(arrays) > 1:
            arrays = (TIMES(*arrays),)
        return _Piece(coefficient, scalars, arrays)

    def build(self) -> Expr:
        return times(Constant(self.coefficient), *self.scalars, product(*self.chain))


def _factor(pieces: list[_Piece]) -> list[Expr]:
    """Terms with common factors pulled out; the result's terms add up to the pieces."""
    common = _common_scalars(pieces)
    if common is not None:
        scalars, rest = common
        return [times(*scalars, total(*(piece.build() for piece in rest)))]
    best = max(_groupings(pieces), key=lambda group: group.gain, default=None)
    if best is None:
        return [piece.build() for piece in pieces]
    chosen = set(best.members)
    merged = best.merge([pieces[k] for k in best.members])
    rest = [_Piece.of(merged)]
    before = [piece for k, piece in enumerate(pieces) if k not in chosen]
    at = best.members[0]
    remaining = before[:at] + rest + before[at:]
    return _factor(remaining) if len(remaining) > 1 else [merged]


def _common_scalars(pieces: list[_Piece]) -> tuple[list[Expr], list[_Piece]] | None:
    """Scalar factors of all terms, the absolute rational coefficient among them."""
    tables = [_powers(piece.scalars) for piece in pieces]
    shared = _common_powers(tables)
    content = abs(pieces[0].coefficient)
    if any(abs(piece.coefficient) != content for piece in pieces):
        content = Fraction(1)
    if all(piece.coefficient < 0 for piece in pieces):
        content = -content
    if all(not piece.chain and len(piece.scalars) <= len(shared) for piece in pieces):
        return None
    if not shared and content == 1:
        return None
    rest = [
        _Piece(piece.coefficient / content, _without(table, shared), piece.chain)
        for piece, table in zip(pieces, tables, strict=True)
    ]
    return [Constant(content), *(_power(shared[key]) for key in shared)], rest


#: Scalar factors by base, in canonical form: the base itself and its exponent.
_Powers = dict[Expr, tuple[Expr, Fraction]]


def _powers(scalars: Iterable[Expr]) -> _Powers:
    table: _Powers = {}
    for scalar in scalars:
        base, exponent = as_power(scalar)
        first, so_far = table.get(canonical(base), (base, Fraction(0)))
        table[canonical(base)] = first, so_far + exponent
    return table


def _power(power_of: tuple[Expr, Fraction]) -> Expr:
    base, exponent = power_of
    return power(base, Constant(exponent))


def _common_powers(tables: list[_Powers]) -> _Powers:
    """What every term has as a factor, with the exponent that is nearest to zero."""
    shared: _Powers = {}
    for key, (base, _) in tables[0].items():
        exponents = [table[key][1] if key in table else Fraction(0) for table in tables]
        nearest = min(exponents, key=abs)
        if nearest and all(exponent * nearest > 0 for exponent in exponents):
            shared[key] = base, nearest
    return shared


def _without(table: _Powers, shared: _Powers) -> tuple[Expr, ...]:
    """The factors that remain beside the shared ones."""
    remaining = []
    for key, (base, exponent) in table.items():
        left = exponent - shared[key][1] if key in shared else exponent
        if left:
            remaining.append(_power((base, left)))
    return tuple(remaining)


class _Group(Record):
    """Terms that share their array part, their scalar part, or a factor at an end of their chains."""

    members: tuple[int, ...]
    side: str
    gain: int

    def merge(self, pieces: list[_Piece]) -> Expr:
        """The sum of the pieces with the common factor outside."""
        chain = pieces[0].chain
        if self.side == "scalars":
            first = _Piece(pieces[0].coefficient, pieces[0].scalars, ()).build()
            signs = (p.coefficient / pieces[0].coefficient for p in pieces)
            inner = [scaled(s, product(*p.chain)) for s, p in zip(signs, pieces, strict=True)]
            return times(first, total(*inner))
        if self.side == "whole":
            inner = [_Piece(p.coefficient, p.scalars, ()).build() for p in pieces]
            return times(total(*inner), product(*chain))
        width = _common_run([p.chain if self.side == "left" else p.chain[::-1] for p in pieces])
        if self.side == "right":
            inner = [_Piece(p.coefficient, p.scalars, p.chain[:-width]).build() for p in pieces]
            return product(total(*inner), *chain[-width:])
        inner = [_Piece(p.coefficient, p.scalars, p.chain[width:]).build() for p in pieces]
        return product(*chain[:width], total(*inner))


def _common_run(chains: list[tuple[Expr, ...]]) -> int:
    """How many factors all chains start with, leaving at least one of each."""
    width = 0
    for factors in zip(*(chain[:-1] for chain in chains), strict=False):
        if any(canonical(factor) is not canonical(factors[0]) for factor in factors):
            break
        width += 1
    return width


def _groupings(pieces: list[_Piece]) -> Iterable[_Group]:
    buckets: dict[tuple[object, ...], list[int]] = {}
    for k, piece in enumerate(pieces):
        if not piece.chain:
            continue
        outside = frozenset(canonical(scalar) for scalar in piece.scalars)
        if outside or abs(piece.coefficient) != 1:
            buckets.setdefault(("scalars", abs(piece.coefficient), outside), []).append(k)
        keys = tuple(canonical(factor) for factor in piece.chain)
        buckets.setdefault(("whole", *keys), []).append(k)
        if len(piece.chain) > 1:
            # Terms over different denominators are not mixed: (S + S') x / a - (B + B') x / b.
            scalars = frozenset(canonical(scalar) for scalar in piece.scalars)
            buckets.setdefault(("right", keys[-1], scalars), []).append(k)
            buckets.setdefault(("left", keys[0], scalars), []).append(k)
    for key, members in buckets.items():
        if len(members) > 1 and _factorable(key[0] in ("whole", "scalars"), pieces, members):
            width = len(key) - 1 if key[0] == "whole" else 1
            gain = (len(members) - 1) * width
            yield _Group(tuple(members), str(key[0]), gain)


def _factorable(whole: bool, pieces: list[_Piece], members: list[int]) -> bool:
    """Prefixes and suffixes must be arrays of one shape for their sum to exist."""
    if whole:
        return True
    chains = [pieces[k].chain for k in members]
    first = chains[0]
    return all(
        chain[0].shape[0] == first[0].shape[0] and chain[-1].shape[1] == first[-1].shape[1]
        for chain in chains
    ) and not any(factor.is_scalar for chain in chains for factor in chain)
