"""Which repeated parts of an expression get a name, and which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from matcalc.backends.compose import Composer
from matcalc.backends.notation import Form, fold, measure, own_measure, walk
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder

#: Parts that are smaller, such as ``x'`` and ``-1``, are never named.
SMALLEST = 3

#: A name, its '=' and one use: what a definition costs beyond its right side.
OVERHEAD = 3


def names_in_use(root: Expr) -> set[str]:
    """Names of the variables, sizes and functions of an expression."""
    names: set[str] = set()
    for node in postorder(root):
        if isinstance(node, Symbol):
            names.add(node.name)
            names.update(name for dim in node.shape for name in dim.symbols)
        elif isinstance(node, Size):
            names.update(node.dim.symbols)
        elif isinstance(node, Apply):
            names.add(node.op.spelling)
    return names


def fresh_names(taken: set[str]) -> Iterator[str]:
    """``t1``, ``t2``, ... without those taken."""
    count = 0
    while True:
        count += 1
        if f"t{count}" not in taken:
            yield f"t{count}"


def compose_shared(
    whole: Composer,
    root: Expr,
    *,
    max_depth: int | None = None,
    taken: Collection[str] = (),
) -> tuple[list[tuple[str, Form]], Form]:
    """The form of an expression in which repeated parts are named where that makes it shorter.

    Args:
        whole: the composer that says how it is written without names.
        root: the expression.
        taken: names that stand for something else already.
        max_depth: name also what is nested more deeply than this, even if that makes it longer.

    Returns:
        Names with the forms they stand for, in order of dependency, and the form of the whole.
    """
    form = whole.compose(root)
    chosen = _choose(form, whole.forms, max_depth)
    if not chosen:
        return [], form
    nodes = [node for node in postorder(root) if node in chosen]
    names = dict(zip(nodes, fresh_names(names_in_use(root) | set(taken)), strict=False))
    composer = Composer(exact=whole.exact, names=names, identity=whole.identity)
    body = composer.compose(root)
    if max_depth is None and _total(composer.definitions, body) >= measure(form):
        return [], form
    return composer.definitions, body


def _total(definitions: Iterable[tuple[str, Form]], body: Form) -> int:
    return measure(body) + sum(2 + measure(form) for _, form in definitions)


def _choose(root: Form, forms: dict[Expr, Form], max_depth: int | None) -> set[Expr]:
    nodes = {form: node for node, form in forms.items()}
    sizes: dict[Form, int] = {}
    order = list(walk(root))
    for form in order:
        sizes[form] = own_measure(form) + sum(sizes[part] for part in form.parts)

    # From the root down: what is named is written once, so that its parts occur once in it.
    occurrences = Counter({root: 1})
    named: set[Form] = set()
    for form in reversed(order):
        times = occurrences[form]
        if form is not root and form in nodes and _pays(times, sizes[form]):
            named.add(form)
            times = 1
        for part in form.parts:
            occurrences[part] += times

    # From the leaves up: with names inside, some are too short by now to deserve one themselves.
    depths: dict[Form, int] = {}
    for form in order:
        sizes[form] = own_measure(form) + sum(
            1 if part in named else sizes[part] for part in form.parts
        )
        depths[form] = 1 + max((0 if p in named else depths[p] for p in form.parts), default=0)
        if form in named and not _pays(occurrences[form], sizes[form]):
            named.remove(form)
        if max_depth and depths[form] >= max_depth and form in nodes and form is not root:
            named.add(form)
    return {nodes[form] for form in named}


def _pays(occurrences: int, size: int) -> bool:
    """Whether a definition and names are shorter than writing the same thing every time."""
    return size >= SMALLEST and occurrences * size > occurrences + size + OVERHEAD - 1


def is_large(form: Form, max_measure: int, max_depth: int) -> bool:
    """Whether a form is too long or too deeply nested to be read at one go."""
    return measure(form) > max_measure or fold(form, _depth) > max_depth


def _depth(_: Form, depths: list[int]) -> int:
    return 1 + max(depths, default=0)
