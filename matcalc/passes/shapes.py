"""Shapes of everything in a text, in its order: sizes by unification, kinds being known.

The first two parts whose shapes cannot agree are reported. What the text leaves to the context is
settled on the way: the readings of quotients, the sizes of ``I`` and of numerals in sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from matcalc.core.dim import ONE, SCALAR, Dim, Shape
from matcalc.core.operation import Operation
from matcalc.errors import AmbiguityProblem, MatcalcError, ShapeProblem, UnsupportedProblem
from matcalc.passes.calls import call_shape
from matcalc.passes.mistakes import Operand, Reporter, factor
from matcalc.passes.quotients import quotient_shape
from matcalc.passes.translate import operands
from matcalc.passes.unify import MismatchError, Sizes, bounded, is_unknown
from matcalc.passes.walk import is_delta, is_one, is_row_of_ones, names_of, numerals, postorder
from matcalc.syntax import tree


class Shapes:
    """The shapes of names and nodes.

    Attributes:
        names: shapes of variables and definitions.
        shapes: shapes of nodes, by id; sizes may still be unknowns.
        fitted: those of them that the context decides.
        whole_divisors: ids of quotients that divide by a whole juxtaposed product.
        fitting: the nodes that take the size that fits, in the order of the text.
        notes: what was decided and the user should see.
        counting: names in exponents of matrices, and the like: whole numbers, and so sizes.
        numerals: ids of the nodes of the current tree that are made of numerals.
    """

    def __init__(
        self,
        names: Mapping[str, Shape],
        sizes: Sizes,
        report: Reporter,
        size_names: Mapping[str, Dim],
        functions: Mapping[str, Operation],
    ) -> None:
        self.names = dict(names)
        self.sizes = sizes
        self.report = report
        self.size_names = size_names
        self.functions = functions
        self.shapes: dict[int, Shape] = {}
        self.fitted: dict[int, Shape] = {}
        self.whole_divisors: set[int] = set()
        self.notes: list[str] = []
        self.fitting: list[tree.Node] = []
        self.counting: set[str] = set()
        self.numerals: set[int] = set()
        self._numeral_sums: list[tuple[tree.Sum, tree.Node, Operand]] = []
        #: Sizes that the letters of the current equation run over, and the node that said so.
        self.letters: dict[str, Dim] = {}
        #: Sizes that sums over an index run over, by the id of the sum.
        self.summed: dict[int, Dim] = {}

    def visit(self, root: tree.Node) -> Shape:
        """The shape of a tree, and of everything in it."""
        self.numerals = numerals(root)
        self.letters = {}
        for node in postorder(root, operands):
            parts = [Operand(part, self.resolved(part)) for part in operands(node)]
            try:
                if not isinstance(node, tree.Indexed):
                    self._check_axes(parts)
                self.shapes[id(node)] = self._node(node, parts)
            except MatcalcError as error:
                raise error.at(node.span, None) from None
        self._check_axes([Operand(root, self.resolved(root))])
        return self.shapes[id(root)]

    def _check_axes(self, parts: Sequence[Operand]) -> None:
        """Refuse arrays with more than two axes: these are given entry by entry."""
        for part in parts:
            if len(part.shape) > 2:
                text = self.report.text(part.node)
                raise ShapeProblem(
                    f"{text} has {len(part.shape)} axes, and no matrix form",
                    span=part.node.span,
                    help=f"write it in index notation, {text}[i,j,...]",
                )

    def resolved(self, node: tree.Node) -> Shape:
        """The shape of a node as far as it is known now."""
        return self.sizes.shape(self.shapes[id(node)])

    def finish(self) -> None:
        """Check what could only be decided with everything known."""
        for node, numeral, other in self._numeral_sums:
            rows, columns = shape = self.sizes.shape(other.shape)
            if rows == columns and not rows.is_unit:
                raise self.report.numeral(node, numeral, Operand(other.node, shape))

    def check_fitted(self, named: frozenset[str]) -> None:
        """Refuse what takes the size that fits where no variable, whose sizes are ``named``, fits."""
        for node in self.fitting:
            for dim in self.sizes.shape(self.fitted[id(node)]):
                if any(is_unknown(s) and s not in named for s in dim.symbols):
                    text = self.report.text(node)
                    remedy = "write eye(n)"
                    if isinstance(node, tree.Call):
                        remedy = "write c ones(n) or c ones(m, n)"
                    elif is_row_of_ones(node):
                        remedy = "write ones(n)' for a row of ones"
                    raise ShapeProblem(
                        f"nothing says how large {text} is", span=node.span, help=remedy
                    )

    # ---------------------------------------------------------------- nodes

    def _node(self, node: tree.Node, parts: list[Operand]) -> Shape:
        match node:
            case tree.Number():
                return SCALAR
            case tree.Name():
                return self._name(node)
            case tree.Call():
                return call_shape(self, node, parts)
            case tree.Negate():
                return parts[0].shape
            case tree.Juxtapose():
                self._note_call_like(node)
                self._check_numerals(parts, juxtaposed=True)
                return self.product(parts)
            case tree.Binary():
                return self._binary(node, parts)
            case tree.Sum():
                return self._sum(node, parts)
            case tree.Power():
                return self._power(node, *parts)
            case tree.Transpose() if is_row_of_ones(node):
                return self.fit(node, (ONE, self.sizes.fresh()))
            case tree.Transpose():
                if id(node.operand) in self.numerals:
                    raise self.report.transposed_numeral(node)
                rows, columns = parts[0].shape
                return columns, rows
            case tree.Norm():
                return self.norm(node, node.kind, parts[0])
            case tree.Bars():
                return self._bars(node, parts[0])
            case tree.Inner():
                self.same(parts[0], parts[1], "inner product", node)
                return SCALAR
            case tree.Indexed():
                return self._indexed(node, parts[0])
            case tree.IndexSum():
                self.summed[id(node)] = self.letters.pop(node.letter.name)
                return parts[0].shape

    def _name(self, node: tree.Name) -> Shape:
        if node.name in self.names:
            return self.names[node.name]
        if node.name in ("I", "eye") and node.name not in self.size_names:
            size = self.sizes.fresh()
            return self.fit(node, (size, size))
        return SCALAR

    def fit(self, node: tree.Node, shape: Shape) -> Shape:
        """Note that a node takes the shape that fits."""
        self.fitted[id(node)] = shape
        self.fitting.append(node)
        return shape

    def product(self, parts: Sequence[Operand]) -> Shape:
        """Shape of a matrix product from left to right."""
        running, last = SCALAR, None
        for part in parts:
            if part.is_scalar:
                continue
            if last is None or running == SCALAR:
                running = part.shape
            else:
                try:
                    self.sizes.agree((running[1],), (part.shape[0],))
                except MismatchError as error:
                    raise self.report.product(last, part, error) from None
                running = self.sizes.shape((running[0], part.shape[1]))
            last = part
        return running

    def same(self, first: Operand, other: Operand, what: str, node: tree.Node) -> Shape:
        """The common shape of two operands."""
        try:
            self.sizes.agree(first.shape, other.shape)
        except MismatchError:
            raise self.report.entries(first, other, what, node.span) from None
        return first.shape

    def broadcast(self, parts: Sequence[Operand], what: str, node: tree.Node) -> Shape:
        """Shape of an element-wise combination: scalars combine with anything."""
        arrays = [part for part in parts if not part.is_scalar]
        for part in arrays[1:]:
            self.same(arrays[0], part, what, node)
        return arrays[0].shape if arrays else SCALAR

    def square(self, operand: Operand) -> bool:
        """Make an operand a square matrix; a number is one. Whether that can be."""
        rows, columns = operand.shape
        try:
            self.sizes.unify(rows, columns)
        except MismatchError:
            return False
        return True

    def _check_numerals(self, parts: Sequence[Operand], *, juxtaposed: bool) -> None:
        """Refuse numerals that are likely to be meant as vectors of ones: ``x' 1``, ``A 1``, ``1 b'``.

        A factor of 1 scales nothing, and what scales a row is written before it.
        """
        for left, right in pairwise(parts) if juxtaposed else ():
            if is_one(left.node) and isinstance(right.node, tree.Transpose):
                raise self.report.leading_numeral(left.node, right.node)
        array: Operand | None = None
        for part in parts:
            node = part.node
            if array is not None and isinstance(node, tree.Number):
                if node.value == 1 or (juxtaposed and array.is_row):
                    raise self.report.trailing_numeral(array, node)
            elif not part.is_scalar:
                rows = part.shape[0] if array is None or array.is_scalar else array.shape[0]
                span = array.node.span.join(node.span) if array else node.span
                array = Operand(node.replace(span=span), (rows, part.shape[1]))

    def _note_call_like(self, node: tree.Juxtapose) -> None:
        """``f(x)`` of a letter that is not declared as a function is a product."""
        for left, right in pairwise(node.factors):
            touching = right.span.start == left.span.end
            if isinstance(left, tree.Name) and touching and self.report.text(right)[:1] == "(":
                text = self.report.text(left.span.join(right.span))
                self.note(
                    f"{text} is read as a product; for a function declare it,"
                    f" as in {left.name}: n -> scalar"
                )

    def _binary(self, node: tree.Binary, parts: list[Operand]) -> Shape:
        match node.operator:
            case "*":
                self._check_numerals(parts, juxtaposed=False)
                return self.product(parts)
            case ".*":
                return self.broadcast(parts, "element-wise product", node)
            case "./":
                return self.broadcast(parts, "element-wise quotient", node)
            case "kron":
                return self.kronecker(parts)
            case "\\":
                return self._solve(node, *parts)
            case "/":
                return quotient_shape(self, node, parts)

    def kronecker(self, parts: Sequence[Operand]) -> Shape:
        """Products of the sizes."""
        rows, columns = ONE, ONE
        for part in parts:
            rows, columns = rows * part.shape[0], columns * part.shape[1]
        return bounded(rows), bounded(columns)

    def _solve(self, node: tree.Binary, left: Operand, right: Operand) -> Shape:
        if left.is_scalar:
            return right.shape
        if not self.square(left):
            text = self.report.text(left.node)
            raise self.report.argument(
                "\\",
                "a square matrix on its left",
                left,
                node.span,
                f"for least squares write pinv({text}) {self.report.text(right.node)}",
            )
        return self.product([left, right])

    def _sum(self, node: tree.Sum, parts: list[Operand]) -> Shape:
        proper = [part for part in parts if id(part.node) not in self.numerals]
        if not proper:
            return SCALAR
        first = proper[0]
        for part in proper[1:]:
            try:
                self.sizes.agree(first.shape, part.shape)
            except MismatchError as error:
                raise self.report.sum(first, part, error) from None
        for part in parts:
            if id(part.node) in self.numerals and not first.is_scalar:
                self.fitted[id(part.node)] = first.shape
                self._numeral_sums.append((node, part.node, first))
        return first.shape

    def _power(self, node: tree.Power, base: Operand, exponent: Operand) -> Shape:
        text = self.report.text
        if node.elementwise:
            return self.broadcast((base, exponent), "element-wise power", node)
        if not exponent.is_scalar:
            raise self.report.argument(
                "the exponent of ^",
                "a number",
                exponent,
                node.span,
                f"write {text(base.node)} .^ {factor(exponent.node, text(exponent.node))}",
            )
        if base.is_scalar:
            return SCALAR
        if base.is_vector or base.is_row:
            name, power = factor(base.node, text(base.node)), self.report.exponent(exponent.node)
            inner = f", {self.report.flipped(base.node)} {name} for the inner product"
            raise ShapeProblem(
                f"{text(node)} is a power of a vector",
                span=node.span,
                details=(self.report.is_(base),),
                help=f"write {name} .^ {power} element by element"
                + (inner if power == "2" and base.is_vector else "")
                + self.report.scalar_hint(base, joint="; "),
            )
        if not self.square(base):
            name = text(base.node)
            raise ShapeProblem(
                f"{text(node)} is a power of a matrix that is not square",
                span=node.span,
                details=(self.report.is_(base),),
                help=f"write {factor(base.node, name)} .^ {self.report.exponent(exponent.node)} element by element",
            )
        self.counts(exponent.node)
        return base.shape

    def counts(self, node: tree.Node) -> bool:
        """Whether this can be a whole number; the names in it are sizes then."""
        names: set[str] = set()
        for part in postorder(node):
            match part:
                case tree.Name():
                    names.add(part.name)
                case tree.Number() if part.value.denominator > 1:
                    return False
                case tree.Number() | tree.Negate() | tree.Sum() | tree.Juxtapose():
                    pass
                case tree.Binary() if part.operator == "*":
                    pass
                case _:
                    return False
        self.counting |= names
        return True

    def norm(self, node: tree.Node, kind: str, operand: Operand) -> Shape:
        """A norm is a number; some norms of matrices are refused or commented."""
        text = self.report.text(node)
        if operand.is_matrix:
            if kind == "2":
                readings = "the spectral norm or the Frobenius norm"
                raise AmbiguityProblem(
                    f"{text} of a matrix has two readings",
                    span=node.span,
                    details=(f"{self.report.is_(operand)}; it can be {readings}",),
                    help=f"write ||{self.report.text(operand.node)}||_F for the Frobenius norm;"
                    " the spectral norm is not supported",
                )
            if kind == "":
                self.note(f"{text} is the Frobenius norm")
            if kind == "1":
                self.note(f"{text} is the sum of the absolute values of all entries")
        return SCALAR

    def note(self, note: str) -> None:
        """Keep what was decided for the user to see, once."""
        if note not in self.notes:
            self.notes.append(note)

    def _bars(self, node: tree.Bars, operand: Operand) -> Shape:
        if operand.is_matrix:
            name = self.report.text(operand.node)
            raise AmbiguityProblem(
                f"|{name}| of a matrix has two readings",
                span=node.span,
                details=(self.report.is_(operand),),
                help=f"write det({name}) or abs({name})",
            )
        return operand.shape

    # ---------------------------------------------------------------- index notation

    def _indexed(self, node: tree.Indexed, base: Operand) -> Shape:
        if is_delta(node, self.names):
            return self._delta(node)
        axes = base.shape
        if len(axes) > 2:
            return self._entry_of_array(node, base)
        if len(node.subscripts) == 1 and not base.is_matrix:
            axes = (base.shape[1],) if base.is_row else (base.shape[0],)
        if len(node.subscripts) != len(axes):
            raise self._wrong_subscripts(node, base)
        for subscript, axis in zip(node.subscripts, axes, strict=True):
            if subscript.names:
                self._subscript(node, subscript, axis)
        if len(axes) == 1:
            return SCALAR if node.subscripts[0].names else base.shape
        rows, columns = (
            ONE if subscript.names else axis
            for subscript, axis in zip(node.subscripts, axes, strict=True)
        )
        return rows, columns

    def _entry_of_array(self, node: tree.Indexed, base: Operand) -> Shape:
        """An entry of a derivative with more than two axes, each of which has a letter."""
        letters = [name for subscript in node.subscripts for name in subscript.names]
        if len(node.subscripts) != len(base.shape):
            raise self._wrong_subscripts(node, base)
        if len(letters) < len(node.subscripts) or any(isinstance(x, tree.Number) for x in letters):
            raise UnsupportedProblem(
                f"{self.report.text(node)} is more, or less, than an entry",
                span=node.span,
                help=f"write a letter for each of the {len(base.shape)} axes",
            )
        for subscript, axis in zip(node.subscripts, base.shape, strict=True):
            self._subscript(node, subscript, axis)
        return SCALAR

    def _delta(self, node: tree.Indexed) -> Shape:
        """The letters of a delta run over one size, which another factor may tell."""
        letters = [name.name for name in names_of(node)]
        if [len(subscript.names) for subscript in node.subscripts] != [1, 1] or len(letters) != 2:
            raise ShapeProblem(
                f"{self.report.text(node)} is no Kronecker delta",
                span=node.span,
                help="δ takes two letters, as in δ[i,j]",
            )
        size = next((self.letters[x] for x in letters if x in self.letters), self.sizes.fresh())
        for subscript in node.subscripts:
            self._subscript(node, subscript, size)
        return SCALAR

    def _wrong_subscripts(self, node: tree.Indexed, base: Operand) -> ShapeProblem:
        count = len(node.subscripts)
        wanted = "two subscripts" if base.is_matrix else "one subscript"
        if len(base.shape) > 2:
            wanted = f"{len(base.shape)} subscripts"
        return ShapeProblem(
            f"{self.report.text(node)} has {count} subscript{'s' if count > 1 else ''}",
            span=node.span,
            details=(self.report.is_(base),),
            help=f"{self.report.text(base.node)} takes {wanted}",
        )

    def _subscript(self, node: tree.Indexed, subscript: tree.Subscript, axis: Dim) -> None:
        size = ONE
        numbers = [isinstance(name, tree.Number) for name in subscript.names]
        if any(numbers) and len(numbers) > 1:
            raise UnsupportedProblem(
                "a pair of subscripts with a number in it",
                span=subscript.span,
                help="use letters: (j,i) addresses an axis of a Kronecker product or of vec",
            )
        for name in subscript.names:
            if isinstance(name, tree.Name):
                alone = len(subscript.names) == 1
                if name.name not in self.letters:
                    self.letters[name.name] = axis if alone else self.sizes.fresh()
                size = size * self.letters[name.name]
            else:
                self.check_place(name, int(name.value), axis)
                return
        try:
            self.sizes.unify(size, axis)
        except MismatchError as error:
            letter = self.report.text(subscript.span)
            before, here = self.report.size(size), self.report.size(axis)
            why = self.report.nothing_says(error)
            raise ShapeProblem(
                f"index {letter} runs over two sizes",
                span=node.span,
                details=(f"{letter} runs to {before} before, and to {here} here; {why}",),
                help="use another letter, or declare the sizes equal",
            ) from None

    def check_place(self, node: tree.Node, place: int, axis: Dim) -> None:
        """Refuse a place behind the end of an axis, where its size is known."""
        size = self.sizes.resolve(axis)
        if not size.symbols and place > size.coefficient:
            raise ShapeProblem(
                f"subscript {place} is larger than the size {size}",
                span=node.span,
                help="subscripts count from 1",
            )
