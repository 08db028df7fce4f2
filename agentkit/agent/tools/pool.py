"""Threads for synchronous tools: bounded, resizable, and never in the way.

The threads are daemons, so a tool that hangs cannot keep the process from ending. A thread whose
call was given up on is counted as abandoned and replaced, so that hung tools do not use the pool
up; what it returns later is dropped. A forked process starts with a pool of its own: threads do not
come along.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from agentkit.agent.tools.job import Clock, Ran, ToolJob
from agentkit.errors import UsageError, checked_keywords


class ToolPool:
    """At most `size` tools at a time; further ones wait in order."""

    def __init__(self, size: int = 128) -> None:
        if not isinstance(size, int) or size < 1:
            raise UsageError(
                f"a tool pool of {size!r} threads cannot run anything",
                hint="give a whole number from 1 up",
            )
        self.size = size
        self._jobs: deque[ToolJob] = deque()
        self._lock = threading.Condition()
        self._threads = self._idle = self._abandoned = 0
        self._closed = False

    @property
    def queued(self) -> int:
        """Calls that wait for a thread."""
        return len(self._jobs)

    @property
    def abandoned(self) -> int:
        """Threads that still run a call which was given up on."""
        return self._abandoned

    def close(self) -> None:
        """Let the threads end as soon as no call waits; one that comes late is still run."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    async def run(
        self,
        function: Callable[[], Any],
        *,
        timeout: float | None = None,
        clock: Clock = time.time,
        context: contextvars.Context | None = None,
    ) -> Ran:
        """Run the function: give what it returned or raised, or that it ran out of time.

        Args:
            timeout: seconds it may run, not counting the wait for a thread; beyond them it is
                abandoned.
            context: what it runs in; by default a copy of the caller's.

        Raises:
            asyncio.CancelledError: the caller was cancelled; the call is abandoned.
        """
        job = ToolJob(function, clock, context or contextvars.copy_context())
        with self._lock:
            self._jobs.append(job)
            self._staff()
        try:
            return await job.ran(timeout)
        finally:
            self._give_up(job)

    def _staff(self) -> None:
        """Start a thread for the calls that wait, as long as the size allows one."""
        if len(self._jobs) <= self._idle:
            self._lock.notify()
        elif self._threads - self._abandoned < self.size:
            self._threads += 1
            self._idle += 1
            threading.Thread(target=self._work, name="agentkit-tool", daemon=True).start()

    def _give_up(self, job: ToolJob) -> None:
        """Forget a call that has not ended, and put another thread in the place of the one that
        runs it.
        """
        with self._lock:
            if job.ended is not None:
                return
            job.given_up = True
            if job in self._jobs:
                self._jobs.remove(job)
            else:
                self._abandoned += 1
                self._staff()

    def _work(self) -> None:
        while job := self._take():
            _run(job)
            with self._lock:
                self._abandoned -= job.given_up
                self._idle += 1
                job.tell()  # under the lock: whoever hears of it finds this thread free
            del job  # an idle thread keeps no result alive

    def _take(self) -> ToolJob | None:
        with self._lock:
            while (
                not self._jobs and not self._closed and self._threads - self._abandoned <= self.size
            ):
                self._lock.wait()
            self._idle -= 1
            if self._jobs and self._threads - self._abandoned <= self.size:
                return self._jobs.popleft()
            self._threads -= 1
            return None


def _run(job: ToolJob) -> None:
    job.begin()
    try:
        job.end(job.context.run(job.function))
    except BaseException as exc:  # whatever a tool raises is its result, SystemExit too
        job.end(error=exc)


_pool = ToolPool()


def tool_pool() -> ToolPool:
    """Give the pool that all agents of this process share."""
    return _pool


def _after_fork() -> None:
    global _pool
    _pool = ToolPool(_pool.size)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@checked_keywords
def resize_tool_pool(size: int) -> None:
    """Replace the shared pool by one of `size` threads and close the old one, which still ends
    what it has begun.

    Raises:
        UsageError: `size` is not a whole number from 1 up.
    """
    global _pool
    old, _pool = _pool, ToolPool(size)
    old.close()
