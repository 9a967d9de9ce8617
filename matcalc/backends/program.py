"""Expressions as whole texts that read back as the same node: ``parse(str(e)) is e``."""

from __future__ import annotations

from collections.abc import Iterable

from matcalc.backends.compose import Composer, dim_form, identity_letter
from matcalc.backends.notation import Form
from matcalc.backends.sharing import compose_shared, is_large
from matcalc.backends.text_spelling import spell
from matcalc.core.dim import Dim, Shape
from matcalc.core.expr import Apply, Expr, Symbol, postorder, symbols
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
        found = e.memo[format_program] = _declared(e, _body(e))
    return found


def _declared(e: Expr, body: str) -> str:
    """The body after as few declarations as make it read as ``e``."""
    functions = [f"{op.spelling}: {op.signature}" for op in _abstract_functions(e)]
    variables = symbols(e)
    declared = {variable for variable in variables if not is_plain(variable.name)}
    while True:
        lines = [*functions, *_declarations(v for v in variables if v in declared)]
        text = "; ".join([*lines, body])
        misread = _misread(text, e) - declared
        if not misread:
            return text
        declared |= misread


def _body(e: Expr) -> str:
    """Definitions, where the expression is too large for one line, and the expression."""
    form = Composer(exact=True, identity=identity_letter(e)).compose(e)
    definitions: list[tuple[str, Form]] = []
    if is_large(form, LONG, DEEP):
        definitions, form = compose_shared(e, exact=True, max_depth=DEEP // 2)
    return "; ".join([*(f"{name} = {spell(part)}" for name, part in definitions), spell(form)])


def _misread(text: str, e: Expr) -> set[Symbol]:
    """The variables of ``e`` that the text does not say enough about; none if it reads as ``e``."""
    try:
        read = parse(text).expr
    except MatcalcError:
        return set(symbols(e))
    if read is e:
        return set()
    understood = set(symbols(read))
    wrong = {variable for variable in symbols(e) if variable not in understood}
    return wrong or set(symbols(e))


def _abstract_functions(e: Expr) -> list[Operation]:
    """Functions that a text must declare, in order of appearance."""
    ops = dict.fromkeys(node.op for node in postorder(e) if isinstance(node, Apply))
    return [op for op in ops if op.name not in REGISTRY]


def _declarations(variables: Iterable[Symbol]) -> list[str]:
    """``A, B: (m, n); x: n positive``: one declaration for all variables of a kind."""
    kinds: dict[tuple[Shape, frozenset[str]], list[str]] = {}
    for variable in variables:
        kinds.setdefault((variable.shape, variable.properties), []).append(variable.name)
    return [
        " ".join([f"{', '.join(names)}: {format_shape(shape)}", *sorted(properties)])
        for (shape, properties), names in kinds.items()
    ]


def format_dim(dim: Dim) -> str:
    """A size: ``n``, ``2 m n``, ``3``."""
    return spell(dim_form(dim))


def format_shape(shape: Shape) -> str:
    """A shape as it is declared: ``scalar``, ``n``, ``(m, n)``."""
    if all(dim.is_unit for dim in shape):
        return "scalar"
    if len(shape) == 2 and shape[1].is_unit:
        return format_dim(shape[0])
    return "(" + ", ".join(map(format_dim, shape)) + ")"
