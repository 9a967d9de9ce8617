"""What a derivative is asked of, one adapter for each package; none is imported unless it is used."""

from __future__ import annotations

from importlib import import_module

from benchmarks.peer_adapters.base import Adapter

#: Adapters by the name of their column: the module and the class.
ADAPTERS = {
    "matcalc": ("matcalc_adapter", "MatcalcAdapter"),
    "sympy": ("sympy_adapter", "DiffAdapter"),
    "sympy-array": ("sympy_adapter", "ArrayAdapter"),
    "tensorgrad": ("tensorgrad_adapter", "TensorgradAdapter"),
}


def load(name: str) -> Adapter:
    """The adapter of this name. Raises ImportError where its package is missing."""
    module, kind = ADAPTERS[name]
    adapter: Adapter = getattr(import_module(f"{__name__}.{module}"), kind)()
    return adapter
