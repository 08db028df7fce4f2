"""An answer written as the events of a Responses stream, in OpenAI's order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentkit.dialects.responses.answer_out import body_out
from agentkit.types.answer import Response

_PIECE = re.compile(r"\s*\S{1,16}|\s+")
_FLAT = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
    "code_interpreter_call": ("code", "code_interpreter_call_code"),
}
"""Items with one text, the field that holds it, and its events."""
_BEFORE = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "image_generation_call": ("in_progress", "generating", "completed"),
    "code_interpreter_call": ("in_progress",),
    "mcp_call": ("in_progress",),
    "mcp_list_tools": ("in_progress", "completed"),
}
"""What a step of the server says of itself before its text comes."""
_AFTER = {"code_interpreter_call": ("interpreting", "completed"), "mcp_call": ("completed",)}
Event = dict[str, Any]


def events_out(response: Response) -> list[Event]:
    """Write the answer as the events of a stream, the data of each: `created`, `in_progress`, each
    item from `added` to `done` with its texts in pieces, and at the end the whole body. An answer
    that never ended has no end here either.
    """
    return [*numbered(body_events(body_out(response)))]


def body_events(body: dict[str, Any]) -> Iterator[Event]:
    """Write a body as the events of a stream, without their numbers."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    begun.update(
        {name: None for name in ("error", "incomplete_details", "completed_at") if name in body}
    )
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    output = body.get("output")
    for index, item in enumerate(output if isinstance(output, list) else ()):
        for event in _item_events(item):
            yield {"type": event.pop("type"), "output_index": index, **event}
    status = body.get("status")
    if status in (None, "in_progress", "queued"):
        return
    word = status if status in ("incomplete", "failed") else "completed"
    yield {"type": f"response.{'failed' if status == 'cancelled' else word}", "response": body}


def numbered(events: Iterator[Event]) -> Iterator[Event]:
    """Give the events their numbers."""
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _item_events(item: Any) -> Iterator[Event]:
    """Write one item: how it begins, its texts in pieces, how it ended."""
    if not isinstance(item, dict):
        yield {"type": "response.output_item.done", "item": item}
        return
    kind, known = item.get("type"), {"item_id": item.get("id")}
    flat = _FLAT.get(kind) if isinstance(kind, str) else None
    yield {"type": "response.output_item.added", "item": _begun(item, flat)}
    for word in _BEFORE.get(str(kind), ()):
        yield {"type": f"response.{kind}.{word}", **known}
    if flat is not None and isinstance(item.get(flat[0]), str):
        yield from _pieces(f"response.{flat[1]}", flat[0], item[flat[0]], known)
    elif kind in ("message", "reasoning"):
        yield from _parts(item, known)
    for word in _AFTER.get(str(kind), ()):
        failed = kind == "mcp_call" and item.get("error") is not None
        yield {"type": f"response.{kind}.{'failed' if failed else word}", **known}
    yield {"type": "response.output_item.done", "item": item}


def _begun(item: dict[str, Any], flat: tuple[str, str] | None) -> dict[str, Any]:
    """Write an item as it begins: without its texts."""
    begun = {**item, **({"status": "in_progress"} if "status" in item else {})}
    if flat is not None and isinstance(item.get(flat[0]), str):
        begun[flat[0]] = ""
    for name in ("content", "summary"):
        if item.get("type") in ("message", "reasoning") and isinstance(item.get(name), list):
            begun[name] = []
    return begun


def _pieces(
    name: str, field: str, text: str, known: dict[str, Any], likely: Any = None
) -> Iterator[Event]:
    """Write a text in pieces, then whole. Where the likelihoods of its tokens are known, each piece
    is a token.
    """
    more: dict[str, Any] = {} if likely is None else {"logprobs": []}
    entries = [entry for entry in likely or () if isinstance(entry, dict)]
    tokens = [str(entry.get("token")) for entry in entries]
    if likely and len(tokens) == len(likely) and "".join(tokens) == text:
        for token, entry in zip(tokens, entries, strict=True):
            yield {"type": f"{name}.delta", **known, "delta": token, "logprobs": [entry]}
        more = {"logprobs": likely}
    else:
        for piece in _PIECE.findall(text):
            yield {"type": f"{name}.delta", **known, "delta": piece, **more}
    yield {"type": f"{name}.done", **known, field: text, **more}


def _parts(item: dict[str, Any], known: dict[str, Any]) -> Iterator[Event]:
    """Write the parts of a message or of reasoning."""
    for field in ("summary", "content"):
        listed = item.get(field)
        summary = field == "summary"
        part_name = "reasoning_summary_part" if summary else "content_part"
        for index, part in enumerate(listed if isinstance(listed, list) else ()):
            place = {**known, "summary_index" if summary else "content_index": index}
            kind = part.get("type") if isinstance(part, dict) else None
            name = "refusal" if kind == "refusal" else "text"
            text = part.get(name) if isinstance(part, dict) else None
            empty = {**part, name: ""} if isinstance(text, str) else part
            for lists in ("annotations", "logprobs"):
                if isinstance(text, str) and isinstance(part.get(lists), list):
                    empty[lists] = []
            yield {"type": f"response.{part_name}.added", **place, "part": empty}
            if isinstance(text, str):
                yield from _part_text(part, text, name, summary, place)
            yield {"type": f"response.{part_name}.done", **place, "part": part}


def _part_text(
    part: dict[str, Any], text: str, name: str, summary: bool, place: dict[str, Any]
) -> Iterator[Event]:
    """Write the text of a part, and its citations."""
    kind = part.get("type")
    if kind == "output_text":
        cited = part.get("annotations")
        likely = part.get("logprobs")
        likely = likely if isinstance(likely, list) else []
        *deltas, done = _pieces("response.output_text", name, text, place, likely)
        yield from deltas
        for index, annotation in enumerate(cited if isinstance(cited, list) else ()):
            added = {"annotation_index": index, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **place, **added}
        yield done
    elif kind == "refusal":
        yield from _pieces("response.refusal", name, text, place)
    else:
        event = "reasoning_summary_text" if summary else "reasoning_text"
        yield from _pieces(f"response.{event}", name, text, place)
