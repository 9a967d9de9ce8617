"""Symbolic matrix calculus: derivatives in matrix form, with layout, shape, conditions and a check.

>>> import matcalc as mc
>>> print(mc.diff("a' X^-1 b", "X"))
f = a' X^-1 b    a: n, X: (n, n), b: n
∂f/∂X = -X^-T a b' X^-T
shape (n, n), mixed layout (the shape of X)
conditions: X invertible
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from matcalc.api import diff, grad, parse
from matcalc.core.expr import Expr
from matcalc.derivative import Derivative
from matcalc.errors import (
    AmbiguityProblem,
    ArgumentProblem,
    CheckProblem,
    DeclarationProblem,
    LimitProblem,
    MatcalcError,
    NameProblem,
    ShapeProblem,
    SyntaxProblem,
    UnsupportedProblem,
)
from matcalc.gradients import Gradients

if TYPE_CHECKING:
    from matcalc.equality import equal
    from matcalc.judge import check
    from matcalc.verdict import Equality, Verdict

__version__ = "0.1.0"

__all__ = [
    "AmbiguityProblem",
    "ArgumentProblem",
    "CheckProblem",
    "DeclarationProblem",
    "Derivative",
    "Equality",
    "Expr",
    "Gradients",
    "LimitProblem",
    "MatcalcError",
    "NameProblem",
    "ShapeProblem",
    "SyntaxProblem",
    "UnsupportedProblem",
    "Verdict",
    "check",
    "diff",
    "equal",
    "grad",
    "parse",
]

#: What is imported when it is first used: most programs ask for derivatives only.
_LATER = {"check": "judge", "equal": "equality", "Equality": "verdict", "Verdict": "verdict"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
