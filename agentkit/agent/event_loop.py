"""The event-loop thread behind the synchronous face: one for the process, so that a cell with or
without a running loop works alike.

An interrupt of the caller cancels what runs there and goes on as the interrupt it was. What does
not end at once is left to end by itself; the next call waits for it.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import dis
import os
import sys
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

from agentkit.errors import UsageError

T = TypeVar("T")

_POLL = 0.05
"""Seconds between looks for an interrupt."""
_PROMPT = 0.1
"""Seconds cancelled work is given to end before the interrupt goes on without it."""
_SETTLE = 2.0
"""Seconds a later call waits for it."""

_CACHE, _AWAIT = (dis.opmap.get(name, -1) for name in ("CACHE", "GET_AWAITABLE"))

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_pid = 0
_waiting: set[int] = set()
"""Threads that wait in `run`."""
_leaving: set[concurrent.futures.Future[Any]] = set()
"""Cancelled work of which something may still run."""


def event_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop of the background thread, started on first use; a forked process gets
    one of its own.
    """
    global _loop, _thread, _pid
    with _lock:
        if _loop is None or _pid != os.getpid() or _thread is None or not _thread.is_alive():
            _loop, _pid = asyncio.new_event_loop(), os.getpid()
            _thread = threading.Thread(target=_serve, args=(_loop,), name="agentkit", daemon=True)
            _thread.start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


@atexit.register
def shut_down() -> None:
    """End the background loop, and what was left open on it."""
    global _loop
    loop, _loop = _loop, None
    if loop is None or _pid != os.getpid() or loop.is_closed():
        return
    try:
        asyncio.run_coroutine_threadsafe(_wind_up(loop), loop).result(_SETTLE)
    except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError, RuntimeError):
        return
    loop.call_soon_threadsafe(loop.stop)
    if _thread is not None:
        _thread.join(_SETTLE)
    if not loop.is_running():
        loop.close()


async def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()


class Work(Generic[T]):
    """One coroutine on the background loop. Its future is done when nothing of it runs any more,
    and not before.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.future.set_running_or_notify_cancel()
        self._loop = event_loop()
        self._loop.call_soon_threadsafe(self._begin, coroutine)

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._task = asyncio.ensure_future(coroutine)
        self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[T]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())

    def cancel(self) -> None:
        """Ask it to end."""
        _leaving.add(self.future)
        self.future.add_done_callback(_leaving.discard)
        with suppress(RuntimeError):  # its loop is closed, where Python ends before the caller does
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        self._task.cancel()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is done, whatever came of it. An interrupt ends the wait, not the work.

        Raises:
            TimeoutError: it is not done in so many seconds.
        """
        _refuse_to_wait_for_itself()
        until = None if timeout is None else time.monotonic() + timeout
        while not self.future.done():
            left = _POLL if until is None else min(_POLL, until - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"it is still running after {timeout:g} s")
            concurrent.futures.wait([self.future], left)

    def wait(self, timeout: float | None = None) -> T:
        """Wait until it is done, and return its value.

        Raises:
            TimeoutError: it is not done in so many seconds.
        """
        self.join(timeout)
        return self.future.result()


def start(coroutine: Coroutine[Any, Any, T]) -> Work[T]:
    """Begin the coroutine on the background loop; nobody waits for it."""
    return Work(coroutine)


def on_loop() -> bool:
    """Tell whether this is the background loop's own thread."""
    return threading.current_thread() is _thread


def is_waiting(thread: threading.Thread) -> bool:
    """Tell whether the thread waits for something that runs on the background loop."""
    return thread.ident in _waiting


def _refuse_to_wait_for_itself(coroutine: Coroutine[Any, Any, Any] | None = None) -> None:
    if on_loop():
        if coroutine is not None:
            coroutine.close()
        raise UsageError(
            "this would wait for itself",
            hint="inside an async tool, use the async form and await it",
        )


def refuse_await(called: str, instead: str) -> None:
    """Refuse a blocking call whose value is about to be awaited, before anything is done or paid.

    The value could not say so itself: a record that can be awaited would be awaited wherever a tool
    or a reward may return one. So the caller's next instruction is looked at; CPython only.

    Args:
        called: the call, as the user wrote it.
        instead: what to write.

    Raises:
        UsageError: the caller of the calling function awaits.
    """
    frame = sys._getframe(2)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("agentkit."):
        frame = frame.f_back  # past a decorator of ours
    code, at = frame.f_code.co_code, frame.f_lasti + 2
    while at < len(code) and code[at] == _CACHE:
        at += 2
    if at < len(code) and code[at] == _AWAIT:
        raise UsageError(f"{called} is not awaited", hint=f"{instead}, or {called} without await")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the background loop while this thread waits, and return its value."""
    _refuse_to_wait_for_itself(coroutine)
    work: Work[T] | None = None
    here = threading.get_ident()
    _waiting.add(here)
    try:
        concurrent.futures.wait(list(_leaving), _SETTLE)
        work = Work(coroutine)
        while not work.future.done():
            concurrent.futures.wait([work.future], _POLL)
    except BaseException:
        if work is None:
            coroutine.close()
            raise
        work.cancel()
        concurrent.futures.wait([work.future], _PROMPT)
        raise
    finally:
        _waiting.discard(here)
    return work.future.result()


async def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the background loop, awaited from the caller's loop, which wakes often
    enough to hear an interrupt.
    """
    _refuse_to_wait_for_itself(coroutine)
    work: Work[T] | None = None
    try:
        leaving = [_wrapped(future) for future in list(_leaving)]
        if leaving:
            await asyncio.wait(leaving, timeout=_SETTLE)
        work = Work(coroutine)
        waiting = _wrapped(work.future)
        while not waiting.done():
            await asyncio.wait([waiting], timeout=_POLL)
    except BaseException:
        if work is None:
            coroutine.close()
            raise
        work.cancel()
        await asyncio.wait([_wrapped(work.future)], timeout=_PROMPT)
        raise
    return waiting.result()


def _wrapped(future: concurrent.futures.Future[T]) -> asyncio.Future[T]:
    wrapped = asyncio.wrap_future(future)
    wrapped.add_done_callback(
        lambda done: done.cancelled() or done.exception()
    )  # heard, so that asyncio does not report it as lost
    return wrapped
