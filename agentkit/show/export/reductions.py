"""What can be left out of a request, piece by piece: pure functions of its body.

A reduction takes a body apart into pieces and knows the body that any subset of them makes, so that
one search (`fewest`) serves all. The search is the well-known delta debugging (Zeller and
Hildebrandt, 2002) in the greedy form of today's test-case reducers: ever smaller runs of pieces are
left out, and what was left out stays out.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Body = dict[str, Any]
Path = tuple[str | int, ...]

_OF_MESSAGE = frozenset(("role", "content", "tool_calls", "tool_call_id", "items"))
_OF_SCHEMA = frozenset(("type", "properties", "required", "items"))
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_KEPT = frozenset(("model", "messages", "tools", *_LIMITS))
"""Fields with a reduction of their own, and the limits of an answer: without those a request may
take long, and cost much.
"""
_SHORT = 24
"""Characters from which a text is worth a request."""


class Reduction(NamedTuple):
    """One way to make a body smaller."""

    what: str
    pieces: Sequence[Any]
    """Parts that may be left out."""
    build: Callable[[Sequence[Any]], Body]
    """Make the body with these pieces only."""


def fewest(pieces: Sequence[T], shows: Callable[[Sequence[T]], bool]) -> list[T]:
    """Find some of the pieces that still show the fault, of which none can be left out alone.

    Args:
        pieces: all pieces; together they show the fault.
        shows: whether some of them do.

    >>> fewest(range(100), lambda kept: 17 in kept and 71 in kept)
    [17, 71]
    """
    kept = list(pieces)
    if not kept or shows([]):
        return []
    size = max(1, len(kept) // 2)
    while True:
        start, before = 0, len(kept)
        while start < len(kept):
            rest = kept[:start] + kept[start + size :]
            if rest and shows(rest):
                kept = rest
            else:
                start += size
        if size == 1 and len(kept) == before:
            return kept
        size = max(1, size // 2)


def reductions(body: Body) -> Iterator[Callable[[Body], Iterator[Reduction]]]:
    """Yield the ways to make a body smaller, the coarse ones first.

    Each is a function of the body, as one way changes what another finds.
    """
    yield from (_exchanges, _tools, _calls, _items, _schemas, _fields, _texts)


def _exchanges(body: Body) -> Iterator[Reduction]:
    """Leave out messages; calls go together with their results."""
    groups: list[list[Any]] = []
    for message in body["messages"]:
        if message.get("role") == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    yield Reduction(
        "messages",
        groups,
        lambda kept: {**body, "messages": [message for group in kept for message in group]},
    )


def _calls(body: Body) -> Iterator[Reduction]:
    """Leave out single calls of a message that holds several, each with its result."""
    several = [
        (index, call.get("id"))
        for index, message in enumerate(body["messages"])
        if isinstance(message.get("tool_calls"), list) and len(message["tool_calls"]) > 1
        for call in message["tool_calls"]
        if isinstance(call, dict)
    ]
    if several:
        yield Reduction("calls", several, lambda kept: _without(body, {*several} - {*kept}))


def _without(body: Body, gone: set[tuple[int, Any]]) -> Body:
    """Return the body without these calls and the results right behind their message."""
    messages, at = [], -1
    for index, message in enumerate(body["messages"]):
        if message.get("role") == "tool":
            if (at, message.get("tool_call_id")) not in gone:
                messages.append(message)
            continue
        at = index
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            left = [
                call
                for call in calls
                if not (isinstance(call, dict) and (index, call.get("id")) in gone)
            ]
            message = (
                {**message, "tool_calls": left}
                if left
                else {k: v for k, v in message.items() if k != "tool_calls"}
            )
            if isinstance(message.get("items"), (list, tuple)):
                kept = [item for item in message["items"] if (at, _call_id(item)) not in gone]
                message["items"] = kept
        messages.append(message)
    return {**body, "messages": messages}


def _call_id(item: Any) -> Any:
    """Find the id by which the call of an item is answered; None where it is no call."""
    if not isinstance(item, dict):
        return None
    return item.get("call_id") or (item.get("id") if item.get("type") == "tool_use" else None)


def _items(body: Body) -> Iterator[Reduction]:
    """Leave out items of answers of another dialect that are no calls."""
    places = [
        (index, place)
        for index, message in enumerate(body["messages"])
        for place, item in enumerate(message.get("items") or ())
        if _call_id(item) is None
    ]
    if places:
        yield Reduction("items", places, lambda kept: _without_items(body, {*places} - {*kept}))


def _without_items(body: Body, gone: set[tuple[int, int]]) -> Body:
    def left(index: int, message: dict[str, Any]) -> dict[str, Any]:
        if not any(at == index for at, _ in gone):
            return message
        items = enumerate(message["items"])
        return {**message, "items": [item for place, item in items if (index, place) not in gone]}

    return {**body, "messages": [left(i, message) for i, message in enumerate(body["messages"])]}


def _tools(body: Body) -> Iterator[Reduction]:
    if body.get("tools"):
        rest = {
            name: value
            for name, value in body.items()
            if name not in ("tools", "tool_choice", "parallel_tool_calls")
        }
        yield Reduction(
            "tools", body["tools"], lambda kept: {**body, "tools": list(kept)} if kept else rest
        )


def _schemas(body: Body) -> Iterator[Reduction]:
    """Leave out descriptions, properties and other parts of the tools' schemas."""
    paths = [
        ("tools", i, *path)
        for i, tool in enumerate(body.get("tools") or ())
        for path in _schema_parts(tool)
    ]
    yield from _deletions("schemas", body, paths)


def _schema_parts(tool: Any) -> Iterator[Path]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return
    yield from (("function", key) for key in function if key not in ("name", "parameters"))
    yield from (("function", "parameters", *path) for path in _parts(function.get("parameters")))


def _parts(schema: Any) -> Iterator[Path]:
    if not isinstance(schema, dict):
        return
    yield from ((key,) for key in schema if key not in _OF_SCHEMA)
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, dict) else ():
        yield ("properties", name)
        yield from (("properties", name, *path) for path in _parts(part))
    yield from (("items", *path) for path in _parts(schema.get("items")))


def _fields(body: Body) -> Iterator[Reduction]:
    """Leave out sampling and other fields of the request, and fields of messages other than their
    text and calls.
    """
    own = [(key,) for key in body if key not in _KEPT]
    of_messages = [
        ("messages", i, key)
        for i, message in enumerate(body["messages"])
        for key in message
        if key not in _OF_MESSAGE
    ]
    yield from _deletions("fields", body, [*own, *of_messages])


def _deletions(what: str, body: Body, paths: Sequence[Path]) -> Iterator[Reduction]:
    if paths:
        yield Reduction(
            what,
            paths,
            lambda kept: _deleted(body, [path for path in paths if path not in {*kept}]),
        )


def _deleted(body: Body, gone: Sequence[Path]) -> Body:
    """Return the body without these paths; a property that goes is no longer required."""
    fresh: Body = copy.deepcopy(body)
    for *parents, last in gone:
        holder: Any = fresh
        above: Any = None
        for step in parents:
            above, holder = (
                holder,
                holder.get(step, {}) if isinstance(holder, dict) else holder[int(step)],
            )
        holder.pop(last, None)
        if (
            parents[-1:] == ["properties"]
            and isinstance(above, dict)
            and isinstance(above.get("required"), list)
        ):
            above["required"] = [name for name in above["required"] if name != last]
    return fresh


def _texts(body: Body) -> Iterator[Reduction]:
    """Leave out lines of each long text, else words, else runs of characters; the longest first."""
    for path, text in sorted(_long(body), key=lambda found: -len(found[1])):
        yield Reduction("texts", _split(text), _joins(body, path))


def _joins(body: Body, path: Path) -> Callable[[Sequence[str]], Body]:
    return lambda kept: _replaced(body, path, "".join(kept))


def _long(body: Body) -> Iterator[tuple[Path, str]]:
    for i, message in enumerate(body["messages"]):
        content = message.get("content")
        parts = content if isinstance(content, list) else ()
        if isinstance(content, str) and len(content) >= _SHORT:
            yield ("messages", i, "content"), content
        for j, part in enumerate(parts):
            if (
                isinstance(part, dict)
                and isinstance(part.get("text"), str)
                and len(part["text"]) >= _SHORT
            ):
                yield ("messages", i, "content", j, "text"), part["text"]
        for j, item in enumerate(message.get("items") or ()):
            yield from _item_texts(("messages", i, "items", j), item)


def _item_texts(path: Path, item: Any) -> Iterator[tuple[Path, str]]:
    """Find the long texts that an item or block says; what it thought is left as it is."""
    if not isinstance(item, dict) or item.get("type") not in ("message", "text"):
        return
    if isinstance(item.get("text"), str) and len(item["text"]) >= _SHORT:
        yield (*path, "text"), item["text"]
    content = item.get("content")
    for place, part in enumerate(content if isinstance(content, list) else ()):
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str) and len(text) >= _SHORT:
            yield (*path, "content", place, "text"), text


def _split(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    words = lines if len(lines) > 1 else re.findall(r"\s*\S+\s*", text)
    size = max(1, len(text) // 16)
    return words if len(words) > 1 else [text[i : i + size] for i in range(0, len(text), size)]


def _replaced(body: Body, path: Path, text: str) -> Body:
    fresh: Body = copy.deepcopy(body)
    holder: Any = fresh
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = text
    return fresh
