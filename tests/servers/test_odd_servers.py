"""Servers whose HTTP is odd, broken, or cut at any byte: what came is kept, and what went wrong has
its name, whichever way the request was sent.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import openai
import pytest

from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call, ChatServer
from agentkit.servers.server import Server
from agentkit.types.wire import Exchange
from tests.servers.http_stub import COMPLETION, Answer, Asked, HttpServer
from tests.servers.server_stub import (
    CALL,
    EVERY_WAY,
    HELLO,
    KEY,
    MESSAGES,
    STREAM,
    ask,
    ask_by,
    kind,
)

BODY = json.dumps(COMPLETION).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


WHOLE = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY,
    "HTTP/1.0, kept alive": HEAD.replace(b"/1.1", b"/1.0")
    + b"Connection: keep-alive\r\n"
    + SIZED
    + BODY,
    "no length": HEAD + b"Connection: close\r\n\r\n" + BODY,
    "lines that end in LF": (HEAD + SIZED).replace(b"\r\n", b"\n") + BODY,
    "trailers": HEAD + CHUNKED + chunks(BODY[:9], BODY[9:]) + b"0\r\nX-Trailer: 1\r\n\r\n",
    "extensions of chunks": HEAD + CHUNKED + b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a header in Latin-1": HEAD + b"Server: caf\xe9\r\n" + SIZED + BODY,
    "a folded header": HEAD + b"Server: a\r\n b\r\n" + SIZED + BODY,
    "headers twice": HEAD + b"Server: a\r\nServer: b\r\nContent-Type: text/html\r\n" + SIZED + BODY,
    "100 before": b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + SIZED + BODY,
    "103 before": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD + SIZED + BODY,
    "no reason": HEAD.replace(b" OK", b"") + SIZED + BODY,
    "more behind the end": HEAD + SIZED + BODY + b"HTTP/1.1 200 OK\r\n\r\n{}",
    "identity": HEAD + b"Content-Encoding: identity\r\n" + SIZED + BODY,
}
"""Answers that are odd, and whole."""


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("way", EVERY_WAY)
def test_an_odd_answer_that_is_whole_is_read(way: str, name: str) -> None:
    exchange = ask_by(way, CALL, Answer(raw=WHOLE[name]))
    assert (exchange.status, exchange.body, kind(exchange)) == (200, BODY.decode(), None)
    json.dumps(list(exchange.headers)).encode()


BROKEN = {
    "lengths that differ": HEAD + b"Content-Length: 5\r\n" + SIZED + BODY,
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\n" + BODY,
    "a name with a blank": HEAD + b"Bad Header: 1\r\n" + SIZED + BODY,
    "a header without a colon": HEAD + b"NoColon\r\n" + SIZED + BODY,
    "a NUL in a header": HEAD + b"Server: a\x00b\r\n" + SIZED + BODY,
    "a status of two digits": b"HTTP/1.1 20 Odd\r\n" + SIZED + BODY,
    "HTTP/2 as text": b"HTTP/2 200 OK\r\n" + SIZED + BODY,
    "a chunk of no size": HEAD + CHUNKED + chunks(BODY[:9]) + b"zz\r\n",
    "a chunk that is longer": HEAD + CHUNKED + b"5\r\n" + BODY[:5] + b"XX5\r\n",
}
"""Answers that are no HTTP."""


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("way", EVERY_WAY)
def test_an_answer_that_is_no_http_says_so(way: str, name: str) -> None:
    exchange = ask_by(way, CALL, Answer(raw=BROKEN[name]))
    error = exchange.transport_error
    assert error is not None
    assert (error.kind, error.retryable) == ("bad_response", False)
    assert error.message.startswith("what came back is not HTTP")
    assert "the port of the server" in error.hint
    assert "\n" not in error.message


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\xff\xfb\x01",
        b"* OK IMAP4 ready\r\n",
    ],
    ids=["json", "TLS", "HTTP/2", "SSH", "telnet", "IMAP"],
)
def test_another_protocol_is_told(raw: bytes) -> None:
    exchange = ask(CALL, Answer(raw=raw))
    assert (kind(exchange), exchange.status, exchange.text) == ("bad_response", None, "")


def test_an_answer_that_changes_the_protocol_ends_there() -> None:
    raw = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nno HTTP from here on"
    exchange = ask(CALL, Answer(raw=raw), timeout=5)
    assert (exchange.status, exchange.body, kind(exchange)) == (101, "", None)


def test_what_came_before_broken_framing_is_kept() -> None:
    broken = b"HTTP/1.1 200 OK\r\n" + CHUNKED

    def exchange_of(*pieces: bytes) -> Exchange:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
            writer.close()
            served.set()

        async def main() -> Exchange:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with server, Server(f"http://127.0.0.1:{port}/v1") as asked:
                exchange = await asked.chat(STREAM)
                await served.wait()
                return exchange

        served = asyncio.Event()
        return asyncio.run(main())

    for pieces in (
        (broken, chunks(HELLO.encode()) + b"zz\r\n"),
        (broken, chunks(HELLO.encode()), b"zz\r\n"),
    ):
        exchange = exchange_of(*pieces)
        assert exchange.text == HELLO
        assert kind(exchange) == "bad_response"  # and at once: aiohttp alone would wait for more


def test_a_transfer_that_is_compressed_is_told() -> None:
    packed = gzip.compress(BODY, mtime=0)
    raw = HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks(packed) + b"0\r\n\r\n"
    exchange = ask(CALL, Answer(raw=raw))
    assert exchange.body.encode("utf-8", "surrogateescape") == packed


# cut at every byte

EVENTS = [
    f'data: {{"id":"c","choices":[{{"index":0,"delta":{{"content":"wörd {n}"}}}}]}}\n\n'.encode()
    for n in range(7)
]
CUT = {
    "sized": (HEAD + SIZED, [BODY], BODY),
    "chunked": (
        HEAD + CHUNKED,
        [BODY[:50], BODY[50:]],
        chunks(BODY[:50], BODY[50:]) + b"0\r\n\r\n",
    ),
    "stream": (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + CHUNKED,
        EVENTS,
        chunks(*EVENTS) + b"0\r\n\r\n",
    ),
}


def come(parts: list[bytes], left: int, sized: bool) -> bytes:
    """How much of the body has come when this much of what follows the head has."""
    if sized:
        return parts[0][: max(0, left)]
    out = b""
    for part in parts:
        left -= len(b"%x\r\n" % len(part))
        out += part[: max(0, left)]
        left -= len(part) + 2
    return out


async def cut_at(server: ChatServer, offset: int, stream: bool) -> Exchange:
    return await server.chat(Call(messages=MESSAGES, fields={"model": str(offset)}, stream=stream))


@pytest.mark.slow
@pytest.mark.parametrize("form", CUT)
@pytest.mark.parametrize("way", ["Server", "AsyncOpenAI", "AsyncOpenAI by aiohttp"])
def test_an_answer_cut_at_any_byte_keeps_all_before_it(way: str, form: str) -> None:
    head, parts, rest = CUT[form]
    raw = head + rest
    step = 1 if way == "Server" else 7
    offsets = range(0, len(raw), step)

    def cut(asked: Asked) -> Answer:
        return Answer(raw=raw[: int(asked.json["model"])])

    async def main() -> list[Exchange]:
        makers: dict[str, Any] = {
            "Server": lambda: Server(http.url, connections=16),
            "AsyncOpenAI": lambda: openai.AsyncOpenAI(base_url=http.url, api_key=KEY),
            "AsyncOpenAI by aiohttp": lambda: openai.AsyncOpenAI(
                base_url=http.url, api_key=KEY, http_client=openai.DefaultAioHttpClient()
            ),
        }
        given = makers[way]()
        server, places = as_server(given), asyncio.Semaphore(16)

        async def one(offset: int) -> Exchange:
            async with places:
                return await cut_at(server, offset, form == "stream")

        try:
            return await asyncio.gather(*map(one, offsets))
        finally:
            await (given.aclose() if isinstance(given, Server) else given.close())

    with HttpServer(cut) as http:
        exchanges = asyncio.run(main())
    for offset, exchange in zip(offsets, exchanges, strict=True):
        body = come(parts, offset - len(head), form == "sized")
        assert exchange.text.encode("utf-8", "surrogateescape") == body, offset
        assert kind(exchange) == "connection_reset", offset
        assert exchange.status == (200 if offset >= len(head) else None), offset
