"""Functions of which only the shapes are known, ``L: p -> scalar``, and their derivatives."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Iterator
from weakref import WeakValueDictionary

from matcalc.core.dim import ONE, Shape, describe_shape
from matcalc.core.operation import Operation
from matcalc.errors import ShapeProblem

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_TO_SUPERSCRIPT = str.maketrans("0123456789", SUPERSCRIPTS)
FROM_SUPERSCRIPT = str.maketrans(SUPERSCRIPTS, "0123456789")


#: The functions that are in use, by name and shapes; those applied to columns, by function and shapes.
_functions: WeakValueDictionary[Hashable, Operation] = WeakValueDictionary()
_lock = threading.Lock()


def abstract_function(name: str, domain: tuple[Shape, ...], codomain: Shape) -> Operation:
    """The function of this name and these shapes; one record, whatever text declares it."""
    return _known((name, domain, codomain), lambda: _new_function(name, domain, codomain))


def _known(key: Hashable, new: Callable[[], Operation]) -> Operation:
    with _lock:
        function = _functions.get(key)
        if function is None:
            function = _functions[key] = new()
        return function


def _new_function(name: str, domain: tuple[Shape, ...], codomain: Shape) -> Operation:
    def shape_rule(shapes: tuple[Shape, ...]) -> Shape:
        if shapes != domain:
            wanted = " and ".join(map(describe_shape, domain))
            given = " and ".join(map(describe_shape, shapes))
            raise ShapeProblem(f"{name} takes {wanted}, not {given}")
        return codomain

    parameters = ("x",) if len(domain) == 1 else tuple(f"x_{k + 1}" for k in range(len(domain)))
    signature = f"{', '.join(map(_text, domain))} -> {_text(codomain)}"
    return Operation(
        name, signature, parameters, shape_rule=shape_rule, domain_shapes=domain, codomain=codomain
    )


def over_columns(function: Operation, domain: tuple[Shape, ...]) -> Operation:
    """The function applied to every column of those arguments that have several.

    ``l: p -> scalar`` of ``Z: (p, m)`` is the row of the m values ``l(Z[:,k])``. The axes are those of the
    function and then that of the columns.

    Args:
        function: an abstract function whose value is not a row or a matrix, or a derivative of one.
        domain: the shapes of the arguments; those without columns of their own are the same for all.
    """
    return _known((function, domain), lambda: _new_over_columns(function, domain))


def _new_over_columns(function: Operation, domain: tuple[Shape, ...]) -> Operation:
    given = zip(function.domain_shapes, domain, strict=True)
    [columns] = {shape[1] for own, shape in given if own != shape}
    values = tuple(dim for dim in function.codomain if not dim.is_unit)
    codomain = (*(values or (ONE,)), columns)
    return _new_function(function.name, domain, codomain).replace(on_column=function)


def maps_columns(function: Operation, pattern: Shape) -> bool:
    """Whether an argument of this shape may have more columns, to each of which the function is applied."""
    return pattern[1].is_unit and len(function.codomain) == 2 and function.codomain[1].is_unit


def has_columns(function: Operation, position: int) -> bool:
    """Whether the function is applied to every column of this argument."""
    one = function.on_column
    return one is not None and one.domain_shapes[position] != function.domain_shapes[position]


def partial_derivative(function: Operation, position: int) -> Operation:
    """Derivative of an abstract function by one argument, itself an abstract function.

    Its axes are those of the function and then those of the argument. ``∇L`` is the gradient of a
    scalar function of one argument, ``∇²L`` its Hessian; ``∂F`` is the derivative of any other, with the
    number of the argument where there are several. Of a function applied to every column it is the
    derivative of the function, applied to every column.
    """
    if function.on_column is not None:
        one = partial_derivative(function.on_column, position)
        return over_columns(one, function.domain_shapes)
    domain, codomain = function.domain_shapes, function.codomain
    name = _derived_name(function, position)
    axes = [dim for dim in codomain if not dim.is_unit]
    if not axes:
        return abstract_function(name, domain, domain[position])
    axes += [dim for dim in domain[position] if not dim.is_unit]
    return abstract_function(name, domain, tuple(axes) if len(axes) > 1 else (axes[0], ONE))


def antiderivative(function: Operation) -> tuple[Operation, int] | None:
    """The function that an abstract function is the derivative of by its name, and by which argument.

    None where the name says nothing of the kind, or the shapes contradict it: the name may be the
    user's own.
    """
    for name, position in _integrated_names(function.name):
        if position >= len(function.domain_shapes):
            continue
        added = sum(not dim.is_unit for dim in function.domain_shapes[position])
        axes = tuple(dim for dim in function.codomain if not dim.is_unit)
        left = axes[: len(axes) - added]
        # Whether a single axis was that of a vector or of a row, the derivative does not tell.
        codomain = left if len(left) > 1 else (*left, ONE, ONE)[:2]
        own = function.domain_shapes[position]
        if name.startswith("∇") and left == tuple(dim for dim in own if not dim.is_unit):
            # A gradient has the shape of its argument, a row's too.
            codomain = own
        candidate = abstract_function(name, function.domain_shapes, codomain)
        if partial_derivative(candidate, position) is function:
            return candidate, position
    return None


def _integrated_names(name: str) -> Iterator[tuple[str, int]]:
    """What ``_derived_name`` may have been given, and the position of the argument."""
    if match := re.fullmatch(r"∂(\d*)(.+)", name):
        yield match[2], int(match[1] or 1) - 1
    if match := re.fullmatch(f"∇([{SUPERSCRIPTS}]*)(.+)", name):
        power = int(match[1].translate(FROM_SUPERSCRIPT) or 1) - 1
        prefix = ("", "∇")[power] if power < 2 else "∇" + str(power).translate(_TO_SUPERSCRIPT)
        yield prefix + match[2], 0


def _derived_name(function: Operation, position: int) -> str:
    name = function.name
    if len(function.domain_shapes) > 1:
        return f"∂{position + 1}{name}"
    if name.startswith("∇"):
        base = name.lstrip("∇" + SUPERSCRIPTS)
        power = int(name[1 : len(name) - len(base)].translate(FROM_SUPERSCRIPT) or 1) + 1
        return "∇" + str(power).translate(_TO_SUPERSCRIPT) + base
    return ("∇" if all(dim.is_unit for dim in function.codomain) else "∂") + name


def _text(shape: Shape) -> str:
    if len(shape) == 2 and shape[1].is_unit:
        return "scalar" if shape[0].is_unit else str(shape[0])
    return "(" + ", ".join(map(str, shape)) + ")"
