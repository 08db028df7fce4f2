"""An answer written as Responses items, as the body a server sends, and as the events of its
stream.
"""

from __future__ import annotations

from typing import Any

from agentkit.types.answer import Response


def items(response: Response) -> list[dict[str, Any]]:
    """Write the answer as output items: as they came where it came in this dialect and nobody
    changed it.
    """
    if response.dialect == "responses" and response.items:
        return [item for item in response.items if isinstance(item, dict)]
    found: list[dict[str, Any]] = []
    if response.content:
        text = {"type": "output_text", "text": response.content, "annotations": []}
        found.append({"type": "message", "role": "assistant", "content": [text]})
    found += [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.raw_arguments,
        }
        for call in response.tool_calls
    ]
    return found


def body_out(response: Response) -> dict[str, Any]:
    """Write the answer as the body that a server sends."""
    usage = response.usage
    return {
        "id": response.id or "resp_0",
        "object": "response",
        "status": "completed",
        "model": response.model,
        "output": items(response),
        "usage": {
            "input_tokens": usage.input_tokens if usage else 0,
            "output_tokens": usage.output_tokens if usage else 0,
        },
    }


def events_out(response: Response) -> list[dict[str, Any]]:
    """Write the answer as the events of a stream."""
    whole = body_out(response)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
    ]
    for index, item in enumerate(whole["output"]):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
