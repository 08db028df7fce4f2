"""Whatever a tool does, the loop goes on: the time-out is obeyed, the result says what happened.
Through `ak.debug`, `ak.rollout`, `ak.rollouts` and `AgentLoop`.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import ScriptedServer, by_turn, calls, says

Run = Callable[[ak.Agent], ak.Trajectory]


def in_an_agent_loop(agent: ak.Agent) -> ak.Trajectory:
    async def run() -> ak.Trajectory:
        loop = ak.AgentLoop(
            agent.server, tools=agent.tools.values(), tool_timeout=0.4, parallel_tools=True
        )
        return (await loop.run([{"role": "user", "content": "go"}])).trajectory

    return asyncio.run(run())


RUNS: dict[str, Run] = {
    "rollout": lambda agent: ak.rollout(agent, "go"),
    "debug": lambda agent: ak.debug(agent, "go").run(),
    "rollouts": lambda agent: ak.rollouts(agent, ["go"], progress=False)[0],
    "AgentLoop": in_an_agent_loop,
}


def result_of(run: str, tool: Any, *more: Any, timeout: float | None = 0.4) -> ak.ToolResult:
    """What came of a tool, in a rollout that ends well; `more` run beside it."""
    tools = [ak.tool(tool), *map(ak.tool, more)]
    answers = by_turn(says(None, *(calls(made.name) for made in tools)), says("done"))
    agent = ak.Agent("m", tools=tools, server=ScriptedServer(answers), tool_timeout=timeout)
    rollout = RUNS[run](agent)
    assert rollout.final == "done"
    for result in rollout.turns[0].tool_results[1:]:
        assert result.content == "well"
    return rollout.turns[0].tool_results[0]


async def beside() -> str:
    """Do well."""
    await asyncio.sleep(0.01)
    return "well"


async def blocks() -> str:
    """Block."""
    time.sleep(1.2)
    return "late"


async def swallows() -> str:
    """Do not listen."""
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "late"


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("tool", [blocks, swallows])
def test_the_time_of_an_async_tool_is_limited_whatever_it_does(tool: Any, run: str) -> None:
    began = time.monotonic()
    result = result_of(run, tool, beside)
    assert (result.status, result.error) == ("timeout", "Tool execution timed out after 0.4 s")
    assert time.monotonic() - began < 1.1


async def stops_its_loop() -> str:
    """Stop the loop."""
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "stopped it"


async def cancels_all() -> str:
    """Cancel everything."""
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(1)
    return "never"


async def leaves_an_exit_behind() -> str:
    """Leave a task that exits."""

    async def leave() -> None:
        sys.exit(3)

    task = asyncio.ensure_future(leave())
    try:
        await task
    except SystemExit:
        return "left"
    return "stayed"


@pytest.mark.parametrize("run", RUNS)
def test_a_loop_that_is_stopped_goes_on(run: str) -> None:
    assert result_of(run, stops_its_loop, beside).content == "stopped it"
    assert result_of(run, leaves_an_exit_behind).content == "left"
    assert result_of(run, beside).content == "well"


@pytest.mark.parametrize("run", RUNS)
def test_cancelling_every_task_costs_the_tool_itself(run: str) -> None:
    result = result_of(run, cancels_all)
    assert (result.status, result.error) == (
        "error",
        "CancelledError: the tool was cancelled from inside",
    )
    assert result_of(run, beside).content == "well"


class Mute(Exception):
    """Nothing about it can be written."""

    def __str__(self) -> str:
        raise SystemExit("no text")

    __repr__ = __str__


class Silent:
    """A value that cannot be written."""

    def __repr__(self) -> str:
        raise KeyboardInterrupt

    __str__ = __repr__


def raising(error: BaseException) -> Any:
    def fail() -> str:
        """Fail."""
        raise error

    return fail


def async_raising(error: BaseException) -> Any:
    async def fail() -> str:
        """Fail."""
        raise error

    return fail


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("make", [raising, async_raising])
@pytest.mark.parametrize(
    "error", [Mute(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), StopIteration(3)]
)
def test_whatever_is_raised_is_the_result(error: BaseException, make: Any, run: str) -> None:
    result = result_of(run, make(error))
    assert result.status == "error"
    name = "RuntimeError" if make is async_raising and isinstance(error, StopIteration) else None
    assert (result.error or "").startswith(f"{name or type(error).__name__}: ")
    assert "fail" in (result.traceback or "")


def deep(levels: int = 5_000) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("run", RUNS)
def test_any_value_becomes_a_result(run: str) -> None:
    def nests() -> Any:
        """Nest."""
        return deep()

    def silent() -> Any:
        """Be silent."""
        return Silent()

    def slow_text() -> Any:
        """Take long to be written."""

        class Slow:
            def __str__(self) -> str:
                time.sleep(1.2)
                return "slow"

        return Slow()

    assert result_of(run, nests).status == "ok"
    assert result_of(run, silent).status == "error"
    assert result_of(run, slow_text).status == "timeout"


@pytest.mark.parametrize("run", RUNS)
def test_generators_are_collected(run: str) -> None:
    def counts() -> Iterator[int]:
        """Count."""
        yield from range(3)

    async def counts_async() -> AsyncIterator[int]:
        """Count."""
        for n in range(3):
            yield n

    def endless() -> Iterator[int]:
        """Count without end."""
        while True:
            yield 1

    assert result_of(run, counts).content == "[0, 1, 2]"
    assert result_of(run, counts_async).content == "[0, 1, 2]"
    assert "more than 10,000 items" in result_of(run, endless, timeout=20.0).content


@pytest.mark.parametrize("run", RUNS)
def test_errors_of_event_loops_have_a_hint_that_the_model_does_not_see(run: str) -> None:
    foreign = asyncio.new_event_loop()
    future = foreign.create_future()

    async def awaits_a_foreign_future() -> str:
        """Await."""
        return str(await future)

    def gathers() -> Any:
        """Gather."""
        return asyncio.get_running_loop()

    async def runs() -> str:
        """Run."""
        coroutine = beside()
        try:
            return asyncio.run(coroutine)
        finally:
            coroutine.close()

    for tool, word, hint in (
        (awaits_a_foreign_future, "attached to a different loop", "make the client inside the"),
        (gathers, "no running event loop", "make it `async def`"),
        (runs, "cannot be called from a running event loop", "make the tool a plain `def`"),
    ):
        result = result_of(run, tool)
        assert word in (result.error or "")
        assert hint in (result.error or "")
        assert hint not in result.content
    foreign.close()


name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


@pytest.mark.parametrize("run", RUNS)
def test_the_context_of_the_caller_reaches_the_tools(run: str) -> None:
    def who() -> str:
        """Say who."""
        return name.get()

    async def who_async() -> str:
        """Say who."""
        return name.get()

    token = name.set("the caller")
    try:
        assert result_of(run, who).content == "the caller"
        assert result_of(run, who_async).content == "the caller"
    finally:
        name.reset(token)


def test_a_tool_has_a_limit_of_time_that_can_be_turned_off() -> None:
    from inspect import signature

    for made in (ak.Agent, ak.AgentLoop):
        assert signature(made).parameters["tool_timeout"].default == 600.0
    assert result_of("rollout", beside, timeout=None).content == "well"


def test_async_tools_share_one_loop_and_leave_one_that_is_blocked() -> None:
    seen: list[Any] = []
    blocked: list[Any] = []

    async def look() -> str:
        """Look."""
        seen.append(asyncio.get_running_loop())
        return "well"

    async def block() -> str:
        """Block the loop."""
        blocked.append(asyncio.get_running_loop())
        return await blocks()

    def is_met_again(loop: Any, run: str) -> bool:
        """Whether a tool runs there: a busy machine may make a loop look blocked for a moment."""
        for _ in range(50):
            result_of(run, look, timeout=30.0)
            if seen[-1] is loop:
                return True
        return False

    result_of("rollout", look, timeout=30.0)
    assert is_met_again(seen[0], "rollout")
    assert is_met_again(seen[0], "debug")
    assert result_of("rollout", block, look, timeout=30.0).content == "late"
    assert seen[-1] is not blocked[0]
    assert is_met_again(blocked[0], "rollout")


class Reluctant(list[Any]):
    """A list that cannot be gone through."""

    def __iter__(self) -> Any:
        raise RuntimeError("not now")


class Closed(dict[str, Any]):
    """A dict that does not say what is in it."""

    def items(self) -> Any:
        raise RuntimeError("not now")


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = [value]
    return value


@pytest.mark.parametrize("make", [deep, cyclic, lambda: Reluctant([1]), lambda: Closed(a=1)])
def test_a_value_that_cannot_be_gone_through_ends_no_rollout_and_is_recorded(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "opensesame1")

    def odd() -> Any:
        """Give something odd."""
        return make()

    server = ScriptedServer([says(None, calls("odd")), says("done")])
    agent = ak.record(ak.Agent("m", tools=[odd], server=server), tmp_path / "x.jsonl")
    t = ak.rollout(agent, "go")
    assert t.stop_reason == "final"
    assert "secret_redacted" not in [p.code for p in t.problems]
    (again,) = ak.load(tmp_path / "x.jsonl", all=True)
    assert again.messages == t.messages
