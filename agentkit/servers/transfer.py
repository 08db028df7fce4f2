"""One POST into one `Exchange`, through a server's own HTTP or an openai or anthropic client, sync
or async.

Such a client's `post` is used with ready bytes: its per-message request transform costs more
than all else together. It is asked for the unread response, so that status, headers and every piece
with its time are seen as they come.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from agentkit.servers.arrival import Arrival
from agentkit.servers.failures import chain
from agentkit.types.wire import Exchange

_GRACE = 1.0
"""Seconds a finished stream may take to end its connection in order, so that it can be used
again.
"""

_SLICE = 2**18
"""Bytes sent at once: a body sent whole would hold up the event loop, and from 1 MiB on aiohttp
warns of it.
"""


SDKS = ("openai", "anthropic")
"""The packages whose clients are used as they are: both are built on one design."""


def sdk_of(kind: type) -> str | None:
    """Name the package that a class of clients is from, or was derived from; None for others."""
    roots = (base.__module__.partition(".")[0] for base in kind.__mro__)
    return next((root for root in roots if root in SDKS), None)


@cache
def http_library(sdk: str = "openai") -> Any:
    """Find the module that a package is built on: `httpx2` in newer versions, `httpx` before."""
    base: type = import_module(sdk).DefaultHttpxClient.__mro__[1]
    return import_module(base.__module__.partition(".")[0])


@cache
def takes_content(kind: Any) -> bool:
    """Tell whether the `post` of a class of clients has an argument for ready bytes, or for pieces
    of them; in older versions `body` takes bytes.
    """
    post: Any = getattr(kind, "post", None)
    return "content" in inspect.signature(post).parameters


def unread(client: Any, body: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Make the arguments of the client's `post` with which it sends these bytes, once, and returns
    the response before its body is read.
    """
    kind: Any = type(client)
    name = "content" if takes_content(kind) else "body"
    once = {"max_retries": 0, "follow_redirects": False, **options}
    return {
        name: body,
        "cast_to": http_library(sdk_of(kind) or "openai").Response,
        "stream": True,
        "stream_cls": object,
        "options": once,
    }


class Wire(Protocol):
    """What sends requests, behind one async face."""

    def pieces(self, response: Any, raw: bool) -> AsyncGenerator[bytes, None]:
        """Read the body in pieces; raw as they crossed the wire, else decompressed."""

    async def close(self, response: Any) -> None:
        """Give the connection back."""


class ClientWire(Wire, Protocol):
    """An openai or anthropic client as a wire."""

    async def post(self, path: str, body: bytes, options: dict[str, Any]) -> Any:
        """Send the request and return the unread response; raises what the client raises, also for
        a status of 300 and above.
        """


class AsyncWire:
    """The wire of an async client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def post(self, path: str, body: bytes, options: dict[str, Any]) -> Any:
        kind: Any = type(self.client)
        if len(body) <= _SLICE or not takes_content(kind):
            return await self.client.post(path, **unread(self.client, body, options))
        sized = {
            **options,
            "headers": {**options.get("headers", {}), "Content-Length": str(len(body))},
        }
        return await self.client.post(path, **unread(self.client, _slices(body), sized))

    def pieces(self, response: Any, raw: bool) -> AsyncGenerator[bytes, None]:
        stream: AsyncGenerator[bytes, None] = (
            response.aiter_raw() if raw else response.aiter_bytes()
        )
        return stream

    async def close(self, response: Any) -> None:
        await response.aclose()


class ThreadWire:
    """The wire of a sync client: whatever blocks runs in a thread."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def post(self, path: str, body: bytes, options: dict[str, Any]) -> Any:
        return await in_thread(lambda: self.client.post(path, **unread(self.client, body, options)))

    async def pieces(self, response: Any, raw: bool) -> AsyncGenerator[bytes, None]:
        stream = response.iter_raw() if raw else response.iter_bytes()
        while (piece := await in_thread(lambda: next(stream, None))) is not None:
            yield piece

    async def close(self, response: Any) -> None:
        await in_thread(response.close)


async def _slices(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


async def transfer(
    wire: Wire, sending: Awaitable[Any], arrival: Arrival, *, seconds: float | None = None
) -> Exchange:
    """Send one request and record what comes back; raises only what `emit` raises, and
    cancellation.

    Args:
        wire: what the answer is read through.
        sending: sends the request; its result is the unread response.
        arrival: takes in what comes.
        seconds: time for the whole answer; None: the client's own limits hold.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            response = await _sent(sending, arrival)
            if response is not None:
                await _read(wire, arrival, response, limit)
    except TimeoutError as exc:
        if not limit.expired():
            raise
        arrival.fail(exc, seconds=seconds)
    return arrival.exchange()


async def _sent(sending: Awaitable[Any], arrival: Arrival) -> Any:
    """Return the unread response; None where there is nothing left to read."""
    try:
        response = await sending
    except Exception as exc:
        note_failure(arrival, exc, hidden=True)
        return None
    arrival.asked(response.request)
    arrival.answered(response.status_code, response.headers)
    return response


def note_failure(arrival: Arrival, exc: Exception, *, hidden: bool = False) -> None:
    """Record the answer an exception carries, whose body the client has read already, or the
    failure to get one.

    Args:
        arrival: takes in what the exception carries.
        exc: what the client raised.
        hidden: the answer may be behind what `raise … from …` hides: the client reads the body
            while it handles the bad status.
    """
    request, response = _carried(list(chain(exc, hidden=hidden)))
    if request is not None:
        arrival.asked(request)
    if response is not None:
        arrival.answered(response.status_code, response.headers)
    content = _attribute(response, "content")
    if isinstance(content, bytes):
        arrival.feed(content)
    else:  # no answer, or one whose body was cut or could not be decompressed
        arrival.fail(exc)


def _carried(found: list[BaseException]) -> tuple[Any, Any]:
    """Find the request and the response that one of the exceptions carries; None for what there is
    not.
    """
    responses = (_attribute(e, "response") for e in found)
    response = next(
        (r for r in responses if isinstance(_attribute(r, "status_code"), int) and _has_headers(r)),
        None,
    )
    requests = (_attribute(e, "request") for e in (response, *found))
    return next((r for r in requests if _has_headers(r) and hasattr(r, "url")), None), response


def _has_headers(obj: Any) -> bool:
    return callable(getattr(_attribute(obj, "headers"), "items", None))


def _attribute(obj: Any, name: str) -> Any:
    try:
        return getattr(obj, name, None)
    except Exception:  # httpx raises where an exception has no request, or a response was not read
        return None


async def _read(wire: Wire, arrival: Arrival, response: Any, limit: asyncio.Timeout) -> None:
    """Feed the body to the record as it comes; behind its end only the connection is."""
    # A mock transport or an event hook of the caller's may have read it already.
    read_before = response.is_stream_consumed
    pieces = wire.pieces(response, not read_before and arrival.inflates())
    whole = limit.when()
    try:
        while True:
            try:
                piece = await anext(pieces, None)
            except Exception as exc:  # the connection failed
                arrival.fail(exc)
                break
            if piece is None:
                break
            arrival.feed(piece)
            if arrival.full:
                break
            if arrival.done:
                limit.reschedule(asyncio.get_running_loop().time() + _GRACE)
            elif limit.when() != whole:  # it was an end, and goes on
                limit.reschedule(whole)
    finally:
        # A connection that broke cannot be closed in order, and that has been noted.
        with contextlib.suppress(Exception):
            await pieces.aclose()
            await wire.close(response)


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in a thread of its own and return what it returns.

    A pool would join its threads at exit, and one more client could wait for a place in it: a
    request that hangs must stop neither.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, exc: BaseException | None) -> None:
        if future.cancelled():
            return
        if exc is None:
            future.set_result(result)
        else:
            future.set_exception(exc)

    def run() -> None:
        result, error = None, None
        try:
            result = context.run(function)
        except BaseException as exc:
            error = exc
        # The loop may have been closed meanwhile; then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    context = contextvars.copy_context()
    threading.Thread(target=run, name="agentkit-openai", daemon=True).start()
    return await future
