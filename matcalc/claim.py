"""Reading a second text about the same problem: a claimed derivative, the other side of an equation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from matcalc.api import read
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder, substitute
from matcalc.core.index import IndexExpr
from matcalc.core.operation import Operation
from matcalc.errors import NameProblem, ShapeProblem, Span, SyntaxProblem
from matcalc.ops import function_names
from matcalc.ops.abstract import abstract_function, partial_derivative
from matcalc.partials import name_partials
from matcalc.passes.elaborate import Reading, elaborate
from matcalc.passes.functions import SPECIAL
from matcalc.passes.statements import IDENTITY, NUMBER_PI, names_in
from matcalc.passes.walk import open_letters
from matcalc.report import declaration, factors, unused_name
from matcalc.syntax import tree
from matcalc.syntax.names import normal_name
from matcalc.syntax.parser import parse_program

#: A left side such as ``∂f/∂X =``, ``∇f =`` or ``f' =``: it says what is claimed, not what it is.
_LEFT = re.compile(r"\s*([∂d][^=;\n]*/\s*[∂d][^=;\n]*|∇[^=;\n]*|\w+['′](\(\w+\))?\s*)=(?!=)")

#: The beginning of a linear map, ``df: dX -> A dX B``.
_MAP = re.compile(r"\s*(?:[^;\n:]*:\s*)?(?P<direction>\w+)\s*(->|→|↦)")


@dataclass(frozen=True)
class Known:
    """What is known of a problem to whoever makes a claim about it.

    Attributes:
        reading: its text.
        function: the function; its parts are looked through for abstract functions.
        rename: what its sizes are called in the claim; the same for all, to see whether a claim
            would make sense with square matrices.
        wrt: the variable, the differential of which a claim may mention.
        axes: those of the derivative, in the tensor convention.
        partials: names that stand for derivatives in the claim, each with its value.
    """

    reading: Reading
    function: Expr | IndexExpr
    rename: Mapping[str, Dim]
    wrt: Symbol
    axes: Shape
    partials: Mapping[Symbol, Expr] = field(default_factory=dict)

    @property
    def differential(self) -> Symbol | None:
        """``dX``, unless that is the name of something else."""
        name = f"d{self.wrt.name}"
        return None if name in self._given() else Symbol(name, self._shape(self.wrt.shape))

    def names(self) -> frozenset[str]:
        """Everything that a claim may mention."""
        differential = () if self.differential is None else (self.differential.name,)
        return self._given() | frozenset(
            (*differential, *(dim.symbols[0] for dim in self.rename.values()))
        )

    def _given(self) -> frozenset[str]:
        reading = self.reading
        functions = [op.name for op in self._functions()]
        partials = [symbol.name for symbol in self.partials]
        return frozenset(
            (*reading.variables, *reading.definitions, *reading.sizes, *functions, *partials)
        )

    def declarations(self) -> list[str]:
        """Everything declared, as text. A definition is a variable until its value is put in."""
        reading = self.reading
        symbols = [self.renamed(symbol) for symbol in reading.variables.values()]
        symbols += [Symbol(n, self._shape(e.shape)) for n, e in reading.definitions.items()]
        symbols += [] if self.differential is None else [self.differential]
        symbols += map(self.renamed, self.partials)
        return [
            *(f"{op.name}: {op.signature}" for op in self._functions()),
            *map(declaration, symbols),
        ]

    def head(self) -> str:
        """The declarations as lines of a text."""
        return "".join(f"{line}\n" for line in self.declarations())

    def sizes(self) -> frozenset[str]:
        """The names of sizes."""
        return frozenset(
            name for size in self.reading.sizes for name in self._dim(Dim.of(size)).symbols
        )

    def renamed(self, symbol: Symbol) -> Symbol:
        """A variable with the sizes that a claim knows."""
        return Symbol(symbol.name, self._shape(symbol.shape), symbol.properties)

    def put_in(self, symbols: Collection[Symbol]) -> dict[Expr, Expr]:
        """What the variables of a claim stand for that are definitions of the problem."""
        definitions = self.reading.definitions
        values = {**definitions, **{s.name: value for s, value in self.partials.items()}}
        return {s: resized(values[s.name], self.rename) for s in symbols if s.name in values}

    def _shape(self, shape: Shape) -> Shape:
        return tuple(map(self._dim, shape))

    def _dim(self, dim: Dim) -> Dim:
        return dim.substitute(dict(self.rename))

    def _functions(self) -> list[Operation]:
        """The abstract functions of the problem and their derivatives, of matrices only the first."""
        roots = [*factors(self.function), *self.reading.definitions.values()]
        found = dict.fromkeys(
            node.op.on_column or node.op
            for node in postorder(*roots)
            if isinstance(node, Apply) and node.op.is_abstract
        )
        for _ in range(2):  # ∇L and ∇²L
            for op in list(found):
                positions = range(len(op.domain_shapes)) if len(op.codomain) == 2 else ()
                found.update(dict.fromkeys(partial_derivative(op, k) for k in positions))
        return [_resized_function(op, self.rename) for op in found]


def claim_text(argument: str, claim: Any) -> str:
    """A claim as text, in whichever form this argument makes it."""
    if isinstance(claim, str | Expr):
        return str(claim)
    return str(read(claim, argument=argument).expr)


def read_claim(text: str, known: Known, fits: Collection[Shape]) -> Expr | IndexExpr:
    """What a text means with the names, shapes and properties of a problem.

    Args:
        text: an expression or index notation, with definitions before it if it likes.
        known: the problem.
        fits: shapes that the claim may have, for what has no size of its own.

    Raises:
        MatcalcError: it cannot be read, or mentions what the problem does not have.
    """
    text = _right_side(text, known)
    found = name_partials(text, known.reading, known.names())
    if found.text == text:
        return _read(text, text, known, fits)
    claims: list[Expr | IndexExpr] = []
    problems: list[ShapeProblem] = []
    for partials in found.values.values():
        try:
            claims.append(_read(found.text, text, replace(known, partials=partials), fits))
        except ShapeProblem as problem:
            problems.append(problem)
    if not claims:
        raise problems[0]
    return next((e for e in claims if isinstance(e, IndexExpr) or e.shape in fits), claims[0])


def _right_side(text: str, known: Known) -> str:
    """What is claimed, without the left side that says of what, or the direction that a map takes."""
    start = 0
    if left := _LEFT.match(text):
        start = left.end()
    elif (arrow := _MAP.match(text)) and known.differential is not None:
        is_map = normal_name(arrow["direction"]) == known.differential.name
        start = arrow.end() if is_map else 0
    return " " * start + text[start:]


def _read(text: str, typed: str, known: Known, fits: Collection[Shape]) -> Expr | IndexExpr:
    """A claim with names for the derivatives in it; as it was typed, it stands in messages."""
    # On lines of their own, declarations keep carets in place.
    head = known.head()
    program = parse_claim(head + text, known)
    if all(statement.span.start < len(head) for statement in program.statements):
        raise SyntaxProblem(
            "the claim holds no expression",
            help="write what the derivative is said to be, such as 2 A x",
        )
    program = _spread(program, known.axes)
    program = tree.Program(program.statements, head + typed)
    _refuse_unknown(program, len(head), known)
    reading = elaborate(program, sizes=known.sizes(), fits=fits)
    replacements = known.put_in(list(reading.variables.values()))
    if reading.expr is not None:
        return substitute(reading.expr, replacements)
    assert reading.index is not None
    return reading.index.substitute(replacements)


def parse_claim(text: str, known: Known) -> tree.Program:
    """The syntax tree of a claim."""
    return parse_program(text, frozenset((*function_names(), *SPECIAL)), known.names())


def _spread(program: tree.Program, axes: Shape) -> tree.Program:
    """``D[i,j,k] = x[k]`` with ones for i and j: nothing on the right says how far they run."""
    *before, last = program.statements
    if not isinstance(last, tree.IndexDefinition) or len(last.subscripts) != len(axes):
        return program
    present = open_letters(last.value).get(id(last.value), frozenset())
    span = last.value.span
    factors: list[tree.Node] = []
    for subscript, dim in zip(last.subscripts, axes, strict=True):
        if not any(isinstance(n, tree.Name) and n.name in present for n in subscript.names):
            factors.append(tree.Indexed(_ones(dim, span), (subscript,), span))
    value = tree.Juxtapose((*factors, last.value), span) if factors else last.value
    return tree.Program((*before, last.replace(value=value)), program.source)


def _ones(dim: Dim, span: Span) -> tree.Call:
    names = (tree.Name(name, span) for name in dim.symbols)
    length = tree.Juxtapose((tree.Number(Fraction(dim.coefficient), span), *names), span)
    return tree.Call("ones", (length,), span, span)


def _resized_function(op: Operation, rename: Mapping[str, Dim]) -> Operation:
    """An abstract function with other sizes."""
    domain, codomain = (
        tuple(tuple(dim.substitute(dict(rename)) for dim in shape) for shape in shapes)
        for shapes in (op.domain_shapes, (op.codomain,))
    )
    return abstract_function(op.name, domain, codomain[0])


def resized(e: Expr, rename: Mapping[str, Dim]) -> Expr:
    """An expression with other sizes."""
    if not rename:
        return e
    done: dict[Expr, Expr] = {}
    for node in postorder(e):
        match node:
            case Symbol():
                shape = tuple(dim.substitute(dict(rename)) for dim in node.shape)
                done[node] = Symbol(node.name, shape, node.properties)
            case Size():
                done[node] = Size(node.dim.substitute(dict(rename)))
            case Apply():
                op = _resized_function(node.op, rename) if node.op.is_abstract else node.op
                done[node] = op(*(done[arg] for arg in node.args))
            case _:
                done[node] = node
    return done[e]


def _refuse_unknown(program: tree.Program, start: int, known: Known) -> None:
    names = {*known.names(), *IDENTITY, NUMBER_PI}
    for statement in program.statements:
        if statement.span.start < start or isinstance(
            statement, tree.Declaration | tree.FunctionDeclaration
        ):
            continue
        for name in names_in(statement.value):
            if name.name not in names:
                raise NameProblem(
                    f"{name.name} is not in the problem that the claim is about",
                    span=name.span,
                    details=(f"its variables are {', '.join(known.reading.variables) or 'none'}",),
                    help="define it in the claim, or declare it with the expression",
                ).at(None, program.source)
        if not isinstance(statement, tree.Expression):
            names.add(statement.name.name)


def read_both(
    first: str, second: str, shapes: object, assume: object
) -> tuple[Reading, Expr, Expr]:
    """Two texts with the same names, read as one problem in which their shapes are equal.

    Returns:
        The reading of both, and the two expressions. Their shapes differ where no sizes make them
        equal.

    Raises:
        MatcalcError: one of them cannot be read, or has no matrix form.
    """
    functions = frozenset((*function_names(), *SPECIAL))
    count = len(parse_program(first, functions).statements)
    program = parse_program(f"{first}\n{second}", functions)
    parts = program.statements[:count], program.statements[count:]
    taken = {*re.findall(r"\w+", program.source), *functions}
    statements: list[tree.Statement] = []
    values: list[tree.Name] = []
    for part, wanted in zip(parts, ("left", "right"), strict=True):
        if not part:
            raise SyntaxProblem("the text is empty", help="type an expression, for example x' A x")
        *before, last = part
        if isinstance(last, tree.Declaration | tree.FunctionDeclaration):
            raise SyntaxProblem(
                "one side of the equation ends without an expression",
                span=last.span,
                source=program.source,
                help="end it with an expression, such as tr(A X)",
            )
        name = last.name if not isinstance(last, tree.Expression) else None
        if name is None:
            name = tree.Name(unused_name(wanted, taken), last.span)
            last = tree.Definition(name, last.value, last.span)
        statements += [*before, last]
        values.append(name)
    left, right = values
    difference = tree.Sum(((1, left), (-1, right)), right.span)
    whole = [tree.Expression(difference, right.span), tree.Expression(right, right.span)]
    for last in whole:
        try:
            reading = elaborate(tree.Program((*statements, last), program.source), shapes, assume)
        except ShapeProblem:
            if last is whole[-1]:
                raise
            continue
        break
    return reading, reading.definitions[left.name], reading.definitions[right.name]
