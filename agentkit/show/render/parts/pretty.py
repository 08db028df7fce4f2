"""JSON for people: what fits on a line stays on a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
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
    """Write any value as JSON, a container on one line where it fits, else one item a line,
    indented by two.

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
    """Write a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else pretty(value)


def _pretty(value: Any, width: int, depth: int) -> str:
    kind = type(value)
    if kind not in _BRACKETS or depth > _DEPTH:
        return (
            _flat(value)
            if kind in _BRACKETS or kind in _LEAVES
            else _pretty(plain(value), width, depth + 1)
        )
    items = []
    if kind is dict:
        for key, item in value.items():
            write = _LEAVES.get(type(item))
            shown = write(item) if write else _pretty(item, width, depth + 1)
            items.append(f"{_text(key if type(key) is str else _flat(key))}: {shown}")
    else:
        for item in value:
            write = _LEAVES.get(type(item))
            items.append(write(item) if write else _pretty(item, width, depth + 1))
    left, right = _BRACKETS[kind]
    line, room = ", ".join(items), width - 2 * depth - 2
    if not items or (len(line) <= room and "\n" not in line):
        return f"{left}{line}{right}"
    start, end = _BREAKS[depth + 1], _BREAKS[depth]
    rows = _filled(items, room) if len(line) <= _TINY * len(items) and kind is not dict else items
    return f"{left}{start}{f',{start}'.join(rows)}{end}{right}"


def _filled(items: list[str], width: int) -> list[str]:
    """Put small items several to a line: a list of numbers would be a tower."""
    if max(map(len, items)) > _TINY or any(item[0] in "[{" for item in items):
        return items
    each = max(1, width // (max(map(len, items)) + 2))
    return [", ".join(items[i : i + each]) for i in range(0, len(items), each)]


def _flat(value: Any) -> str:
    """Write the value on one line, whatever it is."""
    write = _LEAVES.get(type(value))
    try:
        return write(value) if write else _encode(plain(value))
    except ValueError:  # it holds a number of more digits than this interpreter writes
        return f"<{type(value).__name__}>"


def _whole_number(value: int) -> str:
    try:
        return repr(value)
    except ValueError:  # thousands of digits
        return "<int>"


def _number(value: float) -> str:
    return repr(value) if isfinite(value) else _encode(value)


_LEAVES: dict[type, Callable[[Any], str]] = {
    str: _text,
    int: _whole_number,
    float: _number,
    bool: _SIMPLE.__getitem__,
    NoneType: _SIMPLE.__getitem__,
}
"""What is written without a look inside."""
_BREAKS = ["\n" + "  " * depth for depth in range(_DEPTH + 2)]
_BRACKETS: dict[type, tuple[str, str]] = {dict: ("{", "}"), list: ("[", "]"), tuple: ("[", "]")}
