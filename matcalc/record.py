"""Immutable values with named fields, as ``@dataclass(frozen=True, slots=True)`` makes them.

A dataclass compiles its methods from source, 0.4 ms for each class, and ``dataclasses`` imports ``inspect``;
for the hundred kinds of values in ``matcalc diff`` that would be a quarter of what it takes. Records
share their methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self, dataclass_transform

#: The default of a field that is a mapping.
EMPTY: Mapping[Any, Any] = MappingProxyType({})


@dataclass_transform(frozen_default=True)
class _WithFields(type):
    """Makes the annotations of a class its slots, and their values the defaults.

    With ``eq=False`` a record is equal only to itself. Fields of the bases come first.
    """

    _fields: tuple[str, ...]
    _field_defaults: dict[str, Any]
    __setters__: tuple[Any, ...]

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, eq: bool = True
    ) -> _WithFields:
        own = tuple(namespace.get("__annotations__", ()))
        fields, defaults = own, {name: namespace.pop(name) for name in own if name in namespace}
        for base in bases:
            if isinstance(base, _WithFields):
                fields, defaults = base._fields + fields, base._field_defaults | defaults
        # What is computed once is kept in the dictionary of the instance.
        is_lazy = any(isinstance(value, cached_property) for value in namespace.values())
        namespace["__slots__"] = (*own, "__dict__", "__weakref__") if is_lazy else own
        namespace["__match_args__"] = fields
        if not eq:
            namespace.update(__eq__=object.__eq__, __hash__=object.__hash__)
        made = super().__new__(cls, name, bases, namespace)
        made._fields, made._field_defaults = fields, defaults
        made.__setters__ = tuple([getattr(made, field).__set__ for field in fields])
        return made


class Record(metaclass=_WithFields):
    """The base of all records. The fields of a record are the annotations of its class."""

    def __init__(self, *values: Any, **named: Any) -> None:
        setters = type(self).__setters__
        if named or len(values) != len(setters):
            values = self._complete(values, named)
        for setter, value in zip(setters, values, strict=True):
            setter(self, value)

    def _complete(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        fields = type(self)._fields
        given = {**type(self)._field_defaults, **dict(zip(fields, values, strict=False)), **named}
        if len(values) > len(fields) or given.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")
        return tuple([given[field] for field in fields])

    def replace(self, **changes: Any) -> Self:
        """The record with other values of some fields."""
        old = dict(zip(type(self)._fields, self._values(), strict=True))
        return type(self)(**{**old, **changes})

    __replace__ = replace  # for copy.replace

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, field) for field in type(self)._fields])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        pairs = zip(type(self)._fields, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), self._values()
