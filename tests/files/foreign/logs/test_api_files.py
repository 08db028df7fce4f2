"""What the APIs of models write and take as files, constructed in their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.logs.traffic import ANSWERS, ASKED
from tests.files.foreign.mutation import mutated

ITEMS: list[dict[str, Any]] = [
    {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "How high is the tide in Brest?"}],
    },
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look."}]},
    {
        "type": "function_call",
        "call_id": "c1",
        "name": "tide",
        "arguments": '{"port": "Brest"}',
    },
    {"type": "function_call_output", "call_id": "c1", "output": "6 m"},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Six metres."}],
    },
]
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "How high is the tide in Brest?"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "I look.", "signature": "s"},
            {"type": "tool_use", "id": "c1", "name": "tide", "input": {"port": "Brest"}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "6 m"}],
    },
    {"role": "assistant", "content": [{"type": "text", "text": "Six metres."}]},
]
BATCH = [
    {"id": "b1", "custom_id": "r1", "response": {"status_code": 200, "body": ANSWERS[1]}},
    {
        "id": "b2",
        "custom_id": "r2",
        "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}},
    },
]
ASKED_BATCH = [
    {"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": ASKED[1]},
    {"custom_id": "r2", "method": "POST", "url": "/v1/chat/completions", "body": ASKED[0]},
]
CHUNK = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Six"}}]}
LAST = {
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
}
STREAM = f"data: {json.dumps(CHUNK)}\n\ndata: {json.dumps(LAST)}\n\ndata: [DONE]\n\n"
PREFERENCE = {
    "input": {"messages": ASKED[0]["messages"], "tools": []},
    "preferred_output": [{"role": "assistant", "content": "Six metres."}],
    "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
}
FILES: dict[str, Any] = {
    "items": ITEMS,
    "messages": MESSAGES,
    "batch": BATCH,
    "asked batch": ASKED_BATCH,
    "preference": [PREFERENCE],
    "chunks": [CHUNK, LAST],
    "request": [{"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": MESSAGES}],
}


@pytest.mark.parametrize(("given", "dialect"), [(ITEMS, "responses"), (MESSAGES, "messages")])
def test_messages_and_items_alone_have_no_false_problems(given: Any, dialect: str) -> None:
    (rollout,) = ak.load(given, all=True)
    assert rollout.spec.dialect == dialect
    called, _ = rollout.turns
    assert [(c.name, c.arguments) for c in called.tool_calls] == [("tide", {"port": "Brest"})]
    assert [result.content for result in called.tool_results] == ["6 m"]
    assert called.reasoning == "I look."
    assert rollout.final == "Six metres."
    assert not ak.problems_df(rollout).shape[0]
    assert "error" not in ak.view(rollout).text()


def test_an_answer_alone_blames_no_request() -> None:
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": MESSAGES[1]["content"],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    (rollout,) = ak.load([answer], all=True)
    assert [call.name for call in rollout.pending] == ["tide"]
    assert "problem" not in ak.view(rollout).text()


def test_a_request_says_how_it_was_sampled() -> None:
    (rollout,) = ak.load(FILES["request"], all=True)
    assert rollout.prompt[0].content == "Be brief."
    assert (rollout.spec.model, rollout.spec.sampling) == ("m", {"max_tokens": 9})
    assert rollout.meta == {}


def test_a_batch_is_joined_with_its_requests() -> None:
    right, wrong = ak.load(BATCH, all=True)
    assert (right.final, right.meta["sample"]) == ("Six metres.", "r1")
    assert wrong.error is not None
    assert wrong.error.kind == "rate_limited"
    whole, _ = ak.load([*ASKED_BATCH, *BATCH], all=True)
    assert [message.role for message in whole.prompt] == ["user", "assistant", "tool"]
    assert whole.final == "Six metres."
    asked, _ = ak.load(ASKED_BATCH, all=True)
    assert asked.turns[0].tool_results[0].content == "6 m"


def test_a_batch_of_anthropic_is_read() -> None:
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Six"}]}
    rows = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "expired"}},
        {"custom_id": "c", "params": {"model": "m", "max_tokens": 5, "messages": MESSAGES[:1]}},
    ]
    one, two, three = ak.load(rows, all=True)
    assert one.final == "Six"
    assert two.error is not None
    assert three.prompt[0].content == "How high is the tide in Brest?"


@pytest.mark.parametrize(
    "text",
    [
        STREAM,
        f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{STREAM}",
        f"{json.dumps(CHUNK)}\n{json.dumps(LAST)}\n",
    ],
)
def test_a_saved_stream_is_an_answer(text: str, tmp_path: Path) -> None:
    path = tmp_path / "stream.txt"
    path.write_text(text)
    rollout = ak.load(path)
    assert isinstance(rollout, Trajectory)
    assert (rollout.final, rollout.stop_reason) == ("Six", "final")
    path.write_text(text * 2)
    assert len(ak.load(path, all=True)) in (1, 2)


def test_streams_behind_each_other_are_answers_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "stream.txt"
    path.write_text(STREAM + STREAM)
    assert [rollout.final for rollout in ak.load(path, all=True)] == ["Six", "Six"]


def test_a_preference_is_two_rollouts() -> None:
    better, worse = ak.load([PREFERENCE], all=True)
    assert (better.final, better.meta["labels"]) == ("Six metres.", "preferred")
    assert (worse.final, worse.meta["labels"]) == ("No idea.", "non_preferred")


@given(st.data())
def test_no_file_raises_anything_but_our_errors(data: Any) -> None:
    broken = mutated(data.draw(st.sampled_from(list(FILES.values()))), data.draw)
    for form in (broken, json.dumps(broken)):
        try:
            for rollout in ak.load(form, all=True):
                ak.view(rollout).text()
        except AgentkitError:
            pass


def test_the_files_of_a_batch_in_a_folder_are_joined(tmp_path: Path) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    asked = [
        {"custom_id": "a", "url": "/v1/chat/completions", "body": body},
        {"custom_id": "b", "url": "/v1/responses", "body": {"model": "m", "input": "And you?"}},
    ]
    error = {"custom_id": "b", "response": None, "error": {"code": "x", "message": "expired"}}
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    done = {"custom_id": "a", "response": {"status_code": 200, "body": answer}, "error": None}
    for name, rows in (("in", asked), ("out", [done]), ("errors", [error])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    first, second = sorted(ak.load(tmp_path, all=True), key=lambda one: str(one.meta["sample"]))
    assert (first.final, first.prompt[-1].content) == ("Hello", "Hi")
    assert (second.stop_reason, second.prompt[0].content) == ("error", "And you?")
    alone = ak.load(tmp_path / "in.jsonl", all=True)
    assert [one.prompt[-1].content for one in alone] == ["Hi", "And you?"]
    (tmp_path / "other.jsonl").write_text(json.dumps(body))
    assert len(ak.load(tmp_path, all=True)) == 5


@pytest.mark.parametrize("error", [{"message": "boom"}, "boom"])
def test_an_entry_of_a_log_with_an_error_in_place_of_an_answer_has_failed(error: Any) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    entry = {"request": request, "response": None, "error": error, "status": 500}
    (rollout,) = ak.load([entry], all=True)
    (attempt,) = rollout.attempts
    assert (attempt.error.message, attempt.error.status) == ("boom", 500)
    assert rollout.stop_reason == "error"
