"""What the tests of servers share: a call, a stream call, and one exchange of it with a scripted
server.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import openai

from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call
from agentkit.servers.server import Server
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


def _of_openai(make: Callable[..., Any], **more: Callable[[], Any]) -> Callable[..., Exchange]:
    """A way that hands in an openai client, made anew, which is closed behind it."""

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


WAYS: dict[str, Callable[..., Exchange]] = {
    "Server": _own,
    "OpenAI": _of_openai(openai.OpenAI),
    "AsyncOpenAI": _of_openai(openai.AsyncOpenAI),
    "AsyncOpenAI by aiohttp": _of_openai(
        openai.AsyncOpenAI, http_client=openai.DefaultAioHttpClient
    ),
}
"""How a request gets to a server: each must record the same of an answer."""


def ask_by(
    way: str,
    call: Call,
    *answers: Answer | Callable[[Asked], Answer],
    emit: Any = None,
    **options: Any,
) -> Exchange:
    """The exchange of one call, sent in one of the `WAYS`, with a server that answers so."""
    with HttpServer(*answers) as http:
        return WAYS[way](http.url, call, emit, **options)


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
