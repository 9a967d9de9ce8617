"""Elaboration: a syntax tree becomes a typed, interned expression.

Statements are sorted; kinds are inferred, with defaults where nothing decides; sizes are unified in
the order of the text; what is still free gets letters; the tree is translated.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Expr, Size, Symbol, substitute
from matcalc.core.index import Index, IndexExpr
from matcalc.errors import (
    ArgumentProblem,
    DeclarationProblem,
    MatcalcError,
    ShapeProblem,
    Span,
    UnsupportedProblem,
)
from matcalc.ops import function_names
from matcalc.passes.contract import contract
from matcalc.passes.declarations import SQUARE, read_assumptions, read_shapes
from matcalc.passes.freed import freed_names
from matcalc.passes.functions import SPECIAL
from matcalc.passes.index_notation import lower
from matcalc.passes.index_scan import Scan, free_letters
from matcalc.passes.infer import Kinds, infer_kinds
from matcalc.passes.mistakes import Reporter
from matcalc.passes.properties import properties
from matcalc.passes.recognise import vectorise
from matcalc.passes.shapes import Shapes
from matcalc.passes.statements import Equation, Statements, sort_statements
from matcalc.passes.translate import Scope, translate
from matcalc.passes.unify import MismatchError, Sizes, is_unknown
from matcalc.passes.walk import children, open_letters, postorder
from matcalc.record import Record
from matcalc.syntax import tree
from matcalc.syntax.parser import parse_program

#: Letters for sizes that are inferred, in this order; then n_1, n_2, ...
SIZE_LETTERS = "mnpqrstuvwkldh"


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
        again: reads the text once more, with symbols for the definitions of these names.
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
    again: Callable[[Collection[str]], Reading] | None = None
    typed: str = ""

    @property
    def by_names(self) -> Reading:
        """The same with symbols for all definitions but the function itself."""
        f = self.index if self.expr is None else self.expr
        names = [name for name, value in self.definitions.items() if value is not f]
        return self.again(names) if names and self.again is not None else self


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
    program = parse_program(text, functions, frozenset((*known, *names, *sizes)))
    reading = elaborate(program, shapes, assume, sizes=sizes, fits=fits, keep=keep)
    # What the user has passed may change; and the tree, with what was found of it, is as large as
    # the meaning of the text, and is not needed any more.
    given = {name: tuple(map(str, shape)) for name, shape in known.items()}
    assumed = read_assumptions(assume)

    def again(names: Collection[str]) -> Reading:
        found = parse(text, given, assumed, sizes=sizes, fits=fits, keep=names).named
        assert found is not None
        return found

    return reading.replace(again=again)


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
        return _Elaboration(sort_statements(program, shapes, assume, sizes), fits, keep).run()
    except MatcalcError as error:
        raise error.at(None, program.source) from None


class _Elaboration:
    def __init__(
        self, statements: Statements, fits: Collection[Shape], keep: Collection[str]
    ) -> None:
        self.statements = statements
        self.fits = fits
        self.keep = keep
        self.sizes = Sizes()
        self.kinds: Kinds = infer_kinds(statements)
        self.names = {name: self._shape(name) for name in statements.variables}
        # Without a cycle, the tree and what was found of it are freed once they are not needed.
        itself = weakref.ref(self)

        def letters() -> dict[str, Dim]:
            elaboration = itself()
            return {} if elaboration is None else elaboration.letters()

        report = Reporter(statements.source, self.sizes, letters, self.kinds.defaulted)
        self.shapes = Shapes(self.names, self.sizes, report, statements.sizes, statements.functions)
        #: Letters for the sizes that were unknown, once all is decided.
        self.named: dict[str, Dim] = {}
        #: Of the equations in index notation: the letters, the free ones, and how far they run.
        self.scans: dict[int, tuple[Scan, list[tuple[str, ...]], dict[str, Dim]]] = {}
        #: Values of the sums over an index that stand by themselves.
        self.sums: dict[int, Expr] = {}

    def _shape(self, name: str) -> Shape:
        if name in self.statements.shapes:
            return self.statements.shapes[name]
        if SQUARE.intersection(self.statements.properties.get(name, ())):
            size = self.sizes.fresh()
            return size, size
        rows, columns = self.kinds.of[name]
        return self.sizes.fresh() if rows else ONE, self.sizes.fresh() if columns else ONE

    def letters(self) -> dict[str, Dim]:
        """Letters for the sizes that are still unknown, in order of first appearance."""
        taken = {*self.statements.variables, *self.statements.sizes, *self.statements.functions}
        taken.update(e.name.name for e in self.statements.equations if e.name is not None)
        taken.update(self.statements.letters)
        unknown = self._unknown(self.names.values()) or self._unknown(self.shapes.shapes.values())
        return dict(zip(unknown, free_size_letters(taken, len(unknown)), strict=False))

    def _unknown(self, shapes: Iterable[Shape]) -> dict[str, None]:
        """The unknown sizes in these shapes, rows before columns."""
        return dict.fromkeys(
            symbol
            for shape in shapes
            for dim in shape
            for symbol in self.sizes.resolve(dim).symbols
            if is_unknown(symbol)
        )

    def run(self) -> Reading:
        for equation in self.statements.equations:
            shape = self.shapes.visit(equation.value)
            if equation.indexed:
                shape = self._indexed_shape(equation)
            if equation is self.statements.equations[-1]:
                self._fit(shape)
            if equation.name is not None:
                self._define(equation.name, shape)
        self._settle()
        named = self._build(self.keep) if self.keep else None
        return self._build().replace(named=named, again=self._build)

    # ---------------------------------------------------------------- shapes

    def _indexed_shape(self, equation: Equation) -> Shape:
        """Shape of an array that is given entry by entry; more than two axes have no name."""
        scan, free = free_letters(equation.value, equation.left)
        ranges = dict(self.shapes.letters)
        self.scans[id(equation)] = scan, free, ranges
        dims = [_size([ranges[letter] for letter in axis]) for axis in free]
        if len(dims) > 2 and equation is not self.statements.equations[-1]:
            raise UnsupportedProblem(
                f"a definition with {len(dims)} indices",
                span=equation.span,
                details=("what is defined must be a number, a vector or a matrix",),
                help="write it as the last statement, or sum over an index",
            )
        return (*dims, ONE, ONE)[:2] if len(dims) < 3 else tuple(dims)

    def _fit(self, shape: Shape) -> None:
        """Let the whole take the size that fits, where it has none of its own."""
        if not any(map(is_unknown, (s for dim in self.sizes.shape(shape) for s in dim.symbols))):
            return
        for wanted in self.fits:
            if len(wanted) == len(shape) and self.sizes.could_agree(shape, wanted):
                self.sizes.agree(shape, wanted)
                return

    def _define(self, name: tree.Name, shape: Shape) -> None:
        declared = self.statements.shapes.get(name.name)
        if declared is not None:
            try:
                self.sizes.agree(declared, shape)
            except (MismatchError, ValueError):
                report = self.shapes.report
                raise DeclarationProblem(
                    f"{name.name} is declared with another shape than it is defined with",
                    span=name.span,
                    details=(
                        f"declared: {report.shape(declared)}; defined: {report.shape(shape)}",
                    ),
                    help="remove the declaration, or correct the definition",
                ) from None
        self.shapes.names[name.name] = shape

    def _settle(self) -> None:
        """Decide all sizes."""
        fitted = (dim for shape in self.shapes.fitted.values() for dim in shape)
        try:
            unsolved = self.sizes.settle(fitted)
        except MismatchError as error:
            raise ShapeProblem(
                "no sizes fit the whole text",
                span=self.statements.equations[-1].span,
                details=(self.shapes.report.nothing_says(error),),
                help="write eye(n) for I, and declare the shapes of the variables",
            ) from None
        if unsolved is not None:
            raise self._undetermined(*unsolved)
        self.shapes.finish()

    def _undetermined(self, left: Dim, right: Dim) -> ShapeProblem:
        """An equation between products of sizes with more than one solution."""
        letters, report = self.letters(), self.shapes.report
        unknown = {symbol for symbol in (*left.symbols, *right.symbols) if is_unknown(symbol)}
        involved = [
            f"{name} is {report.shape(shape)}"
            for name, shape in self.names.items()
            if any(unknown.intersection(self.sizes.resolve(dim).symbols) for dim in shape)
        ]
        problem = f"the sizes in {left.substitute(letters)} = {right.substitute(letters)} are not determined"
        if involved:
            return ShapeProblem(
                problem,
                span=self.statements.equations[-1].span,
                details=(", ".join(involved),),
                help="declare the shapes of these variables, as in A: (m, n); b: m n",
            )
        node = next((node for node in self.shapes.fitting if self._has(node, unknown)), None)
        if node is None:
            # No variable and no identity: letters of a pair, f(A)[(i,j),k].
            return ShapeProblem(
                "nothing says how far the indices of a pair run",
                span=self.statements.equations[-1].span,
                help="use them as subscripts of a variable",
            )
        return ShapeProblem(
            problem,
            span=node.span,
            details=(f"nothing says how large {report.text(node)} is",),
            help="write eye(n) with its size",
        )

    def _has(self, node: tree.Node, unknown: set[str]) -> bool:
        """Whether the size of what takes the size that fits is among the unknown ones."""
        shape = self.sizes.shape(self.shapes.fitted[id(node)])
        return any(unknown.intersection(dim.symbols) for dim in shape)

    # ---------------------------------------------------------------- expressions

    def _build(self, keep: Collection[str] = ()) -> Reading:
        self.sums = {}
        statements, letters = self.statements, self.letters()
        self.named = letters
        self.shapes.check_fitted(frozenset(self._unknown(self.names.values())))

        def known(shape: Shape) -> Shape:
            return tuple(map(self._known, shape))

        variables = {
            name: Symbol(name, known(shape), statements.properties.get(name, ()))
            for name, shape in self.names.items()
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
        sizes = (*statements.sizes, *counts, *(dim.symbols[0] for dim in letters.values()))
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

    def _notes(self, counts: Iterable[str]) -> Iterator[str]:
        """What the inference of kinds noted; a number that counts is more than a scalar."""
        read = {f"{name} is read as a scalar": name for name in counts}
        for note in self.kinds.notes:
            yield f"{read[note]} is read as a whole number" if note in read else note
        for name, array in self.kinds.beside.items():
            rows, columns = map(self._known, self.shapes.shapes[id(array)])
            shape = rows if columns.is_unit else f"({rows}, {columns})"
            yield f"{name} is read as a scalar; for an array declare it, as in {name}: {shape}"

    def _known(self, size: Dim) -> Dim:
        """A size with letters for what was unknown."""
        return self.sizes.resolve(size).substitute(self.named)

    def _fold(self, equation: Equation, scope: Scope) -> tuple[Expr | None, IndexExpr | None]:
        """The matrix form of what is written in index notation, else its index form."""
        scan, free, ranges = self.scans[id(equation)]
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


def _size(sizes: Iterable[Dim]) -> Dim:
    result = ONE
    for size in sizes:
        result = result * size
    return result


def unknown_range(letter: str, span: Span) -> ShapeProblem:
    """An index of which nothing says how far it runs."""
    return ShapeProblem(
        f"nothing says how far index {letter} runs",
        span=span,
        help=f"use {letter} as a subscript of a variable",
    )


def free_size_letters(taken: set[str], count: int) -> Iterator[Dim]:
    """Letters for ``count`` sizes, past the names that are taken: n alone; else m, n, p, ..."""
    order = "n" + SIZE_LETTERS if count == 1 else SIZE_LETTERS
    names = itertools.chain(dict.fromkeys(order), (f"n_{k}" for k in itertools.count(1)))
    return (Dim.of(name) for name in names if name not in taken)


def _typed(statements: Statements) -> str:
    """The last value in the words of the text, if it sums over indices."""
    if not statements.letters:
        return ""
    last = statements.equations[-1]
    sums = last.indexed or any(isinstance(node, tree.IndexSum) for node in postorder(last.value))
    if last.left is not None or not sums:
        return ""
    return " ".join(statements.source[last.value.span.start : last.value.span.end].split())
