"""An answer as the agent had it, where a person wrote or changed it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.read.plain import compact_json
from agentkit.testing.scripted import as_choice
from agentkit.testing.server.recorded import body_of, is_completion
from agentkit.types.answer import Dialect, Response, ToolCall
from agentkit.types.wire import Exchange

_FORMAT = frozenset({"content-length", "content-encoding", "content-type", "transfer-encoding"})
_IN_TEXT = ("content:", "reasoning:")


def given_answer(response: Response, dialect: Dialect) -> Exchange:
    """Give the exchange that an answer came in; where a person wrote it in a debugger, or changed
    the arguments of its calls there, one that a server would send for it.

    Args:
        response: the answer as the rollout goes on from it.
        dialect: what the rollout speaks.
    """
    exchange = response.exchange
    changed = any(call.sent_arguments is not None for call in response.tool_calls)
    in_text = any(call.origin.startswith(_IN_TEXT) for call in response.tool_calls)
    written = exchange.by_hand and exchange.status is None
    if in_text or not (changed or written) or not response.usable:
        return exchange
    body = _completion(response) if dialect == "chat" else CODECS[dialect].body_out(response)
    headers = tuple(pair for pair in exchange.headers if pair[0].lower() not in _FORMAT)
    text, status = compact_json(body), exchange.status or 200
    return replace(exchange, body=text, chunks=(), headers=headers, status=status)


def _completion(response: Response) -> dict[str, Any]:
    body = body_of(response.exchange)
    choice = as_choice(body)
    message = {"role": "assistant", **choice["message"]}
    if response.tool_calls:
        message["tool_calls"] = [_call(call) for call in response.tool_calls]
    usual = {"id": "chatcmpl-byhand", "object": "chat.completion", "created": 0}
    head = body if is_completion(body) else {}
    return {
        **usual,
        "model": response.model,
        **head,
        "choices": [{"index": 0, **choice, "message": message}],
    }


def _call(call: ToolCall) -> dict[str, Any]:
    kind, field = ("custom", "input") if call.status == "custom" else ("function", "arguments")
    return {"id": call.id, "type": kind, kind: {"name": call.name, field: call.raw_arguments}}
