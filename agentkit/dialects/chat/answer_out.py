"""A chat completion as the chunks of its stream, in the order and the pieces of OpenAI's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PIECE = re.compile(r"\s*\S{1,16}|\s+")
_HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")
_TEXTS = ("reasoning", "reasoning_content", "content", "refusal")
"""What of a message is sent in pieces, in this order."""
Chunk = dict[str, Any]


def body_events(body: dict[str, Any], *, usage: bool = False) -> Iterator[Chunk]:
    """Write a body as the data of a stream's events, without the `[DONE]` behind them.

    Args:
        body: a chat completion.
        usage: whether the token counts are asked for, in a chunk of their own at the end.
    """
    head = {name: body[name] for name in _HEAD if name in body}
    head = {**head, "object": "chat.completion.chunk"}
    counts: Chunk = {"usage": None} if usage else {}
    for choice in body.get("choices") or ():
        if not isinstance(choice, dict):
            continue
        message = choice.get("message")
        for delta in _deltas(message if isinstance(message, dict) else {}):
            part = {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}
            yield {**head, "choices": [part], **counts}
        part = {"index": choice.get("index", 0), "delta": {}}
        yield {
            **head,
            "choices": [{**part, "finish_reason": choice.get("finish_reason")}],
            **counts,
        }
    if usage:
        yield {**head, "choices": [], "usage": body.get("usage")}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Cut a message into what each chunk adds."""
    listed = message.get("tool_calls")
    calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
    sent = (*_TEXTS, "role", "tool_calls") if isinstance(listed, list) else (*_TEXTS, "role")
    others = {name: value for name, value in message.items() if name not in sent}
    begun = None if message.get("content") is None else ""
    yield {"role": "assistant", "content": begun}
    for name in _TEXTS:
        value = message.get(name)
        if isinstance(value, str):
            yield from ({name: piece} for piece in _PIECE.findall(value))
        elif value:
            yield {name: value}
    for index, call in enumerate(calls):
        yield from _call(index, call)
    if kept := {name: value for name, value in others.items() if value is not None}:
        yield kept


def _call(index: int, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Cut a call: its id and its name, then its text in pieces."""
    kind = "custom" if isinstance(call.get("custom"), dict) else "function"
    field = "input" if kind == "custom" else "arguments"
    inner = call.get(kind) if isinstance(call.get(kind), dict) else {}
    text = inner.get(field) if inner else None
    begun = {**(inner or {}), field: "" if isinstance(text, str) else text}
    yield {"tool_calls": [{"index": index, **call, kind: begun}]}
    for piece in _PIECE.findall(text) if isinstance(text, str) else ():
        yield {"tool_calls": [{"index": index, kind: {field: piece}}]}
