"""JSON for people: what fits on a line stays on a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import NoneType
from typing import Any

from agentkit.read.plain import plain

WIDTH = 72
_DEPTH = 60
_TINY = 14
"""Characters of an item that shares a line with its like."""
_text: Callable[[str], str] = json.encoder.encode_basestring  # as `ensure_ascii=False` writes it
_SIMPLE = {True: "true", False: "false", None: "null"}
_encode = json.JSONEncoder(ensure_ascii=False).encode


def pretty(value: Any, width: int = WIDTH) -> str:
    """JSON text of any value, a container on one line where it fits, else one item a line, indented by two.

    >>> print(pretty({"city": "Oslo", "days": [1, 2]}))
    {"city": "Oslo", "days": [1, 2]}
    >>> print(pretty({"city": "Oslo", "days": [1, 2]}, width=20))
    {
      "city": "Oslo",
      "days": [1, 2]
    }
    """
    return _pretty(value, width, 0)


def verbatim(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else pretty(value)


def _pretty(value: Any, width: int, depth: int) -> str:
    kind = type(value)
    if kind in _LEAVES:
        return _LEAVES[kind](value)
    if kind is dict and depth <= _DEPTH:
        items = [
            f"{_text(key if type(key) is str else _flat(key))}: "
            f"{_LEAVES[type(item)](item) if type(item) in _LEAVES else _pretty(item, width, depth + 1)}"
            for key, item in value.items()
        ]
        return _container("{", items, "}", width - 2 * depth, depth)
    if kind in (list, tuple) and depth <= _DEPTH:
        return _container("[", [_pretty(item, width, depth + 1) for item in value], "]", width - 2 * depth, depth)
    if kind in (float, dict, list, tuple):
        return _flat(value)
    return _pretty(plain(value), width, depth + 1)


def _container(left: str, items: list[str], right: str, width: int, depth: int) -> str:
    line = ", ".join(items)
    if len(line) + 2 <= width and "\n" not in line:
        return f"{left}{line}{right}"
    pad = "\n" + "  " * (depth + 1)
    rows = _filled(items, width - 2) if left == "[" and len(line) <= _TINY * len(items) else items
    return f"{left}{pad}{f',{pad}'.join(rows)}\n{'  ' * depth}{right}"


def _filled(items: list[str], width: int) -> list[str]:
    """Small items, several to a line: a list of numbers would be a tower."""
    if max(map(len, items)) > _TINY or any(item[0] in "[{" for item in items):
        return items
    each = max(1, width // (max(map(len, items)) + 2))
    return [", ".join(items[i : i + each]) for i in range(0, len(items), each)]


def _flat(value: Any) -> str:
    try:
        return repr(value) if type(value) is int else _SIMPLE[value] if type(value) in (bool, NoneType) else _encode(plain(value))
    except ValueError:  # an integer of thousands of digits
        return f"<{type(value).__name__}>"


_LEAVES: dict[type, Callable[[Any], str]] = {str: _text, int: _flat, bool: _SIMPLE.__getitem__, NoneType: _SIMPLE.__getitem__}
"""What is written without a look inside."""
