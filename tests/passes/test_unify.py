"""Unification of sizes."""

import pytest

from matcalc.core.dim import ONE, Dim
from matcalc.passes.unify import MismatchError, Sizes

M, N = Dim.of("m"), Dim.of("n")


def test_an_unknown_is_solved_for() -> None:
    sizes = Sizes()
    a = sizes.fresh()
    sizes.unify(a * M, M * N)
    assert sizes.resolve(a) == N


def test_roots_are_taken() -> None:
    sizes = Sizes()
    a = sizes.fresh()
    sizes.unify(a * a, Dim.of(4) * N * N)
    assert sizes.resolve(a) == Dim.of(2) * N


def test_what_has_two_solutions_waits_until_more_is_known() -> None:
    sizes = Sizes()
    a, b = sizes.fresh(), sizes.fresh()
    sizes.unify(a * b, M * N)
    assert sizes.resolve(a) == a
    sizes.unify(a, N)
    assert sizes.resolve(b) == M


def test_what_waits_is_reported_or_settled_by_pairing() -> None:
    sizes = Sizes()
    a, b, c, d = (sizes.fresh() for _ in range(4))
    sizes.unify(a * b, c * d)
    assert sizes.settle() is None
    assert sizes.resolve(c) == a
    assert sizes.resolve(d) == b
    sizes.unify(a * b, M * N)
    assert sizes.settle() is not None


@pytest.mark.parametrize(
    ("left", "right"), [(M, N), (Dim.of(2), Dim.of(3)), (M, ONE), (M * N, M), (Dim.of(2) * M, M)]
)
def test_known_sizes_that_differ_do_not_agree(left: Dim, right: Dim) -> None:
    with pytest.raises(MismatchError):
        Sizes().unify(left, right)


def test_an_unknown_is_not_1() -> None:
    sizes = Sizes()
    with pytest.raises(MismatchError):
        sizes.unify(sizes.fresh(), ONE)


def test_trying_changes_nothing() -> None:
    sizes = Sizes()
    a = sizes.fresh()
    assert sizes.could_agree((a,), (M,))
    assert sizes.resolve(a) == a
