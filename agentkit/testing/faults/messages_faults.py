"""Faults of Messages: in its blocks, in the events of its streams, in its counts; and those that
Responses has, too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agentkit.testing.faults.fault import Fault
from agentkit.testing.faults.responses_faults import Event, on_events
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.question import Question
from agentkit.types.answer import Dialect

_M: tuple[Dialect, ...] = ("messages",)
_BOTH: tuple[Dialect, ...] = ("responses", "messages")


def _blocks(change: Any) -> Any:
    """Change the content blocks of a body."""

    def body(data: Event, question: Question) -> Event:
        return {**data, "content": [change(dict(block)) for block in data["content"]]}

    return body


def _unsigned(block: Event) -> Event:
    if block.get("type") == "thinking":
        block.pop("signature", None)
    return block


def _unsigned_event(event: Event) -> Event | None:
    if (event.get("delta") or {}).get("type") == "signature_delta":
        return None
    if event["type"] == "content_block_start":
        return {**event, "content_block": _unsigned(dict(event["content_block"]))}
    return event


_NONSENSE = "0123456789abcdef0123456789abcdef"


def _nonsense(block: Event) -> Event:
    return {**block, "signature": _NONSENSE} if block.get("type") == "thinking" else block


def _nonsense_event(event: Event) -> Event:
    if (event.get("delta") or {}).get("type") != "signature_delta":
        return event
    return {**event, "delta": {"type": "signature_delta", "signature": _NONSENSE}}


def _no_input(event: Event) -> Event | None:
    return None if (event.get("delta") or {}).get("type") == "input_json_delta" else event


def _no_start(event: Event) -> Event | None:
    return None if event["type"] == "content_block_start" else event


def _swapped(chunks: list[Any], question: Question) -> list[Any]:
    """Send the event that begins a block after the first that adds to it."""
    kinds = [chunk["type"] for chunk in chunks]
    if "content_block_delta" not in kinds:
        return chunks
    start, grown = kinds.index("content_block_start"), kinds.index("content_block_delta")
    return [*chunks[:start], *chunks[start + 1 : grown + 1], chunks[start], *chunks[grown + 1 :]]


def _counted(usage: Any) -> Any:
    return {key: 0 if type(value) is int else value for key, value in (usage or {}).items()}


def _zero_body(body: Event, question: Question) -> Event:
    return {**body, "usage": _counted(body.get("usage"))}


def _zero_event(event: Event) -> Event:
    if event["type"] == "message_delta":
        return {**event, "usage": _counted(event.get("usage"))}
    whole = event.get("message") or event.get("response")
    if not isinstance(whole, dict) or not whole.get("usage"):
        return event
    name = "message" if "message" in event else "response"
    return {**event, name: {**whole, "usage": _counted(whole["usage"])}}


def _uncached(usage: Any) -> Any:
    return {key: value for key, value in (usage or {}).items() if "cache" not in key}


def _uncached_body(body: Event, question: Question) -> Event:
    return {**body, "usage": _uncached(body.get("usage"))}


def _uncached_event(event: Event) -> Event:
    if event["type"] == "message_delta":
        return {**event, "usage": _uncached(event.get("usage"))}
    if event["type"] == "message_start":
        message = event["message"]
        return {**event, "message": {**message, "usage": _uncached(message.get("usage"))}}
    return event


def _odd(body: Event, question: Question) -> Event:
    return {**body, "content": [*body["content"], {"type": "oddity", "oddity": 1}]}


def _untyped(reply: Reply, question: Question) -> Reply:
    """Leave the name of an event to the line before its data."""
    made: list[bytes | str | float] = []
    for piece in reply.pieces or ():
        named, _, text = str(piece).partition("data: ")
        data = json.loads(text)
        made.append(f"{named}data: {json.dumps({k: data[k] for k in data if k != 'type'})}\n\n")
    return replace(reply, pieces=made)


_REFUSED = "thinking_token_budget is set but reasoning_config is not configured."


def _hidden_refusal(reply: Reply, question: Question) -> Reply:
    """Refuse a block request with status 400, and a stream with an error inside status 200."""
    error: Event = {"message": _REFUSED, "type": "BadRequestError", "param": None, "code": 400}
    if question.dialect == "messages":
        error = {"type": "error", "error": {"type": "BadRequestError", "message": _REFUSED}}
    if reply.pieces is None:
        body = error if question.dialect == "messages" else {"error": error}
        return replace(reply, body=json.dumps(body), status=400)
    event = error if question.dialect == "messages" else {**error, "type": "error"}
    return replace(reply, pieces=[f"event: error\ndata: {json.dumps(event)}\n\n"])


MESSAGES_FAULTS: tuple[Fault, ...] = (
    Fault(
        name="signature_missing",
        says="thinking is not signed",
        dialects=_M,
        needs="reasoning",
        body=_blocks(_unsigned),
        chunks=on_events(_unsigned_event),
        divergence="reasoning_roundtrip",
    ),
    Fault(
        name="signature_meaningless",
        says="the signature of thinking is 32 digits that nobody can verify",
        dialects=_M,
        needs="reasoning",
        body=_blocks(_nonsense),
        chunks=on_events(_nonsense_event),
        divergence="reasoning_roundtrip",
        source="captured: vLLM 0.32",
    ),
    Fault(
        name="input_missing",
        says="a streamed call keeps the empty `input` with which its block begins",
        dialects=_M,
        needs="calls",
        only="stream",
        chunks=on_events(_no_input),
        divergence="stream_vs_block",
    ),
    Fault(
        name="block_start_missing",
        says="no event says that a block begins",
        dialects=_M,
        codes=("stream_final_differs",),
        needs="text",
        only="stream",
        chunks=on_events(_no_start),
        divergence="stream_identity",
    ),
    Fault(
        name="blocks_out_of_order",
        says="the event that begins a block comes after the next one",
        dialects=_M,
        codes=("index_collision", "stream_final_differs"),
        needs="text",
        only="stream",
        chunks=_swapped,
        divergence="stream_identity",
    ),
    Fault(
        name="usage_zero",
        says="all token counts are zero",
        dialects=_BOTH,
        body=_zero_body,
        chunks=on_events(_zero_event),
        divergence="usage",
    ),
    Fault(
        name="cache_counts_missing",
        says="tokens that came from the cache are in no count",
        dialects=_M,
        body=_uncached_body,
        chunks=on_events(_uncached_event),
        divergence="usage",
        source="captured: vLLM 0.32",
    ),
    Fault(
        name="block_unknown",
        says="a block is of a kind that nobody has described",
        dialects=_M,
        codes=("item_unknown",),
        only="block",
        body=_odd,
    ),
    Fault(
        name="type_missing",
        says="the data of an event does not name it, only the line before does",
        dialects=_BOTH,
        only="stream",
        reply=_untyped,
        divergence="stream_identity",
    ),
    Fault(
        name="refused_in_block_alone",
        says="a request that is refused as a block is taken as a stream, which holds the error",
        dialects=_BOTH,
        codes=("bad_request",),
        stream_codes=("empty_response", "stream_error_event", "stream_no_finish"),
        reply=_hidden_refusal,
        divergence="error_shape",
        source="captured: vLLM 0.32 without a reasoning parser, thinking in Messages",
    ),
)
