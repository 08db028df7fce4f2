"""One call of a function that runs elsewhere, in a thread or on another loop, while the caller's
loop waits for it, and no longer than its time.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that has ended, or was given up on at its time limit: its value or its error, and its
    times in seconds of the caller's clock.
    """

    value: Any
    error: BaseException | None
    started: float
    elapsed: float
    queued: float
    timed_out: bool = False
    """It ran out of time; what it does from then on is not waited for."""


@dataclass(slots=True, eq=False)
class ToolJob:
    """A function on its way. Whoever runs it calls `begin` and `end`; the caller awaits `ran`."""

    function: Callable[[], Any]
    clock: Clock
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    began: float | None = None
    """Real time, for time-outs."""
    started: float | None = None
    """The caller's clock, for the record."""
    ended: float | None = None
    value: Any = None
    error: BaseException | None = None
    given_up: bool = False
    """Nobody waits for it any more."""
    cancel: Callable[[], object] | None = None
    """Asks it to end, from any thread; None where nothing can."""

    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _asked: float = 0.0
    _waiter: asyncio.Future[bool] = field(init=False)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._asked, self._waiter = self.clock(), self._loop.create_future()

    def begin(self) -> None:
        """Note that it runs from now on."""
        self.began, self.started = time.monotonic(), self.clock()

    def end(self, value: Any = None, error: BaseException | None = None) -> None:
        """Note what came of it; `tell` lets the caller know."""
        self.value, self.error, self.ended = value, error, self.clock()

    def tell(self) -> None:
        """Wake the caller, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self.hear, True)
        except RuntimeError:  # the loop was closed while the tool ran; nobody waits any more
            return

    async def ran(self, timeout: float | None) -> Ran:
        """Wait for it, and give what it returned or raised, or that it ran out of time.

        Args:
            timeout: seconds it may run, not counting the time before `begin`.
        """
        if timeout is not None:
            self._timer = self._loop.call_later(timeout, self._look, timeout)
        try:
            in_time = await self._waiter
        finally:
            if self._timer is not None:
                self._timer.cancel()
        started = self._asked if self.started is None else self.started
        took = (timeout or 0.0) if self.ended is None or not in_time else self.ended - started
        took, queued = (max(0.0, round(s, 6)) for s in (took, started - self._asked))
        return Ran(self.value, self.error, started, took, queued, timed_out=not in_time)

    def _look(self, timeout: float) -> None:
        """Let the caller go on where the time is over; look again where it began late."""
        left = timeout if self.began is None else timeout - (time.monotonic() - self.began)
        if left <= 0:
            self.hear(False)
        elif not self._waiter.done():
            self._timer = self._loop.call_later(left, self._look, timeout)

    def hear(self, in_time: bool) -> None:
        """Let the caller go on; on its own loop."""
        if not self._waiter.done():
            self._waiter.set_result(in_time)
