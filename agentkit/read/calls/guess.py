"""A guess at what broken arguments were meant to be: shown beside them, adopted by hand, never
run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from agentkit.read.plain import finite

_LONGEST = 8_000
"""Characters; json_repair's time grows with the length and, for brackets that are never closed,
faster.
"""
_MOST_BRACKETS = 300


def guessed_object(text: str) -> dict[str, Any] | None:
    """What json_repair, where it is installed, makes of a text with an object in it; None where
    that is no object, or the text is long.
    """
    start = text.find("{")
    if start < 0 or len(text) > _LONGEST or text.count("{") + text.count("[") > _MOST_BRACKETS:
        return None
    repair = _repair()
    try:
        value = repair(text[start:], return_objects=True) if repair else None
    except Exception:
        return None
    return value if isinstance(value, dict) and value and finite(value) else None


@cache
def _repair() -> Callable[..., Any] | None:
    try:
        from json_repair import repair_json
    except ImportError:
        return None
    return repair_json
