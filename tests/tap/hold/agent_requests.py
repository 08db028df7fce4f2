"""Requests as agents send them, in each dialect, with a history of one turn. Constructed."""

from __future__ import annotations

import json
from typing import Any

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
TOOLS: dict[str, list[Any]] = {
    "chat": [{"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}],
    "responses": [{"type": "function", "name": "pay", "parameters": SCHEMA, "strict": False}],
    "messages": [{"name": "pay", "input_schema": SCHEMA}],
}
_CALLED = {"name": "pay", "arguments": '{ "amount":5 }'}
HISTORY: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Pay 5, é."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": _CALLED}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "paid"},
        ]
    },
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Pay 5, é."}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", **_CALLED},
            {"type": "function_call_output", "call_id": "call_1", "output": "paid"},
        ],
    },
    "messages": {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Pay 5, é.", "cache_control": {"type": "ephemeral"}}
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Pay.", "signature": "signed"},
                    {"type": "tool_use", "id": "call_1", "name": "pay", "input": {"amount": 5}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "paid"}],
            },
        ],
    },
}


def body(dialect: str, **fields: Any) -> str:
    """Write a body with spaces where agents put none, so that a byte that moved is seen."""
    limit = {"max_tokens": 64} if dialect == "messages" else {}
    head = {"model": "m", "temperature": 1.0, **limit}
    data = {**head, **HISTORY[dialect], "tools": TOOLS[dialect], **fields}
    return json.dumps(data, indent=1, ensure_ascii=False)
