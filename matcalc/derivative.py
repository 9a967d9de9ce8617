"""The result of ``diff``: a derivative in its layout, with everything needed to read and use it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matcalc.backends import text
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Expr, Symbol, substitute
from matcalc.core.index import IndexExpr
from matcalc.passes.chain_rule import Definitions
from matcalc.passes.conditions import conditions
from matcalc.passes.elaborate import Reading
from matcalc.passes.freed import STRUCTURAL
from matcalc.passes.layout import Arranged, arrange
from matcalc.passes.linear_map import LinearMap, direction, linear_map
from matcalc.passes.properties import properties
from matcalc.passes.recognise import recognise
from matcalc.passes.resolve import resolve
from matcalc.passes.shorten import shorten
from matcalc.passes.structure import in_other_conventions
from matcalc.record import EMPTY, Record
from matcalc.report import (
    as_dict,
    factors,
    latex_equations,
    lines,
    unused_name,
)
from matcalc.wording import function_name, in_the_words_of, unused_names

if TYPE_CHECKING:
    from matcalc.backends.verify import CheckReport
    from matcalc.codegen.function import GeneratedFunction
    from matcalc.codegen.operator_code import OperatorFunction
    from matcalc.derivation import Derivation
    from matcalc.derivation_step import Step

#: MIME type of ``to_dict``: JupyterLab would show application/json instead of the formula.
MIME_TYPE = "application/vnd.matcalc+json"

#: A shape as the interface reports it: size names and numbers.
Sizes = tuple[str | int, ...]

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def report_dim(dim: Dim) -> str | int:
    """A size as the interface reports it: ``"n"``, ``"2 n"``, ``3``."""
    return str(dim) if dim.symbols else dim.coefficient


def report_shape(shape: Shape) -> Sizes:
    """The shape of a variable: ``()``, ``("n",)``, ``(1, "n")`` for a row, ``("m", "n")``."""
    rows, columns = shape
    if columns.is_unit:
        return () if rows.is_unit else (report_dim(rows),)
    return report_dim(rows), report_dim(columns)


class Derivative(Record, eq=False):
    """A derivative of ``f`` by ``wrt``.

    ``tensor`` is what was computed; what it takes to show it is found when it is first asked for.

    Attributes:
        f: the function; in index form where it has no matrix form.
        wrt: the variable.
        order: how many times.
        tensor: the derivative in tensor convention: axes of ``f``, then of ``wrt`` for each order.
        layout_wanted: the layout asked for.
        structured: how a structure of the variable was taken into account.
        reading: what the text was read as.
        definitions: what names stand for that are kept in this derivative, each in terms of those
            before it.
        kept: the same derivative, computed in terms of the definitions that were to be kept.
        given: the arrangement to show, where it is not to be found from ``tensor``.
    """

    f: Expr | IndexExpr
    wrt: Symbol
    order: int
    tensor: IndexExpr
    layout_wanted: str
    structured: str
    reading: Reading
    definitions: Definitions = EMPTY
    kept: Derivative | None = None
    given: Arranged | None = None

    @cached_property
    def plain(self) -> Arranged:
        """The derivative in its layout, as it was found: what code is generated from."""
        if self.given is not None:
            return self.given
        if not isinstance(self.f, Expr):
            # vec is defined for matrices.
            found = arrange(self.tensor, self.f.dims, self.wrt.shape, self.order, "tensor")
            return found.replace(vec=None)
        axes = self.f.shape, self.wrt.shape, self.order
        found = arrange(self.tensor, *axes, self.layout_wanted)
        if found.layout == "vec" and found.expr is None:
            found = arrange(self.tensor, *axes, "tensor")
        return found

    @cached_property
    def arranged(self) -> Arranged:
        """The derivative in its layout, as it is shown: in the shortest form found."""
        if self.given is not None or not isinstance(self.f, Expr):
            return self.plain
        expr, vec = (e if e is None else shorten(e) for e in (self.plain.expr, self.plain.vec))
        return self.plain.replace(expr=expr, vec=vec)

    @cached_property
    def named(self) -> Derivative | None:
        """The same derivative in terms of the definitions that were to be kept, if any.

        It is what is printed, and checked too.
        """
        return None if self.kept is None else by_name(self.kept)

    @cached_property
    def conditions(self) -> list[str]:
        """Where the derivative holds, such as ``X invertible``.

        Raises:
            UnsupportedProblem: nowhere; ``diff`` has seen to that.
        """
        d = written_out(self) if self.definitions else self
        return d.conditions_of(_shown_parts(d.arranged))

    def conditions_of(self, form: Iterable[Expr]) -> list[str]:
        """The same for another form of the derivative, made of these expressions."""
        return conditions(
            factors(self.f), form, self.wrt, self.order, in_the_words_of(self.reading)
        )

    @cached_property
    def function_name(self) -> str:
        """What the function is called: by its definition if it has one, else ``f``."""
        return function_name(self.reading)

    @property
    def symbols(self) -> dict[str, Symbol]:
        """Every variable of the problem by its name, whether it occurs in ``f`` or not."""
        return {**self.reading.variables, **{name.name: name for name in self.definitions}}

    @property
    def notes(self) -> list[str]:
        """What the reading of the input took for granted, and what form was not found."""
        wanted_vec = self.layout_wanted == "vec" and isinstance(self.f, Expr)
        lost = ["no vec form was found; this is the tensor"]
        return [
            *self.reading.notes,
            *unused_names(self.reading, self.f, self.wrt),
            *(lost if wanted_vec and self.layout != "vec" else ()),
        ]

    @property
    def expr(self) -> Expr | None:
        """The matrix form in this layout; None where there is none."""
        return self.arranged.expr

    @property
    def index(self) -> IndexExpr:
        """The index form; its free indices are the axes of this layout."""
        return self.plain.index

    @property
    def layout(self) -> str:
        """The layout of the answer: ``tensor`` where the one asked for would need a third axis."""
        return self.plain.layout

    @property
    def shape(self) -> Sizes:
        """The shape in this layout: ``()``, ``("n",)``, ``(1, "n")``, ``("m", "m", "n")``."""
        return tuple(map(report_dim, self.plain.shape))

    @property
    def variables(self) -> dict[str, Sizes]:
        """The shape of every variable, inferred or declared."""
        return {name: report_shape(symbol.shape) for name, symbol in self.symbols.items()}

    @property
    def structure(self) -> frozenset[str]:
        """The properties of the variable that tie its entries together."""
        return self.wrt.properties & STRUCTURAL

    @cached_property
    def as_map(self) -> LinearMap | None:
        """The derivative as a map of a direction, with the name and the degree of that direction.

        None where even the last order leaves more than two axes, where there is no matrix form, and
        in the ``independent`` convention, whose entries are no coefficients of a linear form.
        """
        if self.structured == "independent":
            return None
        taken = [*self.symbols, *self.size_names, self.function_name]
        name = unused_name(f"d{self.wrt.name}", taken)
        along = direction(self.wrt, name, self.structured)
        values = self.f if isinstance(self.f, Expr) and self.f.axes else self.wrt
        return linear_map(self.tensor, self.order, along, values.shape)

    @property
    def linear_map(self) -> Expr | None:
        """What the map ``dX -> ...`` gives: ``-X^-1 dX X^-1`` for ``inv(X)``; see ``as_map``.

        ``dX`` is put in at the last order, and at the ones before it as long as more than two axes
        are left: then this is the differential of higher order ``d²f(dX, dX)``.
        """
        return None if self.as_map is None else self.as_map.value

    @cached_property
    def conventions(self) -> dict[str, str]:
        """The conventions for a variable with structure, in terms of the ambient gradient ``G``.

        Given for gradients of scalar functions; what is known of G at hand is made use of.
        """
        if not self.structure or self.order > 1 or len(self.tensor.free) != 2 or self.is_zero:
            return {}
        gradient = recognise(self.tensor, *self.tensor.free)
        if gradient is None or gradient.shape != self.wrt.shape:
            return {}
        known = properties(gradient) if self.structured == "ambient" else frozenset[str]()
        name = Symbol(unused_name("G", self.symbols), self.wrt.shape, known)
        forms = in_other_conventions(name, self.wrt)
        return {convention: text.format_expr(form) for convention, form in forms.items()}

    @property
    def is_zero(self) -> bool:
        """Whether it is zero everywhere."""
        return not self.tensor.terms

    @property
    def size_names(self) -> set[str]:
        """The names of the sizes in the shapes of the variables."""
        return {name for s in self.symbols.values() for dim in s.shape for name in dim.symbols}

    # ------------------------------------------------------------------ derivation

    def explain(self, style: str = "index") -> Derivation:
        """The derivation, line by line, each with its rule.

        Args:
            style: ``index`` (Kronecker deltas) or ``differential``.

        Raises:
            ArgumentProblem: no such style.
        """
        from matcalc.derivation import derivation

        return derivation(self, style)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lines of the derivation in index notation."""
        return self.explain().steps

    # ------------------------------------------------------------------ SymPy, code, check

    @cached_property
    def sympy(self) -> Any:
        """The answer in SymPy, of shape ``shape``: a scalar, a matrix or an array expression."""
        from matcalc.backends import sympy_export

        return sympy_export.to_sympy(self.index if self.expr is None else self.expr)

    def entry(self, *indices: str | int) -> Any:
        """One entry as a SymPy scalar, with KroneckerDelta and Sum where they are needed.

        Args:
            indices: names of symbolic indices or numbers from 0, one for each axis of ``shape``
                that is longer than 1.
        """
        from matcalc.backends import sympy_export

        return sympy_export.entry(self.index, *indices)

    def function(self, backend: str = "numpy", *, value: bool = False) -> GeneratedFunction:
        """A callable that takes the variables by name as arrays and returns the derivative there.

        Arrays have 0, 1 or 2 axes (a row has one), the result the axes of ``shape`` without those
        of length 1. Their properties are those declared: of a matrix that is to be symmetric and
        positive definite a factorisation reads the lower triangle only. Where an inverse does not exist
        NumPy and PyTorch raise ArgumentProblem; in JAX, which cannot, NaN and infinity tell.

        Args:
            backend: ``numpy``, ``jax`` or ``torch``.
            value: whether to return a tuple instead: the function itself, its derivatives of lower
                order, and this one. They share what they have in common: value, gradient and
                Hessian are what Newton's method takes.
        """
        from matcalc.codegen import generate
        from matcalc.formulas import of_derivative

        return generate.compile_function(**of_derivative(self, backend, value))

    def source(self, backend: str = "numpy", *, value: bool = False) -> str:
        """Readable source text of that function."""
        from matcalc.codegen import generate
        from matcalc.formulas import of_derivative

        return generate.source(**of_derivative(self, backend, value))

    def operator(self, backend: str = "numpy") -> OperatorFunction:
        """A callable that takes the variables by name as arrays and returns the derivative as an
        operator: ``H = d.operator()(**arrays)`` holds the core of a Hessian only, and has ``H @ v``,
        ``H.solve(g)``, ``H.diagonal()``, ``H.todense()`` and ``H.shape``.

        Raises:
            UnsupportedProblem: the derivative has not as many axes of the variable as others.
        """
        from matcalc.formulas import operator

        return operator(self, backend)

    def check(self) -> CheckReport:
        """Compare every entry with SymPy's derivative of the entries of ``f`` at small sizes.

        What is compared is what is printed: the matrix form, or the index form, the vec form and the
        linear map.
        """
        from matcalc.self_check import check

        return check(self)

    # ------------------------------------------------------------------ display

    @property
    def quotient(self) -> str:
        """The derivative's own name, ``∂f/∂x`` or ``∂²f/∂x²``."""
        return self.name_of(self.order)

    def name_of(self, order: int) -> str:
        """Name of the derivative of this order; that of the function itself for 0."""
        if order == 0:
            return self.function_name
        power = "" if order == 1 else str(order).translate(SUPERSCRIPTS)
        return f"∂{power}{self.function_name}/∂{self.wrt.name}{power}"

    def differential_of(self, degree: int) -> str:
        """Name of the differential of this degree: ``df``, ``d(∂f/∂X)``, ``d²f``."""
        power = "" if degree == 1 else str(degree).translate(SUPERSCRIPTS)
        name = self.name_of(self.order - degree)
        return f"d{power}{name}" if degree == self.order else f"d{power}({name})"

    def __str__(self) -> str:
        return "\n".join(lines(self.named or self))

    def __repr__(self) -> str:
        return f"<Derivative {self.quotient}, {self.layout} layout, shape {self.shape}>"

    def latex(self) -> str:
        """The answer as an equation in LaTeX, or as several in an ``aligned`` environment."""
        return latex_equations(self.named or self)

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"

    def to_dict(self) -> dict[str, Any]:
        """Everything that can be printed, as what JSON can hold.

        ``expr`` is the matrix form; where there is none, ``index``, ``vec`` and ``linear_map`` are
        the forms that there are. ``definitions`` are the names that these are written with.
        """
        return as_dict(self.named or self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {
            "text/plain": str(self),
            "text/latex": self._repr_latex_(),
            MIME_TYPE: self.to_dict(),
        }


def written_out(d: Derivative) -> Derivative:
    """A derivative with the definitions that are kept put in, and nothing else changed."""
    values: dict[Expr, Expr] = {}
    for name, value in d.definitions.items():
        values[name] = substitute(value, values)
    f = substitute(d.f, values) if isinstance(d.f, Expr) else d.f.substitute(values)
    return _answer_with(d, values).replace(f=f, definitions={})


def by_name(d: Derivative) -> Derivative:
    """A derivative with the names that are kept in the place of their values, wherever these occur."""
    values = ((resolve(value), name) for name, value in d.definitions.items())
    return _answer_with(d, {value: name for value, name in values if value.args})


def _shown_parts(arranged: Arranged) -> list[Expr]:
    """The expressions that the answer as it is shown is made of."""
    matrix = factors(arranged.index) if arranged.expr is None else [arranged.expr]
    return matrix if arranged.vec is None else [*matrix, arranged.vec]


def _answer_with(d: Derivative, replacements: dict[Expr, Expr]) -> Derivative:
    expr, vec = (
        None if e is None else substitute(e, replacements)
        for e in (d.arranged.expr, d.arranged.vec)
    )
    index = d.arranged.index.substitute(replacements)
    arranged = d.arranged.replace(expr=expr, vec=vec, index=index)
    return d.replace(given=arranged, tensor=d.tensor.substitute(replacements))
