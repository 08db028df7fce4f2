"""The threads of synchronous tools: bounded, in order, replaced when one hangs, and never in the
way of the process's end.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools.pool import ToolPool, tool_pool
from agentkit.errors import UsageError
from tests.agent.hermes.loop_cases import USER, Stub, answer, call, contents, loop


class Gate:
    """A function that waits until it is opened."""

    def __init__(self) -> None:
        self.began, self.open = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.began.set()
        return "through" if self.open.wait(20) else "never opened"


@pytest.fixture
def gates() -> Iterator[Callable[[], Gate]]:
    made: list[Gate] = []

    def make() -> Gate:
        made.append(Gate())
        return made[-1]

    yield make
    for gate in made:
        gate.open.set()


async def until(condition: Callable[[], object]) -> None:
    """Returns when the condition holds; fails after some seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def threads_of(pool: ToolPool) -> int:
    return pool._threads


async def test_values_and_errors_come_back_with_their_times() -> None:
    def fail() -> None:
        raise LookupError("no")

    pool = ToolPool(2)
    ran = await pool.run(lambda: 7)
    assert (ran.value, ran.error, ran.timed_out) == (7, None, False)
    assert abs(ran.started - time.time()) < 60
    assert ran.elapsed >= 0
    assert 0 <= ran.queued < 5
    failed = await pool.run(fail)
    assert isinstance(failed.error, LookupError)
    pool.close()


async def test_no_more_than_its_size_at_once_and_the_rest_in_order() -> None:
    pool = ToolPool(2)
    running, peak, order = 0, 0, []
    lock = threading.Lock()

    def work(number: int) -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            order.append(number)
        time.sleep(0.005)
        with lock:
            running -= 1

    results = await asyncio.gather(*(pool.run(partial(work, number)) for number in range(20)))
    assert peak == 2
    assert sorted(order) == list(range(20))
    assert all(abs(number - place) <= 1 for place, number in enumerate(order))
    assert threads_of(pool) == 2
    assert results[-1].queued > 0
    pool.close()


async def test_an_idle_thread_does_not_keep_a_second_call_waiting() -> None:
    pool = ToolPool(4)
    await pool.run(lambda: None)
    both = threading.Barrier(3, timeout=5)
    results = await asyncio.gather(*(pool.run(both.wait) for _ in range(3)))
    assert [r.error for r in results] == [None] * 3
    pool.close()


async def test_threads_are_used_again() -> None:
    pool = ToolPool(8)
    for _ in range(5):
        await pool.run(lambda: None)
    assert threads_of(pool) == 1
    pool.close()
    await until(lambda: threads_of(pool) == 0)


async def test_an_idle_thread_keeps_no_result_alive() -> None:
    class Large:
        pass

    pool = ToolPool(1)
    ran = await pool.run(Large)
    held = weakref.ref(ran.value)
    del ran
    await until(lambda: gc.collect() is not None and held() is None)
    pool.close()


async def test_a_call_that_hangs_is_given_up_counted_and_replaced(
    gates: Callable[[], Gate],
) -> None:
    pool, gate = ToolPool(1), gates()
    ran = await pool.run(gate, timeout=0.02)
    assert (ran.timed_out, ran.elapsed, ran.value) == (True, 0.02, None)
    assert pool.abandoned == 1
    assert (await pool.run(lambda: "next")).value == "next"
    gate.open.set()
    await until(lambda: pool.abandoned == 0)
    await until(lambda: threads_of(pool) <= 1)
    assert (await pool.run(lambda: "still here")).value == "still here"
    assert threads_of(pool) == 1
    pool.close()


async def test_a_call_that_waits_behind_one_that_hangs_gets_its_place(
    gates: Callable[[], Gate],
) -> None:
    pool, gate = ToolPool(1), gates()
    hung = asyncio.create_task(pool.run(gate, timeout=0.05))
    await until(gate.began.is_set)
    assert (await asyncio.wait_for(pool.run(lambda: "next"), 5)).value == "next"
    assert (await hung).timed_out
    pool.close()


async def test_many_that_hang_leave_the_pool_usable(gates: Callable[[], Gate]) -> None:
    pool = ToolPool(3)
    ran = await asyncio.gather(*(pool.run(gates(), timeout=0.02) for _ in range(9)))
    assert all(r.timed_out for r in ran)
    assert pool.abandoned == 9
    assert (await pool.run(lambda: "fine")).value == "fine"
    pool.close()


async def test_the_wait_for_a_thread_is_not_counted_as_running(gates: Callable[[], Gate]) -> None:
    pool, gate = ToolPool(1), gates()
    first = asyncio.create_task(pool.run(gate))
    await until(gate.began.is_set)
    second = asyncio.create_task(pool.run(lambda: "in time", timeout=0.05))
    await until(lambda: pool.queued == 1)
    await asyncio.sleep(0.15)
    assert not second.done()
    gate.open.set()
    ran = await second
    assert (ran.value, ran.timed_out) == ("in time", False)
    assert ran.queued > 0.1
    assert (await first).value == "through"
    pool.close()


async def test_a_cancelled_call_is_given_up(gates: Callable[[], Gate]) -> None:
    pool, gate = ToolPool(1), gates()
    task = asyncio.create_task(pool.run(gate))
    await until(gate.began.is_set)
    waiting = asyncio.create_task(pool.run(lambda: pytest.fail("it was cancelled before it began")))
    await until(lambda: pool.queued == 1)
    waiting.cancel()
    task.cancel()
    done = await asyncio.gather(task, waiting, return_exceptions=True)
    assert [type(error) for error in done] == [asyncio.CancelledError] * 2
    assert (pool.abandoned, pool.queued) == (1, 0)
    gate.open.set()
    await until(lambda: pool.abandoned == 0)
    pool.close()


async def test_a_late_result_never_enters_the_history(gates: Callable[[], Gate]) -> None:
    gate = gates()
    running = loop(
        Stub(answer(None, call("echo")), answer("done")),
        dispatch=lambda *a, **k: gate(),
        tool_timeout=0.02,
    )
    result = await running.run(list(USER))
    before = result.trajectory
    gate.open.set()
    await until(lambda: tool_pool().abandoned == 0)
    assert running.trajectory is before
    assert "through" not in contents(result.messages)[0]


async def test_closing_lets_what_waits_be_run(gates: Callable[[], Gate]) -> None:
    pool, gate = ToolPool(1), gates()
    first, second = (
        asyncio.create_task(pool.run(gate)),
        asyncio.create_task(pool.run(lambda: "second")),
    )
    await until(lambda: gate.began.is_set() and pool.queued == 1)
    pool.close()
    gate.open.set()
    assert [r.value for r in await asyncio.gather(first, second)] == ["through", "second"]
    await until(lambda: threads_of(pool) == 0)
    assert (await pool.run(lambda: "late")).value == "late"
    await until(lambda: threads_of(pool) == 0)


async def test_resizing_replaces_the_shared_pool() -> None:
    before = tool_pool()
    ak.resize_tool_pool(3)
    assert (tool_pool().size, tool_pool() is before) == (3, False)
    ak.resize_tool_pool(128)
    assert tool_pool().size == 128


@pytest.mark.parametrize("size", [0, -1, 2.5, "8", None])
def test_a_size_that_cannot_run_anything(size: Any) -> None:
    before = tool_pool()
    with pytest.raises(UsageError) as caught:
        ak.resize_tool_pool(size)
    assert caught.value.hint
    assert tool_pool() is before


async def test_each_call_sees_the_context_of_its_caller() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    pool = ToolPool(1)

    async def one(number: int) -> Any:
        variable.set(number)
        return (await pool.run(lambda: (variable.get(), variable.set(-1)))).value[0]

    assert await asyncio.gather(*map(one, range(5))) == list(range(5))
    pool.close()


def test_a_pool_serves_many_event_loops() -> None:
    pool = ToolPool(2)
    for number in range(3):
        assert asyncio.run(pool.run(lambda n=number: n)).value == number  # type: ignore[misc]
    pool.close()


def in_a_process(code: str, timeout: float = 120) -> str:
    """Give what the code prints in a process of its own, which has to end by itself."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
def test_a_hung_tool_does_not_keep_the_process_from_ending() -> None:
    printed = in_a_process("""
import asyncio, threading, agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
def hang() -> str:
    "Hang."
    threading.Event().wait(600)
    return "never"
agent = ak.Agent("m", tools=[hang], server=ScriptedServer([says(None, calls("hang")), says("done")]), tool_timeout=0.05)
print(ak.rollout(agent, "go").turns[0].tool_results[0].status)
""")
    assert printed == "timeout"


@pytest.mark.slow
def test_a_forked_process_has_threads_of_its_own() -> None:
    printed = in_a_process("""
import os, warnings, agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
warnings.simplefilter("ignore", DeprecationWarning)
def pid() -> int:
    "Say it."
    return os.getpid()
def run() -> str:
    agent = ak.Agent("m", tools=[pid], server=ScriptedServer([says(None, calls("pid")), says("done")]))
    return ak.rollout(agent, "go").turns[0].tool_results[0].content
assert run() == str(os.getpid())
read, write = os.pipe()
child = os.fork()
if not child:
    os.write(write, str(run() == str(os.getpid())).encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(read, 10).decode())
""")
    assert printed == "True"
