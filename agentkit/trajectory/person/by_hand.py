"""What a person puts in place of what a model or a tool gave, marked as such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError
from agentkit.read.plain import plain
from agentkit.read.response import read_response
from agentkit.read.tool_output import as_text, error_text
from agentkit.types.answer import CallStatus, Response, ToolCall
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.wire import Exchange

SKIPPED = "the call was skipped by the user"
"""What the model reads of a call that a person skips."""
NOT_APPROVED = "the user did not approve this call"
"""What the model reads of a call that a person refuses."""


def written_answer(message: Any) -> Exchange:
    """Make the exchange that an answer written by hand comes in."""
    message = message.response if isinstance(message, Turn) else message
    data = message if isinstance(message, (Exchange, Response)) else plain(message)
    if isinstance(data, str):
        data = {"role": "assistant", "content": data}
    if isinstance(data, dict) and isinstance(data.get("message"), dict) and "choices" not in data:
        data = {"choices": [{"index": 0, **data}]}
    return replace(read_response(data).exchange, by_hand=True)


def come_message(response: Response) -> dict[str, Any]:
    """Write what came of an answer that broke off as a message, with the calls that came whole."""
    content = response.wire_content if response.wire_content is not None else response.content
    blocks = (b for b in response.reasoning_blocks if not b.source.startswith("content:"))
    reasoning = "".join(block.text for block in blocks)
    calls = [
        {
            "id": call.raw_id or call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw_arguments},
        }
        for call in response.tool_calls
        if call.valid and not call.origin.startswith("content:")
    ]
    more = {"reasoning": reasoning or None, "tool_calls": calls or None}
    kept = {name: value for name, value in more.items() if value}
    return {"role": "assistant", "content": content, **kept}


def written_result(call: ToolCall, value: Any) -> ToolResult:
    """Make the result of a call as a person gives it, status `edited`; a value is made into text as
    a tool's would be.
    """
    if isinstance(value, ToolResult):
        return replace(value, call_id=call.id, name=call.name, status="edited")
    content, conversion = as_text(value)
    value = value if conversion else None
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="edited",
        content=content,
        conversion=conversion,
        value=value,
    )


def skipped(call: ToolCall, reason: str = SKIPPED) -> ToolResult:
    """Make the result of a call that a person did not let run, status `skipped`; the model is told
    the reason.
    """
    return ToolResult(
        call_id=call.id, name=call.name, status="skipped", content=error_text(reason), error=reason
    )


def rewritten(call: ToolCall, arguments: Any) -> ToolCall:
    """Give the call other arguments, and drop what was wrong with the old ones.

    Raises:
        UsageError: they are no dict, or hold what JSON cannot.
    """
    if not isinstance(arguments, Mapping):
        raise UsageError(
            f"the arguments are a {type(arguments).__name__}",
            hint="pass a dict: arguments={'city': 'Oslo'}",
        )
    data = plain(arguments)
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise UsageError(
            "the arguments hold NaN or an infinity, which JSON does not have"
        ) from None
    if call.status == "custom":
        text = _custom_text(call, data)
    sent = call.raw_arguments if call.sent_arguments is None else call.sent_arguments
    problems = tuple(p for p in call.problems if not p.code.startswith("arguments_"))
    status: CallStatus = "custom" if call.status == "custom" else "normalized" if problems else "ok"
    return replace(
        call,
        arguments=data,
        raw_arguments=text,
        sent_arguments=sent,
        status=status,
        suggestion=None,
        problems=problems,
    )


def _custom_text(call: ToolCall, data: dict[str, Any]) -> str:
    text = data.get("input")
    if len(data) != 1 or not isinstance(text, str):
        raise UsageError(
            f"{call.name!r} is a custom tool and takes one text",
            hint="pass arguments={'input': text}",
        )
    return text
