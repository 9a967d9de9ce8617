"""Expressions as Python code over arrays in which axes of size 1 are dropped.

Vectors and rows are both 1-d, so that transposing one is nothing, ``x' A`` is ``x @ A`` and ``x y'``
is an outer product: which axes exist decides, and the typed expression knows that. Code is written
with NumPy's names; ``call`` says them in the dialect's. Products of matrices are written by
``chains.py``, what has a template in its record by ``calls.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from matcalc.codegen.arguments import Names, with_products
from matcalc.codegen.array_code import write_array
from matcalc.codegen.arrays import is_array_operation
from matcalc.codegen.broadcasting import Operand, Repeated, broadcasts, operands
from matcalc.codegen.calls import write_call
from matcalc.codegen.chains import chain_parts, write_chain
from matcalc.codegen.code import ATOM, RAISE, SCALE, SUM, UNARY, Code, number
from matcalc.codegen.dialects import MATH, Dialect
from matcalc.codegen.kernels import STORED
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol
from matcalc.core.operation import Operation
from matcalc.ops.constant import EYE, ONES, PI, ZEROS
from matcalc.ops.structural import ADD, MATMUL, POWER, TIMES, TRANSPOSE

#: An operand longer than this gets a statement of its own, which also bounds the nesting.
OPERAND_WIDTH = 48


@dataclass(slots=True)
class Used:
    """What code uses that must stand in front of it.

    Attributes:
        helpers: functions of their own, by the operation that each computes: name and text.
        sizes: the names of sizes.
        operations: all that have code of their own.
        like: whether new arrays take the type of the given ones.
        stored: whether transposes are stored, and a comment says why.
    """

    helpers: dict[Operation, tuple[str, str]] = field(default_factory=dict)
    sizes: dict[str, str] = field(default_factory=dict)
    operations: set[Operation] = field(default_factory=set)
    like: bool = False
    stored: bool = False


class Writer:
    """Writes expressions as statements; shared nodes and long operands get one of their own."""

    def __init__(
        self,
        dialect: Dialect,
        names: Names,
        variables: dict[Symbol, str],
        products: Sequence[tuple[str, ...]] = (),
    ) -> None:
        """Sizes in ``products`` are known as products only, and get a name as such."""
        self.dialect = dialect
        self.products = products
        self.names = names
        self.variables = variables
        self.statements: list[str] = []
        self.used = Used()
        self._codes: dict[Expr, Code] = {}
        self._uses: defaultdict[Expr, int] = defaultdict(int)
        self._parts: dict[Expr, tuple[Expr, ...]] = {}
        self._numbers: set[Expr] = set()
        self._planned: set[Expr] = set()
        self._structural: dict[Operation, Callable[[Apply], Code]] = {
            ADD: self._add,
            TIMES: self._times,
            MATMUL: lambda node: write_chain(self, node),
            TRANSPOSE: self._transpose,
            POWER: self._power,
            STORED: lambda node: self.stored(self.use(node.args[0])),
            EYE: lambda node: self.eye(node.shape[0]),
            ONES: lambda node: self.filled("ones", node.axes),
            ZEROS: lambda node: self.filled("zeros", node.axes),
        }

    def plan(self, roots: Sequence[Expr]) -> None:
        """Announce what will be written, so that a node which several of these share is known."""
        for root in roots:
            self._uses[root] += 1
        for node in self._postorder(roots):
            if node not in self._planned:
                self._planned.add(node)
                for part in self._parts[node]:
                    self._uses[part] += 1
                if _is_number(node, self._numbers):
                    self._numbers.add(node)

    def write(self, roots: Sequence[Expr], widths: Sequence[int] = ()) -> list[Code]:
        """The code of each root, announced before; the statements needed are added.

        One that is longer than its width gets a name, by default as an operand would.
        """
        for node in self._postorder(roots):
            if isinstance(node, Apply) and node not in self._codes:
                self._codes[node] = self._node(node)
        widths = widths or [OPERAND_WIDTH] * len(roots)
        return [self.use(root, width) for root, width in zip(roots, widths, strict=True)]

    def block(self) -> Writer:
        """A writer of statements behind these; what it writes is known to no other.

        What is known already has users elsewhere, and is not written over.
        """
        inner = Writer(self.dialect, self.names, self.variables, self.products)
        inner.used = self.used
        inner._codes = dict(self._codes)
        inner._parts = dict.fromkeys(self._codes, ())
        inner._uses.update(dict.fromkeys(self._codes, 1))
        inner._numbers = set(self._numbers)
        return inner

    def _postorder(self, roots: Sequence[Expr]) -> Iterator[Expr]:
        """Every node that has code of its own once, parts first."""
        seen: set[Expr] = set()
        stack = list(reversed(roots))
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            below = self._parts.get(node)
            if below is None:
                below = self._parts[node] = parts(node)
            waiting = [part for part in below if part not in seen]
            if waiting:
                stack.append(node)
                stack += reversed(waiting)
            else:
                seen.add(node)
                yield node

    def use(self, node: Expr, width: int = OPERAND_WIDTH) -> Code:
        """The code of a node as an operand; those below it have been written."""
        if node not in self._codes:
            self._codes[node] = self._node(node)
        code = self._codes[node]
        shared = self._uses[node] > 1 and not code.is_atomic
        if shared or len(code.text) > width:
            code = self._codes[node] = self.assign(code)
        return code

    def is_shared(self, node: Expr) -> bool:
        """Whether the node has several users."""
        return self._uses[node] > 1

    def assign(self, code: Code) -> Code:
        """Give the value a name."""
        name = self.names.temporary()
        self.statements.append(f"{name} = {code.text}")
        return Code(name, is_atomic=True)

    def shortened(self, code: Code) -> Code:
        """The code itself, or a name for what is too long to be an operand."""
        return self.assign(code) if len(code.text) > OPERAND_WIDTH else code

    def size(self, dim: Dim) -> Code:
        """The number that a size is."""
        parts = [str(dim.coefficient)] if dim.coefficient != 1 or not dim.symbols else []
        for symbol in with_products(dim.symbols, self.products):
            if symbol not in self.used.sizes:
                self.used.sizes[symbol] = self.names.claim(symbol)
            parts.append(self.used.sizes[symbol])
        is_one = len(parts) == 1
        return Code(" * ".join(parts), ATOM if is_one else SCALE, is_atomic=is_one)

    def call(self, function: str, *args: str) -> Code:
        """A call of one of the array library's functions, by NumPy's name."""
        return Code(self.dialect.spell(f"np.{function}({', '.join(args)})"))

    def filled(self, function: str, dims: Sequence[Dim]) -> Code:
        """``ones`` or ``zeros`` of the given axes."""
        sizes = [self.size(dim).text for dim in dims]
        if not sizes:
            return Code("1.0" if function == "ones" else "0.0", is_atomic=True)
        return self.call(
            function, (sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})") + self.like()
        )

    def eye(self, dim: Dim) -> Code:
        """The identity matrix."""
        return (
            Code("1.0", is_atomic=True)
            if dim.is_unit
            else self.call("eye", self.size(dim).text + self.like())
        )

    def like(self) -> str:
        """The arguments that give a new array the type of the given ones, if any are."""
        if not self.variables:
            return ""
        self.used.like = True
        return self.dialect.like

    def is_number(self, node: Expr) -> bool:
        """Whether the code of a node is a number of Python's, which depends on sizes at most."""
        return node in self._numbers

    def as_array(self, node: Expr) -> Code:
        """The code of a node as an operand that is an array, if only of no axes."""
        code = self.use(node)
        return self.call("asarray", code.text + self.like()) if self.is_number(node) else code

    def stored(self, transposed: Code) -> Code:
        """A transposed matrix that the library computes before it multiplies by it."""
        self.used.stored = True
        return Code(f"{self.dialect.stored}({transposed.text})")

    def total(self, terms: Iterable[Code]) -> Code:
        """A sum; a minus in front of a term becomes a subtraction."""
        result: Code | None = None
        for term in terms:
            if result is None:
                result = term
                continue
            if len(result.text) > 2 * OPERAND_WIDTH:
                result = self.assign(result)
            if term.text.startswith("-") and term.level >= SCALE:
                result = Code(f"{result.text} - {term.text[1:]}", SUM)
            else:
                result = Code(f"{result.text} + {term.at(SUM)}", SUM)
        return result or Code("0.0", is_atomic=True)

    def product(
        self, coefficient: Fraction, factors: Sequence[Code], divisors: Sequence[Code] = ()
    ) -> Code:
        """Coefficient times the entry by entry product of the factors, over the divisors."""
        scale = number(abs(coefficient))
        below = list(divisors)
        if "/" in scale.text:
            scale = number(Fraction(abs(coefficient.numerator)))
            below.insert(0, number(Fraction(coefficient.denominator)))
        above = list(factors)
        if scale.text != "1" or not above:
            above.insert(0, scale)
        sign = "-" if coefficient < 0 else ""
        if len(above) == 1 and not below:
            (one,) = above
            return Code(f"-{one.at(RAISE)}", UNARY, is_atomic=one.is_atomic) if sign else one
        # The first factor needs no parentheses around a product, A @ x * y; behind a minus it would
        # be right too, but cost a negation of A.
        first = above[0].at(RAISE if sign else SCALE)
        result = Code(sign + self._chain([first, *(code.at(RAISE) for code in above[1:])]), SCALE)
        if below:
            divisor = below[0] if len(below) == 1 else self.product(Fraction(1), below)
            result = Code(f"{result.text} / {divisor.at(RAISE)}", SCALE)
        return result

    def _chain(self, factors: list[str]) -> str:
        text = factors[0]
        for factor in factors[1:]:
            if len(text) > 2 * OPERAND_WIDTH:
                text = self.assign(Code(text)).text
            text = f"{text} * {factor}"
        return text

    def _node(self, node: Expr) -> Code:
        if isinstance(node, Symbol):
            return Code(self.variables[node], is_atomic=True)
        if isinstance(node, Constant):
            return self.product(node.value, ())
        if isinstance(node, Size):
            return self.size(node.dim)
        assert isinstance(node, Apply)
        self.used.operations.add(node.op)
        if node.op in self._structural:
            return self._structural[node.op](node)
        if is_array_operation(node):
            return write_array(self, node)
        if node.op.name in MATH and self.is_number(node):
            return Code(f"math.{node.op.name}({self.use(node.args[0]).text})")
        return write_call(self, node)

    def operand(self, operand: Operand) -> Code:
        """A term, a factor or an argument, but for its coefficient."""
        return _placed(self.use(operand.part), operand)

    def _add(self, node: Apply) -> Code:
        return self.total(
            self.operand(term) if term.coefficient == 1 else self._multiplied([term])
            for term in operands(node)
        )

    def _times(self, node: Apply) -> Code:
        return self._multiplied(operands(node))

    def _multiplied(self, factors: Sequence[Operand]) -> Code:
        coefficient = Fraction(1)
        above, below = [], []
        for factor in factors:
            coefficient *= factor.coefficient
            if isinstance(factor.part, Constant):
                coefficient *= factor.part.value
            elif (divisor := self._divisor(factor.part)) is not None:
                below.append(_placed(divisor, factor))
            else:
                above.append(self.operand(factor))
        return self.product(coefficient, above, below)

    def _divisor(self, factor: Expr) -> Code | None:
        """What a factor divides by: ``b`` for ``b^-1``, ``b**2`` for ``b^-2``."""
        if isinstance(factor, Apply) and factor.op is POWER and self._uses[factor] == 1:
            base, exponent = factor.args
            if isinstance(exponent, Constant) and exponent.value < 0:
                return self._raised(base, -exponent.value)
        return None

    def _raised(self, base: Expr, exponent: Fraction) -> Code:
        if exponent == 1:
            return self.use(base)
        if exponent == Fraction(1, 2):
            argument = self.use(base).text
            root = f"math.sqrt({argument})"
            return Code(root) if self.is_number(base) else self.call("sqrt", argument)
        return Code(f"{self.use(base).at(ATOM)} ** {number(exponent).at(ATOM)}", RAISE)

    def _power(self, node: Apply) -> Code:
        base, exponent = node.args
        if not isinstance(exponent, Constant):
            return Code(f"{self.use(base).at(ATOM)} ** {self.use(exponent).at(RAISE)}", RAISE)
        if exponent.value < 0:
            return Code(f"1 / {self._raised(base, -exponent.value).at(RAISE)}", SCALE)
        return self._raised(base, exponent.value)

    def _transpose(self, node: Apply) -> Code:
        (arg,) = node.args
        code = self.use(arg)
        is_name = code.is_atomic and code.level == ATOM
        return Code(f"{code.at(ATOM)}.T", is_atomic=is_name) if len(arg.axes) == 2 else code


def _placed(code: Code, operand: Operand) -> Code:
    """The code of an operand's part along the axis that it is copied from."""
    return Code(f"{code.at(ATOM)}[:, None]") if operand.repeated is Repeated.COLUMN else code


def parts(node: Expr) -> tuple[Expr, ...]:
    """The nodes whose code the code of a node is made of.

    A product writes neither a transpose nor a diagonal matrix as an array of its own, a sum no copies of
    a row or a column.
    """
    if not isinstance(node, Apply):
        return ()
    if broadcasts(node):
        return tuple(operand.part for operand in operands(node))
    return chain_parts(node) if node.op is MATMUL else node.args


def _is_number(node: Expr, numbers: set[Expr]) -> bool:
    """Whether the code of a node is a number of Python's, given that for its arguments."""
    if not isinstance(node, Apply):
        return isinstance(node, Constant | Size)
    arithmetic = node.op in (ADD, TIMES, POWER) or node.op.name in MATH
    return node.op is PI or (arithmetic and node.is_scalar and numbers.issuperset(node.args))
