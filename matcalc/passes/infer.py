"""Kinds of all variables: what the text forces, and the default for the letter where nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from matcalc.core.dim import ONE
from matcalc.passes import kinds
from matcalc.passes.call_kinds import call_axes
from matcalc.passes.declarations import SQUARE
from matcalc.passes.defaults import SCALAR, Defaults, is_lower, letter_kind
from matcalc.passes.functions import (
    many_axes,
)
from matcalc.passes.kinds import Axes, Axis, KnownKind
from matcalc.passes.statements import Equation, Statements, names_in
from matcalc.passes.surprises import beside_arrays, unusual_kinds
from matcalc.passes.translate import divisor_factors, operands
from matcalc.passes.walk import is_delta, is_row_of_ones, letters_of, numerals, postorder
from matcalc.record import Record
from matcalc.syntax import tree


class Kinds(Record):
    """Kinds of the variables.

    Attributes:
        of: whether a variable has more than one row, more than one column.
        defaulted: those that nothing but their letter decides.
        notes: those that are not what their letter says, where that may surprise.
        beside: numbers by their letter alone that are combined entry by entry with an array, and
            that array: ``d`` in ``d .* (X w)``.
    """

    of: dict[str, KnownKind]
    defaulted: frozenset[str]
    notes: tuple[str, ...]
    beside: dict[str, tree.Node]


def infer_kinds(statements: Statements) -> Kinds:
    """Kind of every variable.

    What ``mean(x)`` and its like are taken of is no number unless it is declared to be one: a name
    that came out as one, as in ``x - mean(x)``, is what its letter says, and the sizes clash where
    the user can see it.
    """
    arrays: frozenset[str] = frozenset()
    while True:
        inference = Inference(statements, arrays)
        for equation in statements.equations:
            inference.read(equation)
        inference.defaults.apply(statements.variables)
        shrunk = inference.shrunk()
        if not shrunk:
            break
        arrays |= shrunk
    of = inference.decided()
    notes = unusual_kinds(statements, of, inference.defaults)
    return Kinds(of, frozenset(inference.defaults.used), notes, inference.beside_arrays())


class Inference:
    """One run over a text.

    Args:
        statements: the text.
        arrays: names that are what their letter says, whatever the text forces.
    """

    def __init__(self, statements: Statements, arrays: frozenset[str]) -> None:
        self.statements = statements
        self.arrays = arrays
        self.axis = Axis()
        self.names: dict[str, Axes] = {}
        self.axes: dict[int, Axes] = {}
        self.numerals: set[int] = set()
        self.letters: dict[str, int] = {}
        #: What the letters of sums over an index run over; outside of the sums they mean nothing.
        self.summed: list[int] = []
        #: What reductions are taken of, with the axes of which one at least is longer than 1.
        self.reduced: list[tuple[tree.Node, tuple[int, ...]]] = []
        #: The operands of every ``.*`` and ``./``.
        self.entrywise: list[Sequence[tree.Node]] = []
        self.defaults = Defaults(self.axis, self.names, self.axes)
        self.transposed = {
            node.operand.name
            for equation in statements.equations
            for node in postorder(equation.value)
            if isinstance(node, tree.Transpose) and isinstance(node.operand, tree.Name)
        }
        for name in statements.variables:
            self.names[name] = self._declared(name)

    def _declared(self, name: str) -> Axes:
        axis = self.axis
        if name in self.statements.shapes:
            return axis.of_shape(self.statements.shapes[name])
        if SQUARE.intersection(self.statements.properties.get(name, ())):
            one = axis.fresh(long=True)
            return one, one
        if name in self.arrays:
            rows, columns = letter_kind(name)
            return axis.fresh(long=rows), axis.fresh(long=columns)
        return axis.fresh_pair()

    def decided(self) -> dict[str, KnownKind]:
        """The kinds of the variables, all rules having been applied."""
        long = self.axis.long
        names = {name: self.names[name] for name in self.statements.variables}
        return {
            name: (bool(long(rows)), bool(long(columns))) for name, (rows, columns) in names.items()
        }

    def shrunk(self) -> set[str]:
        """Undeclared names that are smaller than their letter says, where a reduction is left with one entry."""
        of = self.decided()
        suspects = {
            name
            for name, kind in of.items()
            if name not in self.statements.shapes
            and name not in self.arrays
            and sum(kind) < sum(letter_kind(name))
        }
        found: set[str] = set()
        if not suspects:
            return found
        definitions = {e.name.name: e.value for e in self.statements.equations if e.name}
        stack = [
            node for node, axes in self.reduced if not any(self.axis.long(axis) for axis in axes)
        ]
        while stack:
            for name in names_in(stack.pop()):
                if name.name in definitions:
                    stack.append(definitions.pop(name.name))
                found.add(name.name)
        return found & suspects

    def beside_arrays(self) -> dict[str, tree.Node]:
        """Names that are numbers by their letter alone, with the array each is combined with."""
        return beside_arrays(
            self.entrywise,
            lambda node: self.axis.is_scalar(self.axes[id(node)]),
            {name for name in self.defaults.used if letter_kind(name) == SCALAR},
        )

    # ---------------------------------------------------------------- reading

    def read(self, equation: Equation) -> None:
        """Set up the axes and rules of one equation."""
        self.letters, self.summed = {}, []
        self.numerals = numerals(equation.value)
        for node in postorder(equation.value, operands):
            self.axes[id(node)] = self._node(node, [self.axes[id(p)] for p in operands(node)])
        for letter in (*self.letters.values(), *self.summed):
            self.axis.force(letter, True)
        if equation.name is not None:
            axes = self.axes[id(equation.value)]
            if equation.indexed:
                axes = self._indexed_result(equation)
            declared = self.statements.shapes.get(equation.name.name)
            if declared is not None:
                self.axis.join_pairs(axes, self.axis.of_shape(declared))
            self.names[equation.name.name] = axes
        self.axis.propagate()

    def _indexed_result(self, equation: Equation) -> Axes:
        """Axes of what ``f[i,j] = ...`` defines, as its left side says."""
        unit = self.axis.unit
        found = [self._subscript(subscript) for subscript in equation.left or ()]
        rows, columns = (*found, unit, unit)[:2]
        return rows, columns

    def _node(self, node: tree.Node, parts: list[Axes]) -> Axes:
        axis, unit = self.axis, self.axis.unit
        match node:
            case tree.Number():
                return unit, unit
            case tree.Name():
                return self._name(node)
            case tree.Call():
                return call_axes(self, node, parts)
            case tree.Negate() | tree.Bars():
                return parts[0]
            case tree.Norm():
                self.reduced.append((node.operand, parts[0]))
                return unit, unit
            case tree.Juxtapose():
                return self._product(node.factors, parts)
            case tree.Binary():
                return self._binary(node, parts)
            case tree.Sum():
                return self._sum(node, parts)
            case tree.Power():
                return self._power(node, parts)
            case tree.Transpose() if is_row_of_ones(node):
                return unit, axis.fresh(long=True)
            case tree.Transpose():
                self.defaults.transposed(node.operand)
                return parts[0][1], parts[0][0]
            case tree.Inner():
                axis.join_pairs(parts[0], parts[1])
                return unit, unit
            case tree.Indexed():
                self._indexed(node, parts[0])
                whole = [not subscript.names for subscript in node.subscripts]
                whole = whole * 2 if len(whole) == 1 else whole
                rows, columns = (
                    part if is_whole else unit
                    for part, is_whole in zip(parts[0], whole, strict=False)
                )
                return rows, columns
            case tree.IndexSum():
                self.summed.append(self.letters.pop(node.letter.name, unit))
                return parts[0]

    def _name(self, node: tree.Name) -> Axes:
        if node.name in self.names:
            return self.names[node.name]
        if self.statements.is_identity(node.name):
            one = self.axis.fresh(long=True)
            return one, one
        return self.axis.unit, self.axis.unit

    def combine(self, rule: Callable[[Axis, list[Axes], Axes], None], parts: list[Axes]) -> Axes:
        """The axes of what a rule ties to those of its parts."""
        result = self.axis.fresh_pair()
        rule(self.axis, parts, result)
        return result

    def _product(self, factors: Sequence[tree.Node], parts: list[Axes]) -> Axes:
        for left, right in pairwise(factors):
            self.defaults.follows(left, right)
        result = self.combine(kinds.multiply, parts)
        self.defaults.product(factors, result)
        return result

    def _binary(self, node: tree.Binary, parts: list[Axes]) -> Axes:
        axis = self.axis
        match node.operator:
            case "*":
                return self._product(operands(node), parts)
            case ".*" | "./":
                self.entrywise.append(operands(node))
                return self.combine(kinds.broadcast, parts)
            case "kron":
                return self.kron(parts)
            case "\\":
                self.defaults.follows(node.left, node.right)
                kinds.square(axis, parts[0])
                return self.combine(kinds.multiply, [(parts[0][1], parts[0][0]), parts[1]])
            case "/":
                result = axis.fresh_pair()
                factors = divisor_factors(node)
                for left, right in pairwise(factors[1:]):
                    self.defaults.follows(left, right)
                left_factors = operands(node.left) if _is_product(node.left) else (node.left,)
                self.defaults.product((*left_factors, *factors[1:]), result)
                kinds.quotient(
                    axis,
                    parts[0],
                    parts[1:],
                    result,
                    array=self._is_array_divisor(node.left, factors),
                )
                return result

    def _is_array_divisor(self, left: tree.Node, factors: Sequence[tree.Node]) -> bool:
        """Whether what is divided by is written as an array: ``A``, ``x'``, or an ``x`` of which there is an ``x'``.

        Then the division does not make it a number: it is refused unless something else does. In
        ``1/N`` a capital is a number, since a numeral is not divided by a matrix.
        """
        head = factors[0]
        if isinstance(head, tree.Transpose) and len(factors) == 1:
            head = head.operand
        return (
            isinstance(head, tree.Name)
            and head.name in self.statements.variables
            and (
                (not is_lower(head.name) and id(left) not in self.numerals)
                or head.name in self.transposed
            )
        )

    def _sum(self, node: tree.Sum, parts: list[Axes]) -> Axes:
        proper = [
            part
            for (_, term), part in zip(node.terms, parts, strict=True)
            if id(term) not in self.numerals
        ]
        for part in proper[1:]:
            self.axis.join_pairs(proper[0], part)
        return proper[0] if proper else parts[0]

    def _power(self, node: tree.Power, parts: list[Axes]) -> Axes:
        if node.elementwise:
            return self.combine(kinds.broadcast, parts)
        kinds.square(self.axis, parts[0])
        self.axis.join_pairs(parts[1], (self.axis.unit, self.axis.unit))
        return parts[0]

    def kron(self, parts: Iterable[Axes]) -> Axes:
        """The axes of a Kronecker product."""
        pairs = list(parts)
        result = self.axis.fresh_pair()
        for side in (0, 1):
            kinds.size_product(self.axis, [pair[side] for pair in pairs], result[side])
        return result

    def _indexed(self, node: tree.Indexed, base: Axes) -> None:
        """Letters address axes; one subscript addresses the axis that is not of size 1."""
        if is_delta(node, self.names):
            return
        axis = self.axis
        if many := many_axes(node.base, self.statements.functions):
            for subscript, dim in zip(node.subscripts, many, strict=False):
                axis.join(self._subscript(subscript), axis.of_shape((dim, ONE))[0])
            return
        letters = [
            self._subscript(subscript) if subscript.names else whole
            for subscript, whole in zip(node.subscripts, base, strict=False)
        ]
        if len(letters) == 2:
            axis.join_pairs(base, (letters[0], letters[1]))
        elif len(letters) == 1:
            [letter] = letters
            if not node.subscripts[0].names:
                return

            def rule() -> bool:
                if axis.long(base[1]) is True and axis.long(base[0]) is not True:
                    axis.join(base[1], letter)
                    axis.force(base[0], False)
                elif axis.long(base[1]) is False:
                    axis.join(base[0], letter)
                else:
                    return False
                return True

            if not letters_of(node):
                axis.force(letter, True)
            if isinstance(node.base, tree.Name) and axis.known(base) is None:
                axis.force(base[1], False)
            axis.add_rule(rule, (base,))

    def _subscript(self, subscript: tree.Subscript) -> int:
        parts = [
            self.letters.setdefault(name.name, self.axis.fresh())
            if isinstance(name, tree.Name)
            else self.axis.fresh(long=name.value > 1 or None)
            for name in subscript.names
        ]
        if len(parts) == 1:
            return parts[0]
        result = self.axis.fresh()
        kinds.size_product(self.axis, parts, result)
        return result


def _is_product(node: tree.Node) -> bool:
    return isinstance(node, tree.Juxtapose) or (
        isinstance(node, tree.Binary) and node.operator == "*"
    )
