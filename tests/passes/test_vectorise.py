"""Random terms of index notation as matrices with composite axes, against the arrays that they are."""

import random
from fractions import Fraction

import numpy as np

from matcalc.codegen.generate import compile_function
from matcalc.core.dim import ONE, Dim
from matcalc.core.expr import Expr, Size, Symbol
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.ops.constant import EYE
from matcalc.passes.contract import contract
from matcalc.passes.recognise import vectorise
from tests.reference import assert_close, generator

SIZES = {"n": 3, "m": 2}
CASES = 150

#: At least so many of the cases have a form; were it fewer, little would be tested.
LEAST = 150


def random_term(seed: int) -> tuple[IndexExpr, list[Symbol]]:
    """A product of entries of matrices, vectors and deltas, with three or four free indices."""
    draw = random.Random(seed)
    indices = [Index(Dim.of(draw.choice("nnm"))) for _ in range(draw.choice([4, 5, 6]))]
    free = tuple(indices[: draw.choice([3, 4])])
    factors: list[Factor] = []
    symbols: list[Symbol] = []
    for _ in range(draw.choice([2, 3, 4, 5])):
        one, two = draw.sample(indices, 2)
        kind = draw.random()
        if kind < 0.3 and one.dim == two.dim:
            factors.append(Factor(EYE(Size(one.dim)), (one, two)))
            continue
        slots = (one, two) if kind < 0.85 else (one,)
        shape = (one.dim, two.dim if len(slots) == 2 else ONE)
        symbols.append(Symbol(f"A_{len(symbols)}", shape))
        factors.append(Factor(symbols[-1], slots))
    term = Term(Fraction(draw.choice([1, -2])), tuple(factors))
    return IndexExpr(free, (term,)), symbols


def values(e: Expr | IndexExpr, symbols: list[Symbol], seed: int) -> np.ndarray:
    rng = generator(seed)
    arrays = {s.name: rng.standard_normal([dim.evaluate(SIZES) for dim in s.axes]) for s in symbols}
    code = compile_function(e, "numpy", doc="f.", variables=[*symbols, *ANCHORS])
    return np.asarray(code(**arrays, n_=np.zeros(SIZES["n"]), m_=np.zeros(SIZES["m"])))


#: Variables that tell the generated code the sizes.
ANCHORS = [Symbol("n_", (Dim.of("n"), ONE)), Symbol("m_", (Dim.of("m"), ONE))]


def test_value() -> None:
    found = 0
    for seed in range(CASES):
        ix, symbols = random_term(seed)
        ix = contract(ix)
        for cut in range(len(ix.free) + 1):
            matrix = vectorise(ix, ix.free[:cut], ix.free[cut:])
            if matrix is None:
                continue
            found += 1
            array = values(ix, symbols, seed)
            flat = array.transpose([*reversed(range(cut)), *reversed(range(cut, array.ndim))])
            shape = [dim.evaluate(SIZES) for dim in matrix.shape]
            printed = np.broadcast_to(values(matrix, symbols, seed), [s for s in shape if s != 1])
            assert_close(printed.reshape(shape), flat.reshape(shape), 1e-10)
    assert found > LEAST
