"""Immutable values with named fields, as ``@dataclass(frozen=True, slots=True)`` makes them.

A dataclass compiles its methods from source, 0.4 ms for each class; for the forty kinds of nodes of
syntax and notation that would be a sixth of what ``matcalc diff`` takes. Records share theirs.
"""

from __future__ import annotations

from typing import Any, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class _WithFields(type):
    """Makes the annotations of a class its slots, and their values the defaults."""

    _fields: tuple[str, ...]
    _field_defaults: dict[str, Any]

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _WithFields:
        fields = tuple(namespace.get("__annotations__", ()))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        own = {"__slots__": fields, "__match_args__": fields}
        made = super().__new__(cls, name, bases, {**own, **namespace})
        made._fields, made._field_defaults = fields, defaults
        return made


class Record(metaclass=_WithFields):
    """The base of all records. The fields of a record are the annotations of its class."""

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = type(self)._fields
        if named or len(values) != len(fields):
            values = self._complete(values, named)
        for field, value in zip(fields, values, strict=True):
            object.__setattr__(self, field, value)

    def _complete(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        fields = type(self)._fields
        given = {**type(self)._field_defaults, **dict(zip(fields, values, strict=False)), **named}
        if len(values) > len(fields) or given.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")
        return tuple(given[field] for field in fields)

    def replace(self, **changes: Any) -> Self:
        """The record with other values of some fields."""
        old = dict(zip(type(self)._fields, self._values(), strict=True))
        return type(self)(**{**old, **changes})

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
