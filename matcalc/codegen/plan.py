"""What is computed, from what is written: the same values at the least cost.

The passes rest on each other. Before them ``generate.py`` calls ``stabilise_all``, then ``keep_digits``:
what overflows is looked for among ``exp`` and ``log``, which ``log1p`` and ``expm1`` would hide. ``distribute``,
within ``choose``, opens the sums that ``share`` has made one of, and shares again what comes of them.
``factorise`` reads systems off products in pairs, which ``choose`` makes. Behind it ``turn`` writes traces and
diagonals of products in kernels that no other pass reads, and ``without_scipy``, in ``generate.py``, replaces
what is written so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen.arguments import read_sizes
from matcalc.codegen.choose import Case, choose
from matcalc.codegen.dialects import Dialect
from matcalc.codegen.factorise import factorise
from matcalc.codegen.gather import gather
from matcalc.codegen.share import share
from matcalc.codegen.thin import thin
from matcalc.codegen.traces import split_traces
from matcalc.codegen.turn import turn
from matcalc.core.expr import Expr, Symbol


def plan(roots: Sequence[Expr], dialect: Dialect, arrays: Sequence[Symbol]) -> list[Case]:
    """The expressions as they are best computed, all in one function; several ways where sizes decide.

    Args:
        roots: what is computed.
        dialect: the array library.
        arrays: the function's arguments, which tell sizes.
    """
    names = {name for array in arrays for dim in array.shape for name in dim.symbols}
    readings, _ = read_sizes(sorted(names), arrays)
    readable = {reading.size for reading in readings}
    cases = choose(share(gather(split_traces(thin(roots)))), dialect, readable)
    return [Case(case.condition, tuple(turn(factorise(case.roots)))) for case in cases]
