"""Chains of Responses: a request names the answer before it and holds only what is new."""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.servers.model_call import Call, Emit, request_body
from agentkit.types.wire import Exchange


class Server:
    """Answers with one call, then with a text; keeps what it was asked. Its ids count up."""

    profile = None

    def __init__(self) -> None:
        self.asked: list[Call] = []

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        self.asked.append(call)
        number = len(self.asked)
        said = {"type": "message", "role": "assistant", "content": []}
        item: dict[str, Any] = {**said, "content": [{"type": "output_text", "text": f"t{number}"}]}
        if number % 2:
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
            item |= {"name": "double", "arguments": '{"n": 4}'}
        reasoning = {"type": "reasoning", "id": f"rs_{number}", "summary": []}
        body = {"object": "response", "id": f"resp_{number}", "status": "completed"}
        return Exchange(body=json.dumps({**body, "output": [reasoning, item]}), status=200)


def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def chained(server: Server, **more: Any) -> ak.Agent:
    """Make an agent whose requests are chained."""
    return ak.Agent("m", [double], server, dialect="responses", chain=True, **more)


def inputs(call: Call) -> list[str]:
    """List what a request holds, each by its role."""
    return [str(message.get("role")) for message in call.messages]


def test_a_request_holds_what_is_new_and_names_the_answer_before_it() -> None:
    server = Server()
    dbg = ak.debug(chained(server), "go")
    dbg.run()
    dbg.say("and now?")
    dbg.run()
    first, second, third, _ = server.asked
    assert inputs(first) == ["user"]
    assert "previous_response_id" not in first.fields
    assert inputs(second) == ["tool"]
    assert second.fields["previous_response_id"] == "resp_1"
    assert inputs(third) == ["user"]
    assert third.fields["previous_response_id"] == "resp_2"
    assert all(call.fields["store"] is True for call in server.asked)


def test_the_record_shows_what_is_sent_and_what_the_server_is_taken_to_know() -> None:
    trajectory = ak.rollout(chained(Server()), "go")
    request = trajectory.turns[1].request
    assert request is not None
    assert request.body["previous_response_id"] == "resp_1"
    assert [item["type"] for item in request.body["input"]] == ["function_call_output"]
    assert [m["role"] for m in request.messages[: request.known]] == ["user", "assistant"]


@pytest.mark.parametrize(
    "change",
    [
        lambda dbg: dbg.fork(turn=1),
        lambda dbg: dbg.edit(turn=0, arguments={"n": 5}),
        lambda dbg: dbg.edit(turn=1, sampling={"temperature": 0.5}),
        lambda dbg: dbg.rerun(turn=1),
        lambda dbg: dbg.back(1).say("else"),
    ],
    ids=["fork", "arguments", "sampling", "rerun", "back"],
)
def test_the_whole_history_is_sent_where_the_server_may_know_another(change: Any) -> None:
    server = Server()
    dbg = ak.debug(chained(server), "go")
    dbg.run()
    asked = len(server.asked)
    dbg = change(dbg)
    dbg.run()
    call = server.asked[asked]
    assert "previous_response_id" not in call.fields
    assert inputs(call)[:3] == ["user", "assistant", "tool"]
    request = dbg.trajectory.request(1)
    assert request.known == 0
    assert "previous_response_id" not in request.body


def test_an_answer_by_hand_is_not_known_to_the_server() -> None:
    server = Server()
    dbg = ak.debug(chained(server), "go")
    dbg.run()
    dbg.edit(turn=1, message="by hand")
    dbg.say("more")
    dbg.step()
    assert "previous_response_id" not in server.asked[2].fields
    assert inputs(server.asked[2]) == ["user", "assistant", "tool", "assistant", "user"]


def test_a_chain_goes_on_behind_a_fork() -> None:
    server = Server()
    dbg = ak.debug(chained(server), "go")
    dbg.run()
    dbg.fork(turn=1).run()
    assert server.asked[3].fields["previous_response_id"] == "resp_3"


def test_a_chain_is_saved_and_replayed(tmp_path: Any) -> None:
    path = tmp_path / "chain.jsonl"
    dbg = ak.debug(ak.record(chained(Server()), path), "go")
    dbg.run()
    dbg = dbg.fork(turn=1)
    dbg.run()
    loaded = ak.load(path, all=True)[-1]
    assert [loaded.request(turn).body for turn in range(3)] == [
        dbg.trajectory.request(turn).body for turn in range(3)
    ]
    assert ak.rollout(ak.replay(path, sample=1), "go") == dbg.trajectory


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"dialect": "chat", "chain": True}, "has no chain"),
        ({"dialect": "messages", "chain": True}, "has no chain"),
        ({"dialect": "responses", "chain": True, "sampling": {"store": False}}, "store"),
        ({"dialect": "responses", "chain": True, "extra_body": {"store": False}}, "store"),
        ({"dialect": "response"}, "did you mean 'responses'"),
        ({"dialect": "messages", "sampling": {"n": 3}}, "n=3"),
    ],
)
def test_what_a_dialect_cannot_do_is_refused_before_it_is_sent(more: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ak.Agent("m", [double], Server(), **more)


def test_the_dialect_is_the_servers_own_where_nobody_says_another() -> None:
    server = Server()
    server.dialect = "responses"  # type: ignore[attr-defined]
    assert ak.Agent("m", [], server).spec.dialect == "responses"
    assert ak.Agent("m", [], server, dialect="chat").spec.dialect == "chat"
    assert "speaks responses" in repr(ak.Agent("m", [], server))


def test_a_server_that_keeps_no_answers_is_told_with_what_to_do() -> None:
    server = Server()
    dbg = ak.debug(chained(server), "go")
    dbg.next()

    async def lost(call: Call, emit: Emit | None = None) -> Exchange:
        error = {"message": "Response with id 'resp_1' not found.", "code": 404}
        return Exchange(body=json.dumps({"error": error}), status=404)

    server.chat = lost  # type: ignore[method-assign]
    trajectory = dbg.run()
    assert trajectory.error is not None
    assert "chain=False" in trajectory.error.hint


class CustomServer(Server):
    """Answers with a call of a custom tool, then with a text."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        exchange = await super().chat(call, emit)
        body = json.loads(exchange.body)
        for item in body["output"]:
            if item["type"] == "function_call":
                item |= {"type": "custom_tool_call", "name": "sh", "input": item.pop("arguments")}
        return Exchange(body=json.dumps(body), status=200)


def test_the_result_of_a_custom_call_is_one_in_a_chain_too() -> None:
    """The call itself is not sent again, so that the request alone does not tell its kind."""
    server = CustomServer()
    dbg = ak.debug(ak.Agent("m", [], server, dialect="responses", chain=True), "go")
    dbg.step()
    dbg.pending.answer(0, "a.py")
    dbg.run()
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "a.py"}
    assert server.asked[1].fields["previous_response_id"] == "resp_1"
    assert json.loads(request_body(server.asked[1]))["input"] == [output]
    assert dbg.trajectory.request(1).body["input"] == [output]
