"""The chunks of a stream reach the agent with their bytes, however the server spells them and
wherever the network cuts them; constructed.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

import agentkit as ak
from tests.tap.tapped import ask

pytestmark = pytest.mark.slow

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECES = [
    b"data: {}\n\n",
    b"5\r\nhello\r\n",  # looks like a chunk
    b"0\r\n\r\n",  # looks like the end
    b"\r\n",
    b"a",
    b"data: " + b"x" * 300 + b"\n\n",
    "data: é\n\n".encode(),
]
SPELLINGS = (b"%x\r\n%b\r\n", b"%X\r\n%b\r\n", b"00%x\r\n%b\r\n", b"%x;name=value\r\n%b\r\n")


@contextmanager
def sent(segments: list[bytes]) -> Iterator[str]:
    """Answer one request with these segments, each a piece of the network; give the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not connection.recv(65536).endswith(b'{"model": "m"}'):
                pass
            for segment in segments:
                connection.sendall(segment)
                time.sleep(0.002)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        thread.join()
        listener.close()


def segments_of(raw: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(raw)]
    return [raw[a:b] for a, b in pairwise(edges) if a < b]


def passed(segments: list[bytes], body: bytes) -> None:
    """Check that this body passes, and is recorded."""
    with sent(segments) as url:
        watch = ak.watch(url)
        try:
            got = ask(watch.url)
            [flow] = watch.flows
        finally:
            watch.close()
    assert got is not None
    assert (got.body, got.whole) == (body, True)
    assert flow.exchange is not None
    assert flow.exchange.text.encode("utf-8", "surrogateescape") == body


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_chunk_behind_another(spelling: bytes) -> None:
    chunks = [spelling % (len(piece), piece) for piece in PIECES * 3]
    passed([HEAD, *chunks, b"0\r\n\r\n"], b"".join(PIECES * 3))


@pytest.mark.parametrize("seed", range(12))
def test_chunks_cut_anywhere(seed: int) -> None:
    chance = random.Random(seed)
    pieces = chance.choices(PIECES, k=20)
    chunks = [chance.choice(SPELLINGS) % (len(piece), piece) for piece in pieces]
    raw = b"".join([*chunks, b"0\r\n\r\n"])
    edges = [sum(map(len, chunks[:place])) for place in range(len(chunks))]
    cuts = chance.sample(edges, 12) + [chance.randrange(len(raw)) for _ in range(8)]
    passed([HEAD, *segments_of(raw, cuts)], b"".join(pieces))


def test_the_second_half_of_a_size_is_no_chunk() -> None:
    first, body = b"9\r\ndata: {}\n\r\n", b"abc\r\n" + b"x" * 14
    segments = [HEAD, first, first, b"1", b"3\r\nabc\r\n", b"x" * 14 + b"\r\n0\r\n\r\n"]
    passed(segments, b"data: {}\n" * 2 + body)
