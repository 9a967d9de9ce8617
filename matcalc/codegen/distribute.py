"""``(T - U V') V`` multiplied out, ``T V - U (V' V)``, where that costs less.

Whether it does, the sizes decide, which are known at the call: the generated code asks. Rounding
errors of both forms have the same bound.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from matcalc.codegen import cost
from matcalc.codegen.arguments import Names, read_sizes
from matcalc.codegen.dialects import DIALECTS
from matcalc.codegen.pairs import flip, is_op, item, times
from matcalc.codegen.writer import Writer
from matcalc.core.dim import Dim
from matcalc.core.expr import Constant, Expr, Symbol
from matcalc.core.operation import Operation
from matcalc.ops.structural import ADD, MATMUL, TIMES, TRANSPOSE

#: A term of a sum: its scalars, and the matrices of which it is the product.
Term = tuple[list[Expr], list[Expr]]


def distributed(
    total: Expr, factor: Expr, on_right: bool, done: Mapping[Expr, Expr], backend: str
) -> Expr | None:
    """The product of a sum of matrices with a matrix on one side of it, in the cheaper form.

    None where no term has the transposed matrix beside it, where a term is an outer product, which
    is added to a matrix at no cost, or where multiplying out never pays.

    Args:
        total: the sum.
        factor: the matrix.
        on_right: whether it stands on the right.
        done: what is computed for each node.
        backend: the array library.
    """
    terms = [_split(term) for term in total.args]
    if not any(_meets_its_transpose(chain, factor, on_right) for _, chain in terms):
        return None
    if any(dim.is_unit for _, chain in terms for array in chain for dim in array.shape):
        return None
    outer = factor.shape[1 if on_right else 0]
    each = [_product_cost(array, outer) for _, chain in terms for array in chain]
    formed = [_product_cost(total, outer), *(_cost(chain) for _, chain in terms)]
    expanded, direct = cost.total(each), cost.total(formed)
    more, less = _without_common_factor(expanded - direct, direct - expanded)
    if cost.at_most(less, more):
        return None
    if cost.at_most(more, less):
        return _expanded(_replaced(terms, done.__getitem__), done[factor], on_right)
    leaves: dict[Expr, Symbol] = {}

    def placeholder(e: Expr) -> Expr:
        if isinstance(e, Constant):
            return e
        node, flipped = item(e)
        name = node.name if isinstance(node, Symbol) else f"M{len(leaves) + 1}"
        leaf = leaves.setdefault(node, Symbol(name, node.shape))
        return TRANSPOSE(leaf) if flipped else leaf

    placed, beside = _replaced(terms, placeholder), placeholder(factor)
    plain = ADD(*(times([*scalars, _chain(chain)]) for scalars, chain in placed))
    direct_form = MATMUL(plain, beside) if on_right else MATMUL(beside, plain)
    forms = _expanded(placed, beside, on_right), direct_form
    operation = _choice(
        *forms, f"{_written(more)} < {_written(less)}", list(leaves.values()), backend
    )
    return None if operation is None else operation(*(done[leaf] for leaf in leaves))


def _replaced(terms: Sequence[Term], new: Callable[[Expr], Expr]) -> list[Term]:
    return [(list(map(new, scalars)), list(map(new, chain))) for scalars, chain in terms]


def _split(term: Expr) -> Term:
    args = term.args if is_op(term, TIMES) else (term,)
    scalars = [arg for arg in args if arg.is_scalar]
    arrays = [arg for arg in args if not arg.is_scalar]
    is_chain = len(arrays) == 1 and is_op(arrays[0], MATMUL)
    return scalars, list(arrays[0].args) if is_chain else [times(arrays)]


def _meets_its_transpose(chain: Sequence[Expr], factor: Expr, on_right: bool) -> bool:
    neighbour = chain[-1 if on_right else 0]
    return len(chain) > 1 and item(neighbour) == flip(item(factor))


def _product_cost(matrix: Expr, outer: Dim) -> cost.Cost:
    """Of a product with so many columns, or rows on the other side."""
    rows, columns = matrix.shape
    return cost.of_product(rows, columns, outer)


def _cost(chain: Sequence[Expr]) -> cost.Cost:
    """Of the product from left to right."""
    return cost.total(_product_cost(right, chain[0].shape[0]) for right in chain[1:])


def _chain(chain: Sequence[Expr]) -> Expr:
    return reduce(MATMUL, chain)


def _expanded(terms: Sequence[Term], factor: Expr, on_right: bool) -> Expr:
    """The products of all terms, each from the factor on."""
    products = [
        reduce(lambda right, left: MATMUL(left, right), reversed(chain), factor)
        if on_right
        else reduce(MATMUL, chain, factor)
        for _, chain in terms
    ]
    pairs = zip(terms, products, strict=True)
    return ADD(*(times([*scalars, product]) for (scalars, _), product in pairs))


def _without_common_factor(*costs: cost.Cost) -> list[cost.Cost]:
    """The costs divided by the sizes that every monomial has."""
    monomials = [Counter(monomial) for each in costs for monomial in each]
    common = reduce(lambda a, b: a & b, monomials) if monomials else Counter[str]()
    return [
        Counter({tuple(sorted((Counter(m) - common).elements())): c for m, c in each.items()})
        for each in costs
    ]


def _written(polynomial: cost.Cost) -> str:
    """A cost as Python code, in which every size has its own name."""
    terms = (
        [str(count)] * (count != 1 or not monomial) + list(monomial)
        for monomial, count in polynomial.items()
    )
    return " + ".join(" * ".join(factors) for factors in terms)


def _choice(
    cheap: Expr, direct: Expr, condition: str, leaves: Sequence[Symbol], backend: str
) -> Operation | None:
    """An operation made for these two forms: a function that asks which of them costs less.

    None where a size is no axis of a matrix, or has a name that cannot be one in Python.
    """
    wanted = list(dict.fromkeys(re.findall(r"[^\W\d]\w*", condition)))
    readings, missing = read_sizes(wanted, leaves)
    names = Names()
    if missing or any(r.power != 1 or not r.divisor.is_unit for r in readings):
        return None
    if [names.claim(size) for size in wanted] != wanted:
        return None
    python = {leaf: names.claim(leaf.name) for leaf in leaves}

    def lines(form: Expr) -> list[str]:
        writer = Writer(DIALECTS[backend], names, python)
        writer.plan([form])
        (code,) = writer.write([form])
        return [*writer.statements, code.text]

    *statements, value = lines(cheap)
    template = "\n".join(
        [
            *(f"{r.size} = {python[r.axis.symbol]}.shape[{r.axis.position}]" for r in readings),
            f"if {condition}:",
            *(f"    {line}" for line in (*statements, f"return {value}")),
            *lines(direct),
        ]
    )
    shape = direct.shape
    patterns = ["scalar" if leaf.is_scalar else "(m, n)" for leaf in leaves]
    return Operation(
        "product",
        f"{', '.join(patterns)} -> (m, n)",
        tuple(python.values()),
        shape_rule=lambda _: shape,
        numpy=template,
        jax=template,
        torch=template,
    )
