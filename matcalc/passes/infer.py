"""Kinds of all variables: what the text forces, and the default for the letter where nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from matcalc.core.dim import Dim, Shape
from matcalc.core.operation import Operation
from matcalc.passes import kinds
from matcalc.passes.declarations import SQUARE
from matcalc.passes.functions import (
    Arguments,
    operations,
    signature_operation,
    split_arguments,
)
from matcalc.passes.kinds import Axes, Axis, KnownKind
from matcalc.passes.statements import DELTA, Equation, Statements
from matcalc.passes.translate import divisor_factors, operands, size_of
from matcalc.passes.walk import numerals, postorder
from matcalc.syntax import tree

SCALAR: KnownKind = (False, False)
VECTOR: KnownKind = (True, False)
MATRIX: KnownKind = (True, True)


@dataclass(frozen=True)
class Kinds:
    """Kinds of the variables.

    Attributes:
        of: whether a variable has more than one row, more than one column.
        defaulted: those that nothing but their letter decides.
    """

    of: dict[str, KnownKind]
    defaulted: frozenset[str]


def infer_kinds(statements: Statements) -> Kinds:
    """Kind of every variable."""
    inference = _Inference(statements)
    for equation in statements.equations:
        inference.read(equation)
    inference.apply_defaults()
    axis = inference.axis
    of = {name: _decided(axis, inference.names[name]) for name in statements.variables}
    return Kinds(of, frozenset(inference.defaulted))


def _decided(axis: Axis, axes: Axes) -> KnownKind:
    return bool(axis.long(axes[0])), bool(axis.long(axes[1]))


class _Inference:
    def __init__(self, statements: Statements) -> None:
        self.statements = statements
        self.axis = Axis()
        self.names: dict[str, Axes] = {}
        self.axes: dict[int, Axes] = {}
        self.numerals: set[int] = set()
        #: Lower-case names that a transpose, a function of vectors, or a matrix before them makes
        #: a vector; the last kind with the node before them.
        self.transposed: set[str] = set()
        self.vector_arguments: list[str] = []
        self.after: list[tuple[str, tree.Node, Axes]] = []
        self.letters: dict[str, int] = {}
        self.defaulted: set[str] = set()
        for name in statements.variables:
            self.names[name] = self._declared(name)

    def _declared(self, name: str) -> Axes:
        axis = self.axis
        words = self.statements.properties.get(name, ())
        if name in self.statements.shapes:
            return axis.of_shape(self.statements.shapes[name])
        if SQUARE.intersection(words):
            one = axis.fresh(long=True)
            return one, one
        return axis.fresh_pair()

    # ---------------------------------------------------------------- reading

    def read(self, equation: Equation) -> None:
        """Set up the axes and rules of one equation."""
        self.letters = {}
        self.numerals = numerals(equation.value)
        for node in postorder(equation.value, operands):
            self.axes[id(node)] = self._node(node, [self.axes[id(p)] for p in operands(node)])
        for letter in self.letters.values():
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
        found = [
            self.letters.get(name.name, unit)
            for subscript in equation.left or ()
            for name in subscript.names
            if isinstance(name, tree.Name)
        ]
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
                return self._call(node, parts)
            case tree.Negate() | tree.Bars():
                return parts[0]
            case tree.Norm():
                return unit, unit
            case tree.Juxtapose():
                for left, right in zip(node.factors, node.factors[1:], strict=False):
                    self._follows(left, right)
                return self._combine(kinds.multiply, parts)
            case tree.Binary():
                return self._binary(node, parts)
            case tree.Sum():
                return self._sum(node, parts)
            case tree.Power():
                return self._power(node, parts)
            case tree.Transpose():
                if isinstance(node.operand, tree.Name) and is_lower(node.operand.name):
                    self.transposed.add(node.operand.name)
                return parts[0][1], parts[0][0]
            case tree.Inner():
                axis.join_pairs(parts[0], parts[1])
                return unit, unit
            case tree.Indexed():
                self._indexed(node, parts[0])
                return unit, unit

    def _name(self, node: tree.Name) -> Axes:
        if node.name in self.names:
            return self.names[node.name]
        if self.statements.is_identity(node.name):
            one = self.axis.fresh(long=True)
            return one, one
        return self.axis.unit, self.axis.unit

    def _combine(self, rule: Callable[[Axis, list[Axes], Axes], None], parts: list[Axes]) -> Axes:
        result = self.axis.fresh_pair()
        rule(self.axis, parts, result)
        return result

    def _binary(self, node: tree.Binary, parts: list[Axes]) -> Axes:
        axis = self.axis
        match node.operator:
            case "*":
                self._follows(node.left, node.right)
                return self._combine(kinds.multiply, parts)
            case ".*" | "./":
                return self._combine(kinds.broadcast, parts)
            case "kron":
                return self._kron(parts)
            case "\\":
                self._follows(node.left, node.right)
                kinds.square(axis, parts[0])
                return self._combine(kinds.multiply, [(parts[0][1], parts[0][0]), parts[1]])
            case "/":
                result = axis.fresh_pair()
                factors = divisor_factors(node)
                for left, right in zip(factors[1:], factors[2:], strict=False):
                    self._follows(left, right)
                kinds.quotient(axis, parts[0], parts[1:], result)
                return result

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
            return self._combine(kinds.broadcast, parts)
        kinds.square(self.axis, parts[0])
        self.axis.join_pairs(parts[1], (self.axis.unit, self.axis.unit))
        return parts[0]

    def _kron(self, parts: Iterable[Axes]) -> Axes:
        pairs = list(parts)
        result = self.axis.fresh_pair()
        for side in (0, 1):
            kinds.size_product(self.axis, [pair[side] for pair in pairs], result[side])
        return result

    def _indexed(self, node: tree.Indexed, base: Axes) -> None:
        """Letters address axes; one subscript addresses the axis that is not of size 1."""
        if isinstance(node.base, tree.Name) and node.base.name in DELTA:
            if node.base.name not in self.names:
                return
        axis = self.axis
        letters = [self._subscript(subscript) for subscript in node.subscripts]
        if len(letters) == 2:
            axis.join_pairs(base, (letters[0], letters[1]))
        elif len(letters) == 1:
            [letter] = letters

            def rule() -> bool:
                if axis.long(base[1]) is True and axis.long(base[0]) is not True:
                    axis.join(base[1], letter)
                    axis.force(base[0], False)
                elif axis.long(base[1]) is False:
                    axis.join(base[0], letter)
                else:
                    return False
                return True

            if isinstance(node.base, tree.Name) and axis.known(base) is None:
                axis.force(base[1], False)
            axis.add_rule(rule, (base,))

    def _subscript(self, subscript: tree.Subscript) -> int:
        parts = [
            self.letters.setdefault(name.name, self.axis.fresh())
            if isinstance(name, tree.Name)
            else self.axis.fresh()
            for name in subscript.names
        ]
        if len(parts) == 1:
            return parts[0]
        result = self.axis.fresh()
        kinds.size_product(self.axis, parts, result)
        return result

    # ---------------------------------------------------------------- functions

    def _call(self, node: tree.Call, parts: list[Axes]) -> Axes:
        axis, unit = self.axis, self.axis.unit
        arguments = split_arguments(node)
        match node.function:
            case name if name in self.statements.functions:
                return self._abstract(self.statements.functions[name], parts)
            case "ones" | "zeros" | "eye":
                return self._sized(node, arguments)
            case "vector":
                return axis.fresh(long=True), unit
            case "matrix":
                return axis.fresh(long=True), axis.fresh(long=True)
            case "norm":
                return unit, unit
            case "transpose":
                return (parts[0][1], parts[0][0]) if parts else (unit, unit)
            case "kron":
                return self._kron(parts)
            case "hadamard" | "times" | "power":
                return self._combine(kinds.broadcast, parts)
            case "matmul":
                return self._combine(kinds.multiply, parts)
            case "add":
                for part in parts[1:]:
                    axis.join_pairs(parts[0], part)
                return parts[0]
            case "diag":
                return self._diag(node, parts)
            case "max" | "min":
                return self._extremum(arguments, parts)
        operation = signature_operation(node, arguments)
        if operation is None or not parts:
            return axis.fresh_pair()
        if operation.elementwise:
            return parts[0]
        return self._by_signature(node, operation, parts)

    def _abstract(self, function: Operation, parts: list[Axes]) -> Axes:
        for pattern, part in zip(function.rule.parameters, parts, strict=False):
            assert not isinstance(pattern, str)
            self.axis.join_pairs(part, self.axis.of_shape(pattern))
        return self.axis.of_shape(function.rule.result)

    def _sized(self, node: tree.Call, arguments: Arguments) -> Axes:
        dims = [size_of(size, self.statements.sizes) for size in arguments.sizes]
        if node.function == "eye":
            one = self.axis.of_dim(dims[0]) if dims else self.axis.fresh(long=True)
            return one, one
        rows, columns = (*dims, Dim(), Dim())[:2]
        return self.axis.of_dim(rows), self.axis.of_dim(columns)

    def _diag(self, node: tree.Call, parts: list[Axes]) -> Axes:
        axis, result = self.axis, self.axis.fresh_pair()
        if not parts:
            return result
        self._wants_vector(node.args[0])
        argument = parts[0]

        def rule() -> bool:
            if axis.long(argument[1]) is None:
                return False
            if axis.long(argument[1]):
                axis.join(*argument)
                axis.join_pairs(result, (argument[0], axis.unit))
            else:
                axis.join_pairs(result, (argument[0], argument[0]))
            return True

        axis.add_rule(rule, (argument,))
        return result

    def _extremum(self, arguments: Arguments, parts: list[Axes]) -> Axes:
        axis, unit = self.axis, self.axis.unit
        if len(parts) == 2:
            return self._combine(kinds.broadcast, parts)
        if not arguments.tail or not parts:
            return unit, unit
        return (unit, parts[0][1]) if arguments.tail == ("1",) else (parts[0][0], unit)

    def _by_signature(self, node: tree.Call, operation: Operation, parts: list[Axes]) -> Axes:
        axis = self.axis
        bound: dict[str, int] = {}
        nodes = operands(node)
        for pattern, part, argument in zip(operation.rule.parameters, parts, nodes, strict=False):
            assert not isinstance(pattern, str)
            rows, columns = pattern
            if rows == columns and rows.symbols:
                kinds.square(axis, part)
            elif columns.is_unit and rows.symbols:
                self._wants_vector(argument)
            for dim, one in zip(pattern, part, strict=True):
                if len(dim.symbols) == 1:
                    bound.setdefault(dim.symbols[0], one)
        result = []
        for dim in operation.rule.result:
            if len(dim.symbols) < 2:
                result.append(bound[dim.symbols[0]] if dim.symbols else axis.unit)
            else:
                result.append(axis.fresh())
                kinds.size_product(axis, [bound[s] for s in dim.symbols], result[-1])
        return result[0], result[1]

    def _wants_vector(self, argument: tree.Node) -> None:
        if isinstance(argument, tree.Name) and is_lower(argument.name):
            self.vector_arguments.append(argument.name)

    # ---------------------------------------------------------------- defaults

    def _follows(self, left: tree.Node, right: tree.Node) -> None:
        """Note a lower-case name that follows something which may turn out a matrix."""
        follower = _first_factor(right)
        if isinstance(follower, tree.Name) and is_lower(follower.name):
            if follower.name in self.names:
                self.after.append((follower.name, _last_factor(left), self.names[follower.name]))

    def apply_defaults(self) -> None:
        """Decide what the text leaves open: matrices first, then vectors, then scalars.

        So a name that meets a larger kind in a sum takes that kind.
        """
        variables = self.statements.variables
        self._default((n for n in variables if n[0].isupper()), MATRIX)
        self._default((n for n in self.vector_arguments if n in self.names), VECTOR)
        self._default((n for n in variables if n in self.transposed or _is_vector(n)), VECTOR)
        for name, before, axes in self.after:
            if self.axis.known(axes) is None and self._meets_vector(before):
                self._default((name,), VECTOR)
        self._default(variables, SCALAR)

    def _meets_vector(self, node: tree.Node) -> bool:
        """Whether it is a matrix or row, after which a name is a vector."""
        return self.axis.long(self.axes[id(node)][1]) is True

    def _default(self, names: Iterable[str], kind: KnownKind) -> None:
        axis = self.axis
        for name in names:
            axes = self.names[name]
            rows, columns = axis.long(axes[0]), axis.long(axes[1])
            if rows is None and columns is None:
                self.defaulted.add(name)
                axis.set_kind(axes, kind)
            elif columns is None:
                axis.force(axes[1], bool(rows) and kind[1])
            elif rows is None:
                axis.force(axes[0], kind[0] if not columns else kind == MATRIX)
            axis.propagate()


def is_lower(name: str) -> bool:
    """Whether a name is one that may be a scalar or a vector."""
    return not name[0].isupper()


def _is_vector(name: str) -> bool:
    return "h" <= name[0] <= "z"


def _first_factor(node: tree.Node) -> tree.Node:
    return node.factors[0] if isinstance(node, tree.Juxtapose) else node


def _last_factor(node: tree.Node) -> tree.Node:
    while True:
        match node:
            case tree.Juxtapose():
                node = node.factors[-1]
            case tree.Binary() if node.operator == "*":
                node = node.right
            case _:
                return node
