"""What differs between two values of JSON, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.read.plain import compact_json
from agentkit.types.record import clip

_MOST = 3
_AROUND = 24
_WIDTH = 60


def changes(before: Any, after: Any, most: int = _MOST) -> str:
    """Say what changed from one value to another, the first differences in full.

    >>> changes({"a": [1, 2], "b": "x"}, {"a": [1, 3], "c": True})
    'a[1] was 2 and is 3; b is gone, it was "x"; c is new: true'
    >>> changes({"tools": ["pay", "look"]}, {"tools": ["look", "pay"]})
    'tools has the same entries in another order'
    """
    found = list(_changes(before, after, ""))
    more = len(found) - most
    listed = found[:most] + ([f"and {more} more" if more > 1 else found[most]] if more > 0 else [])
    return "; ".join(listed)


def _changes(before: Any, after: Any, at: str) -> Iterator[str]:
    if type(before) is type(after) and before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_members(before, after, at)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_entries(before, after, at)
    elif isinstance(before, str) and isinstance(after, str):
        yield f"{at or 'the body'} {_texts(before, after)}"
    else:
        yield f"{at or 'the body'} was {_shown(before)} and is {_shown(after)}"


def _of_members(before: dict[str, Any], after: dict[str, Any], at: str) -> Iterator[str]:
    dot = f"{at}." if at else ""
    for name, old in before.items():
        if name in after:
            yield from _changes(old, after[name], f"{dot}{name}")
        else:
            yield f"{dot}{name} is gone, it was {_shown(old)}"
    for name in after.keys() - before.keys():
        yield f"{dot}{name} is new: {_shown(after[name])}"


def _of_entries(before: list[Any], after: list[Any], at: str) -> Iterator[str]:
    if sorted(map(compact_json, before)) == sorted(map(compact_json, after)):
        yield f"{at or 'the body'} has the same entries in another order"
        return
    for number, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _changes(old, new, f"{at}[{number}]")
    if len(before) != len(after):
        yield f"{at or 'the body'} has {_entries(len(after))}, not {len(before)}"


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _texts(before: str, after: str) -> str:
    """Show two texts where they begin to differ."""
    same = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    start = max(0, same - _AROUND)
    return f"was {_piece(before, start)} and is {_piece(after, start)}"


def _piece(text: str, start: int) -> str:
    """Quote a part of a text; white space counts, and is seen."""
    end = start + _WIDTH
    return repr("…" * (start > 0) + text[start:end] + "…" * (end < len(text)))


def _shown(value: Any) -> str:
    return clip(compact_json(value), _WIDTH)
