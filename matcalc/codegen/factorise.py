"""Inverses that are only multiplied become solutions of linear systems.

All systems with one matrix, transposed or not, and its log-determinant share one factorisation:
Cholesky's for what is known to be positive definite where it has an inverse, else LU. An inverse that is itself part of
the result is computed, from Cholesky's if there is one, and then multiplied with. The chains must be in pairs (``order.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matcalc.codegen.items import Item, flip, item, replanned, transposed
from matcalc.codegen.kernels import (
    CHOLESKY,
    CHOLESKY_INVERSE,
    CHOLESKY_LOGDET,
    CHOLESKY_SOLVE,
    LOWER_SOLVE,
    LU_FACTOR,
    LU_LOGDET,
    LU_SOLVE,
    LU_SOLVE_TRANSPOSED,
    SOLVE,
    UPPER_SOLVE,
)
from matcalc.core.expr import Expr, operations, postorder
from matcalc.ops.linalg import INV, LOGDET
from matcalc.ops.structural import MATMUL, TRANSPOSE
from matcalc.passes.build import is_op
from matcalc.passes.properties import properties

#: With so many systems, each with as many right sides as a matrix has columns, the inverse is cheaper: it costs as
#: much as two of them, and a product with it is faster than solving two triangular systems.
MANY = 3


@dataclass
class System:
    """A matrix and what is wanted of its inverse.

    Attributes:
        matrix: the matrix.
        is_explicit: whether the inverse itself is part of the result.
        solutions: right sides, and whether the system is that of the transposed matrix.
        logdet: whether the log-determinant is wanted too.
    """

    matrix: Expr
    is_explicit: bool = False
    solutions: dict[tuple[Expr, bool], None] = field(default_factory=dict)
    logdet: bool = False

    @property
    def is_inverted(self) -> bool:
        """Whether the inverse is computed."""
        wide = sum(not any(dim.is_unit for dim in side.shape) for side, _ in self.solutions)
        return self.is_explicit or wide >= MANY

    @property
    def is_triangular(self) -> bool:
        """Whether it is its own factorisation."""
        return bool(properties(self.matrix) & {"lower_triangular", "upper_triangular"})

    @property
    def has_cholesky(self) -> bool:
        """Whether Cholesky's decomposition gives all that is wanted.

        What is not negative definite and has an inverse is positive definite, such as ``X' X``.
        """
        return "psd" in properties(self.matrix) and not self.is_triangular

    @property
    def is_factorised(self) -> bool:
        """Whether a factorisation serves more than one purpose."""
        if self.is_inverted:
            return self.logdet and self.has_cholesky
        return len(self.solutions) + self.logdet > 1


def factorise(roots: Sequence[Expr]) -> list[Expr]:
    """The same values without inverses, where that is cheaper."""
    if INV not in operations(*roots):
        return list(roots)
    nodes = list(postorder(*roots))
    systems = _systems(nodes, roots)
    done: dict[Expr, Expr] = {}
    for node in nodes:
        done[node] = _rebuilt(node, done, systems)
    return [done[root] for root in roots]


# ------------------------------------------------------------------ what is wanted of an inverse


def _systems(nodes: Sequence[Expr], roots: Sequence[Expr]) -> dict[Expr, System]:
    """The systems by their matrices."""
    systems = {node.args[0]: System(node.args[0]) for node in nodes if is_op(node, INV)}
    pairs: list[Expr] = []
    for root in roots:
        _mark(root, systems)
    for node in nodes:
        if is_op(node, LOGDET) and node.args[0] in systems:
            systems[node.args[0]].logdet = True
        elif is_op(node, MATMUL) and len(node.args) == 2:
            inverses = [arg for arg in node.args if _inverted(arg) is not None]
            if len(inverses) == 2:
                pairs.append(node)
            elif inverses:
                _ask(node, systems)
        elif not is_op(node, TRANSPOSE):
            # Three factors have a diagonal matrix in their midst, and the inverses beside it are formed.
            for arg in node.args:
                _mark(arg, systems)
    for node in pairs:
        # One of two inverses must be a right side.
        left, right = map(_inverted, node.args)
        assert left is not None
        assert right is not None
        if not systems[left].is_explicit or systems[right].is_explicit:
            systems[right].is_explicit = True
        _ask(node, systems)
    return systems


def _inverted(e: Expr) -> Expr | None:
    """The matrix of which it is the inverse, transposed or not."""
    inner = e.args[0] if is_op(e, TRANSPOSE) else e
    return inner.args[0] if is_op(inner, INV) else None


def _mark(e: Expr, systems: dict[Expr, System]) -> None:
    matrix = _inverted(e)
    if matrix is not None:
        systems[matrix].is_explicit = True


def _ask(product: Expr, systems: dict[Expr, System]) -> None:
    found = _solution(product, systems)
    if found is not None:
        system, side, turned = found
        system.solutions[side, turned] = None


def _solution(product: Expr, systems: dict[Expr, System]) -> tuple[System, Expr, bool] | None:
    """The system that a product solves, its right side, and whether its matrix is transposed.

    ``B inv(A)`` is the transpose of the solution of ``A' X = B'``.
    """
    left, right = product.args
    for factor, side, on_left in ((left, right, True), (right, transposed(left), False)):
        matrix = _inverted(factor)
        if matrix is not None and not systems[matrix].is_explicit:
            one: Item = item(factor)
            return systems[matrix], side, one[1] if on_left else flip(one)[1]
    return None


# ------------------------------------------------------------------ how it is computed


def _rebuilt(node: Expr, done: dict[Expr, Expr], systems: dict[Expr, System]) -> Expr:
    if is_op(node, LOGDET) and node.args[0] in systems:
        system = systems[node.args[0]]
        if system.is_factorised:
            return _logdet(system, done)
    if is_op(node, INV) and systems[node.args[0]].has_cholesky:
        return CHOLESKY_INVERSE(CHOLESKY(done[node.args[0]]))
    if is_op(node, MATMUL) and len(node.args) == 2:
        found = _solution(node, systems)
        if found is not None and not found[0].is_inverted:
            system, side, turned = found
            if _inverted(node.args[0]) is system.matrix:
                return _solved(system, _new(side, done), turned, done)
            return transposed(_solved(system, _new(side, done), turned, done))
    return replanned(node, done)


def _new(side: Expr, done: dict[Expr, Expr]) -> Expr:
    """The new form of a right side, which may be the transpose of a node."""
    return done[side] if side in done else transposed(done[transposed(side)])


def _solved(system: System, side: Expr, turned: bool, done: dict[Expr, Expr]) -> Expr:
    matrix = done[system.matrix]
    plain = transposed(matrix) if turned else matrix
    if system.is_triangular:
        is_lower = ("lower_triangular" in properties(system.matrix)) != turned
        return (LOWER_SOLVE if is_lower else UPPER_SOLVE)(plain, side)
    if system.has_cholesky:
        return CHOLESKY_SOLVE(CHOLESKY(matrix), side)
    if system.is_factorised:
        return (LU_SOLVE_TRANSPOSED if turned else LU_SOLVE)(LU_FACTOR(matrix), side)
    return SOLVE(plain, side)


def _logdet(system: System, done: dict[Expr, Expr]) -> Expr:
    matrix = done[system.matrix]
    if system.is_triangular:
        return LOGDET(matrix)
    if system.has_cholesky:
        return CHOLESKY_LOGDET(CHOLESKY(matrix))
    return LU_LOGDET(LU_FACTOR(matrix))
