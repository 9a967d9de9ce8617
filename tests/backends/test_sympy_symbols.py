import random

import pytest
import sympy

from matcalc.backends.sympy_symbols import Manner, sampled_matrix, symbolic_matrix
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Symbol
from matcalc.errors import UnsupportedProblem

n = Dim.of("n")

HOLDS = {
    "symmetric": lambda M: M.T == M,
    "skew": lambda M: M.T == -M,
    "diagonal": lambda M: M.is_diagonal(),
    "lower_triangular": lambda M: M.is_lower,
    "upper_triangular": lambda M: M.is_upper,
    "toeplitz": lambda M: M[1:, 1:] == M[:-1, :-1],
}
SAMPLED = {
    **HOLDS,
    "spd": lambda M: M.T == M and M.is_positive_definite,
    "psd": lambda M: M.T == M and M.is_positive_semidefinite,
    "orthogonal": lambda M: sympy.eye(M.rows) == M.T * M and not M.is_diagonal(),
    "positive": lambda M: all(e > 0 for e in M),
    "invertible": lambda M: M.det() != 0,
    "nonzero": lambda M: all(e != 0 for e in M),
}
TOGETHER = [
    ("symmetric", "toeplitz"),
    ("spd", "toeplitz"),
    ("spd", "diagonal"),
    ("lower_triangular", "toeplitz"),
    ("symmetric", "positive"),
]


@pytest.mark.parametrize("name", HOLDS)
def test_a_matrix_of_symbols_has_the_structure(name):
    matrix = symbolic_matrix(Symbol("A", (n, n), [name]), {"n": 3})
    assert HOLDS[name](matrix)
    assert matrix.free_symbols


@pytest.mark.parametrize("names", [*((name,) for name in SAMPLED), *TOGETHER], ids="-".join)
@pytest.mark.parametrize("size", [2, 3])
def test_a_sample_has_all_its_properties(names, size):
    rng = random.Random(3)
    matrix = sampled_matrix(Symbol("A", (n, n), names), {"n": size}, rng, Manner())
    assert all(entry.is_Rational for entry in matrix)
    for name in names:
        assert SAMPLED[name](matrix)


@pytest.mark.parametrize("other", ["symmetric", "diagonal"])
def test_orthogonal_matrices_with_a_structure(other):
    matrix = sampled_matrix(
        Symbol("Q", (n, n), ["orthogonal", other]), {"n": 3}, random.Random(1), Manner()
    )
    assert matrix.T * matrix == sympy.eye(3)
    assert HOLDS[other](matrix)


def test_an_orthogonal_matrix_with_any_other_structure_is_refused():
    with pytest.raises(
        UnsupportedProblem, match="no samples of Q, which is declared orthogonal and toeplitz"
    ):
        sampled_matrix(
            Symbol("Q", (n, n), ["orthogonal", "toeplitz"]), {"n": 3}, random.Random(1), Manner()
        )


def test_manners_change_the_sample():
    symbol = Symbol("A", (n, n))

    def draw(manner):
        return sampled_matrix(symbol, {"n": 3}, random.Random(0), manner)

    assert min(draw(Manner())) < 0
    assert min(draw(Manner(positive=True))) > 0
    assert all(e.is_Integer and abs(e) <= 9 for e in draw(Manner(denominator=1, largest=9)))
    assert draw(Manner(dominant=True)).det() > 0


def test_no_two_entries_are_alike():
    vector = sampled_matrix(Symbol("x", (n, ONE)), {"n": 30}, random.Random(0), Manner())
    assert len(set(map(abs, vector))) == 30
