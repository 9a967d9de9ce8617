"""Generated JAX functions with the batch spread over 8 devices; prints what came of it as JSON.

A program of its own: the number of devices is fixed when JAX starts (see ``test_sharding``).
"""

import json
import math
import re
import sys

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import matcalc as mc

LOGISTIC = "sum(log(1 + exp(-y .* (X w))))"
DEPTH = 10
NETWORK = f"""
    {", ".join(f"W{k + 1}" for k in range(DEPTH))}: (n, n); X, Y: (n, m)
    Z_0 = X
    {"; ".join(f"Z_{k + 1} = relu(W{k + 1} Z_{k})" for k in range(DEPTH - 1))}
    Z = W{DEPTH} Z_{DEPTH - 1}
    sum(logsumexp(Z, 1)) - sum(Y .* Z)
"""

#: Of every problem the text, the variable, the axis of the samples in each array that has one.
PROBLEMS = {
    "logistic": (LOGISTIC, "w", {"X": 0, "y": 0}),
    "network": (NETWORK, "W1", {"X": 1, "Y": 1}),
}

DEVICES = 8
SIZES = {"m": 16 * DEVICES, "n": 5}


def draw(variables):
    """Arrays of the shapes of the variables."""
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(size=[SIZES[size] for size in shape]) for name, shape in variables.items()
    }


def spread(arrays, batch):
    """The arrays on all devices: parts of those with samples, copies of the others."""
    mesh = Mesh(jax.devices(), ("batch",))
    placed = {}
    for name, array in arrays.items():
        axes = [None] * array.ndim
        if name in batch:
            axes[batch[name]] = "batch"
        placed[name] = jax.device_put(array, NamedSharding(mesh, PartitionSpec(*axes)))
    return placed


def communication(program):
    """The collective operations in the text of a compiled program, each with the size of its result."""
    found = re.findall(
        r"= \w+\[([\d,]*)\]\S* ((?:all|collective|reduce-scatter|ragged)\S*)\(", program
    )
    return [(name, math.prod(map(int, filter(None, axes.split(","))))) for axes, name in found]


def run(name, order):
    """The difference from one device, and the communication."""
    text, wrt, batch = PROBLEMS[name]
    derivative = mc.diff(text, wrt, order=order)
    function = jax.jit(derivative.function("jax"))
    arrays = draw(derivative.variables)
    sharded = spread(arrays, batch)
    result, expected = function(**sharded), function(**arrays)
    program = function.lower(**sharded).compile().as_text()
    return {
        "devices": len(result.sharding.device_set),
        "size": result.size,
        "difference": float(abs(np.asarray(result) - expected).max()),
        "communication": communication(program),
    }


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    cases = [(name, order) for name in PROBLEMS for order in (1, 2)]
    json.dump({f"{name} {order}": run(name, order) for name, order in cases}, sys.stdout)
