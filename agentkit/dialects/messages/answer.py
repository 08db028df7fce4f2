"""A Messages body, taken apart: texts, thinking, calls, and what the server did by itself."""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.parts import CallPart, Ending, Parts
from agentkit.types.answer import ReasoningBlock, ServerStep
from agentkit.types.problem import problem
from agentkit.types.wire import Usage

_ENDINGS: dict[str | None, Ending] = {
    "end_turn": "natural",
    "stop_sequence": "natural",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filter",
    "pause_turn": "going",
}


def is_body(data: dict[str, Any]) -> bool:
    """Tell whether a body is a Messages answer: it says so, or has its `content` and
    `stop_reason`.
    """
    if data.get("type") == "message" and isinstance(data.get("content"), list):
        return True
    return isinstance(data.get("content"), list) and "stop_reason" in data


def read(body: dict[str, Any]) -> Parts:
    """Take a body apart; never raises."""
    content = body.get("content")
    blocks = content if isinstance(content, list) else []
    parts = Parts(items=tuple(blocks), model=_text(body.get("model")), id=_text(body.get("id")))
    if not isinstance(content, list):
        parts.problems.append(
            problem("message_missing", "the answer has no `content`", pointer="/content")
        )
    texts: list[str] = []
    for index, block in enumerate(blocks):
        if isinstance(block, dict):
            _take(block, f"/content/{index}", parts, texts)
    parts.content = "".join(texts) if texts else None
    parts.finish = _text(body.get("stop_reason"))
    parts.finish_pointer = "/stop_reason"
    parts.ending = _ENDINGS.get(parts.finish)
    parts.usage = read_usage(body.get("usage"))
    return parts


def _take(block: dict[str, Any], pointer: str, parts: Parts, texts: list[str]) -> None:
    """Take one content block, by its type."""
    kind = block.get("type")
    if kind == "text":
        texts.append(str(block.get("text") or ""))
        parts.content_pointer = parts.content_pointer or pointer
    elif kind == "thinking":
        text = str(block.get("thinking") or "")
        parts.reasoning.append(ReasoningBlock(source="messages:thinking", text=text, raw=block))
    elif kind == "redacted_thinking":
        parts.reasoning.append(
            ReasoningBlock(source="messages:thinking", kind="encrypted", raw=block)
        )
    elif kind == "tool_use":
        parts.calls.append(
            CallPart(
                name=block.get("name"),
                arguments=json.dumps(block.get("input"), ensure_ascii=False),
                id=block.get("id"),
                origin="messages:tool_use",
                pointer=pointer,
            )
        )
    else:
        parts.steps.append(
            ServerStep(
                kind=str(kind),
                name=_text(block.get("name")) or str(kind),
                id=_text(block.get("id")),
                raw=block,
            )
        )


def read_usage(raw: Any) -> Usage | None:
    """Read token counts; what came from the cache, or was written to it, was read too."""
    if not isinstance(raw, dict) or not raw:
        return None
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    read = [raw[name] for name in names if type(raw.get(name)) is int]
    written, cached = raw.get("output_tokens"), raw.get("cache_read_input_tokens")
    return Usage(
        input_tokens=sum(read) if read else None,
        output_tokens=written if type(written) is int else None,
        cached_tokens=cached if type(cached) is int else None,
        raw=raw,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
