"""Answers of a made-up server in each dialect, with reasoning that must go back as it came, and the
server that gives them. Constructed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import agentkit as ak
from agentkit.dialects.codecs import CODECS
from agentkit.servers.model_call import Call, Emit, request_body
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange

DIALECTS: tuple[Dialect, ...] = ("chat", "responses", "messages")
NATIVE: tuple[Dialect, ...] = ("responses", "messages")


def answer(
    dialect: Dialect, number: int, text: str | None = None, calls: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Write an answer with signed or encrypted reasoning, a text where one is given, and calls of
    `double`, each by its arguments.
    """
    if dialect == "responses":
        return _response(number, text, calls)
    return _message(number, text, calls) if dialect == "messages" else _chat(number, text, calls)


def _response(number: int, text: str | None, calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": f"thought {number}"}]
    reasoning = {"type": "reasoning", "id": f"rs_{number}", "summary": summary}
    items: list[dict[str, Any]] = [{**reasoning, "encrypted_content": f"sealed-{number}"}]
    if text is not None:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        said = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
        items.append({**said, "status": "completed", "phase": "commentary", "content": [part]})
    for place, arguments in enumerate(calls):
        called = {"type": "function_call", "id": f"fc_{number}{place}", "status": "completed"}
        called |= {"call_id": f"call_{number}{place}", "name": "double"}
        items.append({**called, "arguments": json.dumps(arguments)})
    body = {"id": f"resp_{number}", "object": "response", "status": "completed", "model": "m"}
    return {**body, "output": items}


def _message(number: int, text: str | None, calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    thought = {"type": "thinking", "thinking": f"thought {number}", "signature": f"sig-{number}"}
    blocks: list[dict[str, Any]] = [thought]
    if text is not None:
        blocks.append({"type": "text", "text": text})
    for place, arguments in enumerate(calls):
        used = {"type": "tool_use", "id": f"toolu_{number}{place}", "name": "double"}
        blocks.append({**used, "input": arguments})
    body = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "m"}
    return {**body, "content": blocks, "stop_reason": "tool_use" if calls else "end_turn"}


def _chat(number: int, text: str | None, calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    message["reasoning_content"] = f"thought {number}"
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}{place}",
                "type": "function",
                "function": {"name": "double", "arguments": json.dumps(arguments)},
            }
            for place, arguments in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {"object": "chat.completion", "model": "m", "choices": [choice]}


class DialectServer:
    """Answers with the bodies it is given, one after the other, the last one again and again; keeps
    the bodies of its requests.
    """

    profile = None

    def __init__(self, dialect: Dialect, answers: Sequence[dict[str, Any]]) -> None:
        self.dialect = dialect
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Give the next answer."""
        self.asked.append(json.loads(request_body(call)))
        number = min(len(self.asked), len(self.answers)) - 1
        return Exchange(body=json.dumps(self.answers[number]), status=200)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The messages or items of the last request."""
        body = self.asked[-1]
        found: list[dict[str, Any]] = body["input"] if "input" in body else body["messages"]
        return found


def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def agent(dialect: Dialect, answers: Sequence[dict[str, Any]], **more: Any) -> ak.Agent:
    """Make an agent that is answered so; its `server` keeps what it was asked."""
    return ak.Agent("m", [double], DialectServer(dialect, answers), **more)


def sent_items(body: dict[str, Any]) -> list[dict[str, Any]]:
    """List the items or blocks of an answer's body, as they must go back."""
    items: list[dict[str, Any]] = body["output"] if "output" in body else body["content"]
    return items


def answered_items(server: DialectServer, turn: int = 0) -> list[dict[str, Any]]:
    """List what went back of the answer of a turn in the last request, item by item or block by
    block.
    """
    if server.dialect == "messages":
        said = [m for m in server.history if m["role"] == "assistant"]
        found: list[dict[str, Any]] = said[turn]["content"]
        return found
    groups: list[list[dict[str, Any]]] = [[]]
    for item in server.history:
        if item.get("role") == "user" or item.get("type") == "function_call_output":
            groups += [[]] if groups[-1] else []
        else:
            groups[-1].append(item)
    return groups[turn]


__all__ = ["CODECS", "DIALECTS", "NATIVE", "DialectServer", "agent", "answer", "answered_items"]
