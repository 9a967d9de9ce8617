"""Laws that hold for any expression.

A law is a function of a problem. It raises ``Violation`` where it does not hold, and ``Discarded``
where the problem says nothing about it; any exception that is no ``MatcalcError`` is a failure too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import sympy

import matcalc as mc
from matcalc.backends.sympy_export import to_sympy
from matcalc.backends.text import format_expr
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.derivative import report_shape
from matcalc.errors import ShapeProblem
from matcalc.passes.contract import contract
from matcalc.passes.elaborate import parse as elaborate
from matcalc.passes.expand import expand
from matcalc.passes.fold_back import fold_back
from matcalc.passes.multiply_out import multiply_out
from matcalc.passes.recognise import recognise, vectorise
from matcalc.passes.resolve import resolve
from matcalc.passes.shorten import shorten
from matcalc.passes.simplify import simplify
from matcalc.report import index_line
from tests.backends.sympy_cases import evaluated
from tests.laws.problem import TOLERANCE, Array, Discarded, Problem, Violation
from tests.random_expressions import replaced
from tests.reference import LINEAR, restrict

#: Sizes at which SymPy is asked: it works entry by entry.
SMALL = {"m": 3, "n": 2, "p": 2, "q": 2}

#: Most entries of an answer, and most nodes of an expression, that it is given.
SMALL_ANSWER, SMALL_EXPRESSION = 36, 12

#: Most entries of an answer, at the sizes of a problem, that is given to the product's own check.
CHECKED = 200

#: What is said of a formula which leaves open what stands beside it: name, axes and their lengths.
OPEN = "nothing says how|not determined|left side is missing|missing in one term|no Kronecker delta"


def value(p: Problem) -> None:
    """Generated code computes what JAX does."""
    _same_value(p, p.expr)


def simplification(p: Problem) -> None:
    """The normal form has the value of the expression."""
    _same_value(p, simplify(p.expr))


def expansion(p: Problem) -> None:
    """Definitions put in keep the value."""
    _same_value(p, expand(p.expr))


def shortening(p: Problem) -> None:
    """Each rewriting that answers go through keeps the value."""
    normal = simplify(p.expr)
    for rewrite in (shorten, fold_back, multiply_out, resolve):
        _same_value(p, rewrite(normal))


def _same_value(p: Problem, e: Expr | IndexExpr) -> None:
    wanted = p.value
    p.agree(p.number(e), wanted, lambda q: q.value)


def derivative(p: Problem) -> None:
    """The tensor form is JAX's derivative, by a structured variable that of independent entries."""
    p.value  # noqa: B018 - discards points on an edge
    found = p.along(p.number_of(p.answer()))
    p.agree(found, p.slope, lambda q: q.slope)


def second_derivative(p: Problem) -> None:
    """So is that of second order; and Hessians are symmetric."""
    p.value  # noqa: B018
    hessian = p.number_of(p.answer(order=2))
    p.agree(p.along(hessian, times=2), p.curvature, lambda q: q.curvature)
    if not _symmetric_rules(p.expr):
        count = p.arrays[p.wrt.name].size
        square = hessian.reshape(-1, count, count)
        p.agree(square, np.swapaxes(square, 1, 2), lambda q: q.curvature)


def _symmetric_rules(e: Expr) -> bool:
    """Whether a rule in it holds along symmetric directions only."""
    return any(isinstance(node, Apply) and node.op.requires for node in postorder(e))


def layouts(p: Problem) -> None:
    """All layouts hold the numbers of the tensor form, and state the shape that they have."""
    p.value  # noqa: B018
    tensor = p.number_of(p.answer())
    for layout in ("mixed", "numerator", "denominator", "vec"):
        answer = p.answer(layout=layout)
        _compare(p, p.number_of(answer), _arranged(p, tensor, answer.layout))
        _compare(p, p.number(answer.index), _index_order(p, tensor, answer.layout))
    vec = p.answer().arranged.vec
    if vec is not None:
        _compare(p, p.number(vec), _arranged(p, tensor, "vec"))


def _compare(p: Problem, found: Array, wanted: Array) -> None:
    p.agree(found, wanted, lambda q: q.slope)


def _arranged(p: Problem, tensor: Array, layout: str) -> Array:
    """The numbers of the tensor form in a layout, axes of length 1 dropped."""
    of_f, of_wrt = len(p.expr.axes), len(p.wrt.axes)
    if layout == "vec":
        lengths = [int(np.prod(tensor.shape[:of_f])), int(np.prod(tensor.shape[of_f:]))]
        flat = tensor.reshape(lengths, order="F")
        return flat.reshape([n for n, axes in zip(lengths, (of_f, of_wrt), strict=True) if axes])
    gradient_by_matrix = of_f == 0 and of_wrt == 2
    if tensor.ndim == 2 and layout == ("numerator" if gradient_by_matrix else "denominator"):
        return tensor.T
    return tensor


def _index_order(p: Problem, tensor: Array, layout: str) -> Array:
    """The index form of a vec answer keeps the axes of the tensor."""
    return tensor if layout == "vec" else _arranged(p, tensor, layout)


def index_form(p: Problem) -> None:
    """Opened into index notation, an expression folds back into one of the same value."""
    rows, columns = (None if dim.is_unit else Index(dim) for dim in p.expr.shape)
    free = tuple(index for index in (rows, columns) if index is not None)
    opened = contract(IndexExpr(free, (Term(Fraction(1), (Factor(simplify(p.expr), free),)),)))
    _same_value(p, opened)
    folded = recognise(opened, rows, columns)
    if folded is not None:
        _same_value(p, folded)
    stacked = vectorise(opened, free, ())
    if stacked is not None:
        wanted = p.value.reshape(-1, order="F") if free else p.value
        p.agree(p.number(stacked), wanted, lambda q: q.value)


def reading(p: Problem) -> None:
    """What is printed is read back: as the same node, and answers at least as what they are."""
    for e in (p.expr, simplify(p.expr)):
        if _read(p, str(e)) is not e:
            raise Violation(f"{e} reads as {_read(p, str(e))}")
    _same_value(p, _read_display(p, format_expr(simplify(p.expr))))


def reading_answers(p: Problem) -> None:
    """Printed derivatives are read back."""
    p.value  # noqa: B018
    for layout in ("tensor", "mixed", "vec"):
        answer = p.answer(layout=layout)
        wanted = p.number_of(answer)
        if answer.expr is not None:
            if _read(p, str(answer.expr)) is not answer.expr:
                raise Violation(f"{answer.expr} reads as {_read(p, str(answer.expr))}")
            _compare(p, p.number(_read_display(p, format_expr(answer.expr))), wanted)


def reading_index_forms(p: Problem) -> None:
    """So is the index form, where the language can write it."""
    p.value  # noqa: B018
    answer = p.answer()
    found = _read_display(p, index_line(answer))
    _compare(p, p.number(found), p.number_of(answer))


def _read(p: Problem, text: str) -> Expr:
    return mc.parse(text, **_declared(p))


def _read_display(p: Problem, text: str) -> Expr | IndexExpr:
    """What a person reads: a text without declarations, with an I of whatever size fits."""
    try:
        found = elaborate(text, **_declared(p))
    except ShapeProblem as problem:
        if re.search(OPEN, problem.problem):
            raise Discarded("sizes that the text leaves open") from None
        raise
    e = found.index if found.expr is None else found.expr
    assert e is not None
    return e


def _declared(p: Problem) -> dict[str, Mapping[str, object]]:
    """All variables; and one of each size, so that ``1/m`` is known to divide by a size."""
    numbers = [node.dim for node in postorder(p.expr) if isinstance(node, Size)]
    sizes = {name for dim in numbers for name in dim.symbols}
    shapes: dict[str, object] = {f"length_{size}": size for size in sizes}
    return {
        "shapes": shapes | {symbol.name: report_shape(symbol.shape) for symbol in p.variables},
        "assume": {s.name: sorted(s.properties) for s in p.variables if s.properties},
    }


def sympy_image(p: Problem) -> None:
    """The translation to SymPy has the value of the expression."""
    q = _small(p)
    wanted = q.value
    q.agree(_by_sympy(q, to_sympy(q.expr)), wanted, lambda r: r.value)


def sympy_answer(p: Problem) -> None:
    """So has that of the derivative."""
    q = _small(p)
    q.value  # noqa: B018
    answer = q.answer(layout="mixed")
    if prod(q.number_of(answer).shape) > SMALL_ANSWER:
        raise Discarded("large for SymPy")
    _compare(q, _by_sympy(q, answer.sympy), q.number_of(answer))


def _small(p: Problem) -> Problem:
    """The same problem at sizes at which SymPy gets done; answers are those already known."""
    if any(isinstance(e, Apply) and e.op.sympy is None for e in postorder(p.expr)):
        raise Discarded("no SymPy image")
    if sum(isinstance(e, Apply) for e in postorder(p.expr)) > SMALL_EXPRESSION:
        raise Discarded("large for SymPy")
    return Problem(p.expr, p.wrt, p.range, SMALL)


def _by_sympy(p: Problem, image: object) -> Array:
    values = {}
    for symbol in p.variables:
        shape = [dim.evaluate(p.sizes) for dim in symbol.shape]
        floats = [sympy.Float(float(x), 30) for x in np.ravel(p.arrays[symbol.name])]
        values[symbol] = sympy.Matrix(*shape, floats)
    found = evaluated(image, p.sizes, values)
    entries = sympy.flatten(found) if hasattr(found, "shape") else [found]
    # What stands inside a map over entries is evaluated once the map is.
    numbers = [sympy.N(entry.doit(), 20) for entry in entries]
    if not all(number.is_number for number in numbers):
        raise Discarded("SymPy does not evaluate its image")
    array = np.array(numbers, dtype=complex)
    if np.max(np.abs(array.imag), initial=0) > TOLERANCE:
        raise Violation(f"SymPy has {found}")
    return array.real.reshape([n for n in getattr(found, "shape", ()) if n != 1])


def conventions(p: Problem) -> None:
    """The conventions for structured variables are projections of the ambient derivative."""
    square = [symbol for symbol in p.variables if symbol.is_square]
    if not square:
        raise Discarded("no square variable")
    # Whatever the variable was, it is given one of the structures.
    plain = square[0]
    structure = LINEAR[len(str(p.expr)) % len(LINEAR)]
    variable = Symbol(plain.name, plain.shape, (structure,))
    p = Problem(replaced(p.expr, plain, variable), variable, p.range)
    p.value  # noqa: B018
    ambient = p.number_of(p.answer())
    for convention in ("tangent", "independent"):
        if convention == "independent" and p.expr.axes:
            continue
        found = p.number_of(p.answer(structured=convention))
        _compare(p, found, restrict(ambient, structure, convention))


def display(p: Problem) -> None:
    """Every way of showing an answer works."""
    for layout in ("mixed", "vec"):
        answer = p.answer(layout=layout)
        assert str(answer)
        assert answer.latex()
        assert answer.source()
        json.dumps(answer.to_dict())


def own_check(p: Problem) -> None:
    """The product's own check never says that an answer is wrong."""
    answer = _small(p).answer(layout="mixed")
    if prod(p.number_of(answer).shape) > CHECKED:
        raise Discarded("large for SymPy")
    report = answer.check()
    if report.ok is False:
        raise Violation(str(report))
    if report.ok is None:
        raise Discarded(f"not decided: {report.reason}")


@dataclass(frozen=True)
class Law:
    """A law.

    Attributes:
        holds: raises unless it does.
        every: the long mode tries it on one of so many problems, since it is slow.
    """

    holds: Callable[[Problem], None]
    every: int = 1

    @property
    def name(self) -> str:
        return self.holds.__name__.replace("_", " ")


LAWS = (
    Law(value),
    Law(simplification),
    Law(expansion),
    Law(shortening),
    Law(derivative),
    Law(second_derivative, every=2),
    Law(layouts),
    Law(index_form),
    Law(reading),
    Law(reading_answers),
    Law(reading_index_forms),
    Law(sympy_image, every=10),
    Law(sympy_answer, every=25),
    Law(conventions),
    Law(display),
    Law(own_check, every=40),
)
