"""Matrix functions of polynomials in steps t with t² = 0, by way of matrices of numbers.

The algebra of polynomials in r such steps is one of 2^r by 2^r matrices, in which every step is a
nilpotent matrix. A function of a matrix over it is therefore the function of a block matrix of
numbers (N. J. Higham, Functions of Matrices, SIAM 2008, section 3.2, for one step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, combinations
from typing import Any

import sympy

Subset = frozenset[Any]


def along_steps(
    function: Callable[[sympy.Matrix], sympy.Matrix], matrix: sympy.Matrix, steps: Sequence[Any]
) -> sympy.Matrix:
    """The function of a square matrix whose entries are polynomials of degree 1 in every step.

    Args:
        function: takes and returns matrices of numbers.
        matrix: n by n.
        steps: the symbols whose squares are zero.
    """
    n = matrix.rows
    used = [step for step in steps if matrix.has(step)]
    subsets: list[Subset] = [
        frozenset(s)
        for s in chain.from_iterable(combinations(used, k) for k in range(len(used) + 1))
    ]
    parts = _coefficients(matrix, used)
    blocks = sympy.zeros(n * len(subsets), n * len(subsets))
    for row, below in enumerate(subsets):
        for column, above in enumerate(subsets):
            if below <= above and above - below in parts:
                blocks[row * n : (row + 1) * n, column * n : (column + 1) * n] = parts[
                    above - below
                ]
    value = function(blocks)
    result = sympy.zeros(n, n)
    for column, subset in enumerate(subsets):
        result += sympy.Mul(*subset) * value[:n, column * n : (column + 1) * n]
    return result


def _coefficients(matrix: sympy.Matrix, steps: Sequence[Any]) -> dict[Subset, sympy.Matrix]:
    """The matrices that products of steps are multiplied by."""
    found: dict[Subset, sympy.Matrix] = {}
    for place, entry in enumerate(matrix):
        terms = sympy.Poly(entry, *steps).terms() if steps else [((), entry)]
        for powers, coefficient in terms:
            subset = frozenset(step for step, k in zip(steps, powers, strict=True) if k)
            part = found.setdefault(subset, sympy.zeros(*matrix.shape))
            part[place] = coefficient
    return found
