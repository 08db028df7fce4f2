"""A debugger at a turn of a rollout that another agent ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.types.trajectory import Trajectory
from tests.support.dialect_answers import DIALECTS

SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}}


def pay(amount: float) -> str:
    """Pay."""
    return f"paid {amount:g}"


def calls(amount: int) -> Any:
    return ak.testing.says(None, ak.testing.calls("pay", amount=amount))


@pytest.fixture(params=DIALECTS)
def ran(request: pytest.FixtureRequest) -> Iterator[tuple[Trajectory, Any]]:
    """A rollout of three turns over HTTP, and its server."""
    script = ak.testing.by_turn(calls(5), calls(6), "done")
    with ak.testing.serve(script, manner="vllm") as server:
        agent = ak.Agent("m", [pay], server.url, dialect=request.param, temperature=0.25)
        rollout = ak.rollout(agent, "Pay.")
        server.asked.clear()
        yield rollout, server


def test_the_request_of_a_turn_is_the_same(ran: tuple[Trajectory, Any]) -> None:
    rollout, server = ran
    for turn in range(3):
        rollout.fork(turn).step()
    bodies = [asked.json for asked in server.asked]
    assert [body["temperature"] for body in bodies] == [0.25] * 3
    assert [body["tools"] for body in bodies] == [bodies[0]["tools"]] * 3
    sent = [len(body.get("messages", body.get("input"))) for body in bodies]
    assert sent[0] < sent[1] < sent[2]


def test_calls_are_answered_from_the_record(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran
    dbg = rollout.fork(turn=1)
    dbg.run()
    assert [r.content for turn in dbg.trajectory.turns for r in turn.tool_results] == [
        *("paid 5", "paid 6"),
    ]
    assert dbg.trajectory.stop_reason == "final"
    assert dbg.trajectory.parent is not None


def test_a_call_that_is_not_recorded_is_answered_by_hand(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran
    dbg = rollout.fork(turn=0)
    dbg.step()
    dbg.edit(arguments={"amount": 99})
    dbg.run()
    assert dbg.stop_at is not None
    assert [call.arguments for call in dbg.pending] == [{"amount": 99}]
    dbg.pending.answer(0, "by hand")
    dbg.run()
    assert dbg.trajectory.turns[0].tool_results[0].content == "by hand"
    dbg = rollout.fork(turn=0)
    dbg.step()
    dbg.edit(arguments={"amount": 98})
    dbg.step()
    (result,) = dbg.trajectory.turns[0].tool_results
    assert result.status == "error"
    assert "no call of 'pay'" in (result.error or "")


def test_functions_take_the_place_of_the_record(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran

    def pay(amount: float) -> str:
        """Pay."""
        return "really paid"

    dbg = rollout.fork(turn=0, tools=[pay])
    dbg.run()
    assert dbg.trajectory.turns[0].tool_results[0].content == "really paid"


def test_what_is_not_there_is_said(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran
    with pytest.raises(NotFound):
        rollout.fork(turn=9)
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    (written,) = ak.load(said, all=True)
    with pytest.raises(UsageError, match="where its requests went"):
        written.fork(0)


def test_nothing_is_not_asked_for_an_answer() -> None:
    said = [{"role": "assistant", "content": "Hi!"}, {"role": "user", "content": "Hi. Tide?"}]
    (spoken,) = ak.load([*said, {"role": "assistant", "content": "14:20"}], all=True)
    with pytest.raises(UsageError, match="no message to send before turn 0") as caught:
        spoken.fork(0, server="http://127.0.0.1:9/v1")
    assert "fork(turn=1)" in caught.value.hint
    sent = spoken.fork(1, server="http://127.0.0.1:9/v1").trajectory.request(1)
    assert [message["content"] for message in sent.body["messages"]] == ["Hi!", "Hi. Tide?"]
