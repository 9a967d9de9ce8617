"""Problems whose gradients are timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks import gradients_by_hand as by_hand
from benchmarks import programs
from benchmarks.problem import Problem, Target, in_both

#: Never slower than this many times the time of the best alternative.
PARITY = (
    Target(1 / 1.15, "by hand", ("numpy",)),
    Target(1 / 1.15, "jax.grad", ("jax",)),
)

#: Exploits what automatic differentiation of the same text cannot.
AHEAD = (Target(1 / 1.15, "by hand", ("numpy",)), Target(5, "jax.grad", ("jax",)))

LOGISTIC = Problem(
    "logistic",
    "logistic regression, by w",
    "sum(log(1 + exp(-y .* (X w))))",
    "w",
    1,
    {"m": 2000, "n": 1000},
    {"m": 7, "n": 5},
    programs.draw_logistic,
    programs.logistic,
    {"numpy": by_hand.logistic_numpy, "jax": by_hand.logistic_jax},
    targets=PARITY,
)

GAUSSIAN = Problem(
    "gaussian",
    "Gaussian likelihood, by S",
    "S: (n, n) spd; 1/2 logdet(S) + 1/2 (x - z)' inv(S) (x - z)",
    "S",
    1,
    {"n": 300},
    {"n": 5},
    programs.draw_gaussian,
    programs.gaussian,
    {"numpy": by_hand.gaussian_numpy, "jax": by_hand.gaussian_jax},
    targets=PARITY,
)

AS_WRITTEN: Sequence[Problem] = (
    LOGISTIC,
    replace(
        LOGISTIC,
        name="logistic-value",
        title="logistic regression, by w, with its value",
        by_hand={"numpy": by_hand.logistic_value_numpy, "jax": by_hand.logistic_value_jax},
        with_value=True,
    ),
    Problem(
        "least-squares",
        "norm2(X w - y)^2, by w",
        "norm2(X w - y)^2",
        "w",
        1,
        {"m": 2000, "n": 1000},
        {"m": 7, "n": 5},
        programs.draw_regression,
        programs.least_squares,
        {"numpy": by_hand.least_squares, "jax": by_hand.least_squares},
        targets=PARITY,
    ),
    Problem(
        "quadratic",
        "x' A x, by x",
        "x' A x",
        "x",
        1,
        {"n": 1500},
        {"n": 5},
        programs.draw_quadratic,
        programs.quadratic,
        {"numpy": by_hand.quadratic, "jax": by_hand.quadratic},
        targets=PARITY,
    ),
    Problem(
        "chain",
        f"‖A1 ⋯ A{programs.LENGTH} x - b‖², by x",
        programs.CHAIN,
        "x",
        1,
        {"n": 300},
        {"n": 5},
        programs.draw_chain,
        programs.chain,
        {"numpy": by_hand.chain, "jax": by_hand.chain},
        targets=PARITY,
    ),
    Problem(
        "cross-entropy",
        "softmax regression, by W",
        "sum(logsumexp(W X, 1)) - sum(Y .* (W X))",
        "W",
        1,
        {"p": 10, "n": 200, "m": 2000},
        {"p": 3, "n": 5, "m": 7},
        programs.draw_classes,
        programs.cross_entropy,
        {"numpy": by_hand.cross_entropy_numpy, "jax": by_hand.cross_entropy_jax},
        targets=PARITY,
    ),
    Problem(
        "b",
        "‖T - U V'‖², by U",
        "U, V: (n, k); ||T - U V'||^2",
        "U",
        1,
        {"n": 1000, "k": 5},
        {"n": 7, "k": 3},
        programs.draw_factorisation,
        programs.factorisation,
        {"numpy": by_hand.factorisation, "jax": by_hand.factorisation},
        targets=PARITY,
    ),
    Problem(
        "c",
        f"{programs.DEPTH} ReLU layers, by the first W",
        programs.NETWORK,
        "W1",
        1,
        {"n": 100, "m": 100},
        {"n": 5, "m": 4},
        programs.draw_network,
        programs.network,
        in_both(by_hand.network),
        targets=PARITY,
    ),
    Problem(
        "c2",
        "2 tanh layers, by the first W",
        "X, Y: (n, m); W1, W2: (n, n); 1/2 ||W2 tanh(W1 X) - Y||^2",
        "W1",
        1,
        {"n": 200, "m": 200},
        {"n": 5, "m": 4},
        programs.draw_two_layers,
        programs.two_layers,
        in_both(by_hand.two_layers),
        targets=PARITY,
    ),
    Problem(
        "d1",
        "logdet(X)",
        "logdet(X)",
        "X",
        1,
        {"n": 300},
        {"n": 5},
        programs.draw_matrix,
        programs.log_det,
        in_both(by_hand.log_det),
        targets=PARITY,
    ),
    Problem(
        "d2",
        "a' inv(X) b, by X",
        "a' inv(X) b",
        "X",
        1,
        {"n": 500},
        {"n": 5},
        programs.draw_square,
        programs.inverse_form,
        {"numpy": by_hand.inverse_form_numpy, "jax": by_hand.inverse_form_jax},
        targets=AHEAD,
    ),
    GAUSSIAN,
    replace(
        GAUSSIAN,
        name="gaussian-value",
        title="Gaussian likelihood, by S, with its value",
        by_hand={"numpy": by_hand.gaussian_value_numpy, "jax": by_hand.gaussian_value_jax},
        with_value=True,
    ),
    Problem(
        "gram",
        "logdet(X' X), by X",
        "logdet(X' X)",
        "X",
        1,
        {"m": 1000, "n": 200},
        {"m": 7, "n": 5},
        programs.draw_tall,
        programs.gram_log_det,
        {"numpy": by_hand.gram_log_det_numpy, "jax": by_hand.gram_log_det_jax},
        targets=PARITY,
    ),
)

#: What of the lead over ``jax.grad`` is only that of a better spelling of the program.
WELL_SPELLED = {"gaussian": programs.gaussian_by_factor, "d2": programs.inverse_form_by_solve}

PROBLEMS: Sequence[Problem] = (
    *AS_WRITTEN,
    *(
        replace(
            problem,
            name=f"{problem.name}-spelled",
            title=f"{problem.title}, against a program without inv",
            function=WELL_SPELLED[problem.name],
            targets=PARITY,
        )
        for problem in AS_WRITTEN
        if problem.name in WELL_SPELLED
    ),
)
