"""One step of the reverse sweep: the cotangent of a node carried to one of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr
from matcalc.core.index import Composite, Factor, Index, IndexExpr, Slot, Term
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE
from matcalc.ops.structural import ADD
from matcalc.passes.build import is_op
from matcalc.passes.contract import contract
from matcalc.passes.instantiate import at_arguments, instantiate
from matcalc.passes.rulebook import (
    LocalJacobian,
    deltas,
    local_jacobian,
    scalar_derivative,
)


def pull_back(node: Apply, position: int, cotangent: IndexExpr) -> IndexExpr:
    """The contribution of ``node`` to the cotangent of its argument.

    ``cotangent`` has the output's free indices first and then those of ``node``; the result has the
    output's free indices and then those of the argument.
    """
    if node.op.elementwise:
        return _pull_elementwise(node, position, cotangent)
    if not node.op.variadic:
        rule = local_jacobian(node.op, position)
        return _apply(rule, Operands(node.args), cotangent, position)
    before, after = node.args[:position], node.args[position + 1 :]
    if before:
        # op(before, argument, after) = op(before, op(argument, after))
        right = Operands.grouped(node.op, before, node.args[position:])
        cotangent = _apply(local_jacobian(node.op, 1), right, cotangent, 1)
    if after:
        left = Operands.grouped(node.op, node.args[position : position + 1], after)
        cotangent = _apply(local_jacobian(node.op, 0), left, cotangent, 0)
    return cotangent


class Operands:
    """The actual arguments of a rule. A group of arguments is only built if the rule mentions it."""

    shapes: tuple[Shape, ...]

    def __init__(self, args: tuple[Expr, ...]) -> None:
        self.shapes = tuple(arg.shape for arg in args)
        self._build: tuple[Callable[[], Expr], ...] = tuple(partial(_itself, arg) for arg in args)

    @classmethod
    def grouped(cls, op: Operation, left: tuple[Expr, ...], right: tuple[Expr, ...]) -> Operands:
        """Two arguments of a variadic operation, each the operation of a run of arguments."""
        operands = cls(())
        operands.shapes = (_group_shape(op, left), _group_shape(op, right))
        operands._build = (lambda: _group(op, left), lambda: _group(op, right))
        return operands

    def __getitem__(self, position: int) -> Expr:
        return self._build[position]()

    @classmethod
    def around(cls, op: Operation, args: tuple[Expr, ...], position: int) -> Operands:
        """Of a variadic operation: what stands before an argument, the argument, what stands after it."""
        groups = [
            group
            for group in (args[:position], args[position : position + 1], args[position + 1 :])
            if group
        ]
        operands = cls(())
        operands.shapes = tuple(_group_shape(op, group) for group in groups)
        operands._build = tuple(partial(_group, op, group) for group in groups)
        return operands


def _itself(e: Expr) -> Expr:
    return e


def _group(op: Operation, args: tuple[Expr, ...]) -> Expr:
    return args[0] if len(args) == 1 else op(*args)


def _group_shape(op: Operation, args: tuple[Expr, ...]) -> Shape:
    return args[0].shape if op is ADD or len(args) == 1 else op.shape(args)


# ------------------------------------------------------------------ rules in index notation


def _apply(
    rule: LocalJacobian, operands: Operands, cotangent: IndexExpr, position: int
) -> IndexExpr:
    """Multiply the cotangent by the local Jacobian and sum over the node's indices."""
    point = _Instance(rule, operands, position)
    slots = tuple(slot for slot in map(point.slot, rule.output) if slot is not None)
    argument = tuple(point.indices[i] for i in rule.argument if not point.indices[i].dim.is_unit)
    outer = cotangent.free[: len(cotangent.free) - len(slots)]
    seed = cotangent.rename_free((*outer, *slots))
    local = [point.term(term) for term in rule.terms]
    terms = tuple(
        Term(a.coefficient * b.coefficient, (*a.factors, *b.factors))
        for a in seed.terms
        for b in local
    )
    return contract(IndexExpr((*outer, *argument), terms))


class _Instance:
    """A rule with its placeholders, sizes and indices replaced by actual ones."""

    def __init__(self, rule: LocalJacobian, operands: Operands, position: int) -> None:
        self.rule = rule
        self.operands = operands
        self.sizes = self._bind_sizes()
        varied = operands.shapes[position]
        self.indices: dict[Index, Index] = {}
        axes = [k for k, dim in enumerate(rule.parameters[position].shape) if not dim.is_unit]
        for index, axis in zip(rule.argument, axes, strict=True):
            self.indices[index] = Index(varied[axis], index.hint)
        for term in (Term(Constant(1).value, (Factor(Constant(1), rule.output),)), *rule.terms):
            for index in term.indices():
                if index not in self.indices:
                    dim = index.dim.substitute(self.sizes)
                    self.indices[index] = Index(dim, index.hint)

    def _bind_sizes(self) -> dict[str, Dim]:
        """Size symbols of the signature; a scalar among arrays does not decide, since it broadcasts."""
        sizes: dict[str, Dim] = {}
        patterns = [p.shape for p in self.rule.parameters]
        for pattern, actual in zip(patterns, self.operands.shapes, strict=True):
            for wanted, dim in zip(pattern, actual, strict=True):
                if len(wanted.symbols) != 1:
                    continue
                [symbol] = wanted.symbols
                if sizes.get(symbol, Dim()).is_unit:
                    sizes[symbol] = dim
        return sizes

    def slot(self, slot: Slot) -> Slot | None:
        """The actual slot; None on an axis of size 1."""
        parts = tuple(i for i in map(self.indices.__getitem__, slot.parts) if not i.dim.is_unit)
        if len(parts) > 1:
            return Composite(parts)
        return parts[0] if parts else None

    def term(self, term: Term) -> Term:
        """The actual term."""
        factors = []
        for factor in term.factors:
            slots = tuple(map(self.slot, factor.slots))
            if is_op(factor.expr, EYE) and None in slots:
                continue
            expr = self.expr(factor.expr)
            axes = [k for k, dim in enumerate(factor.expr.shape) if not dim.is_unit]
            kept = tuple(
                slot
                for slot, axis in zip(slots, axes, strict=True)
                if slot is not None and not expr.shape[axis].is_unit
            )
            factors.append(Factor(expr, kept))
        return Term(term.coefficient, tuple(factors))

    def expr(self, template: Expr) -> Expr:
        """A base of the rule with the actual arguments put in, in normal form."""
        return instantiate(template, self.rule.parameters, self.operands.__getitem__, self.sizes)


# ------------------------------------------------------------------ element-wise operations


def elementwise_derivative(node: Apply, position: int) -> Expr:
    """The derivative of every entry by that of the argument."""
    return at_arguments(scalar_derivative(node.op, position), node.op, node.args)


def _pull_elementwise(node: Apply, position: int, cotangent: IndexExpr) -> IndexExpr:
    """The derivative acts entry by entry; a scalar argument collects all entries."""
    derivative = elementwise_derivative(node, position)
    argument = node.args[position]
    count = len(node.axes)
    outer = cotangent.free[: len(cotangent.free) - count]
    place = cotangent.free[len(outer) :]
    indices = () if argument.is_scalar else tuple(Index(dim) for dim in argument.axes)
    factor = Factor(derivative, () if derivative.is_scalar else place)
    extra = (factor, *(deltas(place, indices) if indices else ()))
    terms = tuple(Term(t.coefficient, (*t.factors, *extra)) for t in cotangent.terms)
    return contract(IndexExpr((*outer, *indices), terms))
