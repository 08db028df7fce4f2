"""A session with an MCP server: a thread of its own with one loop, and on it one task that enters
the session, waits, and leaves it. Whoever calls a tool, from a cell or another loop, waits for that
loop, and never longer than its time.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import tempfile
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar

from agentkit.agent.tools.mcp.target import McpTarget
from agentkit.agent.tools.mcp.unreachable import (
    CANCELLED,
    code_of,
    is_closed,
    is_lost,
    reason_of,
    unreachable,
)
from agentkit.errors import Unreachable
from agentkit.servers.redaction.known_secrets import known_secrets

T = TypeVar("T")

_PAGES = 100
"""Pages of a list of tools at most."""
_EVENT = 64 * 1024 * 1024
"""Bytes of one event of a stream at most: an image is one."""
_MOST_ERRORS = 50_000_000
"""Bytes of standard error that a file may hold."""
_SHOWN = 4_000
"""Characters of standard error that are shown."""
_LEAVE = 7.0
"""Seconds a session is given to leave; a program that does not end is killed in less."""
_PROMPT = 0.5
"""Seconds a call waits for a session to say why it is over."""
_NO_LEGACY = (-32022, -32601)
"""The codes of a server that knows only the protocol of 2026."""


class Connection:
    """A session with one server, and the thread it lives on.

    Args:
        target: where the server is.
        seconds: how long it may take to start, and to answer.
        changed: called with each new list of tools, on the thread of the session.
    """

    def __init__(
        self, target: McpTarget, seconds: float, changed: Callable[[tuple[Any, ...]], None]
    ) -> None:
        self.target, self.seconds = target, seconds
        self._changed = changed
        opened = tempfile.TemporaryFile("a+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._errlog = opened
        self._loop = asyncio.new_event_loop()
        self._lock, self._closed, self._pid = threading.Lock(), False, os.getpid()
        self._ending = asyncio.Event()
        self._leaving = asyncio.Event()
        self._turn = asyncio.Lock()
        self._life: asyncio.Task[None] | None = None
        self._client: Any = None
        self._last_errors = ""
        """The end of its standard error, once the session is closed."""
        self._refusal = ""
        """The status of the last answer over HTTP, where it refuses."""
        self._reason = ""
        """Why the last session is over."""
        self._thread = threading.Thread(target=self._serve, name="agentkit-mcp", daemon=True)
        self._thread.start()
        _open.add(self)

    # from any thread

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the thread of the session.

        Raises:
            Unreachable: the session was closed, or belongs to another process.
        """
        with self._lock:
            if not self._closed and self._pid == os.getpid():
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        if self._closed:
            raise Unreachable(
                f"the session with the MCP server {self.target.name!r} is closed",
                hint="open it again: ak.mcp(…)",
            )
        raise Unreachable(
            f"the session with the MCP server {self.target.name!r} belongs to another process",
            hint="call ak.mcp(…) in the process that uses it",
        )

    def close(self) -> None:
        """Ask the session to leave and the thread to end; `join` waits for it."""
        with self._lock:
            if self._closed or self._pid != os.getpid():
                return
            self._closed = True
            self._loop.call_soon_threadsafe(self._ending.set)

    def join(self, seconds: float = _LEAVE) -> None:
        """Wait until the thread has ended."""
        if self._pid == os.getpid() and threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def errors_size(self) -> int:
        """Tell how much the server has written to its standard error."""
        with suppress(OSError, ValueError):
            return os.fstat(self._errlog.fileno()).st_size
        return 0

    def _room_for_errors(self) -> int:
        """Throw away what a server that never stops writing has written; tell how much is there."""
        size = self.errors_size()
        if size < _MOST_ERRORS:
            return size
        with suppress(OSError, ValueError), self._lock:
            self._errlog.truncate(0)
        return self.errors_size()

    def errors_since(self, size: int = 0) -> str:
        """Give the end of what the server wrote to its standard error from there on; keys are taken
        out.
        """
        with suppress(OSError, ValueError):
            with self._lock:  # the file is opened for appending, so reading moves nobody's place
                self._errlog.seek(max(size, self.errors_size() - 4 * _SHOWN))
                text = known_secrets()(self._errlog.read())
            return text if len(text) <= _SHOWN else f"…{text[-_SHOWN:]}"
        return self._last_errors

    # on the thread of the session

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._wait())
        self._last_errors = self.errors_since()
        self._errlog.close()

    async def _wait(self) -> None:
        await self._ending.wait()
        self._leaving.set()
        if self._life is not None:
            if self._client is None:  # it is still on its way in
                self._life.cancel()
            await asyncio.wait({self._life}, timeout=_LEAVE)

    async def connect(self) -> None:
        """Enter a session where there is none.

        Raises:
            Unreachable: the server is not there, ends, or does not answer in time.
        """
        async with self._turn:
            if self._life is not None and not self._life.done():
                return
            entered: asyncio.Future[None] = self._loop.create_future()
            self._leaving.clear()
            size = self.errors_size()
            self._life = asyncio.create_task(self._live(entered))
            try:
                await asyncio.wait(
                    {entered, self._life},
                    timeout=self.seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                if not entered.done():
                    await self._give_up(self._life)
            if not entered.done():
                raise self._unreachable(size)

    async def _give_up(self, life: asyncio.Task[None]) -> None:
        if not life.done():
            self._reason = f"it did not answer in {self.seconds:g} s"
            life.cancel()
            await asyncio.wait({life}, timeout=_LEAVE)

    async def _live(self, entered: asyncio.Future[None]) -> None:
        """Enter the session, wait, and leave it, all in this one task."""
        reason = ""
        try:
            async with self._session() as client:
                self._changed(await _listed(client))
                self._client = client
                entered.set_result(None)
                await self._leaving.wait()
        except BaseException as exc:  # whatever ends it is told to whoever calls a tool
            reason = reason_of(exc)
        finally:
            self._client = None
            self._reason = self._reason if reason == CANCELLED else reason

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        """Enter a session of the protocol that tells of changed lists, else of that of 2026."""
        async with AsyncExitStack() as stack:
            try:
                client = await self._entered(stack, "legacy")
            except BaseException as exc:
                if code_of(exc) not in _NO_LEGACY:
                    raise
                client = None
            if client is None:
                client = await self._entered(stack, "auto")
                listening = asyncio.create_task(self._listen(client))
                stack.callback(listening.cancel)
            yield client

    async def _entered(self, stack: AsyncExitStack, mode: str) -> Any:
        import mcp

        transport = await self._transport(stack)
        made = mcp.Client(transport, mode=mode, message_handler=self._hear, cache=None)
        return await stack.enter_async_context(made)

    async def _transport(self, stack: AsyncExitStack) -> Any:
        target = self.target
        if target.command:
            from mcp.client.stdio import StdioServerParameters, stdio_client

            given = StdioServerParameters(
                command=target.command, args=list(target.args), env=dict(target.env), cwd=target.cwd
            )
            given.encoding_error_handler = "replace"
            return stdio_client(given, errlog=self._errlog)
        if target.old_events:
            from mcp.client.sse import sse_client

            return sse_client(target.url, headers=dict(target.headers))
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        time_out = httpx2.Timeout(30.0, read=max(300.0, self.seconds))
        kept = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        headers = dict(target.headers)
        hooks = {"response": [self._note]}
        web = httpx2.AsyncClient(headers=headers, timeout=time_out, limits=kept, event_hooks=hooks)
        await stack.enter_async_context(web)
        return streamable_http_client(target.url, http_client=web, max_sse_event_size=_EVENT)

    async def _note(self, response: Any) -> None:
        """Keep the last status that refuses, which the package does not pass on."""
        code = response.status_code
        if response.request.method == "POST":  # many refuse the stream that a GET asks for
            refusal = f"HTTP {code} {response.reason_phrase}".strip()
            self._refusal = refusal if code >= 400 else ""

    async def _hear(self, message: Any) -> None:
        if getattr(message, "method", None) == "notifications/tools/list_changed":
            # not awaited here: the answer comes by the task that tells us
            task = asyncio.create_task(self._renew())
            _kept.add(task)
            task.add_done_callback(_kept.discard)

    async def _listen(self, client: Any) -> None:
        with suppress(Exception):  # a server that cannot say so has a list that stays
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    await self._renew()

    async def _renew(self) -> None:
        client = self._client
        with suppress(Exception):  # the server is gone; a call says so
            if client is not None:
                self._changed(await asyncio.wait_for(_listed(client), self.seconds))

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool, and give its `CallToolResult`.

        Raises:
            Unreachable: the server is gone.
            TimeoutError: it does not answer in time.
            MCPError: it refuses the call.
        """
        size = self._room_for_errors()
        until = time.monotonic() + self.seconds
        if self.target.command:
            return await self._call(name, arguments, until, size)
        await self.connect()  # a session by URL is the client's to begin anew
        life = self._life
        try:
            return await self._call(name, arguments, until, size)
        except Exception as exc:
            if life is None or not is_lost(exc, self._refusal):
                raise
        # the server has forgotten the session, as it was started anew, and has not run the call
        await self._settle(life, _LEAVE)
        await self.connect()
        return await self._call(name, arguments, until, size)

    async def _call(self, name: str, arguments: dict[str, Any], until: float, size: int) -> Any:
        client, life = self._client, self._life
        if client is None or life is None:
            raise self._unreachable(size)
        asked = asyncio.ensure_future(client.call_tool(name, arguments))
        try:
            left = max(0.001, until - time.monotonic())
            await asyncio.wait({asked, life}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() and life.done():
                await asyncio.wait({asked}, timeout=0.05)
            gone = life.done() or (asked.done() and is_closed(asked))
            if gone and not (asked.done() and not asked.cancelled() and asked.exception() is None):
                await self._settle(life, _PROMPT)
                raise self._unreachable(size)
            if not asked.done():
                raise TimeoutError(
                    f"the MCP server {self.target.name!r} did not answer in {self.seconds:g} s"
                )
            return asked.result()
        finally:
            asked.cancel()

    async def _settle(self, life: asyncio.Task[None], seconds: float) -> None:
        """Leave a session whose server is gone, which does not always say so by itself."""
        if life is self._life and not life.done():  # another one may have begun
            self._leaving.set()
            await asyncio.wait({life}, timeout=seconds)

    async def restart(self) -> None:
        """Leave the session, and enter another."""
        if self._life is not None:
            await self._settle(self._life, _LEAVE)
        await self.connect()

    def _unreachable(self, size: int) -> Unreachable:
        reason = ": ".join(filter(None, (self._refusal, self._reason)))
        return unreachable(self.target, reason, self.errors_since(size).strip())


_kept: set[asyncio.Task[None]] = set()
"""Tasks on their way, which a loop itself would not keep."""
_open: weakref.WeakSet[Connection] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Leave every session that is still open, as the process ends."""
    left = list(_open)
    for connection in left:
        connection.close()
    until = time.monotonic() + _LEAVE
    for connection in left:
        connection.join(max(0.0, until - time.monotonic()))


async def _listed(client: Any) -> tuple[Any, ...]:
    """List the tools, page by page."""
    found: dict[str, Any] = {}
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            found.setdefault(tool.name, tool)
        if page.next_cursor is None or page.next_cursor == cursor:
            break
        cursor = page.next_cursor
    return tuple(found.values())
