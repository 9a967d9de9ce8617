"""The derivation of a derivative by differentials, every step named by its rule.

``dφ`` is pushed inwards by the rules for sums, products and functions until only the differential of the
variable is left; for a scalar, cyclic permutation brings it to the end of a trace, and
``dφ = <G, dX>`` shows the gradient G. Otherwise the Jacobian is read off ``df = J dx`` or
``vec(df) = K vec(dX)``. (J. R. Magnus and H. Neudecker, Matrix Differential Calculus, part 2.)
"""

from __future__ import annotations

from dataclasses import dataclass

from matcalc.core.expr import Apply, Constant, Expr, Symbol, postorder, substitute
from matcalc.core.index import IndexExpr
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import NORM2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import is_op, transposed
from matcalc.passes.differentiate import derivative
from matcalc.passes.linear_map import linear_map
from matcalc.passes.measure import measure
from matcalc.passes.pending import DIFFERENTIAL
from matcalc.passes.recognise import recognise, vectorise
from matcalc.passes.shorten import shorten
from matcalc.passes.simplify import simplify

#: Linear operations of one argument: the differential goes inside.
LINEAR_OPERATIONS = (TRACE, TRANSPOSE, SUM, SUM_1, SUM_2, DIAG, DIAGONAL, VEC)

#: Products: the differential goes to one factor at a time.
PRODUCTS = (MATMUL, TIMES, KRON)

#: Lines longer than this are not written.
LONGEST = 200


#: One phrase, or an equation: the differential of a function and what it is.
Rule = str | tuple[Expr, Expr]

#: Rules that need no line of their own.
TRIVIAL = frozenset({"constants stay", "constants vanish"})


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


def derive_differential(f: Expr, wrt: Symbol, along: Symbol) -> list[MatrixStep] | None:
    """The lines from ``df`` to where the derivative can be read off.

    Args:
        f: the function.
        wrt: the variable.
        along: its differential, a variable of the same shape.

    Returns:
        None if the lines would be too long, or a rule has no matrix form.
    """
    if wrt not in postorder(f):
        return []
    steps: list[MatrixStep] = []
    value: Expr = DIFFERENTIAL(f)
    while pending := [node for node in postorder(value) if is_op(node, DIFFERENTIAL)]:
        work = _Round(wrt, along)
        replaced = work.push(pending)
        if replaced is None:
            return None
        value = _replace(value, replaced)
        if measure(value) > LONGEST:
            return None
        rules = tuple(dict.fromkeys(work.rules))
        if TRIVIAL.issuperset(rules):
            # Too little for a line: it goes with the one before, or with the one to come.
            if steps:
                steps[-1] = MatrixStep(value, steps[-1].rules)
            continue
        steps.append(MatrixStep(value, rules))
    steps = steps or [MatrixStep(value, ("constants stay",))]
    return [*steps, *_read_off(f, value, along)]


def _replace(e: Expr, replaced: dict[Expr, Expr]) -> Expr:
    """The expression with the pending differentials replaced, sums and products kept flat."""
    done: dict[Expr, Expr] = {}
    for node in postorder(e):
        if node in replaced:
            done[node] = replaced[node]
        elif isinstance(node, Apply):
            args = tuple(done[arg] for arg in node.args)
            done[node] = node if args == node.args else _rebuilt(node, args)
        else:
            done[node] = node
    return done[e]


def _rebuilt(node: Apply, args: tuple[Expr, ...]) -> Expr:
    """The operation of other arguments, flat as it would be read."""
    match node.op:
        case op if op is ADD:
            return construct.add(args)
        case op if op is MATMUL:
            return construct.multiply(args)
        case op if op is TIMES:
            return (
                construct.hadamard(args) if any(a.axes for a in args) else construct.multiply(args)
            )
        case op if op is TRANSPOSE:
            return construct.transpose(args[0])
    return node.op(*args)


# ------------------------------------------------------------------ one round of rules


class _Round:
    """Pending differentials pushed inwards: through sums and products at once, through one function each."""

    def __init__(self, wrt: Symbol, along: Symbol) -> None:
        self.wrt = wrt
        self.along = along
        self.rules: list[Rule] = []

    def push(self, pending: list[Expr]) -> dict[Expr, Expr] | None:
        """What each pending differential is; None where a rule has no matrix form."""
        found: dict[Expr, Expr] = {}
        for node in pending:
            value = self._of(node.args[0], outermost=True)
            if value is None:
                return None
            found[node] = value
        return found

    def _depends(self, e: Expr) -> bool:
        return self.wrt in postorder(e)

    def _of(self, u: Expr, *, outermost: bool) -> Expr | None:
        """The differential of an expression; of a function inside it only if that is the outermost."""
        if u is self.wrt:
            return self.along
        assert isinstance(u, Apply)
        squared = _squared_norm(u)
        if squared is not None:
            self.rules.append("||u||^2 = u' u" if squared.op is MATMUL else "||U||^2 = tr(U' U)")
            u = squared
        if u.op in LINEAR_OPERATIONS:
            inner = self._of(u.args[0], outermost=False)
            return None if inner is None else _rebuilt(u, (inner,))
        places = [k for k, arg in enumerate(u.args) if self._depends(arg)]
        if u.op is ADD:
            terms = [self._of(u.args[k], outermost=False) for k in places]
            if len(places) < len(u.args):
                self.rules.append("constants vanish")
            return None if None in terms else construct.add(t for t in terms if t is not None)
        if u.op in PRODUCTS:
            if len(places) > 1:
                self.rules.append("product rule")
            products = [self._one_varied(u, k) for k in places]
            return None if None in products else construct.add(p for p in products if p is not None)
        if not outermost:
            return DIFFERENTIAL(u)
        values = [self._by_rule(u, k) for k in places]
        return None if None in values else construct.add(v for v in values if v is not None)

    def _one_varied(self, u: Apply, place: int) -> Expr | None:
        inner = self._of(u.args[place], outermost=False)
        if inner is None:
            return None
        return _rebuilt(u, (*u.args[:place], inner, *u.args[place + 1 :]))

    def _by_rule(self, u: Apply, place: int) -> Expr | None:
        """``d tanh(z) = (1 - tanh(z).^2) .* dz``: the rule of the operation as a linear map."""
        arg = u.args[place]
        point, direction = Symbol("u", arg.shape), Symbol("du", arg.shape)
        at = u.op(*u.args[:place], point, *u.args[place + 1 :])
        found = linear_map(derivative(at, point), 1, direction, u.shape)
        if found is None:
            return None
        self.rules.append((DIFFERENTIAL(at), found.value))
        inner = self.along if arg is self.wrt else DIFFERENTIAL(arg)
        return substitute(found.value, {point: arg, direction: inner})


def _squared_norm(u: Apply) -> Apply | None:
    """``u' u`` for ``||u||^2``; for a matrix ``tr(U' U)``."""
    if not (is_op(u, POWER) and is_op(u.args[0], NORM2) and u.args[1] == Constant(2)):
        return None
    [inner] = u.args[0].args
    whole = construct.multiply((construct.transpose(inner), inner))
    found = whole if whole.is_scalar else TRACE(whole)
    return found if isinstance(found, Apply) else None


# ------------------------------------------------------------------ reading off


def _read_off(f: Expr, value: Expr, along: Symbol) -> list[MatrixStep]:
    """The last lines: the differential brought to the end, and the factors before it collected."""
    if f.is_scalar:
        return _gradient(value, along)
    jacobian = derivative(value, along)
    count = len(jacobian.free) - len(along.axes)
    if count == 1 and len(along.axes) == 1 and f.shape[1].is_unit:
        matrix = recognise(jacobian, *jacobian.free)
        if matrix is not None:
            # A row variable is the one axis that the Jacobian's columns run over.
            column = construct.transpose(along) if along.shape[0].is_unit else along
            collected = construct.multiply((shorten(matrix), column))
            same = collected is value
            return (
                []
                if same
                else [MatrixStep(collected, ("collect the factors of the differential",))]
            )
    if len(along.axes) == 2:
        matrix = vectorise(jacobian, jacobian.free[:count], jacobian.free[count:])
        if matrix is not None:
            stacked = construct.multiply((shorten(matrix), VEC(along)))
            return [MatrixStep(stacked, ("vec(A X B) = (B' ⊗ A) vec(X)",), stacked=True)]
    return []


def _gradient(value: Expr, along: Symbol) -> list[MatrixStep]:
    parts = [_with_differential_last(g, along) for g in _gradients(value, along)]
    whole = _gradients_total(value, along)
    if whole is None or not parts or None in parts:
        return []
    last = _with_differential_last(shorten(whole), along)
    rules: tuple[Rule, ...] = ("tr(A B) = tr(B A) and tr(A') = tr(A)",)
    if len(along.axes) < 2:
        rules = ("a scalar is its own transpose",)
    lines = []
    split = construct.add(part for part in parts if part is not None)
    if split is not value and split is not last:
        lines.append(MatrixStep(split, rules))
    if last is not None and last is not value:
        lines.append(MatrixStep(last, ("collect",)))
    return lines


def _gradients(value: Expr, along: Symbol) -> list[Expr]:
    """The gradients of the terms of a linear form."""
    found = []
    for term in _terms(value):
        gradient = _gradients_total(term, along)
        if gradient is not None:
            found.append(gradient)
    return found


def _terms(value: Expr) -> list[Expr]:
    """The terms of a scalar, those of a sum inside a trace or a sum of entries too."""
    if is_op(value, ADD):
        return [term for arg in value.args for term in _terms(arg)]
    if is_op(value, TRACE, SUM) and is_op(value.args[0], ADD):
        assert isinstance(value, Apply)
        return [value.op(term) for term in value.args[0].args]
    return [value]


def _gradients_total(value: Expr, along: Symbol) -> Expr | None:
    form: IndexExpr = derivative(value, along)
    row, column = (*form.free, None, None)[:2]
    if along.shape[0].is_unit:
        row, column = column, row
    found = recognise(form, row, column)
    return None if found is None else simplify(found)


def _with_differential_last(gradient: Expr, along: Symbol) -> Expr:
    """``tr(G' dX)``, ``g' dx`` or ``g dt``."""
    if along.is_scalar:
        return construct.multiply((gradient, along))
    if along.shape[0].is_unit:
        return construct.multiply((along, construct.transpose(gradient)))
    turned = transposed(gradient) if not is_op(gradient, ADD) else construct.transpose(gradient)
    inner = construct.multiply((turned, along))
    return inner if inner.is_scalar else TRACE(inner)
