"""Passes the body of an answer on in the moment in which it comes, without a turn of the event loop
between: that turn costs as much as all else of a short piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from agentkit.tap.seam.outlet import Outlet


class Relay(asyncio.Protocol):
    """Stands between the server's connection and its reader, and writes what has been read to the
    agent. Whatever is not an ordinary piece in the middle of an answer (its end, an error, an agent
    that does not read) is left to whoever waits for `run`.

    Args:
        raw: the answer.
        outlet: where it goes.
        note: takes each piece before it goes.
    """

    def __init__(
        self, raw: aiohttp.ClientResponse, outlet: Outlet, note: Callable[[bytes], None]
    ) -> None:
        self._content, self._outlet, self._note = raw.content, outlet, note
        connection = raw.connection
        self._transport: Any = connection.transport if connection is not None else None
        self._reader: Any = connection.protocol if connection is not None else None
        self._done: asyncio.Future[None] | None = None
        self._came = b""
        self._between = False
        """Whether the reader is known to stand between two chunks."""

    async def run(self) -> None:
        """Pass on what comes, until there is something else to do."""
        if self._transport is None or self._transport.is_closing() or not self._outlet.chunked:
            return
        self._done = done = asyncio.get_running_loop().create_future()
        self._transport.set_protocol(self)
        try:
            self._pass()  # what came while the last piece was written
            await done
        finally:
            self._leave()

    def data_received(self, data: bytes) -> None:
        """Have it read, and pass it on. One whole chunk behind another is passed on as it is."""
        if self._between and self._outlet.free and (piece := _sole_chunk(data)):
            self._note(piece)
            self._outlet.write_framed(data)
            return
        self._came, self._between = data, False
        self._reader.data_received(data)
        self._pass()

    def eof_received(self) -> bool | None:
        """Leave it to the reader; the connection is lost next."""
        kept: bool | None = self._reader.eof_received()
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave it to the reader, which is to know first what is wrong with the answer."""
        self._reader.connection_lost(exc)
        self._leave()

    def pause_writing(self) -> None:
        """Leave it to the reader."""
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """Leave it to the reader."""
        self._reader.resume_writing()

    def _pass(self) -> None:
        content, outlet = self._content, self._outlet
        while not content.is_eof() and content.exception() is None and outlet.free:
            piece = content.read_nowait()
            if not piece:
                return
            self._note(piece)
            size = b"%x" % len(piece)
            outlet.write_framed(framed := b"%b\r\n%b\r\n" % (size, piece))
            # Read as one whole chunk, it began and ended between two. The rest of a longer one can
            # look the same, but then that size is text of it, and so begins the piece.
            self._between = framed == self._came and not piece.startswith(size)
        self._leave()

    def _leave(self) -> None:
        """Let the reader hear the connection itself again: it may be another answer's at once."""
        if self._done is None:
            return
        done, self._done = self._done, None
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._reader)
        if not done.done():
            done.set_result(None)


def _sole_chunk(data: bytes) -> bytes:
    """Give the piece that is sent as just these bytes, in the usual spelling of a chunk (RFC 9112,
    7.1); empty where they are anything else.
    """
    size, _, rest = data.partition(b"\r\n")
    length = len(rest) - 2
    whole = length > 0 and size == b"%x" % length and rest.endswith(b"\r\n")
    return rest[:-2] if whole else b""
