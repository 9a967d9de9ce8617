"""The result of ``grad``: the gradients of a scalar function, found in one sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from matcalc.arguments import key
from matcalc.core.expr import Expr, Symbol
from matcalc.core.index import IndexExpr
from matcalc.derivative import Derivative
from matcalc.passes.elaborate import Reading
from matcalc.passes.layout import arrange
from matcalc.wording import function, function_name

if TYPE_CHECKING:
    from matcalc.codegen.function import GeneratedFunction


class Derivatives(dict[str, Derivative]):
    """Derivatives by the names of their variables as they were asked for; any spelling finds them."""

    def __missing__(self, name: str) -> Derivative:
        return self[key(name, self)]


class Gradients(Mapping[str, Derivative]):
    """Gradients by the names of their variables; each has the shape of its variable.

    The keys are the names as they were asked for, ``tau`` or ``τ``; any spelling finds them.

    What a gradient takes to be shown (conditions, the shortest form) is found when it is asked for
    by name; ``forms`` are there at once, and share their parts.
    """

    def __init__(
        self,
        reading: Reading,
        variables: Mapping[str, Symbol],
        tensors: Mapping[Symbol, IndexExpr],
        derive: Callable[[Symbol], Derivative],
        structured: str,
    ) -> None:
        self.reading = reading
        self.tensors = tensors
        self.structured = structured
        self._variables = variables
        self._derive = derive
        self._found: dict[str, Derivative] = {}

    @property
    def f(self) -> Expr | IndexExpr:
        """The function; in index form where it has no matrix form."""
        return function(self.reading)

    @cached_property
    def function_name(self) -> str:
        """What the function is called: by its definition if it has one, else ``f``."""
        return function_name(self.reading)

    @cached_property
    def forms(self) -> dict[str, Expr | IndexExpr]:
        """Every gradient as the sweep found it: in matrix form, in index form where there is none."""
        found: dict[str, Expr | IndexExpr] = {}
        for name, variable in self._variables.items():
            arranged = arrange(self.tensors[variable], (), variable.shape, 1, "mixed")
            found[name] = arranged.index if arranged.expr is None else arranged.expr
        return found

    def function(self, backend: str = "numpy", *, value: bool = False) -> GeneratedFunction:
        """A callable that takes the variables by name and returns a dict of all gradients.

        Args:
            backend: ``numpy``, ``jax`` or ``torch``.
            value: whether to return the function's value too, in front of the dict.
        """
        from matcalc.codegen import generate
        from matcalc.formulas import of_gradients

        return generate.compile_function(**of_gradients(self, backend, value))

    def source(self, backend: str = "numpy", *, value: bool = False) -> str:
        """Readable source text of that function."""
        from matcalc.codegen import generate
        from matcalc.formulas import of_gradients

        return generate.source(**of_gradients(self, backend, value))

    def __getitem__(self, name: str) -> Derivative:
        name = key(name, self._variables)
        if name not in self._found:
            self._found[name] = self._derive(self._variables[name])
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.values()))

    def __repr__(self) -> str:
        return f"<Gradients of {self.function_name} by {', '.join(self)}>"
