"""What is accepted as a server, and the error for anything else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call, ChatServer
from agentkit.servers.server import Server
from agentkit.types.wire import Exchange
from tests.servers.http_stub import HttpServer, sse
from tests.servers.server_stub import STREAM


def test_what_is_a_server_stays_itself() -> None:
    server = Server("http://localhost/v1", profile="mistral")
    assert as_server(server) is server
    assert repr(server) == "<Server http://localhost/v1 profile='mistral'>"
    adapted = as_server(SimpleNamespace(chat_completion=print))
    assert as_server(adapted) is adapted
    made = as_server("http://localhost:9/v1/")
    assert isinstance(made, Server)
    assert made.url == "http://localhost:9/v1"


def test_an_object_with_a_chat_of_its_own_is_a_server() -> None:
    class Own:
        profile: str | None = None

        async def chat(self, call: Call, emit: Any = None) -> Exchange:
            return Exchange(body="{}")

    own: ChatServer = Own()
    assert as_server(own) is own


@pytest.mark.parametrize(
    "obj", [None, 3, object(), SimpleNamespace, {"url": "http://localhost"}, ["http://localhost"]]
)
def test_what_is_no_server_is_told_with_the_mend(obj: Any) -> None:
    with pytest.raises(UsageError, match="no server") as caught:
        as_server(obj)
    assert "chat_completion" in caught.value.hint
    assert " at 0x" not in str(caught.value)


def test_a_fixed_clock_is_used_throughout() -> None:
    ticks = iter(range(100, 200))
    with HttpServer(sse({"a": 1}, "[DONE]")) as http:
        exchange = asyncio.run(as_server(http.url, clock=lambda: float(next(ticks))).chat(STREAM))
    assert exchange.started == 100.0
    assert [c.at for c in exchange.chunks] == [1.0, 2.0]
    assert exchange.elapsed == 3.0
