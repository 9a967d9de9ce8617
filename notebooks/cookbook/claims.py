"""Claims of a formula collection, each held against matcalc and against central differences.

A claim is what a book prints: a function, a variable, and a right side. matcalc reads the right side
as it reads any expression, and differentiates the function. Three values decide, at random points:
the book's right side, matcalc's answer, and central differences, which know no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import matcalc as mc
from matcalc.api import read
from matcalc.codegen.generate import compile_function
from matcalc.core.expr import Expr, symbols
from matcalc.core.index import IndexExpr
from matcalc.passes.elaborate import Reading
from matcalc.passes.simplify import simplify

from .numeric import (
    SIZES,
    SMALL,
    Array,
    central_difference,
    is_close,
    sample,
    size_names,
    structure_matrices,
)

#: An array for each variable.
Point = Mapping[str, Array]

#: Entries that are larger are refused: close to a pole, differences are inexact.
LARGE = 100

POINTS = 2
ATTEMPTS = 200


@dataclass(frozen=True)
class Claim:
    """What the book says.

    Attributes:
        number: of the equation.
        f: the function, as ``matcalc.diff`` takes it.
        wrt: the variable.
        book: the right side. With ``dX`` in it, or where a derivative has no matrix form, it is what
            the differential is; with a left side ``D[k,l,i,j] =`` it is the index form.
        assume: what the book assumes, by name.
        order: how often f is differentiated.
        structured: the convention for a variable with structure.
        of: what the claim is about, where that is not the derivative ``D`` itself.
    """

    number: str
    f: str
    wrt: str
    book: str
    assume: Mapping[str, str] = field(default_factory=dict)
    order: int = 1
    structured: str = "ambient"
    of: str = "D"


@dataclass(frozen=True)
class Values:
    """Three answers to one question at one point."""

    at: Point
    book: Array
    matcalc: Array
    differences: Array


class Comparison:
    """A claim beside what matcalc derives."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.derivative = d = self._differentiate(claim.order)
        self.symbols = dict(d.symbols)
        if d.as_map is not None:
            self.symbols[d.as_map.direction.name] = d.as_map.direction
        self.reading = self._read(claim.book)
        self.book = formula(self.reading)
        self.is_differential = isinstance(self.book, Expr) and (
            d.expr is None or re.search(rf"\bd{claim.wrt}\b", claim.book) is not None
        )
        if not self.is_differential:
            self.symbols = dict(d.symbols)

    @cached_property
    def answer(self) -> Expr | IndexExpr:
        """What matcalc has to say to the claim."""
        d = self.derivative
        if self.is_differential:
            assert d.linear_map is not None
            return d.linear_map
        if d.expr is None or self.claim.of == "D":
            return d.index if d.expr is None else d.expr
        answer = self._read(f"D = {d.expr}; {self.claim.of}").expr
        assert answer is not None
        return simplify(answer)

    @property
    def f(self) -> Expr:
        """The function."""
        assert isinstance(self.derivative.f, Expr)
        return self.derivative.f

    @cached_property
    def about(self) -> Expr | None:
        """What the claim is about, in terms of ``D``, where that is not the derivative itself."""
        if self.claim.of == "D":
            return None
        return self._read(self.claim.of, D=size_names(self.derivative.wrt)).expr

    @cached_property
    def holds(self) -> bool:
        """Whether the book is right at random points; that matcalc is right there is demanded."""
        points = [self.values(np.random.default_rng(seed)) for seed in range(POINTS)]
        if not all(is_close(values.matcalc, values.differences) for values in points):
            raise AssertionError(f"a wrong answer to ({self.claim.number}): {self.derivative}")
        return all(is_close(values.book, values.differences) for values in points)

    def counterexample(self) -> Values:
        """A point with small whole numbers at which the book is wrong."""
        rng = np.random.default_rng(0)
        for _ in range(ATTEMPTS):
            try:
                values = self.values(rng, SMALL, whole=True)
            except mc.ArgumentProblem:  # a matrix is singular
                continue
            if not is_close(values.book, values.differences):
                return values
        raise ArithmeticError(f"no counterexample to ({self.claim.number}) at small numbers")

    def values(
        self, rng: np.random.Generator, sizes: Mapping[str, int] = SIZES, *, whole: bool = False
    ) -> Values:
        """The three values at a random point where all of them exist."""
        for _ in range(ATTEMPTS):
            at = {name: sample(rng, s, sizes, whole=whole) for name, s in self.symbols.items()}
            with np.errstate(all="ignore"):
                found = [self._evaluate(self.book, at), self._evaluate(self.answer, at)]
                found.append(self._differences(at))
            if all((np.abs(value) < LARGE).all() for value in found):
                return Values(at, *found)
        raise ArithmeticError(f"({self.claim.number}) has no values at random points")

    def _differentiate(self, order: int) -> mc.Derivative:
        claim = self.claim
        return mc.diff(
            claim.f,
            claim.wrt,
            assume=dict(claim.assume),
            order=order,
            structured=claim.structured,
        )

    def _read(self, written: str, **more: tuple[str, ...]) -> Reading:
        """A formula about the variables of the claim, with what is known of them."""
        shapes = {name: size_names(symbol) for name, symbol in self.symbols.items()}
        known = {name: s.properties for name, s in self.symbols.items() if s.properties}
        return read(written, shapes | more, {name: sorted(known[name]) for name in known})

    def _evaluate(self, e: Expr | IndexExpr, at: Point) -> Array:
        return compile_function(e, variables=list(self.symbols.values()))(**at)

    @cached_property
    def _before(self) -> Callable[..., Array]:
        """The derivative of one order less, for a first derivative the function itself."""
        if self.claim.order > 1:
            return self._differentiate(self.claim.order - 1).function()
        return compile_function(self.f, variables=list(self.derivative.symbols.values()))

    def _differences(self, at: Point) -> Array:
        """What central differences make of the claim."""
        d, x = self.derivative, at[self.claim.wrt]
        given = {name: at[name] for name in d.symbols}

        def f(x: Array) -> Array:
            return self._before(**given | {self.claim.wrt: x})

        if self.is_differential:
            assert d.as_map is not None
            return central_difference(f, x, at[d.as_map.direction.name])
        is_restricted = self.claim.structured == "independent"
        structure = d.wrt.properties if is_restricted else frozenset()
        columns = [central_difference(f, x, S) for S in structure_matrices(x.shape, structure)]
        derivative = np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)
        if self.about is None:
            return derivative
        variables = [*self.symbols.values(), *symbols(self.about)]
        return compile_function(self.about, variables=variables)(**at, D=derivative)


def formula(reading: Reading) -> Expr | IndexExpr:
    """What was read, in matrix or in index form."""
    found = reading.index if reading.expr is None else reading.expr
    assert found is not None
    return found
