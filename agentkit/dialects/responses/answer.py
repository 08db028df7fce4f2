"""A Responses body, taken apart: texts, reasoning, calls, and what the server did by itself."""

from __future__ import annotations

from typing import Any

from agentkit.dialects.parts import CallPart, Ending, Parts
from agentkit.types.answer import ReasoningBlock, ServerStep
from agentkit.types.problem import problem
from agentkit.types.wire import Usage

_CALLS = {"function_call": False, "custom_tool_call": True}
"""Items that are calls of ours, and whether what they hold is free text."""
_ENDINGS: dict[str | None, Ending] = {
    "completed": "natural",
    "max_output_tokens": "length",
    "content_filter": "filter",
    "failed": "broken",
    "cancelled": "broken",
    "queued": "going",
    "in_progress": "going",
}


def is_body(data: dict[str, Any]) -> bool:
    """Tell whether a body is a Responses answer: it says so, or has its `output` and `status`."""
    if data.get("object") == "response":
        return True
    return isinstance(data.get("output"), list) and "status" in data


def read(body: dict[str, Any]) -> Parts:
    """Take a body apart; never raises."""
    output = body.get("output")
    items = output if isinstance(output, list) else []
    parts = Parts(items=tuple(items), model=_text(body.get("model")), id=_text(body.get("id")))
    if not isinstance(output, list):
        parts.problems.append(
            problem("message_missing", "the answer has no `output`", pointer="/output")
        )
    texts: list[str] = []
    for index, item in enumerate(items):
        if isinstance(item, dict):
            _take(item, f"/output/{index}", parts, texts)
    parts.content = "".join(texts) if texts else None
    details = body.get("incomplete_details")
    reason = _text(details.get("reason")) if isinstance(details, dict) else None
    status = _text(body.get("status"))
    parts.finish = reason if status == "incomplete" and reason else status
    parts.finish_pointer = "/incomplete_details/reason" if parts.finish != status else "/status"
    parts.ending = _ENDINGS.get(parts.finish, "broken" if status == "incomplete" else None)
    parts.usage = read_usage(body.get("usage"))
    parts.error = body.get("error")
    return parts


def _take(item: dict[str, Any], pointer: str, parts: Parts, texts: list[str]) -> None:
    """Take one output item, by its type."""
    kind = item.get("type")
    if kind == "message":
        for part in _dicts(item.get("content")):
            if part.get("type") == "output_text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
                parts.content_pointer = parts.content_pointer or f"{pointer}/content"
            elif part.get("type") == "refusal":
                parts.refusal = (parts.refusal or "") + str(part.get("refusal") or "")
    elif kind == "reasoning":
        parts.reasoning.extend(_reasoning(item))
    elif kind in _CALLS:
        custom = _CALLS[kind]
        parts.calls.append(
            CallPart(
                name=item.get("name"),
                arguments=item.get("input" if custom else "arguments"),
                id=item.get("call_id"),
                item_id=_text(item.get("id")),
                custom=custom,
                whole=item.get("status") != "incomplete",
                origin=f"responses:{kind}",
                pointer=pointer,
            )
        )
    else:
        parts.steps.append(
            ServerStep(
                kind=str(kind),
                name=_text(item.get("name")) or str(kind).removesuffix("_call"),
                id=_text(item.get("id")),
                status=_text(item.get("status")),
                raw=item,
            )
        )


def _reasoning(item: dict[str, Any]) -> list[ReasoningBlock]:
    """Read the pieces of a reasoning item; the item itself is kept on the last of them."""
    found = [
        ReasoningBlock(source="responses:reasoning", kind=kind, text=str(part.get("text") or ""))
        for kind, listed in (("summary", item.get("summary")), ("text", item.get("content")))
        for part in _dicts(listed)
    ]
    if item.get("encrypted_content"):
        found.append(ReasoningBlock(source="responses:reasoning", kind="encrypted", raw=item))
    return found


def read_usage(raw: Any) -> Usage | None:
    """Read token counts; None where there are none."""
    if not isinstance(raw, dict) or not raw:
        return None
    read, written = raw.get("input_tokens_details"), raw.get("output_tokens_details")
    return Usage(
        input_tokens=_count(raw.get("input_tokens")),
        output_tokens=_count(raw.get("output_tokens")),
        reasoning_tokens=_count(written.get("reasoning_tokens"))
        if isinstance(written, dict)
        else None,
        cached_tokens=_count(read.get("cached_tokens")) if isinstance(read, dict) else None,
        raw=raw,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
