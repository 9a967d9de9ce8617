"""Claims and counterexamples as a notebook shows them: in LaTeX, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from matcalc.backends import latex, text
from matcalc.backends.index_forms import LETTERS
from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr
from matcalc.report import one_line

from .claims import Claim, Comparison, Values
from .numeric import Array

#: Decimals of the entries that are shown.
DECIMALS = 3


@dataclass(frozen=True, repr=False)
class Table:
    """Claims with matcalc's answers and the verdict, a row for each.

    Attributes:
        comparisons: the rows.
        source: whose claims they are, the heading above them.
    """

    comparisons: Sequence[Comparison]
    source: str = "the book"

    def __add__(self, other: Table) -> Table:
        return replace(self, comparisons=[*self.comparisons, *other.comparisons])

    def __len__(self) -> int:
        return len(self.comparisons)

    @property
    def false(self) -> Table:
        """The rows in which the book is wrong."""
        return replace(self, comparisons=[row for row in self.comparisons if not row.holds])

    def without_assumptions(self) -> Table:
        """The claims that assume something of a constant, without that."""
        claims = [row.claim for row in self.comparisons]
        return compare(
            *(replace(c, assume={}) for c in claims if c.assume and c.wrt not in c.assume),
            source=f"{self.source}, assuming nothing",
        )

    @property
    def _headings(self) -> tuple[str, ...]:
        return ("", "f", "by", self.source, "matcalc", "verdict")

    def __repr__(self) -> str:
        rows = [self._headings, *map(_text_row, self.comparisons)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        head = " & ".join(rf"\text{{{heading}}}" for heading in self._headings)
        rows = [" & ".join(_latex_row(row)) for row in self.comparisons]
        return _array("llllll", rf"{head} \\ \hline " + r" \\[6pt] ".join(rows))


def compare(*claims: Claim, source: str = "the book") -> Table:
    """Hold claims against matcalc's derivatives and central differences."""
    return Table([Comparison(claim) for claim in claims], source)


# ---------------------------------------------------------------------- rows


def _text_row(row: Comparison) -> tuple[str, ...]:
    claim, answer = row.claim, row.answer
    about = "" if claim.of == "D" else f"{claim.of} = "
    if isinstance(answer, Expr):
        shown = one_line(answer)
    else:
        shown = text.format_index_left("D", answer, _letters(row))
    by = f"d{claim.wrt}" if row.is_differential else ", ".join([claim.wrt] * claim.order)
    f = text.format_expr(row.f)
    return f"({claim.number})", f, by, about + _one_line(claim.book), about + shown, _verdict(row)


def _latex_row(row: Comparison) -> tuple[str, ...]:
    claim, letters = row.claim, _letters(row)
    about = "" if row.about is None else f"{latex.format_expr(row.about)} = "
    # As the book prints it: without names for what repeats, unless the claim has its own.
    if isinstance(row.book, Expr) and not row.reading.definitions:
        book = latex.format_expr(row.book)
    else:
        book = _latex(row.book, letters)
    x = latex.format_name(claim.wrt)
    by = rf"\mathrm{{d}}{x}" if row.is_differential else ", ".join([x] * claim.order)
    style = "text" if row.holds else "textbf"
    return (
        rf"\text{{({claim.number})}}",
        latex.format_expr(row.f),
        by,
        about + book,
        about + _latex(row.answer, letters),
        rf"\{style}{{{_verdict(row)}}}",
    )


def _verdict(row: Comparison) -> str:
    assumed = (
        f"{' '.join(sorted(symbol.properties))} {name}"
        for name, symbol in row.derivative.symbols.items()
        if symbol.properties
    )
    verdict = "right" if row.holds else "wrong"
    return " for ".join([verdict, *filter(None, [", ".join(assumed)])])


def _one_line(formula: str) -> str:
    return "; ".join(line.strip() for line in formula.strip().splitlines())


def _letters(row: Comparison) -> list[str]:
    """The letters of indices, those that the book uses first."""
    return list(dict.fromkeys([*row.reading.letters, *LETTERS]))


def _latex(e: Expr | IndexExpr, letters: Sequence[str] = LETTERS) -> str:
    if isinstance(e, IndexExpr):
        return latex.format_index_left("D", e, letters)
    bindings, body = latex.format_with_bindings(e)
    return r",\; ".join([body, *(f"{name} = {value}" for name, value in bindings)])


def _array(columns: str, rows: str) -> str:
    return rf"$\displaystyle \begin{{array}}{{{columns}}} {rows} \end{{array}}$"


# ---------------------------------------------------------------------- counterexamples


@dataclass(frozen=True, repr=False)
class Counterexample:
    """Small arrays at which a claim is wrong, and the three values there."""

    claim: Claim
    values: Values

    @property
    def _named(self) -> list[tuple[str, Array]]:
        values = self.values
        return [
            *values.at.items(),
            ("the book", values.book),
            ("matcalc", values.matcalc),
            ("differences", values.differences),
        ]

    def __repr__(self) -> str:
        rows = (f"{name} = {_rounded(array).tolist()}" for name, array in self._named)
        return "\n".join([f"({self.claim.number}) at", *rows])

    def _repr_latex_(self) -> str:
        names = [latex.format_name(name) for name in self.values.at]
        names += [rf"\text{{{name}}}" for name, _ in self._named[len(names) :]]
        cells = (
            f"{name} & = & {_matrix(array)}"
            for name, (_, array) in zip(names, self._named, strict=True)
        )
        return _array("rcl", r" \\[6pt] ".join(cells))


def counterexample(row: Comparison) -> Counterexample:
    """Small numbers that show a claim to be wrong."""
    return Counterexample(row.claim, row.counterexample())


def _rounded(array: Array) -> Array:
    return np.round(array, DECIMALS) + 0.0  # no negative zeros


def _matrix(array: Array) -> str:
    rows = np.atleast_2d(_rounded(array)).T if array.ndim == 1 else np.atleast_2d(_rounded(array))
    body = r" \\ ".join(" & ".join(f"{entry:g}" for entry in row) for row in rows)
    return body if array.ndim == 0 else rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"
