"""Variables with structure: what "the derivative by a symmetric matrix" means, in three conventions.

``ambient``
    The entries are varied independently, as if there were no structure; the result is then
    evaluated, and simplified, at a structured point. The default.
``tangent``
    The ambient gradient G projected on the structure: (G + G')/2 for symmetric.
``independent``
    The derivative by the free parameters, G + G' - diag(G) for symmetric: an off-diagonal
    parameter stands in two places.

Source: Matrix Cookbook, section 2.8.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matcalc.core.expr import Apply, Expr, Symbol, postorder, substitute
from matcalc.core.index import Factor, IndexExpr, Term
from matcalc.errors import ArgumentProblem, UnsupportedProblem
from matcalc.ops.linalg import TOEPLITZ
from matcalc.passes.build import eye, scaled, times, transposed
from matcalc.passes.collect import total
from matcalc.passes.contract import contract
from matcalc.passes.differentiate import derivative
from matcalc.passes.properties import is_symmetric
from matcalc.passes.recognise import recognise
from matcalc.passes.simplify import simplify

CONVENTIONS = ("ambient", "tangent", "independent")

#: Properties that tie entries together; others only restrict where the point lies.
STRUCTURAL = frozenset(
    {
        "symmetric",
        "skew",
        "diagonal",
        "spd",
        "psd",
        "orthogonal",
        "lower_triangular",
        "upper_triangular",
        "toeplitz",
    }
)


def structured_derivative(
    f: Expr, wrt: Symbol, order: int = 1, convention: str = "ambient"
) -> IndexExpr:
    """Derivative by a variable that may have structure, in tensor convention.

    Raises:
        ArgumentProblem: no such convention, or it needs a structured variable.
        UnsupportedProblem: the projection is not known, or a rule does not hold for ``f``.
    """
    if convention not in CONVENTIONS:
        raise ArgumentProblem(
            f"{convention!r} is not a convention for structured variables",
            help="conventions are " + ", ".join(CONVENTIONS),
        )
    check_requirements(f)
    structure = wrt.properties & STRUCTURAL
    if not structure:
        return derivative(f, wrt, order)
    # Identities such as X' = X hold at the point, not along the variation.
    varied = Symbol(wrt.name, wrt.shape, wrt.properties - STRUCTURAL)
    result = derivative(substitute(f, {wrt: varied}), varied, order)
    if convention != "ambient":
        result = _project(result, structure, order, convention)
    return at_point(result, varied, wrt)


def at_point(expr: IndexExpr, varied: Symbol, point: Symbol) -> IndexExpr:
    """The array with a variable replaced by another of the same shape, in normal form."""
    terms = tuple(
        Term(
            term.coefficient,
            tuple(
                Factor(simplify(substitute(f.expr, {varied: point})), f.slots) for f in term.factors
            ),
        )
        for term in expr.terms
    )
    return contract(IndexExpr(expr.free, terms))


def check_requirements(f: Expr) -> None:
    """Refuse operations whose rule needs a property that cannot be shown."""
    for node in postorder(f):
        if not isinstance(node, Apply) or node.op.requires != "symmetric":
            continue
        if not is_symmetric(node.args[0]):
            raise UnsupportedProblem(
                f"{node.op.spelling} of a matrix that is not known to be symmetric",
                help="declare it, such as A: (n, n) symmetric",
            )


def _symmetric(g: Expr, convention: str) -> Expr:
    both = total(g, transposed(g))
    if convention == "tangent":
        return scaled(Fraction(1, 2), both)
    return total(both, scaled(-1, _on_diagonal(g)))


def _skew(g: Expr, convention: str) -> Expr:
    difference = total(g, scaled(-1, transposed(g)))
    return scaled(Fraction(1, 2), difference) if convention == "tangent" else difference


def _diagonal(g: Expr, _: str) -> Expr:
    return _on_diagonal(g)


def _toeplitz(g: Expr, convention: str) -> Expr:
    _only_independent("toeplitz", convention)
    return TOEPLITZ(g)


def _symmetric_toeplitz(g: Expr, convention: str) -> Expr:
    _only_independent("symmetric toeplitz", convention)
    sums = TOEPLITZ(g)
    return total(sums, transposed(sums), scaled(-1, _on_diagonal(sums)))


def _only_independent(name: str, convention: str) -> None:
    if convention != "independent":
        raise UnsupportedProblem(f"the projection on {name} matrices is not known to matcalc")


def _on_diagonal(g: Expr) -> Expr:
    return times(g, eye(g.shape[0]))


#: What each structure is projected with; one that is not listed is refused.
PROJECTIONS: dict[frozenset[str], Callable[[Expr, str], Expr]] = {
    frozenset({"diagonal"}): _diagonal,
    frozenset({"symmetric", "toeplitz"}): _symmetric_toeplitz,
    frozenset({"toeplitz"}): _toeplitz,
    frozenset({"skew"}): _skew,
    frozenset({"symmetric"}): _symmetric,
}

#: Definite matrices have the tangent space of the symmetric ones.
SYMMETRIC_TOO = frozenset({"spd", "psd"})


def _project(
    result: IndexExpr, structure: frozenset[str], order: int, convention: str
) -> IndexExpr:
    """Apply the projection to the variable's axes of a first derivative."""
    name = " ".join(sorted(structure))
    if structure & SYMMETRIC_TOO:
        structure = structure - SYMMETRIC_TOO | {"symmetric"}
    if "diagonal" in structure:
        # A diagonal matrix is symmetric.
        structure = structure - {"symmetric"}
    project = PROJECTIONS.get(structure)
    if project is None:
        raise UnsupportedProblem(
            f"the {convention} convention for {name} matrices is not known to matcalc",
            help="the ambient convention is available",
        )
    if order != 1:
        raise UnsupportedProblem(
            f"the {convention} convention is available for first derivatives only"
        )
    if len(result.free) == 2:
        gradient = recognise(result, result.free[0], result.free[1])
        if gradient is not None:
            projected = simplify(project(gradient, convention))
            term = Term(Fraction(1), (Factor(projected, result.free),))
            return contract(IndexExpr(result.free, (term,)))
    return _project_axes(result, structure, convention)


def _project_axes(result: IndexExpr, structure: frozenset[str], convention: str) -> IndexExpr:
    """The symmetric and skew projections act on two axes of any array by exchanging them."""
    *outer, row, column = result.free
    swapped = result.rename_free((*outer, column, row)).terms
    sign = -1 if "skew" in structure else 1
    if convention != "tangent" or structure & {"diagonal", "toeplitz"}:
        raise UnsupportedProblem(
            f"the {convention} convention is available for scalar functions only"
        )
    half = Fraction(1, 2)
    terms = [Term(half * t.coefficient, t.factors) for t in result.terms]
    terms += [Term(half * sign * t.coefficient, t.factors) for t in swapped]
    return contract(IndexExpr(result.free, tuple(terms)))
