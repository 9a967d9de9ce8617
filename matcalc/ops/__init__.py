"""The registry: one record per operation. A new operation is one record in one of these files."""

from __future__ import annotations

from matcalc.core.operation import Operation
from matcalc.ops import constant, elementwise, linalg, matrix_functions, reduction, structural

#: Every operation by its unique name.
REGISTRY: dict[str, Operation] = {
    op.name: op
    for module in (structural, constant, elementwise, linalg, matrix_functions, reduction)
    for op in module.OPERATIONS
}


def by_call(spelling: str) -> tuple[Operation, ...]:
    """The operations that a function name of the language can mean; shapes and arity decide."""
    return _CALLS.get(spelling, ())


def function_names() -> list[str]:
    """Every function name of the language, aliases included."""
    return sorted(_CALLS)


#: Operations that are written with operators only; the rule book also calls them by name.
OPERATORS = (structural.ADD, structural.MATMUL, structural.POWER, structural.MATPOW)

_CALLS: dict[str, tuple[Operation, ...]] = {}
for _op in (op for op in REGISTRY.values() if op not in OPERATORS):
    for _spelling in (_op.spelling, *_op.aliases):
        _CALLS[_spelling] = (*_CALLS.get(_spelling, ()), _op)
