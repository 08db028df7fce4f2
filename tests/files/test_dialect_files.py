"""Rollouts of other dialects in what others have saved: captures, requests with their answers, raw
answers, and our own files.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.dialects.codecs import CODECS
from agentkit.errors import ReplayMiss, UsageError
from agentkit.read.response import read_response
from agentkit.types.answer import Dialect
from tests.support.dialect_answers import DIALECTS, NATIVE, agent, answer
from tests.support.loaded import load_one

FIRST_TOOL = {
    "responses": {"type": "function", "name": "double", "parameters": {"type": "object"}},
    "messages": {"name": "double", "input_schema": {"type": "object"}},
}


@pytest.fixture(params=NATIVE)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each dialect beside chat completions."""
    named: Dialect = request.param
    return named


def requests(dialect: Dialect) -> list[dict[str, Any]]:
    """Write the two requests of a rollout natively."""
    user = {"role": "user", "content": "go"}
    body = answer(dialect, 1, "see", [{"n": 1}])
    head: dict[str, Any] = {"model": "m", "tools": [FIRST_TOOL[dialect]]}
    if dialect == "responses":
        result = {"type": "function_call_output", "call_id": "call_10", "output": "2"}
        head |= {"instructions": "be brief", "max_output_tokens": 50}
        return [{**head, "input": [user]}, {**head, "input": [user, *body["output"], result]}]
    head |= {"system": "be brief", "max_tokens": 50}
    said = {"role": "assistant", "content": body["content"]}
    block = {"type": "tool_result", "tool_use_id": "toolu_10", "content": "2"}
    listed = [user, said, {"role": "user", "content": [block]}]
    return [{**head, "messages": [user]}, {**head, "messages": listed}]


def rows(dialect: Dialect) -> list[dict[str, Any]]:
    """Capture that rollout."""
    bodies = [answer(dialect, 1, "see", [{"n": 1}]), answer(dialect, 2, "done")]
    return [
        {"case": f"weather/turn{i}", "request": asked, "status": 200, "body": json.dumps(body)}
        for i, (asked, body) in enumerate(zip(requests(dialect), bodies, strict=True))
    ]


def test_a_capture_is_a_rollout_of_its_dialect(dialect: Dialect) -> None:
    trajectory = load_one(rows(dialect))
    assert trajectory.spec.dialect == dialect
    assert trajectory.final == "done"
    assert [r.content for r in trajectory.turns[0].tool_results] == ["2"]
    assert trajectory.turns[0].tool_calls[0].problems == ()
    assert [trajectory.request(i).body for i in range(2)] == requests(dialect)


@pytest.mark.parametrize("named", ["response", "body"])
def test_a_request_with_its_answer_is_a_rollout_of_its_dialect(
    dialect: Dialect, named: str
) -> None:
    pair = {"request": requests(dialect)[1], named: answer(dialect, 2, "done")}
    for given in (pair, json.dumps(pair)):
        trajectory = load_one(given)
        assert trajectory.spec.dialect == dialect
        assert trajectory.all_turns[-1].response.content == "done"
        assert trajectory.all_turns[-1].response.dialect == dialect


def test_a_request_alone_is_a_conversation_of_its_dialect(dialect: Dialect) -> None:
    trajectory = load_one(requests(dialect)[1])
    assert trajectory.spec.dialect == dialect
    assert [turn.response.dialect for turn in trajectory.turns] == [dialect]
    assert trajectory.turns[0].tool_results[0].content == "2"
    assert trajectory.turns[0].response.reasoning == "thought 1"


def test_a_raw_answer_opens_in_its_dialect(dialect: Dialect, tmp_path: Any) -> None:
    body = answer(dialect, 1, "see", [{"n": 1}])
    events = CODECS[dialect].events_out(read_response(body))
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    (tmp_path / "answer.json").write_text(json.dumps(body))
    for given in (body, json.dumps(body), tmp_path / "answer.json", stream, read_response(body)):
        trajectory = load_one(given)
        assert trajectory.spec.dialect == dialect
        assert trajectory.open is not None
        assert [call.name for call in trajectory.pending] == ["double"]


def test_requests_of_a_chain_are_one_rollout() -> None:
    first, second = rows("responses")
    result = second["request"]["input"][-1:]
    linked = {**second["request"], "input": result, "previous_response_id": "resp_1"}
    trajectory = load_one([first, {**second, "request": linked}])
    assert trajectory.spec.chain
    assert trajectory.final == "done"
    assert trajectory.request(1).body["previous_response_id"] == "resp_1"
    assert trajectory.request(1).body["input"] == result


def test_a_request_for_embeddings_is_no_rollout() -> None:
    asked = {"model": "m", "input": ["one", "two"]}
    row = {"request": asked, "path": "/v1/embeddings", "status": 200, "body": "{}"}
    with pytest.raises(UsageError):
        load_one([row])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("spoken", DIALECTS)
def test_a_rollout_is_recorded_resumed_and_replayed(
    spoken: Dialect, stream: bool, tmp_path: Any
) -> None:
    path = tmp_path / "t.jsonl"
    answers = [answer(spoken, 1, "see", [{"n": 1}, {"n": 2}]), answer(spoken, 2, "done")]
    live = ak.rollout(ak.record(agent(spoken, answers, stream=stream), path), "go")
    assert live.stop_reason == "final"
    loaded = load_one(path)
    assert loaded == live
    assert [loaded.request(i).body for i in range(2)] == [live.request(i).body for i in range(2)]
    assert ak.rollout(ak.replay(path)) == live
    head = json.loads(path.read_text().splitlines()[0])
    assert head["spec"].get("dialect") == (None if spoken == "chat" else spoken)
    assert "chain" not in head["spec"]


def test_a_replay_in_another_dialect_says_so(dialect: Dialect, tmp_path: Any) -> None:
    path = tmp_path / "t.jsonl"
    answers = [answer(dialect, 1, "see", [{"n": 1}]), answer(dialect, 2, "done")]
    ak.rollout(ak.record(agent(dialect, answers), path), "go")
    with pytest.raises(ReplayMiss, match="dialect"):
        ak.rollout(ak.replay(agent("chat", answers), path), "go")
