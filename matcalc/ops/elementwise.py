"""Functions that act entry by entry. Derivatives are written in terms of the output where possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matcalc.core.operation import Operation


def _elementwise(
    name: str,
    derivative: str = "",
    *,
    numpy: str = "",
    latex: str = "",
    sympy: Callable[..., Any] | None = None,
    definition: str = "",
    aliases: tuple[str, ...] = (),
    domain: str = "real",
    condition: str = "",
    kink: str = "",
) -> Operation:
    return Operation(
        name,
        "(m, n) -> (m, n)",
        ("x",),
        partial=(f"{name}(x)' = {derivative}",) if derivative else (),
        definition=definition,
        elementwise=True,
        numpy=numpy or f"np.{name}({{0}})",
        latex=latex or rf"\{name}",
        sympy=sympy or (lambda sp, x: getattr(sp, name)(x)),
        aliases=aliases,
        domain=domain,
        condition=condition,
        kink=kink,
    )


EXP = _elementwise("exp", "exp(x)")
LOG = _elementwise("log", "1/x", aliases=("ln",), domain="positive", condition="{0} > 0")
SQRT = _elementwise(
    "sqrt", "1/(2 sqrt(x))", latex=r"\sqrt{{{0}}}", domain="positive", condition="{0} > 0"
)
SIN = _elementwise("sin", "cos(x)")
COS = _elementwise("cos", "-sin(x)")
TAN = _elementwise("tan", "1 + tan(x)^2", domain="unit", condition="cos({0}) != 0")
ASIN = _elementwise(
    "asin", "1/sqrt(1 - x^2)", numpy="np.arcsin({0})", latex=r"\arcsin", aliases=("arcsin",), domain="unit",
    condition="|{0}| < 1",
)  # fmt: skip
ACOS = _elementwise(
    "acos", "-1/sqrt(1 - x^2)", numpy="np.arccos({0})", latex=r"\arccos", aliases=("arccos",), domain="unit",
    condition="|{0}| < 1",
)  # fmt: skip
ATAN = _elementwise(
    "atan", "1/(1 + x^2)", numpy="np.arctan({0})", latex=r"\arctan", aliases=("arctan",)
)
SINH = _elementwise("sinh", "cosh(x)")
COSH = _elementwise("cosh", "sinh(x)")
TANH = _elementwise("tanh", "1 - tanh(x)^2")
# SymPy has Abs, sign and Max, but is quick and exact with the step function and its derivative only.
ABS = _elementwise(
    "abs", "sign(x)", latex=r"\lvert {0} \rvert", sympy=lambda sp, x: x * (2 * sp.Heaviside(x) - 1), domain="nonzero",
    kink="{0} = 0",
)  # fmt: skip
SIGN = _elementwise(
    "sign", "0", latex=r"\operatorname{sign}",
    sympy=lambda sp, x: 2 * sp.Heaviside(x) - 1, domain="nonzero",
    kink="{0} = 0",
)  # fmt: skip
STEP = _elementwise(
    "step", "0", numpy="np.where({0} > 0, 1.0, 0.0)", latex=r"\operatorname{step}",
    sympy=lambda sp, x: sp.Heaviside(x, 0), domain="nonzero", kink="{0} = 0",
)  # fmt: skip
"""1 where the argument is positive, else 0: the derivative of relu."""
RELU = _elementwise(
    "relu", "step(x)", numpy="np.maximum({0}, 0)", latex=r"\operatorname{relu}",
    sympy=lambda sp, x: x * sp.Heaviside(x), domain="nonzero", kink="{0} = 0",
)  # fmt: skip
SIGMOID = _elementwise(
    "sigmoid", "sigmoid(x) (1 - sigmoid(x))",
    numpy="np.where({0} >= 0, 1 / (1 + np.exp(-np.abs({0}))), np.exp(-np.abs({0})) / (1 + np.exp(-np.abs({0}))))",
    latex=r"\sigma", sympy=lambda sp, x: 1 / (1 + sp.exp(-x)), aliases=("σ",),
)  # fmt: skip
SOFTPLUS = _elementwise(
    "softplus", "sigmoid(x)", numpy="np.logaddexp({0}, 0)", latex=r"\operatorname{softplus}",
    sympy=lambda sp, x: sp.log(1 + sp.exp(x)),
)  # fmt: skip
ERF = _elementwise(
    "erf", "2/sqrt(pi) exp(-x^2)", numpy="np.vectorize(math.erf)({0})", latex=r"\operatorname{erf}"
)
GELU = _elementwise(
    "gelu", definition="gelu(x) = 1/2 x .* (1 + erf(x/sqrt(2)))", latex=r"\operatorname{gelu}",
    numpy="0.5 * {0} * (1 + np.vectorize(math.erf)({0} / math.sqrt(2)))",
    sympy=lambda sp, x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
)  # fmt: skip
SQUARE = _elementwise(
    "square",
    "2 x",
    numpy="np.square({0})",
    latex=r"\operatorname{square}",
    sympy=lambda sp, x: x**2,
)
RECIPROCAL = _elementwise(
    "reciprocal", "-1/x^2", numpy="(1 / {0})", latex=r"\operatorname{reciprocal}",
    sympy=lambda sp, x: 1 / x, domain="nonzero", condition="{0} != 0",
)  # fmt: skip


def _extremum(name: str, call: str, derivative: str, other: str) -> Operation:
    """Larger or smaller of two arrays, or of an array and a number; see ops/structural for shapes."""
    from matcalc.ops.structural import TIMES

    return Operation(
        name,
        "(m, n), (m, n) -> (m, n)",
        ("x", "y"),
        partial=(f"{name}(x, y)' = {derivative}", f"{name}(x, y)' = {other}"),
        elementwise=True,
        shape_rule=TIMES.shape_rule,
        call=call,
        numpy=f"np.{name}({{0}}, {{1}})",
        latex=rf"\{call}",
        sympy=lambda sp, x, y: y + (x - y) * sp.Heaviside(x - y if call == "max" else y - x),
        kink="{0} = {1}",
    )


MAXIMUM = _extremum("maximum", "max", "step(x - y)", "1 - step(x - y)")
MINIMUM = _extremum("minimum", "min", "step(y - x)", "1 - step(y - x)")

OPERATIONS = (
    EXP, LOG, SQRT, SIN, COS, TAN, ASIN, ACOS, ATAN, SINH, COSH, TANH, ABS, SIGN, STEP, RELU, SIGMOID,
    SOFTPLUS, ERF, GELU, SQUARE, RECIPROCAL, MAXIMUM, MINIMUM,
)  # fmt: skip
