"""One client per running event loop, closed with that loop: no socket outlives `asyncio.run`, and
no warning about one is heard.

An asynchronous generator, suspended on the loop, holds each client. Python itself closes such
generators when a `Runner` ends, and when nothing refers to them any more. Loops that are never
closed (a background thread, a notebook) are left to an exit hook.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Close = Callable[[], Coroutine[Any, Any, None]]

_open: dict[object, tuple[asyncio.AbstractEventLoop, Close]] = {}


class PerLoop(Generic[T]):
    """Makes a resource for each loop that asks, and closes it.

    Args:
        make: makes one, on the running loop; returns it and the coroutine function that closes it.
    """

    def __init__(self, make: Callable[[], tuple[T, Close]]) -> None:
        self._make = make
        self._held: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    async def get(self) -> T:
        """The resource of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            self._drop_closed_loops()
            value, close = self._make()
            guard = _guard(self._held, loop, close)
            self._held[loop] = value, guard
            await anext(guard)
        return self._held[loop][0]

    async def aclose(self) -> None:
        """Closes all of them, those of other running loops too; the next `get` makes a new one."""
        here = asyncio.get_running_loop()
        self._drop_closed_loops()
        for loop in [loop for loop in list(self._held) if loop.is_running()]:
            closing = _closed(self._held.pop(loop)[1])
            if loop is here:
                await closing
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, loop))

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in list(self._held) if loop.is_closed()]:
            _drive(_closed(self._held.pop(loop)[1]))


async def _guard(
    held: dict[asyncio.AbstractEventLoop, Any], loop: asyncio.AbstractEventLoop, close: Close
) -> AsyncGenerator[None, None]:
    """Suspended while the resource is open; knows nothing of its owner, which may go away first."""
    token = object()
    _open[token] = loop, close
    try:
        yield
    finally:
        held.pop(loop, None)
        del _open[token]
        await close()


async def _closed(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()


def _drive(closing: Coroutine[Any, Any, None]) -> None:
    """Runs what closes a resource whose loop is closed already: nothing in it can wait any more."""
    with contextlib.suppress(StopIteration, RuntimeError):
        closing.send(None)
    closing.close()


@atexit.register
def _close_at_exit() -> None:
    for loop, close in list(_open.values()):
        with contextlib.suppress(Exception):
            if loop.is_closed():
                _drive(close())
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(close(), loop).result(2.0)
            else:
                loop.run_until_complete(close())
