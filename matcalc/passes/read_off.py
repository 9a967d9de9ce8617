"""Reading a derivative off a differential: dX is brought to the end, and what stands before it collected.

``dφ = tr(G' dX)`` shows the gradient G, ``df = J dx`` the Jacobian J, ``vec(df) = K vec(dX)`` the matrix K.
The forms are computed from the differential; the rules are found by the way from the differential down to
dX: what stands on it has to be undone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from matcalc.core.expr import Apply, Expr, Symbol, postorder
from matcalc.core.index import IndexExpr
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes import identities as by
from matcalc.passes.build import is_op, transposed
from matcalc.passes.differentiate import derivative
from matcalc.passes.identities import joined, maps_resolved, names_folded_back
from matcalc.passes.linear_map import linear_map
from matcalc.passes.measure import measure
from matcalc.passes.reasons import COLLECT, SIMPLIFY, Rule, properties_used
from matcalc.passes.recognise import recognise, vectorise
from matcalc.passes.shorten import shorten
from matcalc.passes.simplify import simplify


@dataclass(frozen=True)
class MatrixStep:
    """One line: the differential of the function as it stands, and the rules that led to it.

    Attributes:
        value: the differential; its vec where ``stacked``.
        rules: what was applied.
        stacked: whether the line is about ``vec(df)``.
    """

    value: Expr
    rules: tuple[Rule, ...]
    stacked: bool = False


def read_off(f: Expr, wrt: Symbol, value: Expr, along: Symbol) -> list[MatrixStep]:
    """The last lines of a derivation.

    Args:
        f: the function.
        wrt: the variable.
        value: its differential, nothing left to be differentiated.
        along: the differential of the variable, in which ``value`` is linear.
    """
    if f.is_scalar:
        return _simplified(value, _gradient(value, along), differential_at_end(f, wrt, along))
    jacobian = derivative(value, along)
    count = len(f.axes)
    if count == 1 and len(along.axes) == 1 and f.shape[1].is_unit:
        return _jacobian(value, along)
    if along.is_scalar:
        return _slope(f, value, along)
    if along.axes:
        matrix = vectorise(jacobian, jacobian.free[:count], jacobian.free[count:])
        if matrix is not None:
            stacked = construct.multiply((shorten(matrix), _stacked(along)))
            return [MatrixStep(stacked, tuple(_reasons(value, along, "vec")), stacked=True)]
    return []


def _simplified(value: Expr, lines: list[MatrixStep], answer: Expr | None) -> list[MatrixStep]:
    """The lines with the form of the answer at the end; what leads there is a step if it is shorter."""
    last = lines[-1].value if lines else value
    if answer is None or measure(answer) > measure(last):
        return lines
    if measure(answer) == measure(last):
        return [*lines[:-1], MatrixStep(answer, lines[-1].rules)] if lines else []
    rules = (*joined(last), *names_folded_back([last], answer))
    return [*lines, MatrixStep(answer, rules or (SIMPLIFY,))]


def _stacked(along: Symbol) -> Expr:
    if len(along.axes) == 2:
        return VEC(along)
    return construct.transpose(along) if along.shape[0].is_unit else along


# ------------------------------------------------------------------ df = F dt


def _slope(f: Expr, value: Expr, along: Symbol) -> list[MatrixStep]:
    found = linear_map(derivative(value, along), 1, along, f.shape)
    if found is None:
        return []
    rules = tuple(maps_resolved([value], found.value))
    return [MatrixStep(found.value, rules)] if rules else []


# ------------------------------------------------------------------ df = J dx


def _jacobian(value: Expr, along: Symbol) -> list[MatrixStep]:
    # A row variable is the one axis that the Jacobian's columns run over.
    column = _stacked(along)

    def collected(e: Expr) -> Expr | None:
        form = derivative(e, along)
        matrix = recognise(form, *form.free)
        return None if matrix is None else construct.multiply((shorten(matrix), column))

    found = collected(value)
    if found is None or found is value:
        return []
    rules = [
        *_reasons(value, along, "vector"),
        *properties_used(value, found, collected),
        *maps_resolved([value], found),
        *names_folded_back([value], found),
        *joined(value),
    ]
    if is_op(value, ADD) or not rules:
        rules.append(COLLECT)
    return [MatrixStep(found, tuple(rules))]


# ------------------------------------------------------------------ dφ = tr(G' dX)


def _gradient(value: Expr, along: Symbol) -> list[MatrixStep]:
    def term_by_term(e: Expr) -> Expr | None:
        gradients = [_gradient_of(term, along) for term in _terms(e)]
        found = [g for g in gradients if g is not None]
        if len(found) < len(gradients) or not found:
            return None
        return construct.add(with_differential_last(g, along) for g in found)

    def collected(e: Expr) -> Expr | None:
        gradient = _gradient_of(e, along)
        return None if gradient is None else with_differential_last(shorten(gradient), along)

    split, last = term_by_term(value), collected(value)
    if split is None or last is None or last is value:
        return []
    rules = [*_reasons(value, along, "scalar"), *joined(value)]
    lines: list[MatrixStep] = []
    before = value
    if split not in (value, last) and len(_terms(value)) > 1 and rules:
        used = properties_used(value, split, term_by_term)
        repeated = any(_occurs_repeatedly(along, term) for term in _terms(value))
        lines.append(MatrixStep(split, (*rules, *used, *([COLLECT] if repeated else []))))
        rules, before = [COLLECT], split
    elif _occurs_repeatedly(along, value):
        rules.append(COLLECT)
    if not lines:
        rules += properties_used(before, last, collected)
    rules += [*maps_resolved([value], last), *names_folded_back([value], last)]
    # A scalar before a trace that has dX at its end already is no step.
    return [*lines, MatrixStep(last, tuple(dict.fromkeys(rules)))] if rules else lines


def differential_at_end(f: Expr, wrt: Symbol, along: Symbol) -> Expr | None:
    """``tr(G' dX)`` for a scalar function at once, else what ``df`` is as a map; None where that has no matrix form."""
    form = derivative(f, wrt)
    if not form.terms:
        return None
    if f.is_scalar:
        gradient = _matrix(form, along)
        return None if gradient is None else with_differential_last(shorten(gradient), along)
    found = linear_map(form, 1, along, f.shape)
    return None if found is None else found.value


def _occurs_repeatedly(along: Symbol, e: Expr) -> bool:
    """Whether a variable stands in more than one place."""
    return Counter(arg for node in postorder(e) for arg in node.args)[along] > 1


def _terms(value: Expr) -> list[Expr]:
    """The terms of a scalar, those of a sum inside a trace or a sum of entries too."""
    if is_op(value, ADD):
        return [term for arg in value.args for term in _terms(arg)]
    if is_op(value, TRACE, SUM) and is_op(value.args[0], ADD):
        assert isinstance(value, Apply)
        return [value.op(term) for term in value.args[0].args]
    return [value]


def _gradient_of(value: Expr, along: Symbol) -> Expr | None:
    found = _matrix(derivative(value, along), along)
    return None if found is None else simplify(found)


def _matrix(gradient: IndexExpr, by_shape: Symbol) -> Expr | None:
    """The gradient of a scalar in the shape of its variable."""
    row, column = (*gradient.free, None, None)[:2]
    if by_shape.shape[0].is_unit:
        row, column = column, row
    return recognise(gradient, row, column)


def with_differential_last(gradient: Expr, along: Expr) -> Expr:
    """``tr(G' dX)``, ``g' dx`` or ``g dt``."""
    if along.is_scalar:
        return construct.multiply((gradient, along))
    if along.shape[0].is_unit:
        return construct.multiply((along, construct.transpose(gradient)))
    turned = transposed(gradient) if not is_op(gradient, ADD) else construct.transpose(gradient)
    inner = construct.multiply((turned, along))
    return inner if inner.is_scalar else TRACE(inner)


# ------------------------------------------------------------------ the rules


def _reasons(value: Expr, along: Symbol, context: str) -> Iterator[Rule]:
    """What undoes the operations that stand on dX, each rule once.

    Args:
        value: an expression that is linear in ``along``.
        along: the differential of the variable.
        context: ``scalar``, ``vector`` or ``vec``: what is to have dX at its end.
    """
    if along.is_scalar:
        return
    varied = _depending(value, along)
    found: dict[Rule, None] = {}
    walk = [_Place(value, context)]
    seen: set[_Place] = set()
    while walk:
        place = walk.pop()
        if place in seen:
            continue
        seen.add(place)
        if place.context == "sum" and not is_op(place.node, ADD, TIMES):
            rules, place = _out_of_sum(place, len(along.axes) == 2)
            found.update(dict.fromkeys(rules))
        if place.node is along:
            found.update(dict.fromkeys(_at_the_end(place, along)))
            continue
        for k, arg in reversed(list(enumerate(place.node.args))):
            if arg in varied:
                rules, inner = _undone(place, k, along)
                found.update(dict.fromkeys(rules))
                walk.append(inner)
    yield from found


def _depending(e: Expr, along: Symbol) -> set[Expr]:
    varied: set[Expr] = {along}
    for node in postorder(e):
        if any(arg in varied for arg in node.args):
            varied.add(node)
    return varied


@dataclass(frozen=True)
class _Place:
    """A part of a differential, and what dX is to be brought to the end of.

    Attributes:
        node: the part.
        context: ``scalar``, ``trace``, ``sum`` (of entries), ``vector`` or ``vec``.
        is_turned: whether the part stands transposed there.
    """

    node: Expr
    context: str
    is_turned: bool = False


def _at_the_end(place: _Place, along: Symbol) -> Iterator[Rule]:
    if place.is_turned and place.context == "trace":
        yield by.TRACE_OF_TRANSPOSE
    elif place.is_turned and place.context == "vec" and len(along.axes) == 2:
        yield by.VEC_OF_TRANSPOSE


def _undone(place: _Place, k: int, along: Symbol) -> tuple[list[Rule], _Place]:
    """The rules that take one operation off an argument, and where that argument then stands."""
    node, context = place.node, place.context
    assert isinstance(node, Apply)
    inner = _Place(node.args[k], context, place.is_turned)
    match node.op:
        case op if op is TRANSPOSE:
            return [], _Place(inner.node, context, not place.is_turned)
        case op if op is TRACE:
            return [], _Place(inner.node, "trace", place.is_turned)
        case op if op is MATMUL:
            return _out_of_product(place, k, along)
        case op if op is TIMES:
            return _out_of_times(place, k)
        case op if op is SUM:
            return [], _Place(inner.node, "sum", place.is_turned)
        case op if op is DIAG:
            rule = by.TRACE_OF_DIAGONAL if context == "trace" else by.DIAGONALS_COMMUTE
            return [] if context == "vec" else [rule], inner
        case op if op is DIAGONAL:
            return [by.PRODUCT_WITH_DIAGONAL], _Place(inner.node, "trace", place.is_turned)
        case op if op in (SUM_1, SUM_2):
            return [by.COLUMN_SUMS if op is SUM_1 else by.ROW_SUMS], inner
        case op if op is VEC and context == "scalar":
            return [by.PRODUCT_OF_VECS], _Place(inner.node, "trace", place.is_turned)
        case op if op is KRON:
            return [by.VEC_OF_KRON], inner
        case op if context == "vec" and (applied := by.rule_of_applied(op)) is not None:
            return [applied], inner
    return [], inner


def _out_of_product(place: _Place, k: int, along: Symbol) -> tuple[list[Rule], _Place]:
    node, context, is_turned = place.node, place.context, place.is_turned
    arg, end = node.args[k], len(node.args) - 1
    inner = _Place(arg, context, is_turned)
    if context == "vec":
        return [by.VEC_OF_PRODUCT], inner
    if context == "trace":
        # What is transposed comes last when the whole is transposed if it stands first.
        is_last = k == (0 if is_turned != is_op(arg, TRANSPOSE) else end)
        return [] if is_last else [by.CYCLIC], inner
    if context == "scalar" and len(along.axes) == 2:
        return [by.SCALAR_TRACE], _Place(arg, "trace", is_turned)
    if context == "scalar" and node.is_scalar:
        # A row variable has its gradient behind it, a column before it.
        is_last = k == (0 if along.shape[0].is_unit else end)
        return [] if is_last else [by.SCALAR_TRANSPOSE], inner
    return [], inner


def _out_of_times(place: _Place, k: int) -> tuple[list[Rule], _Place]:
    node, context = place.node, place.context
    arg = node.args[k]
    arrays = [a for a in node.args if not a.is_scalar]
    inner = _Place(arg, context, place.is_turned)
    if arg.is_scalar:
        # dX stands in a scalar factor, which has an end of its own.
        rules = [by.OUTER_PRODUCT] if context == "vector" else []
        return rules, _Place(arg, "scalar", False)
    if len(arrays) < 2:
        return [], inner
    if context == "sum":
        is_column = any(dim.is_unit for dim in node.shape)
        rule = by.SUM_OF_VECTORS if is_column else by.SUM_OF_MATRICES
        return [rule], _Place(arg, "scalar" if is_column else "trace", place.is_turned)
    rule = {
        "scalar": by.SCALED_VECTOR,
        "trace": by.SCALED_MATRIX,
        "vector": by.DIAGONAL_FACTOR,
        "vec": by.VEC_OF_HADAMARD,
    }[context]
    return [rule], inner


def _out_of_sum(place: _Place, is_matrix: bool) -> tuple[list[Rule], _Place]:
    """The sum of the entries of what is neither a sum nor a product entry by entry."""
    if any(dim.is_unit for dim in place.node.shape):
        return [by.SUM_OF_VECTOR], _Place(place.node, "scalar", place.is_turned)
    if is_matrix:
        return [by.SUM_OF_MATRIX, by.SCALAR_TRACE], _Place(place.node, "trace", place.is_turned)
    return [by.SUM_OF_MATRIX], _Place(place.node, "scalar", place.is_turned)
