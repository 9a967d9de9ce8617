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
    jax: str = "",
    torch: str = "",
    latex: str = "",
    sympy: Callable[..., Any] | None = None,
    definition: str = "",
    aliases: tuple[str, ...] = (),
    domain: str = "real",
    condition: str = "",
    kink: str = "",
    keeps: str = "",
    infers: tuple[str, ...] = (),
) -> Operation:
    """One record. What is 0 at 0 keeps zeros where they are: ``keeps=ZEROS``."""
    return Operation(
        name,
        "(m, n) -> (m, n)",
        ("x",),
        partial=(f"{name}(x)' = {derivative}",) if derivative else (),
        definition=definition,
        elementwise=True,
        numpy=numpy or f"np.{name}({{0}})",
        jax=jax,
        torch=torch,
        latex=latex or rf"\{name}",
        sympy=sympy or (lambda sp, x: getattr(sp, name)(x)),
        aliases=aliases,
        domain=domain,
        condition=condition,
        kink=kink,
        keeps=f"symmetric toeplitz {keeps}",
        infers=infers,
    )


#: Structure that zeros in fixed places make.
ZEROS = "diagonal lower_triangular upper_triangular"
#: What odd functions with f(x) > 0 for x > 0 keep.
ODD = f"{ZEROS} skew positive nonnegative nonzero"

EXP = _elementwise("exp", "exp(x)", infers=("-> positive",))
LOG = _elementwise("log", "1/x", aliases=("ln",), domain="positive", condition="{0} > 0")
SQRT = _elementwise(
    "sqrt", "1/(2 sqrt(x))", latex=r"\sqrt{{{0}}}", domain="positive", condition="{0} >= 0",
    kink="{0} = 0", keeps=f"{ZEROS} positive", infers=("-> nonnegative",),
)  # fmt: skip
SIN = _elementwise("sin", "cos(x)", keeps=f"{ZEROS} skew")
COS = _elementwise("cos", "-sin(x)")
TAN = _elementwise(
    "tan", "1 + tan(x)^2", domain="unit", condition="cos({0}) != 0", keeps=f"{ZEROS} skew"
)
ASIN = _elementwise(
    "asin", "1/sqrt(1 - x^2)", numpy="np.arcsin({0})", latex=r"\arcsin", aliases=("arcsin",), domain="unit",
    condition="|{0}| < 1", keeps=ODD,
)  # fmt: skip
ACOS = _elementwise(
    "acos", "-1/sqrt(1 - x^2)", numpy="np.arccos({0})", latex=r"\arccos", aliases=("arccos",), domain="unit",
    condition="|{0}| < 1", infers=("-> nonnegative",),
)  # fmt: skip
ATAN = _elementwise(
    "atan", "1/(1 + x^2)", numpy="np.arctan({0})", latex=r"\arctan", aliases=("arctan",), keeps=ODD,
)  # fmt: skip
SINH = _elementwise("sinh", "cosh(x)", keeps=ODD)
COSH = _elementwise("cosh", "sinh(x)", infers=("-> positive",))
TANH = _elementwise("tanh", "1 - tanh(x)^2", keeps=ODD)
# SymPy has Abs, sign and Max, but is quick and exact with the step function and its derivative only.
ABS = _elementwise(
    "abs", "sign(x)", latex=r"\lvert {0} \rvert", sympy=lambda sp, x: x * (2 * sp.Heaviside(x) - 1), domain="nonzero",
    kink="{0} = 0", keeps=f"{ZEROS} nonzero", infers=("-> nonnegative",),
)  # fmt: skip
SIGN = _elementwise(
    "sign", "0", latex=r"\operatorname{sign}",
    sympy=lambda sp, x: 2 * sp.Heaviside(x) - 1, domain="nonzero",
    kink="{0} = 0", keeps=ODD,
)  # fmt: skip
STEP = _elementwise(
    "step", "0", numpy="({0} > 0).astype({0}.dtype)", latex=r"\operatorname{step}",
    sympy=lambda sp, x: sp.Heaviside(x, 0), domain="nonzero", kink="{0} = 0",
    keeps=f"{ZEROS} positive", infers=("-> nonnegative",),
)  # fmt: skip
"""1 where the argument is positive, else 0: the derivative of relu."""
RELU = _elementwise(
    "relu", "step(x)", numpy="np.maximum({0}, 0)", torch="torch.relu({0})", latex=r"\operatorname{relu}",
    sympy=lambda sp, x: x * sp.Heaviside(x), domain="nonzero", kink="{0} = 0",
    keeps=f"{ZEROS} positive", infers=("-> nonnegative",),
)  # fmt: skip
SIGMOID = _elementwise(
    "sigmoid", "sigmoid(x) (1 - sigmoid(x))",
    numpy="e = np.exp(-np.abs({0}))\nnp.maximum(e, {0} >= 0) / (1 + e)", jax="jax.nn.sigmoid({0})", torch="torch.sigmoid({0})",
    latex=r"\sigma", sympy=lambda sp, x: 1 / (1 + sp.exp(-x)), aliases=("σ",),
    infers=("-> positive",),
)  # fmt: skip
SOFTPLUS = _elementwise(
    "softplus", "sigmoid(x)", numpy="np.maximum({0}, 0) + np.log1p(np.exp(-np.abs({0})))",
    jax="jax.nn.softplus({0})", torch="torch.logaddexp({0}, torch.zeros_like({0}))", latex=r"\operatorname{softplus}",
    sympy=lambda sp, x: sp.log(1 + sp.exp(x)), infers=("-> positive",),
)  # fmt: skip
ERF = _elementwise(
    "erf", "2/sqrt(pi) exp(-x^2)", numpy="scipy.special.erf({0})", torch="torch.erf({0})", latex=r"\operatorname{erf}", keeps=ODD,
)  # fmt: skip
GELU = _elementwise(
    "gelu", definition="gelu(x) = 1/2 x .* (1 + erf(x/sqrt(2)))", latex=r"\operatorname{gelu}",
    numpy="0.5 * {0} * scipy.special.erfc(-math.sqrt(0.5) * {0})",
    jax="jax.nn.gelu({0}, approximate=False)", torch="0.5 * {0} * torch.erfc(-math.sqrt(0.5) * {0})",
    sympy=lambda sp, x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2, keeps=f"{ZEROS} positive nonnegative",
)  # fmt: skip
SQUARE = _elementwise(
    "square",
    "2 x",
    numpy="np.square({0})",
    latex=r"\operatorname{square}",
    sympy=lambda sp, x: x**2,
    keeps=f"{ZEROS} psd spd nonzero",
    infers=("-> nonnegative",),
)
RECIPROCAL = _elementwise(
    "reciprocal", "-1/x^2", numpy="(1 / {0})", latex=r"\operatorname{reciprocal}",
    sympy=lambda sp, x: 1 / x, domain="nonzero", condition="{0} != 0",
    keeps="positive", infers=("-> nonzero", "nonnegative -> positive"),
)  # fmt: skip


def _extremum(
    name: str, call: str, derivative: str, other: str, infers: tuple[str, ...] = ()
) -> Operation:
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
        keeps="symmetric toeplitz positive nonnegative nonzero",
        infers=infers,
    )


MAXIMUM = _extremum(
    "maximum", "max", "step(x - y)", "1 - step(x - y)",
    infers=("some nonnegative -> nonnegative", "some positive -> positive"),
)  # fmt: skip
MINIMUM = _extremum("minimum", "min", "step(y - x)", "1 - step(y - x)")

OPERATIONS = (
    EXP, LOG, SQRT, SIN, COS, TAN, ASIN, ACOS, ATAN, SINH, COSH, TANH, ABS, SIGN, STEP, RELU, SIGMOID,
    SOFTPLUS, ERF, GELU, SQUARE, RECIPROCAL, MAXIMUM, MINIMUM,
)  # fmt: skip
