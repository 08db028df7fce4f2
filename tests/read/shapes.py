"""The shape of an answer: names, order, nulls and kinds of its fields, and the form of its ids; not
its values.
"""

from __future__ import annotations

import json
import re
from typing import Any

_ID = re.compile(r"((?:[a-z]+-|[a-z]+_)*)[0-9a-fA-F]{8,}\Z")
_KEPT = ("object", "role", "finish_reason", "type", "owned_by", "stop_reason")
"""Fields whose value belongs to the shape."""


def shape(value: Any, key: str = "") -> Any:
    """Dicts as lists of their pairs in order, lists as the shapes that occur in them, texts and
    numbers as their kind.
    """
    if isinstance(value, dict):
        return [(name, shape(item, name)) for name, item in value.items()]
    if isinstance(value, list):
        shapes: list[Any] = []
        for item in value:
            if (found := shape(item)) not in shapes:
                shapes.append(found)
        return ("list", shapes)
    if key in _KEPT:
        return value
    if isinstance(value, str):
        form = _ID.match(value)
        return f"{form.group(1)}…" if form and key == "id" else "text"
    return value if value is None or isinstance(value, bool) else "number"


def stream_shape(text: str) -> list[Any]:
    """The shapes that occur among a stream's events, in the order of their first occurrence; how
    often each comes is the tokenizer's affair.

    A piece without content, as for a token that a parser swallowed, is left out: where those fall
        depends on the tokens.
    """
    found: list[Any] = []
    for event in text.split("\n\n"):
        data = event.removeprefix("data: ")
        chunk = json.loads(data) if data.startswith("{") else data
        this = shape(chunk) if isinstance(chunk, dict) else chunk
        if this not in found and not _bare(chunk):
            found.append(this)
    return found


def _bare(chunk: Any) -> bool:
    choices = chunk.get("choices") or () if isinstance(chunk, dict) else ()
    return any(choice["delta"] == {} and choice["finish_reason"] is None for choice in choices)
