"""Functions that can be made as long as one likes: what the time to differentiate them grows with."""

from __future__ import annotations

from collections.abc import Callable

#: The text of a function of this size, and the variables to differentiate it by; all if none is named.
Problem = tuple[str, list[str] | None]
Family = Callable[[int], Problem]


def _layers(step: str, depth: int, last: str) -> str:
    lines = [f"h{k} = {step.format(k=k, h=f'h{k - 1}')}" for k in range(1, depth + 1)]
    return "; ".join(["x, y: n; h0 = x", *lines, last.format(h=f"h{depth}")])


def _row(piece: str, joint: str, count: int) -> str:
    return joint.join(piece.format(k=k) for k in range(1, count + 1))


def network(depth: int) -> Problem:
    """Layers of weights and tanh, with a squared loss: all gradients."""
    return _layers("tanh(W{k} {h})", depth, "||{h} - y||^2"), None


def residual_network(depth: int) -> Problem:
    """The same with connections that skip the layers."""
    return _layers("{h} + A{k} tanh(B{k} {h})", depth, "||{h} - y||^2"), None


def linear_network(depth: int) -> Problem:
    """Layers without activations."""
    return _layers("W{k} {h}", depth, "||{h} - y||^2"), None


def nested(depth: int) -> Problem:
    """Two shared matrices at every depth."""
    return _layers("A (x + B {h})", depth, "y' {h}"), ["x", "A", "B"]


def jacobian_of_network(depth: int) -> Problem:
    """The sum of a deep network's outputs by its input."""
    return _layers("tanh(W{k} {h})", depth, "sum({h})"), ["x"]


def scaled_matrix(depth: int) -> Problem:
    """A matrix times one scalar after another."""
    text = _layers("a{k} {h}", depth, "sum(tanh({h}))")
    return text.replace("x, y: n", "x: (n, n)"), ["x"]


def factors(count: int) -> Problem:
    """``tr(X A1 X A2 ... X Ak)``: every occurrence of X has k - 1 others around it."""
    return f"X: (n, n); tr({_row('X A{k}', ' ', count)})", ["X"]


def scalar_factors(count: int) -> Problem:
    """A product of scalars."""
    return "x: n; " + _row("sin(a{k}' x)", " ", count), ["x"]


def terms(count: int) -> Problem:
    """A sum of different terms."""
    return "x: n; " + _row("b{k} sin(a{k}' x)", " + ", count), ["x"]


def quadratic_terms(count: int) -> Problem:
    """A sum of terms that have factors in common."""
    return "x: n; " + _row("x' A{k} x", " + ", count), ["x"]


FAMILIES: dict[str, Family] = {
    "network, by depth": network,
    "residual network, by depth": residual_network,
    "linear network, by depth": linear_network,
    "A (x + B h), by depth": nested,
    "one gradient of a network, by depth": jacobian_of_network,
    "a_k h, by depth": scaled_matrix,
    "tr(X A1 X A2 ...), by factors": factors,
    "product of scalars, by factors": scalar_factors,
    "sum, by terms": terms,
    "sum of quadratic forms, by terms": quadratic_terms,
}
