"""What the tests of servers share: a call, a stream call, and one exchange of it with a scripted
server.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openai

from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call
from agentkit.servers.server import Server
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange
from tests.servers.http_stub import Answer, Asked, HttpServer

KEY = "sk-proj-0123/4567+89ab=="
MESSAGES = [{"role": "user", "content": "2+2 in Zürich?"}]
CALL = Call(messages=MESSAGES, fields={"model": "m", "temperature": 1.0})
STREAM = Call(messages=MESSAGES, fields={"model": "m"}, stream=True)
HELLO = 'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'


def ask(
    call: Call, *answers: Answer | Callable[[Asked], Answer], emit: Any = None, **options: Any
) -> Exchange:
    """The exchange of one call with a server that answers so."""
    with HttpServer(*answers) as http:
        return asyncio.run(Server(http.url, **options).chat(call, emit))


Way = Callable[..., Exchange]


def _of_client(make: Callable[..., Any], **more: Callable[[], Any]) -> Way:
    """A way that hands in a client of a package, made anew, which is closed behind it."""

    def through(url: str, call: Call, emit: Any, **options: Any) -> Exchange:
        async def main() -> Exchange:
            client = make(
                base_url=url,
                api_key=options.pop("key", KEY),
                **{name: made() for name, made in more.items()},
                **options,
            )
            try:
                return await as_server(client).chat(call, emit)
            finally:
                if (closed := client.close()) is not None:
                    await closed

        return asyncio.run(main())

    return through


def _own(url: str, call: Call, emit: Any, **options: Any) -> Exchange:
    return asyncio.run(Server(url, **options).chat(call, emit))


def _of_anthropic(name: str) -> Way:
    def make(base_url: str, **options: Any) -> Any:
        package: Any = importlib.import_module("anthropic")
        return getattr(package, name)(base_url=base_url.removesuffix("/v1"), **options)

    return in_dialect(_of_client(make), "messages")


def in_dialect(way: Way, dialect: Dialect) -> Way:
    """The same way, with the call in a dialect."""

    def through(url: str, call: Call, emit: Any, **options: Any) -> Exchange:
        return way(url, replace(call, dialect=dialect), emit, **options)

    return through


WAYS: dict[str, Way] = {
    "Server": _own,
    "OpenAI": _of_client(openai.OpenAI),
    "AsyncOpenAI": _of_client(openai.AsyncOpenAI),
    "AsyncOpenAI by aiohttp": _of_client(
        openai.AsyncOpenAI, http_client=openai.DefaultAioHttpClient
    ),
}
"""How a request gets to a server: each must record the same of an answer."""

EVERY_WAY: dict[str, Way] = {
    **WAYS,
    "Server in responses": in_dialect(_own, "responses"),
    "Server in messages": in_dialect(_own, "messages"),
    "AsyncOpenAI in responses": in_dialect(WAYS["AsyncOpenAI"], "responses"),
    "Anthropic": _of_anthropic("Anthropic"),
    "AsyncAnthropic": _of_anthropic("AsyncAnthropic"),
}
"""The same in each dialect."""


def reads_itself(way: str) -> bool:
    """Whether our own HTTP is used, and no package's."""
    return way.startswith("Server")


def waits_for_a_head(way: str) -> bool:
    """Whether h11 reads the answer, which waits for a blank line in what is no HTTP."""
    return not reads_itself(way) and "aiohttp" not in way


def ask_by(
    way: str,
    call: Call,
    *answers: Answer | Callable[[Asked], Answer],
    emit: Any = None,
    **options: Any,
) -> Exchange:
    """The exchange of one call, sent in one of the ways, with a server that answers so."""
    with HttpServer(*answers) as http:
        return EVERY_WAY[way](http.url, call, emit, **options)


def kind(exchange: Exchange) -> str | None:
    """What went wrong, where no complete answer came."""
    return exchange.transport_error.kind if exchange.transport_error else None


def everything(exchange: Exchange) -> str:
    """All that the record holds, as text."""
    return repr(
        (
            exchange.body,
            exchange.url,
            exchange.headers,
            exchange.transport_error,
            [c.text for c in exchange.chunks],
        )
    )


def echo(asked: Asked) -> Answer:
    """A refusal that repeats the request's headers in its body and in a header."""
    details = {"message": "bad key", "headers": asked.headers}
    return Answer(
        {"error": details}, status=401, headers={"X-RateLimit-For": asked.headers["authorization"]}
    )


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
