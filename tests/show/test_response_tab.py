"""What the tab of an answer says of how it came. The answers are constructed."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from agentkit.read.response import read_response
from agentkit.show.notebook.views.turns.response_tab import response_tab
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.wire import Chunk, Exchange
from tests.show.render_samples import result

CALL = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
}


def shown(exchange: Exchange, *results: ToolResult | None) -> str:
    """The words of the tab."""
    turn = Turn(index=0, response=read_response(exchange), results=results)
    markup = response_tab(Trajectory(turns=(turn,)), 0)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def body(**message: Any) -> str:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice]})


def event(**delta: Any) -> Chunk:
    data = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    return Chunk(at=0.2, text=f"data: {json.dumps(data)}\n\n")


def test_a_block_that_was_read_as_a_stream_came_in_one_piece() -> None:
    came = Exchange(chunks=(Chunk(at=0.2, text=body(content="Hi")),), status=200, elapsed=0.4)
    said = shown(came)
    assert "the answer came in one piece" in said
    assert "1 event" not in said


def test_a_call_in_a_single_event_is_named_with_its_arguments() -> None:
    said = shown(Exchange(chunks=(event(tool_calls=[CALL]),), status=200, elapsed=0.4))
    assert '"get_weather {\\"city\\": \\"Oslo\\"}"' in said


def test_a_text_keeps_its_spaces() -> None:
    said = shown(Exchange(chunks=(event(content="Hi "),), status=200, elapsed=0.4))
    assert '"Hi "' in said


def test_the_details_say_what_came_of_a_call() -> None:
    asked = Exchange(body=body(content=None, tool_calls=[CALL]), status=200, elapsed=0.4)
    failed = result("no", status="error", error="ValueError: no")
    assert "call_1 error" in shown(asked, failed)
    assert "call_1 ok" in shown(asked, result())
    assert "call_1 no result" in shown(asked)


def test_the_details_say_that_a_call_was_read_as_invalid() -> None:
    broken = {**CALL, "function": {"name": "get_weather", "arguments": '{"city": "Os'}}
    asked = Exchange(body=body(content=None, tool_calls=[broken]), status=200, elapsed=0.4)
    assert "call_1 read as invalid invalid_call" in shown(asked, result(status="invalid_call"))
