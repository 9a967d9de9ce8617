"""A process that asks many questions remembers none of them."""

import gc

import pytest

import matcalc as mc
from matcalc.arguments import STYLES
from matcalc.core.expr import _nodes
from matcalc.ops.abstract import _functions
from matcalc.passes import rulebook


def ask(text, wrt, numbers):
    for k in numbers:
        d = mc.diff(text.replace("#", str(k)), wrt.replace("#", str(k)))
        str(d)
        for style in STYLES:
            d.explain(style)


@pytest.mark.parametrize(
    ("text", "wrt"),
    [("x#: n#; ||A# x# - #/7 y#||^2", "x#"), ("a#' X#^-1 b# + tr(X#^2)", "X#")],
)
def test_expressions_live_as_long_as_they_are_used(text, wrt):
    ask(text, wrt, range(2, 5))
    gc.collect()
    before = len(_nodes)
    ask(text, wrt, range(5, 15))
    gc.collect()
    assert len(_nodes) <= before


def test_functions_live_as_long_as_they_are_used():
    kept = mc.diff("L: p -> scalar; L(W x)", "x")
    ask("Gone#: p -> scalar; Gone#(W x)", "x", range(2, 5))
    for rule in (rulebook.placeholders, rulebook.local_jacobian):
        rule.cache_clear()  # some rules are kept, of the functions met last
    gc.collect()
    names = {function.name for function in _functions.values()}
    assert {"L", "∇L"} <= names
    assert not {name for name in names if "Gone" in name}
    assert mc.parse(str(kept.expr)) is kept.expr
