"""Index expressions as code: one ``einsum`` for every term."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_letters

from matcalc.codegen.code import ATOM, Code
from matcalc.codegen.writer import Writer
from matcalc.core.index import Factor, Index, IndexExpr, Term
from matcalc.errors import LimitProblem

#: Letters in the order in which they are given to indices that have none of their own.
LETTERS = "ijklmnpqrstuvwabcdefgho" + "".join(c for c in ascii_letters if c.isupper()) + "xyz"


def write_index_expr(writer: Writer, expr: IndexExpr) -> Code:
    """The code of an index expression; its axes are the free indices, in order."""
    factors = [factor for term in expr.terms for factor in term.factors]
    codes = dict(zip(factors, writer.write([f.expr for f in factors]), strict=True))
    if not expr.terms:
        return writer.filled("zeros", expr.dims)
    return writer.total(_term(writer, term, expr.free, codes) for term in expr.terms)


def _term(writer: Writer, term: Term, free: tuple[Index, ...], codes: dict[Factor, Code]) -> Code:
    scalars = [codes[factor] for factor in term.factors if not factor.slots]
    arrays = [factor for factor in term.factors if factor.slots]
    letters = _letters((*free, *term.indices()))
    subscripts = ["".join(letters[index] for index in factor.indices) for factor in arrays]
    operands = [_operand(writer, factor, codes[factor]) for factor in arrays]
    # einsum knows no index that occurs in no operand: a term that does not depend on a free index
    # is repeated along it.
    for index in free:
        if not any(letters[index] in subscript for subscript in subscripts):
            subscripts.append(letters[index])
            operands.append(writer.filled("ones", (index.dim,)).text)
    result = "".join(letters[index] for index in free)
    if not operands:
        return writer.product(term.coefficient, scalars)
    if subscripts == [result]:
        return writer.product(term.coefficient, [*scalars, _first(operands, arrays, codes)])
    path = [writer.dialect.einsum_path] if len(operands) > 2 and writer.dialect.einsum_path else []
    call = writer.call("einsum", f'"{",".join(subscripts)}->{result}"', *operands, *path)
    return writer.product(term.coefficient, [*scalars, call])


def _first(operands: list[str], arrays: list[Factor], codes: dict[Factor, Code]) -> Code:
    """The only operand, with the precedence of its code where it stands as it was written."""
    if arrays and operands[0] == codes[arrays[0]].text:
        return codes[arrays[0]]
    return Code(operands[0], ATOM)


def _operand(writer: Writer, factor: Factor, code: Code) -> str:
    """The array of a factor, with one axis for every plain index."""
    if all(isinstance(slot, Index) for slot in factor.slots):
        return code.text
    sizes = ", ".join(writer.size(index.dim).text for index in factor.indices)
    return writer.call("reshape", code.text, f"({sizes})").text


def _letters(indices: Iterable[Index]) -> dict[Index, str]:
    """A letter for each index: that of its hint where no other has it."""
    wanted = list(dict.fromkeys(indices))
    letters: dict[Index, str] = {}
    for index in wanted:
        if index.hint in LETTERS and len(index.hint) == 1 and index.hint not in letters.values():
            letters[index] = index.hint
    spare = [letter for letter in LETTERS if letter not in letters.values()]
    for index in wanted:
        if index not in letters:
            if not spare:
                raise LimitProblem(
                    f"a term with more than {len(LETTERS)} indices is beyond einsum",
                )
            letters[index] = spare.pop(0)
    return letters
