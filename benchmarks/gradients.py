"""Generated gradients against jax.grad, torch.autograd and code by hand.

    python -m benchmarks.gradients [PROBLEM ...] [--backend NAME] [--small] [--seconds S] [--source]

All results are compared before anything is timed; what differs is not timed. The methods take turns
in one process, a new one for each problem, with one thread, and a ratio is one of medians over the
rounds. ``jax.grad`` is under ``jax.jit``, and so is all that is written for JAX; where the value is
wanted too, it is ``jax.value_and_grad``.

Programs are written as in the formula, with ``inv`` where it has one. For problems named ``-spelled`` they
are written with a solution or a factorisation instead: what is left of the lead there is that of the
generated code, the rest is one of spelling.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.environment import single_thread


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare on all problems, or on those named."""
    single_thread()  # before NumPy is imported
    from benchmarks.run_comparison import run

    run("benchmarks.gradient_problems", arguments, (__doc__ or "").splitlines()[0])


if __name__ == "__main__":
    main()
