"""The events in which one output item of a Responses answer is streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.testing.server.pieces import tokens

Item = dict[str, Any]
_FREE = {"function_call": "arguments", "custom_tool_call": "input"}
_STEMS = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}
_TEXTS = {
    "output_text": ("output_text", "text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("reasoning_text", "text"),
}


def item_events(item: Item, index: int) -> Iterator[Item]:
    """Give the events of one item, without their numbers.

    Args:
        item: as it is in the end.
        index: its place in the output.
    """
    kind, place = item.get("type"), {"item_id": item.get("id"), "output_index": index}
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
    if kind == "reasoning":
        for number, part in enumerate(item.get("summary") or ()):
            yield from _summary_events(part, {**place, "summary_index": number})
    if kind in ("message", "reasoning"):
        for number, part in enumerate(item.get("content") or ()):
            yield from _part_events(part, {**place, "content_index": number})
    if kind in _FREE:
        yield from _call_events(item, str(kind), place)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _begun(item: Item) -> Item:
    """Give an item as it is when it begins."""
    begun = dict(item)
    if "status" in item:
        begun["status"] = "in_progress"
    if item.get("type") == "message":
        begun["content"] = []
    if item.get("type") == "reasoning":
        begun["summary"] = []
        if "content" in item:
            begun["content"] = None
    if item.get("type") in _FREE:
        begun[_FREE[item["type"]]] = ""
    return begun


def _part_events(part: Item, place: Item) -> Iterator[Item]:
    stem, field = _TEXTS[part["type"]]
    text, extra = part[field], {}
    if stem == "output_text":
        extra = {"logprobs": part.get("logprobs") or []}
    empty = {**part, field: "", **({"logprobs": []} if extra else {})}
    yield {"type": "response.content_part.added", **place, "part": empty}
    for number, piece in enumerate(tokens(text)):
        share = {"logprobs": extra["logprobs"][number : number + 1]} if extra else {}
        yield {"type": f"response.{stem}.delta", **place, "delta": piece, **share}
    yield {"type": f"response.{stem}.done", **place, field: text, **extra}
    yield {"type": "response.content_part.done", **place, "part": part}


def _summary_events(part: Item, place: Item) -> Iterator[Item]:
    stem = "response.reasoning_summary"
    yield {"type": f"{stem}_part.added", **place, "part": {**part, "text": ""}}
    for piece in tokens(part["text"]):
        yield {"type": f"{stem}_text.delta", **place, "delta": piece}
    yield {"type": f"{stem}_text.done", **place, "text": part["text"]}
    yield {"type": f"{stem}_part.done", **place, "part": part}


def _call_events(item: Item, kind: str, place: Item) -> Iterator[Item]:
    stem, field = f"response.{_STEMS[kind]}", _FREE[kind]
    given = item.get(field)
    for piece in tokens(given) if isinstance(given, str) else ():
        yield {"type": f"{stem}.delta", **place, "delta": piece}
    yield {"type": f"{stem}.done", **place, field: given}
