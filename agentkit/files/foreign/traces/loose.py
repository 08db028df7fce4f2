"""Values that may be anything, as what they are used for: lists, objects, texts, numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def decoded(value: Any) -> Any:
    """Decode JSON text that a format keeps inside JSON; give anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def mapping(value: Any) -> dict[str, Any]:
    """Give an object, decoded where it is JSON text; {} where it is none."""
    found = decoded(value)
    return dict(found) if isinstance(found, Mapping) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """Give the objects of a list, decoded where it is JSON text."""
    found = decoded(value)
    listed = found if isinstance(found, (list, tuple)) else ()
    return [dict(one) for one in listed if isinstance(one, Mapping)]


def text(value: Any) -> str | None:
    """Give a text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def written(value: Any) -> str:
    """Write a value as text: a text as it is, anything else as JSON, nothing as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def count(value: Any) -> int | None:
    """Give a number of tokens; None where it is none."""
    if type(value) is float and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if type(value) is int else None


def first(*values: Any) -> Any:
    """Give the first value that is there."""
    return next((value for value in values if value is not None), None)


def known(**fields: Any) -> dict[str, Any]:
    """Give the fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


def seconds(value: Any) -> float | None:
    """Give a length of time that is no nonsense; None where it is none."""
    if type(value) not in (int, float) or not 0 <= value < 1e12:
        return None
    return float(value)
