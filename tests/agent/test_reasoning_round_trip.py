"""What came is what goes back, over real HTTP: a server that answers with reasoning in one field and
refuses every other, as Cerebras does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing.server.loopback import Asked
from tests.servers.http_stub import Answer, HttpServer, sse

DETAILS = [{"type": "reasoning.text", "text": "hm", "index": 0, "signature": "c2ln"}]
FIELDS: list[dict[str, Any]] = [
    {"reasoning": "hm"},
    {"reasoning_content": "hm"},
    {"reasoning_text": "hm", "reasoning_opaque": "c2ln"},
    {"reasoning_details": DETAILS},
    {"reasoning": "hm", "reasoning_details": DETAILS},
    {"reasoning_content": "hm", "extra_content": {"google": {"thought_signature": "c2ln"}}},
]
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'},
}


@ak.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def strict(fields: dict[str, Any]) -> Callable[[Asked], Answer]:
    """Answer with a call until there is a result; refuse a message with any other field, or
    without one of these.
    """

    def answer(asked: Asked) -> Answer:
        request = json.loads(asked.body)
        for index, message in enumerate(request["messages"]):
            if message["role"] == "assistant":
                own = {
                    k: v for k, v in message.items() if k not in ("role", "content", "tool_calls")
                }
                if own != fields:
                    name = f"messages.{index}.assistant.{next(iter(own), 'reasoning')}"
                    said = f"{name}: property '{name}' is unsupported"
                    return Answer({"message": said, "code": "wrong_api_format"}, 400)
        done = request["messages"][-1]["role"] == "tool"
        message = {"role": "assistant", "content": "3" if done else None, **fields}
        message |= {} if done else {"tool_calls": [CALL]}
        finish = "stop" if done else "tool_calls"
        if not request.get("stream"):
            return Answer({"choices": [{"index": 0, "message": message, "finish_reason": finish}]})
        if not done:
            message["tool_calls"] = [{**CALL, "index": 0}]
        deltas = [{name: value} for name, value in message.items() if value is not None]
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        return sse(
            *chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}, "[DONE]"
        )

    return answer


@pytest.fixture(params=FIELDS, ids=lambda fields: "-".join(fields))
def server(request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    with HttpServer(strict(request.param)) as running:
        yield running


def agent(server: HttpServer, **options: Any) -> ak.Agent:
    return ak.Agent("m", [add], ak.Server(server.url), **options)


@pytest.mark.parametrize("stream", [False, True])
def test_every_turn_is_accepted(server: HttpServer, stream: bool) -> None:
    rollout = ak.rollout(agent(server, stream=stream), "1 + 2?")
    assert (rollout.stop_reason, rollout.final) == ("final", "3"), rollout.error
    assert len(server.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_every_turn_of_the_loop_is_accepted(server: HttpServer, stream: bool) -> None:
    url = ak.Server(server.url)
    loop = ak.AgentLoop(url, tools=[add], model="m", stream=stream)
    result = await loop.run([{"role": "user", "content": "1 + 2?"}])
    assert (result.stop_reason, result.messages[-1]["content"]) == ("final", "3"), result.error


@pytest.mark.parametrize("stream", [False, True])
def test_it_is_accepted_after_a_file_a_fork_and_an_edit(
    server: HttpServer, stream: bool, tmp_path: Path
) -> None:
    dbg = ak.debug(agent(server, stream=stream), "1 + 2?")
    dbg.run()
    saved = ak.save(dbg.trajectory, tmp_path / "run.jsonl")
    answered = json.loads(server.requests[1].body)["messages"][1]
    loaded, replayed = ak.load(saved), ak.debug(ak.replay(saved)).run()
    for known in (loaded, replayed):
        assert isinstance(known, ak.Trajectory)
        assert (known.messages[1], known.final) == (answered, "3")
    branch = dbg.fork(turn=1)
    branch.run()
    assert branch.trajectory.final == "3", branch.trajectory.error
    dbg.edit(turn=0, call=0, arguments={"a": 5, "b": 6})
    dbg.run()
    assert dbg.trajectory.final == "3", dbg.trajectory.error
