"""The debugger: one rollout, step by step, with or without an event loop around it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import agentkit as ak
from agentkit.debugger.stopped import Stopped
from agentkit.errors import Busy, UsageError
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from agentkit.types.answer import Response
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.wire import ApiError


def double(n: int) -> int:
    """Double it.

    Args:
        n: the number
    """
    return 2 * n


def fail(n: int) -> int:
    """Fail."""
    raise LookupError(f"no {n}")


TWO = says("both", calls("double", n=1), calls("double", n=2))
ONE = says(None, calls("double", n=1))


def debugger(
    *script: Any, tools: Any = (double, fail), prompt: Any = "go", **options: Any
) -> ak.Debugger:
    return ak.debug(
        ak.Agent("m", tools=tools, server=ScriptedServer(list(script)), **options), prompt
    )


def taken(dbg: ak.Debugger) -> list[str]:
    """What each step gave, to the end."""
    said = []
    while outcome := dbg.step():
        said.append(outcome.summary())
    return said


def test_a_rollout_step_by_step() -> None:
    dbg = debugger(TWO, says("done"))
    assert dbg.next_step is not None
    assert (dbg.pending, dbg.turn, dbg.error, dbg.trajectory.stop_reason) == ((), None, None, None)
    answer = dbg.step()
    assert isinstance(answer, Response)
    assert (answer.content, [c.arguments for c in answer.tool_calls]) == (
        "both",
        [{"n": 1}, {"n": 2}],
    )
    assert [c.arguments for c in dbg.pending] == [{"n": 1}, {"n": 2}]
    first = dbg.step()
    assert isinstance(first, ToolResult)
    assert (first.content, first.status, first.value) == ("2", "ok", 2)
    assert [c.arguments for c in dbg.pending] == [{"n": 2}]
    assert dbg.turn is not None
    assert [r and r.content for r in dbg.turn.results] == ["2", None]
    assert len(dbg.trajectory.turns) == 0
    assert dbg.step().content == "4"  # type: ignore[union-attr]
    assert (dbg.pending, len(dbg.trajectory.turns)) == ((), 1)
    assert dbg.step().content == "done"  # type: ignore[union-attr]
    assert (dbg.trajectory.stop_reason, dbg.trajectory.final) == ("final", "done")
    assert not dbg.step()


def test_what_is_there_to_look_at() -> None:
    dbg = debugger(
        ONE,
        says("done"),
        prompt=[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    )
    assert [m["role"] for m in dbg.messages] == ["system", "user"]
    assert dbg.request.body["messages"] == dbg.messages
    dbg.next()
    assert [m["role"] for m in dbg.messages] == ["system", "user", "assistant", "tool"]
    assert dbg.request.body["messages"] == dbg.messages
    assert dbg.request.body["model"] == "m"
    dbg.run()
    assert dbg.trajectory.messages == dbg.messages


def test_the_end_is_falsy_and_says_so() -> None:
    dbg = debugger(says("done"))
    assert taken(dbg) == ["'done', finish_reason='stop'"]
    end = dbg.step()
    assert isinstance(end, Stopped)
    assert (bool(end), end.reason, end.error) == (False, "final", None)
    assert "say" in repr(end)
    assert dbg.next() == end
    assert dbg.run().final == "done"


def test_next_takes_a_turn_whole() -> None:
    dbg = debugger(TWO, ONE, says("done"))
    dbg.step()
    dbg.step()
    turn = dbg.next()
    assert isinstance(turn, Turn)
    assert (turn.index, [r.content for r in turn.tool_results]) == (0, ["2", "4"])
    turn = dbg.next()
    assert isinstance(turn, Turn)
    assert turn.index == 1
    turn = dbg.next()
    assert isinstance(turn, Turn)
    assert turn.response.content == "done"
    assert not dbg.next()


def test_run_goes_on_from_anywhere() -> None:
    dbg = debugger(TWO, ONE, says("done"))
    dbg.step()
    dbg.step()
    assert [len(turn.tool_results) for turn in dbg.run().turns] == [2, 1, 0]
    assert debugger(ONE, max_turns=2).run().stop_reason == "error"
    assert debugger(ONE, ONE, ONE, max_turns=2).run().stop_reason == "max_turns"
    assert debugger(says("cut", finish_reason="length")).run().stop_reason == "length"


def test_say_goes_on_after_the_final_answer() -> None:
    dbg = debugger(says("first"), ONE, says("second"))
    dbg.run()
    assert dbg.say("and now?") is dbg
    assert [m["content"] for m in dbg.request.body["messages"]] == ["go", "first", "and now?"]
    dbg.say([{"role": "user", "content": "please"}])
    assert dbg.run().final == "second"
    assert [m["content"] for m in dbg.messages if m["role"] == "user"] == [
        "go",
        "and now?",
        "please",
    ]


def test_say_answers_calls_that_still_wait() -> None:
    dbg = debugger(TWO, says("done"))
    dbg.step()
    dbg.step()
    dbg.say("never mind")
    assert [r.status for r in dbg.trajectory.turns[0].tool_results] == ["ok", "cancelled"]
    assert [m["role"] for m in dbg.messages] == ["user", "assistant", "tool", "tool", "user"]
    assert dbg.run().final == "done"


@pytest.mark.parametrize(
    "bad", [None, 3, "", "  ", [], [{"content": "x"}], b"bytes", {"role": "user"}]
)
def test_a_prompt_that_is_neither_text_nor_messages(bad: Any) -> None:
    dbg = debugger(says("hi"))
    for use in (dbg.say, lambda prompt: debugger(says("hi"), prompt=prompt)):
        with pytest.raises(UsageError) as caught:
            use(bad)
        assert caught.value.hint


def test_a_debugger_needs_an_agent() -> None:
    with pytest.raises(UsageError, match="str") as caught:
        ak.debug("gpt-4o", "hello")
    assert "ak.Agent(" in caught.value.hint


def test_a_failed_request_ends_a_loop_of_steps_and_can_be_tried_again() -> None:
    refused = ApiError(kind="rate_limited", message="slow down", status=429)
    dbg = debugger(ONE, refused, ConnectionError("gone"), says("done"))
    assert len(taken(dbg)) == 2
    assert (dbg.trajectory.stop_reason, dbg.error) == ("error", refused)
    failed = dbg.step()
    assert isinstance(failed, Stopped)
    assert failed.error is not None
    assert "gone" in failed.error.message
    assert [a.turn for a in dbg.trajectory.attempts] == [1, 1]
    assert [m["role"] for m in dbg.messages] == ["user", "assistant", "tool"]
    assert dbg.step().content == "done"  # type: ignore[union-attr]
    assert (dbg.error, dbg.trajectory.stop_reason) == (None, "final")


def test_next_and_run_stop_at_a_failed_request() -> None:
    dbg = debugger(ConnectionError("gone"), ONE, ConnectionError("again"), says("done"))
    assert not dbg.next()
    assert isinstance(dbg.next(), Turn)
    assert dbg.run().stop_reason == "error"
    assert dbg.run().final == "done"


def test_a_tool_that_raises_is_a_result() -> None:
    dbg = debugger(
        says(None, calls("fail", n=3), calls("nope"), calls("double", n="x")), says("done")
    )
    dbg.step()
    results = [
        outcome for outcome in (dbg.step() for _ in range(3)) if isinstance(outcome, ToolResult)
    ]
    assert [r.status for r in results] == ["error", "unknown_tool", "ok"]
    assert results[0].error == "LookupError: no 3"
    assert dbg.run().final == "done"


def test_a_perform_that_raises_costs_its_step_only() -> None:
    broken = [True]

    def wrap(perform: Any, trajectory: Any, sample: int) -> Any:
        async def performed(step: Any, emit: Any = None) -> Any:
            if broken.pop() if broken else False:
                raise ZeroDivisionError("a bug of the wrapper's")
            return await perform(step, emit)

        return performed

    dbg = ak.debug(ak.Agent("m", server=ScriptedServer([says("done")])).with_perform(wrap), "go")
    with pytest.raises(ZeroDivisionError):
        dbg.step()
    assert dbg.step().content == "done"  # type: ignore[union-attr]


# event loops


async def test_steps_under_a_running_event_loop() -> None:
    dbg = debugger(TWO, says("done"))
    assert dbg.step().content == "both"  # type: ignore[union-attr]
    result = await dbg.step_async()
    assert isinstance(result, ToolResult)
    turn = await dbg.next_async()
    assert isinstance(turn, Turn)
    assert (await dbg.run_async()).final == "done"


def test_steps_from_several_event_loops_and_none() -> None:
    dbg = debugger(TWO, says("done"))
    asyncio.run(dbg.step_async())
    dbg.step()
    asyncio.run(dbg.next_async())

    async def inside() -> Any:
        return dbg.step()

    assert asyncio.run(inside()).content == "done"


async def test_other_tasks_run_while_a_step_is_awaited() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def slow() -> str:
        """Be slow."""
        await asyncio.sleep(0.1)
        return "done"

    dbg = debugger(says(None, calls("slow")), says("done"), tools=[slow])
    task = asyncio.create_task(tick())
    await dbg.next_async()
    task.cancel()
    assert ticks > 10


def test_one_step_at_a_time() -> None:
    gate, began = threading.Event(), threading.Event()

    def wait() -> str:
        """Wait."""
        began.set()
        gate.wait(10)
        return "waited"

    dbg = debugger(says(None, calls("wait")), says("done"), tools=[wait])
    dbg.step()
    given: list[Any] = []
    other = threading.Thread(target=lambda: given.append(dbg.step()))
    other.start()
    began.wait(10)
    attempts: list[Callable[[], Any]] = [
        dbg.step,
        dbg.next,
        dbg.run,
        lambda: dbg.say("x"),
        lambda: asyncio.run(dbg.step_async()),
    ]
    for attempt in attempts:
        with pytest.raises(Busy):
            attempt()
    gate.set()
    other.join(10)
    assert given[0].content == "waited"
    assert dbg.run().final == "done"


def test_a_tool_may_roll_out_an_agent_of_its_own() -> None:
    def ask() -> str:
        """Ask another."""
        return str(
            ak.rollout(ak.Agent("inner", server=ScriptedServer([says("from inside")])), "go").final
        )

    dbg = debugger(says(None, calls("ask")), says("done"), tools=[ask])
    assert dbg.run().turns[0].tool_results[0].content == "from inside"


def test_an_async_tool_may_wait_for_a_rollout_whose_tools_are_async_too() -> None:
    async def inner() -> str:
        """Answer."""
        return "from its tool"

    async def ask() -> str:
        """Ask another."""
        server = ScriptedServer([says(None, calls("inner")), says("x")])
        rollout = ak.rollout(ak.Agent("inner", tools=[inner], server=server), "go")
        return rollout.turns[0].tool_results[0].content

    dbg = debugger(says(None, calls("ask")), says("done"), tools=[ask])
    assert dbg.run().turns[0].tool_results[0].content == "from its tool"


def test_its_repr_says_where_it_stands() -> None:
    dbg = debugger(ONE, says("done"), clock=FixedClock())
    assert repr(dbg) == "<Debugger 0 turns, 0 calls, ready; next: ask the model, turn 0>"
    dbg.step()
    assert (
        repr(dbg)
        == '<Debugger 0 turns, 1 calls, pending calls; next: run double({"n": 1}) ok, turn 0>'
    )
    dbg.run()
    assert repr(dbg).startswith("<Debugger 2 turns, 1 calls, final; next: ")
    bundle = dbg._repr_mimebundle_()
    assert {"text/plain", "text/html"} <= set(bundle)
    again = debugger(ONE, says("done"), clock=FixedClock())
    again.run()
    assert again._repr_mimebundle_() == bundle
