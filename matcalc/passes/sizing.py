"""The sizes of a text: unified statement by statement, decided once all is read, and given letters."""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Collection, Iterable, Iterator

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.errors import DeclarationProblem, ShapeProblem, UnsupportedProblem
from matcalc.passes.declarations import SQUARE
from matcalc.passes.index_scan import Scan, free_letters
from matcalc.passes.infer import Kinds, infer_kinds
from matcalc.passes.mistakes import Reporter
from matcalc.passes.shapes import Shapes
from matcalc.passes.statements import Equation, Statements
from matcalc.passes.unify import MismatchError, Sizes, is_unknown
from matcalc.syntax import tree

#: Letters for sizes that are inferred, in this order; then n_1, n_2, ...
SIZE_LETTERS = "mnpqrstuvwkldh"


class Sizing:
    """The sizes of everything in the statements of a text.

    Attributes:
        statements: the statements.
        kinds: what is a scalar, a vector, a matrix.
        sizes: what is known of the sizes.
        names: the shapes of the variables; sizes may be unknowns until all is decided.
        shapes: the shapes of names and nodes.
        scans: of the equations in index notation, by id: the letters, the free ones, and how far
            they run.
    """

    def __init__(self, statements: Statements, fits: Collection[Shape]) -> None:
        self.statements = statements
        self.fits = fits
        self.sizes = Sizes()
        self.kinds: Kinds = infer_kinds(statements)
        self.names = {name: self._shape(name) for name in statements.variables}
        # Without a cycle, the tree and what was found of it are freed once they are not needed.
        itself = weakref.ref(self)

        def letters() -> dict[str, Dim]:
            sizing = itself()
            return {} if sizing is None else sizing.letters()

        report = Reporter(statements.source, self.sizes, letters, self.kinds.defaulted)
        self.shapes = Shapes(self.names, self.sizes, report, statements.sizes, statements.functions)
        self.scans: dict[int, tuple[Scan, list[tuple[str, ...]], dict[str, Dim]]] = {}

    def run(self) -> None:
        """Decide all sizes.

        Raises:
            MatcalcError: shapes do not agree, or too little is known of them.
        """
        for equation in self.statements.equations:
            shape = self.shapes.visit(equation.value)
            if equation.indexed:
                shape = self._indexed_shape(equation)
            if equation is self.statements.equations[-1]:
                self._fit(shape)
            if equation.name is not None:
                self._define(equation.name, shape)
        self._settle()

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

    def _indexed_shape(self, equation: Equation) -> Shape:
        """Shape of an array that is given entry by entry; more than two axes have no name."""
        scan, free = free_letters(equation.value, equation.left)
        ranges = dict(self.shapes.letters)
        self.scans[id(equation)] = scan, free, ranges
        dims = [math.prod((ranges[letter] for letter in axis), start=ONE) for axis in free]
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
        """Solve what is left, once all is read."""
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
        self.shapes.check_fitted(frozenset(self._unknown(self.names.values())))

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


def free_size_letters(taken: set[str], count: int) -> Iterator[Dim]:
    """Letters for ``count`` sizes, past the names that are taken: n alone; else m, n, p, ..."""
    order = "n" + SIZE_LETTERS if count == 1 else SIZE_LETTERS
    names = itertools.chain(dict.fromkeys(order), (f"n_{k}" for k in itertools.count(1)))
    return (Dim.of(name) for name in names if name not in taken)
