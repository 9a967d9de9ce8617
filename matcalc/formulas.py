"""What code is generated from: the formulas of derivatives, alone or with the function's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matcalc.arguments import kind
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.stabilise import stabilise
from matcalc.core.expr import Expr, operations, postorder
from matcalc.core.index import IndexExpr
from matcalc.errors import UnsupportedProblem
from matcalc.ops.linalg import INV
from matcalc.passes.chain_rule import total_derivative
from matcalc.passes.differentiate import derivatives
from matcalc.passes.expand import expand
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.layout import Arranged, arrange
from matcalc.passes.shorten import shorten
from matcalc.passes.structure import structured_derivative

if TYPE_CHECKING:
    from matcalc.codegen.operator_code import OperatorFunction
    from matcalc.derivative import Derivative
    from matcalc.gradients import Gradients

Formula = Expr | IndexExpr

#: How many of its nodes a form keeps at most that is taken in the place of a sweep's. What is shorter by
#: less may cost more, since the forms of a sweep share their parts; much goes where projections cancel.
MUCH_SHORTER = 0.75


def of_derivative(d: Derivative, backend: str, value: bool) -> dict[str, Any]:
    """Arguments for the code generator.

    Args:
        d: the derivative.
        backend: the array library.
        value: whether the function and its derivatives of lower order are wanted too. These are
            taken as they were found, so that they share as much as possible.
    """
    orders = range(d.order + 1) if value else [d.order]
    names = ", ".join(map(d.name_of, orders))
    stable = _stable(d)
    return {
        "formulas": _all_orders(stable) if value else _answer(stable),
        "backend": _checked(backend),
        "doc": f"Compute {names}, {d.layout} layout.",
        "variables": list(d.symbols.values()),
    }


def operator(d: Derivative, backend: str) -> OperatorFunction:
    """The function that makes operators of a derivative; arguments as for ``of_derivative``."""
    # Only here, since it imports NumPy.
    from matcalc.codegen.operator_code import OperatorFunction

    return OperatorFunction(
        _stable(d).tensor,
        d.wrt,
        _checked(backend),
        d.quotient,
        list(d.symbols.values()),
        is_symmetric=d.order == 2 and isinstance(d.f, Expr) and d.f.is_scalar,
    )


def _stable(d: Derivative) -> Derivative:
    """The same derivative, of a form of the function that does not overflow.

    Rules that are stable have stable derivatives.
    """
    f = stabilise(d.f) if isinstance(d.f, Expr) else d.f
    if f is d.f or not isinstance(f, Expr):
        return d
    tensor = structured_derivative(f, d.wrt, d.order, d.structured, {})
    return d.replace(f=f, tensor=tensor, kept=None)


def of_gradients(gradients: Gradients, backend: str, value: bool) -> dict[str, Any]:
    """Arguments for the code generator: all gradients, and the value if that is wanted too."""
    values = [_value(gradients.f)] if value else []
    return {
        "formulas": [*values, *_cancelled(_gradients(gradients), values)],
        "backend": _checked(backend),
        "name": "gradients",
        "doc": f"Compute {'the value and ' if value else ''}the gradients of {gradients.function_name}.",
        "variables": list(gradients.reading.variables.values()),
        "keys": list(gradients),
    }


def _gradients(gradients: Gradients) -> list[Formula]:
    """All gradients as one sweep finds them, of a form of the function that does not overflow."""
    f = gradients.f
    stable = stabilise(f) if isinstance(f, Expr) else f
    if stable is f or not isinstance(stable, Expr):
        return list(gradients.forms.values())
    variables = list(gradients.tensors)
    derivatives(stable, [v for v in variables if not v.properties & STRUCTURAL])
    tensors = [structured_derivative(stable, v, 1, gradients.structured) for v in variables]
    return [
        _formula(arrange(tensor, stable.shape, v.shape, 1, "mixed"))
        for tensor, v in zip(tensors, variables, strict=True)
    ]


def _cancelled(found: list[Formula], beside: list[Formula]) -> list[Formula]:
    """Gradients in shorter forms where much cancels; else as they are, since they share their parts.

    Only an inverse is looked at: to look for shorter forms takes longer than to write the code.
    """
    if INV not in operations(*(f for f in found if isinstance(f, Expr))):
        return found
    short = [shorten(formula) if isinstance(formula, Expr) else formula for formula in found]
    saves_much = _count([*beside, *short]) <= MUCH_SHORTER * _count([*beside, *found])
    return short if saves_much else found


def _count(formulas: list[Formula]) -> int:
    """The number of different nodes."""
    return sum(1 for _ in postorder(*(f for f in formulas if isinstance(f, Expr))))


def _checked(backend: Any) -> str:
    if not isinstance(backend, str) or backend not in DIALECTS:
        wanted = backend if isinstance(backend, str) else kind(backend)
        raise UnsupportedProblem(
            f"there is no code for {wanted}", help=f"there is for {', '.join(DIALECTS)}"
        )
    return backend


def _formula(arranged: Arranged) -> Formula:
    return arranged.index if arranged.expr is None else arranged.expr


def _value(f: Formula) -> Formula:
    """The function in the form of which derivatives are taken, so that these share its parts."""
    return expand(stabilise(f)) if isinstance(f, Expr) else f


def _answer(d: Derivative) -> Formula:
    return _formula(d.arranged)


def _all_orders(d: Derivative) -> list[Formula]:
    """The function, its derivatives of lower order, and the derivative."""
    found = [_value(d.f)]
    for order in range(1, d.order):
        if isinstance(d.f, Expr):
            tensor = structured_derivative(d.f, d.wrt, order, d.structured)
        else:
            tensor = total_derivative(d.f, d.wrt, order, {})
        found.append(_formula(d.replace(order=order, tensor=tensor, given=None).plain))
    return [*found, _formula(d.plain)]
