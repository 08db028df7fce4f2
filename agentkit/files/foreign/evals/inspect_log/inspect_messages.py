"""The messages of an Inspect log as chat messages.

Source: inspect_ai, model/_chat_message.py, _util/content.py and tool/_tool_call.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.evals.fields import call_of, object_in, objects_in, text_in
from agentkit.types.trajectory import ResultStatus

_STATUS: dict[str, ResultStatus] = {
    "timeout": "timeout",
    "parsing": "invalid_call",
    "cancelled": "cancelled",
    "approval": "skipped",
}
"""What a type of tool error amounts to; the others are `error`."""

_UNREAD = re.compile(r"call arguments:\n\n(.*)\n\nError details: ", re.DOTALL)
"""How `parse_error` holds the arguments that are no JSON."""


def chat_message(message: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """Write a message as a chat message: parts of text joined, thoughts beside them.

    Args:
        message: the message, with nothing of it kept elsewhere.
        losses: where parts that have no place there are counted.
    """
    content, thought = _content(message.get("content"), losses)
    wire: dict[str, Any] = {"role": text_in(message.get("role")), "content": content}
    if thought:
        wire["reasoning_content"] = thought
    if wire["role"] == "assistant":
        calls = [_call(call) for call in objects_in(message.get("tool_calls"))]
        wire |= {"tool_calls": calls} if calls else {}
    elif wire["role"] == "tool":
        wire["tool_call_id"] = message.get("tool_call_id")
        if text_in(message.get("function")):
            wire["name"] = message["function"]
        told = text_in(object_in(message.get("error")).get("message"))
        wire["content"] = wire["content"] or told
    return wire


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    name = call.get("function")
    if call.get("type") == "custom":
        return {
            "id": call.get("id"),
            "type": "custom",
            "custom": {"name": name, "input": object_in(call.get("arguments")).get("input", "")},
        }
    arguments = call.get("arguments", {})
    raw, failed = object_in(arguments), text_in(call.get("parse_error"))
    if failed and list(raw) == [name]:
        (arguments,) = raw.values()  # what the model wrote, where it was no object
    elif failed and not raw and (unread := _UNREAD.search(failed)):
        arguments = unread[1]
    return call_of(name, arguments, call.get("id"))


def _content(content: Any, losses: Losses) -> tuple[Any, str]:
    """Read a content: text where it is nothing else, and the thoughts in it."""
    if not isinstance(content, list):
        return text_in(content), ""
    parts: list[dict[str, Any]] = []
    thoughts: list[str] = []
    for part in content:
        kind = text_in(object_in(part).get("type"))
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        elif kind == "text":
            parts.append({"type": "text", "text": text_in(part.get("text"))})
        elif kind == "reasoning":
            hidden = part.get("redacted") and not part.get("summary")
            thoughts.append(text_in(part.get("summary") or part.get("reasoning")))
            if hidden:
                thoughts.pop()
                losses.note("messages[].content[] of type reasoning, redacted")
        elif kind == "image":
            parts.append({"type": "image_url", "image_url": {"url": text_in(part.get("image"))}})
        else:
            losses.note(f"messages[].content[] of type {kind or 'none'}")
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts), "\n".join(thoughts)
    return parts, "\n".join(thoughts)


def failure_of(error: Any) -> dict[str, Any]:
    """Read the error of a tool as fields of its result."""
    kind = text_in(object_in(error).get("type"))
    if not kind:
        return {}
    message = text_in(object_in(error).get("message"))
    return {"status": _STATUS.get(kind, "error"), "error": f"{kind}: {message}"}
