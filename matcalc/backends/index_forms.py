"""From index notation to forms: letters for the indices, entries for the factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from matcalc.backends.compose import Composer, identity_letter
from matcalc.backends.fraction import Factor, fraction
from matcalc.backends.notation import (
    Entry,
    Form,
    Name,
    Negative,
    Numeral,
    PartialDerivative,
    Power,
    Summation,
    number,
    total,
)
from matcalc.backends.sharing import Names, write_shared
from matcalc.core import index as core
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, postorder, symbols
from matcalc.ops.constant import EYE, ONES
from matcalc.ops.structural import POWER, TRANSPOSE
from matcalc.passes.properties import is_symmetric
from matcalc.record import Record

#: Letters for indices, in order of preference.
LETTERS = "ijklmnpqrstuvw"

Letters = Mapping[core.Index, str]


class Written(Record):
    """An index expression as forms.

    Attributes:
        target: the left side, which names the free indices.
        value: the right side.
        definitions: names in the right side with what they stand for, each before its use.
    """

    target: Form
    value: Form
    definitions: Sequence[tuple[str, Form]] = ()

    def spelled(
        self, spell: Callable[[Form], str], spell_name: Callable[[str], str] = str
    ) -> tuple[list[tuple[str, str]], str]:
        """The names with what they stand for, and the equation of both sides."""
        definitions = [(spell_name(name), spell(form)) for name, form in self.definitions]
        return definitions, f"{spell(self.target)} = {spell(self.value)}"


def index_form(
    ix: core.IndexExpr,
    letters: Sequence[str] = LETTERS,
    name: str = "",
    *,
    explicit_sums: bool = False,
    known: Names | None = None,
) -> Written:
    """Index notation as forms.

    Args:
        ix: the index expression.
        letters: the letters to choose from.
        name: what the left side is called.
        explicit_sums: write a sum sign for the bound indices that do not occur exactly twice.
        known: if given, what is repeated gets a name where that is shorter: names that are defined
            already, by what they stand for; new ones are added.
    """
    exprs = [factor.expr for term in ix.terms for factor in term.factors]
    supply = _unused(letters, _names_in_use(ix, exprs) | {name})
    free = {index: next(supply) for index in ix.free}
    chosen = _letters_of_terms(ix, free, supply)
    target = _entry(Name(name), tuple((letter,) for letter in free.values()))

    def write(composer: Composer) -> Form:
        terms = [
            _TermWriter(composer, indices, free, explicit_sums).write(term)
            for term, indices in zip(ix.terms, chosen, strict=True)
        ]
        return total(terms) if terms else Numeral(0)

    composer = Composer(identity=identity_letter(*exprs))
    if known is None:
        return Written(target, write(composer))
    used = {letter for indices in chosen for letter in indices.values()}
    definitions, value = write_shared(
        write, composer, exprs, known=known, taken={*used, name, *_names_in_use(ix, exprs)}
    )
    return Written(target, value, definitions)


def _letters_of_terms(ix: core.IndexExpr, free: Letters, supply: Iterator[str]) -> list[Letters]:
    """The letters of the indices of every term.

    Terms share letters; a letter has one range throughout, as the language demands.
    """
    known: dict[Dim, list[str]] = {}
    result: list[Letters] = []
    for term in ix.terms:
        bound = [index for index in dict.fromkeys(term.indices()) if index not in free]
        unused = {dim: iter(tuple(letters)) for dim, letters in known.items()}
        chosen = dict(free)
        for index in bound:
            letter = next(unused.get(index.dim, iter(())), None)
            if letter is None:
                letter = next(supply)
                known.setdefault(index.dim, []).append(letter)
            chosen[index] = letter
        result.append(chosen)
    return result


class LetterBook:
    """Letters for the indices of several formulas: an index that occurs in two has one letter in both.

    Args:
        letters: the letters to choose from.
    """

    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = letters
        self.known: dict[core.Index, str] = {}

    def write(
        self, ix: core.IndexExpr, *, explicit_sums: bool = False
    ) -> tuple[Form, dict[core.Index, str]]:
        """The formula, and the letters of its free indices."""
        exprs = [factor.expr for term in ix.terms for factor in term.factors]
        composer = Composer(identity=identity_letter(*exprs))
        met = dict.fromkeys(index for term in ix.terms for index in term.indices())
        for index in (*ix.free, *met):
            if index not in self.known:
                used = {self.known[other] for other in (*ix.free, *met) if other in self.known}
                self.known[index] = next(_unused(self.letters, used))
        free = {index: self.known[index] for index in ix.free}
        writer = _TermWriter(composer, self.known, free, explicit_sums)
        terms = [writer.write(term) for term in ix.terms]
        return (total(terms) if terms else Numeral(0)), free


def _names_in_use(ix: core.IndexExpr, exprs: Sequence[Expr]) -> set[str]:
    names = {symbol for dim in ix.dims for symbol in dim.symbols}
    for node in postorder(*exprs):
        if isinstance(node, Size):
            names.update(node.dim.symbols)
    for variable in symbols(*exprs):
        names.add(variable.name)
        names.update(symbol for dim in variable.shape for symbol in dim.symbols)
    return names


def _unused(letters: Sequence[str], taken: set[str]) -> Iterator[str]:
    """The letters that are not taken, then i1, j1, ... without end."""
    rounds = 0
    while True:
        names = [f"{letter}{rounds}" if rounds else letter for letter in letters]
        yield from (name for name in names if name not in taken)
        rounds += 1


def _entry(base: Form, slots: tuple[tuple[str, ...], ...]) -> Form:
    return Entry(base, slots) if slots else base


class _TermWriter(Record):
    composer: Composer
    letters: Letters
    free: Letters
    explicit_sums: bool

    def write(self, term: core.Term) -> Form:
        counts = Counter(term.indices())
        kept = [factor for factor in term.factors if not self._says_nothing(factor, counts)]
        factors = self._in_order(kept)
        scalars = [self._factor(factor) for factor in factors if not factor.slots]
        entries = [self._factor(factor) for factor in factors if factor.slots]
        form = fraction(abs(term.coefficient), [*scalars, *entries], exact=False)
        if self.explicit_sums:
            counts = Counter(index for factor in factors for index in factor.indices)
            summed = [
                self.letters[index]
                for index, count in counts.items()
                if count != 2 and index not in self.free
            ]
            form = Summation(tuple(summed), form) if summed else form
        return Negative(form) if term.coefficient < 0 else form

    def _in_order(self, factors: Sequence[core.Factor]) -> list[core.Factor]:
        """Entries of one array in the order of their letters, those of a symmetric one likewise."""
        place = {index: k for k, index in enumerate(self.letters)}

        def places(slots: tuple[core.Slot, ...]) -> list[list[int]]:
            return [[place[part] for part in slot.parts] for slot in slots]

        slots: dict[Expr, list[tuple[core.Slot, ...]]] = {}
        for factor in factors:
            turned = factor.slots[::-1] if is_symmetric(factor.expr) else factor.slots
            slots.setdefault(factor.expr, []).append(min(factor.slots, turned, key=places))
        supply = {expr: iter(sorted(found, key=places)) for expr, found in slots.items()}
        return [core.Factor(factor.expr, next(supply[factor.expr])) for factor in factors]

    def _says_nothing(self, factor: core.Factor, counts: Counter[core.Index]) -> bool:
        """Whether it is an entry of an array of ones that is not needed to carry a sum."""
        return _is(factor.expr, ONES) and all(
            index in self.free or counts[index] > 1 for index in factor.indices
        )

    def _factor(self, factor: core.Factor) -> Factor:
        expr, slots = factor.expr, tuple(self._slot(slot) for slot in factor.slots)
        while isinstance(expr, Apply) and expr.op is TRANSPOSE:
            expr, slots = expr.args[0], slots[::-1]
        if isinstance(expr, Apply) and expr.op.name == "∂" and len(expr.args) == 2:
            return Factor(self._partial(expr, slots), is_scalar=True)
        if _is(expr, EYE) and slots:
            return Factor(Entry(Name("δ"), slots), is_scalar=True)
        if isinstance(expr, Apply) and expr.op is POWER and isinstance(expr.args[1], Constant):
            return self._power(expr.args[0], expr.args[1].value, slots)
        return Factor(_entry(self.composer.compose(expr), slots), is_scalar=True)

    def _partial(self, node: Apply, slots: tuple[tuple[str, ...], ...]) -> Form:
        """``∂u[i]/∂X[k,l]``, a derivative that is still to be taken."""
        u, wrt = node.args
        cut = len(slots) - len(wrt.axes)
        above, below = (self.composer.compose(part) for part in (u, wrt))
        return PartialDerivative(_entry(above, slots[:cut]), _entry(below, slots[cut:]))

    def _power(self, base: Expr, exponent: Fraction, slots: tuple[tuple[str, ...], ...]) -> Factor:
        """``x[i]^2``, which says the same as ``(x.^2)[i]``."""
        entry = _entry(self.composer.compose(base), slots)
        power = Power(entry, number(exponent))
        if exponent > 0:
            return Factor(power, is_scalar=True)
        below = entry if exponent == -1 else Power(entry, number(-exponent))
        return Factor(power, is_scalar=True, below=below, is_number=isinstance(base, Size))

    def _slot(self, slot: core.Slot) -> tuple[str, ...]:
        return tuple(self.letters[part] for part in slot.parts)


def _is(e: Expr, op: object) -> bool:
    return isinstance(e, Apply) and e.op is op
