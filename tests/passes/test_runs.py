"""Deep and long expressions: graphs and derivatives in space proportional to them, without recursion."""

import cProfile
from collections import Counter

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.generate import compile_function
from matcalc.core.expr import forget, postorder
from matcalc.ops.structural import ADD, MATMUL
from matcalc.passes.runs import LONGEST_RUN, in_blocks


def layers(step, depth, last):
    lines = [f"h{k} = {step.format(k=k, h=f'h{k - 1}')}" for k in range(1, depth + 1)]
    return "; ".join(["x: n; h0 = x", *lines, last.format(h=f"h{depth}")])


def residual(depth):
    return layers("{h} + A{k} tanh(B{k} {h})", depth, "||{h} - y||^2"), None


def linear(depth):
    return layers("W{k} {h}", depth, "||{h} - y||^2"), None


def nested(depth):
    return layers("A (x + B {h})", depth, "y' {h}"), ["x", "A", "B"]


def factors(depth):
    product = " ".join(f"X A{k}" for k in range(1, depth + 1))
    return f"X: (n, n); tr({product})", ["X"]


def scaled(depth):
    return layers("a{k} {h}", depth, "sum(tanh({h}))").replace("x: n", "x: (n, n)"), ["x"]


def scalars(depth):
    return "x: n; " + " ".join(f"sin(a{k}' x)" for k in range(1, depth + 1)), ["x"]


def terms(depth):
    return "x: n; " + " + ".join(f"sin(a{k}' x)" for k in range(1, depth + 1)), ["x"]


FAMILIES = (residual, linear, nested, scaled, factors, scalars, terms)


def edges(text, names):
    forms = mc.grad(text, names).forms.values()
    return sum(len(node.args) for node in postorder(*forms))


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_grow_linearly(family):
    assert edges(*family(160)) < 2.4 * edges(*family(80))


def calls(work):
    forget()
    with cProfile.Profile() as profile:
        work()
    return Counter({str(entry.code): entry.callcount for entry in profile.getstats()})


@pytest.mark.parametrize("family", FAMILIES)
def test_no_function_is_called_more_often_than_in_proportion(family):
    def derived(size):
        text, names = family(size)
        return lambda: mc.grad(text, names).forms

    derived(3)()  # reads grammar and rules
    short, long = calls(derived(80)), calls(derived(160))
    assert [f for f, count in long.items() if count > max(2.5 * short[f], 1000)] == []


@pytest.mark.parametrize("depth", [20, 50])
@pytest.mark.parametrize("last", ["||{h} - y||^2", "{h}"])
def test_derivations_are_found_in_proportion(depth, last):
    def explained(depth):
        return lambda: mc.diff(layers("tanh(W{k} {h})", depth, last), "W1").explain()

    explained(3)()
    short, long = calls(explained(depth)), calls(explained(2 * depth))
    assert [f for f, count in long.items() if count > max(2.5 * short[f], 5000)] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_long_ones_have_the_right_value(family):
    found = mc.grad(*family(2 * LONGEST_RUN + 3))
    name = next(iter(found))
    rng = np.random.default_rng(0)
    arrays = {
        v: rng.normal(size=[3] * len(shape)) / 2 for v, shape in found[name].variables.items()
    }
    along = rng.normal(size=arrays[name].shape)
    value = compile_function(found.f)
    gradient = compile_function(found.forms[name], variables=found.reading.variables.values())

    def moved(step):
        return value(**arrays | {name: arrays[name] + step * along})

    numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert np.isclose(np.sum(gradient(**arrays) * along), numeric, rtol=1e-5)


def test_a_network_of_depth_1000_has_at_most_four_nodes_for_each_of_its_own():
    text = layers("tanh(W{k} {h})", 1000, "||{h} - y||^2").replace("x: n", "x: n; y: n")
    text = "; ".join([*(f"W{k}: (n, n)" for k in range(1, 1001)), text])
    found = mc.grad(text)
    own = len(list(postorder(found.f)))
    assert len(list(postorder(found.f, *found.forms.values()))) <= 4 * own


def test_blocks_keep_the_order_of_the_factors():
    matrices = mc.parse(
        " ".join(f"A_{k}" for k in range(40)), shapes={f"A_{k}": ("n", "n") for k in range(40)}
    )
    tree = in_blocks(MATMUL, matrices.args)
    assert max(len(node.args) for node in postorder(tree)) <= LONGEST_RUN
    assert [node for node in postorder(tree) if not node.args] == list(matrices.args)


def test_short_sums_are_written_out_and_long_ones_stay():
    declared = dict.fromkeys([f"a_{k}" for k in range(40)], ())
    short = mc.parse("(a_1 + a_2) + a_3", shapes=declared)
    assert len(short.args) == 3
    long = mc.parse("(" + " + ".join(declared) + ") + a_1", shapes=declared)
    assert [arg.op for arg in long.args] == [ADD, None]
