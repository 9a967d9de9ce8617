"""One term of index notation read as a graph, and folded into a matrix expression.

Indices are vertices, matrices are edges, vectors are weights on vertices. Bound vertices are
eliminated, the least connected first: a vertex with no edge is an inner product, with one edge a
matrix times a vector, with two a matrix product (a trace where the path closes). What is left between
the free indices is a matrix. A bound index that three matrices share, with no two of them parallel,
has no matrix form.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.core.dim import ONE
from matcalc.core.expr import Constant, Expr
from matcalc.core.index import Factor, Index, Term
from matcalc.ops.constant import EYE
from matcalc.ops.structural import TIMES
from matcalc.passes.build import diag, eye, is_mask, is_op, ones, size, times, transposed
from matcalc.passes.products import between_diagonals, diagonal, product, sum_of, trace
from matcalc.record import Record


def fold_term(term: Term, row: Index | None, column: Index | None) -> Expr | None:
    """Matrix form of one term, or None."""
    network = _Network.of(term.factors)
    if network is None:
        return None
    free = {index for index in (row, column) if index is not None}
    if not network.eliminate(free):
        return None
    return times(Constant(term.coefficient), *network.scalars, network.assemble(row, column))


def fold_component(factors: Sequence[Factor], free: frozenset[Index]) -> list[Factor] | None:
    """Factors connected by bound indices as scalar factors and one matrix factor, or None.

    A component with no bound index is left alone, and so is one with more than two free indices.
    """
    indices = dict.fromkeys(index for factor in factors for index in factor.indices)
    kept = [index for index in indices if index in free]
    if len(kept) == len(indices) or len(kept) > 2:
        return None
    row, column = (*kept, None, None)[:2]
    matrix = fold_term(Term(Constant(1).value, tuple(factors)), row, column)
    if matrix is None:
        return None
    parts = matrix.args if is_op(matrix, TIMES) else (matrix,)
    return [Factor(part, () if part.is_scalar else tuple(kept)) for part in parts]


class _Edge(Record, eq=False):
    """A matrix whose rows are indexed by ``start`` and columns by ``end``."""

    start: Index
    end: Index
    matrix: Expr

    def leaving(self, vertex: Index) -> tuple[Index, Expr]:
        """Far end, and the matrix with rows at ``vertex``."""
        if vertex is self.start:
            return self.end, self.matrix
        return self.start, transposed(self.matrix)


class _Network:
    """A term as a graph."""

    def __init__(self) -> None:
        self.scalars: list[Expr] = []
        self.weights: dict[Index, list[Expr]] = {}
        #: Edges by each of their ends.
        self.edges: dict[Index, list[_Edge]] = {}

    @staticmethod
    def of(factors: Sequence[Factor]) -> _Network | None:
        """None where a factor has a composite index or more than two."""
        network = _Network()
        for factor in factors:
            if len(factor.slots) > 2 or not all(isinstance(s, Index) for s in factor.slots):
                return None
            network.add(factor)
        return network

    def add(self, factor: Factor) -> None:
        slots = [slot for slot in factor.slots if isinstance(slot, Index)]
        for slot in slots:
            self.weights.setdefault(slot, [])
            self.edges.setdefault(slot, [])
        if not slots:
            self.scalars.append(factor.expr)
        elif len(slots) == 1:
            column = factor.expr if factor.expr.shape[1].is_unit else transposed(factor.expr)
            self.weights[slots[0]].append(column)
        else:
            self.connect(slots[0], slots[1], factor.expr)

    def connect(self, start: Index, end: Index, matrix: Expr) -> None:
        """Add an edge; one that returns to its start is its diagonal, a weight."""
        if start is end:
            self.weights[start].append(diagonal(matrix))
        else:
            edge = _Edge(start, end, matrix)
            self.edges[start].append(edge)
            self.edges[end].append(edge)

    def _disconnect(self, edge: _Edge) -> None:
        self.edges[edge.start].remove(edge)
        self.edges[edge.end].remove(edge)

    def eliminate(self, free: set[Index]) -> bool:
        """Sum over all bound indices; False if a vertex cannot be eliminated."""
        while bound := [vertex for vertex in self.weights if vertex not in free]:
            vertex = min(bound, key=lambda v: (len(self.edges[v]), self._is_cycle(v)))
            if len(self.edges[vertex]) <= 2:
                self._sum_over(vertex, free)
            elif not self._merge_parallel(vertex):
                return False
        return True

    def _is_cycle(self, vertex: Index) -> bool:
        ends = [edge.leaving(vertex)[0] for edge in self.edges[vertex][:3]]
        return len(ends) == 2 and ends[0] is ends[1]

    def _merge_parallel(self, vertex: Index) -> bool:
        """Replace two edges between the same vertices by their Hadamard product."""
        seen: dict[Index, _Edge] = {}
        for edge in self.edges[vertex]:
            end, matrix = edge.leaving(vertex)
            if end in seen:
                first = seen[end]
                joined = times(first.leaving(vertex)[1], matrix)
                self._disconnect(first)
                self._disconnect(edge)
                self.connect(vertex, end, joined)
                return True
            seen[end] = edge
        return False

    def _sum_over(self, vertex: Index, free: set[Index]) -> None:
        weights, edges = self.weights.pop(vertex), list(self.edges[vertex])
        for edge in edges:
            self._disconnect(edge)
        if not edges:
            self.scalars.append(_inner(weights, vertex))
            return
        weight = times(*weights) if weights else None
        end, matrix = edges[0].leaving(vertex)
        if len(edges) == 1:
            vector = weight if weight is not None else ones((vertex.dim, ONE))
            self.weights[end].append(product(transposed(matrix), vector))
            return
        other_end, other = edges[1].leaving(vertex)
        middle = () if weight is None else (diag(weight),)
        joined = product(transposed(matrix), *middle, other)
        if end is other_end and end not in free and self._is_last(end):
            del self.weights[end]
            self.scalars.append(trace(joined))
        else:
            self.connect(end, other_end, joined)

    def _is_last(self, vertex: Index) -> bool:
        return not self.edges[vertex] and not self.weights[vertex]

    def assemble(self, row: Index | None, column: Index | None) -> Expr:
        """The matrix that the edges and weights at the free vertices form."""
        rows = self.weights.get(row, []) if row else []
        columns = self.weights.get(column, []) if column else []
        if row is None and column is None:
            return Constant(1)
        if row is None or column is None:
            index = row or column
            assert index is not None
            vector = times(*(rows or columns)) if rows or columns else ones((index.dim, ONE))
            return vector if row else transposed(vector)
        return self._between(row, column, rows, columns)

    def _between(self, row: Index, column: Index, rows: list[Expr], columns: list[Expr]) -> Expr:
        matrices = [edge.leaving(row)[1] for edge in self.edges.get(row, ())]
        if any(is_op(matrix, EYE) for matrix in matrices):
            plain = [diagonal(m) for m in matrices if not is_op(m, EYE)]
            weights = [*rows, *columns, *plain]
            return diag(times(*weights)) if weights else eye(row.dim)
        left, right = times(*rows) if rows else None, times(*columns) if columns else None
        if all(map(is_mask, matrices)):
            u = left if left is not None else ones((row.dim, ONE))
            v = right if right is not None else ones((column.dim, ONE))
            return times(product(u, transposed(v)), *matrices)
        return between_diagonals(left, times(*matrices), right)


def _inner(weights: list[Expr], vertex: Index) -> Expr:
    """Sum over one index of a product of vectors."""
    return sum_of(times(*weights)) if weights else size(vertex.dim)
