"""A real HTTP server for tests: scripted answers on 127.0.0.1, byte for byte, on a port of its own; it records what it is asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}


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
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to send back."""

    body: bytes | str | dict[str, Any] | list[Any] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes | str | float] | None = None
    """Sent one by one as chunks in place of the body; a number waits so many seconds."""
    delay: float = 0.0
    """Seconds before the first byte."""
    cut: bool = False
    """Reset the connection where the answer should have ended."""
    length: int | None = None
    """Declared content-length, where it is not the true one."""
    raw: bytes | None = None
    """Sent verbatim in place of everything above, then the connection is closed."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, (dict, list)):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


def sse(*events: dict[str, Any] | str) -> Answer:
    """A stream of these events, each a piece of its own."""
    pieces = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
    return Answer(headers={"Content-Type": "text/event-stream"}, pieces=pieces)


class HttpServer:
    """Answers each POST with the next scripted answer, the last one again and again; a function gets the request."""

    def __init__(self, *answers: Answer | Callable[[Asked], Answer]) -> None:
        self.answers = list(answers) or [Answer(COMPLETION)]
        self.requests: list[Asked] = []
        self.connections = 0
        self.peak = 0
        """Most requests that were under way at once."""
        self._active = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="test-http", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(5)

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        first_byte = await reader.readexactly(1)
        if first_byte == b"\x16":  # a TLS greeting
            return await _send(writer, Answer(raw=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        method, path, _ = first.split(" ")
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(asked)
        self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            return await _send(writer, answer(asked) if callable(answer) else answer)
        finally:
            self._active -= 1


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    await asyncio.sleep(answer.delay)
    if answer.raw is not None:
        writer.write(answer.raw)
        await writer.drain()
        return False
    content = answer.content
    chunked = answer.pieces is not None
    length = len(content) if answer.length is None else answer.length
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
    headers = {"Content-Type": "application/json", **answer.headers, **framing}
    head = f"HTTP/1.1 {answer.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    writer.write(head.encode("latin-1") + content)
    await writer.drain()
    for piece in answer.pieces or ():
        if isinstance(piece, float):
            await asyncio.sleep(piece)
        else:
            data = piece.encode() if isinstance(piece, str) else piece
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.005)  # so that the pieces arrive apart
    if answer.cut:
        await asyncio.sleep(0.05)  # so that what was sent is read before the reset
        writer.transport.abort()
        return False
    if chunked:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return True
