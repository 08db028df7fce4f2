"""What a relay passes on is what a reader alone would pass on, whatever bytes come in whatever
reads; constructed.
"""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.client_proto import ResponseHandler

from agentkit.tap.seam import relay

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NEAR = (b"a\r\n", b"1\r\n", b"8\r\n", b"5\r\n", b"\r\n", b"\n", b"x")
ODD = (b"-5", b"0x5", b" 5", b"5 ", b"1_0", b"10000000000000000", b"", b"5;a=b", b"005", b"A")


class Connection(asyncio.Transport):
    """A connection that is told what comes."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.protocol, self.closed = protocol, False
        protocol.connection_made(self)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Written:
    """Takes what is written."""

    free = chunked = True

    def __init__(self) -> None:
        self.body = b""

    def write_framed(self, chunk: bytes) -> None:
        while chunk:
            size, _, rest = chunk.partition(b"\r\n")
            length = int(size, 16)
            assert rest[length : length + 2] == b"\r\n"
            self.body, chunk = self.body + rest[:length], rest[length + 2 :]


async def passed(reads: list[bytes]) -> tuple[Any, ...]:
    """What has been written and noted of these reads, and how that ended."""
    handler = ResponseHandler(asyncio.get_running_loop())
    connection, written, noted = Connection(handler), Written(), list[bytes]()
    handler.set_response_params(read_until_eof=True, auto_decompress=False)
    handler.data_received(HEAD)
    _, content = await handler.read()
    raw: Any = SimpleNamespace(
        content=content, connection=SimpleNamespace(transport=connection, protocol=handler)
    )
    outlet: Any = written
    running = asyncio.ensure_future(relay.Relay(raw, outlet, noted.append).run())
    await asyncio.sleep(0)
    for read in reads:
        if not connection.closed:
            connection.protocol.data_received(read)
    ended = repr(handler.exception()), content.is_eof(), connection.closed
    if not running.done():
        connection.protocol.connection_lost(None)
    await running
    assert connection.protocol is handler
    return written.body, b"".join(noted), *ended


def read_of(chance: random.Random) -> bytes:
    """A read that is a chunk, looks like one in the middle of another, or is none."""
    kind = chance.random()
    if kind < 0.2:
        return b"%x\r\n%b" % (chance.randrange(1, 24), chance.choice([b"", b"x", b"xy\r"]))
    if kind < 0.35:
        return chance.choice([b"\r\n", b"1", b"0\r\n\r\n", b"5\nhello\n", b"5\r\nhello\r\n" * 2])
    length = chance.choice([1, 2, 4, 5, 7, 10, 11, 13, 18])
    size = b"%x" % length
    text = chance.choice([size + b"\r\n", size, b""])
    text += b"".join(chance.choices([*NEAR, size + b"\r\n"], k=24))
    spelled = chance.choice(ODD) if kind < 0.45 else size
    return b"%b\r\n%b\r\n" % (spelled, (text * 20)[:length])


@pytest.mark.parametrize("seed", range(8))
async def test_a_relay_passes_what_a_reader_does(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, sole, skipped = random.Random(seed), relay._sole_chunk, list[bytes]()

    def found(data: bytes) -> bytes:
        piece = sole(data)
        skipped.extend([piece] * bool(piece))
        return piece

    for _ in range(500):
        reads = [read_of(chance) for _ in range(chance.randint(2, 8))]
        monkeypatch.setattr(relay, "_sole_chunk", found)
        got = await passed(reads)
        monkeypatch.setattr(relay, "_sole_chunk", lambda data: b"")
        assert got == await passed(reads), reads
    assert len(skipped) > 50


async def test_the_rest_of_a_chunk_that_looks_like_one_is_none() -> None:
    reads = [b"2\r\nx", b"1\r\n1\r\n", b"1\r\na\r\n", b"0123456789\r\n"]
    body, noted, *_ = await passed(reads)
    assert body == noted == b"x1" + b"1" + b"0123456789"
