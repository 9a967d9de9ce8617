"""Elaboration: a syntax tree becomes a typed, interned expression.

Statements are sorted; kinds are inferred, with defaults where nothing decides; sizes are unified in
the order of the text; what is still free gets letters (``sizing.py``); the tree is translated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Expr, Size, Symbol, substitute
from matcalc.core.index import Index, IndexExpr
from matcalc.errors import (
    ArgumentProblem,
    MatcalcError,
    ShapeProblem,
    Span,
    UnsupportedProblem,
)
from matcalc.ops import function_names
from matcalc.passes.contract import contract
from matcalc.passes.declarations import read_assumptions, read_shapes
from matcalc.passes.freed import freed_names
from matcalc.passes.functions import SPECIAL
from matcalc.passes.index_notation import lower
from matcalc.passes.index_scan import Scan
from matcalc.passes.properties import properties
from matcalc.passes.recognise import vectorise
from matcalc.passes.sizing import Sizing
from matcalc.passes.statements import Equation, Statements, sort_statements
from matcalc.passes.translate import Scope, translate
from matcalc.passes.unify import is_unknown
from matcalc.passes.walk import children, open_letters, postorder
from matcalc.record import Record
from matcalc.syntax import tree
from matcalc.syntax.parser import parse_program


class Reading(Record):
    """What a text means.

    Attributes:
        expr: the last expression or definition, definitions put in as shared nodes; None where
            only ``index`` can say it.
        variables: every variable, declared or present, in order of first appearance.
        definitions: what is defined, in order.
        notes: what the reader decided and the user should see.
        sizes: the names that are sizes, declared or inferred.
        index: the function in index notation where it was written so and has no matrix form.
        functions: the names that are declared as functions.
        letters: the letters of index notation in the text.
        kept: symbols that stand for definitions in ``expr`` and ``index`` instead of their values.
        named: the same with the definitions kept that were to be kept, if any.
        origin: elaborates the text once more.
        typed: the function as it was typed, where that was index notation, to be told what it became.
    """

    expr: Expr | None
    variables: dict[str, Symbol]
    definitions: dict[str, Expr]
    notes: tuple[str, ...]
    sizes: tuple[str, ...]
    index: IndexExpr | None
    functions: tuple[str, ...]
    letters: tuple[str, ...]
    kept: dict[str, Symbol]
    named: Reading | None = None
    origin: Callable[[], Elaboration] | None = None
    typed: str = ""

    @property
    def by_names(self) -> Reading:
        """The same with symbols for all definitions but the function itself."""
        f = self.index if self.expr is None else self.expr
        names = [name for name, value in self.definitions.items() if value is not f]
        return self.origin().build(names) if names and self.origin is not None else self

    def place(self, part: Expr) -> tuple[Span, str] | None:
        """Where a part of the meaning stands first, and in which text; None where that is not known."""
        return None if self.origin is None else self.origin().place(part)


def parse(
    text: str,
    shapes: object = None,
    assume: object = None,
    *,
    sizes: Collection[str] = (),
    fits: Collection[Shape] = (),
    keep: Collection[str] = (),
) -> Reading:
    """Read a text.

    Args:
        text: declarations, definitions and an expression.
        shapes: shapes by name, ``{"A": ("m", "n"), "x": "n", "a": ()}``.
        assume: properties by name, ``{"A": "symmetric"}``.
        sizes: names that are known to be sizes.
        fits: shapes that the whole takes, the first that agrees, where it says too little itself:
            ``I``, ``δ[i,j]``.
        keep: names of definitions that stand for themselves, as symbols, in ``Reading.named``.

    Raises:
        MatcalcError: what is wrong, where, and what to do about it.
    """
    if not isinstance(text, str):
        raise ArgumentProblem(f"text must be a string, not {type(text).__name__}")
    known = read_shapes(shapes)
    names = {symbol for shape in known.values() for dim in shape for symbol in dim.symbols}
    functions = frozenset((*function_names(), *SPECIAL))
    declared = frozenset((*known, *names, *sizes))
    program = parse_program(text, functions, declared)
    reading = elaborate(program, shapes, assume, sizes=sizes, fits=fits, keep=keep)
    # What the user has passed may change; and the tree, with what was found of it, is as large as
    # the meaning of the text, and is not needed any more.
    given = {name: tuple(map(str, shape)) for name, shape in known.items()}
    assumed = read_assumptions(assume)

    def origin() -> Elaboration:
        again = parse_program(text, functions, declared)
        return Elaboration(again, given, assumed, sizes=sizes, fits=fits)

    return reading.replace(origin=origin)


def elaborate(
    program: tree.Program,
    shapes: object = None,
    assume: object = None,
    *,
    sizes: Collection[str] = (),
    fits: Collection[Shape] = (),
    keep: Collection[str] = (),
) -> Reading:
    """The meaning of a syntax tree. Arguments and errors as for ``parse``."""
    try:
        elaboration = Elaboration(program, shapes, assume, sizes=sizes, fits=fits)
        named = elaboration.build(keep) if keep else None
        return elaboration.build().replace(named=named, origin=lambda: elaboration)
    except MatcalcError as error:
        raise error.at(None, program.source) from None


class Elaboration:
    """A syntax tree of which all sizes are decided. Arguments and errors as for ``parse``."""

    def __init__(
        self,
        program: tree.Program,
        shapes: object,
        assume: object,
        *,
        sizes: Collection[str],
        fits: Collection[Shape],
    ) -> None:
        self.statements = sort_statements(program, shapes, assume, sizes)
        self.sizing = Sizing(self.statements, fits)
        self.sizing.run()
        self.shapes, self.sizes = self.sizing.shapes, self.sizing.sizes
        #: Letters for the sizes that the text leaves open.
        self.letters = self.sizing.letters()
        #: Where the parts of the meaning stand, the first of those that are equal.
        self.places: dict[Expr, Span] = {}
        #: Values of the sums over an index that stand by themselves.
        self.sums: dict[int, Expr] = {}

    def build(self, keep: Collection[str] = ()) -> Reading:
        """The meaning, with symbols for the definitions of the names that are kept."""
        self.sums = {}
        statements = self.statements

        def known(shape: Shape) -> Shape:
            return tuple(map(self._known, shape))

        variables = {
            name: Symbol(name, known(shape), statements.properties.get(name, ()))
            for name, shape in self.sizing.names.items()
        }
        counts = {name: Dim.of(name) for name in variables if name in self.shapes.counting}
        values: dict[str, Expr] = {
            name: Size(counts[name]) if name in counts else symbol
            for name, symbol in variables.items()
        }
        definitions: dict[str, Expr] = {}
        kept: dict[str, Symbol] = {}
        scope = Scope(
            values,
            statements.sizes,
            statements.functions,
            {node: known(shape) for node, shape in self.shapes.fitted.items()},
            self.shapes.whole_divisors,
            self.sums,
            self.places,
        )
        expr, index = None, None
        for equation in statements.equations:
            self._add_sums(equation.value, scope)
            if equation.indexed:
                expr, index = self._fold(equation, scope)
            else:
                expr, index = translate(equation.value, scope), None
            if equation.name is not None and expr is not None:
                name = equation.name.name
                values[name] = definitions[name] = expr
                if name in keep:
                    values[name] = kept[name] = Symbol(name, expr.shape, properties(expr))
        sizes = (*statements.sizes, *counts, *(dim.symbols[0] for dim in self.letters.values()))
        return Reading(
            expr,
            {name: symbol for name, symbol in variables.items() if name not in counts},
            definitions,
            (*self._notes(counts), *self.shapes.notes),
            sizes,
            index,
            tuple(statements.functions),
            tuple(statements.letters),
            kept,
            typed=_typed(statements),
        )

    def place(self, part: Expr) -> tuple[Span, str] | None:
        """As for ``Reading``."""
        self.build()
        return (self.places[part], self.statements.source) if part in self.places else None

    def _notes(self, counts: Iterable[str]) -> Iterator[str]:
        """What the inference of kinds noted; a number that counts is more than a scalar."""
        read = {f"{name} is read as a scalar": name for name in counts}
        for note in self.sizing.kinds.notes:
            yield f"{read[note]} is read as a whole number" if note in read else note
        for name, array in self.sizing.kinds.beside.items():
            rows, columns = map(self._known, self.shapes.shapes[id(array)])
            shape = rows if columns.is_unit else f"({rows}, {columns})"
            yield f"{name} is read as a scalar; for an array declare it, as in {name}: {shape}"

    def _known(self, size: Dim) -> Dim:
        """A size with letters for what was unknown."""
        return self.sizes.resolve(size).substitute(self.letters)

    def _fold(self, equation: Equation, scope: Scope) -> tuple[Expr | None, IndexExpr | None]:
        """The matrix form of what is written in index notation, else its index form."""
        scan, free, ranges = self.sizing.scans[id(equation)]
        letters = self._indices(equation.value, ranges)
        names, point = freed_names(scope.names)
        value = lower(scan, scope.replace(names=names), letters)
        if not value.is_scalar:
            raise ShapeProblem(
                "an array where index notation has an entry",
                span=equation.value.span,
                help="give it subscripts, as in (A X)[i,k], or sum over the slices: sum(k, ...)",
            )
        axes = [tuple(x for letter in axis if (x := letters[letter])) for axis in free]
        index = IndexExpr(tuple(x for axis in axes for x in axis), value.terms)
        expr = _matrix_form(index, *(*axes, (), ())[:2]) if len(free) <= 2 else None
        expr = None if expr is None else substitute(expr, point)
        index = index.substitute(point)
        composite = any(len(axis) > 1 for axis in axes)
        if expr is None and (composite or equation is not self.statements.equations[-1]):
            raise UnsupportedProblem(
                "this definition has no matrix form",
                span=equation.span,
                help="define it in matrix form, or write it out where it is used",
            )
        return expr, index if expr is None else None

    def _indices(self, value: tree.Node, ranges: Mapping[str, Dim]) -> dict[str, Index | None]:
        """Indices for the letters of a tree, given how far those run that no sum in it binds."""
        sizes = dict(ranges)
        opened = open_letters(value)
        for node in postorder(value, lambda node: children(node) if id(node) in opened else ()):
            if isinstance(node, tree.IndexSum) and id(node) in opened:
                name, size = node.letter.name, self.sizes.resolve(self.shapes.summed[id(node)])
                if self.sizes.resolve(sizes.setdefault(name, size)) != size:
                    raise ShapeProblem(
                        f"index {name} runs over two sizes",
                        span=node.span,
                        help="use another letter in one of the sums",
                    )
        letters: dict[str, Index | None] = {}
        for letter, size in sizes.items():
            dim = self._known(size)
            if any(map(is_unknown, dim.symbols)):
                raise unknown_range(letter, value.span)
            letters[letter] = None if dim.is_unit else Index(dim, letter)
        return letters

    def _add_sums(self, value: tree.Node, scope: Scope) -> None:
        """Lower the sums over an index that stand by themselves, ``1/m sum(k, y[k])``."""
        sums = [node for node in postorder(value) if isinstance(node, tree.IndexSum)]
        opened = open_letters(value) if sums else {}
        for node in sums:
            if id(node) not in opened:
                try:
                    self.sums[id(node)] = self._index_sum(node, scope)
                except MatcalcError as error:
                    raise error.at(node.span, None) from None

    def _index_sum(self, node: tree.IndexSum, scope: Scope) -> Expr:
        scan = Scan(node.value, letter=node.letter.name).run()
        ranges = {node.letter.name: self.shapes.summed[id(node)]}
        names, point = freed_names(scope.names)
        value = lower(scan, scope.replace(names=names), self._indices(node.value, ranges))
        rows, columns = (() if axis is None else (axis,) for axis in (value.row, value.column))
        expr = _matrix_form(IndexExpr(value.axes, value.terms), rows, columns)
        if expr is None:
            raise UnsupportedProblem(
                f"the sum over {node.letter.name} has no matrix form",
                help="write it as the last statement in index notation, f[i] = ...",
            )
        return substitute(expr, point)


def _matrix_form(
    index: IndexExpr, rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> Expr | None:
    """What an array in index notation is in matrix form, if it has one.

    An axis can have several indices, of which the first varies slowest.
    """
    axes = rows[::-1], columns[::-1]
    # Kronecker products and vec have to be opened before anything can be recognised.
    return vectorise(index, *axes) or vectorise(contract(index), *axes)


def unknown_range(letter: str, span: Span) -> ShapeProblem:
    """An index of which nothing says how far it runs."""
    return ShapeProblem(
        f"nothing says how far index {letter} runs",
        span=span,
        help=f"use {letter} as a subscript of a variable",
    )


def _typed(statements: Statements) -> str:
    """The last value in the words of the text, if it sums over indices."""
    if not statements.letters:
        return ""
    last = statements.equations[-1]
    sums = last.indexed or any(isinstance(node, tree.IndexSum) for node in postorder(last.value))
    if last.left is not None or not sums:
        return ""
    return " ".join(statements.source[last.value.span.start : last.value.span.end].split())
