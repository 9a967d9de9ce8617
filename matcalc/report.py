"""A derivative as people read it: the report that ``str`` gives, equations in LaTeX, a dict for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from matcalc.backends import text
from matcalc.backends.index_forms import LETTERS
from matcalc.backends.sharing import Names
from matcalc.core.dim import Dim
from matcalc.core.expr import Expr, Size, Symbol, postorder
from matcalc.core.index import IndexExpr
from matcalc.passes.linear_map import LinearMap

if TYPE_CHECKING:
    from matcalc.derivative import Derivative

#: What equations are aligned at.
_RELATION = re.compile(r"(?<= )(=|\\mapsto)(?= )")

#: Columns within which a function and its reading share a line.
WIDTH = 88


def unused_name(wanted: str, taken: Iterable[str]) -> str:
    """The name, or the first of ``f_1``, ``f_2``, ... that is not taken."""
    names = set(taken)
    candidates = chain([wanted], (f"{wanted}_{k}" for k in count(1)))
    return next(name for name in candidates if name not in names)


def tensor_name(d: Derivative) -> str:
    """What an answer without matrix form is called: ``D``."""
    return unused_name("D", d.symbols)


def index_letters(d: Derivative) -> list[str]:
    """Letters for indices: those that name nothing in the problem, even if the answer is without it."""
    counted = [node.dim for node in postorder(*factors(d.f)) if isinstance(node, Size)]
    taken = {*d.symbols, *d.size_names, *(name for dim in counted for name in dim.symbols)}
    return [letter for letter in LETTERS if letter not in taken] or list(LETTERS)


def factors(f: Expr | IndexExpr) -> list[Expr]:
    """The expressions that something in matrix or index form is made of."""
    if isinstance(f, Expr):
        return [f]
    return [factor.expr for term in f.terms for factor in term.factors]


def index_line(d: Derivative) -> str:
    """The index form with its left side, what it repeats defined first."""
    letters = index_letters(d)
    bindings, entries = text.format_index_with_bindings(tensor_name(d), d.index, {}, letters)
    return "; ".join([*_definitions(bindings), entries])


def one_line(e: Expr, left: str = "", called: Names | None = None) -> str:
    """An expression with what it repeats defined first: ``t1 = A x; t1' t1``.

    Args:
        e: the expression.
        left: what stands before it, such as ``dX -> ``.
        called: names for what is repeated, where the text has given some.
    """
    bindings, body = text.format_with_bindings(e, called=called)
    return "; ".join([*_definitions(bindings), left + body])


# ------------------------------------------------------------------ text


def lines(d: Derivative) -> list[str]:
    """The reading, the answer with its layout and shape, and when it holds."""
    # One letter means one thing in the whole report.
    known: Names = {}
    found = [*_problem(d, known), *_answer(d, known)]
    if d.is_zero:
        found.append(_why_zero(d))
    if d.structure:
        found.append(_convention(d))
    return [*found, *caveats(d)]


def caveats(d: Derivative) -> list[str]:
    """When an answer holds, and what was decided in reading the text."""
    where = [f"conditions: {'; '.join(d.conditions)}"] if d.conditions else []
    return [*where, *(f"note: {note}" for note in d.notes)]


def declarations(d: Derivative) -> str:
    """What the variables are: ``A: (n, n) symmetric, x: n``."""
    return ", ".join(declaration(s) for s in d.symbols.values() if s not in d.definitions)


def _why_zero(d: Derivative) -> str:
    """What makes the derivative vanish; across a kink, what is differentiated may still jump."""
    x = d.wrt.name
    if d.wrt not in postorder(*factors(d.f)):
        return f"zero everywhere: {d.function_name} does not contain {x}"
    before = d.name_of(d.order - 1)
    if any(condition.startswith("not differentiable") for condition in d.conditions):
        return f"zero where it exists: {before} is piecewise constant in {x}"
    return f"zero everywhere: {before} is constant in {x}"


#: What a derivative by a variable with structure means.
STRUCTURED = {
    "ambient": "the entries of {0} vary independently",
    "tangent": "{0} varies within its structure",
    "independent": "by the free parameters of {0}",
}


def _convention(d: Derivative) -> str:
    """What the derivative means, and what the other conventions would make of the ambient one."""
    meaning = f"{d.structured} derivative: {STRUCTURED[d.structured].format(d.wrt.name)}"
    forms = dict(d.conventions)
    if not forms:
        return meaning
    gradient = unused_name("G", d.symbols)
    if d.structured != "ambient":
        meaning += f", {forms.pop(d.structured)} for the ambient {gradient}"
    elif set(forms.values()) != {gradient}:
        meaning = meaning.replace(":", f" {gradient}:", 1)
    others = {name: "the same" if form == gradient else form for name, form in forms.items()}
    if len(set(others.values())) == 1:
        others = {" and ".join(others): next(iter(others.values()))}
    return "; ".join([meaning, *(f"{name} would be {form}" for name, form in others.items())])


def declaration(symbol: Symbol) -> str:
    """A variable with its shape and properties, as it is declared: ``A: (n, n) symmetric``."""
    shape = text.format_shape(symbol.shape)
    return " ".join([f"{symbol.name}: {shape}", *sorted(symbol.properties)])


def _problem(d: Derivative, known: Names) -> list[str]:
    if isinstance(d.f, Expr):
        bindings, body = text.format_with_bindings(d.f, known)
        function = [f"{d.function_name} = {body}"]
    else:
        bindings, function = [], [text.format_index_left(d.function_name, d.f)]
    function += _where([*bindings, *_kept(d, known)])
    names = declarations(d)
    if len(function) == 1 and len(function[0]) + len(names) + 4 <= WIDTH:
        return [f"{function[0]}    {names}".rstrip()]
    return [*function, f"  {names}"]


def _kept(d: Derivative, known: Names) -> Iterator[tuple[str, str]]:
    """What the names stand for that are kept."""
    for name, value in d.definitions.items():
        bindings, body = text.format_with_bindings(value, known)
        yield from bindings
        yield name.name, body


def _answer(d: Derivative, known: Names) -> list[str]:
    layout = f"{_axes(d.arranged.shape)}, {d.layout} layout{_rule(d)}"
    if d.expr is not None:
        return [*_equation(f"{d.quotient} =", d.expr, known), layout]
    name = tensor_name(d)
    bindings, entries = text.format_index_with_bindings(name, d.index, known, index_letters(d))
    found = [f"{d.quotient} = {name}", *_indented([entries, *_where(bindings)]), layout]
    if d.arranged.vec is not None:
        left = f"∂vec({d.name_of(d.order - 1)})/∂vec({d.wrt.name})'"
        found.append("vec form, " + _axes(d.arranged.vec.shape))
        found += _indented(_equation(f"{left} =", d.arranged.vec, known))
    if (shown := shown_map(d)) is not None:
        kind = "linear map" if shown.degree == 1 else f"map of degree {shown.degree}"
        found.append(f"{kind}, {_axes(_dims(shown.value))}")
        left = f"{d.differential_of(shown.degree)}: {shown.direction.name} ->"
        found += _indented(_equation(left, shown.value, known))
    return found


def shown_map(d: Derivative) -> LinearMap | None:
    """The derivative as a map, where it is shown: beside what has no matrix form and is not zero."""
    return None if d.expr is not None or d.is_zero else d.as_map


def _dims(e: Expr) -> tuple[Dim, ...]:
    """The shape of an expression as reports show it: scalars have no axes, vectors one."""
    return e.axes if e.shape[1].is_unit else e.shape


def _equation(left: str, e: Expr, known: Names) -> list[str]:
    """``left e``, and below what its new names stand for."""
    bindings, body = text.format_with_bindings(e, known)
    return [f"{left} {body}", *_where(bindings)]


def _where(bindings: list[tuple[str, str]]) -> list[str]:
    """What names stand for, a line for each."""
    return [
        f"  {'      ' if number else 'where '}{name} = {value}"
        for number, (name, value) in enumerate(bindings)
    ]


def _indented(found: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in found]


def _axes(shape: tuple[Dim, ...]) -> str:
    """The shape of an answer: ``a scalar``, ``length n``, ``shape (m, m, n)``."""
    if not shape:
        return "a scalar"
    if len(shape) == 1:
        return f"length {text.format_dim(shape[0])}"
    return f"shape ({', '.join(map(text.format_dim, shape))})"


def _rule(d: Derivative) -> str:
    """What the layout makes of the axes, where that needs saying."""
    f, x = d.function_name, d.wrt.name
    of_x = bool(d.wrt.axes)
    of_f = len(d.tensor.free) > d.order * len(d.wrt.axes)
    if d.layout == "tensor" and of_x:
        axes = [f"of {f}"] * of_f + [f"of {x}"] * d.order
        return f" (axes {', then '.join(axes)})"
    if d.layout == "vec":
        return " (columns of matrices stacked)"
    if d.order > 1 or not of_x:
        return ""
    if of_f:
        return (
            f" (columns as {f}, rows as {x})"
            if d.layout == "denominator"
            else f" (rows as {f}, columns as {x})"
        )
    return f" (the shape of {x}')" if d.layout == "numerator" else f" (the shape of {x})"


# ------------------------------------------------------------------ LaTeX


def latex_equations(d: Derivative) -> str:
    """The answer as one equation, or as several that are aligned at their equals signs."""
    from matcalc.backends import latex

    f, x = latex.format_name(d.function_name), latex.format_name(d.wrt.name)
    left = latex_quotient(f, x, d.order)
    known: Names = {}
    kept = _latex_definitions(d, known)
    if d.expr is not None:
        return _aligned([*_latex_equation(f"{left} =", d.expr, known), *kept])
    name = tensor_name(d)
    bindings, entries = latex.format_index_with_bindings(name, d.index, known, index_letters(d))
    equations = [f"{left} = {latex.format_name(name)}", entries, *_definitions(bindings)]
    if d.arranged.vec is not None:
        vec = r"\operatorname{vec}"
        inner = f if d.order == 1 else rf"\left({latex_quotient(f, x, d.order - 1)}\right)"
        quotient = rf"\frac{{\partial {vec} {inner}}}{{\partial ({vec} {x})^\top}}"
        equations += _latex_equation(f"{quotient} =", d.arranged.vec, known)
    if (shown := shown_map(d)) is not None:
        along = latex.format_name(shown.direction.name)
        left = rf"{_latex_differential(d, f, x, shown.degree)} : {along} \mapsto"
        equations += _latex_equation(left, shown.value, known)
    return _aligned([*equations, *kept])


def _latex_definitions(d: Derivative, known: Names) -> list[str]:
    """Equations for the names that are kept."""
    from matcalc.backends import latex

    found = [
        _latex_equation(f"{latex.format_name(name.name)} =", value, known)
        for name, value in d.definitions.items()
    ]
    return [equation for equations in found for equation in equations]


def _latex_differential(d: Derivative, f: str, x: str, degree: int) -> str:
    """What a direction is mapped to: the differential of f or of one of its derivatives."""
    name = rf"\mathrm{{d}}^{{{degree}}}" if degree > 1 else r"\mathrm{d}"
    if degree == d.order:
        return f"{name} {f}"
    return rf"{name} \left({latex_quotient(f, x, d.order - degree)}\right)"


def latex_quotient(f: str, x: str, order: int) -> str:
    """The name of a derivative in LaTeX."""
    power = "" if order == 1 else f"^{{{order}}}"
    return rf"\frac{{\partial{power} {f}}}{{\partial {x}{power}}}"


def _latex_equation(left: str, e: Expr, known: Names) -> list[str]:
    from matcalc.backends import latex

    bindings, body = latex.format_with_bindings(e, known)
    return [f"{left} {body}", *_definitions(bindings)]


def _definitions(bindings: list[tuple[str, str]]) -> list[str]:
    return [f"{name} = {value}" for name, value in bindings]


def _aligned(equations: list[str]) -> str:
    if len(equations) == 1:
        return equations[0]
    rows = r" \\ ".join(_RELATION.sub(r"&\g<0>", equation, count=1) for equation in equations)
    return rf"\begin{{aligned}} {rows} \end{{aligned}}"


def as_dict(d: Derivative) -> dict[str, Any]:
    """Everything that can be printed, as what JSON can hold."""
    kept = {name.name for name in d.definitions}
    shown = shown_map(d)
    return {
        "function": one_line(d.f)
        if isinstance(d.f, Expr)
        else text.format_index_left(d.function_name, d.f),
        "variable": d.wrt.name,
        "order": d.order,
        "structured": d.structured,
        "conventions": d.conventions,
        "layout": d.layout,
        "shape": list(d.shape),
        "expr": None if d.expr is None else one_line(d.expr),
        "index": None if d.expr is not None else index_line(d),
        "vec": None if d.arranged.vec is None else one_line(d.arranged.vec),
        "linear_map": None
        if shown is None
        else one_line(shown.value, f"{shown.direction.name} -> "),
        "latex": latex_equations(d),
        "definitions": {name.name: one_line(value) for name, value in d.definitions.items()},
        "variables": {name: list(shape) for name, shape in d.variables.items() if name not in kept},
        "properties": {
            name: sorted(symbol.properties)
            for name, symbol in d.symbols.items()
            if symbol.properties and name not in kept
        },
        "conditions": d.conditions,
        "notes": d.notes,
    }
