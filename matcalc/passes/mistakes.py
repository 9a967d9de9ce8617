"""What to say where shapes do not agree: both sides, and the remedy that would make them agree."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from matcalc.core.dim import Dim, Shape
from matcalc.errors import AmbiguityProblem, ShapeProblem, Span
from matcalc.passes.unify import MismatchError, Sizes, is_unknown
from matcalc.passes.walk import is_row_of_ones
from matcalc.record import Record
from matcalc.syntax import tree


class Operand(Record):
    """A part of the text with its shape."""

    node: tree.Node
    shape: Shape

    @property
    def is_scalar(self) -> bool:
        """Whether it is a number."""
        return self.shape[0].is_unit and self.shape[1].is_unit

    @property
    def is_vector(self) -> bool:
        """Whether it is a column."""
        return self.shape[1].is_unit and not self.shape[0].is_unit

    @property
    def is_row(self) -> bool:
        """Whether it is a row."""
        return self.shape[0].is_unit and not self.shape[1].is_unit

    @property
    def is_matrix(self) -> bool:
        """Whether it is neither number nor vector nor row."""
        return not (self.shape[0].is_unit or self.shape[1].is_unit)


class Reporter(Record):
    """Writes errors about one text.

    Attributes:
        source: the text.
        sizes: what is known about sizes.
        letters: letters for the sizes that are still unknown, given those to be shown.
        defaulted: names whose kind nothing but their letter decides.
    """

    source: str
    sizes: Sizes
    letters: Callable[[], dict[str, Dim]]
    defaulted: frozenset[str] = frozenset()

    def text(self, node: tree.Node | Span) -> str:
        """The text of a node, on one line, cut where it is long."""
        span = node if isinstance(node, Span) else node.span
        words = " ".join(self.source[span.start : span.end].split())
        return words if len(words) <= 60 else words[:57] + "..."

    def exponent(self, node: tree.Node) -> str:
        """The text of an exponent as it is typed behind ``^``: ``2`` for ``²``."""
        text = self.text(node).replace("⁻", "-")
        return unicodedata.normalize("NFKC", text) if text.lstrip("-").isdigit() else text

    def size(self, dim: Dim) -> str:
        """A size with letters for what is unknown; ``?`` for the length of ``1'`` where nothing fits it."""
        found = self.sizes.resolve(dim).substitute(self.letters())
        return "?" if any(map(is_unknown, found.symbols)) else str(found)

    def shape(self, shape: Shape) -> str:
        """``a scalar``, ``a vector of length n``, ``a row of length n`` or ``(m, n)``."""
        if len(shape) > 2:
            return f"an array of shape ({', '.join(map(self.size, shape))})"
        rows, columns = self.sizes.shape(shape)
        if columns.is_unit:
            return "a scalar" if rows.is_unit else f"a vector of length {self.size(rows)}"
        if rows.is_unit:
            return f"a row of length {self.size(columns)}"
        return f"({self.size(rows)}, {self.size(columns)})"

    def is_(self, operand: Operand) -> str:
        """``W' is (n, m)``, ``x has length n``."""
        name = self.text(operand.node)
        if operand.is_vector:
            return f"{name} has length {self.size(operand.shape[0])}"
        return f"{name} is {self.shape(operand.shape)}"

    # ---------------------------------------------------------------- products

    def product(self, left: Operand, right: Operand, error: MismatchError) -> ShapeProblem:
        """Two neighbours that cannot be multiplied."""
        span = left.node.span.join(right.node.span)
        same = self.text(left.node) == self.text(right.node)
        sides = self.is_(left) if same else f"{self.is_(left)} and {self.is_(right)}"
        return ShapeProblem(
            f"shapes do not agree in the product {self.text(span)}",
            span=span,
            details=(f"{sides}; {self._clash(left, right, error)}",),
            help=self._product_help(left, right),
        )

    def _clash(self, left: Operand, right: Operand, error: MismatchError) -> str:
        columns, rows = self.sizes.resolve(left.shape[1]), self.sizes.resolve(right.shape[0])
        if not (columns.is_unit or rows.is_unit):
            return self.nothing_says(error)
        of_left = "1 column" if columns.is_unit else f"{self.size(columns)} columns"
        of_right = "1 row" if rows.is_unit else f"{self.size(rows)} rows"
        return f"{of_left} on the left, {of_right} on the right"

    def nothing_says(self, error: MismatchError) -> str:
        """Why two sizes are not equal."""
        left, right = self.size(error.left), self.size(error.right)
        if left.isdigit() and right.isdigit():
            return f"{left} is not {right}"
        return f"nothing says {left} = {right}"

    def _product_help(self, left: Operand, right: Operand) -> str | None:
        a, b = self.text(left.node), self.text(right.node)
        alike = self.sizes.could_agree(left.shape, right.shape)
        scalar = self.scalar_hint(left, right)
        if left.is_vector and right.is_vector:
            if a == b:
                square = f"{factor(left.node, a)} .^ 2"
                return f"write {square} element by element, {self.flipped(left.node)} {a} for the inner product"
            if b.startswith("(") and left.node.span.end == right.node.span.start:
                return f"for a function of {b} declare it, as in {a}: n -> scalar"
            if alike:
                return (
                    f"did you mean {self.flipped(left.node)} {b} (a number) or {a} .* {b}"
                    f" (element by element)?{scalar}"
                )
            return f"did you mean {a} {self.flipped(right.node)} ?{scalar}"
        tries = []
        rows, columns = left.shape
        if not left.is_scalar and self.sizes.could_agree((rows,), (right.shape[0],)):
            tries.append(f"{self.flipped(left.node)} {b}")
        if self.sizes.could_agree((columns,), (right.shape[1],)):
            tries.append(f"{a} {self.flipped(right.node)}")
        if alike and left.is_matrix:
            tries.append(f"{a} .* {b}")
        if not tries:
            advice = "the left factor needs as many columns as the right one has rows"
            return scalar.strip() or advice
        return f"did you mean {' or '.join(tries)} ?{scalar}"

    def scalar_hint(self, *operands: Operand, joint: str = " ", matrices: bool = False) -> str:
        """What to do about a name that is a vector, or a matrix, only by default."""
        for operand in operands:
            node = operand.node
            is_array = operand.is_vector or (matrices and operand.is_matrix)
            if isinstance(node, tree.Name) and node.name in self.defaulted and is_array:
                hint = f"f {node.name} is a number, declare {node.name}: scalar"
                return joint + ("i" if joint == "; " else "I") + hint
        return ""

    def instead(self, node: tree.Node) -> str:
        """The advice to transpose."""
        return f"did you mean {self.flipped(node)} instead of {self.text(node)} ?"

    def flipped(self, node: tree.Node) -> str:
        """The text of the transpose."""
        if is_row_of_ones(node):
            return "ones(n)"
        if isinstance(node, tree.Transpose):
            return self.text(node.operand)
        return factor(node, self.text(node)) + "'"

    # ---------------------------------------------------------------- sums

    def sum(self, first: Operand, other: Operand, error: MismatchError) -> ShapeProblem:
        """Two terms of different shapes."""
        span = first.node.span.join(other.node.span)
        detail = f"{self.is_(first)} and {self.is_(other)}"
        if first.is_scalar == other.is_scalar and not self._kinds_differ(first, other):
            detail += f"; {self.nothing_says(error)}"
        return ShapeProblem(
            f"shapes do not agree in the sum {self.text(span)}",
            span=span,
            details=(detail,),
            help=self._sum_help(first, other),
        )

    def _kinds_differ(self, a: Operand, b: Operand) -> bool:
        return any(x.is_unit != y.is_unit for x, y in zip(a.shape, b.shape, strict=True))

    def _sum_help(self, first: Operand, other: Operand) -> str | None:
        if first.is_scalar or other.is_scalar:
            number, array = (first, other) if first.is_scalar else (other, first)
            name = factor(number.node, self.text(number.node))
            rows, columns = self.sizes.shape(array.shape)
            if array.is_vector:
                spread = f"{name} ones({self.size(rows)})"
            else:
                spread = f"{name} ones({self.size(rows)}, {self.size(columns)})"
            if rows == columns:
                return f"write {name} I to add to the diagonal, {spread} to add to every entry"
            return (
                f"to add {name} to every entry, write {spread}{self.scalar_hint(array, joint='; ')}"
            )
        rows, columns = other.shape
        if self.sizes.could_agree(first.shape, (columns, rows)):
            return self.instead(other.node)
        if first.is_matrix != other.is_matrix:
            matrix, line = (first, other) if first.is_matrix else (other, first)
            if advice := self._spread(line, matrix):
                return f"to add {self.text(line.node)} to every {advice}"
        return "all terms of a sum must have one shape"

    def _spread(self, line: Operand, matrix: Operand) -> str | None:
        """How to add a vector or a row to every column or row of a matrix."""
        rows, columns = matrix.shape
        text = factor(line.node, self.text(line.node))
        row = text if line.is_row else self.flipped(line.node)
        column = self.flipped(line.node) if line.is_row else text
        [size] = (dim for dim in line.shape if not dim.is_unit)
        tries = (
            (rows, f"column, write {column} ones({self.size(columns)})'"),
            (columns, f"row, write ones({self.size(rows)}) {row}"),
        )
        for length, advice in reversed(tries) if line.is_row else tries:
            if self.sizes.could_agree((length,), (size,)):
                return advice
        return None

    def numeral(self, node: tree.Sum, numeral: tree.Node, other: Operand) -> AmbiguityProblem:
        """``1 + X`` for a square matrix."""
        number, array = self.text(numeral), self.text(other.node)
        size = self.size(other.shape[0])
        identity = "I" if number == "1" else f"{number} I"
        return AmbiguityProblem(
            f"{self.text(node)} adds a number to a square matrix, which can mean two things",
            span=node.span,
            details=(f"{array} is {self.shape(other.shape)}",),
            help=f"write {identity} to add to the diagonal, {number} ones({size}, {size}) to add to every entry",
        )

    # ---------------------------------------------------------------- vectors of ones

    def transposed_numeral(self, node: tree.Transpose) -> AmbiguityProblem:
        """``2'``, where a row of numbers may be meant."""
        number = self.text(node.operand)
        return AmbiguityProblem(
            f"{self.text(node)} transposes a number",
            span=node.span,
            details=(f"{number} is a number here, not a vector",),
            help=f"write {number} ones(n)' for a row with {number} in every entry, {number} for the number",
        )

    def leading_numeral(self, number: tree.Node, row: tree.Node) -> AmbiguityProblem:
        """``1 b'``, where 1 is meant to be the vector of ones."""
        return AmbiguityProblem(
            f"the number 1 stands left of {self.text(row)}",
            span=number.span.join(row.span),
            details=("1 is a number here, not a vector",),
            help=f"write ones(n) {self.text(row)} for the product with a vector",
        )

    def trailing_numeral(self, array: Operand, number: tree.Number) -> AmbiguityProblem:
        """``x' 1``, where 1 is meant to be the vector of ones."""
        text, left = self.text(number), factor(array.node, self.text(array.node))
        entry = ""
        if isinstance(array.node, tree.Name) and array.is_vector and text.startswith("("):
            entry = f"write {left}[{text.strip('( )')}] for an entry, "
        ones = "ones(n)" if number.value == 1 else f"({text} ones(n))"
        multiple = "" if number.value == 1 else f", {text} {left} for the multiple"
        return AmbiguityProblem(
            f"the number {text} stands right of {self.text(array.node)}",
            span=array.node.span.join(number.span),
            details=(f"{text} is a number here, not a vector",),
            help=f"{entry or 'write '}{left} {ones} for the product with a vector{multiple}",
        )

    # ---------------------------------------------------------------- element by element

    def entries(self, first: Operand, other: Operand, what: str, span: Span) -> ShapeProblem:
        """Two operands of an element-wise operation."""
        rows, columns = other.shape
        fits = self.sizes.could_agree(first.shape, (columns, rows))
        return ShapeProblem(
            f"shapes do not agree in the {what} {self.text(span)}",
            span=span,
            details=(f"{self.is_(first)} and {self.is_(other)}",),
            help=self.instead(other.node)
            if fits
            else "both sides must have one shape, or one of them must be a number",
        )

    # ---------------------------------------------------------------- functions

    def argument(
        self, name: str, wanted: str, operand: Operand, span: Span, help: str | None
    ) -> ShapeProblem:
        """An argument of the wrong kind."""
        return ShapeProblem(
            f"{name} takes {wanted}", span=span, details=(self.is_(operand),), help=help
        )


def factor(node: tree.Node, text: str) -> str:
    """The text of a node as a factor: in brackets where a sum or product would fall apart."""
    if text.startswith("(") and text.endswith(")"):
        return text
    loose = isinstance(node, tree.Sum | tree.Juxtapose | tree.Binary | tree.Negate)
    return f"({text})" if loose else text
