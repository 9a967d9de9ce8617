"""SymPy matrix expressions as input.

Nodes are translated bottom-up by a table over SymPy's node types; what is not in the table is refused
by name. Assumptions of SymPy's (``Q.symmetric``) are not read: say ``assume=`` to ``diff``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from matcalc.backends.sympy_nodes import MatrixFunction, ScalarFunction
from matcalc.core.dim import ONE, Dim, Shape, describe_shape
from matcalc.core.expr import Constant, Expr, Size, Symbol
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.core.operation import Operation
from matcalc.errors import ArgumentProblem, DeclarationProblem, UnsupportedProblem
from matcalc.ops import REGISTRY
from matcalc.ops.constant import ONES, PI, ZEROS
from matcalc.ops.elementwise import ABS, EXP, MAXIMUM, MINIMUM, SQRT, STEP
from matcalc.ops.linalg import DET, DIAG, DIAGONAL, INV, TRACE
from matcalc.ops.matrix_functions import EXPM
from matcalc.ops.structural import KRON
from matcalc.passes import construct
from matcalc.passes.recognise import recognise
from matcalc.syntax.names import normal_name


def from_sympy(expression: Any) -> tuple[Expr, dict[str, Symbol]]:
    """The expression, and its variables by name.

    A name that occurs in the shape of a ``MatrixSymbol`` is a size wherever it stands.

    Raises:
        ArgumentProblem: it is not a SymPy expression.
        UnsupportedProblem: a node has no counterpart.
        ShapeProblem: shapes do not agree.
        DeclarationProblem: a name stands for two variables.
    """
    if not isinstance(expression, sympy.Basic):
        raise ArgumentProblem(f"not a SymPy expression: {type(expression).__name__}")
    names = _Names(expression)
    return _Importer(names).convert(expression, {}), names.variables


class _Names:
    """The variables of an expression and its sizes."""

    def __init__(self, expression: sympy.Basic) -> None:
        self.variables: dict[str, Symbol] = {}
        self.sizes = {
            normal_name(symbol.name)
            for node in _subexpressions(expression)
            if isinstance(node, _SIZED)
            for size in node.shape
            for symbol in size.free_symbols
        }

    def declare(self, name: str, shape: Shape) -> Symbol:
        name = normal_name(name)
        symbol = Symbol(name, shape)
        if self.variables.setdefault(name, symbol) is not symbol:
            raise DeclarationProblem(
                f"{name} stands for two variables",
                details=tuple(
                    f"{name} is {describe_shape(s)}" for s in (self.variables[name].shape, shape)
                ),
                help="rename one of them",
            )
        return symbol


def _subexpressions(root: Any) -> Iterator[Any]:
    """Every node once; SymPy's own traversals visit shared ones again and again."""
    seen = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        new = [arg for arg in node.args if arg not in seen]
        seen.update(new)
        stack.extend(new)


@dataclass
class _Importer:
    """Translates SymPy nodes; ``bound`` gives the meaning of a Lambda's variable in its body."""

    names: _Names

    def convert(self, root: Any, bound: Mapping[Any, Expr]) -> Expr:
        done: dict[Any, Expr] = dict(bound)
        stack = [root]
        while stack:
            node = stack[-1]
            rule = _rule(node)
            missing = [arg for arg in rule.operands(node) if arg not in done]
            if node in done or not missing:
                stack.pop()
                if node not in done:
                    args = [done[arg] for arg in rule.operands(node)]
                    done[node] = rule.build(self, node, args)
            else:
                stack.extend(reversed(missing))
        return done[root]

    def dim(self, size: Any) -> Dim:
        """A size: a product of a positive integer and symbols."""
        result = ONE
        for base, exponent in size.as_powers_dict().items():
            if not (exponent.is_Integer and exponent > 0):
                break
            if base.is_Integer and base > 0:
                result = result * Dim.of(int(base) ** int(exponent))
            elif base.is_Symbol:
                for _ in range(int(exponent)):
                    result = result * Dim.of(normal_name(base.name))
            else:
                break
        else:
            return result
        raise UnsupportedProblem(
            f"the size {size} is not supported", help="sizes are products of numbers and symbols"
        )

    def shape(self, matrix: Any) -> Shape:
        rows, columns = matrix.shape
        return self.dim(rows), self.dim(columns)


def _args(node: Any) -> Sequence[Any]:
    return node.args  # type: ignore[no-any-return]


def _none(node: Any) -> Sequence[Any]:  # noqa: ARG001 - one signature for all rules
    return ()


def _first(node: Any) -> Sequence[Any]:
    return (node.args[0],)


@dataclass(frozen=True)
class _Rule:
    """How a node is translated: from which operands, and by what."""

    build: Callable[[_Importer, Any, list[Expr]], Expr]
    operands: Callable[[Any], Sequence[Any]] = _args


def _rule(node: Any) -> _Rule:
    for kind in type(node).__mro__:
        if kind in _RULES:
            return _RULES[kind]
    quoted = str(node)
    raise UnsupportedProblem(
        f"{type(node).__name__} of SymPy is not supported",
        details=(quoted if len(quoted) <= 100 else quoted[:97] + "...",),
    )


# ------------------------------------------------------------------------------------ leaves


def _symbol(importer: _Importer, node: Any, _: list[Expr]) -> Expr:
    if normal_name(node.name) in importer.names.sizes:
        return Size(Dim.of(normal_name(node.name)))
    return importer.names.declare(node.name, (ONE, ONE))


def _matrix_symbol(importer: _Importer, node: Any, _: list[Expr]) -> Expr:
    return importer.names.declare(node.name, importer.shape(node))


def _float(_: _Importer, node: Any, __: list[Expr]) -> Expr:
    if not node.is_finite:
        raise UnsupportedProblem(f"{node} is not a number")
    return Constant(Fraction(str(node)))  # the decimal that it prints as: 0.1 is 1/10


def _filled(value: int) -> Callable[[_Importer, Any, list[Expr]], Expr]:
    def build(importer: _Importer, node: Any, _: list[Expr]) -> Expr:
        rows, columns = importer.shape(node)
        if rows.is_unit and columns.is_unit:
            return Constant(value)
        return (ONES if value else ZEROS)(Size(rows), Size(columns))

    return build


# ------------------------------------------------------------------------------------ operations


def _sum(_: _Importer, __: Any, args: list[Expr]) -> Expr:
    """In the body of a Lambda, numbers are added to every entry."""
    shape = next((arg.shape for arg in args if not arg.is_scalar), None)
    return construct.add(args if shape is None else (_spread(arg, shape) for arg in args))


def _spread(value: Expr, shape: Shape) -> Expr:
    return construct.filled(value, shape) if value.is_scalar else value


def _power(_: _Importer, node: Any, args: list[Expr]) -> Expr:
    base, exponent = args
    if node.exp == sympy.Rational(1, 2):
        return SQRT(base)
    if isinstance(base, Constant) and node.exp.is_Integer and (base.value or node.exp > 0):
        return Constant(base.value ** int(node.exp))
    return construct.power(base, exponent)


def _matrix_power(importer: _Importer, node: Any, args: list[Expr]) -> Expr:
    base, exponent = args
    return (
        _power(importer, node, args) if base.is_scalar else construct.matrix_power(base, exponent)
    )


def _extremum(op: Any) -> Callable[[_Importer, Any, list[Expr]], Expr]:
    def build(_: _Importer, __: Any, args: list[Expr]) -> Expr:
        result = args[0]
        for arg in args[1:]:
            result = op(result, arg)
        return result

    return build


def _kronecker(_: _Importer, __: Any, args: list[Expr]) -> Expr:
    arrays = [arg for arg in args if not arg.is_scalar]
    product = arrays if len(arrays) < 2 else [KRON(*arrays)]
    return construct.hadamard([*(arg for arg in args if arg.is_scalar), *product])


def _scalar_function(op: Operation) -> _Rule:
    def build(_: _Importer, node: Any, args: list[Expr]) -> Expr:
        if isinstance(node.args[0], sympy.MatrixExpr):
            raise UnsupportedProblem(
                f"{node} of a matrix can be read in two ways",
                help=f"entry by entry it is {node.args[0]}.applyfunc({op.name})",
            )
        return op(args[0])

    return _Rule(build, _first)


def _of_array(op: Any) -> _Rule:
    """An operation on arrays that leaves scalars as they are."""
    return _Rule(lambda _, __, args: args[0] if args[0].is_scalar else op(args[0]), _first)


def _inverse(_: _Importer, __: Any, args: list[Expr]) -> Expr:
    return construct.reciprocal(args[0]) if args[0].is_scalar else INV(args[0])


def _exponential(_: _Importer, node: Any, args: list[Expr]) -> Expr:
    return EXPM(args[0]) if isinstance(node.args[0], sympy.MatrixExpr) else EXP(args[0])


def _elementwise(importer: _Importer, node: Any, args: list[Expr]) -> Expr:
    function = node.function
    return importer.convert(function.expr, {function.variables[0]: args[0]})


def _own(importer: _Importer, node: Any, args: list[Expr]) -> Expr:
    op = REGISTRY[node.args[0].name]
    if all(isinstance(pattern, str) for pattern in op.rule.parameters):
        return op(*(Size(importer.dim(size)) for size in node.args[-len(args) :]))
    return op(*args)


# --------------------------------------------------------------------------- entries and sums


def _explicit(_: _Importer, node: Any, args: list[Expr]) -> Expr:
    if len(args) == 1:
        return args[0]
    raise UnsupportedProblem(
        f"a matrix of {node.rows} x {node.cols} given entries is not supported",
        help="use a MatrixSymbol in its place",
    )


def _entry(_: _Importer, node: Any, args: list[Expr]) -> Expr:
    if args[0].is_scalar:
        return args[0]
    raise UnsupportedProblem(
        f"the single entry {node} is not supported",
        help="a product that is a scalar can be written Trace(x.T*y)",
    )


def _summation(importer: _Importer, node: Any, _: list[Expr]) -> Expr:
    """A sum of products of entries over whole axes, as SymPy writes ``(x.T*A*x)[0, 0]``."""
    indices: dict[Any, Index] = {}
    for variable, low, high in node.limits:
        if low != 0:
            raise UnsupportedProblem(f"the sum over {variable} does not start at 0: {node}")
        indices[variable] = Index(importer.dim(sympy.expand(high + 1)), variable.name)
    terms = []
    for summand in sympy.Add.make_args(sympy.expand(node.function)):
        coefficient, factors = Fraction(1), []
        for factor in _repeated(sympy.Mul.make_args(summand)):
            if factor.is_Rational:
                coefficient *= Fraction(int(factor.p), int(factor.q))
            else:
                factors.append(_factor(importer, factor, indices))
        terms.append(Term(coefficient, tuple(factors)))
    found = recognise(IndexExpr((), tuple(terms)), None, None)
    if found is None:
        raise UnsupportedProblem(f"the sum has no matrix form: {node}")
    return found


def _repeated(factors: Sequence[Any]) -> Iterator[Any]:
    for factor in factors:
        if factor.is_Pow and factor.exp.is_Integer and factor.exp > 0:
            yield from [factor.base] * int(factor.exp)
        else:
            yield factor


def _factor(importer: _Importer, factor: Any, indices: Mapping[Any, Index]) -> Factor:
    if not isinstance(factor, MatrixElement):
        if factor.free_symbols & set(indices):
            raise UnsupportedProblem(f"{factor} in a sum over entries is not supported")
        return Factor(importer.convert(factor, {}))
    matrix = importer.convert(factor.parent, {})
    slots = []
    for dim, index in zip(matrix.shape, factor.indices, strict=True):
        if dim.is_unit:
            continue
        if index not in indices or indices[index].dim != dim:
            raise UnsupportedProblem(f"the entry {factor} in a sum does not run over a whole axis")
        slots.append(indices[index])
    return Factor(matrix, tuple(slots))


# ------------------------------------------------------------------------------------- the table

_SIZED = (sympy.MatrixSymbol, sympy.Identity, sympy.OneMatrix, sympy.ZeroMatrix, MatrixFunction)

#: Functions that SymPy has under the same name.
_NAMESAKES = {
    getattr(sympy, op.name): op
    for op in REGISTRY.values()
    if op.elementwise and isinstance(getattr(sympy, op.name, None), sympy.FunctionClass)
}

_RULES: dict[type, _Rule] = {
    sympy.Rational: _Rule(lambda _, node, __: Constant(Fraction(int(node.p), int(node.q))), _none),
    sympy.Float: _Rule(_float, _none),
    type(sympy.pi): _Rule(lambda *_: PI(), _none),
    type(sympy.E): _Rule(lambda *_: EXP(Constant(1)), _none),
    sympy.Symbol: _Rule(_symbol, _none),
    sympy.MatrixSymbol: _Rule(_matrix_symbol, _none),
    sympy.Identity: _Rule(lambda imp, node, _: construct.eye(imp.dim(node.rows)), _none),
    sympy.OneMatrix: _Rule(_filled(1), _none),
    sympy.ZeroMatrix: _Rule(_filled(0), _none),
    sympy.Add: _Rule(_sum),
    sympy.MatAdd: _Rule(_sum),
    sympy.Mul: _Rule(lambda _, __, args: construct.hadamard(args)),
    sympy.MatMul: _Rule(lambda _, __, args: construct.multiply(args)),
    sympy.HadamardProduct: _Rule(lambda _, __, args: construct.hadamard(args)),
    sympy.KroneckerProduct: _Rule(_kronecker),
    sympy.Pow: _Rule(_power),
    sympy.HadamardPower: _Rule(_power),
    sympy.MatPow: _Rule(_matrix_power),
    sympy.Inverse: _Rule(_inverse, _first),
    sympy.Transpose: _of_array(construct.transpose),
    sympy.Trace: _of_array(TRACE),
    sympy.Determinant: _of_array(DET),
    sympy.DiagMatrix: _of_array(DIAG),
    DiagonalOf: _of_array(DIAGONAL),
    **{function: _scalar_function(op) for function, op in _NAMESAKES.items()},
    sympy.exp: _Rule(_exponential),
    sympy.Abs: _scalar_function(ABS),
    sympy.Heaviside: _scalar_function(STEP),
    sympy.Max: _Rule(_extremum(MAXIMUM)),
    sympy.Min: _Rule(_extremum(MINIMUM)),
    ElementwiseApplyFunction: _Rule(_elementwise, lambda node: (node.expr,)),
    MatrixFunction: _Rule(_own, lambda node: node.args[3:]),
    ScalarFunction: _Rule(_own, lambda node: node.args[1:]),
    MatrixElement: _Rule(_entry, lambda node: (node.parent,)),
    sympy.Sum: _Rule(_summation, _none),
    sympy.MatrixBase: _Rule(_explicit, lambda node: tuple(node) if len(node) == 1 else ()),
}
