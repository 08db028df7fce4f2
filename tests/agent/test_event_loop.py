"""The event-loop thread behind the synchronous face: what comes back from it, what is refused, and
how it ends.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from agentkit.agent import event_loop
from agentkit.errors import UsageError


async def give(value: Any, seconds: float = 0) -> Any:
    await asyncio.sleep(seconds)
    if isinstance(value, BaseException):
        raise value
    return value


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), TimeoutError("its own"), asyncio.CancelledError(), StopAsyncIteration()],
)
def test_values_and_errors_come_back(error: BaseException) -> None:
    assert event_loop.run(give(7)) == 7
    with pytest.raises(type(error)):
        event_loop.run(give(error))
    assert asyncio.run(event_loop.run_async(give(8))) == 8
    with pytest.raises(type(error)):
        asyncio.run(event_loop.run_async(give(error)))


def test_everything_runs_on_one_thread_that_is_not_the_callers() -> None:
    async def where() -> Any:
        return threading.current_thread()

    threads = {event_loop.run(where()) for _ in range(3)} | {
        asyncio.run(event_loop.run_async(where()))
    }
    assert len(threads) == 1
    assert threads.pop() is not threading.current_thread()


def test_many_threads_may_wait_at_once() -> None:
    results: list[int] = []
    all_wait = asyncio.Barrier(10)

    async def meet(number: int) -> int:
        await all_wait.wait()
        return number

    threads = [
        threading.Thread(target=lambda n=n: results.append(event_loop.run(meet(n))))
        for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == list(range(10))


def test_waiting_for_itself_is_refused() -> None:
    async def inner() -> Any:
        return event_loop.run(give(1))

    with pytest.raises(UsageError, match="wait for itself") as caught:
        event_loop.run(inner())
    assert "await" in caught.value.hint


async def test_cancelling_the_caller_cancels_the_work() -> None:
    began, ended = threading.Event(), threading.Event()

    async def long() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(event_loop.run_async(long()))
    while not began.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_cancelling_before_it_began_is_no_trouble() -> None:
    ran: list[int] = []

    async def work() -> None:
        ran.append(1)

    blocker = threading.Event()
    event_loop.event_loop().call_soon_threadsafe(blocker.wait, 5)
    task = asyncio.create_task(event_loop.run_async(work()))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    blocker.set()
    assert event_loop.run(give(1)) == 1
    assert ran == []


async def test_the_next_call_waits_for_what_would_not_end() -> None:
    release = threading.Event()
    order: list[str] = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        order.append("ended")

    task = asyncio.create_task(event_loop.run_async(stubborn()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    threading.Timer(0.2, release.set).start()
    assert await event_loop.run_async(give(1)) == 1
    assert order == ["ended"]


def test_a_process_ends_quietly_with_work_under_way() -> None:
    code = """
import asyncio, threading
from agentkit.agent import event_loop
async def long():
    try:
        await asyncio.sleep(60)
    finally:
        print("cancelled")
def wait():
    try:
        event_loop.run(long())
    except asyncio.CancelledError:
        pass
threading.Thread(target=wait, daemon=True).start()
event_loop.run(asyncio.sleep(0.05))
print("end")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert (done.stdout.splitlines(), done.stderr) == (["end", "cancelled"], "")
