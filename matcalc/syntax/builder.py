"""Syntax nodes from the parser's reductions, bottom-up: no walk over the tree, whatever its depth.

Every method is the callback of the grammar rule of its name.
"""

# ruff: noqa: D102 (the grammar says what each rule is)

from __future__ import annotations

import unicodedata
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, cast

from matcalc.errors import LimitProblem, Span, SyntaxProblem
from matcalc.syntax import tree
from matcalc.syntax.names import is_plain
from matcalc.syntax.place import span_of
from matcalc.syntax.token import Token

MAX_DIGITS = 1000
_LIMIT = 10**MAX_DIGITS

_OPERATORS = {
    "STAR": "*",
    "SLASH": "/",
    "BACKSLASH": "\\",
    "POINT_STAR": ".*",
    "POINT_SLASH": "./",
    "KRON": "kron",
}
_Operator = Literal["*", "/", "./", ".*", "kron", "\\"]


class TreeBuilder:
    """Callbacks that turn the children of a reduction into a node."""

    # -- atoms

    def name(self, children: list[Token]) -> tree.Name:
        (token,) = children
        return tree.Name(token.value, span_of(token))

    def number(self, children: list[Token]) -> tree.Number:
        (token,) = children
        return tree.Number(_value(token), span_of(token))

    def fraction(self, children: list[Token]) -> tree.Number:
        (token,) = children
        numerator, _, denominator = unicodedata.normalize("NFKC", token).partition("⁄")
        return tree.Number(Fraction(int(numerator), int(denominator)), span_of(token))

    def group(self, children: list[Any]) -> tree.Node:
        """The node between the brackets; its span takes them in."""
        opening, node, closing = children
        result: tree.Node = node.replace(span=Span(opening.start_pos, closing.end_pos))
        return result

    def call(self, children: list[Any]) -> tree.Call | tree.IndexSum:
        """A call; ``sum(k, ...)`` is one unless a dimension stands behind the name."""
        function, _, *args, closing = children
        span = span_of(function)
        match args:
            case [tree.Name() as letter, value] if function.value == "sum":
                if not isinstance(value, tree.Number):
                    return tree.IndexSum(letter, value, span.join(span_of(closing)))
        return tree.Call(function.value, tuple(args), span.join(span_of(closing)), span)

    def root(self, children: list[Any]) -> tree.Call:
        sign, last = children[0], children[-1]
        argument = last if len(children) == 2 else children[2]
        end = span_of(last) if isinstance(last, Token) else last.span
        return tree.Call("sqrt", (argument,), span_of(sign).join(end), span_of(sign))

    def norm(self, children: list[Any]) -> tree.Norm:
        opening, operand, *closing = children
        kind = _norm_kind(closing[1]) if len(closing) > 1 else ""
        return tree.Norm(operand, kind, span_of(opening).join(span_of(closing[-1])))

    def bars(self, children: list[Any]) -> tree.Bars:
        opening, operand, closing = children
        return tree.Bars(operand, span_of(opening).join(span_of(closing)))

    def inner(self, children: list[Any]) -> tree.Inner:
        opening, left, right, closing = children
        return tree.Inner(left, right, span_of(opening).join(span_of(closing)))

    # -- postfix operators

    def transpose(self, children: list[Any]) -> tree.Transpose:
        operand, mark = children
        return tree.Transpose(operand, operand.span.join(span_of(mark)))

    def inverse_transpose(self, children: list[Any]) -> tree.Transpose:
        operand, mark = children
        at = span_of(mark)
        span = operand.span.join(at)
        minus_one = tree.Negate(tree.Number(Fraction(1), at), at)
        return tree.Transpose(tree.Power(operand, minus_one, False, span), span)

    def power(self, children: list[Any]) -> tree.Power:
        base, _, exponent = children
        return tree.Power(base, exponent, False, base.span.join(exponent.span))

    def elementwise_power(self, children: list[Any]) -> tree.Power:
        base, _, exponent = children
        return tree.Power(base, exponent, True, base.span.join(exponent.span))

    def superscript(self, children: list[Any]) -> tree.Power:
        base, mark = children
        at = span_of(mark)
        if len(mark) > MAX_DIGITS:
            raise _too_many_digits(mark)
        negative = mark.startswith("⁻")
        digits = unicodedata.normalize("NFKC", mark[negative:])
        exponent: tree.Node = tree.Number(Fraction(int(digits)), at)
        if negative:
            exponent = tree.Negate(exponent, at)
        return tree.Power(base, exponent, False, base.span.join(at))

    def indexed(self, children: list[Any]) -> tree.Indexed:
        base, subscripts, closing = children
        if isinstance(base, tree.Indexed):
            raise _indexed_twice(base, subscripts, base.span.join(span_of(closing)))
        return tree.Indexed(base, subscripts, base.span.join(span_of(closing)))

    def subscripts(self, children: list[tree.Subscript]) -> tuple[tree.Subscript, ...]:
        return tuple(children)

    def subscript(self, children: list[Any]) -> tree.Subscript:
        names = tuple(child for child in children if not isinstance(child, Token))
        for name in names:
            if isinstance(name, tree.Number) and (name.value.denominator > 1 or name.value < 1):
                raise SyntaxProblem("an index is a name or a whole number from 1", span=name.span)
        first, last = children[0], children[-1]
        if isinstance(first, Token):
            return tree.Subscript(names, span_of(first).join(span_of(last)))
        return tree.Subscript(names, first.span)

    def whole_axis(self, children: list[Token]) -> tree.Subscript:
        return tree.Subscript((), span_of(children[0]))

    # -- signs, products, sums

    def negate(self, children: list[Any]) -> tree.Negate:
        sign, operand = children
        return tree.Negate(operand, span_of(sign).join(operand.span))

    def plus(self, children: list[Any]) -> tree.Node:
        _, operand = children
        return cast(tree.Node, operand)

    def juxtaposition(self, children: list[tree.Node]) -> tree.Juxtapose:
        return tree.Juxtapose(tuple(children), children[0].span.join(children[-1].span))

    def product(self, children: list[Any]) -> tree.Node:
        left: tree.Node = children[0]
        for operator, right in zip(children[1::2], children[2::2], strict=True):
            symbol = cast(_Operator, _OPERATORS[operator.type])
            divisor = _closed(right) if symbol == "/" else right
            span = left.span.join(right.span)
            left = tree.Binary(symbol, left, divisor, span, span_of(operator))
        return left

    def sum(self, children: list[Any]) -> tree.Sum:
        signs = (1, *(-1 if sign.type == "MINUS" else 1 for sign in children[1::2]))
        terms = tuple(zip(signs, children[::2], strict=True))
        return tree.Sum(terms, children[0].span.join(children[-1].span))

    # -- statements

    def size(self, children: list[Token]) -> tuple[int, tuple[str, ...], Span]:
        _check_product_of_sizes(children)
        coefficient, symbols = 1, []
        for child in children:
            if child.type == "SIZE":
                symbols.append(child.value)
            elif child.type == "NUMBER":
                value = _value(child)
                if value.denominator > 1 or value < 1:
                    raise SyntaxProblem(
                        "a size is a name, a whole number from 1, or a product of these",
                        span=span_of(child),
                    )
                coefficient *= int(value)
        return coefficient, tuple(symbols), span_of(children[0]).join(span_of(children[-1]))

    def scalar(self, children: list[Token]) -> tree.ShapeSpec:
        return tree.ShapeSpec((), span_of(children[0]))

    def vector(self, children: list[tuple[int, tuple[str, ...], Span]]) -> tree.ShapeSpec:
        ((coefficient, symbols, span),) = children
        return tree.ShapeSpec(((coefficient, symbols),), span)

    def dimensions(self, children: list[Any]) -> tree.ShapeSpec:
        opening, *sizes, closing = children
        span = span_of(opening).join(span_of(closing))
        return tree.ShapeSpec(tuple(size[:2] for size in sizes), span)

    def names(self, children: list[Token]) -> tuple[tree.Name, ...]:
        return tuple(tree.Name(token.value, span_of(token)) for token in children)

    def part(self, children: list[Any]) -> tuple[tree.ShapeSpec | None, tuple[tree.Name, ...]]:
        shape = None if isinstance(children[0], Token) else _matrix_at_most(children[0])
        words = children if shape is None else children[1:]
        return shape, tuple(tree.Name(word.value, span_of(word)) for word in words)

    def parts(self, children: list[Any]) -> list[Any]:
        return children

    def declaration(self, children: list[Any]) -> tree.Declaration:
        names, _, parts = children
        shape = parts[0][0]
        for extra, _ in parts[1:]:
            if extra is not None:
                raise SyntaxProblem(
                    "a second shape in one declaration",
                    span=extra.span,
                    help="a matrix has its sizes in brackets: (m, n); declarations are separated by ;",
                )
        properties = tuple(word for _, words in parts for word in words)
        last = properties[-1].span if properties else shape.span
        return tree.Declaration(names, shape, properties, names[0].span.join(last))

    def function_declaration(self, children: list[Any]) -> tree.FunctionDeclaration:
        names, _, parts, codomain = children
        for shape, words in parts:
            if shape is None or words:
                raise SyntaxProblem(
                    "a property in the declaration of a function",
                    span=words[0].span,
                    help="a function is declared by shapes alone: L: n -> scalar",
                )
        domain = tuple(shape for shape, _ in parts)
        if not names[0].name.startswith(("∂", "∇")):
            _matrix_at_most(codomain)
        span = names[0].span.join(codomain.span)
        return tree.FunctionDeclaration(names, domain, codomain, span)

    def definition(self, children: list[Any]) -> tree.Definition | tree.IndexDefinition:
        left, _, value = children
        span = left.span.join(value.span)
        if isinstance(left, tree.Name):
            return tree.Definition(left, value, span)
        if isinstance(left, tree.Indexed) and isinstance(left.base, tree.Name):
            return tree.IndexDefinition(left.base, left.subscripts, value, span)
        raise SyntaxProblem(
            "what stands left of = is not a name",
            span=left.span,
            details=("a definition is written z = W x + b or z[i] = W[i,j] x[j]",),
            help=_definition_help(left),
        )

    def expression(self, children: list[tree.Node]) -> tree.Expression:
        (value,) = children
        return tree.Expression(value, value.span)

    def program(self, children: list[Any]) -> tuple[tree.Statement, ...]:
        return tuple(child for child in children if not isinstance(child, Token))

    # -- rules

    def rule(self, children: list[Any]) -> tree.Rule:
        target, _, value = children
        return tree.Rule(target, None, value, "")

    def partial_rule(self, children: list[Any]) -> tree.Rule:
        target, _, variable, _, value = children
        return tree.Rule(target, variable, value, "")


def _matrix_at_most(shape: tree.ShapeSpec) -> tree.ShapeSpec:
    """Refuse more than two sizes; only derivatives of functions, ``∂F``, have more."""
    if len(shape.dims) > 2:
        raise SyntaxProblem(
            f"a shape of {len(shape.dims)} sizes",
            span=shape.span,
            details=("variables are scalars, vectors and matrices: at most two sizes",),
        )
    return shape


def _closed(right: tree.Node) -> tree.Node:
    """A divisor in brackets is one factor; ``1/2 m`` leaves open how far the divisor goes."""
    if isinstance(right, tree.Juxtapose) and right.span.end > right.factors[-1].span.end:
        return tree.Juxtapose((right,), right.span)
    return right


def _check_product_of_sizes(factors: list[Token]) -> None:
    """Refuse ``n by n``, ``n rows`` and ``2 columns``: a word beside a size is a remark, not a size.

    A word is a size where it stands alone, ``X: (batch, d)``, or with a sign: ``batch*d``.
    """
    for left, right in pairwise(factors):
        if "STAR" in {left.type, right.type}:
            continue
        for factor in (left, right):
            if factor.type == "SIZE" and not is_plain(factor.value):
                sizes = [f.value for f in factors if f.type == "NUMBER" or is_plain(f.value)]
                shape = ", ".join(sizes if len(sizes) == 2 else ("m", "n"))
                raise SyntaxProblem(
                    f"{factor.value} beside another size is not a size",
                    span=span_of(factor),
                    help=f"write A: ({shape}) for a matrix; a product of sizes with words in it"
                    " takes a sign, batch*n",
                )


def _value(token: Token) -> Fraction:
    """Value of a numeral, exactly."""
    mantissa, _, exponent = token.lower().partition("e")
    digits = len(mantissa) - ("." in mantissa)
    # The power of ten is bounded before it is computed; what it comes to is looked at afterwards.
    if digits > MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or 0)) > 2 * MAX_DIGITS:
        raise _too_many_digits(token)
    if mantissa.isdigit() and not exponent:
        return Fraction(int(mantissa))
    value = Fraction(mantissa.rstrip(".")) * Fraction(10) ** int(exponent or 0)
    if max(value.numerator, value.denominator) >= _LIMIT:
        raise _too_many_digits(token)
    return value


def _too_many_digits(token: Token) -> LimitProblem:
    return LimitProblem(
        f"a numeral of more than {MAX_DIGITS} digits",
        span=span_of(token),
        help="use a name in its place",
    )


def _norm_kind(token: Token) -> str:
    written = unicodedata.normalize("NFKC", token).strip("_{} \t")
    kind = {"fro": "F", "f": "F"}.get(written, written)
    if kind not in {"1", "2", "F"}:
        raise SyntaxProblem(
            f"the norm {token} is not known",
            span=span_of(token),
            details=("the norms are ||x||, ||x||_1, ||x||_2 and ||X||_F",),
        )
    return kind


def _definition_help(left: tree.Node) -> str | None:
    """For ``f(x) = ...``, where no blank parts the name from its argument."""
    match left:
        case tree.Juxtapose((tree.Name() as name, argument)) if (
            name.span.end == argument.span.start
        ):
            return f"write {name.name} = ... ; the variables need not be listed"
    return None


def _indexed_twice(
    base: tree.Indexed, subscripts: tuple[tree.Subscript, ...], span: Span
) -> SyntaxProblem:
    """``A[i][j]``."""
    words = [
        str(part.name if isinstance(part, tree.Name) else part.value)
        for subscript in (*base.subscripts, *subscripts)
        for part in subscript.names
        if isinstance(part, tree.Name | tree.Number)
    ]
    name = base.base.name if isinstance(base.base, tree.Name) else "A"
    return SyntaxProblem(
        "an index of an index", span=span, help=f"write {name}[{','.join(words)}] with one bracket"
    )
