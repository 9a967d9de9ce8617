"""The code of arrays with any number of axes; what the operations are stands in ``arrays.py``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from matcalc.codegen.arrays import Einsum, Embed, Reshape, SolveBlocks, Stack, Zeros
from matcalc.codegen.code import ATOM, PRODUCT, SUM, Code, fill
from matcalc.core.expr import Apply, Expr
from matcalc.ops.structural import ADD, MATMUL, TIMES

if TYPE_CHECKING:
    from matcalc.codegen.writer import Writer


def write_array(writer: Writer, node: Apply) -> Code:
    """The code of a node whose operation ``arrays.py`` made."""
    op = node.op
    if isinstance(op, Einsum):
        return _einsum(writer, op, node.args)
    if isinstance(op, Embed):
        return _embed(writer, op, node.args)
    if isinstance(op, Stack):
        parts = ", ".join(writer.use(arg).text for arg in node.args)
        return writer.call("stack", f"[{parts}]", f"axis={op.axis}")
    if isinstance(op, Zeros):
        return writer.filled("zeros", op.dims)
    if isinstance(op, SolveBlocks):
        return _solve_blocks(writer, node)
    assert isinstance(op, Reshape)
    sizes = ", ".join(writer.size(dim).text for dim in op.dims)
    sizes = f"({sizes},)" if len(op.dims) == 1 else f"({sizes})"
    return writer.call("reshape", writer.use(node.args[0]).text, sizes)


def _solve_blocks(writer: Writer, node: Apply) -> Code:
    matrices, sides = map(writer.use, node.args)
    template = writer.dialect.template(node.op)
    matrix, side = (len(arg.axes) for arg in node.args)
    if side in (1, matrix):
        return fill(template, (matrices, sides))
    columns = Code(f"{sides.at(ATOM)}[..., None]")
    return Code(f"{fill(template, (matrices, columns)).text}[..., 0]")


# ------------------------------------------------------------------ products of entries


def _einsum(writer: Writer, op: Einsum, args: Sequence[Expr]) -> Code:
    codes = [writer.use(arg) for arg in args]
    if len(args) == 1 and sorted(op.inputs[0]) == sorted(op.output):
        return _ordered(writer, codes[0], op.inputs[0], op.output)
    if all(letter in op.output for letters in op.inputs for letter in letters):
        if len(args) == 1:
            return _einsum_call(writer, op, codes)
        views = [
            _view(writer, code, letters, op.output)
            for code, letters in zip(codes, op.inputs, strict=True)
        ]
        return writer.product(Fraction(1), views)
    sides = _matrix_sides(op) if len(args) == 2 else None
    if sides and _multiplies_in_place(writer, op, args):
        left, right = (
            _view(writer, code, letters, side)
            for code, letters, side in zip(codes, op.inputs, sides, strict=True)
        )
        return Code(f"{left.at(ATOM)} @ {right.at(ATOM)}", PRODUCT)
    return _einsum_call(writer, op, codes)


def _einsum_call(writer: Writer, op: Einsum, codes: Sequence[Code]) -> Code:
    subscripts = f'"{",".join(op.inputs)}->{op.output}"'
    alone = [set(letters) & set(op.output) for letters in op.inputs]
    # Without rows and columns to multiply, NumPy's own loop is faster than one over matrix products.
    is_product = len(alone) == 2 and alone[0] - alone[1] and alone[1] - alone[0]
    path = writer.dialect.einsum_path
    if is_product and path and (axes := _tensordot_axes(op)):
        return writer.call("tensordot", *(code.text for code in codes), axes)
    options = [path] if is_product and path else []
    return writer.call("einsum", subscripts, *(code.text for code in codes), *options)


def _matrix_sides(op: Einsum) -> tuple[str, str] | None:
    """The axes of the two arrays in a matrix product over the last two axes of a larger result.

    That product writes the result in its place, where ``einsum`` would transpose it. None where the
    last two letters are not the rows of the first array and the columns of the second one, or where
    an array would have to be transposed instead.
    """
    left, right = op.inputs
    summed = [letter for letter in left if letter not in op.output]
    if len(op.output) < 3 or len(summed) != 1:
        return None
    outer, row, column = op.output[:-2], op.output[-2], op.output[-1]
    if row not in left or row in right or column in left:
        return None
    sides = outer + row + summed[0], outer + summed[0] + column
    in_place = all(
        letters in (wanted := "".join(c for c in side if c in letters), _swapped(wanted))
        for letters, side in zip(op.inputs, sides, strict=True)
    )
    return sides if in_place else None


def _multiplies_in_place(writer: Writer, op: Einsum, args: Sequence[Expr]) -> bool:
    """Whether products of matrices over the last two axes of the result are the best way to it.

    PyTorch would copy the arrays along the axes that only one of them has. Where either has such axes
    NumPy would multiply many small matrices; einsum multiplies two large ones and returns a view of
    their product, unless the sum is so short that to write the result in order is all there is to do.
    """
    if not writer.dialect.assigns:
        return writer.dialect.fuses
    left, right = op.inputs
    (summed,) = (k for k, letter in enumerate(left) if letter not in op.output)
    outer = set(op.output[:-2])
    is_one_product = not outer & set(left) & set(right) and outer & set(left) and outer & set(right)
    return not is_one_product or not args[0].axes[summed].symbols


def _tensordot_axes(op: Einsum) -> str:
    """The arguments that make ``tensordot`` do the same, which takes less time to start; ``""`` if none."""
    left, right = op.inputs
    if len(both := set(left) & set(right)) != 1:
        return ""
    (summed,) = both
    if left.replace(summed, "") + right.replace(summed, "") != op.output:
        return ""
    places = left.index(summed), right.index(summed)
    return "1" if places == (len(left) - 1, 0) else str(places)


def _swapped(letters: str) -> str:
    """The last two axes exchanged."""
    return letters[:-2] + letters[:-3:-1]


def _ordered(writer: Writer, code: Code, letters: str, wanted: str) -> Code:
    """The array with its axes in another order."""
    if letters == wanted:
        return code
    if len(letters) == 2:
        return Code(f"{code.at(ATOM)}.T")
    if letters == _swapped(wanted):
        return Code(f"{code.at(ATOM)}.swapaxes(-1, -2)")
    places = ", ".join(str(letters.index(letter)) for letter in wanted)
    return writer.call("transpose", code.text, f"({places})")


def _view(writer: Writer, code: Code, letters: str, wanted: str) -> Code:
    """The array with the wanted axes in order; those that it lacks have length 1.

    A letter that is wanted twice is at its first place only.
    """
    ordered = "".join(sorted(letters, key=wanted.index))
    code = _ordered(writer, code, letters, ordered)
    places = [
        k for k, letter in enumerate(wanted) if letter in letters and wanted.index(letter) == k
    ]
    if not places:
        return code
    axes = [":" if k in places else "None" for k in range(places[0], len(wanted))]
    return _indexed(code, axes) if "None" in axes else code


def _indexed(code: Code, axes: Sequence[str]) -> Code:
    return Code(f"{code.at(ATOM)}[{', '.join(axes)}]")


# ------------------------------------------------------------------ block diagonals


def _embed(writer: Writer, op: Embed, args: Sequence[Expr]) -> Code:
    core, *base = args
    if writer.dialect.assigns:
        return _assigned(writer, op, core, base)
    is_pair = len(op.output) == len(set(op.output)) + 1
    embedded = _on_diagonal if is_pair and not writer.dialect.fuses else _masked
    return writer.total([*map(writer.use, base), embedded(writer, op, writer.use(core))])


def _repeated(op: Embed) -> str:
    """The letters that the output has twice."""
    return "".join(dict.fromkeys(c for c in op.output if op.output.count(c) > 1))


def _assigned(writer: Writer, op: Embed, core: Expr, base: Sequence[Expr]) -> Code:
    """Zeros, or the array that is added to, with the blocks written in their places."""
    repeated = _repeated(op)
    value = writer.use(core)
    result = _target(writer, op, base)
    places = {letter: writer.names.claim(letter) for letter in repeated}
    stops = [writer.size(op.dims[op.output.index(letter)]).text for letter in repeated]
    ranges = f"arange({stops[0]})"
    if len(stops) > 1:
        ranges = f"ogrid[{', '.join(f':{stop}' for stop in stops)}]"
    module = writer.dialect.module
    writer.statements.append(f"{', '.join(places.values())} = {module}.{ranges}")
    target = ", ".join(places.get(letter, ":") for letter in op.output)
    value = _view(writer, value, op.core, _order_of_indexed(op.output, repeated))
    sign = "+=" if base else "="
    writer.statements.append(f"{result.text}[{target}] {sign} {value.text}")
    return result


def _target(writer: Writer, op: Embed, base: Sequence[Expr]) -> Code:
    """The name of a new array to write to.

    Nothing else may read it: an array that is added to is written over only where its code computes
    it, in memory of its own, for this one user.
    """
    if not base:
        return writer.assign(writer.filled("zeros", op.dims))
    (array,) = base
    code = writer.use(array)
    computed = isinstance(array, Apply) and (
        array.op in (ADD, TIMES, MATMUL) or isinstance(array.op, Embed) or _has_two(array.op)
    )
    # Anything else may be a view of a variable.
    if not computed or writer.is_shared(array):
        return writer.assign(writer.call("array", code.text))
    return code if code.text.isidentifier() else writer.assign(code)


def _has_two(op: object) -> bool:
    return isinstance(op, Einsum) and len(op.inputs) == 2


def _order_of_indexed(output: str, repeated: str) -> str:
    """The axes of ``a[i, :, i, :]``: those of arrays first, unless these stand side by side."""
    places = [k for k, letter in enumerate(output) if letter in repeated]
    rest = [letter for letter in output if letter not in repeated]
    if places[-1] - places[0] == len(places) - 1:
        before = output[: places[0]]
        return before + repeated + output[places[-1] + 1 :]
    return repeated + "".join(rest)


def _masked(writer: Writer, op: Embed, code: Code) -> Code:
    """The array where the indices are equal and 0 elsewhere, which a compiler writes in one pass."""
    masks = []
    for letter in _repeated(op):
        places = [k for k, other in enumerate(op.output) if other == letter]
        identity = Code(f"{writer.eye(op.dims[places[0]]).text} > 0", SUM)
        for pair in pairwise(places):
            axes = [":" if k in pair else "None" for k in range(pair[0], len(op.output))]
            masks.append(_indexed(identity, axes) if "None" in axes else identity)
    mask = masks[0].text if len(masks) == 1 else " & ".join(mask.at(ATOM) for mask in masks)
    return writer.call("where", mask, _view(writer, code, op.core, op.output).text, "0")


def _on_diagonal(writer: Writer, op: Embed, code: Code) -> Code:
    """The array put on one diagonal of an array of zeros, its last axis along that diagonal."""
    letter = _repeated(op)
    first, second = (k for k, other in enumerate(op.output) if other == letter)
    rest = op.output.replace(letter, "")
    if letter in op.core:
        code = _ordered(writer, code, op.core, rest + letter)
    else:
        code = _indexed(_ordered(writer, code, op.core, rest), [*(":" for _ in rest), "None"])
        sizes = ", ".join([*("-1" for _ in rest), writer.size(op.dims[first]).text])
        code = Code(f"{code.text}.expand({sizes})")
    return writer.call("diag_embed", code.text, f"dim1={first}", f"dim2={second}")
