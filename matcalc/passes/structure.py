"""Variables with structure: what "the derivative by a symmetric matrix" means, in three conventions.

``ambient``
    The entries are varied independently, as if there were no structure; the result is then
    evaluated, and simplified, at a structured point. The default.
``tangent``
    Projected orthogonally on the directions in which the variable can move: (G + G')/2 for the
    gradient G by a symmetric matrix, (G - Q G' Q)/2 for an orthogonal one. The Riemannian gradient of the
    embedded metric.
``independent``
    The derivative by the free parameters, each standing in all the places that it has in the variable:
    G + G' - G .* I for symmetric, since an off-diagonal parameter has two.

Where the structure is linear (all but ``orthogonal``), a second derivative is restricted like a first one,
for each of its pairs of axes.

Sources: Matrix Cookbook, section 2.8; Absil, Mahony and Sepulchre, Optimization Algorithms on Matrix
Manifolds (2008), sections 3.5 and 3.6.
"""

from __future__ import annotations

from fractions import Fraction

from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder, substitute
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.core.operation import Operation
from matcalc.core.properties import closed
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from matcalc.ops.constant import EYE
from matcalc.ops.linalg import TOEPLITZ, TRIL, TRIU
from matcalc.passes.build import MINUS, eye, ones, power, scaled, size, times, transposed
from matcalc.passes.chain_rule import Definitions, total_derivative
from matcalc.passes.collect import total
from matcalc.passes.contract import contract
from matcalc.passes.freed import STRUCTURAL, freed
from matcalc.passes.products import trace
from matcalc.passes.properties import is_symmetric
from matcalc.passes.recognise import recognise
from matcalc.passes.simplify import simplify
from matcalc.record import Record

CONVENTIONS = ("ambient", "tangent", "independent")

HALF = Fraction(1, 2)


def structured_derivative(
    f: Expr,
    wrt: Symbol,
    order: int = 1,
    convention: str = "ambient",
    definitions: Definitions | None = None,
) -> IndexExpr:
    """Derivative by a variable that may have structure, in tensor convention.

    Args:
        f: the function.
        wrt: the variable.
        order: how often to differentiate.
        convention: one of ``CONVENTIONS``.
        definitions: what the names in ``f`` stand for that are kept.

    Raises:
        ArgumentProblem: no such convention.
        UnsupportedProblem: it is not defined for this structure, or a rule does not hold for ``f``.
    """
    if convention not in CONVENTIONS:
        raise ArgumentProblem(
            f"{convention!r} is not a convention for structured variables",
            help="conventions are " + ", ".join(CONVENTIONS),
        )
    check_requirements(f)
    names = definitions or {}
    if not wrt.properties & STRUCTURAL:
        return total_derivative(f, wrt, order, names)
    varied = freed([wrt, *names])
    replaced: dict[Expr, Expr] = dict(varied)
    values = {varied.get(name, name): substitute(value, replaced) for name, value in names.items()}
    along = total_derivative(substitute(f, replaced), varied[wrt], order, values)
    result = at_point(along, {free: point for point, free in varied.items()})
    return result if convention == "ambient" else _restrict(result, wrt, order, convention)


def in_other_conventions(gradient: Symbol, wrt: Symbol) -> dict[str, Expr]:
    """What the conventions make of an ambient gradient; those that are not defined are left out."""
    found: dict[str, Expr] = {}
    row, column = (Index(dim) for dim in wrt.shape)
    whole = IndexExpr((row, column), (Term(Fraction(1), (Factor(gradient, (row, column)),)),))
    for convention in CONVENTIONS[1:]:
        try:
            restricted = _restrict(whole, wrt, 1, convention)
        except UnsupportedProblem:
            continue
        matrix = recognise(restricted, *restricted.free)
        if matrix is not None:
            found[convention] = matrix
    return found


def at_point(expr: IndexExpr, points: dict[Expr, Expr]) -> IndexExpr:
    """The array with variables replaced by others of the same shapes, in normal form."""
    return contract(expr.mapped(lambda e: simplify(substitute(e, points))))


def check_requirements(f: Expr) -> None:
    """Refuse operations whose rule needs a property that cannot be shown."""
    for node in postorder(f, without=check_requirements):
        required = node.op.requires if isinstance(node, Apply) else ""
        if required == "symmetric" and not is_symmetric(node.args[0]):
            assert isinstance(node, Apply)
            raise UnsupportedProblem(
                f"{node.op.spelling} of a matrix that is not known to be symmetric",
                help="declare it, such as A: (n, n) symmetric",
            )
        node.memo[check_requirements] = True


class _Structure(Record):
    """A set of matrices as an intersection of sets whose projections commute.

    Attributes:
        sign: 1 where X' = X, -1 where X' = -X, else 0.
        pattern: what of a matrix may differ from zero: ``EYE``, ``TRIL``, ``TRIU`` or everything.
        toeplitz: whether entries are equal along the diagonals.
        orthogonal: whether X' X = I.
    """

    sign: int
    pattern: Operation | None
    toeplitz: bool
    orthogonal: bool

    @staticmethod
    def of(wrt: Symbol) -> _Structure:
        known = closed(wrt.properties, wrt.shape)
        patterns = {"diagonal": EYE, "lower_triangular": TRIL, "upper_triangular": TRIU}
        pattern = next((op for name, op in patterns.items() if name in known), None)
        sign = -1 if "skew" in known else int("symmetric" in known and pattern is None)
        return _Structure(sign, pattern, "toeplitz" in known, "orthogonal" in known)


def _restrict(result: IndexExpr, wrt: Symbol, order: int, convention: str) -> IndexExpr:
    """The ambient derivative with every pair of the variable's axes taken to the convention."""
    structure = _Structure.of(wrt)
    _check_defined(structure, wrt, order, convention)
    if structure.toeplitz:
        return _toeplitz(result, structure, convention)
    for place in range(len(result.free) - 2 * order, len(result.free), 2):
        row, column = result.free[place : place + 2]
        if structure.pattern is not None:
            result = _times(result, Factor(_mask(structure.pattern, row.dim), (row, column)))
        if structure.orthogonal:
            turned = _turned(_exchanged(result, row, column), wrt, row, column)
            result = _sum((HALF, result), (-HALF, turned))
        if structure.sign:
            result = _symmetrised(result, structure.sign, (row, column), convention)
    return _settled(result)


def _check_defined(structure: _Structure, wrt: Symbol, order: int, convention: str) -> None:
    name = " ".join(sorted(wrt.properties & STRUCTURAL))
    if not wrt.axes:
        raise UnsupportedProblem(
            f"{wrt.name} is a single number, for which the {convention} convention has no meaning",
            help=f"declare it without {name}",
        )
    if not structure.orthogonal:
        return
    if convention == "independent":
        raise UnsupportedProblem(
            f"the independent convention for {name} matrices: they have no free parameters",
            details=("X' X = I is a curved set, and no entries determine the others",),
            help="structured='tangent' projects on the directions in which X can move",
        )
    if structure.pattern or structure.toeplitz or "psd" in closed(wrt.properties, wrt.shape):
        raise UnsupportedProblem(
            f"the tangent convention for {name} matrices: they do not form a smooth set",
            help="the ambient convention is available",
        )
    if order > 1:
        raise UnsupportedProblem(
            f"second derivatives in the tangent convention by {name} matrices",
            details=("on a curved set they depend on how tangent spaces are connected",),
            help="the ambient convention is available",
        )


def _mask(pattern: Operation, dim: Dim) -> Expr:
    return EYE(Size(dim)) if pattern is EYE else pattern(ones((dim, dim)))


def _symmetrised(g: IndexExpr, sign: int, axes: tuple[Index, Index], convention: str) -> IndexExpr:
    """G ± G', halved for the projection; the diagonal is in G and in G', but one parameter."""
    exchanged = _exchanged(g, *axes)
    if convention == "tangent":
        return _sum((HALF, g), (sign * HALF, exchanged))
    both = (Fraction(1), g), (Fraction(sign), exchanged)
    if sign < 0:
        return _sum(*both)
    diagonal = _times(g, Factor(EYE(Size(axes[0].dim)), axes))
    return _sum(*both, (Fraction(-1), diagonal))


def _toeplitz(g: IndexExpr, structure: _Structure, convention: str) -> IndexExpr:
    """The gradient of a scalar by a Toeplitz matrix: sums along the diagonals, or their means."""
    gradient = recognise(g, *g.free) if len(g.free) == 2 else None
    if gradient is None:
        raise UnsupportedProblem(
            f"the {convention} convention for toeplitz matrices, other than for gradients of scalars",
            details=("sums along the diagonals of an array with more axes have no index form",),
            help="the ambient convention is available",
        )
    dim = gradient.shape[0]
    main = times(trace(gradient), eye(dim))
    if structure.pattern is EYE:
        matrix = main if convention == "independent" else times(main, power(size(dim), MINUS))
    else:
        mirror = scaled(structure.sign, transposed(gradient))
        matrix = TOEPLITZ(simplify(total(gradient, mirror)))
        if structure.pattern is not None:
            matrix = structure.pattern(matrix)
        if convention == "tangent":
            share = Fraction(1, 2 if structure.sign else 1)
            matrix = times(Constant(share), matrix, power(TOEPLITZ(ones(matrix.shape)), MINUS))
        elif structure.sign > 0:
            matrix = total(matrix, scaled(-1, main))
    return _of_matrix(matrix, g.free)


# ------------------------------------------------------------------ arrays in index notation


def _exchanged(g: IndexExpr, row: Index, column: Index) -> IndexExpr:
    """The array with two of its axes exchanged."""
    names = {row: column, column: row}
    renamed = g.rename_free(tuple(names.get(index, index) for index in g.free))
    return IndexExpr(g.free, renamed.terms)


def _turned(g: IndexExpr, q: Symbol, row: Index, column: Index) -> IndexExpr:
    """``Q G Q``, for the two axes of an array that are its rows and columns."""
    k, l = Index(row.dim), Index(column.dim)
    inner = g.rename_free(tuple({row: k, column: l}.get(index, index) for index in g.free))
    ends = (Factor(q, (row, k)), Factor(q, (l, column)))
    terms = tuple(Term(t.coefficient, (ends[0], *t.factors, ends[1])) for t in inner.terms)
    return IndexExpr(g.free, terms)


def _times(g: IndexExpr, factor: Factor) -> IndexExpr:
    return IndexExpr(g.free, tuple(Term(t.coefficient, (*t.factors, factor)) for t in g.terms))


def _sum(*parts: tuple[Fraction, IndexExpr]) -> IndexExpr:
    """A linear combination of arrays that have the same free indices."""
    terms = [Term(c * t.coefficient, t.factors) for c, part in parts for t in part.terms]
    return contract(IndexExpr(parts[0][1].free, tuple(terms)))


def _settled(g: IndexExpr) -> IndexExpr:
    """Contracted, and one matrix where there are two axes."""
    matrix = recognise(contract(g), *g.free) if len(g.free) == 2 and g.terms else None
    return contract(g) if matrix is None else _of_matrix(matrix, g.free)


def _of_matrix(matrix: Expr, free: tuple[Index, ...]) -> IndexExpr:
    return IndexExpr(free, (Term(Fraction(1), (Factor(simplify(matrix), free),)),))
