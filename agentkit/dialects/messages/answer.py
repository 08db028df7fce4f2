"""A Messages body, taken apart: texts, thinking, calls, and what the server did by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.dialects.messages.blocks.known_blocks import (
    LENGTH,
    SERVER_NOTES,
    SERVER_RESULTS,
    SERVER_USES,
    input_text,
    is_json,
)
from agentkit.dialects.parts import CallPart, Ending, Parts
from agentkit.types.answer import ReasoningBlock, ServerStep
from agentkit.types.problem import problem
from agentkit.types.wire import Usage

_ENDINGS: dict[str | None, Ending] = {
    "end_turn": "natural",
    "stop_sequence": "natural",
    "tool_use": "calls",
    **dict.fromkeys(LENGTH, "length"),
    "refusal": "filter",
    "pause_turn": "going",
    "compaction": "going",
}
_STEPS = SERVER_USES | SERVER_RESULTS
_MOST_UNKNOWN = 20
"""Blocks that are not known are reported one by one up to this many."""


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
    blocks = [_as_sent(block) for block in content] if isinstance(content, list) else []
    parts = Parts(items=tuple(blocks), model=_text(body.get("model")), id=_text(body.get("id")))
    if not isinstance(content, list):
        parts.problems.append(
            problem("message_missing", "the answer has no `content`", pointer="/content")
        )
    parts.finish = _text(body.get("stop_reason"))
    parts.finish_pointer = "/stop_reason"
    parts.ending = _ENDINGS.get(parts.finish)
    texts: list[str] = []
    used: dict[str, int] = {}
    for index, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind in _STEPS:
            _step(block, kind, parts, used)
        elif isinstance(block, dict):
            _take(block, kind, f"/content/{index}", parts, texts)
        else:
            _unknown(block, None, f"/content/{index}", parts)
    parts.content = "".join(texts) if texts else None
    parts.refusal = _refusal(body) if parts.ending == "filter" else None
    parts.usage = read_usage(body.get("usage"))
    return parts


def cited(block: dict[str, Any]) -> list[dict[str, Any]]:
    """List what a block of text cites."""
    cites = block.get("citations")
    return [each for each in cites if isinstance(each, dict)] if isinstance(cites, list) else []


def _as_sent(block: Any) -> Any:
    """Give a field back its name that an SDK's object has under another: `from` is a word of
    Python.
    """
    if not isinstance(block, dict) or block.get("type") != "fallback" or "from_" not in block:
        return block
    return {"from" if name == "from_" else name: value for name, value in block.items()}


def _take(block: dict[str, Any], kind: Any, pointer: str, parts: Parts, texts: list[str]) -> None:
    """Take one content block that is no step of the server's with a result, by its type."""
    if kind == "text" and isinstance(block.get("text"), (str, type(None))):
        texts.append(block.get("text") or "")
        parts.content_pointer = parts.content_pointer or pointer
    elif kind in ("thinking", "redacted_thinking"):
        parts.reasoning.append(_reasoning(block))
    elif kind == "tool_use":
        parts.calls.append(_call(block, pointer, parts))
    elif isinstance(kind, str) and kind in SERVER_NOTES:
        parts.steps.append(ServerStep(kind=kind, name=kind, id=_text(block.get("id")), raw=block))
    else:
        _unknown(block, kind, pointer, parts)


def _reasoning(block: dict[str, Any]) -> ReasoningBlock:
    """Read a block of thinking; where it is not shown, its signature or data stands for it."""
    text = block.get("thinking") if block.get("type") == "thinking" else ""
    text = text if isinstance(text, str) else ""
    hidden = not text and (block.get("data") or block.get("signature"))
    kind = "encrypted" if hidden else "text"
    return ReasoningBlock(source="messages:thinking", kind=kind, text=text, raw=block)


def _call(block: dict[str, Any], pointer: str, parts: Parts) -> CallPart:
    """Read a call; one whose input is a broken text is not whole where the answer ends in it."""
    given = block.get("input")
    last = block is parts.items[-1] and parts.ending in ("length", None)
    return CallPart(
        name=block.get("name"),
        arguments=input_text(given),
        id=block.get("id"),
        whole=not bool(last and isinstance(given, str) and given and not is_json(given)),
        origin="messages:tool_use",
        pointer=pointer,
    )


def _unknown(block: Any, kind: Any, pointer: str, parts: Parts) -> None:
    """Keep a block that is not known as a step of the server's."""
    name = kind if isinstance(kind, str) and kind else "unknown"
    parts.steps.append(ServerStep(kind=name, name=name, raw=block))
    if sum(p.code == "item_unknown" for p in parts.problems) < _MOST_UNKNOWN:
        text = f"a content block of type {name[:100]!r} is not known; it is kept as it came"
        parts.problems.append(problem("item_unknown", text, pointer=pointer, before=block))


def _step(block: dict[str, Any], kind: str, parts: Parts, used: dict[str, int]) -> None:
    """Take what the server ran, or what came of it: one step where both are in the answer.

    Args:
        block: the block.
        kind: its type.
        parts: what the answer amounts to.
        used: where the steps are that no result has come for, by their ids.
    """
    if kind in SERVER_USES:
        own = _text(block.get("id"))
        name = _text(block.get("name")) or kind
        if own is not None:
            used[own] = len(parts.steps)
        parts.steps.append(ServerStep(kind=kind, name=name, id=own, raw=block))
        return
    status = "failed" if _is_fault(block) else "completed"
    of = _text(block.get("tool_use_id"))
    place = used.pop(of, None) if of is not None else None
    if place is not None:
        parts.steps[place] = replace(parts.steps[place], outcome=block, status=status)
        return
    name = kind.removesuffix("_tool_result")
    parts.steps.append(ServerStep(kind=kind, name=name, id=of, status=status, raw=block))


def _is_fault(block: dict[str, Any]) -> bool:
    """Tell whether a result says that its tool failed: `is_error`, or a content whose type is a
    fault's (`web_search_tool_result_error`, `tool_search_tool_result_error`, …).
    """
    content = block.get("content")
    kind = content.get("type") if isinstance(content, dict) else None
    return block.get("is_error") is True or (isinstance(kind, str) and kind.endswith("_error"))


def _refusal(body: dict[str, Any]) -> str | None:
    """Return the server's words on a refusal, where it has any."""
    details = body.get("stop_details")
    return _text(details.get("explanation")) if isinstance(details, dict) else None


def read_usage(raw: Any) -> Usage | None:
    """Read token counts; what came from the cache, or was written to it, was read too.

    What `iterations` lists is in the sums already, but for what other models read and wrote
    (`advisor_message`, `compaction`), which is not of this answer.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    read = [number for name in names if (number := _number(raw.get(name))) is not None]
    details = raw.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return Usage(
        input_tokens=sum(read) if read else None,
        output_tokens=_number(raw.get("output_tokens")),
        reasoning_tokens=_number(thought),
        cached_tokens=_number(raw.get("cache_read_input_tokens")),
        raw=raw,
    )


def _number(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
