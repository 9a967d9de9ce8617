"""Functions of which only the shapes are known, ``L: p -> scalar``, and their derivatives."""

from __future__ import annotations

from functools import cache

from matcalc.core.dim import ONE, Shape, describe_shape
from matcalc.core.operation import Operation
from matcalc.errors import ShapeProblem

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_TO_SUPERSCRIPT = str.maketrans("0123456789", SUPERSCRIPTS)
_FROM_SUPERSCRIPT = str.maketrans(SUPERSCRIPTS, "0123456789")


@cache
def abstract_function(name: str, domain: tuple[Shape, ...], codomain: Shape) -> Operation:
    """The function of this name and these shapes; one record, whatever text declares it."""

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


def partial_derivative(function: Operation, position: int) -> Operation:
    """Derivative of an abstract function by one argument, itself an abstract function.

    Its axes are those of the function and then those of the argument. ``∇L`` is the gradient of a
    scalar function of one argument, ``∇²L`` its Hessian; ``∂F`` is the derivative of any other, with the
    number of the argument where there are several.
    """
    domain, codomain = function.domain_shapes, function.codomain
    name = _derived_name(function, position)
    axes = [dim for dim in codomain if not dim.is_unit]
    if not axes:
        return abstract_function(name, domain, domain[position])
    axes += [dim for dim in domain[position] if not dim.is_unit]
    return abstract_function(name, domain, tuple(axes) if len(axes) > 1 else (axes[0], ONE))


def _derived_name(function: Operation, position: int) -> str:
    name = function.name
    if len(function.domain_shapes) > 1:
        return f"∂{position + 1}{name}"
    if name.startswith("∇"):
        base = name.lstrip("∇" + SUPERSCRIPTS)
        power = int(name[1 : len(name) - len(base)].translate(_FROM_SUPERSCRIPT) or 1) + 1
        return "∇" + str(power).translate(_TO_SUPERSCRIPT) + base
    return ("∇" if all(dim.is_unit for dim in function.codomain) else "∂") + name


def _text(shape: Shape) -> str:
    if len(shape) == 2 and shape[1].is_unit:
        return "scalar" if shape[0].is_unit else str(shape[0])
    return "(" + ", ".join(map(str, shape)) + ")"
