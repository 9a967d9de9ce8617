"""The syntax tree: what was written, with spans, before names, kinds and shapes are known.

Nodes are frozen; sums and products are n-ary, so that a sum of ten thousand terms is one node. Trees
can still be a thousand levels deep: walk them with an explicit stack.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from matcalc.errors import Span
from matcalc.record import Record


class Number(Record):
    """A numeral, exact: ``2``, ``.5``, ``1e-3``, ``½``."""

    value: Fraction
    span: Span


class Name(Record):
    """A name in its normal form: ``x_1`` for ``x₁`` and ``x_{1}``, ``λ`` for ``lambda``."""

    name: str
    span: Span


class Call(Record):
    """A function applied to arguments, ``tr(A)``. ``function`` is the spelling, aliases unresolved."""

    function: str
    args: tuple[Node, ...]
    span: Span
    function_span: Span


class Negate(Record):
    """Unary minus."""

    operand: Node
    span: Span


class Juxtapose(Record):
    """Factors written side by side, ``2 x' A x``: the matrix product, scalars anywhere.

    Right of ``/`` a product in brackets, ``1/(2 m)``, is one factor: its own Juxtapose in another.
    """

    factors: tuple[Node, ...]
    span: Span


class Binary(Record):
    """An explicit operator between two juxtaposed products; left-associative."""

    operator: Literal["*", "/", "./", ".*", "kron", "\\"]
    left: Node
    right: Node
    span: Span
    operator_span: Span


class Sum(Record):
    """``a + b - c``: terms with their signs, +1 or -1."""

    terms: tuple[tuple[int, Node], ...]
    span: Span


class Power(Record):
    """``base ^ exponent``; ``elementwise`` for ``.^``."""

    base: Node
    exponent: Node
    elementwise: bool
    span: Span


class Transpose(Record):
    """``A'`` in any spelling. ``A^-T`` is the transpose of ``A^-1``."""

    operand: Node
    span: Span


class Norm(Record):
    """``||x||``; ``kind`` is what was written as subscript: ``""``, ``"1"``, ``"2"``, ``"F"``."""

    operand: Node
    kind: str
    span: Span


class Bars(Record):
    """``|x|``: absolute value; refused for matrices."""

    operand: Node
    span: Span


class Inner(Record):
    """``<A, B>``: tr(A'B)."""

    left: Node
    right: Node
    span: Span


class Subscript(Record):
    """One place between square brackets: a name, an integer from 1, a composite ``(j,i)``, or ``:``.

    The colon, which stands for the whole axis, has no names.
    """

    names: tuple[Name | Number, ...]
    span: Span


class Indexed(Record):
    """``W[i,j]``, ``inv(X)[i,k]``, ``δ[i,j]``: one entry, in index notation; ``X[:,k]``: a column."""

    base: Node
    subscripts: tuple[Subscript, ...]
    span: Span


class IndexSum(Record):
    """``sum(k, x[k])``: the sum over all values of an index."""

    letter: Name
    value: Node
    span: Span


Node = (
    Number
    | Name
    | Call
    | Negate
    | Juxtapose
    | Binary
    | Sum
    | Power
    | Transpose
    | Norm
    | Bars
    | Inner
    | Indexed
    | IndexSum
)


class ShapeSpec(Record):
    """A declared shape: ``scalar`` is (), ``n`` is (n,), ``(m, n)``; sizes are products of names and numbers."""

    dims: tuple[tuple[int, tuple[str, ...]], ...]
    span: Span


class Declaration(Record):
    """``A, B: (n, n) symmetric``; the shape may be missing when properties are given."""

    names: tuple[Name, ...]
    shape: ShapeSpec | None
    properties: tuple[Name, ...]
    span: Span


class FunctionDeclaration(Record):
    """``L: p -> scalar``, ``F: (n, n), n -> (m, n)``."""

    names: tuple[Name, ...]
    domain: tuple[ShapeSpec, ...]
    codomain: ShapeSpec
    span: Span


class Definition(Record):
    """``z = W x + b``."""

    name: Name
    value: Node
    span: Span


class IndexDefinition(Record):
    """``f[i] = W[i,j] x[j]``: the left side's indices are free, all others are summed."""

    name: Name
    subscripts: tuple[Subscript, ...]
    value: Node
    span: Span


class Expression(Record):
    """The last statement, where it is not a definition."""

    value: Node
    span: Span


Statement = Declaration | FunctionDeclaration | Definition | IndexDefinition | Expression


class Program(Record):
    """A whole input."""

    statements: tuple[Statement, ...]
    source: str


class Rule(Record):
    """A rule of the rule book. ``∂inv(X)[i,j]/∂X[k,l] = ...`` has a ``variable``; ``tr(X) = X[i,i]`` has none.

    ``target`` and ``variable`` are calls or names with their subscripts; ``f(x)' = ...`` is
    a rule whose ``target`` is a Transpose (read: the derivative) of a call without subscripts.
    """

    target: Node
    variable: Node | None
    value: Node
    source: str
