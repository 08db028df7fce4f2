"""An answer written as Messages blocks, as the body a server sends, and as the events of its
stream.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.types.answer import Response


def items(response: Response) -> list[dict[str, Any]]:
    """Write the answer as content blocks: as they came where it came in this dialect and nobody
    changed it.
    """
    if response.dialect == "messages" and response.items:
        return [block for block in response.items if isinstance(block, dict)]
    found: list[dict[str, Any]] = []
    if response.content:
        found.append({"type": "text", "text": response.content})
    found += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments or {}}
        for call in response.tool_calls
    ]
    return found


def body_out(response: Response) -> dict[str, Any]:
    """Write the answer as the body that a server sends."""
    usage = response.usage
    return {
        "id": response.id or "msg_0",
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": items(response),
        "stop_reason": "tool_use" if response.tool_calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.input_tokens if usage else 0,
            "output_tokens": usage.output_tokens if usage else 0,
        },
    }


def events_out(response: Response) -> list[dict[str, Any]]:
    """Write the answer as the events of a stream."""
    whole = body_out(response)
    start = {**whole, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(whole["content"]):
        kind = block["type"]
        if kind == "text":
            begun, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        elif kind == "tool_use":
            text = json.dumps(block["input"], ensure_ascii=False)
            begun, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": text},
            )
        else:
            begun, delta = block, {}
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        if delta:
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": whole["usage"]})
    events.append({"type": "message_stop"})
    return events
