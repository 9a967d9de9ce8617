"""Which repeated parts of an expression get a name, and which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from matcalc.backends.compose import Composer
from matcalc.backends.notation import Form, fold, measure, own_measure, walk
from matcalc.core.expr import Apply, Expr, Size, Symbol, postorder

#: Names by what they stand for.
Names = dict[Expr, str]

#: Names with what they stand for, each before its use.
Definitions = list[tuple[str, Form]]

#: Parts that are smaller, such as ``x'`` and ``-1``, are never named.
SMALLEST = 3

#: A name, its '=' and one use: what a definition costs beyond its right side.
OVERHEAD = 3


def names_in_use(*roots: Expr) -> set[str]:
    """Names of the variables, sizes and functions of expressions."""
    names: set[str] = set()
    for node in postorder(*roots):
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
    known: Names | None = None,
    called: Names | None = None,
) -> tuple[Definitions, Form]:
    """The form of an expression in which repeated parts are named where that makes it shorter.

    Args:
        whole: the composer that says how it is written without names.
        root: the expression.
        max_depth: name also what is nested more deeply than this, even if that makes it longer.
        known: names that are defined already, by what they stand for; new ones are added.
        called: names for what is to get one, by what they stand for; instead of ``t1``, ``t2``.

    Returns:
        New names with the forms they stand for, in order of dependency, and the form of the whole.
    """
    return write_shared(
        lambda composer: composer.compose(root),
        whole,
        (root,),
        max_depth=max_depth,
        known=known,
        called=called,
    )


def write_shared(
    write: Callable[[Composer], Form],
    whole: Composer,
    roots: Sequence[Expr],
    *,
    max_depth: int | None = None,
    known: Names | None = None,
    taken: Collection[str] = (),
    called: Names | None = None,
) -> tuple[Definitions, Form]:
    """What ``compose_shared`` gives, for a form that is made of several expressions.

    Args:
        write: makes the form, with the expressions composed by the composer that it is given.
        whole: the composer that says how it is written without names.
        roots: the expressions.
        max_depth: as there.
        known: as there.
        taken: names that stand for something else.
        called: as there.
    """
    known = {} if known is None else known
    form = write(whole)
    chosen = _choose(form, whole.forms, max_depth, known)
    given = {
        node: name for node, name in known.items() if node in whole.forms and node not in roots
    }
    if not chosen and not given:
        return [], form
    own = {node: name for node, name in (called or {}).items() if node in chosen}
    fresh = fresh_names(names_in_use(*roots).union(taken, known.values(), own.values()))
    new = {node: own.get(node) or next(fresh) for node in postorder(*roots) if node in chosen}
    composer = Composer(exact=whole.exact, names={**new, **given}, identity=whole.identity)
    body = write(composer)
    names = set(new.values())
    definitions = [(name, part) for name, part in composer.definitions if name in names]
    if max_depth is None and _total(definitions, body) >= measure(form):
        return [], form
    known.update(new)
    return definitions, body


def _total(definitions: Iterable[tuple[str, Form]], body: Form) -> int:
    return measure(body) + sum(2 + measure(form) for _, form in definitions)


def _choose(
    root: Form, forms: dict[Expr, Form], max_depth: int | None, known: Collection[Expr]
) -> set[Expr]:
    nodes = {form: node for node, form in forms.items()}
    given = {form for form, node in nodes.items() if node in known and form is not root}
    sizes: dict[Form, int] = {}
    order = list(walk(root))
    for form in order:
        sizes[form] = own_measure(form) + sum(sizes[part] for part in form.parts)

    # From the root down: what is named is written once, so that its parts occur once in it.
    occurrences = Counter({root: 1})
    named: set[Form] = set()
    for form in reversed(order):
        times = occurrences[form]
        if form in given:
            times = 0
        elif form is not root and form in nodes and _pays(times, sizes[form]):
            named.add(form)
            times = 1
        for part in form.parts:
            occurrences[part] += times

    # From the leaves up: with names inside, some are too short by now to deserve one themselves.
    depths: dict[Form, int] = {}
    for form in order:
        sizes[form] = own_measure(form) + sum(
            1 if part in named or part in given else sizes[part] for part in form.parts
        )
        depths[form] = 1 + max((0 if p in named else depths[p] for p in form.parts), default=0)
        if form in named and not _pays(occurrences[form], sizes[form]):
            named.remove(form)
        nameable = form in nodes and form is not root and form not in given
        if max_depth and depths[form] >= max_depth and nameable:
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
