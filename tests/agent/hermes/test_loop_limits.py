"""`AgentLoop`: what it logs, the pool its tools run in, budgets of results, and tools that raise
anything at all.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools.pool import tool_pool
from tests.agent.hermes.loop_cases import (
    ECHO,
    USER,
    Stub,
    answer,
    call,
    contents,
    echo,
    loop,
    schema,
)

# log lines


async def test_each_turn_logs_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentkit")
    server = Stub(answer(None, call("echo"), call("echo", {}, "2")), answer("done"))
    await loop(server, task_id="0123456789").run(list(USER))
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith("[01234567] turn 1: api=0.0s, 2 tools, turn_total=0.")
    assert lines[1].startswith("[01234567] turn 2: api=0.0s, no tools (finished), turn_total=0.")


async def test_a_terminal_command_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentkit")
    command = "echo " + "a" * 200
    server = Stub(
        answer(
            None, call("terminal", {"command": command}), call("terminal", {"command": None}, "2")
        ),
        answer("done"),
    )
    await loop(server, schema("terminal", command="string"), task_id="0123456789").run(list(USER))
    assert f"[01234567] $ {command[:80]}" in [r.getMessage() for r in caplog.records]


async def test_a_slow_tool_is_warned_of_with_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    moment = 0.0

    def dispatch(name: str, args: dict[str, Any]) -> str:
        nonlocal moment
        moment += 31.0
        return "ok"

    server = Stub(answer(None, call("echo")), answer("done"))
    await loop(server, dispatch=dispatch, clock=lambda: moment, task_id="0123456789").run(
        list(USER)
    )
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "[01234567] turn 1: echo took 31.0s (pool queue=0)")
    ]


async def test_a_failed_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await loop(Stub(ConnectionError("no route")), task_id="0123456789").run(list(USER))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith("[01234567] turn 1: the request failed: ")
    assert "no route" in record.getMessage()


# the pool, budgets


async def test_resizing_the_pool_lets_running_calls_end() -> None:
    began, release = threading.Event(), threading.Event()

    def dispatch(name: str, args: dict[str, Any], **extra: Any) -> str:
        began.set()
        return "late" if release.wait(10) else "never"

    task = asyncio.create_task(
        loop(Stub(answer(None, call("echo")), answer("done")), dispatch=dispatch).run(list(USER))
    )
    while not began.is_set():
        await asyncio.sleep(0.001)
    ak.resize_tool_pool(16)
    release.set()
    result = await task
    assert contents(result.messages) == ["late"]
    ak.resize_tool_pool(128)
    assert contents(
        (await loop(Stub(answer(None, call("echo")), answer("done"))).run(list(USER))).messages
    ) == [echo("echo", {})]


class BudgetConfig:
    """hermes-agent's names."""

    default_result_size = 2_000
    turn_budget = 3_000
    preview_size = 500


@pytest.mark.parametrize(
    "budget",
    [BudgetConfig(), {"default_result_size": 2_000, "turn_budget": 3_000, "preview_size": 500}],
)
@pytest.mark.parametrize("parallel", [False, True])
async def test_results_beyond_the_budget_are_shortened_and_kept(
    budget: Any, parallel: bool
) -> None:
    sizes = {"long": 2_001, "a": 1_900, "b": 1_900}
    calls = [call("echo", {"text": name}, name) for name in sizes]
    replies = {name: name[0] * size for name, size in sizes.items()}
    running = ak.AgentLoop(
        Stub(answer(None, *calls), answer("done")),
        [ECHO],
        {"echo"},
        9,
        "t",
        1.0,
        None,
        None,
        budget,
        dispatch=lambda name, args, **k: replies[args["text"]],
        parallel_tools=parallel,
    )
    result = await running.run(list(USER))
    shown = contents(result.messages)
    assert shown[0].startswith("l" * 500)
    assert "2,001" in shown[0]
    assert len(shown[0]) < 700
    assert sorted(len(text) == 1_900 for text in shown[1:]) == [False, True]
    assert [r.full_content or r.content for r in result.trajectory.turns[0].tool_results] == list(
        replies.values()
    )
    assert sum(map(len, shown)) <= 3_500


async def test_without_a_budget_results_are_whole() -> None:
    result = await loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=lambda *a, **k: "x" * 300_000
    ).run(list(USER))
    assert len(contents(result.messages)[0]) == 300_000


async def test_the_default_budget() -> None:
    server = Stub(
        answer(None, call("echo", {}, "1"), call("echo", {}, "2"), call("echo", {}, "3")),
        answer("done"),
    )
    replies = iter(["x" * 100_001, "y" * 100_000, "z" * 100_000])
    result = await loop(server, dispatch=lambda *a, **k: next(replies), budget_config=True).run(
        list(USER)
    )
    shown = contents(result.messages)
    assert shown[0][:1_500] == "x" * 1_500
    assert len(shown[0]) < 1_700
    assert len(shown[1]) == 100_000
    assert len(shown[2]) < 1_700


# whatever a tool raises

HARD: list[BaseException] = [
    SystemExit(3),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
    GeneratorExit(),
]


@pytest.mark.parametrize("error", [*HARD, StopIteration(1), StopAsyncIteration()])
async def test_whatever_a_tool_raises_is_its_result(error: BaseException) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    assert (await tool_pool().run(fail)).error is error
    result = await loop(Stub(answer(None, call("echo")), answer("done")), dispatch=fail).run(
        list(USER)
    )
    assert type(error).__name__ in contents(result.messages)[0]
    assert result.finished_naturally


@pytest.mark.parametrize("error", [*HARD, ValueError("no"), TimeoutError("own")])
async def test_whatever_an_async_tool_raises_is_its_result(error: BaseException) -> None:
    async def fail(*args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        raise error

    result = await loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=fail, tool_timeout=5
    ).run(list(USER))
    assert type(error).__name__ in contents(result.messages)[0]
    assert [r.status for r in result.trajectory.turns[0].tool_results] == ["error"]
    assert result.finished_naturally


async def test_an_exception_whose_text_fails_is_a_result_too() -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise Hostile

    result = await loop(Stub(answer(None, call("echo")), answer("done")), dispatch=fail).run(
        list(USER)
    )
    assert "Tool execution failed: Hostile" in contents(result.messages)[0]
