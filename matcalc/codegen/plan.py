"""What is computed, from what is written: the same values at the least cost."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codegen.factorise import factorise
from matcalc.codegen.order import order
from matcalc.codegen.share import share
from matcalc.core.expr import Expr


def plan(roots: Sequence[Expr], backend: str) -> list[Expr]:
    """The expressions as they are best computed, all in one function."""
    return factorise(order(share(roots), backend))
