"""A debugger at a turn of a rollout that another agent ran."""

from __future__ import annotations

import json
import pickle
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


def ran_tools(server: Any, rollout: Trajectory) -> Any:
    """Give the tools that a fork without functions sends."""
    server.asked.clear()
    rollout.fork(0).step()
    return server.asked[0].json["tools"]


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


def test_what_is_not_recorded_is_told_to_the_person_every_time_and_never_to_the_model(
    ran: tuple[Trajectory, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rollout, _ = ran
    dbg = rollout.fork(turn=0)
    dbg.step()
    dbg.edit(arguments={"amount": 98})
    for times in (1, 2, 3):
        dbg.run()
        assert dbg.stop_at is not None
        assert "dbg.pending.answer(0, '…')" in dbg.stop_at.text
        assert caplog.text.count("dbg.pending.answer(0") == times
    for take in (dbg.step, lambda: dbg.pending.run(0)):
        with pytest.raises(NotFound, match="is recorded") as caught:
            take()
        assert "dbg.pending.answer(0, '…')" in caught.value.hint
    dbg.breakpoints.clear()
    with pytest.raises(NotFound, match="is recorded"):
        dbg.run()
    assert not dbg.trajectory.all_turns[0].tool_results
    dbg.pending.answer(0, "by hand")
    dbg.run()
    assert dbg.trajectory.stop_reason == "final"
    assert "recorded" not in json.dumps(dbg.messages)


def test_the_hint_names_the_place_of_the_call(ran: tuple[Trajectory, Any]) -> None:
    script = ak.testing.by_turn(
        ak.testing.says(None, *(ak.testing.calls("pay", amount=n) for n in (5, 6)))
    )
    with ak.testing.serve(script) as server:
        dbg = ak.rollout(ak.Agent("m", [pay], server.url), "Pay.").fork(turn=0)
        dbg.step()
        dbg.edit(call=1, arguments={"amount": 97})
        with pytest.raises(NotFound) as caught:
            dbg.pending.run(1)
        assert "dbg.pending.answer(1, '…')" in caught.value.hint
        dbg.run()
        assert [call.arguments for call in dbg.pending] == [{"amount": 97}]


def test_a_fork_goes_along_in_a_pickle(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran
    dbg = rollout.fork(turn=0)
    dbg.step()
    dbg.edit(arguments={"amount": 96})
    other = pickle.loads(pickle.dumps(dbg))
    other.run()
    assert other.stop_at is not None
    assert "dbg.pending.answer(0" in other.stop_at.text
    with pytest.raises(NotFound, match="is recorded"):
        other.step()


def test_functions_take_the_place_of_the_record(ran: tuple[Trajectory, Any]) -> None:
    rollout, _ = ran

    def pay(amount: float) -> str:
        """Pay."""
        return "really paid"

    dbg = rollout.fork(turn=0, tools=[pay])
    dbg.run()
    assert dbg.trajectory.turns[0].tool_results[0].content == "really paid"


def test_the_request_describes_the_functions_that_take_a_place_in_it(
    ran: tuple[Trajectory, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rollout, server = ran

    def undescribed(amount):  # type: ignore[no-untyped-def]
        return "really paid"

    undescribed.__name__ = "pay"
    rollout.fork(turn=0, tools=[undescribed]).run()
    assert not caplog.records
    assert server.asked[0].json["tools"] == ran_tools(server, rollout)

    def further(amount):  # type: ignore[no-untyped-def]
        return ""

    further.__qualname__ = rollout.spec.dialect  # a tool is complained of once
    rollout.fork(turn=0, tools=[further])
    assert "'further': no description, no type for amount" in caplog.text


def test_a_schema_without_types_is_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    schema = {
        "type": "function",
        "function": {"name": "pay", "parameters": {"properties": {"a": {}}}},
    }
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    (read,) = ak.load({"messages": said, "tools": [schema]}, all=True)
    read.fork(0, server="http://127.0.0.1:9/v1")
    assert not caplog.records


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


def waiting(*, tools: bool = True) -> Trajectory:
    """A rollout that ends with a call, as a file of another tool may hold it."""
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    said = [{"role": "user", "content": "Pay."}, {"role": "assistant", "tool_calls": [call]}]
    schema = {"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}
    (rollout,) = ak.load({"messages": said, "tools": [schema] if tools else []}, all=True)
    return rollout


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_model_and_dialect_get_the_tools_of_the_rollout(dialect: Any) -> None:
    with ak.testing.serve(ak.testing.by_turn("no", "done"), manner="vllm") as server:
        dbg = waiting().fork(1, server=server.url, model="other", dialect=dialect)
        assert dbg.run() is not None
        assert [call.name for call in dbg.pending] == ["pay"]
        dbg.pending.answer(0, "paid")
        dbg.run()
        (asked,) = server.asked
    assert dbg.trajectory.final == "done"
    assert (asked.json["model"], len(asked.json["tools"])) == ("other", 1)
    assert dbg.trajectory.spec.dialect == dialect
    assert "pay" in json.dumps(asked.json["tools"])


def test_a_server_says_which_dialect_is_spoken_to_it() -> None:
    server = ak.Server("http://127.0.0.1:9/v1", dialect="messages")
    assert waiting().fork(0, server=server).trajectory.spec.dialect == "messages"
    assert waiting().fork(0, server=server, dialect="responses").trajectory.spec.dialect == (
        "responses"
    )


def test_calls_of_a_rollout_that_describes_no_tools_are_answered_from_the_record() -> None:
    dbg = waiting(tools=False).fork(1, server="http://127.0.0.1:9/v1")
    dbg.pending.answer(0, "paid")
    recorded = dbg.trajectory
    again = ak.testing.says(None, ak.testing.calls("pay"))
    with ak.testing.serve(ak.testing.by_turn(again, "done"), manner="vllm") as server:
        other = recorded.fork(0, server=server.url, model="m")
        other.run()
    assert [result.content for result in other.trajectory.turns[0].tool_results] == ["paid"]


def test_tools_that_an_agent_does_not_have_are_told(caplog: pytest.LogCaptureFixture) -> None:
    agent = ak.Agent("m", server="http://127.0.0.1:9/v1")
    for _ in range(2):
        ak.debug(waiting(), agent=agent)
    (line,) = caplog.messages
    assert "does not have these tools of the rollout, so they are not sent: pay" in line
    caplog.clear()
    ak.debug(waiting(), agent=ak.Agent("m", [pay], "http://127.0.0.1:9/v1"))
    assert not caplog.messages
