"""What a debugger says to a slip: an await too many, a name that is not there."""

from __future__ import annotations

from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import AgentkitError, NotFound, UsageError
from agentkit.testing import ScriptedServer, says, serve
from tests.debugger.debugger_operations import DONE, ONE, TWO, debugger, double


def words(exc: BaseException) -> str:
    return " ".join([str(exc), *getattr(exc, "__notes__", ())])


async def step(dbg: ak.Debugger) -> Any:
    return await dbg.step()  # type: ignore[misc]


async def turn(dbg: ak.Debugger) -> Any:
    return await dbg.next()  # type: ignore[misc]


async def run(dbg: ak.Debugger) -> Any:
    return await dbg.run(until=ak.break_on.turn(1))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("awaits", "instead"),
    [
        (step, "await dbg.step_async()"),
        (turn, "await dbg.next_async()"),
        (run, "await dbg.run_async()"),
    ],
)
async def test_a_blocking_call_that_is_awaited_is_refused_before_it_costs_anything(
    awaits: Any, instead: str
) -> None:
    server = ScriptedServer([DONE])
    dbg = ak.debug(ak.Agent("m", server=server), "go")
    with pytest.raises(UsageError) as info:
        await awaits(dbg)
    assert instead in words(info.value)
    assert (len(dbg.trajectory.attempts), dbg.turn) == (0, None)
    assert dbg.run().final == "done"


async def test_a_batch_that_is_awaited_is_refused_too() -> None:
    server = ScriptedServer([DONE])
    agent = ak.Agent("m", server=server)
    with pytest.raises(UsageError) as info:
        await ak.rollouts(agent, ["a"])  # type: ignore[misc]
    assert "await ak.rollouts_async(...)" in words(info.value)
    with pytest.raises(UsageError) as info:
        await ak.rollout(agent, "a")  # type: ignore[misc]
    assert "await ak.rollouts_async(agent, [prompt])" in words(info.value)
    assert ak.rollout(agent, "a").final == "done"  # nothing of the script was used up


async def test_a_blocking_call_works_inside_a_coroutine_that_awaits_later() -> None:
    dbg = debugger(ONE, DONE)
    answer = dbg.step()
    assert answer
    assert await dbg.step_async()
    assert [dbg.run().final, (await dbg.run_async()).final] == ["done", "done"]


def test_nothing_waits() -> None:
    dbg = debugger(DONE)
    for act in (dbg.pending.run, dbg.pending.skip, dbg.pending.reject):
        with pytest.raises(NotFound, match="nothing waits") as info:
            act(0)
        assert "dbg.step()" in words(info.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("setp", "step"), ("brakpoints", "breakpoints"), ("peding", "pending"), ("runn", "run")],
)
def test_a_slip_in_a_name_of_the_debugger(name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=rf"did you mean .*dbg\.{meant}\b"):
        getattr(debugger(DONE), name)


def test_a_name_like_none_of_the_debuggers() -> None:
    dbg = debugger(DONE)
    with pytest.raises(AttributeError, match=r"^a debugger has no 'quux'$"):
        dbg.quux  # type: ignore[attr-defined] # noqa: B018
    assert not hasattr(dbg, "__html__")
    assert {"step", "trajectory", "pending", "tree", "breakpoints", "say"} <= set(dir(dbg))


def test_a_slip_in_a_name_of_the_breakpoints() -> None:
    with pytest.raises(AttributeError, match=r"did you mean ak\.break_on\.tool\?"):
        ak.break_on.tol  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError, match="there are: <break_on: tool"):
        ak.break_on.xyz  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    "wait",
    [
        lambda dbg, point: dbg.breakpoints.add(point),
        lambda dbg, point: dbg.run(until=point),
        lambda dbg, point: dbg.run(until=[lambda context: False, point]),
        lambda dbg, point: dbg.start(until=point),
    ],
)
@pytest.mark.parametrize(
    "point",
    [
        ak.break_on.tool("doubl"),
        ak.break_on.tool_error("doubl"),
        ak.break_on.turn(1) | ak.break_on.tool("doubl"),
        ak.break_on.tool("doubl") & ak.break_on.call(lambda call: True),
    ],
)
def test_a_breakpoint_at_a_tool_that_there_is_not(wait: Any, point: Any) -> None:
    dbg = debugger(ONE, DONE)
    with pytest.raises(NotFound, match="no tool is named 'doubl'") as info:
        wait(dbg, point)
    assert "did you mean 'double'?" in words(info.value)
    assert (len(dbg.breakpoints), dbg.turn) == (0, None)


def test_a_breakpoint_at_a_name_that_the_model_made_up_once() -> None:
    from agentkit.testing import calls

    dbg = debugger(says(None, calls("triple", n=1)), DONE)
    dbg.run()
    dbg.goto(0)
    dbg.breakpoints.add(ak.break_on.tool("triple"))
    dbg.run()
    assert dbg.stop_at is not None
    assert "triple" in dbg.stop_at.text


def test_without_tools_every_name_can_be_waited_for() -> None:
    dbg = ak.debug(ak.Agent("m", server=ScriptedServer([DONE])), "go")
    assert dbg.run(until=ak.break_on.tool("anything")).final == "done"


def test_a_tool_to_approve_and_a_branch_that_there_is_not() -> None:
    with pytest.raises(UsageError) as info:
        debugger(ONE, approve=["dubble"])
    assert "did you mean 'double'?" in words(info.value)
    with pytest.raises(NotFound) as missing:
        debugger(ONE).switch("mian")
    assert "main" in words(missing.value)


def test_an_error_of_a_page_says_the_hint_too() -> None:
    from agentkit.agent.events import Event, Failed

    dbg = debugger(TWO)
    told: list[Event] = []
    dbg.watch(told.append)
    dbg.post("pending.run", call=0)
    dbg.wait(5)
    failed = [event for event in told if isinstance(event, Failed)]
    assert "not pending" in failed[0].message
    assert "none" in failed[0].message


async def test_a_url_is_a_server_of_the_loop() -> None:
    with serve([says("hello")]) as server:
        loop = ak.AgentLoop(server.url, tools=[double], model="m")
        result = await loop.run([{"role": "user", "content": "hi"}])
    assert (result.stop_reason, result.messages[-1]["content"]) == ("final", "hello")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_url_is_no_server_of_the_loop(empty: str) -> None:
    with pytest.raises(AgentkitError) as info:
        ak.AgentLoop(empty)
    assert "http://localhost:8000/v1" in words(info.value)


@pytest.mark.parametrize("approve", [lambda call: True, 5])
def test_what_decides_belongs_to_the_agent(approve: Any) -> None:
    with pytest.raises(UsageError, match="not a list of names of tools") as caught:
        debugger(TWO, approve=approve)
    assert "ak.Agent(..., approve=function)" in caught.value.hint


@pytest.mark.parametrize("meta", [5, "task", [("a", 1)]])
def test_meta_is_a_dict(meta: Any) -> None:
    for started in (
        lambda: ak.debug(ak.demo(), "x", meta=meta),
        lambda: ak.rollout(ak.demo(), "x", meta=meta),
        lambda: ak.rollouts(ak.demo(), [{"prompt": "x"}], meta=meta),
    ):
        with pytest.raises(UsageError, match="the meta is a"):
            started()


def test_a_faulty_predicate_of_a_run_is_told(caplog: pytest.LogCaptureFixture) -> None:
    debugger(ONE, DONE).run(until=lambda context: context.nothing)
    assert "raised AttributeError" in caplog.text
    assert "context.nothing" in caplog.text


async def test_a_comparison_is_not_awaited() -> None:
    sides = {"a": ak.demo(), "b": ak.demo()}
    with pytest.raises(UsageError, match=r"ak\.compare\(\) is not awaited"):
        await ak.compare(sides, ["x"])  # type: ignore[misc]
    with pytest.raises(UsageError, match=r"stream_vs_block\(\) is not awaited"):
        await ak.compare.stream_vs_block(ak.demo(), ["x"])  # type: ignore[misc]
