"""What the parts of a problem are called: by the names of the text where it gives them."""

from __future__ import annotations

from collections.abc import Iterator

from matcalc.backends import text as printer
from matcalc.core.expr import Apply, Expr, Symbol, postorder, symbols
from matcalc.core.index import IndexExpr
from matcalc.passes.conditions import Words
from matcalc.passes.elaborate import Reading
from matcalc.passes.measure import measure
from matcalc.report import factors, unused_name
from matcalc.syntax.names import similar

#: Size beyond which conditions are stated in terms of the definitions of the text.
READABLE = 15

#: Size beyond which they do not show what they are about.
LONGEST = 200


def function(reading: Reading) -> Expr | IndexExpr:
    """What is to be differentiated."""
    f = reading.index if reading.expr is None else reading.expr
    assert f is not None
    return f


def function_name(reading: Reading) -> str:
    """The name that the text defines the function by, else ``f`` or one like it."""
    f = function(reading)
    for name, value in reading.definitions.items():
        if value is f:
            return name
    functions = {node.op.name for node in postorder(*factors(f)) if isinstance(node, Apply)}
    kept = () if reading.named is None else reading.named.kept
    return unused_name("f", [*reading.variables, *reading.sizes, *functions, *kept, *reading.kept])


def unused_names(reading: Reading, f: Expr | IndexExpr, wrt: Symbol) -> Iterator[str]:
    """Notes on the names that are declared and do not occur: they may be misspelt.

    Of the variable itself the derivative says that it is zero.
    """
    present = symbols(*factors(f), *reading.definitions.values())
    occurring = dict.fromkeys(symbol.name for symbol in present)
    for name, symbol in reading.variables.items():
        if name not in occurring and symbol is not wrt:
            near = similar(name, occurring)
            meant = f"; did you mean {near} ?" if near else ""
            yield f"{name} is declared, and {function_name(reading)} does not contain it{meant}"


def in_the_words_of(reading: Reading) -> Words:
    """Parts of a function are printed by the names that the text defines where they are long."""
    names = {value: name for name, value in reading.definitions.items() if value.args}
    return Words(
        lambda e: printer.format_part(e, names if measure(e) > READABLE else {}, LONGEST),
        reading.place,
    )
