"""Streams of Responses and Messages, cut at any byte: what came is kept and read, and nothing else
is.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import Any

import openai
import pytest

from agentkit.read.response import read_response
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call
from agentkit.servers.server import Server
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange
from tests.servers.dialect_stub import ARGUMENTS, STREAMS, TEXT, THOUGHT
from tests.servers.http_stub import Answer, Asked, HttpServer
from tests.servers.server_stub import KEY, MESSAGES, kind
from tests.servers.test_odd_servers import CHUNKED, chunks, come

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + CHUNKED


def client(name: str, url: str) -> Any:
    if name == "Server":
        return Server(url, connections=16)
    if name == "AsyncOpenAI":
        return openai.AsyncOpenAI(base_url=url, api_key=KEY)
    package: Any = importlib.import_module("anthropic")
    return package.AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key=KEY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "dialect"),
    [
        ("Server", "responses"),
        ("Server", "messages"),
        ("AsyncOpenAI", "responses"),
        ("AsyncOpenAI", "messages"),
        ("AsyncAnthropic", "messages"),
    ],
)
def test_a_stream_cut_at_any_byte_keeps_all_before_it(way: str, dialect: Dialect) -> None:
    parts = [piece.encode() for piece in STREAMS[dialect]]
    raw = HEAD + chunks(*parts) + b"0\r\n\r\n"
    offsets = range(0, len(raw), 1 if way == "Server" else 17)

    def cut(asked: Asked) -> Answer:
        return Answer(raw=raw[: int(asked.json["model"])])

    async def main() -> list[Exchange]:
        given = client(way, http.url)
        server, places = as_server(given), asyncio.Semaphore(16)

        async def one(offset: int) -> Exchange:
            fields = {"model": str(offset)}
            call = Call(messages=MESSAGES, fields=fields, dialect=dialect, stream=True)
            async with places:
                return await server.chat(call)

        try:
            return await asyncio.gather(*map(one, offsets))
        finally:
            await (given.aclose() if isinstance(given, Server) else given.close())

    with HttpServer(cut) as http:
        exchanges = asyncio.run(main())
    end = sum(map(len, parts)) - 1  # the blank line behind the last event is no part of it
    for offset, exchange in zip(offsets, exchanges, strict=True):
        body = come(parts, offset - len(HEAD), False)
        assert exchange.text.encode("utf-8", "surrogateescape") == body, offset
        assert kind(exchange) == (None if len(body) >= end else "connection_reset"), offset
        assert exchange.status == (200 if offset >= len(HEAD) else None), offset
        holds_what_came(exchange, whole=len(body) >= end)


def holds_what_came(exchange: Exchange, *, whole: bool) -> None:
    """Check that a reading holds a part of the answer, and nothing else."""
    response = read_response(exchange)
    assert TEXT.startswith(response.content or "")
    assert THOUGHT.startswith(response.reasoning or "")
    assert len(response.tool_calls) <= 1
    for call in response.tool_calls:
        assert ARGUMENTS.startswith(call.raw_arguments.rstrip()), call
        assert not call.valid or call.arguments == json.loads(ARGUMENTS)
    if whole:
        assert (response.content, response.reasoning) == (TEXT, THOUGHT)
        assert [call.valid for call in response.tool_calls] == [True]
