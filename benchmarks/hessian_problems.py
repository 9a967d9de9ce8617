"""Problems whose Hessians are timed: functions whose gradients are, mostly at other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks import hessians_by_hand as by_hand
from benchmarks.gradient_problems import AS_WRITTEN
from benchmarks.problem import Problem, Target, in_both

GRADIENTS = {problem.name: problem for problem in AS_WRITTEN}

PROBLEMS: Sequence[Problem] = (
    replace(
        GRADIENTS["logistic"],
        name="a",
        order=2,
        by_hand={"numpy": by_hand.logistic_numpy, "jax": by_hand.logistic_jax},
        targets=(Target(0.9, "by hand"),),
    ),
    replace(
        GRADIENTS["b"],
        order=2,
        sizes={"n": 200, "k": 5},
        small={"n": 7, "k": 3},
        by_hand={"numpy": by_hand.factorisation_numpy, "jax": by_hand.factorisation_jax},
        core_by_hand={"numpy": by_hand.factorisation_core, "jax": by_hand.factorisation_core},
        targets=(Target(400, "jax.hessian"),),
    ),
    replace(
        GRADIENTS["c"],
        order=2,
        sizes={"n": 30, "m": 32},
        small={"n": 5, "m": 4},
        by_hand=by_hand.dense(by_hand.network_blocks),
        core_by_hand=in_both(by_hand.network_core),
        targets=(Target(15, "jax.hessian"),),
        is_singular=True,
    ),
    replace(
        GRADIENTS["c2"],
        order=2,
        sizes={"n": 32, "m": 64},
        small={"n": 5, "m": 7},
        by_hand={**by_hand.dense(by_hand.two_layers_blocks), "jax": by_hand.two_layers_jax},
        core_by_hand=in_both(by_hand.two_layers_core),
        targets=(Target(15, "jax.hessian"),),
    ),
    replace(
        GRADIENTS["d1"],
        order=2,
        sizes={"n": 40},
        small={"n": 5},
        by_hand={"numpy": by_hand.log_det_numpy, "jax": by_hand.log_det_jax},
        core_by_hand=in_both(by_hand.log_det_core),
        targets=(Target(12, "jax.hessian"),),
    ),
    replace(
        GRADIENTS["d2"],
        order=2,
        sizes={"n": 64},
        small={"n": 5},
        by_hand={"numpy": by_hand.inverse_form_numpy, "jax": by_hand.inverse_form_jax},
        core_by_hand=in_both(by_hand.inverse_form_core),
        targets=(Target(15, "jax.hessian"),),
        is_singular=True,
    ),
)
