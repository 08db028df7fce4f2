"""What would be refused of a rollout in another dialect is told before it is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.dialects.native_preflight import signatures
from agentkit.trajectory.trouble.sent_problems import sent_problems
from tests.support.dialect_answers import NATIVE, agent, answer


def codes(dbg: ak.Debugger) -> list[str]:
    """List what would be refused of the next request."""
    trajectory = dbg.trajectory
    return [p.code for p in sent_problems(trajectory, len(trajectory.turns))]


def begun(dialect: Any) -> tuple[ak.Debugger, dict[str, Any]]:
    """Begin a rollout whose first answer has reasoning and two calls."""
    first = answer(dialect, 1, "see", [{"n": 1}, {"n": 2}])
    dbg = ak.debug(agent(dialect, [first, answer(dialect, 2, "done")]), "go")
    dbg.next()
    return dbg, first


@pytest.mark.parametrize("dialect", NATIVE)
def test_nothing_is_wrong_with_a_rollout_as_it_is(dialect: Any) -> None:
    dbg, _ = begun(dialect)
    assert codes(dbg) == []
    dbg.edit(turn=0, call=0, arguments={"n": 5})
    dbg.next()
    assert codes(dbg) == []
    dbg.run()
    dbg.say("more")
    assert codes(dbg) == []
    assert ak.preflight(dbg.trajectory) == ()
    assert ak.preflight(dbg.trajectory.request(0).body) == ()
    assert ak.preflight(dbg.trajectory.request(1).body, "openai") == ()


def test_thinking_that_was_changed_has_lost_its_signature() -> None:
    dbg, first = begun("messages")
    thinking, *rest = first["content"]
    dbg.edit(turn=0, message={**first, "content": [{**thinking, "thinking": "else"}, *rest]})
    assert codes(dbg) == ["reasoning_unsigned"]


def test_a_signature_of_another_type_is_none() -> None:
    """Constructed: a server that puts a list there."""
    block = {"type": "thinking", "thinking": "hm", "signature": [["x"]]}
    answer = {"type": "message", "role": "assistant", "content": [block]}
    assert signatures([ak.read_response(answer)]) == {}


def test_thinking_is_changed_by_a_message_too() -> None:
    dbg, _ = begun("messages")
    call = dbg.trajectory.turns[0].tool_calls[0]
    function = {"name": "double", "arguments": call.raw_arguments}
    message = {"role": "assistant", "content": "see", "reasoning": "else"}
    calls = [{"id": call.id, "type": "function", "function": function}]
    dbg.edit(turn=0, message={**message, "tool_calls": calls})
    assert dbg.trajectory.turns[0].response.reasoning == "else"
    assert codes(dbg) == ["reasoning_unsigned"]


def test_a_call_that_has_lost_its_reasoning_is_told() -> None:
    dbg, first = begun("responses")
    dbg.edit(turn=0, message={**first, "output": first["output"][1:]})
    assert set(codes(dbg)) == {"history_reasoning_missing"}


def test_a_result_without_its_call_is_told_where_it_stands() -> None:
    result = {"type": "function_call_output", "call_id": "gone", "output": "1"}
    dbg = ak.debug(agent("responses", [answer("responses", 1, "x")]), [result])
    (found,) = sent_problems(dbg.trajectory, 0)
    assert (found.code, found.pointer) == ("history_orphan_tool_result", "/0")


@pytest.mark.parametrize("dialect", NATIVE)
def test_items_and_bodies_tell_their_dialect(dialect: Any) -> None:
    if dialect == "responses":
        bare = [{"type": "function_call_output", "call_id": "gone", "output": "1"}]
        body: dict[str, Any] = {"input": bare}
        assert [p.code for p in ak.preflight(bare)] == ["history_orphan_tool_result"]
    else:
        result = {"type": "tool_result", "tool_use_id": "gone", "content": "1"}
        body = {"messages": [{"role": "user", "content": [result]}], "max_tokens": 5}
    assert [p.code for p in ak.preflight(body)] == ["history_orphan_tool_result"]


@pytest.mark.parametrize(("dialect", "profile"), [("messages", None), ("responses", "openai")])
def test_a_field_that_the_dialect_does_not_have_is_told(dialect: Any, profile: Any) -> None:
    made = agent(dialect, [answer(dialect, 1, "x")], sampling={"seed": 3}, profile=profile)
    (found,) = sent_problems(ak.debug(made, "go").trajectory, 0)
    assert (found.code, found.pointer) == ("unknown_field", "/seed")


def test_vllm_takes_such_a_field() -> None:
    made = agent("messages", [answer("messages", 1, "x")], sampling={"seed": 3}, profile="vllm")
    assert list(sent_problems(ak.debug(made, "go").trajectory, 0)) == []


@pytest.mark.parametrize("spoken", ["chat", "responses", "messages"])
@pytest.mark.parametrize("came", NATIVE)
def test_a_rollout_goes_on_in_another_dialect(came: Any, spoken: Any) -> None:
    dbg, _ = begun(came)
    other = agent(spoken, [answer(spoken, 2, "done")])
    fork = ak.debug(other, dbg.trajectory)
    told = codes(fork)
    fork.run()
    assert fork.trajectory.final == "done"
    assert fork.trajectory.spec.dialect == spoken
    server: Any = other.server
    history = str(server.history)
    assert "see" in history
    assert "double" in history
    if came == spoken:
        assert told == []
        assert "thought 1" in history
    else:
        assert "sealed-1" not in history
        assert "sig-1" not in history
    if spoken not in ("chat", came):
        assert told == ["reasoning_unsigned"]


def test_what_the_server_did_by_itself_stays_behind_in_another_dialect() -> None:
    dbg, first = begun("responses")
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    made = agent("responses", [{**first, "output": [search, *first["output"]]}])
    dbg = ak.debug(made, "go")
    dbg.next()
    trajectory = replace(dbg.trajectory, spec=replace(dbg.trajectory.spec, dialect="chat"))
    assert "item_unknown" in [p.code for p in sent_problems(trajectory, 1)]


def test_the_text_of_reasoning_goes_along_where_only_its_encrypted_part_cannot() -> None:
    thought = {"type": "reasoning", "encrypted_content": "gAAA", "summary": []}
    told = {**thought, "summary": [{"type": "summary_text", "text": "I look."}]}
    answer = {"type": "message", "role": "assistant", "content": "Cold."}
    words = []
    for item in (told, thought):  # constructed
        (rollout,) = ak.load([{"role": "user", "content": "?"}, item, answer], all=True)
        dbg = ak.debug(rollout, agent=ak.Agent("m", server="http://127.0.0.1:9/v1")).say("And?")
        (found,) = ak.problems_df(dbg.trajectory).to_dict("records")
        words.append(found["message"].partition(" stays behind")[0])
    assert words == ["what is encrypted of the reasoning", "the reasoning"]
