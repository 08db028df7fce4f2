"""A record as JSON data, and back."""

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


def to_json(record: Any) -> Any:
    """A record as JSON data, fields at their default left out."""
    if isinstance(record, Record):
        return {
            f.name: to_json(value)
            for f in fields(record)  # type: ignore[arg-type]
            if not _is_default(f, value := getattr(record, f.name))
        }
    if isinstance(record, (tuple, list)):
        return [to_json(item) for item in record]
    return plain(record)


def _is_default(f: Any, value: Any) -> bool:
    """Whether a field holds its default; what a tool returned may be of any type, and is not asked
    to compare itself with another.
    """
    default = f.default_factory() if f.default_factory is not MISSING else f.default
    return value is default or (type(value) is type(default) and bool(value == default))


def from_json(kind: Callable[..., Any], data: Any) -> Any:
    """The record of this class that JSON data holds; fields it does not know are ignored, so that
    newer files load.

    Raises:
        CassetteError: the data is not such a record.
    """
    if not isinstance(data, dict):
        raise CassetteError(f"a {kind.__name__} is an object, not {type(data).__name__}")
    hints = _hints(kind)
    try:
        return kind(
            **{name: _value(hints[name], value) for name, value in data.items() if name in hints}
        )
    except TypeError as exc:
        raise CassetteError(f"not a {kind.__name__}: {exc}") from None


@cache
def _hints(kind: Callable[..., Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}  # type: ignore[arg-type]


def _value(hint: Any, value: Any) -> Any:
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
