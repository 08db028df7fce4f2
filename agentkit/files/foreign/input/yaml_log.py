"""The text of a YAML file as the values it holds, where PyYAML is installed."""

from __future__ import annotations

import re
from typing import Any

_LOOKS = re.compile(r"(?:---|- ?\w|[\w\"']+:(?:\s|$))")
_EVENTS = re.compile(
    r"\s*(?:(?:event|id|retry)?:[^\n]*\n)*data: ?[{\[][^\n]*\n\r?\n(?:event|data|id|retry|):"
)
"""A saved stream: the same names again and again, which YAML allows in no object."""
_MOST = 50_000_000
"""Values and letters that a file may amount to, however often its aliases repeat them."""


def looks_like_yaml(text: str) -> bool:
    """Tell whether a text that is no JSON may be YAML, by its first line that says anything."""
    if _EVENTS.match(text):
        return False
    lines = (line for line in text[:2000].splitlines() if line.strip() and line[0] not in "#%")
    return _LOOKS.match(next(lines, "")) is not None


def has_yaml() -> bool:
    """Tell whether PyYAML is installed."""
    try:
        import yaml  # noqa: F401
    except ImportError:
        return False
    return True


def yaml_values(text: str) -> list[Any]:
    """Decode the documents of a YAML file; empty where it is none, or holds no object or list.

    Nothing in it is run: only plain values are made (`CSafeLoader`).
    """
    if not looks_like_yaml(text) or not has_yaml():
        return []
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return []
    if not found or not all(isinstance(one, (dict, list)) for one in found):
        return []
    return found if _is_small(found) else []


def _is_small(values: list[Any]) -> bool:
    """Tell whether the values are not blown up by aliases of aliases."""
    sizes: dict[int, int] = {}
    try:
        return _size(values, sizes, 0) <= _MOST
    except RecursionError:
        return False


def _size(value: Any, sizes: dict[int, int], depth: int) -> int:
    if not isinstance(value, (dict, list)):
        return len(value) if isinstance(value, (str, bytes)) else 1
    known = sizes.get(id(value))
    if known is not None:
        return known
    if depth > 200:
        return _MOST + 1
    sizes[id(value)] = _MOST + 1  # what holds itself
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    size = 1 + sum(_size(one, sizes, depth + 1) for one in inside)
    sizes[id(value)] = size
    return size
