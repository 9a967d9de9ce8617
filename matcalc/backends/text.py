"""Expressions and index notation as text, in matcalc's own language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matcalc.backends.compose import Composer, identity_letter
from matcalc.backends.index_forms import LETTERS, index_form
from matcalc.backends.notation import measure
from matcalc.backends.program import format_dim, format_program, format_shape
from matcalc.backends.sharing import Names, compose_shared
from matcalc.backends.text_spelling import spell
from matcalc.core.expr import Expr
from matcalc.core.index import IndexExpr

__all__ = [
    "format_dim",
    "format_expr",
    "format_index",
    "format_index_left",
    "format_index_with_bindings",
    "format_part",
    "format_program",
    "format_shape",
    "format_with_bindings",
    "size_measure",
    "spell",
]


def format_expr(e: Expr, *, exact: bool = False) -> str:
    """An expression as a textbook prints it.

    Args:
        e: the expression.
        exact: print what reads back as the same node, at the cost of an occasional ``b^-1``.
    """
    return spell(Composer(exact=exact, identity=identity_letter(e)).compose(e))


def format_part(e: Expr, names: Mapping[Expr, str], longest: int) -> str | None:
    """A part of a text in terms of the names defined there; None where that is longer than ``longest``."""
    if e in names:
        return names[e]
    form = Composer(names=names, identity=identity_letter(e)).compose(e)
    return spell(form) if measure(form) <= longest else None


def format_with_bindings(
    e: Expr, known: Names | None = None, called: Names | None = None
) -> tuple[list[tuple[str, str]], str]:
    """An expression, with names for what it repeats where that makes the whole shorter.

    Args:
        e: the expression.
        known: names that are defined already, by what they stand for; new ones are added.
        called: names for what is to get one, by what they stand for; instead of ``t1``, ``t2``.

    Returns:
        The new names with what they stand for, each before its use, and the expression in terms of them.
    """
    whole = Composer(identity=identity_letter(e))
    definitions, body = compose_shared(whole, e, known=known, called=called)
    return [(name, spell(form)) for name, form in definitions], spell(body)


def format_index(ix: IndexExpr, letters: Sequence[str] = LETTERS) -> str:
    """Index notation, to be read with its left side: ``δ[i,k] x[l]``.

    Free indices get the first letters in order, bound ones the next, all of them letters that name
    nothing else in the expression.
    """
    return spell(index_form(ix, letters).value)


def format_index_left(name: str, ix: IndexExpr, letters: Sequence[str] = LETTERS) -> str:
    """Index notation with the left side that says which indices are free: ``D[i,k] = W[i,k]``."""
    _, equation = index_form(ix, letters, name).spelled(spell)
    return equation


def format_index_with_bindings(
    name: str, ix: IndexExpr, known: Names, letters: Sequence[str] = LETTERS
) -> tuple[list[tuple[str, str]], str]:
    """Index notation with its left side, and names for what it repeats where that is shorter."""
    return index_form(ix, letters, name, known=known).spelled(spell)


def size_measure(e: Expr | IndexExpr) -> int:
    """Names, numbers and operators of the printed form; not brackets, commas, nor the product sign."""
    if isinstance(e, IndexExpr):
        return measure(index_form(e).value)
    return measure(Composer(identity=identity_letter(e)).compose(e))
