"""Writes the sources for many questions as JSON, asked in one order or in the other; run by ``test_same_source.py``."""

import gc
import json
import sys
from collections.abc import Callable, Iterator

import matcalc as mc
from matcalc.api import gradients
from tests.corpus.cases import load
from tests.corpus.score import differentiate

#: Every so manieth case of the corpus.
STEP = 4

#: So often garbage is collected.
COLLECTED = 10

#: What one of these knows of products (that ``X' (S X)`` is symmetric) another could profit from.
OF_PRODUCTS = ("tr((X' S X)^3)", "b' inv(X' S X) b", "logdet(X' inv(S) X)", "tr(X' S X)")


def questions() -> Iterator[tuple[str, Callable[[], mc.Derivative]]]:
    """How to ask each, by its name."""
    for case in load()[::STEP]:
        yield case.id, lambda case=case: differentiate(case)
    for text in OF_PRODUCTS:
        for order in (1, 2):
            yield f"{text}, order {order}", lambda t=text, k=order: of_products(t, k)


def of_products(text: str, order: int) -> mc.Derivative:
    return mc.diff(text, "X", order=order, assume={"S": "spd"}, shapes={"X": ("m", "n")})


def sources(d: mc.Derivative) -> list[str]:
    of_functions = [d.source(b, value=v) for b in ("numpy", "jax") for v in (False, True)]
    return [
        *of_functions,
        refused_or(lambda: d.operator().source),
        refused_or(lambda: gradients(d.reading).source("jax")),
    ]


def refused_or(source: Callable[[], str]) -> str:
    try:
        return source()
    except mc.MatcalcError as refusal:
        return str(refusal)


if __name__ == "__main__":
    found = {}
    for number, (name, ask) in enumerate(list(questions())[:: int(sys.argv[1])]):
        found[name] = sources(ask())
        if number % COLLECTED == 0:
            gc.collect()
    json.dump(found, sys.stdout)
