"""Careful reading of a stranger's fields: what has another type than the format says is absent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.types.wire import Exchange

_NOTHING: tuple[Any, ...] = (None, "", [], {}, ())


def text_in(value: Any) -> str:
    """Read a text; "" for anything else."""
    return value if isinstance(value, str) else ""


def object_in(value: Any) -> Mapping[str, Any]:
    """Read an object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def list_in(value: Any) -> Sequence[Any]:
    """Read a list; an empty one for anything else."""
    return value if isinstance(value, (list, tuple)) else ()


def objects_in(value: Any) -> list[Mapping[str, Any]]:
    """Read the objects of a list; anything else in it is left out."""
    return [one for one in list_in(value) if isinstance(one, Mapping)]


def messages_in(value: Any, losses: Losses, place: str) -> list[Mapping[str, Any]]:
    """Read the messages of a list: the objects with a role. What is none is counted.

    Args:
        value: the list.
        losses: where it is counted.
        place: what to call the list there.
    """
    found = [one for one in objects_in(value) if text_in(one.get("role"))]
    for _ in range(len(list_in(value)) - len(found)):
        losses.note(f"{place}[] that is no message")
    return found


def number_in(value: Any) -> float | None:
    """Read a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e300 else None


def count_in(value: Any) -> int | None:
    """Read a whole number that is not negative; None for anything else."""
    found = number_in(value)
    return int(found) if found is not None and 0 <= found < 1e15 else None


def moment_in(value: Any) -> datetime | None:
    """Read a time as ISO 8601 writes it; None for anything else."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def unix_in(value: Any) -> float | None:
    """Read a time as Unix seconds: a number, or ISO 8601 with its zone. Without a zone nobody knows
    when it was.
    """
    moment = moment_in(value)
    if moment is None or moment.tzinfo is None:
        return number_in(value)
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        return None


def seconds_between(start: Any, end: Any) -> float | None:
    """Measure from one time to a later one, both numbers or both ISO 8601; None where that cannot
    be.
    """
    first, last = number_in(start), number_in(end)
    if first is None or last is None:
        begun, over = moment_in(start), moment_in(end)
        if begun is None or over is None or (begun.tzinfo is None) != (over.tzinfo is None):
            return None
        first, last = 0.0, (over - begun).total_seconds()
    return last - first if last >= first else None


def call_of(name: Any, arguments: Any, call_id: Any = None) -> dict[str, Any]:
    """Write a call in the chat form; arguments that are no text become JSON."""
    is_text = isinstance(arguments, str)
    written = arguments if is_text else json.dumps(arguments, ensure_ascii=False, default=str)
    call: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": written}}
    return call if call_id is None else {"id": call_id, **call}


def raw_exchange(
    body: Any, *, started: float | None = None, elapsed: float | None = None
) -> Exchange:
    """Keep a raw answer as its recorder kept it.

    Args:
        body: the answer, decoded or as text.
        started: Unix time in seconds when it was asked for.
        elapsed: seconds until it was there.
    """
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    return Exchange(body=text, started=started, elapsed=elapsed)


def given(**fields: Any) -> dict[str, Any]:
    """Keep those of the fields that hold anything; a zero does."""
    return {name: value for name, value in fields.items() if value not in _NOTHING}


def first_given(*values: Any) -> Any:
    """Give the first of the values that holds anything; a zero does. None where none does."""
    return next((value for value in values if value not in _NOTHING), None)


def without_nulls(fields: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """Give the fields of an object but for the null ones and those that are read elsewhere."""
    return {
        name: value for name, value in fields.items() if value is not None and name not in others
    }


def decoded(value: Any) -> Any:
    """Read what may be JSON text; text that is none stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def chat_tools(value: Any) -> tuple[dict[str, Any], ...]:
    """Read tool schemas, with or without the `function` around them."""
    return tuple(_chat_tools(decoded(value)))


def _chat_tools(value: Any) -> Iterator[dict[str, Any]]:
    for tool in objects_in(value):
        if isinstance(tool.get("function"), Mapping):
            yield dict(tool)
        elif isinstance(tool.get("name"), str):
            wanted = ("name", "description", "parameters", "strict")
            schema = {key: tool[key] for key in wanted if tool.get(key) is not None}
            if "parameters" not in schema and isinstance(tool.get("input_schema"), Mapping):
                schema["parameters"] = tool["input_schema"]
            yield {"type": "function", "function": schema}
