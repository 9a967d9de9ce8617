"""A short spelling of syntax trees, for the tables of the tests."""

from matcalc.syntax import tree


def brief(node):
    """``A^-1'`` is ``(' (^ A (- 1)))``: operator first, operands after it."""
    match node:
        case tree.Number():
            return str(node.value)
        case tree.Name():
            return node.name
        case tree.Call():
            return _list(node.function, *node.args)
        case tree.Negate():
            return _list("-", node.operand)
        case tree.Juxtapose():
            return _list("", *node.factors)
        case tree.Binary():
            return _list(node.operator, node.left, node.right)
        case tree.Sum():
            return (
                "(" + " ".join(f"{'+' if s > 0 else '-'} {brief(t)}" for s, t in node.terms) + ")"
            )
        case tree.Power():
            return _list(".^" if node.elementwise else "^", node.base, node.exponent)
        case tree.Transpose():
            return _list("'", node.operand)
        case tree.Norm():
            return _list(f"norm{node.kind}", node.operand)
        case tree.Bars():
            return _list("bars", node.operand)
        case tree.Inner():
            return _list("inner", node.left, node.right)
        case tree.Indexed():
            return f"{brief(node.base)}[{_subscripts(node.subscripts)}]"
        case tree.IndexSum():
            return _list(f"sum {node.letter.name}", node.value)
        case tree.Expression():
            return brief(node.value)
        case tree.Definition():
            return f"{node.name.name} = {brief(node.value)}"
        case tree.IndexDefinition():
            return f"{node.name.name}[{_subscripts(node.subscripts)}] = {brief(node.value)}"
        case tree.Declaration():
            words = [_shape(node.shape), *(word.name for word in node.properties)]
            return f"{_names(node.names)}: {' '.join(filter(None, words))}"
        case tree.FunctionDeclaration():
            domain = ", ".join(map(_shape, node.domain))
            return f"{_names(node.names)}: {domain} -> {_shape(node.codomain)}"


def _list(head, *nodes):
    return "(" + " ".join([head, *map(brief, nodes)]).strip() + ")"


def _names(names):
    return ", ".join(name.name for name in names)


def _subscripts(subscripts):
    parts = [",".join(map(brief, s.names)) or ":" for s in subscripts]
    return ",".join(f"({p})" if "," in p else p for p in parts)


def _shape(shape):
    if shape is None:
        return ""
    if not shape.dims:
        return "scalar"
    sizes = [" ".join([*([str(c)] if c > 1 or not s else []), *s]) for c, s in shape.dims]
    return f"({', '.join(sizes)})"
