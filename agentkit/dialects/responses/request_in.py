"""A Responses request read back into the chat form that asks for the same: what a server, or a tap,
makes of it.
"""

from __future__ import annotations

from typing import Any

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_RESULTS = ("function_call_output", "custom_tool_call_output")
_PARTS = {"input_text": "text", "output_text": "text", "input_image": "image_url"}
_LOGPROBS = "message.output_text.logprobs"


def chat_request(body: dict[str, Any]) -> dict[str, Any]:
    """Write the request in OpenAI's chat form; fields that only this dialect has stay as they are.
    Never raises.
    """
    fields = {key: value for key, value in body.items() if key not in ("input", "instructions")}
    if "max_output_tokens" in fields:
        fields["max_tokens"] = fields.pop("max_output_tokens")
    if isinstance(fields.get("tools"), list):
        fields["tools"] = [_tool(tool) for tool in fields["tools"]]
    if isinstance(fields.get("tool_choice"), dict):
        fields["tool_choice"] = _choice(fields["tool_choice"])
    included = fields.get("include")
    if isinstance(included, list) and _LOGPROBS in included:
        fields["logprobs"] = True
    return {**fields, "messages": chat_messages(body)}


def chat_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the history as chat messages. What an assistant said, thought and called without
    anything between is one message, its items verbatim beside it.
    """
    given, instructions = body.get("input"), body.get("instructions")
    found: list[dict[str, Any]] = []
    if isinstance(instructions, str):
        found.append({"role": "system", "content": instructions})
    if isinstance(given, str):
        return [*found, {"role": "user", "content": given}]
    answer: dict[str, Any] | None = None
    for item in given if isinstance(given, list) else ():
        if not isinstance(item, dict):
            continue
        if not _is_answer(item):
            found.append(_message(item))
            answer = None
            continue
        if answer is None:
            answer = {"role": "assistant", "content": None, "items": []}
            found.append(answer)
        _take(item, answer)
    return found


def _is_answer(item: dict[str, Any]) -> bool:
    """Tell whether a model wrote the item, or the server with it."""
    if "role" in item:
        return bool(item["role"] == "assistant")
    return item.get("type") not in _RESULTS


def _message(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") in _RESULTS:
        content = _content(item.get("output"))
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
    return {"role": item.get("role"), "content": _content(item.get("content"))}


def _take(item: dict[str, Any], answer: dict[str, Any]) -> None:
    """Add one item to an assistant's message."""
    kind = item.get("type", "message")
    answer["items"].append(item)
    if kind == "message":
        text = _text(item.get("content"))
        answer["content"] = text if answer["content"] is None else answer["content"] + text
    elif kind == "reasoning":
        parts = item.get("content") or item.get("summary")
        if text := _text(parts):
            answer["reasoning"] = answer.get("reasoning", "") + text
    elif isinstance(kind, str) and kind in _CALLS:
        field = _CALLS[kind]
        made = {"name": item.get("name"), field: item.get(field)}
        form = "function" if kind == "function_call" else "custom"
        entry = {"id": item.get("call_id"), "type": form, form: made}
        answer.setdefault("tool_calls", []).append(entry)


def _text(content: Any) -> str:
    """Join the texts of a message's parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = [part.get("text", part.get("refusal")) for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _content(content: Any) -> Any:
    """Write the content of a message: as a text where it is only that."""
    if not isinstance(content, list):
        return content
    kinds = [_PARTS.get(str(part.get("type"))) for part in content if isinstance(part, dict)]
    if kinds == ["text"] * len(content):
        return _text(content)
    return [_part(part) for part in content]


def _part(part: Any) -> Any:
    kind = _PARTS.get(str(part.get("type"))) if isinstance(part, dict) else None
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    if kind == "image_url":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    return part


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") not in ("function", "custom"):
        return tool
    kind = tool["type"]
    return {"type": kind, kind: {key: value for key, value in tool.items() if key != "type"}}


def _choice(choice: dict[str, Any]) -> Any:
    if choice.get("type") not in ("function", "custom"):
        return choice
    kind = choice["type"]
    return {"type": kind, kind: {"name": choice.get("name")}}
