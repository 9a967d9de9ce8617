"""Expressions as Python code over arrays in which axes of size 1 are dropped.

Vectors and rows are both 1-d, so that transposing one is nothing, ``x' A`` is ``x @ A`` and ``x y'``
is an outer product: which axes exist decides, and the typed expression knows that.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from matcalc.codegen.arguments import Names, with_products
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Constant, Expr, Size, Symbol, postorder
from matcalc.core.operation import Operation
from matcalc.errors import LimitProblem, UnsupportedProblem
from matcalc.ops.constant import EYE, ONES, ZEROS
from matcalc.ops.structural import ADD, KRON, MATMUL, MATPOW, POWER, TIMES, TRANSPOSE

#: Precedence of Python's operators, loosest first.
SUM, PRODUCT, UNARY, RAISE, ATOM = range(5)

#: An operand longer than this gets a statement of its own, which also bounds the nesting.
OPERAND_WIDTH = 48

#: A template longer than this becomes a function of its own above the generated one.
TEMPLATE_WIDTH = 60

#: NumPy functions whose value on all entries of an array does not depend on its number of axes.
AXIS_FREE = frozenset(
    {"sum", "mean", "max", "min", "abs", "square", "sqrt", "exp", "log", "sign", "where"}
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """An array library: what to import, and each operation's template.

    Attributes:
        name: as the user says it.
        module: the prefix of its functions.
        imports: import line by the prefix that needs it.
        template: the code template of an operation, ``""`` where there is none.
    """

    name: str
    module: str
    imports: dict[str, str]
    template: Callable[[Operation], str]


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of Python and the precedence of its outermost operator."""

    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """The text, in parentheses where it binds looser than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


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
        self.helpers: dict[Operation, tuple[str, str]] = {}
        self.sizes: dict[str, str] = {}
        self._codes: dict[Expr, Code] = {}
        self._uses: Counter[Expr] = Counter()
        self._structural: dict[Operation, Callable[[Apply], Code]] = {
            ADD: self._add,
            TIMES: lambda node: self._times(node.args),
            MATMUL: self._matmul,
            TRANSPOSE: self._transpose,
            POWER: self._power,
            MATPOW: self._matpow,
            KRON: self._kron,
            EYE: lambda node: self.eye(node.shape[0]),
            ONES: lambda node: self.filled("ones", node.axes),
            ZEROS: lambda node: self.filled("zeros", node.axes),
        }

    def write(self, roots: Sequence[Expr]) -> list[Code]:
        """The code of each root; statements that they need are added to ``statements``."""
        nodes = list(postorder(*roots))
        self._uses.update(roots)
        for node in nodes:
            self._uses.update(node.args)
        for node in nodes:
            # The others are written where they are used: a sum writes an array of ones as a number,
            # and then needs neither it nor its sizes.
            if (
                isinstance(node, Apply)
                and node not in self._codes
                and _constant_array(node) is None
            ):
                self._codes[node] = self._node(node)
        return [self.use(root) for root in roots]

    def use(self, node: Expr) -> Code:
        """The code of a node as an operand; those below it have been written."""
        if node not in self._codes:
            self._codes[node] = self._node(node)
        code = self._codes[node]
        shared = self._uses[node] > 1 and not re.fullmatch(r"-?[\w.]+(\.T)?", code.text)
        if shared or len(code.text) > OPERAND_WIDTH:
            code = self._codes[node] = self.assign(code)
        return code

    def assign(self, code: Code) -> Code:
        """Give the value a name."""
        name = self.names.temporary()
        self.statements.append(f"{name} = {code.text}")
        return Code(name)

    def size(self, dim: Dim) -> Code:
        """The number that a size is."""
        parts = [str(dim.coefficient)] if dim.coefficient != 1 or not dim.symbols else []
        for symbol in with_products(dim.symbols, self.products):
            if symbol not in self.sizes:
                self.sizes[symbol] = self.names.claim(symbol)
            parts.append(self.sizes[symbol])
        return Code(" * ".join(parts), ATOM if len(parts) == 1 else PRODUCT)

    def call(self, function: str, *args: str) -> Code:
        """A call of one of the array library's functions."""
        return Code(f"{self.dialect.module}.{function}({', '.join(args)})")

    def filled(self, function: str, dims: Sequence[Dim]) -> Code:
        """``ones`` or ``zeros`` of the given axes."""
        sizes = [self.size(dim).text for dim in dims]
        if not sizes:
            return Code("1.0" if function == "ones" else "0.0")
        return self.call(function, sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})")

    def eye(self, dim: Dim) -> Code:
        """The identity matrix."""
        return Code("1.0") if dim.is_unit else self.call("eye", self.size(dim).text)

    def total(self, terms: Iterable[Code]) -> Code:
        """A sum; a minus in front of a term becomes a subtraction."""
        result: Code | None = None
        for term in terms:
            if result is None:
                result = term
                continue
            if len(result.text) > 2 * OPERAND_WIDTH:
                result = self.assign(result)
            if term.text.startswith("-") and term.level >= PRODUCT:
                result = Code(f"{result.text} - {term.text[1:]}", SUM)
            else:
                result = Code(f"{result.text} + {term.at(SUM)}", SUM)
        return result or Code("0.0")

    def product(
        self, coefficient: Fraction, factors: Sequence[Code], divisors: Sequence[Code] = ()
    ) -> Code:
        """Coefficient times the entry by entry product of the factors, over the divisors."""
        number = _number(abs(coefficient))
        below = list(divisors)
        if "/" in number.text:
            number = _number(Fraction(abs(coefficient.numerator)))
            below.insert(0, _number(Fraction(coefficient.denominator)))
        above = list(factors)
        if number.text != "1" or not above:
            above.insert(0, number)
        sign = "-" if coefficient < 0 else ""
        if len(above) == 1 and not below:
            return Code(f"-{above[0].at(RAISE)}", UNARY) if sign else above[0]
        # The first factor needs no parentheses around a product, A @ x * y; behind a minus it would
        # be right too, but cost a negation of A.
        first = above[0].at(RAISE if sign else PRODUCT)
        result = Code(sign + self._chain([first, *(code.at(RAISE) for code in above[1:])]), PRODUCT)
        if below:
            divisor = below[0] if len(below) == 1 else self.product(Fraction(1), below)
            result = Code(f"{result.text} / {divisor.at(RAISE)}", PRODUCT)
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
            return Code(self.variables[node])
        if isinstance(node, Constant):
            return self.product(node.value, ())
        if isinstance(node, Size):
            return self.size(node.dim)
        assert isinstance(node, Apply)
        return self._structural.get(node.op, self._template)(node)

    def _add(self, node: Apply) -> Code:
        # A constant array broadcasts as a number as soon as another term brings the shape.
        plain = [_constant_array(term) for term in node.args]
        if all(scalars is not None for scalars in plain):
            return self.total(self.use(term) for term in node.args)
        return self.total(
            self.use(term) if scalars is None else self._times(scalars)
            for term, scalars in zip(node.args, plain, strict=True)
        )

    def _times(self, args: Sequence[Expr]) -> Code:
        coefficient = Fraction(1)
        above, below = [], []
        for arg in args:
            if isinstance(arg, Constant):
                coefficient *= arg.value
            elif (divisor := self._divisor(arg)) is not None:
                below.append(divisor)
            else:
                above.append(self.use(arg))
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
            return self.call("sqrt", self.use(base).text)
        return Code(f"{self.use(base).at(ATOM)} ** {_number(exponent).at(ATOM)}", RAISE)

    def _power(self, node: Apply) -> Code:
        base, exponent = node.args
        if not isinstance(exponent, Constant):
            return Code(f"{self.use(base).at(ATOM)} ** {self.use(exponent).at(RAISE)}", RAISE)
        if exponent.value < 0:
            return Code(f"1 / {self._raised(base, -exponent.value).at(RAISE)}", PRODUCT)
        return self._raised(base, exponent.value)

    def _matpow(self, node: Apply) -> Code:
        exponent = node.args[1]
        power = self.use(exponent).text
        if not isinstance(exponent, Constant | Size):
            power = f"int({power})"
        return self._lifted(node, lambda args: self.call("linalg.matrix_power", args[0], power))

    def _transpose(self, node: Apply) -> Code:
        (arg,) = node.args
        code = self.use(arg)
        return Code(f"{code.at(ATOM)}.T") if len(arg.axes) == 2 else code

    def _matmul(self, node: Apply) -> Code:
        # Where the inner size is 1 the product is an outer one; between two such places stands a
        # scalar, so that only the first and the last stretch can be vectors.
        stretches: list[list[Expr]] = []
        for factor in node.args:
            if stretches and not factor.shape[0].is_unit:
                stretches[-1].append(factor)
            else:
                stretches.append([factor])
        codes = [self._contracted(stretch) for stretch in stretches]
        if len(codes) == 1:
            return codes[0]
        if node.shape[0].is_unit or node.shape[1].is_unit:
            return self.product(Fraction(1), codes)
        outer = self.call("outer", codes[0].text, codes[-1].text)
        return self.product(Fraction(1), [*codes[1:-1], outer])

    def _contracted(self, factors: list[Expr]) -> Code:
        """A matrix product without outer products, from the side of the vector if there is one."""
        codes = [self.use(factor) for factor in factors]
        from_right = factors[-1].shape[1].is_unit and not factors[0].shape[0].is_unit
        if from_right:
            codes.reverse()
        result = codes[0]
        for code in codes[1:]:
            if len(result.text) > OPERAND_WIDTH:
                result = self.assign(result)
            left, right = (code, result) if from_right else (result, code)
            result = Code(f"{left.at(PRODUCT)} @ {right.at(RAISE)}", PRODUCT)
        return result

    def _kron(self, node: Apply) -> Code:
        units = {tuple(dim.is_unit for dim in arg.shape) for arg in node.args}

        def nested(args: Sequence[str]) -> Code:
            result = Code(args[0])
            for arg in args[1:]:
                result = self.call("kron", result.text, arg)
            return result

        if len(units) == 1:
            return nested([self.use(arg).text for arg in node.args])
        return self._lifted(node, nested)

    def _template(self, node: Apply) -> Code:
        template = self.dialect.template(node.op)
        if not template:
            raise UnsupportedProblem(
                f"there is no {self.dialect.name} code for {node.op.spelling}",
                help=f"add a {self.dialect.name} template to its record",
            )
        lift = not (node.op.elementwise or _is_axis_free(template))
        template = self._helper(node.op, template)
        if not lift:
            return self._fill(template, [self.use(arg) for arg in node.args])
        return self._lifted(node, lambda args: self._fill(template, [Code(arg) for arg in args]))

    def _helper(self, op: Operation, template: str) -> str:
        """The template, or a call of a function that holds it where it is long or repeats itself."""
        repeats = any(template.count(f"{{{k}}}") > 1 for k in range(len(op.parameters)))
        if not repeats and len(template) <= TEMPLATE_WIDTH:
            return template
        if op not in self.helpers:
            name = self.names.claim(op.name)
            parameters = ", ".join(op.parameters)
            body = template.format(*op.parameters)
            self.helpers[op] = (name, f"def {name}({parameters}):\n    return {body}")
        places = ", ".join(f"{{{k}}}" for k in range(len(op.parameters)))
        return f"{self.helpers[op][0]}({places})"

    def _fill(self, template: str, args: Sequence[Code]) -> Code:
        texts = []
        for position, code in enumerate(args):
            enclosed = re.search(rf"[(,] ?\{{{position}\}}(?=[,)])", template)
            texts.append(code.text if enclosed else code.at(ATOM))
        return Code(template.format(*texts), _level(template))

    def _lifted(self, node: Apply, build: Callable[[Sequence[str]], Code]) -> Code:
        """Apply code that wants every axis of the signature to arrays whose unit axes are dropped."""
        rule = node.op.rule
        patterns = (
            rule.parameters
            if len(rule.parameters) == len(node.args)
            else ((rule.parameters[0],) * len(node.args))
        )
        args = [
            self.use(arg).text if isinstance(pattern, str) else self._lift(arg, pattern)
            for arg, pattern in zip(node.args, patterns, strict=True)
        ]
        result = build(args)
        axes = [dim for dim, wanted in zip(node.shape, rule.result, strict=True) if wanted.symbols]
        if not any(dim.is_unit for dim in axes):
            return result
        picks = ", ".join("0" if dim.is_unit else ":" for dim in axes)
        return Code(f"{result.at(ATOM)}[{picks}]")

    def _lift(self, arg: Expr, pattern: Shape) -> str:
        code = self.use(arg)
        axes = [dim for dim, wanted in zip(arg.shape, pattern, strict=True) if wanted.symbols]
        if not any(dim.is_unit for dim in axes):
            return code.text
        if arg.is_scalar:
            return self.call("reshape", code.text, "1" if len(axes) == 1 else "(1, 1)").text
        places = ", ".join("None" if dim.is_unit else ":" for dim in axes)
        return f"{code.at(ATOM)}[{places}]"


def _constant_array(term: Expr) -> Sequence[Expr] | None:
    """The scalar factors of a multiple of a matrix of ones, or None for anything else."""
    if not isinstance(term, Apply) or term.is_scalar:
        return None
    if term.op is ONES:
        return ()
    if term.op is TIMES:
        rest = [arg for arg in term.args if not arg.is_scalar]
        if len(rest) == 1 and isinstance(rest[0], Apply) and rest[0].op is ONES:
            return [arg for arg in term.args if arg.is_scalar]
    return None


def _number(value: Fraction) -> Code:
    """A non-negative number: an integer, a short decimal, or a quotient."""
    if value.denominator == 1 and value.numerator < 2**53:
        return Code(str(value.numerator))
    try:
        decimal = repr(float(value))
    except OverflowError:
        raise LimitProblem("a number in the expression is too large for floating point") from None
    is_short = Fraction(decimal) == value and len(decimal) <= 8
    if is_short or max(value.as_integer_ratio()) >= 2**53:
        return Code(decimal)
    return Code(f"{value.numerator} / {value.denominator}", PRODUCT)


def _is_axis_free(template: str) -> bool:
    functions = re.findall(r"([a-zA-Z_][\w.]*)\(", template)
    return "axis" not in template and all(
        name.partition(".")[0] in {"np", "jnp", "torch"} and name.partition(".")[2] in AXIS_FREE
        for name in functions
    )


@cache
def _level(template: str) -> int:
    """Precedence of a template's outermost operator."""
    body = ast.parse(re.sub(r"\{\d\}", "x", template), mode="eval").body
    if isinstance(body, ast.BinOp):
        if isinstance(body.op, ast.Add | ast.Sub):
            return SUM
        return RAISE if isinstance(body.op, ast.Pow) else PRODUCT
    if isinstance(body, ast.UnaryOp):
        return UNARY
    return ATOM if isinstance(body, ast.Call | ast.Attribute | ast.Subscript | ast.Name) else SUM
