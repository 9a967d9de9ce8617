"""From expressions to notation: where signs, fractions, powers and ``I`` are written, and how.

In the *plain* style quotients are written as a textbook does, ``A x / (x' x)^2``. In the *exact*
style a form is read back as the very node it was made from (see ``passes/construct``), so that a
quotient is only written where the language reads it so; elsewhere ``b^-1`` stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

from matcalc.backends.fraction import Factor, fraction
from matcalc.backends.notation import (
    Call,
    ConstantArray,
    Entry,
    Filled,
    Form,
    Kronecker,
    Name,
    Negative,
    Norm,
    Numeral,
    Power,
    Product,
    Quotient,
    Transposed,
    number,
    product,
    total,
)
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder, symbols
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, PI, UNIT, ZEROS
from matcalc.ops.elementwise import SQRT
from matcalc.ops.linalg import INV
from matcalc.ops.reduction import NORM1, NORM2
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE

MINUS_ONE_HALF = Fraction(-1, 2)


def dim_form(dim: Dim) -> Form:
    """A size: ``n``, ``2 m n``."""
    names = [Name(symbol) for symbol in dim.symbols]
    return product([*([Numeral(dim.coefficient)] if dim.coefficient != 1 else []), *names])


def identity_letter(*roots: Expr) -> str | None:
    """The letter that can stand for the identity matrix: ``I``, unless a variable has that name."""
    return None if any(symbol.name == "I" for symbol in symbols(*roots)) else "I"


class Composer:
    """Composes the forms of expressions, each once.

    Args:
        exact: whether the form must be read back as the same node.
        names: expressions to be written as a name that is defined elsewhere.
        identity: the letter for the identity matrix where its size goes without saying; ``None``
            where the letter means something else.

    Attributes:
        definitions: names and forms of the named expressions met, in order of dependency.
    """

    def __init__(
        self,
        *,
        exact: bool = False,
        names: Mapping[Expr, str] | None = None,
        identity: str | None = "I",
    ) -> None:
        self.exact = exact
        self.names = names or {}
        self.identity = identity
        self.forms: dict[Expr, Form] = {}
        self.definitions: list[tuple[str, Form]] = []
        self._rules: dict[Operation, Callable[[Apply], Form]] = {
            ADD: self._sum,
            TIMES: self._times,
            MATMUL: self._matmul,
            TRANSPOSE: self._transpose,
            POWER: self._power,
            MATPOW: self._matrix_power,
            KRON: lambda node: Kronecker(self._all(node.args)),
            INV: lambda node: Power(self.forms[node.args[0]], number(-1)),
            NORM1: self._norm,
            NORM2: self._norm,
            EYE: self._constant_array,
            ONES: self._constant_array,
            ZEROS: self._constant_array,
            PI: lambda _: Name(PI.name),
        }

    def compose(self, root: Expr) -> Form:
        """The form of an expression."""
        for node in postorder(root):
            if node not in self.forms:
                form = self._form(node)
                if node in self.names:
                    self.definitions.append((self.names[node], form))
                    form = Name(self.names[node])
                self.forms[node] = form
        return self.forms[root]

    def _form(self, node: Expr) -> Form:
        match node:
            case Symbol(name=name):
                return Name(name)
            case Constant(value=value):
                return number(value)
            case Size(dim=dim):
                return dim_form(dim)
        assert isinstance(node, Apply)
        rule = self._rules.get(node.op)
        return rule(node) if rule else Call(node.op, self._all(node.args))

    def _all(self, args: Iterable[Expr]) -> tuple[Form, ...]:
        return tuple(self.forms[arg] for arg in args)

    def _opens(self, e: Expr, op: Operation) -> bool:
        """Whether the notation of ``e`` may be merged with what surrounds it."""
        return isinstance(e, Apply) and e.op is op and e not in self.names

    # ---------------------------------------------------------------- sums

    def _sum(self, node: Apply) -> Form:
        fills = [self._fill(arg) for arg in node.args]
        if not node.is_square and any(fill is None for fill in fills):
            terms = [fill or self.forms[arg] for fill, arg in zip(fills, node.args, strict=True)]
        else:
            terms = self._beside_each_other(node.args)
        return total(terms)

    def _fill(self, e: Expr) -> Form | None:
        """The numeral that stands for a multiple of an array of ones, beside a term that is none."""
        if self._opens(e, ONES):
            value = Fraction(1)
        elif (
            self._opens(e, TIMES)
            and len(e.args) == 2
            and isinstance(e.args[0], Constant)
            and self._opens(e.args[1], ONES)
        ):
            value = e.args[0].value
        else:
            return None
        filled = Filled(number(abs(value)))
        return Negative(filled) if value < 0 else filled

    # ---------------------------------------------------------------- the identity

    def _beside_each_other(self, args: Sequence[Expr]) -> list[Form]:
        """Forms of terms or factors that fix each other's size, so that ``I`` says enough."""
        fixed = any(not arg.is_scalar and not self._ends_in_identity(arg) for arg in args)
        return [self._sized(arg) if fixed else self.forms[arg] for arg in args]

    def _ends_in_identity(self, e: Expr) -> bool:
        return self._opens(e, EYE) or (self._opens(e, TIMES) and self._opens(e.args[-1], EYE))

    def _sized(self, e: Expr) -> Form:
        if self.identity is None or not self._ends_in_identity(e):
            return self.forms[e]
        letter = Name(self.identity)
        if not self._opens(e, TIMES):
            return letter
        return self._product_of(e.args, [*self._all(e.args[:-1]), letter])

    def _constant_array(self, node: Apply) -> Form:
        if node.op is EYE and not self.exact and self.identity:
            return Name(self.identity)
        dims = [dim_form(arg.dim) for arg in node.args if isinstance(arg, Size)]
        if len(dims) == 2 and node.shape[1].is_unit:
            dims.pop()
        return ConstantArray(node.op, tuple(dims))

    # ---------------------------------------------------------------- products and quotients

    def _matmul(self, node: Apply) -> Form:
        if entry := self._entry(node):
            return entry
        return Product(tuple(self._beside_each_other(node.args)))

    def _entry(self, node: Apply) -> Form | None:
        """``x[1]`` and ``X[1,2]``, where a product is a fixed entry of a name."""
        names = [arg for arg in node.args if isinstance(arg, Symbol)]
        found = [self._place(arg, transposed=arg is node.args[0]) for arg in node.args]
        places = tuple((place,) for place in found if place)
        if not node.is_scalar or len(names) != 1 or len(places) + 1 != len(node.args):
            return None
        return Entry(self.forms[names[0]], places)

    def _place(self, e: Expr, *, transposed: bool) -> str:
        """``k`` for the k-th unit vector, if it is one and k a number."""
        if transposed and isinstance(e, Apply) and self._opens(e, TRANSPOSE):
            e = e.args[0]
        place = e.args[1] if isinstance(e, Apply) and self._opens(e, UNIT) else None
        if not isinstance(place, Size) or place.dim.symbols:
            return ""
        return str(place.dim.coefficient)

    def _times(self, node: Apply) -> Form:
        beside = self._beside_each_other(node.args)
        return self._product_of(node.args, beside)

    def _product_of(self, args: Sequence[Expr], forms: Sequence[Form]) -> Form:
        first = args[0]
        coefficient = first.value if isinstance(first, Constant) else Fraction(1)
        skip = isinstance(first, Constant)
        factors = [
            self._factor(arg, form) for arg, form in zip(args[skip:], forms[skip:], strict=True)
        ]
        form = fraction(abs(coefficient), factors, exact=self.exact)
        return Negative(form) if coefficient < 0 else form

    def _factor(self, e: Expr, form: Form) -> Factor:
        if self._opens(e, TIMES):
            # Only a product too long to be merged is a factor of a product: it keeps its brackets.
            return Factor(Product((form,)), e.is_scalar)
        below = self._below(e)
        if below is None:
            return Factor(form, e.is_scalar)
        base, exponent = e.args
        beside = Power(self.forms[base], self.forms[exponent], elementwise=not e.is_scalar)
        return Factor(beside, e.is_scalar, below, is_number=_is_number(base))

    def _below(self, e: Expr) -> Form | None:
        """What stands below the stroke for a power with a negative exponent."""
        if not self._opens(e, POWER) or not isinstance(e.args[1], Constant):
            return None
        base, exponent = e.args[0], e.args[1].value
        if self.exact and (exponent != -1 or _has_numeral(base)):
            return None
        if exponent == -1:
            return self.forms[base]
        if exponent >= 0:
            return None
        if exponent == MINUS_ONE_HALF:
            return Call(SQRT, (self.forms[base],))
        return Power(self.forms[base], number(-exponent), elementwise=not e.is_scalar)

    # ---------------------------------------------------------------- powers, transposes, norms

    def _power(self, node: Apply) -> Form:
        base, exponent = node.args
        elementwise = not node.is_scalar
        below = self._below(node)
        if below is not None:
            return Quotient(Numeral(1), below, elementwise)
        return Power(self.forms[base], self.forms[exponent], elementwise)

    def _matrix_power(self, node: Apply) -> Form:
        base, exponent = node.args
        if self._opens(base, INV) and isinstance(exponent, Constant) and exponent.value > 1:
            return Power(self.forms[base.args[0]], number(-exponent.value))
        return Power(self.forms[base], self.forms[exponent])

    def _transpose(self, node: Apply) -> Form:
        operand = node.args[0]
        if self._opens(operand, INV):
            return Transposed(self.forms[operand.args[0]], inverse=True)
        return Transposed(self.forms[operand])

    def _norm(self, node: Apply) -> Form:
        operand = node.args[0]
        is_matrix = len(operand.axes) == 2
        if node.op is NORM1:
            # ||X||_1 of a matrix usually means the largest column sum.
            call = Call(node.op, self._all(node.args))
            return call if is_matrix else Norm(self.forms[operand], "1")
        return Norm(self.forms[operand], "F" if is_matrix else "")


def _is_number(e: Expr) -> bool:
    """Whether an expression consists of numbers and sizes only."""
    factors = e.args if isinstance(e, Apply) and e.op is TIMES else (e,)
    return all(isinstance(factor, Constant | Size) for factor in factors)


def _has_numeral(e: Expr) -> bool:
    """Whether a divisor has a numeral as a factor, which the language moves out of it."""
    return isinstance(e.args[0] if isinstance(e, Apply) and e.op is TIMES else e, Constant)
