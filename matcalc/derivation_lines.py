"""The lines of a derivation: which way a function is derived, and how that is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from matcalc.backends import latex, text
from matcalc.backends.index_forms import LetterBook
from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import IndexExpr
from matcalc.derivation_names import TextNames
from matcalc.derivation_step import SAME, Left, Step, line, verbatim, written
from matcalc.ops.structural import ADD
from matcalc.passes.build import is_op, transposed
from matcalc.passes.derive_differential import derive_differential
from matcalc.passes.derive_index import IndexStep, derive_index
from matcalc.passes.derive_named import Line, Named, derive_named, nesting
from matcalc.passes.differentiate import derivative, differentiate_index
from matcalc.passes.equal import same
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.identities import joined, maps_resolved, names_folded_back
from matcalc.passes.layout import arrange
from matcalc.passes.lower import lower
from matcalc.passes.measure import measure
from matcalc.passes.read_off import MatrixStep, differential_at_end
from matcalc.passes.reasons import SIMPLIFY, Rule, structure_in_words, unstructured
from matcalc.passes.recognise import recognise
from matcalc.passes.shorten import shorten
from matcalc.passes.structure import in_other_conventions, structured_derivative
from matcalc.report import (
    STRUCTURED,
    factors,
    index_letters,
    latex_quotient,
    tensor_name,
    unused_name,
)

if TYPE_CHECKING:
    from matcalc.derivative import Derivative

#: Functions that are longer are derived with names for their intermediate results.
LONG = 34

#: So are those with more functions inside each other, unless they are shorter than this.
NESTED = 2
SHORT = 8

#: Still longer ones are not even tried without.
LONGEST = 120


#: Most lines of a derivation without names.
MOST_LINES = 9

#: Most lines of the derivations of all orders, one after the other.
MOST_LINES_OF_ALL_ORDERS = 20

#: Characters of the longest line that people are willing to read.
WIDEST = 240

#: Of more lines of one kind the middle ones are left out.
MANY_LINES = 24
SHOWN_AT_EACH_END = 6

CHAIN_RULE = Rule("chain rule")
NAMES = Rule("name the intermediate results")
BY_INDICES = Rule("by indices: a differential on the way has no matrix form, or a long one")
TERM_BY_TERM = Rule("term by term")
IN_MATRIX_FORM = Rule("in matrix form")


def derivation_steps(d: Derivative, style: str) -> list[Step]:
    """The lines that lead to a derivative.

    Those of a derivative of higher order start from the function where that is not too long, else from a
    derivative of lower order.
    """
    found: list[Step] = []
    for order in range(d.order, 0, -1):
        stage = _Stage(d, order)
        lines = list(stage.lines(style))
        if found and len(lines) + len(found) > MOST_LINES_OF_ALL_ORDERS:
            return [*_Stage(d, order + 1).given(), *found]
        found = [*lines, *found]
    return [*_Stage(d, 1).given(), *found]


class _Stage:
    """One differentiation: the last, or one on the way to a derivative of higher order."""

    def __init__(self, d: Derivative, order: int) -> None:
        self.d = d
        self.order = order
        self.is_last = order == d.order
        # Identities such as X' = X hold at the point, not along the variation.
        self.wrt = unstructured(d.wrt)
        self.f = _differentiated(d, self.wrt, order - 1)
        self.letters = index_letters(d)
        self.name = self._function_name(order)
        self.left = Left.name(self.name)
        self.by = Left.name(d.wrt.name)
        self.along = Symbol(unused_name(f"d{d.wrt.name}", d.symbols), d.wrt.shape)
        self.names = TextNames(d, self.f, self.wrt)
        # Rules that stand beside a line of the chain rule.
        self.told: set[Rule] = set()

    def _function_name(self, order: int) -> str:
        """``f``, and for its derivatives ``g``, ``h``, ``h_1``."""
        if order == 1:
            return self.d.function_name
        letters = [unused_name(letter, self.d.symbols) for letter in "gh"]
        return letters[order - 2] if order < 4 else f"{letters[1]}_{order - 3}"

    # ---------------------------------------------------------------- the function and the answer

    def given(self) -> Iterator[Step]:
        """What is differentiated, with the names that the text defines."""
        if isinstance(self.f, Expr):
            self.names.shown(self.f)
        yield from _both_ends(
            [
                line(Left.name(name.name), self.names.definition(value))
                for value, name in self.names.values.items()
            ]
        )
        if self.order > 1:
            yield from self.as_result([Rule("to be differentiated once more")])
        elif isinstance(self.f, Expr):
            typed = self.d.reading.typed
            if typed:
                yield written(self.left, typed, verbatim(typed))
            yield line(
                SAME if typed else self.left,
                self.names.shown(self.f),
                [IN_MATRIX_FORM] if typed else [],
            )

    def as_result(self, rules: Sequence[Rule]) -> Iterator[Step]:
        """``g = ∂f/∂x = ...``: the derivative that is differentiated here."""
        before = self.order - 1
        f, x = latex.format_name(self.d.function_name), self.by.latex
        left = self.left.equals(Left(self.d.name_of(before), latex_quotient(f, x, before)))
        if isinstance(self.f, Expr):
            yield line(left, self.names.shown(self.f), rules)
        else:
            yield self._array([], left, self.f, rules, self.name)

    def _answer(
        self, before: Expr | IndexExpr | None, book: LetterBook | None = None
    ) -> Iterator[Step]:
        """The derivative in its layout; on the way to a higher order what is differentiated next.

        Args:
            before: the line before it; None after lines with names.
            book: the letters of that line.
        """
        array = before if isinstance(before, IndexExpr) else None
        way = "read off" if isinstance(before, Expr) else "in matrix form"
        if not self.is_last:
            following = _Stage(self.d, self.order + 1)
            rules = [Rule(way)]
            if array is not None and isinstance(following.f, Expr):
                rules += names_folded_back(factors(array), following.f)
            yield from following.as_result(rules)
            return
        d = self.d.named or self.d
        if d.structure and d.structured != "ambient":
            yield from self._restricted(way)
            way, array = "", None
        rule = Rule(", ".join(part for part in (way, f"{d.layout} layout") if part))
        left = Left(d.quotient, latex_quotient(self._f_in_latex(), self.by.latex, d.order))
        if d.expr is not None:
            plain = self.d.expr
            reasons = self._reasons(array, plain) if array and plain is not None else ()
            yield line(
                left, d.expr, [rule, *self.names.put_in(d.expr), *self._structure_used(), *reasons]
            )
            return
        if isinstance(before, Expr) and d.arranged.vec is not None:
            yield self._vec_form(d.arranged.vec)
            way = "entry by entry"
            used: list[Rule] = []
        else:
            way, used = "", list(self._structure_used())
        rule = Rule(", ".join(part for part in (way, f"{d.layout} layout") if part))
        known = book or LetterBook(self.letters)
        letters = [known.known[index] for index in array.free] if array else []
        yield self._array(letters, left, d.index, [rule, *used], tensor_name(d))

    def _reasons(self, before: IndexExpr, answer: Expr) -> Iterator[Rule]:
        """What of the variables made the answer what it is, and what in it has got a name."""
        found = self._arranged(before)
        gone = list(joined(before))
        yield from gone
        if found is not None:
            if not (self.d.structure or gone) and measure(found) != measure(answer):
                yield SIMPLIFY
            for symbol in self.d.symbols.values():
                if symbol.properties & STRUCTURAL and symbol is not self.d.wrt:
                    plain: dict[Expr, Expr] = {symbol: unstructured(symbol)}
                    if self._arranged(before.substitute(plain)) is not substitute(found, plain):
                        yield Rule(f"{symbol.name} is {structure_in_words(symbol)}")
        yield from maps_resolved(factors(before), answer)
        yield from names_folded_back(factors(before), answer)

    def _structure_used(self) -> Iterator[Rule]:
        """Whether the answer has made use of the structure of the variable; the lines have not."""
        d, free = self.d, self.f
        if not (d.structure and d.structured == "ambient" and isinstance(free, Expr)):
            return
        plain = self._arranged(derivative(free, self.wrt))
        answer = d.arranged.vec if d.expr is None else d.expr
        if answer is None or plain is None:
            return
        if not same(plain, substitute(answer, {d.wrt: self.wrt})):
            yield Rule(f"{d.wrt.name} is {structure_in_words(d.wrt)}")

    def _arranged(self, array: IndexExpr) -> Expr | None:
        """The matrix form in the layout of the answer, or the vec form where that has none."""
        d = self.d
        if not isinstance(d.f, Expr):
            return None
        found = arrange(array, d.f.shape, d.wrt.shape, d.order, d.layout)
        expr = found.vec if d.expr is None else found.expr
        return None if expr is None else shorten(expr)

    def _restricted(self, way: str) -> Iterator[Step]:
        """From independent entries to the structure of the variable."""
        d = self.d
        x, words = d.wrt.name, STRUCTURED[d.structured].format(d.wrt.name)
        gradient = Symbol(unused_name("G", d.symbols), d.wrt.shape)
        form = in_other_conventions(gradient, d.wrt).get(d.structured)
        if d.order > 1 or not isinstance(d.f, Expr) or not d.f.is_scalar or form is None:
            return
        ambient = arrange(
            structured_derivative(d.f, d.wrt), d.f.shape, d.wrt.shape, 1, "mixed"
        ).expr
        if ambient is not None:
            yield line(
                Left.name(gradient.name),
                shorten(ambient),
                [Rule(f"{way}, as if the entries of {x} were independent")],
            )
            whole = Left(d.quotient, latex_quotient(self._f_in_latex(), self.by.latex, 1))
            turned = transposed(form) if d.layout == "numerator" else form
            rule = Rule(f"{x} is {structure_in_words(d.wrt)}: {words}")
            yield line(whole, turned, [rule])

    def _vec_form(self, vec: Expr) -> Step:
        d = self.d
        f, x = self._f_in_latex(), self.by.latex
        inner = f if d.order == 1 else latex_quotient(f, x, d.order - 1)
        op = r"\operatorname{vec}"
        formal = rf"\frac{{\partial {op}({inner})}}{{\partial {op}({x})^\top}}"
        plain = f"∂vec({d.name_of(d.order - 1)})/∂vec({d.wrt.name})'"
        rules = [Rule("read off, vec form"), *self._structure_used()]
        return line(Left(plain, formal), vec, rules)

    def _f_in_latex(self) -> str:
        return latex.format_name(self.d.function_name)

    def _array(
        self, letters: list[str], left: Left, ix: IndexExpr, rules: Sequence[Rule], name: str
    ) -> Step:
        """An array with a name for it, its indices with these letters."""
        supply = [*letters, *(letter for letter in self.letters if letter not in letters)]
        whole, _, right = text.format_index_left(name, ix, supply).partition(" = ")
        whole_latex, _, formal = latex.format_index_left(name, ix, supply).partition(" = ")
        return written(left.equals(Left(whole, whole_latex)), right, formal, rules)

    # ---------------------------------------------------------------- which way

    def lines(self, style: str) -> Iterator[Step]:
        """The derivation of the function, and what comes out."""
        f = self.f
        if not isinstance(f, Expr):
            return self._by_indices(derive_index(f, self.wrt) or [])
        names = {value: name.name for value, name in self.names.values.items()}
        size = measure(self.names.shown(f))
        is_long = size > LONG or (size > SHORT and nesting(f, self.wrt) > NESTED)
        named = derive_named(f, self.wrt, self.along, names) if is_long else None
        if named is not None:
            return self._named(named)
        if measure(f) <= LONGEST:
            if style == "differential":
                steps = derive_differential(f, self.wrt, self.along, MOST_LINES)
                if steps is not None and len(steps) <= MOST_LINES:
                    lines = list(self._by_differentials(steps))
                    if _fits(lines):
                        return iter(lines)
            found = derive_index(lower(f), self.wrt, MOST_LINES)
            if found is not None and len(found) <= MOST_LINES:
                note = [BY_INDICES] if style == "differential" else []
                lines = list(self._by_indices(found, note))
                if _fits(lines):
                    return iter(lines)
        named = derive_named(f, self.wrt, self.along, names)
        return self._named(named) if named is not None else self._term_by_term(f)

    # ---------------------------------------------------------------- in index notation

    def _by_indices(self, steps: list[IndexStep], note: Sequence[Rule] = ()) -> Iterator[Step]:
        book = LetterBook(self.letters)
        for number, step in enumerate(steps):
            value = self.names.shown_array(step.value)
            plain, free = book.write(value)
            formal, _ = book.write(value, explicit_sums=True)
            letters = list(free.values())
            if number == 0:
                left = self.left.entry(letters)
                if _is_itself(step.value, self.f) and len(steps) > 1:
                    continue
            elif number == 1:
                cut = len(letters) - len(self.wrt.axes)
                left = self.left.entry(letters[:cut]).by(self.by.entry(letters[cut:]))
            else:
                left = SAME
            opened = self.names.opened(steps[number - 1].value, step.value) if number else []
            rules, note = (*note, *opened, *step.rules), ()
            yield written(left, text.spell(plain), latex.spell(formal), rules)
        yield from self._answer(steps[-1].value if len(steps) > 1 else None, book)

    # ---------------------------------------------------------------- by differentials

    def _by_differentials(self, steps: list[MatrixStep]) -> Iterator[Step]:
        df = Left.differential(self.name)
        for number, step in enumerate(steps):
            left = df.vec() if step.stacked else SAME if number else df
            opened = self.names.opened(steps[number - 1].value, step.value) if number else []
            yield line(left, self.names.shown(step.value), [*opened, *step.rules])
        yield from self._answer(steps[-1].value if steps else None)

    # ---------------------------------------------------------------- with names

    def _named(self, named: Named) -> Iterator[Step]:
        own = {symbol.name for symbol in self.names.values.values()}
        new = [found for found in named.definitions if found.symbol.name not in own]
        yield from _both_ends(
            [
                line(Left.name(found.symbol.name), found.value, [] if k else [NAMES])
                for k, found in enumerate(new)
            ]
        )
        if new:
            yield line(self.left, named.body)
        yield from _both_ends([self._by_chain_rule(found) for found in named.lines])
        if isinstance(self.f, Expr) and self.f.is_scalar and self.is_last:
            yield from self._last_of_chain(named.result, self._told(named.rules))
            return
        yield line(self._whole(), named.result, [CHAIN_RULE])
        yield from self._answer(None)

    def _by_chain_rule(self, found: Line) -> Step:
        left = Left.name(found.symbol.name)
        if found.of is not None:
            left = left.equals(self.left.by(Left.name(found.of.name)))
        return line(left, found.value, self._told(found.rules))

    def _told(self, rules: Sequence[Rule]) -> list[Rule]:
        """What a line of the chain rule makes use of, each rule where it is used first."""
        new = [rule for rule in rules if rule not in self.told]
        self.told.update(new)
        return new or [CHAIN_RULE]

    def _whole(self) -> Left:
        is_gradient = isinstance(self.f, Expr) and self.f.is_scalar
        return self.left.by(self.by) if is_gradient else Left.differential(self.name)

    def _last_of_chain(self, result: Expr, rules: Sequence[Rule]) -> Iterator[Step]:
        """The gradient in terms of the names; the answer too where it is short enough to be read."""
        d = self.d.named or self.d
        is_ambient = not d.structure or d.structured == "ambient"
        turned = transposed(result) if d.layout == "numerator" else result
        is_long = d.expr is None or measure(d.expr) > LONG
        if is_long and is_ambient and d.layout in ("mixed", "denominator", "numerator"):
            rules = [rule for rule in rules if rule != CHAIN_RULE]
            yield line(self._whole(), turned, [*rules, Rule(f"chain rule, {d.layout} layout")])
            return
        yield line(self._whole(), result, rules)
        yield from self._answer(None)

    def _term_by_term(self, f: Expr) -> Iterator[Step]:
        """The differential of every term of a long sum."""
        if is_op(f, ADD):
            found: list[Step] = []
            for term in dict.fromkeys(f.args):
                value = differential_at_end(term, self.wrt, self.along)
                if value is not None:
                    name = text.format_expr(self.names.shown(term))
                    formal = latex.format_expr(self.names.shown(term))
                    left = Left(f"d({name})", rf"\mathrm{{d}}({formal})")
                    found.append(
                        line(left, self.names.shown(value), [] if found else [TERM_BY_TERM])
                    )
            yield from _both_ends(found)
        yield from self._answer(None)


def _differentiated(d: Derivative, wrt: Symbol, order: int) -> Expr | IndexExpr:
    """The derivative of this order; in index form where it has no matrix form."""
    f = substitute(d.f, {d.wrt: wrt}) if isinstance(d.f, Expr) else d.f
    if order == 0:
        return f
    if isinstance(f, Expr):
        found = derivative(f, wrt, order)
    else:
        found = f
        for _ in range(order):
            found = differentiate_index(found, wrt)
    if len(found.free) > 2:
        return found
    row, column = (*found.free, None, None)[:2]
    matrix = recognise(found, row, column)
    return found if matrix is None else shorten(matrix)


def _is_itself(array: IndexExpr, f: Expr | IndexExpr) -> bool:
    """Whether index notation only puts indices on the name of the function."""
    if len(array.terms) != 1 or array.terms[0].coefficient != 1:
        return False
    factors = array.terms[0].factors
    return len(factors) == 1 and factors[0].expr is f


def _fits(lines: Sequence[Step]) -> bool:
    """Whether all lines but the answer are short enough to be read."""
    return all(len(step.right) <= WIDEST for step in lines[:-1])


def _both_ends(lines: list[Step]) -> list[Step]:
    """The lines; of very many the first and the last."""
    left_out = len(lines) - 2 * SHOWN_AT_EACH_END
    if len(lines) <= MANY_LINES:
        return lines
    more = written(
        Left("...", r"\vdots"), "...", r"\vdots", [Rule(f"{left_out} more lines likewise")]
    )
    return [*lines[:SHOWN_AT_EACH_END], more, *lines[-SHOWN_AT_EACH_END:]]
