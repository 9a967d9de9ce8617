"""The syntax tree: what was written, with spans, before names, kinds and shapes are known.

Nodes are frozen; sums and products are n-ary, so that a sum of ten thousand terms is one node. Trees
can still be a thousand levels deep: walk them with an explicit stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from matcalc.errors import Span


@dataclass(frozen=True, slots=True)
class Number:
    """A numeral, exact: ``2``, ``.5``, ``1e-3``, ``½``."""

    value: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its normal form: ``x_1`` for ``x₁`` and ``x_{1}``, ``λ`` for ``lambda``."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to arguments, ``tr(A)``. ``function`` is the spelling, aliases unresolved."""

    function: str
    args: tuple[Node, ...]
    span: Span
    function_span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    operand: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Juxtapose:
    """Factors written side by side, ``2 x' A x``: the matrix product, scalars anywhere.

    Right of ``/`` a product in brackets, ``1/(2 m)``, is one factor: its own Juxtapose in another.
    """

    factors: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """An explicit operator between two juxtaposed products; left-associative."""

    operator: Literal["*", "/", "./", ".*", "kron", "\\"]
    left: Node
    right: Node
    span: Span
    operator_span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """``a + b - c``: terms with their signs, +1 or -1."""

    terms: tuple[tuple[int, Node], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Power:
    """``base ^ exponent``; ``elementwise`` for ``.^``."""

    base: Node
    exponent: Node
    elementwise: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Transpose:
    """``A'`` in any spelling. ``A^-T`` is the transpose of ``A^-1``."""

    operand: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Norm:
    """``||x||``; ``kind`` is what was written as subscript: ``""``, ``"1"``, ``"2"``, ``"F"``."""

    operand: Node
    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class Bars:
    """``|x|``: absolute value; refused for matrices."""

    operand: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Inner:
    """``<A, B>``: tr(A'B)."""

    left: Node
    right: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Subscript:
    """One place between square brackets: a name, an integer from 1, a composite ``(j,i)``, or ``:``.

    The colon, which stands for the whole axis, has no names.
    """

    names: tuple[Name | Number, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Indexed:
    """``W[i,j]``, ``inv(X)[i,k]``, ``δ[i,j]``: one entry, in index notation; ``X[:,k]``: a column."""

    base: Node
    subscripts: tuple[Subscript, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IndexSum:
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


@dataclass(frozen=True, slots=True)
class ShapeSpec:
    """A declared shape: ``scalar`` is (), ``n`` is (n,), ``(m, n)``; sizes are products of names and numbers."""

    dims: tuple[tuple[int, tuple[str, ...]], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Declaration:
    """``A, B: (n, n) symmetric``; the shape may be missing when properties are given."""

    names: tuple[Name, ...]
    shape: ShapeSpec | None
    properties: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionDeclaration:
    """``L: p -> scalar``, ``F: (n, n), n -> (m, n)``."""

    names: tuple[Name, ...]
    domain: tuple[ShapeSpec, ...]
    codomain: ShapeSpec
    span: Span


@dataclass(frozen=True, slots=True)
class Definition:
    """``z = W x + b``."""

    name: Name
    value: Node
    span: Span


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """``f[i] = W[i,j] x[j]``: the left side's indices are free, all others are summed."""

    name: Name
    subscripts: tuple[Subscript, ...]
    value: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Expression:
    """The last statement, where it is not a definition."""

    value: Node
    span: Span


Statement = Declaration | FunctionDeclaration | Definition | IndexDefinition | Expression


@dataclass(frozen=True, slots=True)
class Program:
    """A whole input."""

    statements: tuple[Statement, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the rule book. ``∂inv(X)[i,j]/∂X[k,l] = ...`` has a ``variable``; ``tr(X) = X[i,i]`` has none.

    ``target`` and ``variable`` are calls or names with their subscripts; ``f(x)' = ...`` is
    a rule whose ``target`` is a Transpose (read: the derivative) of a call without subscripts.
    """

    target: Node
    variable: Node | None
    value: Node
    source: str
