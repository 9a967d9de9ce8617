"""Simplification: rebuild an expression bottom-up with the normalising constructors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcalc.core.expr import Apply, Constant, Expr, Size, postorder
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.elementwise import (
    ABS,
    COS,
    EXP,
    LOG,
    RECIPROCAL,
    RELU,
    SIGMOID,
    SIGN,
    SIN,
    SOFTPLUS,
    SQRT,
    SQUARE,
    STEP,
)
from matcalc.ops.linalg import (
    DET,
    DIAG,
    DIAGONAL,
    INV,
    LOGDET,
    PINV,
    TRACE,
    TRIL,
    TRIU,
    VEC,
)
from matcalc.ops.matrix_functions import COSM, EXPM, SINM
from matcalc.ops.reduction import NORM2, SUM
from matcalc.ops.structural import ADD, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE
from matcalc.passes import build, products
from matcalc.passes.cancel import cancel
from matcalc.passes.collect import total
from matcalc.passes.properties import is_nonnegative, properties


def _log(x: Expr) -> Expr:
    """``log(1 + exp(z)) = softplus(z)``, ``log(exp(z)) = z``."""
    if build.is_op(x, EXP):
        return x.args[0]
    exponent = _one_plus_exp(x)
    return LOG(x) if exponent is None else SOFTPLUS(exponent)


def _power(base: Expr, exponent: Expr) -> Expr:
    """``1 / (1 + exp(z)) = sigmoid(-z)``."""
    z = _one_plus_exp(base)
    if z is not None and exponent is build.MINUS:
        return SIGMOID(build.scaled(-1, z))
    return build.power(base, exponent)


def _abs(x: Expr) -> Expr:
    """The absolute value: of what is never negative, itself; coefficients are pulled out."""
    coefficient, rest = build.split_coefficient(x)
    if is_nonnegative(rest):
        return build.scaled(abs(coefficient), rest)
    return build.scaled(abs(coefficient), ABS(rest))


def _one_if_positive(op: Operation) -> Callable[[Expr], Expr]:
    """How ``sign`` and ``step`` are rebuilt."""
    return lambda x: build.ones(x.shape) if "positive" in properties(x) else op(x)


def _pinv(x: Expr) -> Expr:
    """The pseudo-inverse: of an invertible matrix its inverse; ``pinv(X') = pinv(X)'``."""
    if build.is_op(x, TRANSPOSE):
        return build.transposed(_pinv(x.args[0]))
    return products.inverse(x) if "invertible" in properties(x) else PINV(x)


def _norm2(x: Expr) -> Expr:
    """The norm: of a scalar its absolute value; coefficients are pulled out."""
    if x.is_scalar:
        return _abs(x)
    coefficient, rest = build.split_coefficient(x)
    if coefficient == 0 or build.is_zero(rest):
        return Constant(0)
    plain = rest.args[0] if build.is_op(rest, TRANSPOSE) else rest
    return build.scaled(abs(coefficient), NORM2(plain))


def _sqrt(x: Expr) -> Expr:
    """``sqrt(u^2) = |u|`` and ``sqrt(v' v) = ||v||``."""
    base, exponent = build.as_power(x)
    if exponent % 2 == 0 and exponent > 0:
        return build.power(_abs(base), Constant(exponent / 2))
    is_square = build.is_op(x, MATMUL) and len(x.args) == 2 and x.is_scalar
    if is_square and build.transposed(x.args[0]) is x.args[-1]:
        return NORM2(x.args[-1])
    if build.is_op(x, TIMES) and all(build.as_power(arg)[1] == 2 for arg in x.args):
        return build.times(*(_abs(build.as_power(arg)[0]) for arg in x.args))
    return SQRT(x)


def _sum(x: Expr) -> Expr:
    """Sum of all entries, taken term by term where a term is a multiple of ones."""
    if build.is_op(x, ADD) and any(build.is_op(_array(arg), ONES) for arg in x.args):
        return total(*map(products.sum_of, x.args))
    return products.sum_of(x)


def _matrix_function(op: Operation, of_scalars: Operation) -> Callable[[Expr], Expr]:
    """``expm(X') = expm(X)'``, and ``expm(a) = exp(a)``."""

    def rebuild(x: Expr) -> Expr:
        if x.is_scalar:
            return of_scalars(x)
        return build.transposed(op(x.args[0])) if build.is_op(x, TRANSPOSE) else op(x)

    return rebuild


def _array(e: Expr) -> Expr:
    """The last factor of an element-wise product, which is its array."""
    return e.args[-1] if build.is_op(e, TIMES) else e


def _vec(x: Expr) -> Expr:
    """The vec of a column is the column, of a row its transpose."""
    rows, columns = x.shape
    if columns.is_unit:
        return x
    return build.transposed(x) if rows.is_unit else VEC(x)


def _one_plus_exp(e: Expr) -> Expr | None:
    """Z where ``e`` is ``1 + exp(z)``, entry by entry."""
    if not build.is_op(e, ADD) or len(e.args) != 2:
        return None
    for one, other in (e.args, e.args[::-1]):
        if (one is build.UNIT or build.is_op(one, ONES)) and build.is_op(other, EXP):
            return other.args[0]
    return None


#: How an application is rebuilt from simplified arguments; operations not named are rebuilt as is.
REBUILD: dict[Operation, Callable[..., Expr]] = {
    ADD: total,
    TIMES: lambda *factors: cancel(build.times(*factors)),
    MATMUL: products.product,
    TRANSPOSE: build.transposed,
    POWER: _power,
    LOG: _log,
    ABS: _abs,
    RELU: lambda x: x if is_nonnegative(x) else RELU(x),
    SIGN: _one_if_positive(SIGN),
    STEP: _one_if_positive(STEP),
    SQRT: _sqrt,
    NORM2: _norm2,
    MATPOW: products.matrix_power,
    INV: products.inverse,
    PINV: _pinv,
    DET: lambda x: build.UNIT if build.is_op(x, EYE) else DET(x),
    LOGDET: lambda x: Constant(0) if "orthogonal" in properties(x) else LOGDET(x),
    TRACE: products.trace,
    SUM: _sum,
    VEC: _vec,
    DIAG: build.diag,
    TRIL: lambda x: build.triangular_part(TRIL, x),
    TRIU: lambda x: build.triangular_part(TRIU, x),
    DIAGONAL: products.diagonal,
    EYE: lambda n: build.eye(n.dim),
    ONES: lambda m, n: build.ones((m.dim, n.dim)),
    ZEROS: lambda m, n: build.zeros((m.dim, n.dim)),
    SQUARE: lambda x: build.power(x, Constant(2)),
    RECIPROCAL: lambda x: build.power(x, build.MINUS),
    EXPM: _matrix_function(EXPM, EXP),
    SINM: _matrix_function(SINM, SIN),
    COSM: _matrix_function(COSM, COS),
}


def simplify(e: Expr) -> Expr:
    """The expression in normal form: equal in value wherever both are defined."""
    found: Expr | None = e.memo.get(simplify)
    if found is not None:
        return found
    for node in postorder(e, without=simplify):
        rebuilt = _rebuild(node)
        node.memo[simplify] = rebuilt
        rebuilt.memo.setdefault(simplify, rebuilt)
    result = e.memo[simplify]
    assert isinstance(result, Expr)
    return result


def rebuild(op: Operation, args: Sequence[Expr]) -> Expr:
    """The operation of arguments in normal form, in normal form; sizes as numbers are put into it too."""
    kept = op.size_positions
    normal = [
        build.size(arg.dim) if isinstance(arg, Size) and k not in kept else arg
        for k, arg in enumerate(args)
    ]
    found = REBUILD.get(op, op)(*normal)
    found.memo.setdefault(simplify, found)
    return found


def renewed(node: Expr, of_pass: object) -> Expr:
    """The node in normal form, with what a pass has found for its arguments; sizes are left alone."""
    if not isinstance(node, Apply):
        return node
    kept = node.op.size_positions
    args = tuple(arg if k in kept else arg.memo[of_pass] for k, arg in enumerate(node.args))
    return node if args == node.args else simplify(node.op(*args))


def _rebuild(node: Expr) -> Expr:
    if isinstance(node, Size):
        return build.size(node.dim)
    if not isinstance(node, Apply):
        return node
    kept = node.op.size_positions
    args = tuple(arg if k in kept else arg.memo[simplify] for k, arg in enumerate(node.args))
    return REBUILD.get(node.op, node.op)(*args)
