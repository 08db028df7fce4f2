"""A record as JSON data, and back. Fields that a newer version wrote are kept on the way."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from agentkit.errors import CassetteError
from agentkit.read.plain import plain
from agentkit.types.record import Record
from agentkit.types.unknown import Unknown

_UNKNOWN = "unknown"
"""The field of a record that holds what is no field of it; in JSON that lies beside the others."""


def to_json(record: Any) -> Any:
    """Write a record as JSON data, fields at their default left out."""
    if isinstance(record, Record):
        kind: Callable[..., Any] = type(record)
        data = {}
        for name, default, make in _defaults(kind):
            value = getattr(record, name)
            if not _is_default(value, make() if make else default):
                data[name] = to_json(value)
        unknown = getattr(record, _UNKNOWN, None)
        return {**data, **unknown.fields} if unknown else data
    if isinstance(record, (tuple, list)):
        return [to_json(item) for item in record]
    return plain(record)


@cache
def _defaults(kind: Callable[..., Any]) -> tuple[tuple[str, Any, Callable[[], Any] | None], ...]:
    """List name, default and maker of the default of each field that is written."""
    return tuple(
        (f.name, f.default, None if f.default_factory is MISSING else f.default_factory)
        for f in fields(kind)  # type: ignore[arg-type]
        if f.name != _UNKNOWN
    )


def _is_default(value: Any, default: Any) -> bool:
    """Tell whether a field holds its default; what a tool returned may be of any type, and is not
    asked to compare itself with another.
    """
    return value is default or (type(value) is type(default) and bool(value == default))


def from_json(kind: Callable[..., Any], data: Any) -> Any:
    """Make the record of this class that JSON data holds.

    A field the class does not have is kept in `unknown`, where the class has that, and is ignored
    elsewhere: newer files load.

    Args:
        kind: the class.
        data: what `to_json` wrote, parsed.

    Raises:
        CassetteError: the data is not such a record.
    """
    if not isinstance(data, dict):
        raise CassetteError(f"a {kind.__name__} is an object, not {type(data).__name__}")
    hints, keeps = _hints(kind)
    given = {name: _value(hints[name], value) for name, value in data.items() if name in hints}
    if keeps and len(given) < len(data):
        others = {name: value for name, value in data.items() if name not in hints}
        given[_UNKNOWN] = Unknown(fields=others)
    try:
        return kind(**given)
    except TypeError as exc:
        raise CassetteError(f"not a {kind.__name__}: {exc}") from None


@cache
def _hints(kind: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    """Find the type of each field that is read, and whether the class keeps other fields."""
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    return {name: hints[name] for name in names if name != _UNKNOWN}, _UNKNOWN in names


def _value(hint: Any, value: Any) -> Any:
    """Make what a field of this type holds of its JSON data."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = next((arg for arg in args if arg is not type(None)), None)
        return None if value is None else _value(inner, value)
    if origin is tuple and isinstance(value, list):
        kinds = [args[0]] * len(value) if args[-1:] == (Ellipsis,) else args
        return tuple(_value(kind, item) for kind, item in zip(kinds, value, strict=False))
    if isinstance(hint, type) and issubclass(hint, Record):
        return from_json(hint, value)
    return value
