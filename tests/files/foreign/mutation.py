"""Changes of decoded JSON: a value somewhere becomes another, a key or an entry goes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

_VALUES: Any = st.sampled_from(
    [
        *(None, True, 0, -1, 10**400, 1.5, float("nan"), "", "x", "{", "\ud800", "<tool_call>"),
        *([], {}, [[]], [None], [1], ["x"], {"": None}, [{}], {"content": []}),
    ]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every place of a value: what holds it, and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            found += places(value[key])
    return found


def mutated(value: Any, draw: Callable[[Any], Any]) -> Any:
    """Change one to three places of decoded JSON.

    Args:
        value: the JSON, an object or a list; it stays as it is.
        draw: hypothesis' own `draw`.
    """
    changed = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        found = places(changed)
        if not found:
            break
        holder, key = draw(st.sampled_from(found))
        if draw(st.booleans()):
            holder[key] = copy.deepcopy(draw(_VALUES))
        elif isinstance(holder, dict):
            del holder[key]
        else:
            holder.pop(key)
    return changed
