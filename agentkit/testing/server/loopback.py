"""A real HTTP server on 127.0.0.1 in a thread of its own: a `Reply` crosses a real socket
byte for byte, however wrong it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Self

from agentkit.errors import UsageError
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secret_values import header_secrets

_STOPS_WITHIN = 10.0
"""Seconds; a script that never returns must not hold up the program that stops its server."""
_LARGEST_BODY = 2**28
"""Bytes; a request that declares more is refused unread."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    """Lower-case names."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body as data.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


def redacted(asked: Asked) -> Asked:
    """Take the keys that a request came with out of it."""
    redact = Redactor(header_secrets(asked.headers.items()))
    headers = {name: redact(value) for name, value in asked.headers.items()}
    body = redact(asked.body.decode(errors="surrogateescape"))
    raw = body.encode(errors="surrogateescape")
    return replace(asked, headers=headers, path=redact(asked.path), body=raw)


@dataclass(frozen=True)
class Reply:
    """What to send back."""

    body: bytes | str | dict[str, Any] | list[Any] = b""
    """An object or list is sent as JSON."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes | str | float] | None = None
    """Sent one by one as chunks in place of the body; a number waits so many seconds."""
    delay: float = 0.0
    """Seconds before the first byte."""
    cut: bool = False
    """The connection is reset where the answer should have come to its end."""
    length: int | None = None
    """Declared content-length, where it is not the true one."""
    raw: bytes | None = None
    """Sent verbatim in place of everything above, then the connection is closed."""

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.body, (dict, list)):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


class Loopback:
    """A server that answers each request with what a function makes of it; a context manager, sync
    and async, that takes its thread and sockets with it.

    Keeps connections alive and takes requests concurrently. The function runs in the server's
    thread, one request at a time.
    """

    def __init__(self, respond: Callable[[Asked], Reply], *, gap: float = 0.0) -> None:
        """Make a server that is not listening yet.

        Args:
            respond: makes the reply; what it raises is answered with status 500.
            gap: seconds between the pieces of a streamed reply.
        """
        self._respond = respond
        self._gap = gap
        self.port: int | None = None
        """Where it listens, or last listened; None before its first start."""
        self.connections = 0
        """How many were opened."""
        self.peak = 0
        """Most requests that were under way at once."""
        self._active = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: Exception | None = None

    @property
    def url(self) -> str:
        """The base URL for a client.

        Raises:
            UsageError: the server was never started.
        """
        if self.port is None:
            raise UsageError(
                "the server was not started", hint="use it in a with block, or call start()"
            )
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Self:
        """Begin to listen; returns the server itself.

        Raises:
            UsageError: it is running already.
        """
        self._begin()
        self._ready.wait()
        return self._started()

    def stop(self) -> None:
        """Stop the server and all its connections; nothing happens where it is not running."""
        if thread := self._end():
            thread.join(_STOPS_WITHIN)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self._begin()
        while not self._ready.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return self._started()

    async def __aexit__(self, *exc: object) -> None:
        if thread := self._end():
            while thread.is_alive():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def _begin(self) -> None:
        if self._thread is not None:
            raise UsageError("the server is running already")
        self._ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="agentkit-loopback", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as exc:  # raised again where the server was started
            self._failure = exc
        finally:
            self._ready.set()

    def _started(self) -> Self:
        if self._failure is not None:
            self._thread = None
            raise self._failure
        return self

    def _end(self) -> threading.Thread | None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ready.wait()
            self._loop.call_soon_threadsafe(self._stopped.set)
        return thread

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        with contextlib.suppress(NotImplementedError):  # an event loop without readers
            self._loop.remove_reader(server.sockets[0].fileno())
        # A connection that is half accepted when the server closes would leave its socket open.
        await _settle()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await _settle()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ValueError,
        ):
            pass  # the client left, or what it sends is not HTTP
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; returns whether the connection stays open."""
        first_byte = await reader.readexactly(1)
        if first_byte == b"\x16":  # a TLS greeting
            return await _send(
                writer,
                Reply(raw=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
                self._gap,
            )
        head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        method, path, _ = first.split(" ")
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked = Asked(method, path, headers, await _read_body(reader, headers))
        self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            kept = await _send(writer, self._reply(asked), self._gap, method == "HEAD")
        finally:
            self._active -= 1
        return kept and headers.get("connection", "").lower() != "close"

    def _reply(self, asked: Asked) -> Reply:
        try:
            return self._respond(asked)
        except Exception as exc:  # a script that fails is seen by its client, and by nobody else
            return Reply(
                {
                    "error": {
                        "message": f"{type(exc).__name__}: {exc}",
                        "type": "InternalServerError",
                        "param": None,
                        "code": 500,
                    }
                },
                500,
            )


class StandIn:
    """A server in place of a real one, on loopback: a context manager, sync and async, or to be
    started and stopped by hand.
    """

    def __init__(self, *, gap: float = 0.0) -> None:
        self.asked: list[Asked] = []
        """The requests received, in order; keys in them are redacted."""
        self._http = Loopback(self._respond, gap=gap)

    @property
    def url(self) -> str:
        """The base URL for a client, as `http://127.0.0.1:41234/v1`.

        Raises:
            UsageError: the server was never started.
        """
        return self._http.url

    def start(self) -> Self:
        """Listen on a free port; returns the server itself.

        Raises:
            UsageError: it is running already.
        """
        self._http.start()
        return self

    def stop(self) -> None:
        """Stop the server and all its connections."""
        self._http.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.__aexit__()

    def _respond(self, asked: Asked) -> Reply:
        raise NotImplementedError


async def _settle() -> None:
    """Let the event loop do what is due: from an accepted connection to its task, and from an
    aborted one to its closed socket, are few rounds.
    """
    for _ in range(8):
        await asyncio.sleep(0)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await _sized(reader, int(headers.get("content-length", 0)))
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await _sized(reader, size))
        await reader.readline()
    while (await reader.readline()).strip():  # trailers
        pass
    return b"".join(parts)


async def _sized(reader: asyncio.StreamReader, size: int) -> bytes:
    if not 0 <= size <= _LARGEST_BODY:
        raise ValueError("too large")
    return await reader.readexactly(size)


async def _send(
    writer: asyncio.StreamWriter, reply: Reply, gap: float, head_alone: bool = False
) -> bool:
    """Send a reply; returns whether the connection can be used again."""
    if reply.delay:
        await asyncio.sleep(reply.delay)
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        return False
    chunked = reply.pieces is not None
    content = b"" if chunked else reply.content
    length = len(content) if reply.length is None else reply.length
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
    default = (
        {}
        if any(name.lower() == "content-type" for name in reply.headers)
        else {"Content-Type": "application/json"}
    )
    headers = {**default, **reply.headers, **framing}
    lines = [
        f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    writer.write(head if head_alone else head + content)
    await writer.drain()
    if head_alone:
        return True
    await _send_pieces(writer, reply.pieces or (), gap)
    if reply.cut:
        # Clients drop what they have not read when a reset comes, as with any server. The pause
        # only makes it likely that they have; nothing may depend on how much they read.
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return False
    if chunked:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return length == len(content)


async def _send_pieces(
    writer: asyncio.StreamWriter, pieces: Sequence[bytes | str | float], gap: float
) -> None:
    for piece in pieces:
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            continue
        data = piece.encode() if isinstance(piece, str) else piece
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()
        if gap:
            await asyncio.sleep(gap)  # so that the pieces arrive apart
