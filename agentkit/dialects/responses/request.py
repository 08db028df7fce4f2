"""A conversation as the body of a Responses request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def encode(message: dict[str, Any]) -> bytes:
    """Encode one message of the history as the input items it amounts to, parted by commas."""
    return b",".join(_json(item) for item in input_items(message))


def input_items(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Write one message in OpenAI's chat form as input items; what is an item already stays as it
    is, and an answer's own `items` go back untouched.
    """
    role = message.get("role")
    if not isinstance(role, str):
        return [message]
    if "items" in message:
        return [item for item in message["items"] if isinstance(item, dict)]
    if role == "tool":
        return [
            {
                "type": "function_call_output",
                "call_id": message.get("tool_call_id"),
                "output": message.get("content"),
            }
        ]
    items: list[dict[str, Any]] = []
    content = message.get("content")
    if content or not message.get("tool_calls"):
        items.append({"role": role, "content": content or ""})
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        items.append(
            {
                "type": "function_call",
                "call_id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments"),
            }
        )
    return items


def body(
    parts: Sequence[bytes], fields: dict[str, Any], extra: dict[str, Any] | None, stream: bool
) -> bytes:
    """Join encoded messages and the other fields to a request's body.

    Args:
        parts: what `encode` gave for each message.
        fields: everything else, in its chat form; native names stay.
        extra: merged over it.
        stream: whether the answer is asked for in pieces.
    """
    head = _json({**_fields(fields), **(extra or {}), **({"stream": True} if stream else {})})
    joined = b",".join(part for part in parts if part)
    return head[:-1] + (b"," if head != b"{}" else b"") + b'"input":[' + joined + b"]}"


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    found = dict(fields)
    if "max_tokens" in found:
        found["max_output_tokens"] = found.pop("max_tokens")
    if found.get("tools"):
        found["tools"] = [_tool(tool) for tool in found["tools"]]
    return found


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, dict) else tool


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
