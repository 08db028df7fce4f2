"""One resource for each running event loop, closed with it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Close = Callable[[], Coroutine[Any, Any, None]]

_open: dict[object, tuple[asyncio.AbstractEventLoop, Close]] = {}
"""What is open in this process, for the exit hook."""


class PerLoop(Generic[T]):
    """One resource for each running event loop, closed with that loop: no socket outlives
    `asyncio.run`, and no warning about one is heard.

    An asynchronous generator, suspended on the loop, guards each resource. Python itself
    closes such generators when a `Runner` ends, and when nothing refers to them any more. Loops
    that are never closed (a background thread, a notebook) are left to an exit hook.

    Args:
        make: makes one, on the running loop; returns it and the coroutine function that closes it.
    """

    def __init__(self, make: Callable[[], tuple[T, Close]]) -> None:
        self._make = make
        self._of: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    async def get(self) -> T:
        """Return the resource of the running loop, made at the first call."""
        loop = asyncio.get_running_loop()
        if loop not in self._of:
            self._drop_closed_loops()
            value, close = self._make()
            guard = _guard(self._of, loop, close)
            self._of[loop] = value, guard
            await anext(guard)  # runs to its `yield`: only a generator that has begun is finalized
        return self._of[loop][0]

    async def aclose(self) -> None:
        """Close all of them, those of other running loops too; the next `get` makes a new one."""
        here = asyncio.get_running_loop()
        self._drop_closed_loops()
        for loop in [loop for loop in list(self._of) if loop.is_running()]:
            closing = _closed(self._of.pop(loop)[1])
            # A client is closed on the loop that its sockets belong to.
            if loop is here:
                await closing
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, loop))

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in list(self._of) if loop.is_closed()]:
            _drive(_closed(self._of.pop(loop)[1]))


async def _guard(
    owned: dict[asyncio.AbstractEventLoop, Any], loop: asyncio.AbstractEventLoop, close: Close
) -> AsyncGenerator[None, None]:
    """Stay suspended while the resource is open, then close it.

    It gets the owner's table and not the owner: a server that nobody refers to any more is
    collected, its table with it, and that is what closes the generator.
    """
    token = object()
    _open[token] = loop, close
    try:
        yield
    finally:
        owned.pop(loop, None)
        del _open[token]
        await close()


async def _closed(guard: AsyncGenerator[None, None]) -> None:
    """Close a guard; a coroutine, which `run_coroutine_threadsafe` wants and `aclose` is not."""
    await guard.aclose()


def _drive(closing: Coroutine[Any, Any, None]) -> None:
    """Run what closes a resource whose loop is closed already, by hand and up to its first wait:
    no loop is left that would wake it.
    """
    with contextlib.suppress(StopIteration, RuntimeError):
        closing.send(None)
    closing.close()


@atexit.register
def _close_at_exit() -> None:
    """Close what no loop has closed; at the exit nobody is left to hear what goes wrong."""
    for loop, close in list(_open.values()):
        with contextlib.suppress(Exception):
            if loop.is_closed():
                _drive(close())
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(close(), loop).result(2.0)
            else:
                loop.run_until_complete(close())
