"""`AgentLoop`: what the loop it grew from promised of its constructor, messages and requests."""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
import uuid
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

import agentkit as ak
from agentkit.errors import AgentkitError, UsageError
from tests.agent.hermes.loop_cases import (
    ECHO,
    SHAPES,
    TASKS,
    USER,
    Stub,
    answer,
    as_sdk,
    call,
    contents,
    echo,
    loop,
)

shaped = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)

# the constructor


def test_the_constructor_takes_its_arguments_in_the_order_of_the_original() -> None:
    names = list(inspect.signature(ak.AgentLoop).parameters)
    original = [
        "server",
        "tool_schemas",
        "valid_tool_names",
        "max_turns",
        "task_id",
        "temperature",
        "max_tokens",
        "extra_body",
        "budget_config",
    ]
    assert names[: len(original)] == original
    defaults = {n: p.default for n, p in inspect.signature(ak.AgentLoop).parameters.items()}
    assert [defaults[n] for n in original[3:]] == [30, None, 1.0, None, None, None]


def test_everything_may_be_given_by_position() -> None:
    made = ak.AgentLoop(
        Stub(answer("hi")),
        [ECHO],
        {"echo"},
        5,
        "task-1",
        0.2,
        64,
        {"top_k": 3},
        None,
        dispatch=echo,
    )
    assert (made.max_turns, made.task_id, made.valid_tool_names, made.tool_schemas) == (
        5,
        "task-1",
        {"echo"},
        [ECHO],
    )


def test_a_task_id_is_a_uuid4_unless_given() -> None:
    first, second = loop(Stub(answer("hi"))), loop(Stub(answer("hi")))
    assert uuid.UUID(first.task_id).version == 4
    assert first.task_id != second.task_id


def test_the_result_has_the_fields_and_defaults_of_the_original() -> None:
    result = ak.AgentResult(messages=[])
    assert (
        result.messages,
        result.managed_state,
        result.turns_used,
        result.finished_naturally,
    ) == ([], None, 0, False)
    assert (result.reasoning_per_turn, result.tool_errors) == ([], [])
    error = ak.ToolError(1, "echo", "{}", "why", "told")
    assert (error.turn, error.tool_name, error.arguments, error.error, error.tool_result) == (
        1,
        "echo",
        "{}",
        "why",
        "told",
    )


def test_without_a_way_to_run_tools_construction_fails_with_the_mend() -> None:
    with pytest.raises(UsageError, match="echo") as caught:
        ak.AgentLoop(Stub(answer("hi")), [ECHO], {"echo"})
    assert "dispatch=" in caught.value.hint
    assert isinstance(caught.value, ValueError)


def test_tools_the_loop_answers_itself_need_no_dispatch() -> None:
    assert ak.AgentLoop(
        Stub(answer("hi")), [TASKS], {"todo", "memory", "session_search"}
    ).valid_tool_names == {"todo", "memory", "session_search"}
    assert ak.AgentLoop(Stub(answer("hi")), [], set()).tool_schemas == []


async def test_model_tools_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, dict[str, Any], str, str | None]] = []

    def handle_function_call(
        name: str, args: dict[str, Any], task_id: str = "default", user_task: str | None = None
    ) -> str:
        seen.append((name, args, task_id, user_task))
        return '{"ok": true}'

    module = types.ModuleType("model_tools")
    module.handle_function_call = handle_function_call  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "model_tools", module)
    made = ak.AgentLoop(
        Stub(answer(None, call("echo", {"text": "a"})), answer("done")),
        [ECHO],
        {"echo"},
        task_id="task-9",
    )
    await made.run([{"role": "user", "content": "do it"}])
    assert seen == [("echo", {"text": "a"}, "task-9", "do it")]


def test_a_model_tools_that_fails_to_import_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model_tools", types.ModuleType("model_tools"))
    with pytest.raises(UsageError) as caught:
        ak.AgentLoop(Stub(answer("hi")), [ECHO], {"echo"})
    assert isinstance(caught.value.__cause__, ImportError)


def test_an_object_that_is_no_server_is_refused() -> None:
    with pytest.raises(UsageError, match="no server"):
        loop(object())


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"policy": "lenient"}, "lenient"),
        ({"text_calls": "hermess"}, "hermess"),
        ({"profile": "x"}, "'x'"),
        ({"tool_timeout": -1}, "-1 seconds"),
    ],
)
def test_a_wrong_option_is_found_out_at_once(options: dict[str, Any], fact: str) -> None:
    with pytest.raises(AgentkitError, match=fact) as caught:
        loop(Stub(answer("hi")), **options)
    assert caught.value.hint


# messages


@shaped
async def test_a_tool_round_in_every_shape(shape: Any) -> None:
    server = Stub(
        answer("on it", call("echo", {"text": "a"}, "c1"), call("echo", {"text": "b"}, "c2")),
        answer("done"),
        shape=shape,
    )
    messages: list[dict[str, Any]] = [{"role": "system", "content": "be brief"}, *USER]
    result = await loop(server).run(messages)
    told = [echo("echo", {"text": "a"}), echo("echo", {"text": "b"})]
    assert result.messages is messages
    assert messages[2:] == [
        {
            "role": "assistant",
            "content": "on it",
            "tool_calls": [call("echo", {"text": "a"}, "c1"), call("echo", {"text": "b"}, "c2")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": told[0]},
        {"role": "tool", "tool_call_id": "c2", "content": told[1]},
        {"role": "assistant", "content": "done"},
    ]
    assert (result.turns_used, result.finished_naturally, result.stop_reason, result.error) == (
        2,
        True,
        "final",
        None,
    )
    assert (result.reasoning_per_turn, result.tool_errors, result.managed_state) == (
        [None, None],
        [],
        None,
    )
    assert server.histories == [messages[:2], messages[:5]]
    assert result.trajectory.messages == messages


@shaped
async def test_an_answer_alone_in_every_shape(shape: Any) -> None:
    result = await loop(Stub(answer("hi there"), shape=shape)).run(list(USER))
    assert result.messages[-1] == {"role": "assistant", "content": "hi there"}
    assert result.finished_naturally


async def test_content_beside_calls_is_an_empty_text_where_there_is_none() -> None:
    result = await loop(Stub(answer(None, call("echo")), answer("done"))).run(list(USER))
    assert result.messages[1]["content"] == ""


@shaped
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "reasoning_text"])
async def test_reasoning_goes_back_in_the_field_it_came_in(shape: Any, field: str) -> None:
    server = Stub(
        answer(None, call("echo"), **{field: "first I look"}),
        answer("done", **{field: "now I know"}),
        shape=shape,
    )
    result = await loop(server).run(list(USER))
    assert result.reasoning_per_turn == ["first I look", "now I know"]
    assert [m.get(field) for m in result.messages if m["role"] == "assistant"] == [
        "first I look",
        "now I know",
    ]
    assert sum("reasoning" in name for m in result.messages for name in m) == 2


async def test_every_text_and_summary_of_reasoning_details_is_read() -> None:
    texts = (
        {"type": "reasoning.text", "text": "one"},
        {"type": "reasoning.summary", "summary": "two"},
    )
    details = [*texts, {"type": "reasoning.encrypted", "data": "x"}]
    result = await loop(Stub(answer("done", reasoning_details=details))).run(list(USER))
    assert result.reasoning_per_turn == ["one\n\ntwo"]
    assert result.messages[-1]["reasoning_details"] == details
    assert "reasoning_content" not in result.messages[-1]


async def test_a_profile_decides_how_reasoning_goes_back() -> None:
    result = await loop(Stub(answer("done", reasoning="why")), profile="vllm").run(list(USER))
    assert result.messages[-1] == {"role": "assistant", "content": "done", "reasoning": "why"}
    result = await loop(Stub(answer("done", reasoning="why")), profile="openai").run(list(USER))
    assert result.messages[-1] == {"role": "assistant", "content": "done"}


async def test_messages_may_be_sdk_objects() -> None:
    earlier = as_sdk(answer("I am here")).choices[0].message
    server = Stub(answer(None, call("echo")), answer("done"))
    result = await loop(server).run([USER[0], earlier, {"role": "user", "content": "go on"}])
    assert result.messages[1] is earlier
    assert server.histories[0][1]["content"] == "I am here"
    assert [len(h) for h in server.histories] == [3, 5]


async def test_messages_without_equality_do_not_look_changed() -> None:
    class Bare:
        def __init__(self, role: str, content: str) -> None:
            self.role, self.content = role, content

    server = Stub(answer(None, call("echo")), answer("done"))
    running = loop(server)
    messages: list[Any] = [Bare("user", "hello")]
    await running.run(messages)
    assert await running.step() is None
    assert [turn.kept for turn in running.trajectory.turns] == [None, None]


async def test_the_server_cannot_change_the_history() -> None:
    class Meddling(Stub):
        async def chat_completion(self, **kwargs: Any) -> Any:
            given = await super().chat_completion(**kwargs)
            kwargs["messages"].append({"role": "user", "content": "planted"})
            kwargs["messages"][0]["content"] = "changed"
            return given

    server = Meddling(answer(None, call("echo")), answer("done"))
    messages = [{"role": "user", "content": "hello"}]
    await loop(server).run(messages)
    assert contents(messages, "user") == ["hello"]
    assert len(server.histories[1]) == 3


def mocked(content: str | None, *calls: dict[str, Any]) -> MagicMock:
    """An answer made of mocks, as many tests of loops make them."""
    made = MagicMock()
    made.choices = [MagicMock(finish_reason="tool_calls" if calls else "stop")]
    message = made.choices[0].message
    message.content = content
    message.tool_calls = [MagicMock(id=c["id"]) for c in calls] or None
    for mock, c in zip(message.tool_calls or (), calls, strict=True):
        mock.function.name, mock.function.arguments = (
            c["function"]["name"],
            c["function"]["arguments"],
        )
    return made


async def test_servers_and_dispatch_may_be_mocks() -> None:
    server = MagicMock(spec=["chat_completion"])
    server.chat_completion = AsyncMock(
        side_effect=[mocked(None, call("echo", {"text": "a"})), mocked("done")]
    )
    dispatch = MagicMock(return_value="told")
    result = await loop(server, dispatch=dispatch, task_id="t").run(list(USER))
    assert [m["role"] for m in result.messages] == ["user", "assistant", "tool", "assistant"]
    dispatch.assert_called_once_with("echo", {"text": "a"}, task_id="t", user_task="hello")
    assert (result.finished_naturally, result.reasoning_per_turn, result.managed_state) == (
        True,
        [None, None],
        None,
    )


# the request


async def test_the_request_holds_exactly_what_was_asked_for() -> None:
    server = Stub(answer("hi"))
    await loop(server).run(list(USER))
    assert server.asked == [{"messages": USER, "n": 1, "temperature": 1.0, "tools": [ECHO]}]


async def test_limits_and_extras_are_sent_only_where_given() -> None:
    server = Stub(answer("hi"))
    await ak.AgentLoop(server, [], set(), 3, "t", 0.0, 0, {}).run(list(USER))
    assert server.asked == [{"messages": USER, "n": 1, "temperature": 0.0, "max_tokens": 0}]
    server = Stub(answer("hi"))
    await ak.AgentLoop(server, [], set(), 3, "t", 0.5, 9, {"provider": {"ignore": ["x"]}}).run(
        list(USER)
    )
    assert server.asked == [
        {
            "messages": USER,
            "n": 1,
            "temperature": 0.5,
            "max_tokens": 9,
            "extra_body": {"provider": {"ignore": ["x"]}},
        }
    ]


async def test_a_chat_completion_that_is_not_async_is_called_too() -> None:
    class Plain:
        def chat_completion(self, **kwargs: Any) -> Any:
            return answer("hi")

    assert (await loop(Plain()).run(list(USER))).finished_naturally


# managed state


class Managed(Stub):
    def get_state(self) -> Any:
        return {"nodes": [{"tokens": [1, 2]}]}


class ManagedLater(Stub):
    async def get_state(self) -> Any:
        await asyncio.sleep(0)
        return {"nodes": []}


async def test_managed_state_is_what_the_server_says_at_the_end() -> None:
    assert (await loop(Managed(answer("hi"))).run(list(USER))).managed_state == {
        "nodes": [{"tokens": [1, 2]}]
    }
    assert (await loop(ManagedLater(answer("hi"))).run(list(USER))).managed_state == {"nodes": []}
    assert (await loop(Managed(ConnectionError("x"))).run(list(USER))).managed_state == {
        "nodes": [{"tokens": [1, 2]}]
    }
    assert (await loop(Stub(answer("hi"))).run(list(USER))).managed_state is None


# how a run ends


async def test_max_turns_ends_a_run() -> None:
    server = Stub(answer(None, call("echo")))
    result = await loop(server, max_turns=3).run(list(USER))
    assert (
        result.turns_used,
        result.finished_naturally,
        result.stop_reason,
        len(server.asked),
    ) == (3, False, "max_turns", 3)
    assert result.messages[-1]["role"] == "tool"


async def test_no_turns_ask_nothing() -> None:
    server = Stub(answer("hi"))
    result = await loop(server, max_turns=0).run(list(USER))
    assert (result.turns_used, result.finished_naturally, result.stop_reason, server.asked) == (
        0,
        False,
        "max_turns",
        [],
    )


async def test_an_answer_in_the_last_turn_is_natural() -> None:
    result = await loop(Stub(answer(None, call("echo")), answer("done")), max_turns=2).run(
        list(USER)
    )
    assert (result.turns_used, result.finished_naturally) == (2, True)


async def test_a_failed_request_counts_as_a_turn() -> None:
    result = await loop(Stub(answer(None, call("echo")), ConnectionError("no route"))).run(
        list(USER)
    )
    assert (result.turns_used, result.finished_naturally, result.stop_reason) == (2, False, "error")
    assert result.reasoning_per_turn == [None]
