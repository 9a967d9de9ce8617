"""The rule book, read: rule texts of the operation records turned into local Jacobians in index notation."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from matcalc.core.dim import SCALAR, Dim
from matcalc.core.expr import Expr, Size, Symbol
from matcalc.core.index import Composite, Factor, Index, Slot, Term
from matcalc.core.operation import Operation
from matcalc.errors import UnsupportedProblem
from matcalc.ops.abstract import has_columns, partial_derivative
from matcalc.ops.constant import EYE
from matcalc.passes.index_notation import build_matrix, lower_value
from matcalc.record import Record
from matcalc.syntax import tree
from matcalc.syntax.parser import parse_rule

#: How many rules are kept: those of all operations, and some of the functions that users declare.
RULES = 1 << 10


class LocalJacobian(Record):
    """Derivative of one operation by one of its arguments, over placeholders.

    Attributes:
        parameters: the placeholders that stand for the arguments.
        output: slots of the operation's value; composite for vec and kron.
        argument: indices of the argument that is varied.
        terms: the derivative; indices that are in neither are summed.
    """

    parameters: tuple[Expr, ...]
    output: tuple[Slot, ...]
    argument: tuple[Index, ...]
    terms: tuple[Term, ...]


@lru_cache(RULES)
def placeholders(op: Operation) -> tuple[Expr, ...]:
    """Symbols that stand for the arguments in the rules, with the shapes of the signature.

    A number without a derivative counts: it is a size.
    """
    found: list[Expr] = []
    for position, (name, shape) in enumerate(zip(op.parameters, op.rule.parameters, strict=True)):
        if op.partial[position : position + 1] == ("",) and shape == SCALAR:
            found.append(Size(Dim.of(name)))
        else:
            found.append(
                Symbol(name, SCALAR if op.elementwise or isinstance(shape, str) else shape)
            )
    return tuple(found)


@lru_cache(RULES)
def local_jacobian(op: Operation, position: int) -> LocalJacobian:
    """The rule of an operation for one argument.

    Raises:
        UnsupportedProblem: the operation has no rule for this argument.
    """
    if op.is_abstract:
        return _of_abstract_function(op, position)
    if op.index_form:
        return _by_product_rule(op, position)
    if position < len(op.partial) and op.partial[position]:
        return _from_partial(op, position)
    if op.applied or op.commuting:
        function = op.spelling.rpartition("_")[0]
        raise UnsupportedProblem(
            f"the second derivative of {function} by its matrix, that of {op.spelling}, is not known",
            help=f"those of all orders by what commutes with the matrix are, as by t in {function}(t A)",
        )
    raise UnsupportedProblem(
        f"the derivative of {op.spelling} by its argument {op.parameters[position]} is not known to matcalc"
    )


@lru_cache(RULES)
def scalar_derivative(op: Operation, position: int) -> Expr:
    """Derivative of an element-wise operation, over scalar placeholders.

    Raises:
        UnsupportedProblem: the operation has no rule for this argument.
    """
    if op.slopes:
        return op.slopes[position](*placeholders(op))
    if position >= len(op.partial) or not op.partial[position]:
        raise UnsupportedProblem(f"the derivative of {op.spelling} is not known to matcalc")
    rule = parse_rule(op.partial[position])
    return build_matrix(rule.value, _bases(op), {})


@lru_cache(RULES)
def definition(op: Operation) -> Expr:
    """The operation in terms of others, over its placeholders."""
    return build_matrix(parse_rule(op.definition).value, _bases(op), _sizes(op))


@lru_cache(RULES)
def commuting_form(op: Operation) -> Expr:
    """What it is where its last argument commutes with the first, over its placeholders."""
    return build_matrix(parse_rule(op.commuting).value, _bases(op), _sizes(op))


def _bases(op: Operation) -> dict[str, Expr]:
    return dict(zip(op.parameters, placeholders(op), strict=True))


def _sizes(op: Operation) -> dict[str, Dim]:
    symbols = (s for p in placeholders(op) for dim in p.shape for s in dim.symbols)
    return {symbol: Dim.of(symbol) for symbol in symbols}


def _slots(
    node: tree.Node | None, dims: tuple[Dim, ...], known: dict[str, Index]
) -> tuple[tuple[str, ...], ...]:
    """Letters of the subscripts of a left side, axes of size 1 left out.

    The plain ones are added to ``known``; the parts of a composite one such as ``vec(X)[(j,i)]`` have the
    ranges that the right side gives them.
    """
    if not isinstance(node, tree.Indexed):
        return ()
    slots: list[tuple[str, ...]] = []
    for subscript, dim in zip(node.subscripts, dims, strict=True):
        if dim.is_unit:
            continue
        names = tuple(n.name for n in subscript.names if isinstance(n, tree.Name))
        if len(names) == 1:
            known.setdefault(names[0], Index(dim, names[0]))
        slots.append(names)
    return tuple(slots)


def _resolve(
    slots: tuple[tuple[str, ...], ...], known: dict[str, Index], terms: tuple[Term, ...]
) -> tuple[Slot, ...]:
    """The slots themselves; letters that are not known yet are found in the terms."""
    letters = {index.hint: index for term in terms for index in term.indices()} | known
    found = (tuple(letters[name] for name in names) for names in slots)
    return tuple(parts[0] if len(parts) == 1 else Composite(parts) for parts in found)


def _output_dims(op: Operation, node: tree.Node) -> tuple[Dim, ...]:
    """Dims of the subscripted axes: a vector may be written with one subscript."""
    dims = op.rule.result
    count = len(node.subscripts) if isinstance(node, tree.Indexed) else 0
    return dims if count == 2 else tuple(dim for dim in dims if not dim.is_unit)


def _by_product_rule(op: Operation, position: int) -> LocalJacobian:
    rule = parse_rule(op.index_form)
    known: dict[str, Index] = {}
    slots = _slots(rule.target, _output_dims(op, rule.target), known)
    parameters = placeholders(op)
    varied = parameters[position]
    argument = tuple(Index(dim, "") for dim in varied.axes)
    value = lower_value(rule.value, _bases(op), known, _sizes(op))
    output = _resolve(slots, known, value)
    terms = []
    for term in value:
        for place, factor in enumerate(term.factors):
            if factor.expr is varied:
                others = term.factors[:place] + term.factors[place + 1 :]
                terms.append(Term(term.coefficient, (*deltas(factor.slots, argument), *others)))
    return LocalJacobian(parameters, output, argument, tuple(terms))


def deltas(slots: tuple[Slot, ...], argument: tuple[Index, ...]) -> tuple[Factor, ...]:
    """``∂X[i,j]/∂X[k,l] = δ[i,k] δ[j,l]``."""
    pairs = zip(slots, argument, strict=True)
    return tuple(Factor(EYE(Size(index.dim)), (slot, index)) for slot, index in pairs)


def _of_abstract_function(op: Operation, position: int) -> LocalJacobian:
    """A symbol of its own: ``∂L(z)/∂z[k] = ∇L(z)[k]``; by columns ``∂L(Z)[j]/∂Z[k,l] = ∇L(Z)[k,j] δ[j,l]``."""
    parameters = tuple(
        Symbol(name, shape) for name, shape in zip(op.parameters, op.domain_shapes, strict=True)
    )
    output = tuple(Index(dim) for dim in op.codomain if not dim.is_unit)
    argument = tuple(Index(dim) for dim in op.domain_shapes[position] if not dim.is_unit)
    value = partial_derivative(op, position)(*parameters)
    cut = len(output) - (op.on_column is not None)
    values, column = output[:cut], output[cut:]
    same: tuple[Factor, ...] = ()
    own = argument
    if has_columns(op, position):
        own, same = argument[:-1], deltas(column, argument[-1:])
    factors = (Factor(value, (*values, *own, *column)), *same)
    return LocalJacobian(parameters, output, argument, (Term(Fraction(1), factors),))


def _from_partial(op: Operation, position: int) -> LocalJacobian:
    rule = parse_rule(op.partial[position])
    assert rule.variable is not None
    known: dict[str, Index] = {}
    output = _slots(rule.target, _output_dims(op, rule.target), known)
    varied = placeholders(op)[position]
    argument = tuple(known[name] for (name,) in _slots(rule.variable, varied.axes, known))
    terms = lower_value(rule.value, _bases(op), known, _sizes(op))
    slots = _resolve(output, known, terms)
    return LocalJacobian(placeholders(op), slots, argument, terms)
