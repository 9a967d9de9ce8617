"""Hypothesis strategies: random expressions, and random problems for the laws."""

from hypothesis import assume
from hypothesis import strategies as st

from matcalc.core.dim import Shape
from matcalc.core.expr import Expr
from tests.laws.problem import Discarded, Problem, random_problem
from tests.random_expressions import SHAPES, Grower


@st.composite
def expressions(
    draw: st.DrawFn,
    max_leaves: int = 8,
    ops: frozenset[str] | None = None,
    shape: Shape | None = None,
) -> Expr:
    """An expression with up to so many leaves, made of these operations (by default, of all)."""
    grower = Grower(lambda options: draw(st.sampled_from(options)), ops)
    if shape is None:
        shape = draw(st.sampled_from(SHAPES))
    return grower.grow(shape, draw(st.integers(1, max_leaves)))


@st.composite
def problems(draw: st.DrawFn, max_leaves: int = 8) -> Problem:
    """An expression with a variable and a point at which it is defined."""
    try:
        problem = random_problem(lambda options: draw(st.sampled_from(options)), max_leaves)
        problem.value  # noqa: B018 - discards
    except Discarded:
        assume(False)
    return problem
