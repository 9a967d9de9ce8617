"""What is SciPy's by what NumPy has itself: each system solved on its own, special functions in loops.

Source text says what is best; a function that is to run where SciPy is missing is made of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from matcalc.codegen.entrywise import ERFC, LOG_NDTR, MILLS, entrywise
from matcalc.codegen.items import transposed
from matcalc.codegen.kernels import (
    CHOLESKY_INVERSE,
    CHOLESKY_LOGDET,
    CHOLESKY_SOLVE,
    LOWER_SOLVE,
    LU_LOGDET,
    LU_SOLVE,
    LU_SOLVE_TRANSPOSED,
    SOLVE,
    UPPER_SOLVE,
    Solver,
)
from matcalc.core.expr import Apply, Expr, postorder
from matcalc.core.operation import Operation
from matcalc.ops.elementwise import ERF, GELU
from matcalc.ops.linalg import INV, LOGDET


def _both(solver: Solver) -> tuple[Operation, Operation]:
    return solver.one, solver.many


#: Operations on a factorisation that solve a system.
SOLVERS = frozenset([*_both(LU_SOLVE), *_both(LU_SOLVE_TRANSPOSED), *_both(CHOLESKY_SOLVE)])

#: Those that solve it for the transposed matrix.
TRANSPOSED = frozenset(_both(LU_SOLVE_TRANSPOSED))

#: Operations that solve a system with a triangular matrix.
TRIANGULAR = frozenset([*_both(LOWER_SOLVE), *_both(UPPER_SOLVE)])

#: Other operations on a factorisation, by the one on the matrix that they do the work of.
PLAIN = {LU_LOGDET: LOGDET, CHOLESKY_LOGDET: LOGDET, CHOLESKY_INVERSE: INV}


_ERF = "erf = np.vectorize(math.erf, otypes=[{0}.dtype])"
_ERFC = "erfc = np.vectorize(math.erfc, otypes=[{0}.dtype])"

#: Laplace's continued fraction for what is far below 0.
_MILLS = """\
t = -np.minimum({0}, -4)
far = t
for k in range(50, 0, -1): far = t + k / far"""

#: Special functions by those that Python has of numbers.
LOOPED = {
    ERF: entrywise("erf", f"{_ERF}\nerf({{0}})"),
    ERFC: entrywise("erfc", f"{_ERFC}\nerfc({{0}})"),
    LOG_NDTR: entrywise(
        "log_ndtr",
        f"{_ERFC}\n{_MILLS}\nfar = -0.5 * {{0}}**2 - np.log(math.sqrt(2 * math.pi) * far)\n"
        "near = np.log(0.5 * erfc(math.sqrt(0.5) * np.clip(-{0}, 0, 4)))\n"
        "np.where({0} < -4, far, np.where({0} < 0, near, np.log1p(-0.5 * erfc(math.sqrt(0.5) * np.maximum({0}, 0)))))",
    ),
    MILLS: entrywise(
        "mills",
        f"{_ERFC}\n{_MILLS}\n"
        "near = np.exp(-0.5 * {0}**2) / erfc(-math.sqrt(0.5) * np.maximum({0}, -4))\n"
        "np.where({0} < -4, far, math.sqrt(2 / math.pi) * near)",
    ),
    GELU: entrywise("gelu", f"{_ERFC}\n0.5 * {{0}} * erfc(-math.sqrt(0.5) * {{0}})"),
}


def has_scipy() -> bool:
    """Whether SciPy is installed."""
    return find_spec("scipy") is not None


def without_scipy(roots: Sequence[Expr]) -> list[Expr]:
    """The same values without SciPy's functions."""
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        done[node] = _rebuilt(node, done)
    return [done[root] for root in roots]


def _rebuilt(node: Expr, done: dict[Expr, Expr]) -> Expr:
    if not isinstance(node, Apply):
        return node
    if node.op in PLAIN:
        return PLAIN[node.op](_factorised(node, done))
    if node.op in SOLVERS:
        matrix = _factorised(node, done)
        return SOLVE(transposed(matrix) if node.op in TRANSPOSED else matrix, done[node.args[1]])
    args = [done[arg] for arg in node.args]
    return SOLVE(*args) if node.op in TRIANGULAR else LOOPED.get(node.op, node.op)(*args)


def _factorised(node: Apply, done: dict[Expr, Expr]) -> Expr:
    """The matrix whose factorisation is the first argument."""
    return done[node.args[0].args[0]]
