"""The derivation for long expressions: intermediate results are named, and every line is one application
of the chain rule.

``u1 = W1 x``, ``u2 = tanh(u1)``, ...; for a scalar f the gradients ``g2 = ∂f/∂u2``, ``g1 = ∂f/∂u1`` follow
from the last to the first (reverse accumulation), for any other f the differentials from the first to the
last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from matcalc.core.expr import Apply, Expr, Symbol, postorder, substitute, symbols
from matcalc.ops.linalg import DIAG, DIAGONAL, TRACE, VEC
from matcalc.ops.reduction import NORM2, SUM, SUM_1, SUM_2
from matcalc.ops.structural import ADD, KRON, MATMUL, POWER, TIMES, TRANSPOSE
from matcalc.passes import construct
from matcalc.passes.collect import total
from matcalc.passes.differentiate import derivative
from matcalc.passes.linear_map import linear_map
from matcalc.passes.measure import measure
from matcalc.passes.reasons import Rule, partial_rule
from matcalc.passes.recognise import recognise
from matcalc.passes.shorten import shorten

#: Operations that stay inside a line, since their rules are those of sums and products.
INSIDE = (ADD, MATMUL, TIMES, KRON, TRANSPOSE, TRACE, SUM, SUM_1, SUM_2, DIAG, DIAGONAL, VEC, NORM2)


#: Longer parts get a name, whatever they are.
LONG_PART = 24

#: A product of more factors is taken a few factors at a time.
MOST_FACTORS = 6
GROUP = 3


@dataclass(frozen=True)
class Line:
    """``symbol = value``: an intermediate result, a gradient or a differential.

    Attributes:
        symbol: what the line defines.
        of: for a gradient, the intermediate result that f is differentiated by; else None.
        value: in terms of the variables and of symbols of earlier lines.
        rules: the derivatives of functions that it makes use of.
    """

    symbol: Symbol
    of: Symbol | None
    value: Expr
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Named:
    """A derivation with names.

    Attributes:
        definitions: the intermediate results, each in terms of earlier ones.
        body: the function in terms of them.
        lines: gradients from the last to the first, or differentials from the first to the last.
        result: the gradient, or the differential of f, in terms of the symbols.
        rules: as for a line, for the result.
    """

    definitions: tuple[Line, ...]
    body: Expr
    lines: tuple[Line, ...]
    result: Expr
    rules: tuple[Rule, ...] = ()


def derive_named(
    f: Expr, wrt: Symbol, along: Symbol, names: Mapping[Expr, str] | None = None
) -> Named | None:
    """The derivation, or None where nothing is to be named or a line has no matrix form.

    Args:
        f: the function.
        wrt: the variable.
        along: its differential, a variable of the same shape.
        names: what parts of the function are called already.
    """
    definitions, body = _definitions(f, wrt, names or {})
    if not definitions:
        return None
    return (
        _reverse(definitions, body, wrt) if f.is_scalar else _forward(definitions, body, wrt, along)
    )


def nesting(f: Expr, wrt: Symbol) -> int:
    """How many functions of functions of the variable there are at most, one inside the other."""
    depth: dict[Expr, int] = {}
    for node in postorder(f):
        inner = [depth[arg] for arg in node.args if arg in depth]
        if node is wrt:
            depth[node] = 0
        elif inner and isinstance(node, Apply):
            depth[node] = max(inner) + (node.op not in INSIDE)
    return depth.get(f, 0)


def _fresh(letter: str, taken: set[str]) -> Iterator[str]:
    k = 0
    while True:
        k += 1
        if f"{letter}{k}" not in taken:
            yield f"{letter}{k}"


def _definitions(f: Expr, wrt: Symbol, called: Mapping[Expr, str]) -> tuple[list[Line], Expr]:
    """Names for the functions on the way, for what is used repeatedly, and for what is long."""
    nodes = list(postorder(f))
    uses = Counter(arg for node in nodes for arg in node.args)
    varied: set[Expr] = {wrt}
    for node in nodes:
        if any(arg in varied for arg in node.args):
            varied.add(node)
    names = _fresh("u", {symbol.name for symbol in symbols(f)} | set(called.values()))
    written: dict[Expr, Expr] = {}
    lines: list[Line] = []

    def named(value: Expr, name: str | None = None) -> Symbol:
        # Names carry no properties: the lines hold for whatever they stand for.
        symbol = Symbol(name or next(names), value.shape)
        lines.append(Line(symbol, None, value))
        return symbol

    for node in nodes:
        if not isinstance(node, Apply):
            written[node] = node
            continue
        args = tuple(written[arg] for arg in node.args)
        if node in varied and node.op is MATMUL:
            args = _in_groups(args, named)
        here = node if args == node.args else node.op(*args)
        is_part = uses[node] > 1 or node.op not in INSIDE
        if (
            node is not f
            and node in varied
            and (node in called or (is_part and measure(here) > 2) or measure(here) > LONG_PART)
        ):
            written[node] = named(here, called.get(node))
        else:
            written[node] = here
    return lines, written[f]


def _in_groups(args: tuple[Expr, ...], named: Callable[[Expr], Symbol]) -> tuple[Expr, ...]:
    """The factors of a long product, a few at a time under a name; one repeated factor needs none."""
    while len(args) > MOST_FACTORS and len(set(args)) > 1:
        groups = [args[k : k + GROUP] for k in range(0, len(args), GROUP)]
        args = tuple(named(MATMUL(*group)) if len(group) > 1 else group[0] for group in groups)
    return args


def _gradient(form: Expr, by: Symbol) -> Expr | None:
    """Gradient of a scalar, in the shape of the variable."""
    found = derivative(form, by)
    row, column = (*found.free, None, None)[:2]
    if by.shape[0].is_unit:
        row, column = column, row
    return recognise(found, row, column)


def _functions_inside(value: Expr, by: Symbol) -> Iterator[Rule]:
    """The derivatives of the functions of one number that the symbol stands in."""
    varied: set[Expr] = {by}
    for node in postorder(value):
        places = [k for k, arg in enumerate(node.args) if arg in varied]
        if places and isinstance(node, Apply):
            varied.add(node)
            if node.op.elementwise and node.op not in (*INSIDE, POWER):
                yield from (partial_rule(node, k) for k in places)


def _inner(gradient: Symbol, value: Expr) -> Expr:
    if value.is_scalar:
        return construct.multiply((gradient, value))
    product = construct.multiply((construct.transpose(gradient), value))
    return product if product.is_scalar else TRACE(product)


def _reverse(definitions: list[Line], body: Expr, wrt: Symbol) -> Named | None:
    taken = {symbol.name for line in definitions for symbol in (line.symbol, *symbols(line.value))}
    supply = _fresh("g", taken | {symbol.name for symbol in symbols(body)})
    # By what stands in them, the equations whose left side is differentiated: f itself, and named
    # results that have a gradient, which comes with them.
    equations: dict[Symbol, list[tuple[Symbol | None, Expr]]] = defaultdict(list)
    for symbol in symbols(body):
        equations[symbol].append((None, body))
    lines: list[Line] = []
    named = {line.value: line.symbol for line in definitions}
    backwards = list(reversed(definitions))
    numbers = {line.symbol: next(supply) for line in definitions}
    for target in [*backwards, None]:
        by = wrt if target is None else target.symbol
        parts = []
        rules: dict[Rule, None] = {}
        for gradient, value in equations[by]:
            rules.update(dict.fromkeys(_functions_inside(value, by)))
            part = _gradient(value if gradient is None else _inner(gradient, value), by)
            if part is None:
                return None
            parts.append(substitute(part, named))
        if not parts:
            return None
        found = shorten(total(*parts))
        if target is None:
            return Named(tuple(definitions), body, tuple(lines), found, tuple(rules))
        symbol = Symbol(numbers[target.symbol], target.symbol.shape)
        lines.append(Line(symbol, target.symbol, found, tuple(rules)))
        for inner in symbols(target.value):
            equations[inner].append((symbol, target.value))
    return None


def _forward(definitions: list[Line], body: Expr, wrt: Symbol, along: Symbol) -> Named | None:
    directions: dict[Symbol, Symbol] = {wrt: along}
    order = {wrt: 0, **{line.symbol: k for k, line in enumerate(definitions, 1)}}
    named = {line.value: line.symbol for line in definitions}
    lines: list[Line] = []

    def differential(value: Expr) -> Expr | None:
        parts = []
        for by in sorted(order.keys() & symbols(value), key=order.__getitem__):
            found = linear_map(derivative(value, by), 1, directions[by], value.shape)
            if found is None:
                return None
            parts.append(substitute(found.value, named))
        return total(*parts) if parts else None

    for line in definitions:
        found = differential(line.value)
        if found is None:
            return None
        symbol = Symbol(f"d{line.symbol.name}", line.symbol.shape)
        lines.append(Line(symbol, None, found))
        directions[line.symbol] = symbol
    result = differential(body)
    return None if result is None else Named(tuple(definitions), body, tuple(lines), result)
