"""Symbolic matrix calculus: derivatives in matrix form, with layout, shape, conditions and a check.

>>> import matcalc as mc
>>> print(mc.diff("a' X^-1 b", "X"))
f = a' X^-1 b    a: n, X: (n, n), b: n
∂f/∂X = -X^-T a b' X^-T
shape (n, n), mixed layout (the shape of X)
conditions: X invertible
"""

from matcalc.api import diff, grad, parse
from matcalc.core.expr import Expr
from matcalc.derivative import Derivative
from matcalc.equality import equal
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
