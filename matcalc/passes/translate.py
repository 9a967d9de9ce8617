"""Syntax tree to expression, where every shape is known.

What the tree leaves open, inference has decided and put into the ``Scope``: the shape of the names,
which of the two readings a quotient has, and the size of everything that takes the size that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet

from matcalc.core.dim import ONE, Dim, Shape
from matcalc.core.expr import Constant, Expr, Size
from matcalc.core.operation import Operation
from matcalc.errors import MatcalcError, NameProblem, ShapeProblem, Span
from matcalc.ops.abstract import over_columns
from matcalc.ops.constant import PI, UNIT
from matcalc.ops.elementwise import ABS
from matcalc.ops.linalg import TRACE
from matcalc.ops.reduction import NORM1, NORM2
from matcalc.ops.structural import KRON
from matcalc.passes import construct
from matcalc.passes.build import ones
from matcalc.passes.functions import (
    FILLED,
    SIZED,
    Arguments,
    choose_operation,
    sized_arguments,
    split_arguments,
)
from matcalc.passes.runs import is_open
from matcalc.passes.walk import children, postorder
from matcalc.record import EMPTY, Record
from matcalc.syntax import tree


class Scope(Record):
    """What the names and the undecided places of a tree mean.

    Attributes:
        names: variables and definitions.
        sizes: names that are sizes; they may stand as numbers.
        functions: abstract functions.
        fitted: shapes of the nodes that take the size that fits (``I``, ``vector(c)``, the term of
            numerals in ``1 + x``), by the id of the node.
        whole_divisors: ids of the quotients that divide by a whole juxtaposed product.
        sums: values of the sums over an index, by the id of the node.
        places: takes where each part stands first, if given.
    """

    names: Mapping[str, Expr]
    sizes: Mapping[str, Dim] = EMPTY
    functions: Mapping[str, Operation] = EMPTY
    fitted: Mapping[int, Shape] = EMPTY
    whole_divisors: AbstractSet[int] = frozenset()
    sums: Mapping[int, Expr] = EMPTY
    places: MutableMapping[Expr, Span] | None = None


def translate(root: tree.Node, scope: Scope) -> Expr:
    """The expression that a tree without subscripts is.

    Raises:
        MatcalcError: with the span of the smallest part that is to blame.
    """
    values: dict[int, Expr] = dict(scope.sums)

    def parts(node: tree.Node) -> tuple[tree.Node, ...]:
        return () if id(node) in scope.sums else operands(node)

    for node in postorder(root, parts):
        if id(node) in scope.sums:
            continue
        try:
            value = _translate(node, [values[id(part)] for part in operands(node)], scope)
            if id(node) in scope.fitted and value.is_scalar:
                value = construct.filled(value, scope.fitted[id(node)])
        except MatcalcError as error:
            raise error.at(node.span, None) from None
        values[id(node)] = value
        if scope.places is not None:
            scope.places.setdefault(value, node.span)
    return values[id(root)]


def operands(node: tree.Node) -> tuple[tree.Node, ...]:
    """The parts of a node that are expressions of their own.

    Sizes, dimensions and kinds of norms are not. The factors of an open divisor count one by one,
    since ``x' / a y z`` may be ``(x' y / a) z`` although there is no product ``y z``.
    """
    if isinstance(node, tree.Call):
        return split_arguments(node).operands
    if isinstance(node, tree.Binary):
        if node.operator in ("*", ".*"):
            return chain_factors(node)
        return (node.left, *divisor_factors(node))
    return children(node)


def chain_factors(node: tree.Binary) -> tuple[tree.Node, ...]:
    """The factors of ``a * b * c``, which is one product however it is nested, at once."""
    factors = [node.right]
    left = node.left
    while (
        isinstance(left, tree.Binary) and left.operator == node.operator and not in_brackets(left)
    ):
        factors.append(left.right)
        left = left.left
    return (left, *reversed(factors))


def divisor_factors(node: tree.Binary) -> tuple[tree.Node, ...]:
    """The factors right of ``/`` that may or may not belong to the divisor; else the right side.

    A product in brackets, whose span takes them in, is the divisor as a whole.
    """
    right = node.right
    if node.operator != "/" or not isinstance(right, tree.Juxtapose) or in_brackets(right):
        return (right,)
    return right.factors


def in_brackets(node: tree.Node) -> bool:
    """Whether a product or sum stands in brackets of its own: then its span takes them in."""
    match node:
        case tree.Juxtapose():
            return node.span != node.factors[0].span.join(node.factors[-1].span)
        case tree.Binary():
            return node.span != node.left.span.join(node.right.span)
        case tree.Sum():
            return node.span != node.terms[0][1].span.join(node.terms[-1][1].span)
    return False


def _translate(node: tree.Node, args: list[Expr], scope: Scope) -> Expr:
    match node:
        case tree.Number():
            return Constant(node.value)
        case tree.Name():
            return _name(node, scope)
        case tree.Call():
            return _call(node, tuple(args), scope)
        case tree.Negate():
            return construct.negate(args[0])
        case tree.Juxtapose():
            return construct.multiply(args)
        case tree.Binary():
            return _binary(node, args, scope)
        case tree.Sum():
            return construct.add(
                arg if sign > 0 else construct.negate(arg)
                for (sign, _), arg in zip(node.terms, args, strict=True)
            )
        case tree.Power():
            return _power(node, *args)
        case tree.Transpose() if id(node) in scope.fitted:
            _, size = scope.fitted[id(node)]
            return construct.transpose(ones((size, ONE)))
        case tree.Transpose():
            return construct.transpose(args[0])
        case tree.Norm():
            return NORM1(args[0]) if node.kind == "1" else NORM2(args[0])
        case tree.Bars():
            return ABS(args[0])
        case tree.Inner():
            return inner_product(*args)
        case tree.Indexed():
            return fixed_entry(args[0], node)
        case tree.IndexSum():
            raise ShapeProblem("a sum over an index stands where a whole array is expected")


def _name(node: tree.Name, scope: Scope) -> Expr:
    if node.name in scope.names:
        return scope.names[node.name]
    if node.name in scope.sizes:
        return construct.size(scope.sizes[node.name])
    if id(node) in scope.fitted:
        return construct.eye(scope.fitted[id(node)][0])
    if node.name in ("pi", "π"):
        return PI()
    raise NameProblem(f"unknown name {node.name}")


def _binary(node: tree.Binary, args: list[Expr], scope: Scope) -> Expr:
    left, *right = args
    match node.operator:
        case "*":
            return construct.multiply(args)
        case ".*":
            return construct.hadamard(args)
        case "./":
            return construct.divide(left, right[0])
        case "kron":
            return kronecker(args)
        case "\\":
            return construct.multiply((construct.inverse(left), right[0]))
        case "/":
            if id(node) in scope.whole_divisors or len(right) == 1:
                return construct.divide(left, construct.multiply(right))
            return construct.multiply((construct.divide(left, right[0]), *right[1:]))


def _power(node: tree.Power, base: Expr, exponent: Expr) -> Expr:
    if node.elementwise or base.is_scalar:
        return construct.power(base, exponent)
    return construct.matrix_power(base, exponent)


def fixed_entry(base: Expr, node: tree.Indexed) -> Expr:
    """``X[1,2]`` is a product with unit vectors; ``x[2]`` counts along the axis that is longer than 1."""
    units: list[Expr] = []
    axes = base.shape if len(node.subscripts) > 1 else base.axes or (ONE,)
    for subscript, axis in zip(node.subscripts, axes, strict=True):
        match subscript.names:
            case ():
                units.append(Constant(1))
            case (tree.Number(value=place),):
                size = Size(axis)
                units.append(Constant(1) if axis.is_unit else UNIT(size, Size(Dim.of(int(place)))))
            case _:
                raise ShapeProblem("an entry stands where a whole array is expected")
    if len(units) == 1:
        units = [Constant(1), *units] if base.shape[0].is_unit else [*units, Constant(1)]
    row, column = units
    return construct.multiply((construct.transpose(row), base, column))


def inner_product(left: Expr, right: Expr) -> Expr:
    """``<A, B>`` is tr(A'B), for vectors x'y."""
    product = construct.multiply((construct.transpose(left), right))
    return product if product.is_scalar else TRACE(product)


def kronecker(args: list[Expr] | tuple[Expr, ...]) -> Expr:
    """The Kronecker product, which is associative, of two or more arrays."""
    flat: list[Expr] = []
    for arg in args:
        inner = is_open(KRON, arg)
        flat.extend(arg.args if inner else (arg,))
    return KRON(*flat)


def _call(node: tree.Call, args: tuple[Expr, ...], scope: Scope) -> Expr:
    if node.function in scope.functions:
        return applied(scope.functions[node.function], args)
    arguments = split_arguments(node)
    if node.function in SIZED:
        return _constant_array(node, arguments, scope)
    if node.function in FILLED:
        return construct.filled(args[0], scope.fitted[id(node)])
    if node.function == "norm":
        return NORM1(args[0]) if arguments.tail == ("1",) else NORM2(args[0])
    operation = choose_operation(node, arguments, tuple(arg.shape for arg in args))
    if len(args) < len(operation.parameters):
        # max(a, 1) of a number: what would be the dimension of a matrix is compared with.
        args = (*args, *(Constant(int(literal)) for literal in arguments.tail))
    return apply_operation(operation, args)


def applied(function: Operation, args: tuple[Expr, ...]) -> Expr:
    """An abstract function of arguments, or of every column of them."""
    shapes = tuple(arg.shape for arg in args)
    return (function if shapes == function.domain_shapes else over_columns(function, shapes))(*args)


def apply_operation(operation: Operation, args: tuple[Expr, ...]) -> Expr:
    """The canonical form of an operation called by name."""
    constructor = _CONSTRUCTORS.get(operation.name)
    return constructor(args) if constructor else operation(*args)


_CONSTRUCTORS: dict[str, Callable[[tuple[Expr, ...]], Expr]] = {
    "add": construct.add,
    "matmul": construct.multiply,
    "times": construct.hadamard,
    "transpose": lambda args: construct.transpose(*args),
    "power": lambda args: construct.power(*args),
    "matpow": lambda args: construct.matrix_power(*args),
    "kron": kronecker,
    "inv": lambda args: construct.inverse(*args),
}


def size_of(node: tree.Node, sizes: Mapping[str, Dim]) -> Dim:
    """The size that an argument of ``ones``, ``zeros`` and ``eye`` is: ``n``, ``3``, ``2 m n``."""
    result = ONE
    stack = [node]
    while stack:
        part = stack.pop()
        match part:
            case tree.Number() if part.value.denominator == 1 and part.value > 0:
                result = result * Dim.of(int(part.value))
            case tree.Name():
                result = result * sizes.get(part.name, Dim.of(part.name))
            case tree.Juxtapose():
                stack.extend(part.factors)
            case tree.Binary() if part.operator == "*":
                stack += [part.left, part.right]
            case _:
                raise ShapeProblem(
                    "a size must be a positive integer, a name or a product of them",
                    span=part.span,
                    help="write it as in eye(n), ones(m, 3) or ones(2 n)",
                )
    return result


def _constant_array(node: tree.Call, arguments: Arguments, scope: Scope) -> Expr:
    sizes = sized_arguments(node.function, [size_of(size, scope.sizes) for size in arguments.sizes])
    assert sizes is not None
    array = SIZED[node.function](*sizes)
    if array.is_scalar:
        return Constant(0 if node.function == "zeros" else 1)
    return array
