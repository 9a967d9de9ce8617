"""Generated Hessians against jax.hessian, torch.func.hessian and code by hand.

    python -m benchmarks.hessians [PROBLEM ...] [--backend NAME] [--small] [--seconds S] [--source]

All results are compared before anything is timed; what differs is not timed. The methods take turns
in one process, a new one for each problem, with one thread, and a ratio is one of medians over the
rounds. ``jax.hessian`` is under ``jax.jit``, and so is all that is written for JAX.

Columns named ``operator`` and ``core by hand`` are the time for the core alone, the arrays that all else
is computed from. What that is for is in the second table: the core and one product with it against
``jax.jvp(jax.grad(f))``, the core and one solution against ``jnp.linalg.solve`` of ``jax.hessian``.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.environment import single_thread


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare on all problems, or on those named."""
    single_thread()  # before NumPy is imported
    from benchmarks.run_comparison import run

    run("benchmarks.hessian_problems", arguments, (__doc__ or "").splitlines()[0])


if __name__ == "__main__":
    main()
