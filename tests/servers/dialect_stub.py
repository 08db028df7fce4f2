"""Answers of each dialect with reasoning, a text and a call, as a body and as a stream:
constructed, in the order and with the fields that OpenAI's and Anthropic's servers send.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.types.answer import Dialect
from tests.servers.http_stub import COMPLETION, Answer

THOUGHT = "The city is Zürich."
TEXT = "It is wärm."
ARGUMENTS = '{"city": "Zürich", "days": 2}'

Pieces = Sequence[str]


def cut(text: str, size: int = 7) -> list[str]:
    """The text in pieces of a size."""
    return [text[at : at + size] for at in range(0, len(text), size)] or [""]


# Responses


def response(
    text: str = TEXT, arguments: str = ARGUMENTS, thought: str = THOUGHT, **more: Any
) -> dict[str, Any]:
    """A body of Responses."""
    summary = [{"type": "summary_text", "text": thought}]
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    output = [
        {"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": "gAAAA=="},
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        },
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "weather",
            "arguments": arguments,
        },
    ]
    usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}
    body = {"id": "resp_1", "object": "response", "status": "completed", "model": "m"}
    return {**body, "error": None, "output": output, "usage": usage, **more}


def response_events(
    body: dict[str, Any], *, deltas: dict[str, Pieces] | None = None
) -> Iterator[dict[str, Any]]:
    """The events of a body of Responses, with the texts in these pieces, by the type of event."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(body["output"]):
        yield from _item_events(item, index, deltas or {})
    yield {"type": f"response.{body['status']}", "response": body}


def _item_events(
    item: dict[str, Any], index: int, deltas: dict[str, Pieces]
) -> Iterator[dict[str, Any]]:
    place = {"output_index": index, "item_id": item["id"]}
    empty = {"arguments": "", "content": [], "summary": []}
    begun = {name: empty.get(name, value) for name, value in item.items()}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        text = item["arguments"]
        for piece in deltas.get(kind) or cut(text):
            yield {"type": f"{kind}.delta", **place, "delta": piece}
        yield {"type": f"{kind}.done", **place, "arguments": text, "name": item["name"]}
    elif item["type"] == "message":
        for at, part in enumerate(item["content"]):
            here = {**place, "content_index": at}
            kind = "response.output_text"
            yield {"type": "response.content_part.added", **here, "part": {**part, "text": ""}}
            for piece in deltas.get(kind) or cut(part["text"]):
                yield {"type": f"{kind}.delta", **here, "delta": piece, "logprobs": []}
            yield {"type": f"{kind}.done", **here, "text": part["text"], "logprobs": []}
            yield {"type": "response.content_part.done", **here, "part": part}
    else:
        for at, part in enumerate(item["summary"]):
            here = {**place, "summary_index": at}
            kind = "response.reasoning_summary_text"
            added = {**part, "text": ""}
            yield {"type": "response.reasoning_summary_part.added", **here, "part": added}
            for piece in deltas.get(kind) or cut(part["text"]):
                yield {"type": f"{kind}.delta", **here, "delta": piece}
            yield {"type": f"{kind}.done", **here, "text": part["text"]}
            yield {"type": "response.reasoning_summary_part.done", **here, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


# Messages


def message(
    text: str = TEXT, arguments: str = ARGUMENTS, thought: str = THOUGHT, **more: Any
) -> dict[str, Any]:
    """A body of Messages."""
    content = [
        {"type": "thinking", "thinking": thought, "signature": "EqoBCkgIARABGAIiQL=="},
        {"type": "text", "text": text},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": json.loads(arguments)},
    ]
    usage = {"input_tokens": 9, "output_tokens": 5}
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    ending = {"stop_reason": "tool_use", "stop_sequence": None}
    return {**body, "content": content, **ending, "usage": usage, **more}


def message_events(
    body: dict[str, Any], *, deltas: dict[str, Pieces] | None = None
) -> Iterator[dict[str, Any]]:
    """The events of a body of Messages, with the texts in these pieces, by the type of delta."""
    begun = {**body, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(body["content"]):
        place = {"index": index}
        begun = {**block, **_EMPTY[block["type"]]}
        yield {"type": "content_block_start", **place, "content_block": begun}
        for delta in _deltas(block, deltas or {}):
            yield {"type": "content_block_delta", **place, "delta": delta}
        yield {"type": "content_block_stop", **place}
    ending = {name: body[name] for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": ending, "usage": body["usage"]}
    yield {"type": "message_stop"}


_EMPTY: dict[str, dict[str, Any]] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}


def _deltas(block: dict[str, Any], deltas: dict[str, Pieces]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        text = json.dumps(block["input"], ensure_ascii=False)
        for piece in ("", *(deltas.get("input_json_delta") or cut(text))):
            yield {"type": "input_json_delta", "partial_json": piece}
        return
    name = block["type"]
    for piece in deltas.get(f"{name}_delta") or cut(block[name]):
        yield {"type": f"{name}_delta", name: piece}
    if name == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}


# chat completions


def chunks() -> Iterator[dict[str, Any] | str]:
    """The chunks of a chat completion."""
    for piece in cut(TEXT):
        yield {"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]}
    yield {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield "[DONE]"


def written(events: Iterator[Any]) -> list[str]:
    """The events as they cross the wire, each under its name and numbered where it has one."""
    found = []
    for number, event in enumerate(events):
        if isinstance(event, str):
            found.append(f"data: {event}\n\n")
            continue
        kind = event.get("type", "")
        numbered = {"sequence_number": number} if kind.startswith("response.") else {}
        data = json.dumps({**event, **numbered}, ensure_ascii=False)
        found.append(f"event: {kind}\ndata: {data}\n\n" if kind else f"data: {data}\n\n")
    return found


BODIES: dict[Dialect, dict[str, Any]] = {
    "chat": COMPLETION,
    "responses": response(),
    "messages": message(),
}
STREAMS: dict[Dialect, list[str]] = {
    "chat": written(chunks()),
    "responses": written(response_events(response())),
    "messages": written(message_events(message())),
}


def block_of(dialect: Dialect) -> Answer:
    """An answer of a dialect as a block."""
    return Answer(BODIES[dialect])


def stream_of(dialect: Dialect, **options: Any) -> Answer:
    """An answer of a dialect as a stream, an event a piece."""
    pieces = [*STREAMS[dialect], *options.pop("after", ())]
    return Answer(headers={"Content-Type": "text/event-stream"}, pieces=pieces, **options)
