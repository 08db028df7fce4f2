"""The event loop of async tools, on a thread of its own: whatever a tool does to it, the loop that
runs the rollouts never waits.

There is one for all, so that tools may share a client. While a tool blocks it, with `time.sleep` or
with a rollout of its own that it waits for, calls that have not begun move to another, and so do
all that come meanwhile. A loop that a tool stops goes on.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from agentkit.agent.event_loop import is_waiting
from agentkit.agent.tools.job import Clock, Ran, ToolJob

log = logging.getLogger("agentkit")

_BLOCKED = 0.25
"""Seconds in which a loop must begin a call, or it counts as blocked."""
_END = 0.5
"""Seconds the loops are given to end with the process."""

Work = Callable[[], Coroutine[Any, Any, Any]]


class ToolLoop:
    """One event loop on a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._asked: float | None = None
        """Since when a call waits to be begun."""
        self._ending = False
        self.thread = threading.Thread(target=self._serve, name="agentkit-async-tool", daemon=True)
        self.thread.start()

    @property
    def blocked(self) -> bool:
        """Whether a call that is begun here would have to wait."""
        asked = self._asked
        late = asked is not None and time.monotonic() - asked > _BLOCKED
        return late or is_waiting(self.thread) or not self.thread.is_alive()

    def submit(self, job: ToolJob) -> None:
        """Begin a call as soon as the loop is free."""
        if self._asked is None:
            self._asked = time.monotonic()
        self._loop.call_soon_threadsafe(self._begin, job)

    def end(self) -> None:
        """Cancel what runs here, and end the thread."""
        self._ending = True
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _begin(self, job: ToolJob) -> None:
        # a context of its own, as the call may be waiting on another loop as well
        self._loop.create_task(self._run(job), context=job.context.copy())

    async def _run(self, job: ToolJob) -> None:
        self._asked = None
        with _lock:
            if job.given_up or job.began is not None:  # another loop has begun it
                return
            job.begin()
        task = asyncio.current_task(self._loop)
        job.cancel = lambda: task and self._loop.call_soon_threadsafe(task.cancel)
        try:
            job.end(await job.function())
        except BaseException as exc:
            job.end(error=exc)
        job.tell()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._ending:
            try:
                self._loop.run_forever()
            except BaseException as exc:  # SystemExit in a task that a tool has left behind
                log.error("a task of an async tool raised %s on its event loop", type(exc).__name__)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(tasks, timeout=_END) if tasks else _nothing())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _nothing() -> None:
    return


_lock = threading.Lock()
_loops: list[ToolLoop] = []
_pid = 0


def _free_loop() -> ToolLoop:
    """Give the first loop that no tool blocks; a forked process begins anew."""
    global _pid
    with _lock:
        if _pid != os.getpid():
            _pid = os.getpid()
            _loops.clear()
        for loop in _loops:
            if not loop.blocked:
                return loop
        _loops.append(ToolLoop())
        return _loops[-1]


async def run_on_tool_loop(
    work: Work, *, timeout: float | None, clock: Clock, context: contextvars.Context
) -> Ran:
    """Run the coroutine function on the loop of async tools: give what it returned, or that it ran
    out of time.

    Args:
        work: makes the coroutine, there; it does not raise.
        timeout: seconds it may run.
        clock: gives the times on the record.
        context: what it runs in.

    Raises:
        asyncio.CancelledError: the caller was cancelled; so is the call, and nobody waits for it.
    """
    job, here = ToolJob(work, clock, context), asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def submit() -> None:
        if job.began is None:
            _free_loop().submit(job)
            timers[:] = [here.call_later(_BLOCKED, submit)]

    submit()
    try:
        return await job.ran(timeout)
    finally:
        timers[0].cancel()
        with _lock:
            job.given_up = True
        if job.ended is None and job.cancel is not None:
            job.cancel()


async def run_here(
    work: Work, *, timeout: float | None, clock: Clock, context: contextvars.Context
) -> Ran:
    """Run the coroutine function on the running loop, as `run_on_tool_loop` does on its own. It is
    not waited for beyond its time, whatever it makes of being cancelled.

    Args:
        work, timeout, clock, context: as `run_on_tool_loop` takes them.
    """
    job = ToolJob(work, clock, context)

    async def run() -> None:  # tells it itself: a callback would come a round of the loop later
        job.end(await work())
        job.hear(True)

    job.begin()
    task = asyncio.get_running_loop().create_task(run(), context=context)
    task.add_done_callback(partial(_hear, job))
    try:
        return await job.ran(timeout)
    finally:
        task.cancel()


def _hear(job: ToolJob, task: asyncio.Task[Any]) -> None:
    if task.cancelled():  # before its first line; later it would be what the tool gave
        job.end(error=asyncio.CancelledError("the tool was cancelled from inside"))
        job.hear(True)


@atexit.register
def _end_loops() -> None:
    if _pid != os.getpid():
        return
    until = time.monotonic() + _END
    for loop in _loops:
        loop.end()
    for loop in _loops:
        loop.thread.join(max(0.0, until - time.monotonic()))
