"""Requests and answers as agents of other packages write them, for the tests of stitching. All of it
is constructed after what these packages were seen to send.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.trajectory.stitch.link import FlowLink
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange, Flow

Json = dict[str, Any]
TOOL: Json = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
TRANSFER: Json = {"type": "function", "function": {"name": "transfer", "parameters": {}}}
SYSTEM: Json = {"role": "system", "content": "Be brief."}
USER: Json = {"role": "user", "content": "Weather in Paris?"}


def call(call_id: str, arguments: str = '{"city":  "Paris"}', name: str = "get_weather") -> Json:
    """Write a call as a chat answer has it."""
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def assistant(*calls: Json, content: str | None = None, **fields: Any) -> Json:
    """Write an assistant's message."""
    message: Json = {"role": "assistant", "content": content, **fields}
    return {**message, "tool_calls": list(calls)} if calls else message


def result(call_id: str, content: Any = "21") -> Json:
    """Write a result."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def user(text: str) -> Json:
    """Write a message of the user."""
    return {"role": "user", "content": text}


def chat_answer(message: Json) -> str:
    """Write the body of a chat completion."""
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})


@dataclass
class Wire:
    """A tap: gives what is sent over it to a stitcher, an answer at once."""

    stitcher: Stitcher
    clock: float = 1000.0
    sent: int = 0
    flows: list[Flow] = field(default_factory=list)

    def ask(
        self,
        messages: Sequence[Json],
        answer: Json | None = None,
        *,
        label: str = "",
        headers: Json | None = None,
        **fields: Any,
    ) -> int:
        """Send a chat request; without an answer it is still awaited."""
        body: Json = {"model": "m", "messages": list(messages), "tools": [TOOL], **fields}
        body = {name: value for name, value in body.items() if value is not None}
        number = self.send("/v1/chat/completions", body, label=label, headers=headers)
        if answer is not None:
            self.answer(number, chat_answer(answer))
        return number

    def send(self, path: str, body: Any, *, label: str = "", headers: Json | None = None) -> int:
        """Send a request whose answer is awaited."""
        given = tuple((headers or {"x-stainless-retry-count": "0"}).items())
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        flow = Flow(
            number=self.sent,
            label=label,
            path=path,
            headers=given,
            body=text,
            started=self.clock,
        )
        self.flows.append(flow)
        self.sent, self.clock = self.sent + 1, self.clock + 1
        self.stitcher.add(flow)
        return flow.number

    def answer(self, number: int, body: str, status: int = 200) -> None:
        """Answer a request."""
        flow = self.flows[number]
        exchange = Exchange(body=body, status=status, started=flow.started, elapsed=0.25)
        self.flows[number] = replace(flow, exchange=exchange)
        self.stitcher.add(self.flows[number])

    def fail(self, number: int, status: int | None = None) -> None:
        """Answer a request with a failure; without a status its connection is lost."""
        if status is not None:
            self.answer(number, '{"error": {"message": "no"}}', status)
            return
        lost = ApiError(kind="connection_reset", message="gone", retryable=True)
        flow = replace(self.flows[number], exchange=Exchange(transport_error=lost))
        self.stitcher.add(flow)

    def link(self, number: int) -> FlowLink:
        """Look up where a request was put."""
        found = self.stitcher.link(number)
        assert found is not None
        return found

    def rollout(self, number: int) -> Trajectory:
        """Look up the rollout of a request."""
        found = self.stitcher.rollout(self.link(number).rollout)
        assert found is not None
        return found


def wire() -> Wire:
    """Make a tap with a stitcher of its own."""
    return Wire(Stitcher())
