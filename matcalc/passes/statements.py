"""The statements of a text sorted: what is declared, what is defined, and what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from matcalc.core.dim import ONE, SCALAR, Dim, Shape, describe_shape
from matcalc.core.operation import Operation
from matcalc.errors import (
    DeclarationProblem,
    MatcalcError,
    NameProblem,
    ShapeProblem,
    Span,
    SyntaxProblem,
)
from matcalc.ops import by_call
from matcalc.ops.abstract import abstract_function
from matcalc.passes.declarations import (
    SQUARE,
    check_property,
    contradiction,
    read_assumptions,
    read_shapes,
)
from matcalc.passes.functions import SIZED, SPECIAL
from matcalc.passes.translate import operands
from matcalc.passes.walk import children, is_delta, names_of, open_letters, postorder
from matcalc.record import Record
from matcalc.syntax import tree

#: Names that mean something unless they are declared.
IDENTITY = ("I", "eye")
NUMBER_PI = "π"


class Equation(Record):
    """A value with the name it is given, if any.

    Attributes:
        name: what is defined; None for the expression at the end.
        value: the right side.
        left: subscripts of the left side in index notation; None without a left side or subscripts.
        indexed: whether the right side is in index notation.
    """

    name: tree.Name | None
    value: tree.Node
    left: tuple[tree.Subscript, ...] | None
    indexed: bool
    span: Span


class Statements:
    """A text, sorted. ``equations`` end with what is asked for."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.shapes: dict[str, Shape] = {}
        self.properties: dict[str, tuple[str, ...]] = {}
        self.functions: dict[str, Operation] = {}
        self.sizes: dict[str, Dim] = {}
        self.equations: list[Equation] = []
        #: Variables in order of first appearance.
        self.variables: list[str] = []
        #: Letters of index notation, each with the place where it first occurs.
        self.letters: dict[str, Span] = {}

    def is_identity(self, name: str) -> bool:
        """Whether a name is the identity matrix of the size that fits."""
        return name in IDENTITY and name not in self.shapes and name not in self.variables


def sort_statements(
    program: tree.Program, shapes: object, assume: object, sizes: Iterable[str] = ()
) -> Statements:
    """Sort the statements and check that they agree with each other.

    Raises:
        MatcalcError: declarations contradict each other, a name has two roles, or a definition is
            used before it stands.
    """
    return _Sorter(program, shapes, assume, sizes).run()


class _Sorter:
    def __init__(
        self, program: tree.Program, shapes: object, assume: object, sizes: Iterable[str]
    ) -> None:
        self.program = program
        self.result = Statements(program.source)
        self.outside = read_shapes(shapes)
        self.assumed = read_assumptions(assume)
        self.defined: dict[str, Span] = {}
        #: Where a name is declared, with its properties if it has any.
        self.declared: dict[str, Span] = {}
        #: Where a name was first used as a size, as far as that is in the text.
        self.size_spans: dict[str, Span | None] = dict.fromkeys(sizes)

    def run(self) -> Statements:
        try:
            self._sort()
        except MatcalcError as error:
            raise error.at(None, self.program.source) from None
        return self.result

    def _sort(self) -> None:
        result = self.result
        for name, shape in self.outside.items():
            result.shapes[name] = shape
            self._use_sizes(shape, None)
        for statement in self.program.statements:
            self._statement(statement)
        if not result.equations:  # declarations may also follow what they are about
            raise SyntaxProblem(
                "nothing to differentiate: the text ends without an expression",
                help="end with an expression, such as tr(A X)",
            )
        for equation in result.equations:
            self._sizes_in(equation.value)
        result.sizes = {name: Dim.of(name) for name in self.size_spans}
        self._check_roles()
        self._find_variables()
        self._check_letters()
        self._check_properties()

    # ---------------------------------------------------------------- statements

    def _statement(self, statement: tree.Statement) -> None:
        equations = self.result.equations
        match statement:
            case tree.Declaration():
                self._declare(statement)
                return
            case tree.FunctionDeclaration():
                self._declare_function(statement)
                return
        if equations and equations[-1].name is None:
            raise SyntaxProblem(
                "two expressions: only the last statement may be one without a name",
                span=equations[-1].span,
                help="give it a name, as in z = W x, or remove it",
            )
        match statement:
            case tree.Definition():
                self._define(statement.name)
                indexed = has_letters(statement.value)
                left: tuple[tree.Subscript, ...] | None = () if indexed else None
                equations.append(
                    Equation(statement.name, statement.value, left, indexed, statement.span)
                )
            case tree.IndexDefinition():
                self._define(statement.name)
                equations.append(
                    Equation(
                        statement.name, statement.value, statement.subscripts, True, statement.span
                    )
                )
            case tree.Expression():
                indexed = has_letters(statement.value)
                equations.append(Equation(None, statement.value, None, indexed, statement.span))

    def _declare(self, statement: tree.Declaration) -> None:
        result = self.result
        shape = None if statement.shape is None else _declared_shape(statement.shape)
        if shape is not None:
            assert statement.shape is not None
            self._use_sizes(shape, statement.shape.span)
        for name in statement.names:
            self.declared.setdefault(name.name, statement.span)
            if statement.properties:
                self.declared[name.name] = statement.span
            before = result.shapes.get(name.name)
            if shape is not None and before is not None and before != shape:
                outside = name.name in self.outside
                raise DeclarationProblem(
                    f"{name.name} is declared twice, with different shapes",
                    span=statement.span,
                    details=(
                        f"{name.name} is {describe_shape(shape)} here and {describe_shape(before)}"
                        + (" in shapes=" if outside else " before"),
                    ),
                    help="remove one of the two",
                )
            if name.name in result.functions:
                raise self._two_roles(name.name, "a function", "a variable", name.span)
            if shape is not None:
                result.shapes[name.name] = shape
            words = tuple(word.name for word in statement.properties)
            for word in statement.properties:
                check_property(word.name)
            result.properties[name.name] = (*result.properties.get(name.name, ()), *words)

    def _declare_function(self, statement: tree.FunctionDeclaration) -> None:
        domain = tuple(map(_declared_shape, statement.domain))
        codomain = _declared_shape(statement.codomain)
        for spec, shape in zip(
            (*statement.domain, statement.codomain), (*domain, codomain), strict=True
        ):
            self._use_sizes(shape, spec.span)
        for name in statement.names:
            # A letter may be anything, σ too; a word of the language means one thing.
            if len(name.name) > 1 and by_call(name.name):
                raise DeclarationProblem(
                    f"{name.name} is a function of the language",
                    span=name.span,
                    help=f"choose another name, such as my_{name.name}",
                )
            function = abstract_function(name.name, domain, codomain)
            if self.result.functions.get(name.name, function) is not function:
                raise DeclarationProblem(
                    f"{name.name} is declared twice, as different functions",
                    span=statement.span,
                    details=(
                        f"{name.name} takes {self.result.functions[name.name].signature} before",
                    ),
                    help="remove one of the two",
                )
            if name.name in self.result.shapes or name.name in self.defined:
                raise self._two_roles(name.name, "a variable", "a function", name.span)
            self.result.functions[name.name] = function

    def _define(self, name: tree.Name) -> None:
        if name.name in self.defined:
            raise DeclarationProblem(
                f"{name.name} is defined twice",
                span=name.span,
                help=f"give the second one another name, such as {name.name}_2",
            )
        if name.name in self.result.functions:
            raise self._two_roles(name.name, "a function", "a definition", name.span)
        self.defined[name.name] = name.span

    # ---------------------------------------------------------------- names and their roles

    def _use_sizes(self, shape: Shape, span: Span | None) -> None:
        for dim in shape:
            for symbol in dim.symbols:
                self.size_spans.setdefault(symbol, span)

    def _sizes_in(self, value: tree.Node) -> None:
        for node in postorder(value):
            if isinstance(node, tree.Call) and node.function in SIZED:
                for argument in node.args:
                    for part in postorder(argument):
                        if isinstance(part, tree.Name):
                            self.size_spans.setdefault(part.name, part.span)

    def _check_roles(self) -> None:
        result = self.result
        for name, span in self.size_spans.items():
            if name in IDENTITY:
                raise self._two_roles(name, "the identity matrix", "a size", span)
            for role, names in (
                ("a variable", result.shapes),
                ("a variable", result.properties),
                ("a definition", self.defined),
                ("a function", result.functions),
            ):
                if name in names:
                    raise self._two_roles(name, role, "a size", span)
        for name in (*result.shapes, *self.defined):
            if name != "σ" and (by_call(name) or name in SPECIAL):
                raise NameProblem(
                    f"{name} is a function of the language and cannot be a variable",
                    span=self.defined.get(name),
                    help="choose another name",
                )

    def _two_roles(self, name: str, first: str, second: str, span: Span | None) -> NameProblem:
        return NameProblem(
            f"{name} is used as {first} and as {second}",
            span=span,
            help="give one of the two another name",
        )

    def _find_variables(self) -> None:
        """Variables by first appearance, and definitions used before they stand."""
        result = self.result
        standing: set[str] = set()
        variables: dict[str, None] = {}
        equations = {id(e.value): e for e in result.equations}
        for statement in self.program.statements:
            if isinstance(statement, tree.Declaration):
                found = [name.name for name in statement.names]
                variables.update(dict.fromkeys(n for n in found if n not in self.defined))
            elif not isinstance(statement, tree.FunctionDeclaration):
                equation = equations[id(statement.value)]
                for name in names_in(statement.value):
                    if self._is_variable(name, equation, standing):
                        variables[name.name] = None
                if equation.name is not None:
                    standing.add(equation.name.name)
        variables.update(dict.fromkeys(n for n in self.outside if n not in self.defined))
        result.variables = list(variables)

    def _is_variable(self, name: tree.Name, equation: Equation, standing: set[str]) -> bool:
        word, result = name.name, self.result
        if word in standing or word in result.sizes:
            return False
        if word in result.functions:
            raise NameProblem(
                f"{word} is a function and stands here without arguments",
                span=name.span,
                help=f"write {word}(...): it is declared as {result.functions[word].signature}",
            )
        if equation.name is not None and word == equation.name.name:
            raise DeclarationProblem(
                f"{word} is defined by itself",
                span=name.span,
                help="give the new value a name of its own",
            )
        if word in self.defined:
            raise DeclarationProblem(
                f"{word} is used before its definition",
                span=name.span,
                help=f"move the definition of {word} up; definitions cannot go in circles",
            )
        known = word in result.shapes or word in result.properties
        return known or word not in (*IDENTITY, NUMBER_PI)

    def _check_letters(self) -> None:
        """A letter of index notation runs over a range and can mean nothing else."""
        result = self.result
        for equation in result.equations:
            self._check_sums(equation)
            left = (name for subscript in equation.left or () for name in subscript.names)
            for name in (*left, *_letters_in(equation.value)):
                if isinstance(name, tree.Name):
                    result.letters.setdefault(name.name, name.span)
        for letter, span in result.letters.items():
            for role, names in (
                ("a size", result.sizes),
                ("a variable", result.variables),
                ("a definition", self.defined),
            ):
                if letter in names:
                    last = "; for the last entry write numbers, as in x: 3; x[3]"
                    raise NameProblem(
                        f"{letter} is used as {role} and as an index",
                        span=span,
                        help="use another letter for the index"
                        + (last if role == "a size" else ""),
                    )

    def _check_sums(self, equation: Equation) -> None:
        """``sum(k, ...)`` sums something that is subscripted with k, which means nothing else around it."""
        sums = [node for node in postorder(equation.value) if isinstance(node, tree.IndexSum)]
        if not sums:
            return
        letters = open_letters(equation.value)
        outside = set(letters.get(id(equation.value), ()))
        outside |= {
            n.name for s in equation.left or () for n in s.names if isinstance(n, tree.Name)
        }
        bound: dict[int, frozenset[str]] = {}
        for node in postorder(equation.value):
            inner = frozenset[str]().union(*(bound.get(id(part), ()) for part in children(node)))
            if isinstance(node, tree.IndexSum):
                self._check_sum(node, letters.get(id(node.value), frozenset()), inner | outside)
                inner |= {node.letter.name}
            if inner:
                bound[id(node)] = inner

    def _check_sum(
        self, node: tree.IndexSum, letters: frozenset[str], others: AbstractSet[str]
    ) -> None:
        letter = node.letter.name
        if letter in others:
            raise SyntaxProblem(
                f"index {letter} is summed by sum({letter}, ...) and stands for something else as well",
                span=node.letter.span,
                help="use another letter for one of the two",
            )
        if letter not in letters and letter[0].isupper():
            raise ShapeProblem(
                "the second argument of sum is 1 or 2",
                span=node.value.span,
                help=f"sum({letter}, 1) runs down the columns, sum({letter}, 2) along the rows",
            )
        if letter not in letters:
            raise SyntaxProblem(
                f"sum({letter}, ...) sums nothing that is subscripted with {letter}",
                span=node.span,
                help=f"write sum({letter}, x[{letter}]) for a sum over an index, sum(X, 1) and"
                " sum(X, 2) for sums down the columns and along the rows",
            )

    def _check_properties(self) -> None:
        result = self.result
        for name, words in self.assumed.items():
            if name not in result.variables and name not in self.defined:
                known = ", ".join(result.variables) or "none"
                raise NameProblem(
                    f"an assumption on {name}, which is neither declared nor in the text",
                    details=(f"the variables are {known}",),
                    help=f"declare it, as in shapes={{'{name}': ('n', 'n')}}, or leave it out",
                )
            result.properties[name] = (*result.properties.get(name, ()), *words)
        for name, words in result.properties.items():
            self._check_properties_of(name, words)

    def _check_properties_of(self, name: str, words: tuple[str, ...]) -> None:
        if words and name in self.defined:
            raise DeclarationProblem(
                f"{name} is defined and cannot be assumed {words[0]}",
                span=self.defined[name],
                help="declare properties of the variables that it is made of",
            )
        clash = contradiction(words)
        if clash:
            raise DeclarationProblem(
                f"{name} cannot be both {clash[0]} and {clash[1]}",
                span=self.declared.get(name),
                details=("only the zero matrix could be, or none",),
                help="drop one of the two",
            )
        shape = self.result.shapes.get(name)
        square = next((word for word in words if word in SQUARE), None)
        if shape is None or square is None or shape[0] == shape[1]:
            return
        raise DeclarationProblem(
            f"{name} is declared {square}, but {describe_shape(shape)} is not square",
            span=self.declared.get(name),
            details=(f"{square} matrices have as many rows as columns",),
            help=f"declare {name}: ({shape[0]}, {shape[0]})",
        )


def has_letters(value: tree.Node) -> bool:
    """Whether a tree is in index notation: fixed entries such as ``x[1]`` are plain numbers."""
    return id(value) in open_letters(value)


def _letters_in(value: tree.Node) -> Iterator[tree.Name]:
    """The letters among the subscripts in a tree, from left to right."""
    for node in postorder(value):
        if isinstance(node, tree.Indexed):
            yield from names_of(node)


def names_in(value: tree.Node) -> Iterator[tree.Name]:
    """The names that stand for values in a tree, from left to right."""
    for node in postorder(value, _value_parts):
        if isinstance(node, tree.Name):
            yield node


def _value_parts(node: tree.Node) -> tuple[tree.Node, ...]:
    if isinstance(node, tree.Indexed) and is_delta(node, ()):
        return ()
    return operands(node) if isinstance(node, tree.Call) else children(node)


def _declared_shape(spec: tree.ShapeSpec) -> Shape:
    dims = [Dim(coefficient, tuple(sorted(symbols))) for coefficient, symbols in spec.dims]
    return (*dims, ONE, ONE)[: max(2, len(dims))] if dims else SCALAR
