"""Results of calls that are no plain functions: each kind of call wants an item of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agentkit.dialects.responses.items.item_kinds import OUTPUTS, is_call

_PLAIN = b'{"type":"function_call_output","call_id":'
_YES = frozenset({"true", "yes", "approve", "approved", '"approve"', '"approved"', '"yes"'})
Item = dict[str, Any]


def is_answer(part: bytes) -> bool:
    """Tell by its first bytes whether an encoded item is the result of a call."""
    return part.startswith(_PLAIN)


def waiting_calls(items: Iterable[Any]) -> dict[str, Item]:
    """Find calls whose results are no plain outputs, by the id that a result names."""
    return {
        key: item
        for item in items
        if isinstance(item, dict) and is_call(item)
        if item["type"] in OUTPUTS or isinstance(item.get("caller"), dict)
        for key in [item.get("id" if item["type"] == "mcp_approval_request" else "call_id")]
        if isinstance(key, str)
    }


def result_item(call: Item, answer: Item) -> Item:
    """Write the result of a call as the item that its kind wants; one that a person wrote in full
    stays as it is.

    Args:
        call: the item of the call.
        answer: its result as a `function_call_output`.
    """
    if set(answer) != {"type", "call_id", "output"}:
        return answer
    kind, call_id, output = call["type"], answer["call_id"], answer["output"]
    head = {"type": OUTPUTS.get(kind, "function_call_output"), "call_id": call_id}
    caller = {"caller": call["caller"]} if isinstance(call.get("caller"), dict) else {}
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    match kind:
        case "computer_call":
            return {**head, "output": _screenshot(output)}
        case "shell_call":
            action = call.get("action")
            limit = action.get("max_output_length") if isinstance(action, dict) else None
            more = {"max_output_length": limit} if limit is not None else {}
            return {**head, "output": _shell(text), **more, **caller}
        case "local_shell_call":
            return {"type": head["type"], "id": call_id, "output": text}
        case "apply_patch_call":
            status = "failed" if _failed(text) else "completed"
            return {**head, "status": status, "output": text, **caller}
        case "tool_search_call":
            tools = _value(text)
            more = {"execution": "client", "status": "completed", "tools": tools}
            return {**head, **more} if isinstance(tools, list) else answer
        case "mcp_approval_request":
            approved = text.strip().lower() in _YES
            why = {} if approved else {"reason": text}
            named = {"approval_request_id": call_id, "approve": approved}
            return {"type": head["type"], **named, **why}
    return {**head, "output": output, **caller}


def _screenshot(output: Any) -> Any:
    """Find the picture in what a computer tool gave; without one, it stays what it is."""
    parts = output if isinstance(output, list) else []
    for part in parts:
        if isinstance(part, dict) and part.get("type") == "input_image":
            kept = {name: part[name] for name in ("image_url", "file_id") if part.get(name)}
            return {"type": "computer_screenshot", **kept}
    value = _value(output) if isinstance(output, str) else output
    return value if isinstance(value, dict) and "type" in value else output


def _shell(text: str) -> list[Any]:
    """Write what a shell gave: its own list of outputs, or a text as what it printed."""
    value = _value(text)
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return value
    if isinstance(value, dict) and "outcome" in value:
        return [value]
    failed = _failed(text)
    outcome = {"type": "exit", "exit_code": int(failed)}
    out, err = ("", text) if failed else (text, "")
    return [{"stdout": out, "stderr": err, "outcome": outcome}]


def _failed(text: str) -> bool:
    """Tell whether a text is the error that is sent in place of a result."""
    value = _value(text)
    return isinstance(value, dict) and "error" in value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
