"""A Messages request read back into the chat form that asks for the same: what a server, or a tap,
makes of it.
"""

from __future__ import annotations

import json
from typing import Any

_CHOICES = {"auto": "auto", "none": "none", "any": "required"}


def chat_request(body: dict[str, Any]) -> dict[str, Any]:
    """Write the request in OpenAI's chat form; fields that only this dialect has stay as they are.
    Never raises.
    """
    fields = {key: value for key, value in body.items() if key not in ("messages", "system")}
    if "stop_sequences" in fields:
        fields["stop"] = fields.pop("stop_sequences")
    if isinstance(fields.get("tools"), list):
        fields["tools"] = [_tool(tool) for tool in fields["tools"]]
    choice = fields.get("tool_choice")
    if isinstance(choice, dict):
        fields["tool_choice"] = _choice(choice)
        if "disable_parallel_tool_use" in choice:
            fields["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return {**fields, "messages": chat_messages(body)}


def chat_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the history as chat messages: each result as one of its own, an assistant's blocks
    verbatim beside its message.
    """
    found: list[dict[str, Any]] = []
    if (system := body.get("system")) is not None:
        found.append({"role": "system", "content": _content(system)})
    given = body.get("messages")
    for message in given if isinstance(given, list) else ():
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if message.get("role") == "assistant":
            found.append(_assistant(content))
        elif isinstance(content, list):
            found += _user(str(message.get("role")), content)
        else:
            found.append({"role": message.get("role"), "content": content})
    return found


def _user(role: str, blocks: list[Any]) -> list[dict[str, Any]]:
    """Part the blocks of a user into results and the rest."""
    found: list[dict[str, Any]] = []
    rest: list[Any] = []
    for block in blocks:
        if isinstance(block, dict) and block.get("type") == "tool_result":
            content = _content(block.get("content"))
            found.append({"role": "tool", "tool_call_id": block.get("tool_use_id")})
            found[-1]["content"] = "" if content is None else content
            if "is_error" in block:
                found[-1]["is_error"] = block["is_error"]
        else:
            rest.append(block)
    if rest:
        found.append({"role": role, "content": _content(rest)})
    return found


def _assistant(content: Any) -> dict[str, Any]:
    if not isinstance(content, list):
        return {"role": "assistant", "content": content}
    blocks = [block for block in content if isinstance(block, dict)]
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    thoughts = [block.get("thinking") for block in blocks if block.get("type") == "thinking"]
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    message: dict[str, Any] = {"role": "assistant", "content": _joined(texts), "items": blocks}
    if thought := _joined(thoughts):
        message["reasoning"] = thought
    if calls:
        message["tool_calls"] = calls
    return message


def _joined(texts: list[Any]) -> str | None:
    return "".join(text for text in texts if isinstance(text, str)) if texts else None


def _call(block: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(block.get("input"), ensure_ascii=False)
    function = {"name": block.get("name"), "arguments": arguments}
    return {"id": block.get("id"), "type": "function", "function": function}


def _content(content: Any) -> Any:
    """Write content as a text where it is only that, images as chat completions have them."""
    if not isinstance(content, list):
        return content
    if all(isinstance(block, dict) and block.get("type") == "text" for block in content):
        return _joined([block.get("text") for block in content]) or ""
    return [_part(block) for block in content]


def _part(block: Any) -> Any:
    source = block.get("source") if isinstance(block, dict) else None
    if not isinstance(source, dict) or block.get("type") != "image":
        return block
    data = f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": source.get("url") or data}}


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or "input_schema" not in tool:
        return tool
    kept = {key: tool[key] for key in ("name", "description") if key in tool}
    return {"type": "function", "function": {**kept, "parameters": tool["input_schema"]}}


def _choice(choice: dict[str, Any]) -> Any:
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return _CHOICES.get(str(choice.get("type")), choice)
