"""`AgentLoop` turn by turn: a list that changes between steps, stop and go on, cancellation."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agentkit.errors import Busy, UsageError
from tests.agent.hermes.loop_cases import USER, Stub, answer, call, contents, loop


async def test_a_rollout_turn_by_turn() -> None:
    server = Stub(answer(None, call("echo", {"text": "a"})), answer("done"))
    running = loop(server)
    messages = list(USER)
    with pytest.raises(UsageError, match="not been started"):
        running.trajectory  # noqa: B018
    with pytest.raises(UsageError):
        await running.step()
    running.start(messages)
    assert (len(running.trajectory.turns), running.trajectory.stop_reason) == (0, None)
    first = await running.step()
    assert first is not None
    assert (
        first.index,
        [c.name for c in first.tool_calls],
        [r.status for r in first.tool_results],
    ) == (0, ["echo"], ["ok"])
    assert (len(messages), len(server.asked)) == (3, 1)
    second = await running.step()
    assert second is not None
    assert second.response.content == "done"
    assert running.trajectory.stop_reason == "final"
    assert await running.step() is None
    assert len(server.asked) == 2
    result = await running.result()
    assert (result.messages, result.turns_used, result.finished_naturally) == (messages, 2, True)


async def test_the_trajectory_is_a_value() -> None:
    running = loop(Stub(answer(None, call("echo")), answer("done")))
    running.start(list(USER))
    before = running.trajectory
    await running.step()
    assert (len(before.turns), len(running.trajectory.turns)) == (0, 1)


def changed_append(messages: list[Any]) -> None:
    messages.append({"role": "user", "content": "and this"})


def changed_edit(messages: list[Any]) -> None:
    messages[-1]["content"] = "another result"


def changed_prompt(messages: list[Any]) -> None:
    messages[0] = {"role": "user", "content": "something else"}


def changed_delete(messages: list[Any]) -> None:
    del messages[1:]


def changed_insert(messages: list[Any]) -> None:
    messages.insert(0, {"role": "system", "content": "be brief"})


def changed_nested(messages: list[Any]) -> None:
    messages[1]["tool_calls"][0]["function"]["arguments"] = '{"text": "mended"}'


def changed_all(messages: list[Any]) -> None:
    messages[:] = [{"role": "user", "content": "begin anew"}]


CHANGES = [
    changed_append,
    changed_edit,
    changed_prompt,
    changed_delete,
    changed_insert,
    changed_nested,
    changed_all,
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_next_step_sends_what_is_in_the_list(change: Any) -> None:
    server = Stub(answer(None, call("echo")), answer(None, call("echo", {}, "c2")), answer("done"))
    running = loop(server)
    messages: list[Any] = [dict(USER[0])]
    running.start(messages)
    await running.step()
    change(messages)
    wanted = json.loads(json.dumps(messages))
    await running.step()
    assert server.histories[1] == wanted
    wanted = json.loads(json.dumps(messages))
    await running.step()
    assert server.histories[2] == wanted
    assert running.trajectory.messages == messages
    assert [
        list(running.trajectory.request(turn).messages) for turn in range(3)
    ] == server.histories


async def test_a_list_changed_again_before_the_step_counts_as_it_is() -> None:
    server = Stub(ConnectionError("x"), answer("done"), answer("more"))
    running = loop(server)
    messages = [{"role": "user", "content": "one"}]
    running.start(messages)
    await running.step()
    messages.append({"role": "user", "content": "two"})
    messages[0]["content"] = "changed"
    await running.step()
    messages.append({"role": "user", "content": "three"})
    await running.step()
    assert [contents(h, "user") for h in server.histories] == [
        ["one"],
        ["changed", "two"],
        ["changed", "two", "three"],
    ]


async def test_a_new_user_message_goes_on_after_the_final_answer() -> None:
    server = Stub(answer("first"), answer("second"))
    running = loop(server)
    messages = list(USER)
    await running.run(messages)
    messages.append({"role": "user", "content": "and tomorrow?"})
    turn = await running.step()
    assert turn is not None
    assert turn.response.content == "second"
    assert contents(messages, "assistant") == ["first", "second"]


async def test_a_message_without_a_role_is_refused_and_nothing_is_lost() -> None:
    running = loop(Stub(answer("hi"), answer("again")))
    messages: list[Any] = list(USER)
    running.start(messages)
    messages.append({"content": "no role"})
    with pytest.raises(UsageError, match="no role"):
        await running.step()
    messages[-1] = {"role": "user", "content": "with a role"}
    assert await running.step() is not None


async def test_stop_between_steps_and_go_on() -> None:
    running = loop(Stub(answer(None, call("echo")), answer("done")))
    running.start(list(USER))
    await running.step()
    reasons: list[str | None] = []
    running.stop()
    reasons.append(running.trajectory.stop_reason)
    assert await running.step() is not None
    reasons.append(running.trajectory.stop_reason)
    running.stop()
    reasons.append(running.trajectory.stop_reason)
    assert reasons == ["stopped", "final", "final"]


async def test_stop_while_a_run_is_under_way() -> None:
    server = Stub(answer(None, call("echo", {}, "1"), call("echo", {}, "2")), answer("done"))

    def dispatch(name: str, args: dict[str, Any]) -> str:
        if len(messages) == 2:
            running.stop()
        return "ok"

    running = loop(server, dispatch=dispatch)
    messages = list(USER)
    result = await running.run(messages)
    assert (result.stop_reason, result.finished_naturally, result.turns_used) == (
        "stopped",
        False,
        1,
    )
    assert [c.id for c in running.trajectory.pending] == ["2"]
    await running.step()
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ["1", "2"]
    await running.step()
    assert running.trajectory.stop_reason == "final"


async def test_stop_while_the_model_is_asked_keeps_its_answer() -> None:
    class Stopping(Stub):
        async def chat_completion(self, **kwargs: Any) -> Any:
            running.stop()
            return await super().chat_completion(**kwargs)

    running = loop(Stopping(answer(None, call("echo")), answer("done")))
    result = await running.run(list(USER))
    assert result.stop_reason == "stopped"
    assert [c.name for c in running.trajectory.pending] == ["echo"]


async def test_a_cancelled_run_keeps_what_was_finished_and_goes_on() -> None:
    began = asyncio.Event()
    server = Stub(
        answer(None, call("echo", {"text": "a"}, "1"), call("echo", {"text": "b"}, "2")),
        answer("done"),
    )

    async def dispatch(name: str, args: dict[str, Any]) -> str:
        if args["text"] == "b" and not began.is_set():
            began.set()
            await asyncio.sleep(60)
        return str(args["text"])

    running = loop(server, dispatch=dispatch)
    messages = list(USER)
    task = asyncio.create_task(running.run(messages))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [r.content for r in running.trajectory.open.results if r] == ["a"]  # type: ignore[union-attr]
    assert contents(messages) == ["a"]
    turn = await running.step()
    assert turn is not None
    assert [r.content for r in turn.tool_results] == contents(messages) == ["a", "b"]
    await running.step()
    assert (await running.result()).finished_naturally


async def test_one_loop_runs_one_rollout_at_a_time() -> None:
    waiting, release = asyncio.Event(), asyncio.Event()

    async def dispatch(name: str, args: dict[str, Any]) -> str:
        waiting.set()
        await release.wait()
        return "ok"

    running = loop(Stub(answer(None, call("echo")), answer("done")), dispatch=dispatch)
    task = asyncio.create_task(running.run(list(USER)))
    await waiting.wait()
    with pytest.raises(Busy):
        running.start(list(USER))
    with pytest.raises(Busy):
        await running.step()
    release.set()
    assert (await task).finished_naturally


async def test_a_loop_can_be_used_again() -> None:
    running = loop(Stub(answer(None, call("nope")), answer("one"), answer("two")))
    first = await running.run(list(USER))
    second = await running.run(list(USER))
    assert (len(first.tool_errors), second.tool_errors, second.turns_used) == (1, [], 1)
    assert first.trajectory.final == "one"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        3,
        [],
        ({"role": "user", "content": "a"},),
        [3],
        [{"content": "x"}],
        "",
        {"role": "user"},
    ],
)
def test_messages_must_be_a_list_of_messages(bad: Any) -> None:
    with pytest.raises(UsageError) as caught:
        loop(Stub(answer("hi"))).start(bad)
    assert caught.value.hint


async def test_a_text_is_a_user_message() -> None:
    server = Stub(answer("hi"))
    running = loop(server)
    running.start("hello")
    await running.step()
    assert server.histories == [USER]
