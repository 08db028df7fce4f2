"""The faults of the loop this project grew from: each row of the table, and none may come back."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import datetime
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.trajectory import Trajectory, Turn
from tests.agent.hermes.loop_cases import (
    ECHO,
    SHAPES,
    USER,
    Stub,
    answer,
    as_attributes,
    as_hybrid,
    as_sdk,
    call,
    contents,
    loop,
    schema,
)

NEEDY = schema("echo", ["text"], text="string")
wire_shapes = pytest.mark.parametrize(
    "shape", [SHAPES["dict"], as_hybrid, as_attributes], ids=["dict", "hybrid", "attributes"]
)


class Dispatch:
    """Notes what it was called with."""

    def __init__(self, value: Any = "ok") -> None:
        self.value = value
        self.given: list[dict[str, Any]] = []

    def __call__(self, name: str, args: dict[str, Any], **extra: Any) -> Any:
        self.given.append(args)
        return self.value


def paired(messages: list[dict[str, Any]]) -> bool:
    """Whether every call has exactly one tool message behind it, in order, and every tool message a
    call.
    """
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                return False
        elif waiting:
            return False
        waiting += [c["id"] for c in message.get("tool_calls", ())]
    return not waiting


def codes(turn: Turn) -> set[str]:
    return {p.code for p in turn.problems}


async def one_call(
    *calls: Any, tool: dict[str, Any] = ECHO, shape: Any = SHAPES["dict"], **message: Any
) -> tuple[ak.AgentResult, Dispatch]:
    """A run whose first answer holds these calls."""
    dispatch = Dispatch()
    result = await loop(
        Stub(answer(None, *calls, **message), answer("done"), shape=shape), tool, dispatch=dispatch
    ).run(list(USER))
    assert paired(result.messages)
    assert result.finished_naturally
    json.dumps(result.messages, allow_nan=False)
    return result, dispatch


@wire_shapes
@pytest.mark.parametrize("missing", [{}, {"id": None}, {"id": ""}])
async def test_a_call_without_an_id_gets_one_that_both_messages_carry(
    shape: Any, missing: dict[str, Any]
) -> None:
    nameless = {**{k: v for k, v in call("echo", {"text": "a"}).items() if k != "id"}, **missing}
    result, dispatch = await one_call(nameless, nameless, shape=shape)
    ids = [c["id"] for c in result.messages[1]["tool_calls"]]
    assert len(set(ids)) == 2
    assert all(ids)
    assert codes(result.trajectory.turns[0]) & {"id_missing", "id_empty"}
    assert dispatch.given == [{"text": "a"}] * 2
    again, _ = await one_call(nameless, nameless, shape=shape)
    assert [c["id"] for c in again.messages[1]["tool_calls"]] == ids


async def test_ids_that_repeat_are_told_apart() -> None:
    result, _ = await one_call(call("echo", {}, "same"), call("echo", {}, "same"))
    ids = [c["id"] for c in result.messages[1]["tool_calls"]]
    assert ids[0] == "same" != ids[1]


@wire_shapes
@pytest.mark.parametrize(
    "broken",
    [{"id": "c", "type": "function", "function": None}, {"id": "c"}, {"id": "c", "function": {}}],
)
async def test_a_call_without_a_function_is_reported(shape: Any, broken: dict[str, Any]) -> None:
    result, dispatch = await one_call(broken, call("echo", {"text": "a"}, "d"), shape=shape)
    assert dispatch.given == [{"text": "a"}]
    assert "name_missing" in codes(result.trajectory.turns[0])
    assert "no name" in contents(result.messages)[0]


@wire_shapes
async def test_arguments_that_are_an_object_are_read(shape: Any) -> None:
    result, dispatch = await one_call(
        {"id": "c", "type": "function", "function": {"name": "echo", "arguments": {"text": "a"}}},
        shape=shape,
    )
    assert dispatch.given == [{"text": "a"}]
    assert "arguments_object" in codes(result.trajectory.turns[0])
    assert json.loads(result.messages[1]["tool_calls"][0]["function"]["arguments"]) == {"text": "a"}


@wire_shapes
@pytest.mark.parametrize("arguments", [None, "", "null", "{}", "  "])
async def test_no_arguments_are_an_empty_object_where_the_tool_requires_nothing(
    shape: Any, arguments: Any
) -> None:
    result, dispatch = await one_call(
        {"id": "c", "type": "function", "function": {"name": "echo", "arguments": arguments}},
        shape=shape,
    )
    assert dispatch.given == [{}]
    assert bool(codes(result.trajectory.turns[0])) == (arguments != "{}")
    assert result.tool_errors == []


@wire_shapes
@pytest.mark.parametrize(
    "arguments",
    [
        None,
        "",
        "null",
        "[1]",
        "3",
        '"text"',
        "true",
        '["text", "a"]',
        '[{"text": "a"}]',
        "not json",
        '{"text": "a',
    ],
)
async def test_what_is_no_object_never_reaches_a_tool_that_requires_something(
    shape: Any, arguments: Any
) -> None:
    broken = {"id": "c1", "type": "function", "function": {"name": "echo", "arguments": arguments}}
    result, dispatch = await one_call(
        call("echo", {"text": "a"}, "c0"), broken, tool=NEEDY, shape=shape
    )
    assert dispatch.given == [{"text": "a"}]
    good, bad = result.trajectory.turns[0].tool_results
    assert (good.status, bad.status, bad.call_id) == ("ok", "invalid_call", "c1")
    assert (good.content, "retry" in bad.content) == ("ok", True)
    assert [e.tool_name for e in result.tool_errors] == ["echo"]


@pytest.mark.parametrize(
    ("value", "text", "conversion"),
    [
        ({"a": [1, None]}, '{"a": [1, null]}', "json"),
        (None, "null", "json"),
        (b"bytes \xff", "bytes \ufffd", "bytes"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00", "text"),
        (7, "7", "json"),
        ("as it is", "as it is", None),
        ("", "", None),
    ],
)
async def test_whatever_a_tool_returns_reaches_the_model_as_text(
    value: Any, text: str, conversion: str | None
) -> None:
    result = await loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=Dispatch(value)
    ).run(list(USER))
    assert contents(result.messages) == [text]
    (tool_result,) = result.trajectory.turns[0].tool_results
    assert (tool_result.conversion, tool_result.value) == (
        conversion,
        value if conversion else None,
    )


@pytest.mark.parametrize(
    ("shape", "finish"),
    [
        (as_sdk, "length"),
        (as_attributes, "length"),
        (SHAPES["dict"], "max_tokens"),
        (SHAPES["dict"], {"type": "length", "length": 16}),
    ],
)
async def test_an_answer_that_was_cut_did_not_finish_naturally(shape: Any, finish: Any) -> None:
    result = await loop(Stub(answer("so far", finish=finish), shape=shape)).run(list(USER))
    assert (result.stop_reason, result.finished_naturally, result.turns_used) == (
        "length",
        False,
        1,
    )
    assert result.messages[-1]["content"] == "so far"
    assert "finish_length" in codes(result.trajectory.turns[0])


@pytest.mark.parametrize(
    "state",
    [
        {"nodes": [{"full_text": "user: hello so far", "metadata": {"finish_reason": "length"}}]},
        {
            "sequences": {
                "user: hello so far": as_attributes(
                    {
                        "full_text": "user: hello so far",
                        "metadata": {"finish_reason": {"type": "length"}},
                    }
                )
            }
        },
    ],
)
async def test_a_node_that_was_cut_is_believed_before_the_response(state: Any) -> None:
    server = Stub(answer("so far", finish="stop"))
    server.get_state = lambda: state  # type: ignore[attr-defined]
    result = await loop(server).run(list(USER))
    assert (result.stop_reason, result.finished_naturally, result.managed_state) == (
        "length",
        False,
        state,
    )
    server = Stub(answer("something else", finish="stop"))
    server.get_state = lambda: state  # type: ignore[attr-defined]
    assert (await loop(server).run(list(USER))).finished_naturally


async def test_calls_in_an_answer_that_was_cut_are_run_where_they_are_whole() -> None:
    result = await loop(
        Stub(
            answer(None, call("echo", {"text": "a"}), call("echo", '{"tex', "2"), finish="length"),
            answer("done"),
        )
    ).run(list(USER))
    assert [r.status for r in result.trajectory.turns[0].tool_results] == ["ok", "invalid_call"]
    assert result.finished_naturally


class HttpFailure(Exception):
    """An exception as HTTP clients raise them."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.status_code = 503
        self.body = {"error": {"message": "the model is loading", "type": "unavailable"}}


async def test_an_exception_of_the_server_is_on_the_record_and_the_run_can_go_on() -> None:
    server = Stub(answer(None, call("echo")), HttpFailure("503 from upstream"), answer("done"))
    running = loop(server)
    messages = list(USER)
    result = await running.run(messages)
    assert (result.stop_reason, result.finished_naturally, result.turns_used) == ("error", False, 2)
    assert result.error is not None
    assert (result.error.status, "503 from upstream" in result.error.message) == (503, True)
    (attempt,) = result.trajectory.attempts
    assert (attempt.turn, attempt.error) == (1, result.error)
    assert "the model is loading" in attempt.exchange.text
    assert attempt.exchange.started is not None
    assert attempt.exchange.elapsed is not None
    assert len(messages) == 3
    await running.step()
    result = await running.result()
    assert (
        result.finished_naturally,
        result.error,
        result.turns_used,
        len(result.trajectory.attempts),
    ) == (True, None, 3, 1)
    assert server.histories[1] == server.histories[2]


class Falsy(dict[str, Any]):
    """A response that has nothing."""


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"choices": []}, "choices_missing"),
        ({"choices": None}, "choices_missing"),
        (as_attributes({"choices": []}), "choices_missing"),
        ({"choices": [{"index": 0}]}, "message_missing"),
        ({"error": {"message": "Rate limit reached for this model", "code": 429}}, "rate_limited"),
        (None, "body_not_object"),
        ("", "body_empty"),
        ("<html>bad gateway</html>", "body_html"),
        (Falsy(), "choices_missing"),
    ],
)
async def test_an_empty_answer_says_why(given: Any, kind: str) -> None:
    result = await loop(Stub(given)).run(list(USER))
    assert (result.stop_reason, result.turns_used, result.messages) == ("error", 1, USER)
    assert result.error is not None
    assert result.error.kind == kind
    assert result.error.message


async def test_latency_usage_finish_reason_and_raw_answer_are_on_every_turn() -> None:
    first, second = answer(None, call("echo")), answer("done")
    result = await loop(Stub(first, second)).run(list(USER))
    for turn, raw in zip(result.trajectory.turns, (first, second), strict=True):
        assert turn.raw == raw
        assert (turn.usage.input_tokens, turn.usage.output_tokens) == (11, 7)
        assert turn.response.finish_reason == raw["choices"][0]["finish_reason"]
        assert turn.started is not None
        assert turn.elapsed is not None
    (tool_result,) = result.trajectory.turns[0].tool_results
    assert None not in (tool_result.started, tool_result.elapsed, tool_result.queued)


async def test_content_that_is_a_list_of_parts_is_read() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "four"},
    ]
    result = await loop(Stub(answer(parts))).run(list(USER))
    assert (result.messages[-1]["content"], result.reasoning_per_turn) == ("four", ["hm"])


async def test_a_custom_tool_gets_its_free_text() -> None:
    custom = {"id": "c", "type": "custom", "custom": {"name": "echo", "input": "SELECT {not json"}}
    result, dispatch = await one_call(custom)
    assert dispatch.given == [{"input": "SELECT {not json"}]
    assert result.messages[1]["tool_calls"] == [custom]


async def test_a_message_may_be_a_dict_inside_an_object() -> None:
    body = as_attributes(answer(None, call("echo", {"text": "a"})))
    body.choices[0].message = answer(None, call("echo", {"text": "a"}))["choices"][0]["message"]
    dispatch = Dispatch()
    await loop(Stub(body, answer("done")), dispatch=dispatch).run(list(USER))
    assert dispatch.given == [{"text": "a"}]


@pytest.mark.parametrize("kind", ["sync", "async", "stubborn"])
async def test_a_hung_tool_ends_at_its_time_limit(kind: str) -> None:
    release = threading.Event()

    def hang(name: str, args: dict[str, Any]) -> str:
        release.wait(30)
        return "late"

    async def hang_async(name: str, args: dict[str, Any]) -> str:
        await asyncio.sleep(30)
        return "late"

    async def hang_stubbornly(name: str, args: dict[str, Any]) -> str:
        while not release.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    dispatch = {"sync": hang, "async": hang_async, "stubborn": hang_stubbornly}[kind]
    running = loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=dispatch, tool_timeout=0.05
    )
    result = await asyncio.wait_for(running.run(list(USER)), 5)
    release.set()
    (tool_result,) = result.trajectory.turns[0].tool_results
    assert (tool_result.status, tool_result.elapsed) == ("timeout", 0.05)
    assert json.loads(tool_result.content) == {"error": "Tool execution timed out after 0.05 s"}
    assert [e.error for e in result.tool_errors] == ["Tool execution timed out after 0.05 s"]
    assert result.finished_naturally
    await asyncio.sleep(0.1)
    assert "late" not in json.dumps(result.messages)


async def test_the_trajectory_beside_the_list_is_immutable_and_can_be_compared() -> None:
    results = [
        await loop(Stub(answer(None, call("echo")), answer("done")), task_id="t").run(list(USER))
        for _ in range(2)
    ]
    first, second = (r.trajectory for r in results)
    assert isinstance(first, Trajectory)
    assert first == second
    results[0].messages.clear()
    results[0].trajectory.messages.clear()
    assert first == second
    assert len(first.messages) == 4
    with pytest.raises(AttributeError):
        first.turns = ()  # type: ignore[misc]
