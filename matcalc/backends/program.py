"""Expressions as whole texts that read back as the same node: ``parse(str(e)) is e``."""

from __future__ import annotations

from collections.abc import Iterable

from matcalc.backends.compose import Composer, dim_form, identity_letter
from matcalc.backends.notation import Form
from matcalc.backends.sharing import compose_shared, fresh_names, is_large, names_in_use
from matcalc.backends.text_spelling import spell
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder, symbols
from matcalc.core.operation import Operation
from matcalc.errors import MatcalcError
from matcalc.ops import REGISTRY
from matcalc.passes.elaborate import parse
from matcalc.syntax.names import is_plain

#: Names, numbers and operators beyond which repeated parts are defined once: about 2000 characters.
LONG = 500

#: Nesting beyond which parts are defined on their own. The language admits 1000 brackets.
DEEP = 200


def format_program(e: Expr) -> str:
    """An expression with the declarations and definitions that make it read back as the same node.

    Only what a reader of the bare expression would take for something else is declared:
    ``A: (n, n) symmetric; x' A x``.
    """
    found: str | None = e.memo.get(format_program)
    if found is None:
        found = e.memo[format_program] = _declared(e, *_body(e))
    return found


def _declared(e: Expr, definitions: list[tuple[str, str]], last: str) -> str:
    """Definitions and expression after as few declarations as make them read as ``e``."""
    body = "; ".join([*(f"{name} = {value}" for name, value in definitions), last])
    functions = [f"{op.spelling}: {_signature(op)}" for op in _abstract_functions(e)]
    variables = symbols(e)
    declared = {variable for variable in variables if not is_plain(variable.name)}
    while True:
        lines = [*functions, *_declarations(v for v in variables if v in declared)]
        text = "; ".join([*lines, body])
        read = _read(text)
        if read is e:
            return text
        understood = set(symbols(read)) if read else set()
        misread = {v for v in variables if v not in understood} or set(variables)
        if misread <= declared:
            taken = names_in_use(e).union(name for name, _ in definitions)
            return "; ".join([*lines, *_size_declarations(e, taken), body])
        declared |= misread


def _read(text: str) -> Expr | None:
    """What a text means to a reader; None if nothing."""
    try:
        return parse(text).expr
    except MatcalcError:
        return None


def _size_declarations(e: Expr, taken: set[str]) -> list[str]:
    """A variable that does not occur, to say that a name in the expression is a size: ``t1: m; 2 m``."""
    sizes = {name for node in postorder(e) if isinstance(node, Size) for name in node.dim.symbols}
    known = {name for v in symbols(e) for dim in v.shape for name in dim.symbols}
    names = fresh_names(taken)
    return [f"{next(names)}: {size}" for size in sorted(sizes - known)]


def _body(e: Expr) -> tuple[list[tuple[str, str]], str]:
    """Definitions, where the expression is too large for one line, and the expression."""
    composer = Composer(exact=True, identity=identity_letter(e))
    form = composer.compose(e)
    definitions: list[tuple[str, Form]] = []
    if is_large(form, LONG, DEEP):
        definitions, form = compose_shared(composer, e, max_depth=DEEP // 2)
    return [(name, spell(part)) for name, part in definitions], spell(form)


def _abstract_functions(e: Expr) -> list[Operation]:
    """Functions that a text must declare, in order of appearance."""
    found = (node.op for node in postorder(e) if isinstance(node, Apply))
    ops = dict.fromkeys(op.on_column or op for op in found)
    return [op for op in ops if REGISTRY.get(op.name) is not op]


def _declarations(variables: Iterable[Symbol]) -> list[str]:
    """``A, B: (m, n); x: n positive``: one declaration for all variables of a kind."""
    kinds: dict[tuple[Shape, frozenset[str]], list[str]] = {}
    for variable in variables:
        kinds.setdefault((variable.shape, variable.properties), []).append(variable.name)
    return [
        " ".join([f"{', '.join(names)}: {format_shape(shape)}", *sorted(properties)])
        for (shape, properties), names in kinds.items()
    ]


def _signature(function: Operation) -> str:
    """``p, (m, n) -> scalar``."""
    domain = ", ".join(map(format_shape, function.domain_shapes))
    return f"{domain} -> {format_shape(function.codomain)}"


def format_dim(dim: Dim) -> str:
    """A size: ``n``, ``2 m n``, ``3``; ``2*batch`` where words are factors."""
    if all(map(is_plain, dim.symbols)):
        return spell(dim_form(dim))
    coefficient = [] if dim.coefficient == 1 else [str(dim.coefficient)]
    return "*".join([*coefficient, *dim.symbols])


def format_shape(shape: Shape) -> str:
    """A shape as it is declared: ``scalar``, ``n``, ``(m, n)``."""
    if all(dim.is_unit for dim in shape):
        return "scalar"
    if len(shape) == 2 and shape[1].is_unit:
        return format_dim(shape[0])
    return "(" + ", ".join(map(format_dim, shape)) + ")"
