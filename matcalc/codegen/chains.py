"""Matrix products as code: from the side of the vector, and without what is only a way of writing.

A diagonal matrix scales rows or columns, a unit vector picks an entry, and a transposed matrix next to
a vector stands on its other side: ``X' v`` is ``v @ X``, which needs no transpose (and which XLA
computes ten times faster on a CPU).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from typing import TYPE_CHECKING

from matcalc.codegen.calls import inline
from matcalc.codegen.code import ATOM, PRODUCT, RAISE, SCALE, Code, fill
from matcalc.codegen.items import stretches
from matcalc.codegen.kernels import PRODUCT_OF_TRANSPOSE
from matcalc.core.dim import Dim
from matcalc.core.expr import Apply, Expr, Size
from matcalc.ops.constant import UNIT
from matcalc.ops.linalg import DIAG
from matcalc.ops.structural import TRANSPOSE

if TYPE_CHECKING:
    from matcalc.codegen.writer import Writer


class Form(Enum):
    """What the code of a factor stands for."""

    PLAIN = auto()
    TRANSPOSED = auto()  # the transpose of the matrix
    SCALED = auto()  # a transpose whose columns are scaled
    DIAGONAL = auto()  # the diagonal matrix of the vector
    UNIT = auto()  # the unit vector with the one at this place


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of a product, and the node whose code is used for it."""

    node: Expr
    part: Expr
    form: Form


@dataclass(frozen=True, slots=True)
class Written:
    """The code of some factors, what it stands for, and which axes their product has."""

    code: Code
    form: Form
    rows: Dim
    columns: Dim

    @property
    def is_vector(self) -> bool:
        """Whether their product has one axis."""
        return self.rows.is_unit != self.columns.is_unit

    @property
    def text(self) -> Code:
        """The code of the product itself."""
        return Code(f"{self.code.at(ATOM)}.T") if self.form is Form.TRANSPOSED else self.code


def chain_parts(node: Apply) -> tuple[Expr, ...]:
    """The nodes whose code the code of a product is made of."""
    factors = (factor for stretch in _read_stretches(node) for factor in stretch)
    return tuple(factor.part for factor in factors if factor.form is not Form.UNIT)


def write_chain(writer: Writer, node: Apply) -> Code:
    """The code of a matrix product."""
    codes = [_contracted(writer, stretch) for stretch in _read_stretches(node)]
    if len(codes) == 1:
        return codes[0]
    if node.shape[0].is_unit or node.shape[1].is_unit:
        return writer.product(Fraction(1), codes)
    outer = writer.call("outer", codes[0].text, codes[-1].text)
    return writer.product(Fraction(1), [*codes[1:-1], outer])


def _read_stretches(node: Apply) -> Iterator[list[Factor]]:
    """The factors between outer products, read.

    Between two such places stands a scalar, so that only the first and the last stretch can be vectors.
    """
    for stretch in stretches(node.args):
        factors = [_read(factor) for factor in stretch]
        # A unit vector picks from what stands next to it, which must be an array.
        for end, neighbour in ((0, 1), (-1, -2)):
            if factors[end].form is Form.UNIT and (
                len(factors) == 1 or factors[neighbour].form in (Form.DIAGONAL, Form.UNIT)
            ):
                factors[end] = Factor(stretch[end], stretch[end], Form.PLAIN)
        yield factors


def _read(node: Expr) -> Factor:
    transposed = isinstance(node, Apply) and node.op is TRANSPOSE
    part = node.args[0] if transposed else node
    if isinstance(part, Apply) and part.op is UNIT:
        return Factor(node, part, Form.UNIT)
    if isinstance(part, Apply) and part.op is DIAG:
        return Factor(node, part.args[0], Form.DIAGONAL)
    is_matrix = len(part.axes) == 2
    return Factor(node, part, Form.TRANSPOSED if transposed and is_matrix else Form.PLAIN)


def _contracted(writer: Writer, stretch: Sequence[Factor]) -> Code:
    """A product without outer products, from the side of the vector if there is one."""
    operands = [_operand(writer, factor) for factor in stretch]
    from_right = operands[-1].columns.is_unit and not operands[0].rows.is_unit
    if from_right:
        operands.reverse()
    result = operands[0]
    for operand in operands[1:]:
        result = replace(result, code=writer.shortened(result.code))
        left, right = (operand, result) if from_right else (result, operand)
        result = _multiply(writer, left, right)
    return writer.call("diag", result.code.text) if result.form is Form.DIAGONAL else result.text


def _operand(writer: Writer, factor: Factor) -> Written:
    rows, columns = factor.node.shape
    if factor.form is not Form.UNIT:
        return Written(writer.use(factor.part), factor.form, rows, columns)
    place = factor.part.args[1]
    assert isinstance(place, Size)
    number = writer.size(place.dim).text
    index = f"{number} - 1" if place.dim.symbols else str(place.dim.coefficient - 1)
    return Written(Code(index), Form.UNIT, rows, columns)


def _multiply(writer: Writer, left: Written, right: Written) -> Written:
    form = Form.PLAIN
    if left.form is Form.UNIT:
        code = _picked(right, left.code, is_row=True)
    elif right.form is Form.UNIT:
        code = _picked(left, right.code, is_row=False)
    elif Form.DIAGONAL in (left.form, right.form):
        code, form = _scaled(left, right)
    elif (left.form is Form.TRANSPOSED and right.is_vector) or (
        left.is_vector and right.form is Form.TRANSPOSED
    ):
        code = Code(f"{right.code.at(PRODUCT)} @ {left.code.at(RAISE)}", PRODUCT)
    else:
        code = _of_matrices(writer, left, right)
    return Written(code, form, left.rows, right.columns)


def _of_matrices(writer: Writer, left: Written, right: Written) -> Code:
    """A product that the library computes, of a stored transpose where it is faster by one."""
    first = left.text
    if writer.dialect.stored and left.form in (Form.TRANSPOSED, Form.SCALED):
        if left.rows != right.columns:
            op = PRODUCT_OF_TRANSPOSE
            return fill(inline(writer, op, writer.dialect.template(op)), (first, right.text))
        first = writer.stored(first)
    return Code(f"{first.at(PRODUCT)} @ {right.text.at(RAISE)}", PRODUCT)


def _picked(array: Written, place: Code, *, is_row: bool) -> Code:
    """A row or a column of a matrix, or an entry of a vector."""
    across = is_row == (array.form is Form.TRANSPOSED)
    where = f":, {place.text}" if across and not array.is_vector else place.text
    return Code(f"{array.code.at(ATOM)}[{where}]")


def _scaled(left: Written, right: Written) -> tuple[Code, Form]:
    """A product with a diagonal matrix: rows or columns scaled by its entries."""
    if left.form is not Form.DIAGONAL:
        code = Code(f"{left.text.at(SCALE)} * {right.code.at(RAISE)}", SCALE)
        is_transposed = left.form in (Form.TRANSPOSED, Form.SCALED)
        return code, Form.SCALED if is_transposed else Form.PLAIN
    if right.is_vector or right.form is Form.DIAGONAL:
        return Code(f"{left.code.at(SCALE)} * {right.code.at(RAISE)}", SCALE), right.form
    return Code(f"{left.code.at(ATOM)}[:, None] * {right.text.at(RAISE)}", SCALE), Form.PLAIN
