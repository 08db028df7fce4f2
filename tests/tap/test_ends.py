"""An answer that its connection's end would end is cut by a reset, and what comes behind an answer
is no answer to anybody else; constructed.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

import agentkit as ak
from tests.tap.tapped import ask

pytestmark = pytest.mark.slow

UNTIL_IT_CLOSES = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


def sized(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@contextmanager
def answering(*answers: list[bytes], reset: bool = False) -> Iterator[str]:
    """Answer each request with the next of these, in pieces; give the base URL."""
    left = iter(answers)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                for piece in next(left):
                    connection.sendall(piece)
                    time.sleep(0.03)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


@pytest.mark.parametrize("holds", [False, True])
def test_a_reset_cuts_an_answer_without_a_length(holds: bool) -> None:
    pieces = [UNTIL_IT_CLOSES, b"data: {}\n\n", b"data: {}\n\n"]
    with answering(pieces, reset=True) as url, ak.watch(url) as watch:
        if holds:
            watch.hold(ak.break_on.text("nowhere"))
        got = ask(watch.url)
        [flow] = watch.flows
    assert got is not None
    assert (got.body, got.whole) == (b"data: {}\n\n" * 2, False)
    assert flow.exchange is not None
    assert flow.exchange.text == "data: {}\n\n" * 2
    assert flow.exchange.transport_error is not None
    assert flow.exchange.transport_error.kind == "connection_reset"


@pytest.mark.parametrize(
    "pieces",
    [
        [UNTIL_IT_CLOSES, b"data: {}\n\n"],
        [CHUNKED, b"a\r\ndata: {}\n\n\r\n"],
        [CHUNKED, b"a\r\ndata: {}\n\n\r\n", b"-5\r\nwrong\r\n"],
    ],
)
def test_a_client_of_http_1_0_gets_no_whole_answer_of_what_is_cut(pieces: list[bytes]) -> None:
    """Its answers have no end but that of the connection."""
    with answering(pieces, reset=True) as url, ak.watch(url) as watch:
        at = urlsplit(watch.url)
        with socket.create_connection((at.hostname or "", at.port or 0), 20) as agent:
            head = f"POST {at.path}/x HTTP/1.0\r\nHost: {at.netloc}\r\nContent-Length: 2\r\n\r\n"
            agent.sendall(head.encode() + b"{}")
            raw, ended = b"", "well"
            try:
                while piece := agent.recv(65536):
                    raw += piece
            except ConnectionResetError:
                ended = "by a reset"
    assert ended == "by a reset"
    assert raw.partition(b"\r\n\r\n")[2] == b"data: {}\n\n"


@pytest.mark.parametrize("apart", [False, True])
def test_what_comes_unasked_answers_nobody(apart: bool) -> None:
    first, unasked = sized(b"first"), sized(b"stale")
    pieces = [first, unasked] if apart else [first + unasked]
    with answering(pieces, [sized(b"second")]) as url, ak.watch(url) as watch:
        bodies = []
        for _ in range(2):
            got = ask(watch.url)
            assert got is not None
            bodies.append(got.body)
            time.sleep(0.1)
    assert bodies == [b"first", b"second"]
