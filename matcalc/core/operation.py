"""The record that describes one operation, and the shape rule in its signature.

Everything that matcalc knows about an operation stands in its record. Rules are text in the
language's own index notation, so that they can be read, audited and printed (``matcalc rules``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from matcalc.core.dim import ONE, SCALAR, Dim, Shape, describe_shape
from matcalc.core.expr import Apply, Expr, Size
from matcalc.core.properties import Properties, PropertyRule
from matcalc.errors import ShapeProblem
from matcalc.record import Record

#: A shape rule for what a signature cannot say: shapes of the arguments to the shape of the result.
#: Raises ShapeProblem.
ShapeRule = Callable[[tuple[Shape, ...]], Shape]


class Signature(Record):
    """A shape rule written as text, such as ``(m, k), (k, n) -> (m, n)``.

    ``scalar`` and ``n`` abbreviate ``(1, 1)`` and ``(n, 1)``; ``size n`` is an argument that is a
    size, not an array; ``m n`` is a product of sizes.
    """

    text: str

    @cached_property
    def parameters(self) -> tuple[Shape | str, ...]:
        """Shape patterns of the parameters; a string is the symbol that a size argument binds."""
        return tuple(_pattern(part) for part in _split(self.text.partition("->")[0]))

    @cached_property
    def result(self) -> Shape:
        """Shape pattern of the result."""
        pattern = _pattern(self.text.partition("->")[2])
        assert not isinstance(pattern, str)
        return pattern

    def apply(self, args: tuple[Expr, ...], name: str) -> Shape:
        """Shape of the result for these arguments.

        Raises:
            ShapeProblem: wrong number of arguments, or shapes that the rule does not admit.
        """
        if len(args) != len(self.parameters):
            raise ShapeProblem(f"{name} takes {len(self.parameters)} argument(s), not {len(args)}")
        sizes: dict[str, Dim] = {}
        for pattern, arg in zip(self.parameters, args, strict=True):
            if isinstance(pattern, str):
                if not isinstance(arg, Size):
                    raise ShapeProblem(f"{name} takes a size here")
                sizes[pattern] = arg.dim
                continue
            for wanted, actual in zip(pattern, arg.shape, strict=True):
                bound = sizes.setdefault(wanted.symbols[0], actual) if wanted.symbols else wanted
                if bound != actual:
                    raise ShapeProblem(
                        f"{name} takes {self.text.partition('->')[0].strip()}, not "
                        + " and ".join(describe_shape(a.shape) for a in args)
                    )
        rows, columns = self.result
        return rows.substitute(sizes), columns.substitute(sizes)


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [part for part in (*parts, text[start:]) if part.strip()]


def _pattern(text: str) -> Shape | str:
    text = text.strip()
    if text == "scalar":
        return SCALAR
    if text.startswith("size "):
        return text.removeprefix("size ")
    parts = text.strip("()").split(",")
    dims = [_dim(part) for part in parts]
    return (dims[0], dims[1] if len(dims) > 1 else ONE)


def _dim(text: str) -> Dim:
    result = ONE
    for word in text.split():
        result = result * Dim.of(int(word) if word.isdigit() else word)
    return result


class Operation(Record, eq=False):
    r"""One operation. Calling the record builds the expression.

    Exactly one of ``index_form``, ``partial`` and ``definition`` gives its derivative (constants
    need none).

    Attributes:
        name: unique name, and the spelling in the language unless ``call`` says otherwise.
        signature: the shape rule as text; for ``variadic`` operations that of two arguments.
        parameters: names of the arguments in the rules.
        index_form: what it is in index notation, ``tr(X) = X[k,k]``; its derivative follows by the
            product rule. Repeated indices that are not on the left are summed.
        partial: its local Jacobian in index notation, one rule per argument,
            ``∂inv(X)[i,j]/∂X[k,l] = -inv(X)[i,k] inv(X)[l,j]``. For an element-wise operation the
            scalar derivative, ``tanh(x)' = 1 - tanh(x)^2``, one per argument.
        slopes: the scalar derivatives as functions of the arguments, in the place of ``partial``, for an
            element-wise operation outside the language whose derivatives are such operations too.
        definition: the operation in terms of others, ``softmax(x) = exp(x) / sum(exp(x))``.
        elementwise: acts entry by entry.
        variadic: associative; takes two or more arguments.
        shape_rule: replaces the signature where that cannot say it.
        call: spelling of the function, where several operations share one (``diag``).
        tail: literal arguments after the others, ``("1",)`` for ``sum(X, 1)``.
        aliases: further spellings of the function.
        symbolic: whether it has a notation of its own (``A'``, ``A + B``) instead of a call.
        latex: LaTeX template with ``{0}``, ``{1}`` for the arguments; default ``\operatorname``.
        numpy: NumPy template, ``np.linalg.inv({0})``; arrays are 0-d, 1-d (rows too) and 2-d. Lines
            before the last are statements; ``{like}`` stands for the type of a new array.
        jax: JAX template, where it is not the one for NumPy with JAX's names (codegen/dialects.py).
        torch: PyTorch template, likewise.
        sympy: image on explicit SymPy matrices (scalars for element-wise operations):
            ``lambda sp, X: X.inv()`` where ``sp`` is the SymPy module.
        domain: how the conformance tests and checks sample the arguments: ``real`` (default),
            ``positive``, ``unit`` (0.1 to 0.9), ``nonzero``, ``invertible``, ``posdet``, ``spd``,
            ``symmetric``.
        condition: where the operation is defined, ``{0} invertible``.
        kink: where it is, but has no derivative, ``{0} = 0``.
        commuting: what it is where its last argument commutes with the first,
            ``expm_frechet(X, E) = expm(X) E``.
        applied: for the matrix of a linear map of matrices, ``vec(L(X, E)) = K(X) vec(E)``, the name
            of the operation that applies it; ``K(X)' = K(X')``.
        requires: property that the first argument must have for the rule to hold, ``symmetric``.
        keeps: properties that the result has if all arguments have them, ``symmetric invertible``.
        infers: further rules for its properties, ``skew -> orthogonal``, ``psd, some spd -> spd``;
            see ``core/properties.py``.
        domain_shapes: for an abstract function, the shapes of its arguments; it has no rule.
        codomain: for an abstract function, its own shape.
        on_column: for an abstract function applied to every column, the function of one column.
        meaning: for what only generated code has, the expression of its arguments that it computes.
        source: where the rule is from.
    """

    name: str
    signature: str = ""
    parameters: tuple[str, ...] = ("X",)
    index_form: str = ""
    partial: tuple[str, ...] = ()
    definition: str = ""
    slopes: tuple[Callable[..., Expr], ...] = ()
    elementwise: bool = False
    variadic: bool = False
    shape_rule: ShapeRule | None = None
    call: str = ""
    tail: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    symbolic: bool = False
    latex: str = ""
    numpy: str = ""
    jax: str = ""
    torch: str = ""
    sympy: Callable[..., Any] | None = None
    domain: str = "real"
    condition: str = ""
    kink: str = ""
    commuting: str = ""
    applied: str = ""
    requires: str = ""
    keeps: str = ""
    infers: tuple[str, ...] = ()
    domain_shapes: tuple[Shape, ...] = ()
    codomain: Shape = ()
    on_column: Operation | None = None
    meaning: Callable[..., Expr] | None = None
    source: str = ""

    @property
    def is_abstract(self) -> bool:
        """Whether only the shapes of the function are known."""
        return bool(self.domain_shapes)

    @property
    def spelling(self) -> str:
        """The function's name in the language."""
        return self.call or self.name

    @cached_property
    def rule(self) -> Signature:
        """The signature, parsed."""
        return Signature(self.signature)

    @cached_property
    def size_positions(self) -> frozenset[int]:
        """Positions of the arguments that are sizes, as in ``eye(n)``."""
        if self.shape_rule is not None:
            return frozenset()
        return frozenset(k for k, p in enumerate(self.rule.parameters) if isinstance(p, str))

    def properties(self, args: Sequence[Properties]) -> Properties:
        """What the rules for its properties say of the result, given those of the arguments."""
        every = frozenset.intersection(*args) if args else frozenset[str]()
        some = frozenset[str]().union(*args)
        rules = (rule for rule in self._property_rules if rule.applies(every, some))
        return (every & self._kept).union(*(rule.conclusions for rule in rules))

    @cached_property
    def _kept(self) -> Properties:
        return frozenset(self.keeps.split())

    @cached_property
    def _property_rules(self) -> tuple[PropertyRule, ...]:
        return tuple(map(PropertyRule.read, self.infers))

    def shape(self, args: tuple[Expr, ...]) -> Shape:
        """Shape of the result. Raises ShapeProblem."""
        if self.shape_rule is not None:
            return self.shape_rule(tuple(arg.shape for arg in args))
        return self.rule.apply(args, self.spelling)

    def __call__(self, *args: Expr) -> Apply:
        """The operation applied to arguments. Raises ShapeProblem."""
        return Apply(self, args)

    def __repr__(self) -> str:
        return f"<{self.name}>"
