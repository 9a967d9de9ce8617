"""The derivation of a derivative by differentials, every step named by its rule.

``dφ`` is pushed inwards by the rules for sums, products and functions until only the differential of the
variable is left; for a scalar, cyclic permutation brings it to the end of a trace, and
``dφ = <G, dX>`` shows the gradient G. Otherwise the Jacobian is read off ``df = J dx`` or
``vec(df) = K vec(dX)``. (J. R. Magnus and H. Neudecker, Matrix Differential Calculus, part 2.)
"""

from __future__ import annotations

from matcalc.core.dim import Shape
from matcalc.core.expr import Apply, Constant, Expr, Symbol, memoised, postorder, substitute
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import NORM2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.build import is_op
from matcalc.passes.differentiate import derivative
from matcalc.passes.expand import put_in
from matcalc.passes.identities import SQUARED_FROBENIUS, SQUARED_NORM
from matcalc.passes.linear_map import linear_map
from matcalc.passes.measure import measure
from matcalc.passes.pending import DIFFERENTIAL
from matcalc.passes.pull_back import elementwise_derivative
from matcalc.passes.read_off import MatrixStep, read_off, with_differential_last
from matcalc.passes.reasons import (
    CONSTANTS_VANISH,
    LINEARITY,
    PRODUCT_RULE,
    QUOTIENT_RULE,
    Rule,
    at_generic,
    definition_rule,
    generic,
)
from matcalc.passes.recognise import recognise
from matcalc.passes.simplify import simplify

#: Linear operations of one argument: the differential goes inside.
LINEAR_OPERATIONS = (TRACE, TRANSPOSE, SUM, SUM_1, SUM_2, DIAG, DIAGONAL, VEC)

#: Products: the differential goes to one factor at a time.
PRODUCTS = (MATMUL, TIMES, KRON)

MINUS_ONE = Constant(-1)

#: Lines longer than this are not written.
LONGEST = 200

#: Rules that need no line of their own.
TRIVIAL = frozenset({LINEARITY, CONSTANTS_VANISH})

#: Operations in terms of others are written out up to this size.
WRITTEN_OUT = 12


def derive_differential(
    f: Expr, wrt: Symbol, along: Symbol, most_lines: int | None = None
) -> list[MatrixStep] | None:
    """The lines from ``df`` to where the derivative can be read off.

    Args:
        f: the function.
        wrt: the variable.
        along: its differential, a variable of the same shape.
        most_lines: how many lines are worth having, if there is a limit.

    Returns:
        None if the lines would be too long or too many, or a rule has no matrix form.
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
        if measure(value) > LONGEST or (most_lines is not None and len(steps) > most_lines):
            return None
        rules = tuple(dict.fromkeys(work.rules))
        if TRIVIAL.issuperset(rules):
            # Too little for a line: it goes with the one before, or with the one to come.
            if steps:
                steps[-1] = MatrixStep(value, steps[-1].rules)
            continue
        steps.append(MatrixStep(value, rules))
    steps = steps or [MatrixStep(value, (LINEARITY,))]
    return [*steps, *read_off(f, wrt, value, along)]


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
            self.rules.append(SQUARED_NORM if squared.op is MATMUL else SQUARED_FROBENIUS)
            u = squared
        if u.op in LINEAR_OPERATIONS:
            inner = self._of(u.args[0], outermost=False)
            return None if inner is None else _rebuilt(u, (inner,))
        places = [k for k, arg in enumerate(u.args) if self._depends(arg)]
        if u.op is ADD:
            terms = [self._of(u.args[k], outermost=False) for k in places]
            if len(places) < len(u.args):
                self.rules.append(CONSTANTS_VANISH)
            return None if None in terms else construct.add(t for t in terms if t is not None)
        if u.op in PRODUCTS:
            quotient = self._quotient(u) if len(places) > 1 else None
            if quotient is not None:
                return quotient
            if len(places) > 1:
                self.rules.append(PRODUCT_RULE)
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

    def _quotient(self, u: Apply) -> Expr | None:
        """``du / v - u dv / v^2`` for a quotient u / v; None if it is none."""
        for place, divisor in enumerate(u.args):
            if not (is_op(divisor, POWER) and divisor.args[1] == MINUS_ONE and divisor.is_scalar):
                continue
            others = [arg for k, arg in enumerate(u.args) if k != place]
            above = others[0] if len(others) == 1 else _rebuilt(u, tuple(others))
            below = divisor.args[0]
            if not (self._depends(below) and self._depends(above)):
                continue
            self.rules.append(QUOTIENT_RULE)
            first, second = (self._of(part, outermost=False) for part in (above, below))
            if first is None or second is None:
                return None
            scalars = [part for part in others if part.is_scalar]
            arrays = [part for part in others if not part.is_scalar]
            squared = POWER(below, Constant(-2))
            varied = TIMES(MINUS_ONE, *scalars, second, squared, *arrays)
            return construct.add((construct.divide(first, below), varied))
        return None

    def _by_rule(self, u: Apply, place: int) -> Expr | None:
        """The operation in terms of others, or its own rule: ``d tanh(u) = (1 - tanh(u).^2) .* du``."""
        defined = put_in(u)
        if defined is not None and measure(defined) <= max(WRITTEN_OUT, measure(u) + 2):
            self.rules.append(definition_rule(u))
            return self._of(defined, outermost=False)
        rule = differential_rule(u, place)
        if rule is None:
            return None
        left, right = rule
        self.rules.append(Rule("", (left, right)))
        [at] = left.args
        assert isinstance(at, Apply)
        point, direction = at.args[place], _direction(u.args[place].shape)
        arg = u.args[place]
        inner = self.along if arg is self.wrt else DIFFERENTIAL(arg)
        return substitute(right, {point: arg, direction: inner})


def _direction(shape: Shape) -> Symbol:
    return generic(shape, "du")


@memoised
def differential_rule(u: Apply, place: int) -> tuple[Expr, Expr] | None:
    """What the differential of an operation of a variable is, as a map of that of the variable.

    ``d(log(u)) = du / u``, ``d(U^-1) = -U^-1 dU U^-1``, ``d(logdet(U)) = tr(U^-1 dU)``.
    """
    at, point = at_generic(u, place)
    direction = _direction(point.shape)
    if at.op.elementwise and at.shape == point.shape:
        return DIFFERENTIAL(at), _scaled(elementwise_derivative(at, place), direction)
    form = derivative(at, point)
    if at.is_scalar:
        row, column = (*form.free, None, None)[:2]
        if point.shape[0].is_unit:
            row, column = column, row
        gradient = recognise(form, row, column)
        value = None if gradient is None else with_differential_last(gradient, direction)
    else:
        found = linear_map(form, 1, direction, at.shape)
        value = None if found is None else found.value
    if value is None:
        return None
    if not at.op.requires:
        return DIFFERENTIAL(at), value
    # A rule that asks for a property is read with it: eigvec(U', k) is eigvec(U, k).
    properties = frozenset(at.op.requires.split())
    known: dict[Expr, Expr] = {point: Symbol(point.name, point.shape, properties)}
    return DIFFERENTIAL(substitute(at, known)), simplify(substitute(value, known))


def _scaled(slope: Expr, direction: Expr) -> Expr:
    """``slope .* direction``, a quotient where the slope is one."""
    if slope.is_scalar:
        return construct.multiply((slope, direction))
    return construct.hadamard((slope, direction))


def _squared_norm(u: Apply) -> Apply | None:
    """``u' u`` for ``||u||^2``; for a matrix ``tr(U' U)``."""
    if not (is_op(u, POWER) and is_op(u.args[0], NORM2) and u.args[1] == Constant(2)):
        return None
    [inner] = u.args[0].args
    whole = construct.multiply((construct.transpose(inner), inner))
    found = whole if whole.is_scalar else TRACE(whole)
    return found if isinstance(found, Apply) else None
