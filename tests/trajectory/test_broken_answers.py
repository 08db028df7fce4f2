"""Answers that broke off, and errors inside successes: the same end of a rollout from a body, a
stream in any cut, parsed chunks and a file, and a step that asks again.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

import agentkit as ak
from agentkit.read.failure.error import read_error
from agentkit.read.stream.stream_error import answer_error
from agentkit.trajectory.loop import apply, next_step, resume, start
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk, Exchange

ENDS: tuple[tuple[Any, str | None], ...] = (
    ("error", "generation_aborted"),
    ("abort", "generation_aborted"),
    ("cancelled", "generation_aborted"),
    ("ERROR", "generation_aborted"),
    ("USER_CANCEL", "generation_aborted"),
    ("OTHER", "generation_aborted"),
    ({"type": "abort", "message": "Aborted", "status_code": 500}, "generation_aborted"),
    ("timeout", "timeout"),
    ("TIMEOUT", "timeout"),
    ("time_limit", "timeout"),
    ("insufficient_system_resource", "server_error"),
    ("network_error", "server_error"),
    ("MALFORMED_FUNCTION_CALL", "tool_use_failed"),
    ("malformed_function_call", "tool_use_failed"),
    ("function_call_filter: MALFORMED_FUNCTION_CALL", "tool_use_failed"),
    ("malformed_tool_use", "tool_use_failed"),
    ("content_filter", "content_filtered"),
    ("SAFETY", "content_filtered"),
    ("RECITATION", "content_filtered"),
    ("PROHIBITED_CONTENT", "content_filtered"),
    ("ERROR_TOXIC", "content_filtered"),
    ("content_filter: RECITATION", "content_filtered"),
    ("sensitive", "content_filtered"),
    ("stop", None),
    ("STOP", None),
    ("FinishReason.STOP", None),
    ("eos", None),
    ("eos_token", None),
    ("end_turn", None),
    ("stop_sequence", None),
    ("COMPLETE", None),
    ("tool_use", None),
    ("weird", None),
    ("length", "length"),
    ("model_length", "length"),
    ("max_tokens", "length"),
    ("MAX_TOKENS", "length"),
)


def body(finish: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hel"}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish, **more}]}


def chunks(finish: Any) -> list[dict[str, Any]]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said: dict[str, Any] = {"role": "assistant", "content": "Hel"}
    ends: list[tuple[dict[str, Any], Any]] = [(said, None), ({}, finish)]
    return [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in ends
    ]


def events(*items: Any) -> str:
    return "".join(f"data: {json.dumps(item)}\n\n" for item in items)


def streamed(text: str) -> Exchange:
    return Exchange(status=200, chunks=(Chunk(at=0.0, text=text),))


def ended(exchange: Exchange) -> Trajectory:
    return apply(start("hi"), Answer(exchange=exchange))


@pytest.mark.parametrize(("finish", "kind"), ENDS, ids=[str(end[0])[:40] for end in ENDS])
def test_how_an_answer_ends(finish: Any, kind: str | None) -> None:
    block = ended(Exchange(status=200, body=json.dumps(body(finish))))
    stream = ended(streamed(events(*chunks(finish)) + "data: [DONE]\n\n"))
    for found in (block, stream):
        if kind in (None, "length"):
            assert (found.stop_reason, found.error) == (kind or "final", None)
            continue
        stop = "content_filter" if kind == "content_filtered" else "error"
        assert (found.stop_reason, found.error and found.error.kind) == (stop, kind)
        assert found.attempts[0].response is not None
        assert found.attempts[0].response.content == "Hel"
        assert next_step(found) is None
        assert next_step(resume(found)) is not None
    assert block.error == stream.error


def test_whole_calls_are_gone_on_with() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    for finish, stop in (
        ("abort", None),
        ("content_filter", None),
        ("malformed_tool_use", "error"),
    ):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        found = ended(Exchange(status=200, body=json.dumps({"choices": [choice]})))
        assert found.stop_reason == stop
        assert len(found.pending) == (stop is None)


def test_the_reason_behind_a_gateway_tells_more() -> None:
    for finish, native, kind in (
        ("error", "MALFORMED_FUNCTION_CALL", "tool_use_failed"),
        ("stop", "SAFETY", "content_filtered"),
        ("error", "abort", "generation_aborted"),
        ("stop", "STOP", None),
        ("length", "error", None),
    ):
        native_body = body(finish, native_finish_reason=native)
        found = ended(Exchange(status=200, body=json.dumps(native_body)))
        assert (found.error.kind if found.error else None) == kind


def test_a_filter_without_a_message_says_what_it_found() -> None:
    results = {"hate": {"filtered": True, "severity": "high"}, "violence": {"filtered": False}}
    choice = {"index": 0, "finish_reason": "content_filter", "content_filter_results": results}
    found = ended(Exchange(status=200, body=json.dumps({"choices": [choice]})))
    assert (found.stop_reason, found.error and found.error.kind) == (
        "content_filter",
        "content_filtered",
    )
    assert found.error is not None
    assert "hate (high)" in found.error.message
    stream = ended(streamed(events({"choices": [{**choice, "delta": {}}]})))
    assert stream.error is not None
    assert "hate (high)" in stream.error.message


ERRORS: tuple[dict[str, Any], ...] = (
    {"message": "slow down", "code": 429},
    {"message": "slow down", "code": "429", "metadata": {"retry_after_seconds": 3}},
    {"message": "Please try again in 2s", "type": "rate_limit_error"},
    {"message": "the request exceeds the available context size", "code": 400},
    {"message": "no funds", "code": "1113"},
    {"message": "gone", "http_code": "529"},
    {"message": "No user or org id found in auth cookie", "code": 401},
    {"message": "something else", "type": "invalid_request_error"},
)


def wrapped(error: dict[str, Any]) -> list[str]:
    """Write the error in each place that a server puts it in a stream."""
    before = events(chunks(None)[0])
    choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": error}
    return [
        before + events({"error": error}),
        before + events({"choices": [], "usage": None, "error": error}),
        before + events({**chunks("error")[1], "error": error}),
        before + events({"choices": [choice]}),
        before + f"error: {json.dumps(error)}\n\ndata: [DONE]\n\n",
        before + json.dumps({"error": error}, indent=1) + "\n\n",
        before + "event: error\n" + events({"error": error}),
        events({"error": error}),
        json.dumps({"error": error}),
        f"error: {json.dumps(error)}\n\n",
    ]


@pytest.mark.parametrize("error", ERRORS, ids=[str(error)[:50] for error in ERRORS])
def test_an_error_inside_is_the_error_outside(error: dict[str, Any]) -> None:
    outside = read_error(None, None, {"error": error})
    for text in wrapped(error):
        found = ended(streamed(text)).error
        assert found is not None
        assert (found.kind, found.retryable, found.retry_after, found.hint) == (
            outside.kind,
            outside.retryable,
            outside.retry_after,
            outside.hint,
        ), text
        assert found.status == (outside.status or 200)
        inside = answer_error(text)
        assert inside is not None
        assert inside.kind == outside.kind
        assert ak.read_error(None, None, text).kind == outside.kind


@given(st.data())
def test_cuts_do_not_change_an_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(wrapped(data.draw(st.sampled_from(ERRORS))))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert ak.read_stream(pieces) == ak.read_stream([text])


def test_parsed_chunks_keep_their_errors() -> None:
    head = chunks(None)[0]
    failed = ChatCompletionChunk.model_validate(head)
    failed = failed.model_copy(update={"choices": []})
    broken = ChatCompletionChunk.construct(
        **{**head, "choices": [], "error": {"code": 429, "message": "slow down"}}
    )
    read = ak.read_stream([ChatCompletionChunk.model_validate(head), failed, broken])  # type: ignore[list-item]
    assert next(p.code for p in read.problems if p.severity == "error") == "stream_error_event"
    assert read.content == "Hel"
    assert "rate_limited" in read.problems[0].message
    error = ended(read.exchange).error
    assert error is not None
    assert (error.kind, error.status, error.retryable) == ("rate_limited", 429, True)


class Server:
    """Answers with one finish reason after the other."""

    def __init__(self, *finishes: str) -> None:
        self.finishes = list(finishes)
        self.asked: list[Any] = []

    async def chat_completion(self, **request: Any) -> Any:
        self.asked.append(list(request["messages"]))
        return body(self.finishes.pop(0))


@pytest.mark.parametrize("finish", ["error", "content_filter", "TIMEOUT"])
def test_the_loop_ends_and_asks_again(finish: str, tmp_path: Path) -> None:
    server = Server(*[finish] * 3, "stop")
    loop = ak.AgentLoop(server, retries=0)
    messages: list[Any] = [{"role": "user", "content": "hi"}]
    result = asyncio.run(loop.run(messages))
    assert not result.finished_naturally
    assert result.stop_reason == ("content_filter" if finish == "content_filter" else "error")
    assert result.error is not None
    assert messages == [{"role": "user", "content": "hi"}]
    path = tmp_path / "broken.jsonl"
    ak.save(result.trajectory, path)
    assert ak.load(path) == result.trajectory


def test_a_step_after_a_filter_asks_again() -> None:
    server = Server("content_filter", "stop")
    dbg = ak.debug(ak.Agent("m", server=server), "hi")
    assert not dbg.step()
    assert dbg.trajectory.stop_reason == "content_filter"
    assert dbg.step()
    assert (dbg.trajectory.stop_reason, len(dbg.trajectory.attempts)) == ("final", 1)
    assert server.asked[0] == server.asked[1]


def test_files_that_took_a_filtered_answer_for_a_turn_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    ak.save(ended(Exchange(status=200, body=json.dumps(body("stop")))), path)
    lines = path.read_text().replace('\\"stop\\"', '\\"content_filter\\"')
    assert "content_filter" in lines
    path.write_text(lines)
    read = ak.load(path)
    assert isinstance(read, Trajectory)
    assert (read.stop_reason, len(read.turns), read.error) == ("final", 1, None)
