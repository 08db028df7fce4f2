"""A conversation as the body of a Messages request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_RESULTS = b'{"role":"user","content":[{"type":"tool_result"'
MAX_TOKENS = 4096
"""What is asked for where nobody said: the API requires a number."""


def encode(message: dict[str, Any]) -> bytes:
    """Encode one message of the history; results are a user's message of their own, which `body`
    joins with its neighbours.
    """
    return _json(native_message(message))


def native_message(message: dict[str, Any]) -> dict[str, Any]:
    """Write one message in OpenAI's chat form as a Messages message; native content stays."""
    role = message.get("role")
    if "items" in message:
        return {"role": "assistant", "content": list(message["items"])}
    if role == "tool":
        result = {
            "type": "tool_result",
            "tool_use_id": message.get("tool_call_id"),
            "content": message.get("content"),
        }
        return {"role": "user", "content": [result]}
    if not message.get("tool_calls"):
        return {"role": role, "content": message.get("content")}
    content = message.get("content")
    blocks: list[dict[str, Any]] = [{"type": "text", "text": content}] if content else []
    for call in message["tool_calls"]:
        function = call.get("function") or {}
        blocks.append(
            {
                "type": "tool_use",
                "id": call.get("id"),
                "name": function.get("name"),
                "input": json.loads(function.get("arguments") or "{}"),
            }
        )
    return {"role": role, "content": blocks}


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
    found = dict(fields)
    found.setdefault("max_tokens", MAX_TOKENS)
    if found.get("tools"):
        found["tools"] = [_tool(tool) for tool in found["tools"]]
    joined: list[bytes] = []
    for part in parts:
        if part.startswith(b'{"role":"system"') and not joined:
            found["system"] = json.loads(part)["content"]
        elif part.startswith(_RESULTS) and joined and joined[-1].startswith(_RESULTS):
            joined[-1] = joined[-1][:-2] + b"," + part[len(b'{"role":"user","content":[') :]
        elif part:
            joined.append(part)
    head = _json({**found, **(extra or {}), **({"stream": True} if stream else {})})
    return head[:-1] + b',"messages":[' + b",".join(joined) + b"]}"


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    kept = {name: function[name] for name in ("name", "description") if name in function}
    return {**kept, "input_schema": schema}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
