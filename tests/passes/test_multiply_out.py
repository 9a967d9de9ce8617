"""Products of sums multiplied out: the shorter form wins, and the value stays."""

import pytest

import matcalc as mc
from matcalc.passes.multiply_out import MOST_TERMS, multiply_out
from matcalc.passes.simplify import simplify
from matcalc.report import one_line

SCALARS = {"a": (), "b": (), "t": ()}

FORMS = [
    ("(80 + 32 t) t + t (60 + 56 t)", "t (140 + 88 t)"),
    ("(a + b) (a - b) + b^2", "a^2"),
    ("(1 - t)^2 - 1 + 2 t", "t^2"),
    ("t (1 - t) - t + t^2", "0"),
    # Longer when multiplied out.
    ("(a + b)^3", "(a + b)^3"),
    ("a (1 + t) (1 - t) (1 + b)", "a (1 + t) (1 - t) (1 + b)"),
    # What is inside of something else.
    ("exp((a + b) t - a t)", "exp(t b)"),
    # Entry by entry, and scalars among arrays.
    ("(1 - x) .* x + x .^ 2", "x"),
    ("x .* (2 - x) .* (2 + x) - 4 x", "-x.^3"),
    ("(a + b) x - a x", "b x"),
    # Denominators are no sums to be multiplied out.
    ("(1 + t) / (1 + a) - t / (1 + a)", "1/(1 + a)"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_form(text: str, expected: str) -> None:
    shapes = {name: shape for name, shape in SCALARS.items() if name in text.replace("exp", "")}
    assert one_line(multiply_out(simplify(mc.parse(text, shapes=shapes)))) == expected


def test_long_products_are_left_alone() -> None:
    names = [f"s_{k}" for k in range(MOST_TERMS)]
    text = " ".join(f"(1 + {name})" for name in names) + " - 1"
    e = simplify(mc.parse(text, shapes=dict.fromkeys(names, ())))
    assert multiply_out(e) is e
