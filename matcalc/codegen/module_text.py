"""The text of a module with one generated function: imports, helpers, signature, docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from matcalc.codegen.body import Body
from matcalc.codegen.dialects import Dialect
from matcalc.core.dim import Dim

#: The axes of an array.
Axes = tuple[Dim, ...]


def module_text(
    body: Body, dialect: Dialect, doc: str | None, results: Sequence[Axes], keys: Sequence[str]
) -> str:
    """The text of a module.

    Args:
        body: what the function does.
        dialect: the array library.
        doc: first line of the docstring.
        results: the axes of what it returns.
        keys: those of the last results, which are returned as a dict.
    """
    head = f"def {body.name}({', '.join([*body.arrays, *body.sizes])}):"
    lines = [
        _docstring(body, doc, _returned([_described(axes) for axes in results], keys)),
        *body.lines,
    ]
    function = "\n".join([head, *(f"    {line}" for line in lines)])
    pieces = [*(helper for _, helper in body.used.helpers.values()), function]
    return "\n\n\n".join([*_imports(dialect, pieces), *pieces]) + "\n"


def _imports(dialect: Dialect, pieces: Sequence[str]) -> list[str]:
    """The import lines that the text needs, as one piece of it."""
    lines = [
        line
        for prefix, line in dialect.imports.items()
        if any(_calls(prefix, piece) for piece in pieces)
    ]
    return ["\n".join(lines)] if lines else []


def _calls(prefix: str, piece: str) -> bool:
    # The expression alone would look at every character of a long text.
    return f"{prefix}." in piece and bool(re.search(rf"(?<![\w.]){prefix}\.", piece))


def _docstring(body: Body, doc: str | None, returned: Sequence[str]) -> str:
    text = "\n".join(
        f"    {line}" if line else "" for line in _documented(body, doc, returned)
    ).strip()
    return '"""' + text.replace("\\", "\\\\").replace('"""', "'''") + '\n    """'


def _documented(body: Body, doc: str | None, returned: Sequence[str]) -> Iterator[str]:
    yield doc or "Compute the expression that this function was generated from."
    if body.arrays or body.sizes:
        yield ""
    yield from (f"{name}: {_described(symbol.axes)}" for name, symbol in body.arrays.items())
    yield from (f"{name}: the size {size}" for name, size in body.sizes.items())
    first, *others = returned
    yield from ("", f"Returns: {first}", *(f"    {line}" for line in others))


def _returned(shapes: Sequence[str], keys: Sequence[str]) -> list[str]:
    """What the docstring says of the results."""
    cut = len(shapes) - len(keys)
    if keys:
        pairs = [f"{key}: {shape}" for key, shape in zip(keys, shapes[cut:], strict=True)]
        return [f"{', '.join([*shapes[:cut], 'a dict'])}", *pairs]
    return [shapes[0] if len(shapes) == 1 else f"a tuple: {', '.join(shapes)}"]


def _described(dims: Axes) -> str:
    """A shape as NumPy prints it."""
    if not dims:
        return "a scalar"
    inside = ", ".join(" * ".join(str(dim).split()) for dim in dims)
    return f"array of shape ({inside},)" if len(dims) == 1 else f"array of shape ({inside})"
