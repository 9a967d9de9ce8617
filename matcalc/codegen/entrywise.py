"""Functions of every entry that only generated code has: what keeps digits and does not overflow."""

from __future__ import annotations

from collections.abc import Callable

from matcalc.core.expr import Expr
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import EXP
from matcalc.passes import build
from matcalc.passes.collect import total


def entrywise(
    name: str,
    numpy: str,
    *,
    jax: str = "",
    torch: str = "",
    parameters: tuple[str, ...] = ("x",),
    partial: tuple[str, ...] = (),
    slopes: tuple[Callable[..., Expr], ...] = (),
    source: str = "",
) -> Operation:
    """One record; it has no derivative where it takes the place of what has been differentiated."""
    return Operation(
        name,
        f"{', '.join(['(m, n)'] * len(parameters))} -> (m, n)",
        parameters,
        partial=partial,
        slopes=slopes,
        elementwise=True,
        numpy=numpy,
        jax=jax,
        torch=torch,
        source=source,
    )


# ------------------------------------------------------------------ beside 1

LOG1P = entrywise("log1p", "np.log1p({0})")
"""``log(1 + x)``."""

EXPM1 = entrywise("expm1", "np.expm1({0})", partial=("expm1(x)' = exp(x)",))
"""``exp(x) - 1``."""

LOG1MEXP = entrywise(
    "log1mexp",
    "far = np.log1p(-np.exp(np.clip({0}, None, -0.5)))\n"
    "np.where({0} < -0.7, far, np.log(-np.expm1({0})))",
    source="M. Mächler, Accurately computing log(1 - exp(-|a|)), R package Rmpfr (2012)",
)
"""``log(1 - exp(x))``."""

ERFC = entrywise("erfc", "scipy.special.erfc({0})", torch="torch.erfc({0})")
"""``1 - erf(x)``."""

# ------------------------------------------------------------------ logarithms

LOGCOSH = entrywise(
    "logcosh",
    "a = np.abs({0})\n"
    "near = -0.5 * np.log1p(-(np.tanh(np.clip(a, 0, 1)) ** 2))\n"
    "np.where(a < 1, near, a + np.log1p(np.exp(-2 * a)) - math.log(2))",
    partial=("logcosh(x)' = tanh(x)",),
)
"""``log(cosh(x))``, to all digits near 0 too."""

LOGADDEXP = entrywise(
    "logaddexp",
    "np.logaddexp({0}, {1})",
    parameters=("x", "y"),
    partial=("logaddexp(x, y)' = sigmoid(x - y)", "logaddexp(x, y)' = sigmoid(y - x)"),
)
"""``log(exp(x) + exp(y))``."""


def _slope_of_log_ndtr(x: Expr) -> Expr:
    return MILLS(x)


def _slope_of_mills(x: Expr) -> Expr:
    return build.scaled(-1, build.times(MILLS(x), total(x, MILLS(x))))


LOG_NDTR = entrywise(
    "log_ndtr",
    "scipy.special.log_ndtr({0})",
    torch="torch.special.log_ndtr({0})",
    slopes=(_slope_of_log_ndtr,),
)
"""The logarithm of the normal distribution function, ``log(1/2 (1 + erf(x/sqrt(2))))``."""

MILLS = entrywise(
    "mills",
    "math.sqrt(2 / math.pi) / scipy.special.erfcx(-math.sqrt(0.5) * {0})",
    # JAX has had erfcx for a short time only.
    jax="t = -jnp.minimum({0}, -4)\n"
    "far = t\n"
    "for k in range(50, 0, -1): far = t + k / far\n"
    "near = jnp.exp(-0.5 * {0}**2 - jax.scipy.special.log_ndtr({0})) / math.sqrt(2 * math.pi)\n"
    "jnp.where({0} < -4, far, near)",
    torch="math.sqrt(2 / math.pi) / torch.special.erfcx(-math.sqrt(0.5) * {0})",
    slopes=(_slope_of_mills,),
    source="NIST Digital Library of Mathematical Functions, 7.9.1",
)
"""Its derivative, the inverse of Mills' ratio: the normal density over the distribution function."""

# ------------------------------------------------------------------ shifted exponentials

FINITE = entrywise("finite", "np.where(np.isfinite({0}), {0}, 0)", partial=("finite(x)' = 0",))
"""What exponents are shifted by, held fixed in derivatives: the argument, 0 where that is infinite."""

COUNTED = entrywise(
    "counted",
    "np.where({1} != 0, {0}, -np.inf)",
    parameters=("x", "a"),
    partial=("counted(x, a)' = 0", "counted(x, a)' = 0"),
)
"""Exponents, minus infinity where the weight is 0: what is not in the sum must not shift it."""


def _by_exponent(x: Expr, a: Expr) -> Expr:
    return WEIGHTED_EXP(x, a)


def _by_weight(x: Expr, _: Expr) -> Expr:
    return EXP(x)


WEIGHTED_EXP = entrywise(
    "weighted_exp",
    "{1} * np.exp(np.where({1} != 0, {0}, -np.inf))",
    parameters=("x", "a"),
    slopes=(_by_exponent, _by_weight),
)
"""``exp(x) .* weights``, 0 where the weight is, however large the exponent."""
