"""The agent's side of a connection: what it gets, and how it is told that there is no more."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from agentkit.tap.seam.passing import GoneError

_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""Has a connection that is closed be reset: else it would end as any other."""

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that are of one connection and not of the message (RFC 9110, 7.6.1)."""


def end_to_end(headers: Iterable[tuple[bytes, bytes]], *without: str) -> list[tuple[str, str]]:
    """Give the headers that pass, as they are written.

    Args:
        headers: names and values as they came.
        without: lower-case names of others that do not pass.
    """
    pairs = [(name.decode("latin-1"), value) for name, value in headers]
    named = {
        word.strip().lower()
        for name, value in pairs
        if name.lower() == "connection"
        for word in value.decode("latin-1").split(",")
    }
    left = HOP_BY_HOP | named | set(without)
    return [
        (name, value.decode("utf-8", "surrogateescape"))
        for name, value in pairs
        if name.lower() not in left
    ]


class _Answer(web.StreamResponse):
    """An answer with the headers that it is given, and none that aiohttp would add."""

    own: frozenset[str] = frozenset()

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        for name in ("Date", "Server", "Content-Type"):
            if name.lower() not in self.own:
                self.headers.popall(name, None)


class _Waiting(_Answer):
    """An answer whose headers are sent with the first piece of its body."""

    _send_headers_immediately = False


class Outlet:
    """Writes an answer to the agent.

    Args:
        request: what it asked.
    """

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.response: Any = None
        """What has begun; None before."""

    @property
    def begun(self) -> bool:
        """Whether status and headers have been sent."""
        return self.response is not None

    def inform(self, status: int, reason: str) -> None:
        """Send an interim answer (`102 Processing`), by which a client waits on."""
        transport = self._request.transport
        if transport is not None and not self.begun:
            transport.write(f"HTTP/1.1 {status} {reason}\r\n\r\n".encode())

    async def begin(
        self, status: int, reason: str, headers: list[tuple[str, str]], *, more: bool = False
    ) -> None:
        """Send status and headers; where they have been sent early, those stay.

        Args:
            status: HTTP status.
            reason: the word beside it.
            headers: all of the answer's own.
            more: whether a piece of the body follows at once; they are sent with it.
        """
        if self.begun:
            return
        response = (
            _Waiting(status=status, reason=reason)
            if more
            else _Answer(status=status, reason=reason)
        )
        response.own = frozenset(name.lower() for name, _ in headers)
        for name, value in headers:
            response.headers.add(name, value)
        self.response = response
        try:
            await response.prepare(self._request)
        except ConnectionError as exc:
            raise GoneError from exc

    async def write(self, piece: bytes) -> None:
        """Send a piece of the body; waits while the agent does not read.

        Raises:
            GoneError: the agent has closed the connection.
        """
        try:
            await self.response.write(piece)
        except ConnectionError as exc:
            raise GoneError from exc

    @property
    def free(self) -> bool:
        """Whether a piece can be written without waiting for the agent."""
        protocol: Any = self._request.protocol
        transport = self._request.transport
        return transport is not None and not transport.is_closing() and not protocol.writing_paused

    @property
    def chunked(self) -> bool:
        """Whether the body is sent in chunks (RFC 9112, 7.1), as a stream of no known length is."""
        framed: bool = self.response.headers.get("Transfer-Encoding") == "chunked"
        return framed

    def write_framed(self, chunk: bytes) -> None:
        """Send a whole chunk of a `chunked` body, framed, while it is `free`: as `write` does, at
        a fraction of its cost.
        """
        transport = self._request.transport
        if transport is not None:
            transport.write(chunk)

    async def finish(self, piece: bytes = b"") -> None:
        """Send the last piece of the body, and its end.

        Raises:
            GoneError: the agent has closed the connection.
        """
        try:
            await self.response.write_eof(piece)
        except ConnectionError as exc:
            raise GoneError from exc

    def break_off(self, *, reset: bool = False) -> None:
        """Close the connection before the answer is whole, as the server did. An answer that would
        end with its connection is cut by a reset: it would look whole.
        """
        transport = self._request.transport
        if self.begun:
            reset = not self.chunked and "Content-Length" not in self.response.headers
        if transport is not None and reset:
            if (sock := transport.get_extra_info("socket")) is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        elif transport is not None:
            transport.close()
